// A handful of passes over N numbers; nothing is read by the host.
#include "fr/loss/caffe_factors.h"

#include "fr/loss/margin_loss.h"

namespace fr {
namespace {

// f(a, b), one of which may be a single number.
Tensor combine(Binary f, const Tensor& a, const Tensor& b) {
  const Tensor& longer = a.size() < b.size() ? b : a;
  const Tensor y = like(longer, longer.shape());
  const BroadcastShape s{
      {1, 1, 1, y.size()}, {0, 0, 0, a.size() == 1 ? 0 : 1}, {0, 0, 0, b.size() == 1 ? 0 : 1}};
  with_kernels(y, [&](const auto& k) { k.binary_forward(y.data(), a.data(), b.data(), f, s); });
  return y;
}
Tensor product(const Tensor& a, const Tensor& b) { return combine(Binary::mul, a, b); }
Tensor quotient(const Tensor& a, const Tensor& b) { return combine(Binary::div, a, b); }

Tensor line(const Tensor& x, double a, double b) {  // a x + b
  const Tensor y = like(x, x.shape());
  with_kernels(y, [&](const auto& k) { k.affine_forward(y.data(), x.data(), a, b, y.size()); });
  return y;
}
Tensor apply(Unary f, const Tensor& x) {
  const Tensor y = like(x, x.shape());
  with_kernels(y, [&](const auto& k) { k.unary_forward(y.data(), x.data(), f, y.size()); });
  return y;
}
Tensor at_least(const Tensor& x, double least) {
  return combine(Binary::max, x, Tensor::full({1}, least, x.dtype(), x.device()));
}

// h and h' at cosines (N): those of N rows with one class each.
struct Target {
  Tensor h, dh;
};
Target target_at(const Tensor& cosine, const Margin& margin) {
  const int64_t N = cosine.size();
  const auto buffer = [&] { return like(cosine, {N}); };
  const Target t{buffer(), buffer()};
  const Tensor c = cosine.clone(), loss = buffer(), lse = buffer(), label({N}, DType::int64, cosine.device()),
               ones = Tensor::full({N}, 1, cosine.dtype(), cosine.device());
  with_kernels(c, [&](const auto& k) {
    k.argmax_rows(label.data(), c.data(), N, 1);  // 0
    k.margin_softmax_forward(loss.data(), lse.data(), t.h.data(), t.dh.data(), c.data(), ones.data(), nullptr,
                             label.data(), margin, nullptr, N, 1);
  });
  return t;
}

// 1 / (1 + lambda) as a tensor (1), wherever lambda lies: at c = 1 the target has the slope
// h' = (lambda + m^2) / (1 + lambda) = 1 + (m^2 - 1) / (1 + lambda). For m = 1 any number does.
Tensor share_of_psi(const Margin& margin, const Tensor& of) {
  const Tensor one = Tensor::full({1}, 1, of.dtype(), of.device());
  if (margin.kind != Margin::Kind::a_softmax || margin.m == 1) return one;
  const double per_share = margin.m * margin.m - 1;
  return line(target_at(one, margin).dh, 1 / per_share, -1 / per_share);
}

}  // namespace

CaffeFactors caffe_factors(const Margin& margin, const Tensor& cosine, const Tensor& r) {
  const Tensor share = share_of_psi(margin, r);
  const auto [psi, slope] = target_at(cosine, {margin.kind, margin.m});  // lambda = 0
  const Tensor e = quotient(combine(Binary::sub, psi, product(cosine, slope)), at_least(r, kShortRow));
  const Tensor squares = combine(Binary::add, product(slope, slope), product(e, e));
  const Tensor q = at_least(apply(Unary::sqrt, squares), kShortRow);
  const Tensor t = apply(Unary::relu, line(r, 1, -kShortRow));
  return {line(product(line(quotient(slope, q), 1, -1), share), 1, 1),
          product(product(quotient(e, q), share), r), quotient(t, at_least(product(t, r), 1e-30))};
}

}  // namespace fr
