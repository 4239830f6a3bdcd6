// The margin-based loss: figures of an independent implementation, frequencies of the draws, finite differences, range.
#include "fr/loss/margin_based_loss.h"

#include "tensor/mined_function.h"
#include "test/fr/mined.h"

namespace fr::test {
namespace {

using S = MarginPairs::Sampling;
constexpr S kSamplings[] = {S::modified, S::distance, S::hardest};

MarginBasedOptions by(S sampling) {
  MarginBasedOptions o;
  o.sampling = sampling;
  return o;
}
std::string name_of(S sampling) { return cat("sampling ", int(sampling)); }

// Draws of terms are those of the first step while this is alive.
struct FirstStep {
  FirstStep() { random_state() = {.seed = 3, .step = 1}; }
  ~FirstStep() { random_state() = {}; }
};

Tensor similarities(const Tensor& x) {
  const Var e = l2_normalize(Var(x));
  return matmul(e, e, false, true).value();
}

// How often each pair (N,N) is chosen in all steps.
std::vector<double> choices(const Tensor& s, const Tensor& labels, MarginPairs options, uint64_t steps) {
  std::vector<double> sum(size_t(s.size()), 0);
  const Var boundary(Tensor::full({1}, 0.5, s.dtype()));
  for (options.key = {.seed = 5, .purpose = Purpose::pairs}; options.key.step < steps; ++options.key.step) {
    Tensor chosen;
    margin_based(Var(s), boundary, labels, options, &chosen);
    const int64_t* c = chosen.data();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += double(c[i]);
  }
  return sum;
}

// Row `anchor` of the choices against probabilities p (N): none where p = 0, and chi-squared of at most 5 deviations above
// its mean, the degrees of freedom.
void expect_frequencies(const std::vector<double>& chosen, const std::vector<double>& p, double draws,
                        const std::string& what) {
  double chi_squared = 0, freedom = -1;
  for (size_t j = 0; j < p.size(); ++j) {
    if (p[j] * draws < 5) {
      EXPECT_LE(chosen[j], p[j] == 0 ? 0 : 20) << what << ", pair " << j;
      continue;
    }
    chi_squared += (chosen[j] - p[j] * draws) * (chosen[j] - p[j] * draws) / (p[j] * draws), ++freedom;
  }
  EXPECT_LE(chi_squared, freedom + 5 * std::sqrt(2 * std::max(freedom, 0.0)) + 1e-9) << what;
}

TEST(MarginBasedOracle, HardestPairs) {
  MarginBasedTerm term(by(S::hardest));
  const TermResult b = run_term(term, six_vectors(), labels_b());
  EXPECT_NEAR(b.loss, 0.358315990475, kPrinted);
  EXPECT_NEAR(b.dscalar, -0.2, kPrinted);
  expect_close(b.dx,
               {0.084595882, -0.05976079, -0.045955803, 0.117669858, 0.010232827, -0.124286191, -0.05116376,
                -0.09478152, 0.112447513, 0.018662533, -0.207869028, 0.115741243, -0.029733482, 0.062634575,
                -0.010764727, -0.047747366, 0.047635148, 0.016947473},
               kPrinted);
  const TermResult a = run_term(term, six_vectors(), labels_a());
  EXPECT_NEAR(a.loss, 0.374585407168, kPrinted);
  EXPECT_NEAR(a.dscalar, -1, kPrinted);
  expect_close(a.dx,
               {0, 0, 0, -0.154457613, -0.01343197, 0.163142445, 0.068405804, 0.126722628, -0.150342011,
                0.021182847, -0.235941066, 0.131371723, -0.059466964, 0.125269151, -0.021529455, -0.095494732,
                0.095270296, 0.033894946},
               kPrinted);
}

TEST(MarginBasedOracle, HardestSelection) {
  MarginPairs options;
  options.sampling = S::hardest;
  std::vector<double> expected(36, 0);
  for (const auto& [i, j] :
       {std::pair{0, 2}, {1, 3}, {2, 0}, {3, 1}, {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 3}, {5, 3}})
    expected[size_t(6 * i + j)] = 1;
  EXPECT_EQ(choices(similarities(six_vectors()), labels_b(), options, 1), expected);
}

// p = v / sum v of the printed violations; (4,5) and (5,4) are far enough above the boundary.
TEST(MarginBasedOracle, DrawsByViolation) {
  constexpr double kDraws = 20000;
  const std::vector<std::vector<double>> v_negative = {{0, 0.374873, 0, 0, 0, 0},
                                                       {0.374873, 0, 0.385307, 0, 0, 0},
                                                       {0, 0.385307, 0, 0.454733, 0.114931, 0},
                                                       {0, 0, 0.454733, 0, 0.485090, 0.132133},
                                                       {0, 0, 0.114931, 0.485090, 0, 0},
                                                       {0, 0, 0, 0.132133, 0, 0}};
  const std::vector<double> chosen =
      choices(similarities(six_vectors()), labels_b(), MarginPairs{}, uint64_t(kDraws));
  const std::vector<int64_t> label = labels_b().host<int64_t>();
  for (size_t i = 0; i < 6; ++i) {
    std::vector<double> row(chosen.begin() + int64_t(6 * i), chosen.begin() + int64_t(6 * i + 6)),
        p = v_negative[i];
    for (size_t j = 0; j < 6; ++j) {
      if (label[j] != label[i]) continue;
      EXPECT_EQ(row[j], i != j && i < 4 ? kDraws : 0);
      row[j] = 0;
    }
    double sum = 0;
    for (const double v : p) sum += v;
    for (double& v : p) v /= sum;
    expect_frequencies(row, p, kDraws, cat("anchor ", i));
  }
}

// Several positives: those too are drawn by violation.
TEST(MarginBased, PositivesAreDrawnByViolation) {
  constexpr double kDraws = 20000;
  const Tensor s = Tensor::from<double>({1, 0.5, 0.2, 0.59, 0.9, 0.3}, {1, 6}),
               labels = labels_of({0, 0, 0, 0, 0, 1});
  std::vector<double> square;
  for (int i = 0; i < 6; ++i)
    for (const double v : s.host<double>()) square.push_back(v);
  const std::vector<double> chosen =
      choices(Tensor::from(square, {6, 6}), labels, MarginPairs{}, uint64_t(kDraws));
  const double sum = 0.1 + 0.4 + 0.01;
  expect_frequencies({chosen.begin(), chosen.begin() + 6}, {0, 0.1 / sum, 0.4 / sum, 0.01 / sum, 0, 0},
                     kDraws, "");
}

// log 1/q(d) straight from the distance.
double log_inverse_density(double d, double D) {
  return (2 - D) * std::log(d) + (3 - D) / 2 * std::log(1 - d * d / 4);
}

TEST(MarginBased, DistanceWeights) {
  MarginPairs options;
  options.sampling = S::distance;
  std::vector<double> s;
  for (int i = -200; i <= 200; ++i) s.push_back(i * 0.0049 + 0.001);  // none at a cutoff
  const auto N = int64_t(s.size());
  std::vector<int64_t> label(s.size(), 1);
  label[0] = 0;
  for (const double D : {4.0, 64.0, 512.0, 4096.0}) {
    options.D = D;
    const AnchorRow<double> row{s.data(), label.data(), N, 0, 0.5, options};
    for (int64_t j = 1; j < N; ++j) {
      const double d = std::sqrt(2 - 2 * s[size_t(j)]), log_weight = row.log_weight(j);
      if (d > 1.4) {
        EXPECT_EQ(log_weight, -INFINITY) << d;
        continue;
      }
      const double expected = log_inverse_density(std::max(d, 0.5), D);
      EXPECT_NEAR(log_weight, expected, 1e-10 * (1 + std::abs(expected))) << d;
    }
  }
}

// Every positive once, and as many negatives, drawn with p ~ 1/q(d). The negatives of D = 512 lie so far out that e^(log 1/q)
// itself would be 0 in float.
TEST(MarginBased, DrawsByDistance) {
  constexpr uint64_t kSteps = 10000;
  const std::vector<int64_t> label = {0, 0, 0, 1, 2, 3, 4, 5};
  for (const double D : {8.0, 512.0}) {
    MarginPairs options;
    options.sampling = S::distance, options.D = D;
    const double low = D > 100 ? 0.03 : -0.2, step = D > 100 ? 0.0015 : 0.28;
    std::vector<double> row = {1, 0.3, 0.2}, square;
    for (int j = 0; j < 5; ++j) row.push_back(low + step * j);
    for (size_t i = 0; i < label.size(); ++i) square.insert(square.end(), row.begin(), row.end());
    const std::vector<double> chosen =
        choices(Tensor::from(square, {8, 8}), labels_of(label), options, kSteps);
    std::vector<double> p(8, 0), drawn(chosen.begin(), chosen.begin() + 8);
    double sum = 0, largest = -1e300;
    for (size_t j = 3; j < 8; ++j)
      largest = std::max(largest, log_inverse_density(std::max(std::sqrt(2 - 2 * row[j]), 0.5), D));
    for (size_t j = 3; j < 8; ++j) {
      const double d = std::sqrt(2 - 2 * row[j]);
      sum += p[j] = d < 1.4 ? std::exp(log_inverse_density(std::max(d, 0.5), D) - largest) : 0;
    }
    for (double& v : p) v /= sum;
    for (const size_t j : {0, 1, 2}) {
      EXPECT_EQ(drawn[j], j > 0 ? double(kSteps) : 0);
      drawn[j] = 0;
    }
    expect_frequencies(drawn, p, 2 * kSteps, cat("D ", D));
    for (size_t i = 24; i < 64; ++i) EXPECT_EQ(chosen[i], 0) << "an anchor without positives draws nothing";
  }
}

TEST(MarginBased, Gradients) {
  const FirstStep step;
  for (const S sampling : kSamplings)
    for (const auto& [N, D, classes] : {std::tuple{6, 5, 3}, {9, 5, 4}, {14, 7, 2}}) {
      MarginBasedTerm term(by(sampling));
      EXPECT_EQ(term_gradient_error(term, random_tensor({N, D}, 4), random_labels(N, classes, 5), 0.3), "")
          << name_of(sampling) << ", " << N;
    }
}

// The derivative is that of the mean over the active pairs of the choice, counted by hand.
TEST(MarginBased, MeanOverTheChosen) {
  const Tensor s = random_tensor({12, 12}, 6), labels = random_labels(12, 4, 6);
  const std::vector<double> sv = s.host<double>();
  const std::vector<int64_t> label = labels.host<int64_t>();
  for (const S sampling : kSamplings) {
    MarginPairs options;
    options.sampling = sampling, options.D = 16, options.key.seed = 8;
    Tensor chosen;
    const Var sx(s, true), boundary(Tensor::full({1}, 0.4, DType::float64), true);
    const Var loss = margin_based(sx, boundary, labels, options, &chosen);
    backward(loss);
    double sum = 0, count = 0, slope = 0;
    const std::vector<double> times = chosen.to(Device::cpu).host<double>(), ds = sx.grad().host<double>();
    for (size_t i = 0; i < 144; ++i) {
      const double y = label[i / 12] == label[i % 12] ? 1 : -1, l = 0.1 - y * (sv[i] - 0.4);
      if (l > 0) sum += times[i] * l, count += times[i], slope += times[i] * y;
    }
    ASSERT_GT(count, 4) << name_of(sampling);
    EXPECT_NEAR(loss.value().item(), sum / count, 1e-12) << name_of(sampling);
    EXPECT_NEAR(boundary.grad().item(), slope / count, 1e-12) << name_of(sampling);
    for (size_t i = 0; i < 144; ++i) {
      const double y = label[i / 12] == label[i % 12] ? 1 : -1, l = 0.1 - y * (sv[i] - 0.4);
      EXPECT_NEAR(ds[i], l > 0 ? -y * times[i] / count : 0, 1e-12) << name_of(sampling) << ", pair " << i;
    }
  }
}

// The step moves the draw, wherever it lies.
TEST(MarginBased, DrawsAreAFunctionOfTheStep) {
  const Tensor s = random_tensor({40, 40}, 6), labels = random_labels(40, 9, 6);
  const Var boundary(Tensor::full({1}, 0.4, DType::float64));
  for (const S sampling : {S::modified, S::distance}) {
    std::vector<std::vector<int64_t>> all;
    const uint64_t second = 2;
    for (const PhiloxKey& key :
         {PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 1},
          PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 2},
          PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 1, .step_at = &second}}) {
      MarginPairs options;
      options.sampling = sampling, options.key = key;
      Tensor chosen;
      margin_based(Var(s), boundary, labels, options, &chosen);
      all.push_back(chosen.host<int64_t>());
    }
    EXPECT_NE(all[0], all[1]) << name_of(sampling);
    EXPECT_EQ(all[1], all[2]) << name_of(sampling);
  }
}

TEST(MarginBased, BatchesWithoutPairs) {
  for (const S sampling : kSamplings) {
    MarginBasedTerm term(by(sampling));
    expect_nothing(term, {4}, name_of(sampling));
  }
  // Draws by distance need a positive for each negative.
  MarginBasedTerm distance(by(S::distance));
  expect_nothing(distance, {5, 1, 4, 0, 2, 3}, "one picture a class");
}

// Pairs that keep the margin: rows of one class that coincide, of two that are opposite.
TEST(MarginBased, NothingViolates) {
  const Tensor x = Tensor::from<double>({1, 2, 0, 3, 1, 2, 0, 3, -1, -2, 0, -3, -1, -2, 0, -3}, {4, 4});
  for (const S sampling : kSamplings) {
    MarginBasedTerm term(by(sampling));
    const TermResult r = run_term(term, x, labels_of({0, 0, 1, 1}));
    EXPECT_EQ(r.loss, 0) << name_of(sampling);
    EXPECT_EQ(r.dscalar, 0) << name_of(sampling);
    for (const double d : r.dx) EXPECT_EQ(d, 0) << name_of(sampling);
  }
}

TEST(MarginBased, EverythingIsFinite) {
  const FirstStep step;
  for (const S sampling : kSamplings) {
    MarginBasedTerm term(by(sampling));
    expect_finite(term, name_of(sampling));
  }
}

TEST(MarginBased, FloatBesideDouble) {
  const FirstStep step;
  for (const S sampling : kSamplings) {
    MarginBasedTerm term(by(sampling));
    expect_float_beside_double(term, name_of(sampling));
  }
}

TEST(MarginBased, NaNReachesTheLoss) {
  for (const S sampling : kSamplings) {
    MarginBasedTerm term(by(sampling));
    EXPECT_TRUE(std::isnan(run_term(term, with_nan(six_vectors()), labels_b()).loss)) << name_of(sampling);
  }
}

TEST(MarginBased, BoundaryIsTrainedWithinBounds) {
  MarginBasedTerm term;
  Parameter& boundary = only_parameter(term);
  EXPECT_EQ(boundary.var.value().item(), 0.5);
  EXPECT_EQ(boundary.lr_multiplier, 1);
  EXPECT_EQ(boundary.decay_multiplier, 0);
  for (const auto& [value, kept] : {std::pair{0.25, 0.25}, {-3.0, -0.9}, {0.95, 0.9}}) {
    boundary.var.value().fill(value);
    term.after_update();
    EXPECT_FLOAT_EQ(float(boundary.var.value().item()), float(kept));
  }
}

TEST(MarginBased, RefusesWhatIsWrong) {
  const Var s(random_tensor({4, 4}, 1)), boundary(Tensor::full({1}, 0.5, DType::float64));
  const Tensor labels = labels_of({0, 0, 1, 1});
  MarginPairs o;
  EXPECT_THROW(margin_based(Var(random_tensor({4, 3}, 1)), boundary, labels, o), std::invalid_argument);
  EXPECT_THROW(margin_based(s, Var(random_tensor({2}, 1)), labels, o), std::invalid_argument);
  EXPECT_THROW(margin_based(s, boundary, labels_of({0, 1}), o), std::invalid_argument);
  o.margin = -1;
  EXPECT_THROW(margin_based(s, boundary, labels, o), std::invalid_argument);
  o.margin = 0.1, o.sampling = S::distance, o.loss_cutoff = 2;
  EXPECT_THROW(margin_based(s, boundary, labels, o), std::invalid_argument);
  o.loss_cutoff = 1.4, o.D = 1;
  EXPECT_THROW(margin_based(s, boundary, labels, o), std::invalid_argument);
  MarginBasedOptions options;
  options.boundary = 0.95;
  EXPECT_THROW(MarginBasedTerm{options}, std::invalid_argument);
}

// --- on a device ---

class DeviceMarginBased : public testing::TestWithParam<TestDevice> {
 private:
  const UseDevice used_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceMarginBased, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DeviceMarginBased, SameAsTheCpu) {
  const FirstStep step;
  for (const S sampling : kSamplings) {
    MarginBasedTerm cpu(by(sampling)), card(by(sampling));
    expect_same_on_device(cpu, card, name_of(sampling));
  }
}

// The step of a recorded training step lies in the device's memory.
TEST_P(DeviceMarginBased, StepInTheDevicesMemory) {
  MarginBasedTerm term;
  term.place(Device::cuda);
  const Tensor x = random_tensor({37, 24}, 3, DType::float32).to(Device::cuda),
               labels = random_labels(37, 9, 3).to(Device::cuda);
  const Tensor step = Tensor::from<int64_t>({7}, {1}, DType::int64, Device::cuda);
  const auto at = [&](const RandomState& state) {
    random_state() = state;
    const std::vector<double> dx = run_term(term, x, labels).dx;
    random_state() = {};
    return dx;
  };
  const auto* place = reinterpret_cast<const uint64_t*>(step.as<int64_t>());
  EXPECT_EQ(at({.seed = 3, .step = 7}), at({.seed = 3, .step = 1, .step_at = place}));
  EXPECT_NE(at({.seed = 3, .step = 7}), at({.seed = 3, .step = 1}));
}

}  // namespace
}  // namespace fr::test
