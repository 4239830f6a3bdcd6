#include "nn/gradient_blocks.h"

namespace fr {

Tensor gradient_block_norms(const Var& p) {
  const int64_t count = gradient_blocks(p).count;
  const Tensor squares = like(p.value(), {count}), norms = like(squares, {count});
  int64_t block = 0;
  for_gradient_blocks(p, [&](const Tensor& g, int64_t, int64_t n) {
    with_kernels(g, [&]<class T>(const Kernels<T>& k) {
      k.dot(squares.as<Wide<T>>() + block++, g.as<T>(), g.as<T>(), n);
    });
  });
  with_kernels(norms,
               [&](const auto& k) { k.unary_forward(norms.data(), squares.data(), Unary::sqrt, count); });
  return norms;
}

}  // namespace fr
