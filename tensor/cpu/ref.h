// The reference kernels, by family: every entry of the contract as the loops of its equation, for float and
// double. Sums are accumulated in double, in index order; outputs may be computed on several threads, each by
// one thread.
#pragma once
#include <cmath>

#include "base/parallel.h"
#include "tensor/arena.h"
#include "tensor/kernels.h"
#include "tensor/scalar_function.h"

namespace fr::ref {

// Each sets the entries of its family, as the install functions of tensor/cpu/simd/simd.h do.
template <class T>
void install_memory(Kernels<T>& k);
template <class T>
void install_elementwise(Kernels<T>& k);
template <class T>
void install_reduce(Kernels<T>& k);
template <class T>
void install_gemm(Kernels<T>& k);
template <class T>
void install_conv2d(Kernels<T>& k);
template <class T>
void install_channel(Kernels<T>& k);
template <class T>
void install_pool2d(Kernels<T>& k);
template <class T>
void install_rows(Kernels<T>& k);
template <class T>
void install_distances(Kernels<T>& k);
template <class T>
void install_pair_loss(Kernels<T>& k);
template <class T>
void install_mined(Kernels<T>& k);
template <class T>
void install_datasets(Kernels<T>& k);
template <class T>
void install_likelihood(Kernels<T>& k);
template <class T>
void install_search(Kernels<T>& k);
template <class T>
void install_domain(Kernels<T>& k);
template <class T>
void install_sgd(Kernels<T>& k);
template <class T>
void install_adam(Kernels<T>& k);

// target = value or target += value
template <class T>
void give(T& target, T value, Gradient into) {
  target = into == Gradient::add ? target + value : value;
}

}  // namespace fr::ref
