// The margin-based loss: figures of an independent implementation, finite differences, batches without pairs, range.
#include "fr/loss/margin_based_loss.h"

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
  options = {.sampling = S::distance, .cutoff = 1.5, .loss_cutoff = 1.4};
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
