// cuBLAS as a yardstick, where the benchmark was built with it and runs on the card.
#pragma once
#include <functional>

#include "tensor/device.h"

namespace fr::bench::gpu {

// C = op(A) op(B) with float sums (float: TF32 products); empty: there is no cuBLAS here.
template <class T, class To>
std::function<void(To* c, const T* a, const T* b, const GemmShape& s)> cublas_product(
    const DeviceInterface& device);

}  // namespace fr::bench::gpu
