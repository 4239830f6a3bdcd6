// The tables of the card, one family after the other.
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

template <class T>
Kernels<T> build(const char* name) {
  Kernels<T> k{};
  k.name = name;
  install_memory(k);
  install_elementwise(k);
  install_reduce(k);
  install_channel(k);
  install_pool2d(k);
  install_rows(k);
  install_distances(k);
  install_pair_loss(k);
  install_mined(k);
  install_datasets(k);
  install_likelihood(k);
  install_softmax(k);
  install_search(k);
  install_domain(k);
  install_sgd(k);
  install_adam(k);
  install_gemm(k);
  install_conv2d(k);
  return k;
}

}  // namespace

template <class T>
const Kernels<T>& table();
template <>
const Kernels<float>& table() {
  static const Kernels<float> k = build<float>("cuda");
  return k;
}
template <>
const Kernels<bfloat16>& table() {
  static const Kernels<bfloat16> k = build<bfloat16>("cuda, bfloat16");
  return k;
}

}  // namespace fr::FR_GPU
