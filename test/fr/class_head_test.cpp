#include "fr/loss/class_head.h"

#include "test/fr/oracle.h"

namespace fr::test {
namespace {

Tensor embeddings(int64_t N, int64_t D, uint64_t seed = 1) {
  return random_tensor({N, D}, seed, DType::float32);
}

Parameter& parameter(ClassHead& head, const std::string& name) {
  for (auto& entry : head.parameters())
    if (entry.first == name) return *entry.second;
  throw std::out_of_range(name);
}

TEST(Annealing, OracleFigures) {
  const Annealing annealing;
  EXPECT_NEAR(annealing.lambda(1), 892.857142857, 1e-9);
  EXPECT_NEAR(annealing.lambda(2), 806.451612903, 1e-9);
  EXPECT_NEAR(annealing.lambda(10), 454.545454545, 1e-9);
  EXPECT_NEAR(annealing.lambda(100), 76.923076923, 1e-9);
  EXPECT_NEAR(annealing.lambda(1000), 8.264462810, 1e-9);
  EXPECT_NEAR(annealing.lambda(1658), 5.001000200, 1e-9);
  EXPECT_EQ(annealing.lambda(1659), 5);
  EXPECT_EQ(annealing.lambda(28000), 5);
  EXPECT_THROW(annealing.lambda(0), std::invalid_argument);
}

TEST(ClassHead, ParametersAndMultipliers) {
  LossOptions options;
  options.kind = LossKind::softmax, options.bias = true;
  ClassHead head(options, 40, 12, 1);
  ASSERT_EQ(head.parameters().size(), 2u);
  EXPECT_EQ(parameter(head, "weight").var.shape(), (Shape{40, 12}));
  EXPECT_EQ(parameter(head, "weight").lr_multiplier, 1);
  EXPECT_EQ(parameter(head, "weight").decay_multiplier, 1);
  EXPECT_EQ(parameter(head, "bias").lr_multiplier, 2);
  EXPECT_EQ(parameter(head, "bias").decay_multiplier, 0);
  EXPECT_EQ(head.first_class(), 0);
  EXPECT_EQ(head.last_class(), 40);
  double largest = 0, squares = 0;
  for (double v : parameter(head, "weight").var.value().host<double>())
    largest = std::max(largest, std::abs(v)), squares += v * v;
  EXPECT_LE(largest, std::sqrt(3.0 / 12));
  EXPECT_NEAR(squares / 480, 1.0 / 12, 0.02);  // variance 1 / fan_in
}

TEST(ClassHead, SameSeedSameWeights) {
  ClassHead a({}, 9, 5, 3), b({}, 9, 5, 3), c({}, 9, 5, 4);
  EXPECT_EQ(parameter(a, "weight").var.value().host<float>(),
            parameter(b, "weight").var.value().host<float>());
  EXPECT_NE(parameter(a, "weight").var.value().host<float>(),
            parameter(c, "weight").var.value().host<float>());
}

TEST(ClassHead, LambdaFollowsTheStep) {
  ClassHead head({}, 9, 5, 3);
  const Var x(embeddings(4, 5));
  const Tensor labels = random_labels(4, 9, 2);
  head.loss(x, labels, 0);
  EXPECT_NEAR(head.lambda(), 892.857142857, 1e-9);
  head.loss(x, labels, 1658);
  EXPECT_EQ(head.lambda(), 5);
  EXPECT_THROW(head.loss(x, labels, -1), std::invalid_argument);
}

// All kinds: a finite loss, gradients where they belong, and plain scores that rank as last_accuracy() says.
TEST(ClassHead, EveryKind) {
  const Tensor labels = random_labels(30, 9, 2);
  for (LossKind kind :
       {LossKind::softmax, LossKind::modified_softmax, LossKind::a_softmax, LossKind::cosface}) {
    LossOptions options;
    options.kind = kind;
    ClassHead head(options, 9, 5, 3);
    const Var x(embeddings(30, 5), true);
    const Var loss = head.loss(x, labels, 0);
    EXPECT_TRUE(std::isfinite(loss.value().item()));
    backward(loss);
    EXPECT_TRUE(x.grad() && parameter(head, "weight").var.grad());
    const std::vector<float> scores = head.forward(x).value().host<float>();
    int hits = 0;
    for (size_t n = 0; n < 30; ++n) {
      const auto row = scores.begin() + long(9 * n);
      hits += std::max_element(row, row + 9) - row == labels.host<int64_t>()[n];
    }
    EXPECT_NEAR(head.last_accuracy(), hits / 30.0, 1e-12) << int(kind);
    EXPECT_EQ(head.lambda() > 0, kind == LossKind::a_softmax);
  }
}

// The head is the op with the options of its kind.
TEST(ClassHead, MatchesTheMarginOp) {
  LossOptions options;
  options.kind = LossKind::cosface, options.scale = 16, options.margin = 0.25;
  ClassHead head(options, 9, 5, 3);
  const Tensor x = embeddings(6, 5), labels = random_labels(6, 9, 2),
               w = parameter(head, "weight").var.value();
  EXPECT_EQ(head.loss(Var(x), labels, 7).value().item(), run_margin(x, w, labels, cosface(16, 0.25)).loss);
  options = {};
  options.m = 3;
  ClassHead annealed(options, 9, 5, 3);
  EXPECT_EQ(annealed.loss(Var(x), labels, 7).value().item(),
            run_margin(x, w, labels, a_softmax(3, options.annealing.lambda(8))).loss);
}

TEST(ClassHead, CaffeModeKeepsUnitRows) {
  LossOptions options;
  options.gradient = MarginGradient::caffe_normalised;
  ClassHead head(options, 9, 5, 3), exact({}, 9, 5, 3);
  const Tensor x = embeddings(6, 5), labels = random_labels(6, 9, 2);
  const double loss = head.loss(Var(x), labels, 0).value().item();
  for (double norm : row_norms(parameter(head, "weight").var.value())) EXPECT_NEAR(norm, 1, 1e-6);
  EXPECT_NEAR(loss, exact.loss(Var(x), labels, 0).value().item(), 1e-5);  // directions are unchanged
}

TEST(ClassHead, RowsWithoutLengthAreDrawnAgain) {
  ClassHead head({}, 9, 400, 3);
  const Tensor w = parameter(head, "weight").var.value();
  const std::vector<float> before = w.host<float>();
  std::fill(w.as<float>() + 2 * 400, w.as<float>() + 3 * 400, 0.0f);
  const Var loss = head.loss(Var(embeddings(6, 400)), random_labels(6, 9, 2), 0);
  EXPECT_TRUE(std::isfinite(loss.value().item()));
  const std::vector<float> after = w.host<float>();
  EXPECT_NEAR(row_norms(w)[2], 1, 0.2);                                          // 400 draws of N(0, 1/400)
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 800, after.begin()));  // the others stay
  EXPECT_TRUE(std::equal(before.begin() + 1200, before.end(), after.begin() + 1200));
}

TEST(ClassHead, Errors) {
  LossOptions options;
  options.bias = true;
  EXPECT_THROW(ClassHead(options, 9, 5, 3), std::invalid_argument);
  EXPECT_THROW(ClassHead({}, 0, 5, 3), std::invalid_argument);
  ClassHead head({}, 9, 5, 3);
  EXPECT_THROW(head.loss(Var(embeddings(2, 5)), labels_of({0, 9}), 0), std::invalid_argument);
  EXPECT_THROW(head.loss(Var(embeddings(2, 6)), labels_of({0, 1}), 0), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
