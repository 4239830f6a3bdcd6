#include "nn/lsuv.h"

#include <cmath>
#include <vector>

namespace fr {

namespace {

thread_local LsuvPass* the_pass = nullptr;

// sum_i (y_i - mean)^2 / n
template <class T>
double variance(const std::vector<T>& y) {
  const double n = double(y.size());
  double sum = 0, squares = 0;
  for (const T v : y) sum += double(v);
  const double mean = sum / n;
  for (const T v : y) squares += (double(v) - mean) * (double(v) - mean);
  return squares / n;
}

}  // namespace

LsuvPass::LsuvPass() : before_(the_pass) { the_pass = this; }
LsuvPass::~LsuvPass() { the_pass = before_; }
LsuvPass* LsuvPass::current() { return the_pass; }

void LsuvPass::set(const Tensor& k, const Tensor& y) {
  const double var = y.dtype() == DType::float64 ? variance(y.host<double>()) : variance(y.host<float>());
  FR_CHECK(var > 0 && std::isfinite(var), "lsuv: expected an output with a variance, got ", var, " at layer ",
           layers_ + 1, " of the pass, output ", to_string(y.shape()));
  k.fill(1 / std::sqrt(var));
  ++layers_;
}

int64_t initialise_from_data(Module& module, const Var& batch) {
  const NoGrad no_grad;
  const LsuvPass pass;
  module.forward(batch);
  return pass.layers();
}

}  // namespace fr
