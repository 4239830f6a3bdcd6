// Central differences: dL/dx_i = (L(x + h e_i) - L(x - h e_i)) / 2h + O(h^2).
#include "autograd/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>

namespace fr {

namespace {

using Function = std::function<Var(const std::vector<Var>&)>;

Tensor random_like(const Tensor& x, uint64_t seed, uint32_t stream) {
  Random random({seed, Purpose::test, 0, stream});
  Tensor y(x.shape(), DType::float64);
  double* p = y.data();
  for (int64_t i = 0; i < y.size(); ++i) p[i] = random.uniform(-1, 1);
  return y;
}

std::vector<Var> leaves(const std::vector<Tensor>& inputs) {
  std::vector<Var> x;
  for (const Tensor& t : inputs) x.emplace_back(t, true);
  return x;
}

class Checker {
 public:
  Checker(const Function& f, const std::vector<Tensor>& inputs, const GradientCheck& options)
      : f_(f), options_(options) {
    for (const Tensor& t : inputs) {
      FR_CHECK(t.dtype() == DType::float64, "gradient_check: expected float64 inputs");
      inputs_.push_back(t.clone());
    }
  }

  GradientErrors run() {
    {
      NoGrad off;
      dy_ = random_like(f_(leaves(inputs_)).value(), options_.seed, 0);
    }
    const std::vector<Tensor> first = gradients(inputs_.size());
    GradientErrors errors;
    for (size_t i = 0; i < inputs_.size(); ++i)
      errors.input.push_back(differs_from_differences(i, first[i], errors.complaint));
    if (errors.complaint.empty()) errors.complaint = differs_from_itself(first);
    return errors;
  }

 private:
  std::string differs_from_itself(const std::vector<Tensor>& first) {
    if (std::string e = same(first, gradients(inputs_.size()), inputs_.size()); !e.empty())
      return "a second graph: " + e;
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (std::string e = same(first, gradients(i), i); !e.empty()) return cat("without input ", i, ": ", e);
    return {};
  }

  Tensor start(size_t i) const { return random_like(inputs_[i], options_.seed, uint32_t(i) + 1); }

  // The gradients of one graph, added to the starting ones; input `frozen` needs none.
  std::vector<Tensor> gradients(size_t frozen) const {
    std::vector<Var> x;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      x.emplace_back(inputs_[i], i != frozen);
      if (i != frozen) x.back().node()->grad = start(i);
    }
    const Var y = f_(x);
    if (y.requires_grad()) backward(y, dy_);
    std::vector<Tensor> result;
    for (const Var& leaf : x) result.push_back(leaf.grad());
    return result;
  }

  // (L(x + h e_i) - L(x - h e_i)) / 2h, differences first: that loses fewest digits.
  double difference(size_t input, int64_t index) {
    NoGrad off;
    double* value = inputs_[input].as<double>() + index;
    const double x = *value;
    *value = x + options_.h;
    const std::vector<double> above = f_(leaves(inputs_)).value().host<double>();
    const double high = *value;
    *value = x - options_.h;
    const std::vector<double> below = f_(leaves(inputs_)).value().host<double>();
    const double low = *value;
    *value = x;
    double sum = 0;
    for (size_t i = 0; i < above.size(); ++i) sum += dy_.as<double>()[i] * (above[i] - below[i]);
    return sum / (high - low);
  }

  // The largest error, and the first that is too large as a complaint.
  double differs_from_differences(size_t input, const Tensor& gradient, std::string& complaint) {
    const std::vector<double> begin = start(input).host<double>(), end = gradient.host<double>();
    std::vector<double> expected(end.size());
    double largest = 1;
    for (size_t i = 0; i < end.size(); ++i) {
      expected[i] = difference(input, int64_t(i));
      largest = std::max(largest, std::abs(expected[i]));
    }
    double worst = 0;
    for (size_t i = 0; i < end.size(); ++i) {
      const double got = end[i] - begin[i], error = std::abs(expected[i] - got) / largest;
      worst = std::max(worst, std::isnan(error) ? std::numeric_limits<double>::infinity() : error);
      if (complaint.empty() && !(error <= options_.tolerance))
        complaint = cat("input ", input, ", index ", i, ": expected ", std::setprecision(12), expected[i],
                        ", got ", got, " (relative error ", error, ", starting gradient ", begin[i], ")");
    }
    return worst;
  }

  static std::string same(const std::vector<Tensor>& a, const std::vector<Tensor>& b, size_t frozen) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (i == frozen) {
        if (b[i]) return cat("input ", i, " needs no gradient but got one");
        continue;
      }
      const std::vector<double> x = a[i].host<double>(), y = b[i].host<double>();
      for (size_t j = 0; j < x.size(); ++j)
        if (!(x[j] == y[j]))
          return cat("input ", i, ", index ", j, ": expected ", std::setprecision(17), x[j], ", got ", y[j]);
    }
    return {};
  }

  Function f_;
  GradientCheck options_;
  std::vector<Tensor> inputs_;
  Tensor dy_;
};

}  // namespace

GradientErrors gradient_errors(const Function& f, const std::vector<Tensor>& inputs,
                               const GradientCheck& options) {
  return Checker(f, inputs, options).run();
}

std::string gradient_error(const Function& f, const std::vector<Tensor>& inputs,
                           const GradientCheck& options) {
  return gradient_errors(f, inputs, options).complaint;
}

}  // namespace fr
