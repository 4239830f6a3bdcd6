// Where a model computes, and with which maps: the choice of a configuration or a command line, and what comes of it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace fr {

enum class DeviceChoice { automatic, cpu, cuda };  // automatic: the card if there is one

inline const std::vector<std::pair<std::string, DeviceChoice>> kDeviceWords = {
    {"auto", DeviceChoice::automatic}, {"cpu", DeviceChoice::cpu}, {"cuda", DeviceChoice::cuda}};
inline const std::vector<std::pair<std::string, DType>> kPrecisionWords = {{"float", DType::float32},
                                                                           {"bf16", DType::bfloat16}};

struct Placement {
  Device device = Device::cpu;
  DType maps = DType::float32;
};

// Throws Error{memory} when a card is asked for and there is none that can be used, Error{usage} for bfloat16 maps where
// there is no arithmetic for them.
Placement placement_of(DeviceChoice choice, DType maps);

std::string to_string(const Placement& placement);  // "cpu, float", "NVIDIA H200, ..., bf16"
const char* precision_word(DType maps);

}  // namespace fr
