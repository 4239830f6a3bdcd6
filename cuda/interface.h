// What cuda/interface.cpp needs to know of the card to offer it as tensor/device.h says.
#pragma once
#include <string>

#include "tensor/kernels.h"

namespace fr::cuda {

template <class T>
const Kernels<T>& table();  // table.cu

bool usable();        // looks for the card at the first call
std::string found();  // what it is, or why it cannot be used
bool has_bfloat16();

}  // namespace fr::cuda
