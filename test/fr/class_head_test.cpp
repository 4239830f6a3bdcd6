#include "fr/loss/class_head.h"

#include "autograd/gradient_check.h"
#include "base/parallel.h"
#include "fr/divergence.h"
#include "nn/gradient_blocks.h"
#include "nn/optimizer.h"
#include "test/devices.h"
#include "test/fr/oracle.h"
#include "test/stand_in.h"

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

struct ThreadCount {
  explicit ThreadCount(int n) { set_threads(n); }
  ~ThreadCount() { set_threads(before); }
  int before = threads();
};

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

std::vector<double> values(const Var& x) { return x.value().host<double>(); }

// Every loss with numbers that keep scores moderate, and those on cosines with a trained scale too.
std::vector<LossOptions> all_options() {
  std::vector<LossOptions> all;
  for (const LossTraits& t : all_losses()) {
    LossOptions o;
    o.kind = t.kind, o.bias = t.kind == LossKind::softmax, o.annealing = {2, 0, 1, 0};
    if (t.usual_scale > 0) o.scale = 8;
    all.push_back(o);
    if (t.usual_scale > 0 && !t.trains_scale) o.scale_is = LossScale::trained, all.push_back(o);
    if (t.trains_scale) o.scale_is = LossScale::fixed, all.push_back(o);
  }
  return all;
}
std::string name_of(const LossOptions& o) {
  return cat(loss_text(o), trains_scale(o) ? ", trained" : "", ", gradient ", int(o.gradient));
}
// The gradient modes that the loss has.
std::vector<LossOptions> all_options_and_gradients() {
  std::vector<LossOptions> all;
  for (LossOptions o : all_options())
    for (MarginGradient gradient :
         {MarginGradient::exact, MarginGradient::detached, MarginGradient::caffe_normalised}) {
      o.gradient = gradient;
      try {
        check(o);
      } catch (const std::invalid_argument&) {
        continue;
      }
      all.push_back(o);
    }
  return all;
}

// Gradients flow to the embedding, the weights, the bias and the scale.
TEST(ClassHead, FiniteDifferencesOfEveryLoss) {
  const Tensor labels = random_labels(11, 7, 3);
  for (const LossOptions& options : all_options()) {
    ClassHead head(options, 7, 5, 3);
    std::vector<Tensor> inputs = {random_tensor({11, 5}, 1)};
    for (auto& [name, p] : head.parameters())
      inputs.push_back(name == "scale" ? p->var.value().to(DType::float64)
                                       : random_tensor(p->var.shape(), inputs.size() + 1));
    const auto f = [&](const std::vector<Var>& v) {
      size_t i = 1;
      for (auto& [name, p] : head.parameters()) p->var = v[i++];
      return head.loss(v[0], labels, 0);
    };
    EXPECT_EQ(gradient_error(f, inputs), "") << name_of(options);
  }
}

// Plain scores rank as last_accuracy() says; the annealing stands where it should.
TEST(ClassHead, ScoresOfEveryLoss) {
  const Tensor labels = random_labels(30, 9, 2);
  for (const LossOptions& options : all_options()) {
    ClassHead head(options, 9, 5, 3);
    const Var x(embeddings(30, 5), true);
    head.loss(x, labels, 0);
    const std::vector<float> scores = head.forward(x).value().host<float>();
    int hits = 0;
    for (size_t n = 0; n < 30; ++n) {
      const auto row = scores.begin() + long(9 * n);
      const int64_t guess = std::max_element(row, row + 9) - row;
      hits += guess == labels.host<int64_t>()[n];
      EXPECT_EQ(head.prediction().host<int64_t>()[n], guess) << name_of(options);
    }
    EXPECT_NEAR(head.last_accuracy(), hits / 30.0, 1e-12) << name_of(options);
    EXPECT_EQ(head.lambda() > 0, anneals(options)) << name_of(options);
  }
}

// Without a margin the loss is the cross-entropy of forward()'s scores.
TEST(ClassHead, LossIsThatOfTheScores) {
  const Tensor labels = random_labels(30, 9, 2);
  for (LossOptions options : all_options()) {
    options.margin = 0, options.m = 1, options.m1 = 1, options.m2 = 0, options.m3 = 0;
    ClassHead head(options, 9, 5, 3);
    const Var x(embeddings(30, 5));
    const double expected = softmax_cross_entropy(head.forward(x), labels).value().item();
    EXPECT_NEAR(head.loss(x, labels, 0).value().item(), expected, 1e-5 * (1 + expected)) << name_of(options);
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
  options.kind = LossKind::arcface, options.rule = Margin::Rule::easy_margin;
  MarginOptions arcface;
  arcface.margin.kind = Margin::Kind::arcface, arcface.margin.m = 0.5, arcface.s = 64;
  arcface.margin.rule = Margin::Rule::easy_margin;
  ClassHead easy(options, 9, 5, 3);
  EXPECT_EQ(easy.loss(Var(x), labels, 7).value().item(), run_margin(x, w, labels, arcface).loss);
  options.kind = LossKind::combined, options.guard = Margin::Guard::monotone, options.m2 = 2;
  MarginOptions combined;
  combined.margin.kind = Margin::Kind::combined, combined.margin.guard = Margin::Guard::monotone;
  combined.margin.m1 = 0.9, combined.margin.m2 = 2, combined.margin.m3 = 0.15, combined.s = 64;
  ClassHead guarded(options, 9, 5, 3);
  EXPECT_EQ(guarded.loss(Var(x), labels, 7).value().item(), run_margin(x, w, labels, combined).loss);
}

// Fixture F1 in double: embedding, weights and bias of the oracle.
struct Oracle {
  ClassHead head;
  Var x{f1_x(), true};
  explicit Oracle(LossKind kind) : head(options(kind), 3, 4, 1) {
    for (auto& [name, p] : head.parameters())
      p->var = Var(name == "weight" ? f1_w()
                   : name == "bias" ? Tensor::from<double>({0.1, -0.2, 0.05}, {3})
                                    : p->var.value().to(DType::float64),
                   true);
  }
  static LossOptions options(LossKind kind) {
    LossOptions o;
    o.kind = kind, o.bias = kind == LossKind::softmax;
    return o;
  }
  double loss() {
    const Var l = head.loss(x, labels_of({0, 2}), 2000);  // lambda = 5
    backward(l);
    return l.value().item();
  }
  std::vector<double> grad(const char* name) { return parameter(head, name).var.grad().host<double>(); }
};

TEST(ClassHeadOracle, SoftmaxWithBias) {
  EXPECT_NEAR(Oracle(LossKind::softmax).loss(), 0.568237530864, 1e-11);
}
TEST(ClassHeadOracle, ASoftmax) { EXPECT_NEAR(Oracle(LossKind::a_softmax).loss(), 0.975967041304, 1e-11); }
TEST(ClassHeadOracle, LSoftmax) { EXPECT_NEAR(Oracle(LossKind::l_softmax).loss(), 1.138961520872, 1e-11); }
TEST(ClassHeadOracle, AmSoftmax) { EXPECT_NEAR(Oracle(LossKind::am_softmax).loss(), 7.654848002742, 1e-11); }

TEST(ClassHeadOracle, NormFace) {
  Oracle o(LossKind::normface);
  EXPECT_NEAR(o.loss(), 0.488842688314, 1e-11);
  expect_close(o.grad("scale"), {-0.000869571127}, 1e-11);
}

TEST(ClassHeadOracle, L2Softmax) {
  Oracle o(LossKind::l2_softmax);
  EXPECT_NEAR(o.loss(), 0.887813615658, 1e-11);
  expect_close(o.grad("scale"), {0.042015946411}, 1e-11);
  expect_close(o.grad("bias"), {-0.413899522, 0, 0.413899522}, 1e-9);
  expect_close(o.x.grad().host<double>(),
               {-2.883453909e-02, -1.875187766, -2.043659103, -8.163161695e-01, 1.425356199e-03,
                6.181133734e-03, 4.446895695e-03, 2.072908837e-03},
               1e-9);
  expect_close(o.grad("weight"),
               {-1.455632355, -4.502919628, 2.615985160, 3.828809058, 0, 0, 0, 0, 1.455632355, 4.502919628,
                -2.615985160, -3.828809058},
               1e-9);
}

TEST(ClassHead, FloatFollowsDouble) {
  const Tensor labels = random_labels(30, 9, 2);
  for (const LossOptions& options : all_options()) {
    ClassHead single(options, 9, 5, 3), twice(options, 9, 5, 3);
    for (auto& [name, p] : twice.parameters()) p->var = Var(p->var.value().to(DType::float64), true);
    const Var x(embeddings(30, 5), true), wide(x.value().to(DType::float64), true);
    const Var a = single.loss(x, labels, 0), b = twice.loss(wide, labels, 0);
    backward(a), backward(b);
    EXPECT_NEAR(a.value().item(), b.value().item(), 2e-5 * b.value().item()) << name_of(options);
    EXPECT_LE(relative_error(x.grad().host<double>(), wide.grad().host<double>()), 2e-5) << name_of(options);
    for (auto& [name, p] : twice.parameters())
      EXPECT_LE(
          relative_error(parameter(single, name).var.grad().host<double>(), p->var.grad().host<double>()),
          2e-5)
          << name_of(options) << ", " << name;
  }
}

TEST(ClassHead, TrainedScaleStaysInBounds) {
  for (LossKind kind : {LossKind::normface, LossKind::l2_softmax}) {
    LossOptions options;
    options.kind = kind;
    ClassHead head(options, 9, 5, 3);
    Parameter& scale = parameter(head, "scale");
    EXPECT_EQ(scale.decay_multiplier, 0);
    EXPECT_EQ(scale.lr_multiplier, 1);
    EXPECT_EQ(values(scale.var), std::vector<double>{kind == LossKind::normface ? 10.0 : 16.0});
    head.after_update();
    EXPECT_EQ(values(scale.var), std::vector<double>{kind == LossKind::normface ? 10.0 : 16.0});
    scale.var.value().fill(-3);
    head.after_update();
    EXPECT_NEAR(values(scale.var)[0], kind == LossKind::normface ? 0.01 : 1, 1e-9);
  }
}

TEST(ClassHead, MarginsOfClasses) {
  const Tensor x = embeddings(6, 5), labels = random_labels(6, 9, 2), half = Tensor::full({9}, 0.5);
  for (LossKind kind : {LossKind::cosface, LossKind::arcface}) {
    LossOptions options;
    options.kind = kind, options.margin = 0.5;
    ClassHead head(options, 9, 5, 3);
    head.set_class_margin(half);
    options.margin = 0.25;
    ClassHead expected(options, 9, 5, 3);
    EXPECT_NEAR(head.loss(Var(x), labels, 0).value().item(), expected.loss(Var(x), labels, 0).value().item(),
                1e-5);
    EXPECT_THROW(head.set_class_margin(Tensor::full({8}, 1)), std::invalid_argument);
  }
  ClassHead without({}, 9, 5, 3);
  EXPECT_THROW(without.set_class_margin(half), std::invalid_argument);
}

// The gradient of the weights by rows, some at a time, is the whole one, for every loss and gradient mode. Classes for more
// than two blocks of the op.
TEST(ClassHead, GradientByRowsIsTheWholeOne) {
  constexpr int64_t M = 1100, D = 9, N = 13;
  const Tensor labels = random_labels(N, M, 2);
  for (const LossOptions& options : all_options_and_gradients()) {
    ClassHead whole(options, M, D, 3), rows(options, M, D, 3);
    parameter(rows, "weight").var.gradient_by_rows();
    Var a(embeddings(N, D), true), b(embeddings(N, D), true);
    backward(whole.loss(a, labels, 0)), backward(rows.loss(b, labels, 0));
    const Var &w = parameter(rows, "weight").var, &expected = parameter(whole, "weight").var;
    EXPECT_FALSE(w.grad());
    EXPECT_EQ(a.grad().host<float>(), b.grad().host<float>()) << name_of(options);
    std::vector<double> all;
    for (int64_t first = 0; first < M; first += 333) {
      const int64_t count = std::min<int64_t>(333, M - first);
      const Tensor g({count, D});
      w.gradient_rows(g, first, count);
      for (double v : g.host<double>()) all.push_back(v);
    }
    EXPECT_LE(relative_error(all, expected.grad().host<double>()), 1e-6) << name_of(options);
    rows.forget();
    EXPECT_FALSE(w.has_gradient());
  }
}

TEST(ClassHead, ADivergedRunNamesTheElementOfAGradientByRows) {
  ClassHead head({}, 9, 5, 3);
  const Var loss = head.loss(Var(embeddings(4, 5), true), random_labels(4, 9, 2), 0);
  parameter(head, "weight").var.node()->row_forms.push_back([](const Tensor& g, int64_t first, int64_t) {
    if (first == 0) g.as<float>()[7] = NAN;
  });
  EXPECT_EQ(first_nonfinite_tensor(loss, head), "the gradient of weight (9,5), element 7 = nan");
}

// A few steps with Sgd: by rows as with whole gradients, and the same bits for every number of threads.
std::vector<double> weights_after_steps(const LossOptions& options, bool by_rows) {
  constexpr int64_t M = 1100, D = 300, N = 6;  // two blocks of the optimiser
  ClassHead head(options, M, D, 3);
  parameter(head, "weight").var.gradient_by_rows(by_rows);
  Sgd sgd(head.parameters(), {.clip_norm = 0.5});
  for (int step = 0; step < 3; ++step) {
    head.zero_grad();
    backward(head.loss(Var(embeddings(N, D, 7 + uint64_t(step))), random_labels(N, M, 5), step));
    sgd.step(0.1);
    head.after_update();
  }
  std::vector<double> all;
  for (auto& [name, p] : head.parameters())
    for (double v : values(p->var)) all.push_back(v);
  return all;
}

// More weights than one block of the optimiser on a device.
TEST(ClassHead, SeveralBlocksOnADevice) {
  const UseDevice use(stand_in());
  for (LossKind kind : {LossKind::softmax, LossKind::cosface}) {
    LossOptions options;
    options.kind = kind;
    const auto weights = [&](Device device) {
      constexpr int64_t M = 1100, D = 2048;
      ClassHead head(options, M, D, 3);
      head.place(device);
      Parameter& w = parameter(head, "weight");
      w.var.gradient_by_rows();
      EXPECT_EQ(gradient_blocks(w.var).count, device == Device::cpu ? 9 : 2);
      Sgd sgd(head.parameters(), {.clip_norm = 0.5});
      backward(head.loss(Var(embeddings(2, D).to(device)), labels_of({3, 1090}).to(device), 0));
      sgd.step(0.1);
      return values(w.var);
    };
    EXPECT_LE(relative_error(weights(Device::cuda), weights(Device::cpu)), 1e-6) << traits_of(kind).name;
  }
}

TEST(ClassHead, StepsByRows) {
  for (const LossOptions& options : all_options()) {
    const std::vector<double> one = weights_after_steps(options, true);
    EXPECT_LE(relative_error(one, weights_after_steps(options, false)), 1e-6) << name_of(options);
    for (int threads : {1, 3}) {
      const ThreadCount use(threads);
      EXPECT_EQ(weights_after_steps(options, true), one) << name_of(options) << ", " << threads << " threads";
    }
  }
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

// A row of the weights and an embedding without length: losses on cosines draw the row anew, the others have no need to.
TEST(ClassHead, RowsWithoutLength) {
  for (const LossOptions& options : all_options_and_gradients()) {
    ClassHead head(options, 9, 400, 3);
    const Tensor w = parameter(head, "weight").var.value(), x = embeddings(6, 400);
    if (options.gradient == MarginGradient::caffe_normalised) head.loss(Var(x), random_labels(6, 9, 2), 0);
    const std::vector<float> before = w.host<float>();
    std::fill(w.as<float>() + 2 * 400, w.as<float>() + 3 * 400, 0.0f);
    std::fill(x.as<float>(), x.as<float>() + 400, 0.0f);
    const Var xv(x, true), loss = head.loss(xv, random_labels(6, 9, 2), 0);
    EXPECT_TRUE(std::isfinite(loss.value().item())) << name_of(options);
    backward(loss);
    for (const Var& v : {xv, parameter(head, "weight").var})
      for (float g : v.grad().host<float>()) ASSERT_TRUE(std::isfinite(g)) << name_of(options);
    const std::vector<float> after = w.host<float>();
    const double length = row_norms(w)[2];
    EXPECT_NEAR(length, head.measures_rows() ? 1 : 0, 0.2) << name_of(options);  // 400 draws of N(0, 1/400)
    if (options.gradient == MarginGradient::caffe_normalised) continue;
    EXPECT_TRUE(std::equal(before.begin(), before.begin() + 800, after.begin()));  // the others stay
    EXPECT_TRUE(std::equal(before.begin() + 1200, before.end(), after.begin() + 1200));
  }
}

// Heads of classes [0,7) and [7,17) begin as one of [0,17) does, redrawn rows too.
TEST(ClassHead, PartsOfTheClassesBeginAsTheWhole) {
  constexpr int64_t D = 5;  // 7 D is no multiple of 4: a part may begin inside a block of random words
  ClassHead whole({}, 17, D, 3), low({}, {0, 7}, D, 3), high({}, {7, 17}, D, 3);
  EXPECT_EQ(high.first_class(), 7);
  EXPECT_EQ(high.last_class(), 17);
  const auto joined = [&] {
    std::vector<double> all = values(parameter(low, "weight").var);
    for (double v : values(parameter(high, "weight").var)) all.push_back(v);
    return all;
  };
  EXPECT_EQ(joined(), values(parameter(whole, "weight").var));
  const auto clear = [](ClassHead& head, int64_t row) {
    float* w = parameter(head, "weight").var.value().as<float>() + row * D;
    std::fill(w, w + D, 0.0f);
  };
  clear(whole, 9), clear(high, 2);
  whole.redraw(4), high.redraw(4);
  EXPECT_EQ(joined(), values(parameter(whole, "weight").var));
  EXPECT_GT(row_norms(parameter(high, "weight").var.value())[2], 0.1);
}

TEST(ClassHead, LabelsOfAPart) {
  LossOptions options;
  options.kind = LossKind::cosface;
  ClassHead high(options, {7, 17}, 5, 3);
  const Tensor x = embeddings(4, 5), w = parameter(high, "weight").var.value();
  const double loss = high.loss(Var(x), labels_of({7, 16, 9, 9}), 0).value().item();
  EXPECT_EQ(loss, run_margin(x, w, labels_of({0, 9, 2, 2}), cosface(64, 0.35)).loss);
  const Var scores = high.forward(Var(x));
  const std::vector<float> z = scores.value().host<float>();
  for (size_t n = 0; n < 4; ++n) {
    const auto row = z.begin() + long(10 * n);
    EXPECT_EQ(high.prediction().host<int64_t>()[n], 7 + (std::max_element(row, row + 10) - row));
  }
  EXPECT_THROW(high.loss(Var(x), labels_of({7, 6, 9, 9}), 0), std::invalid_argument);
  EXPECT_THROW(high.loss(Var(x), labels_of({7, 17, 9, 9}), 0), std::invalid_argument);
}

TEST(ClassHead, Errors) {
  LossOptions options;
  options.bias = true;
  EXPECT_THROW(ClassHead(options, 9, 5, 3), std::invalid_argument);
  EXPECT_THROW(ClassHead({}, 0, 5, 3), std::invalid_argument);
  EXPECT_THROW(ClassHead({}, ClassRange(3, 3), 5, 3), std::invalid_argument);
  EXPECT_THROW(ClassHead({}, ClassRange(-1, 3), 5, 3), std::invalid_argument);
  ClassHead head({}, 9, 5, 3);
  EXPECT_THROW(head.loss(Var(embeddings(2, 5)), labels_of({0, 9}), 0), std::invalid_argument);
  EXPECT_THROW(head.loss(Var(embeddings(2, 6)), labels_of({0, 1}), 0), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
