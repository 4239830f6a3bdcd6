// The reference table, one family after the other. The test suite fails if an entry is left null.
#include "tensor/cpu/ref.h"

namespace fr {
namespace {

template <class T>
Kernels<T> reference() {
  Kernels<T> k{};
  k.name = "ref";
  ref::install_memory(k);
  ref::install_elementwise(k);
  ref::install_reduce(k);
  ref::install_gemm(k);
  ref::install_conv2d(k);
  ref::install_channel(k);
  ref::install_pool2d(k);
  ref::install_rows(k);
  ref::install_distances(k);
  ref::install_pair_loss(k);
  ref::install_mined(k);
  ref::install_datasets(k);
  ref::install_likelihood(k);
  ref::install_search(k);
  ref::install_domain(k);
  ref::install_sgd(k);
  ref::install_adam(k);
  return k;
}

}  // namespace

template <class T>
const Kernels<T>& ref_kernels() {
  static const Kernels<T> table = reference<T>();
  return table;
}

template const Kernels<float>& ref_kernels<float>();
template const Kernels<double>& ref_kernels<double>();

}  // namespace fr
