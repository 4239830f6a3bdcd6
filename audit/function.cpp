#include "audit/function.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "audit/harness.h"
#include "autograd/gradient_check.h"

namespace fr::audit {
namespace {

constexpr double kGradientTolerance = 1e-7;
constexpr double kLeast = 1e-3;  // float errors are relative to the largest number, if it is larger than this

// Value and gradients by name, in the function's order.
using Results = std::vector<std::pair<std::string, Numbers>>;

class SelectedBackend {
 public:
  explicit SelectedBackend(const Place& place) {
    if (place.device == Device::cpu) select_backend(place.column);
  }
  ~SelectedBackend() { select_backend(before_); }
  SelectedBackend(const SelectedBackend&) = delete;
  SelectedBackend& operator=(const SelectedBackend&) = delete;

 private:
  std::string before_ = kernels<float>().name;
};

double error_of(double got, double want, double largest) {
  const double error = got == want ? 0 : std::abs(got - want) / largest;
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// Relative to the largest number of each that is wanted, but at least to `least`.
std::map<std::string, double> compare(const std::string& who, const Results& got, const Results& want,
                                      double least, double allowed, Failures& failures) {
  std::map<std::string, double> errors;
  for (size_t r = 0; r < want.size(); ++r) {
    const auto& [name, expected] = want[r];
    double largest = least, &worst = errors[name];
    if (got[r].second.size() != expected.size()) {
      failures.push_back(
          cat(who, ": ", name, " has ", got[r].second.size(), " numbers, expected ", expected.size()));
      worst = std::numeric_limits<double>::infinity();
      continue;
    }
    for (const double v : expected) largest = std::max(largest, std::abs(v));
    for (size_t i = 0; i < expected.size(); ++i) {
      const double error = error_of(got[r].second[i], expected[i], largest);
      if (!(error <= allowed) && worst <= allowed)
        failures.push_back(cat(who, ": ", name, "[", i, "] = ", got[r].second[i], ", expected ", expected[i],
                               " (relative error ", error, ", tolerance ", allowed, ")"));
      worst = std::max(worst, error);
    }
  }
  return errors;
}

// With a fixed dy, or 1 for a loss.
Results results(const Function& function, DType type, Device device) {
  Vars x;
  for (const Tensor& t : function.values) x.emplace_back(t.to(DType::float32).to(type).to(device), true);
  const Var y = function.f(x);
  Results all{{"value", y.value().host<double>()}};
  const int64_t n = y.value().size();
  if (y.requires_grad())
    backward(y, Tensor::from(n == 1 ? Numbers{1} : numbers(n, 99), y.shape(), type, device));
  for (size_t i = 0; i < x.size(); ++i)
    all.emplace_back("d" + function.inputs[i], x[i].grad() ? x[i].grad().host<double>() : Numbers());
  return all;
}

}  // namespace

Tensor drawn(const Shape& shape, double low, double high, uint32_t seed) {
  return Tensor::from(numbers(elements(shape), seed, low, high), shape);
}

Check measure_differences(const Function& function, Failures& failures) {
  const GradientErrors found = gradient_errors(function.f, function.values);
  Check check{"differences", {}, kGradientTolerance};
  for (size_t i = 0; i < found.input.size(); ++i) check.errors["d" + function.inputs[i]] = found.input[i];
  if (!found.complaint.empty())
    failures.push_back(function.name + " against finite differences: " + found.complaint);
  return check;
}

Check measure_formula(const Function& function, const Formula& formula, Failures& failures) {
  const std::vector<Numbers> wanted = formula(function.values);
  Results got = results(function, DType::float64, Device::cpu), want;
  got.erase(got.begin());  // the value
  for (size_t i = 0; i < wanted.size(); ++i) want.emplace_back("d" + function.inputs[i], wanted[i]);
  return {
      "differences",
      compare(function.name + " against its formula", got, want, 1, kGradientTolerance, failures),
      kGradientTolerance,
  };
}

Check measure_stated(const Function& function, double stated, double allowed, Failures& failures) {
  Vars x;
  for (const Tensor& t : function.values) x.emplace_back(t);
  const double value = function.f(x).value().item(), error = error_of(value, stated, 1);
  if (!(error <= allowed))
    failures.push_back(
        cat(function.name, ": the value is ", value, ", stated is ", stated, " (tolerance ", allowed, ")"));
  return {"stated", {{"value", error}}, allowed};
}

std::vector<Check> measure_float(const Function& function, std::span<const Place> places, double allowed,
                                 Failures& failures) {
  const Results want = results(function, DType::float64, Device::cpu);
  std::vector<Check> checks;
  for (const Place& place : places) {
    const SelectedBackend selected(place);
    const Results got = results(function, DType::float32, place.device);
    const std::string who = function.name + " on " + place.column;
    checks.push_back({place.column, compare(who, got, want, kLeast, allowed, failures), allowed});
  }
  return checks;
}

}  // namespace fr::audit
