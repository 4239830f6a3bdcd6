// What a safetensors file holds and where, before anything is copied: shared by the files nn/safetensors*.cpp only.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "nn/safetensors.h"

namespace fr::safetensors {

using Bytes = std::span<const uint8_t>;

inline constexpr char kMetadata[] = "__metadata__";
inline constexpr char kCrc[] = "crc32c";
inline constexpr size_t kAlignment = 8;

struct StoredType {
  const char* name;
  size_t size;
  DType becomes;
};
inline constexpr StoredType kTypes[] = {{"F32", 4, DType::float32},
                                        {"F64", 8, DType::float64},
                                        {"I64", 8, DType::int64},
                                        {"F16", 2, DType::float32},
                                        {"BF16", 2, DType::float32}};

struct StoredTensor {
  std::string name, type;
  Shape shape;
  uint64_t begin = 0, end = 0;  // within Layout::data
};

struct Layout {
  Metadata metadata;                  // without the checksums
  std::vector<StoredTensor> tensors;  // in order of their places
  Bytes data;
  std::vector<std::pair<std::string, std::string>> checksums;  // tensor, expected; of none or of all tensors

  Bytes bytes_of(const StoredTensor& t) const { return data.subspan(t.begin, t.end - t.begin); }
};

// Checks everything but the checksums of the tensors. Throws Error{data} naming `file`, the tensor, what was expected and found.
Layout read_layout(Bytes bytes, const std::string& file, const SafetensorsLimits& limits);
// The checksums of the tensors. Throws Error{data} naming the damaged one.
void check_checksums(const Layout& layout, const std::string& file);

std::string quoted(const std::string& text);
std::string hex8(uint32_t value);
bool is_crc_key(const std::string& key);
std::string crc_key(const std::string& tensor);
// The CRC of the header with its own eight digits taken as zeros.
uint32_t header_crc(std::string header);

}  // namespace fr::safetensors
