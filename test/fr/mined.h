// Shared by the tests of the losses on mined pairs: fixtures of the oracles, one run of a term, and what every such term has to
// stand: few pairs, any float, float beside double, a device.
#pragma once
#include <algorithm>
#include <limits>
#include <string>

#include "autograd/gradient_check.h"
#include "fr/loss/loss_term.h"
#include "test/devices.h"
#include "test/fr/oracle.h"

namespace fr::test {

constexpr double kPrinted = 1e-9;

// E_n = sin(0.2 + 1.9 n), and two sets of labels.
inline Tensor six_vectors() { return sine({6, 3}, 1, 0.2, 1.9); }
inline Tensor labels_a() { return labels_of({0, 0, 1, 1, 2, 2}); }
inline Tensor labels_b() { return labels_of({0, 1, 0, 1, 2, 2}); }

inline Parameter& only_parameter(LossTerm& term) { return *term.parameters().at(0).second; }

struct TermResult {
  double loss = 0, dscalar = 0;
  std::vector<double> dx;
};

// The term on x, in x's element type and on its device; its scalar is brought to the type.
inline TermResult run_term(LossTerm& term, const Tensor& x, const Tensor& labels) {
  const Var xv(x.clone(), true);
  Parameter* scalar = term.parameters().empty() ? nullptr : &only_parameter(term);
  if (scalar && scalar->var.dtype() != x.dtype()) scalar->var = Var(scalar->var.value().to(x.dtype()), true);
  if (scalar) scalar->var.zero_grad();
  const Var loss = term.loss(xv, labels, 0);
  TermResult r;
  r.loss = loss.value().item();
  backward(loss);
  r.dx = xv.grad().host<double>();
  if (scalar) r.dscalar = scalar->var.grad().item();
  return r;
}

// Finite differences with respect to raw embeddings and the trained scalar.
inline std::string term_gradient_error(LossTerm& term, const Tensor& x, const Tensor& labels, double scalar) {
  const bool trained = !term.parameters().empty();
  std::vector<Tensor> inputs{x};
  if (trained) inputs.push_back(Tensor::full({1}, scalar, DType::float64));
  return gradient_error(
      [&](const std::vector<Var>& v) {
        if (trained) only_parameter(term).var = v[1];
        return term.loss(v[0], labels, 0);
      },
      inputs);
}

inline void expect_nothing(LossTerm& term, const std::vector<int64_t>& labels, const std::string& what) {
  for (const DType type : {DType::float64, DType::float32}) {
    const TermResult r =
        run_term(term, random_tensor({int64_t(labels.size()), 8}, 2, type), labels_of(labels));
    EXPECT_EQ(r.loss, 0) << what;
    EXPECT_EQ(r.dscalar, 0) << what;
    for (const double d : r.dx) EXPECT_EQ(d, 0) << what;
  }
}

inline bool all_finite(const TermResult& r) {
  return std::isfinite(r.loss) && std::isfinite(r.dscalar) &&
         std::all_of(r.dx.begin(), r.dx.end(), [](double d) { return std::isfinite(d); });
}

// 1e5 floats of embeddings in batches of 64: lengths from 1e-6 to 1e6, rows that coincide or are opposite, a row of zeros.
inline void expect_finite(LossTerm& term, const std::string& what) {
  constexpr int64_t N = 64, D = 32;
  Random random({9, Purpose::test});
  for (uint64_t batch = 0; batch < 50; ++batch) {
    std::vector<double> x = random_tensor({N, D}, batch).host<double>();
    for (int64_t n = 0; n < N; ++n) {
      const int64_t from = random.chance(0.2) ? random.below(N) : n;
      const double length = std::pow(10, random.uniform(-6, 6)) * (random.chance(0.5) ? 1 : -1);
      for (int64_t d = 0; d < D; ++d) x[size_t(n * D + d)] = length * x[size_t(from * D + d)];
    }
    std::fill(x.begin() + 3 * D, x.begin() + 4 * D, 0.0);
    const TermResult r = run_term(term, Tensor::from(x, {N, D}, DType::float32), random_labels(N, 16, batch));
    ASSERT_TRUE(all_finite(r)) << what << ", batch " << batch;
  }
}

inline void expect_float_beside_double(LossTerm& term, const std::string& what) {
  for (const uint64_t seed : {1, 2, 3}) {
    const Tensor x = random_tensor({48, 64}, seed, DType::float32), labels = random_labels(48, 12, seed);
    const TermResult single = run_term(term, x, labels), twice = run_term(term, x.to(DType::float64), labels);
    EXPECT_NEAR(single.loss, twice.loss, 2e-5 * (1 + std::abs(twice.loss))) << what;
    EXPECT_NEAR(single.dscalar, twice.dscalar, 2e-5 * (1 + std::abs(twice.dscalar))) << what;
    EXPECT_LE(relative_error(single.dx, twice.dx), 2e-5) << what;
  }
}

// Two terms of the same options.
inline void expect_same_on_device(LossTerm& cpu, LossTerm& card, const std::string& what) {
  const Tensor x = random_tensor({37, 24}, 3, DType::float32), labels = random_labels(37, 9, 3);
  card.place(Device::cuda);
  const TermResult a = run_term(cpu, x, labels),
                   b = run_term(card, x.to(Device::cuda), labels.to(Device::cuda));
  EXPECT_NEAR(a.loss, b.loss, 1e-5 * (1 + std::abs(a.loss))) << what;
  EXPECT_NEAR(a.dscalar, b.dscalar, 1e-5 * (1 + std::abs(a.dscalar))) << what;
  EXPECT_LE(relative_error(b.dx, a.dx), 2e-5) << what;
}

inline Tensor with_nan(const Tensor& x) {
  std::vector<double> v = x.host<double>();
  v[1] = std::numeric_limits<double>::quiet_NaN();
  return Tensor::from(v, x.shape());
}

}  // namespace fr::test
