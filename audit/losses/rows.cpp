#include "audit/losses/rows.h"

#include <cmath>

namespace fr::audit {

std::vector<Input> classes(Size s) { return {{"x", {s.N, s.D}}, {"w", {s.M, s.D}}}; }
std::vector<Input> classes_and_bias(Size s) { return {{"x", {s.N, s.D}}, {"w", {s.M, s.D}}, {"b", {s.M}}}; }

// Row n is of class 2 n mod M.
Tensor labels(const Var& x, const Var& w) {
  std::vector<int64_t> label;
  for (int64_t n = 0; n < x.dim(0); ++n) label.push_back(2 * n % w.dim(0));
  return Tensor::from(label, {x.dim(0)}).to(x.device());
}

// a sin(b + c n): what the stated values were computed on.
Tensor sine(Shape shape, double a, double b, double c) {
  Numbers v(static_cast<size_t>(elements(shape)));
  for (size_t n = 0; n < v.size(); ++n) v[n] = a * std::sin(b + c * double(n));
  return Tensor::from(v, std::move(shape));
}
// Two embeddings of classes 0 and 2, three classes.
std::vector<Stated> at_sines(double value, std::vector<Tensor> others) {
  std::vector<Tensor> inputs{sine({2, 4}, 2, 0.3, 1.7), sine({3, 4}, 1, 1.1, 0.9)};
  inputs.insert(inputs.end(), others.begin(), others.end());
  return {{inputs, value}};
}

}  // namespace fr::audit
