// In place of the card's other sources where the library is built without CUDA.
#include "tensor/device.h"

const fr::DeviceInterface* fr::cuda_device() { return nullptr; }
std::string fr::cuda_status() { return "built without CUDA"; }
