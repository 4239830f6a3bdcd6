#include "fr/loss/pair_op.h"

namespace fr {

void check_pairs(const char* op, const Var& s, const Tensor& labels) {
  FR_CHECK(s && s.shape().size() == 2 && s.dim(0) == s.dim(1), op,
           ": expected one number per pair (N,N), got ", s ? to_string(s.shape()) : "nothing");
  FR_CHECK(s.dtype() == DType::float32 || s.dtype() == DType::float64, op,
           ": expected float32 or float64, got ", to_string(s.dtype()));
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{s.dim(0)}, op,
           ": expected labels int64 (", s.dim(0), "), got ", to_string(labels.shape()));
  FR_CHECK(labels.device() == s.device(), op, ": the pairs are on ", to_string(s.device()),
           ", the labels on ", to_string(labels.device()));
}

Var loss_with_derivatives(const char* op, Tensor loss, std::vector<Var> inputs,
                          std::vector<Tensor> derivatives) {
  return record(op, std::move(loss), std::move(inputs), [kept = std::move(derivatives)](Node& self) {
    for (size_t i = 0; i < kept.size(); ++i) {
      const Tensor dx = grad_of(self, i);
      // As if the loss were a product of the derivative, repeating dloss, and x.
      const BroadcastShape s{{1, 1, 1, kept[i].size()}, {0, 0, 0, 1}, {0, 0, 0, 0}};
      with_kernels(self.grad, [&](const auto& k) {
        if (dx)
          k.binary_backward(dx.data(), nullptr, kept[i].data(), kept[i].data(), self.grad.data(), Binary::mul,
                            s);
      });
    }
  });
}

}  // namespace fr
