// Gradient reversal and the domain classifier: the published figures, finite differences, the two stages, what is monitored.
#include "fr/dail/domain_term.h"

#include <limits>

#include "autograd/gradient_check.h"
#include "fr/dail/domain_loss.h"
#include "fr/model.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

Tensor number(double v) { return Tensor::full({1}, v, DType::float64); }

// F1 with a linear classifier: Wd[n] = sin(.2 + .55 n) (2x4), data sets 0 and 1.
TEST(GradientReversal, OracleOfTheDomainLoss) {
  const Var x(f1_x(), true), w(sine({2, 4}, 1, 0.2, 0.55), true);
  const Tensor k = labels_of({0, 1}), ones = Tensor::full({2}, 1, DType::float64);
  const Var loss = weighted_cross_entropy(linear(reverse_gradient(x, number(0.1)), w), k, ones);
  EXPECT_NEAR(loss.value().item(), 1.770271545841, 1e-11);
  backward(loss);
  expect_close(x.grad().host<double>(),
               {-0.023131077, 0.023830756, 0.063763685, 0.084889454, 0.000582753, -0.000600381, -0.001606431,
                -0.002138664},
               1e-9);
  // The classifier itself hears of the loss as it is.
  const Var wp(sine({2, 4}, 1, 0.2, 0.55), true);
  backward(softmax_cross_entropy(linear(Var(f1_x()), wp), k));
  expect_close(w.grad().host<double>(), wp.grad().host<double>(), 1e-14);
}

TEST(GradientReversal, RampOfLambda) {
  const std::vector<std::pair<double, double>> ramp = {
      {0, 0},          {0.01, 0.049958375}, {0.1, 0.462117157}, {0.25, 0.848283640}, {0.5, 0.986614298},
      {1, 0.999909204}};
  for (const auto& [p, expected] : ramp) EXPECT_NEAR(reversal_ramp(10, p), expected, 1e-9) << p;
}

TEST(GradientReversal, LambdaOverTwoStages) {
  ReversalSchedule s;
  s.steps = 1000;
  for (int64_t step : {0, 500, 799, 800}) EXPECT_EQ(s.at(step), 0) << step;
  EXPECT_NEAR(s.at(810), 0.1 * reversal_ramp(10, 0.25), 1e-15);  // 40 steps of ramp
  EXPECT_NEAR(s.at(839), 0.1 * reversal_ramp(10, 0.975), 1e-15);
  for (int64_t step : {840, 900, 999}) EXPECT_EQ(s.at(step), 0.1) << step;
  s.stage_one = 0, s.ramp = 0;
  EXPECT_EQ(s.at(0), 0.1);
  s.stage_one = 1;
  EXPECT_EQ(s.at(999), 0);
  s = {};
  EXPECT_EQ(s.at(123), 0) << "the length of the run is not known";
}

TEST(GradientReversal, IsTheIdentityAndTurnsTheGradientRound) {
  for (double lambda : {0.1, 1.0, 3.5}) {
    const Var x(random_tensor({3, 4}, 1), true);
    const Var y = reverse_gradient(x, number(lambda));
    EXPECT_EQ(y.value().host<double>(), x.value().host<double>());
    const Tensor dy = random_tensor({3, 4}, 2);
    backward(y, dy);
    std::vector<double> expected = dy.host<double>();
    for (double& v : expected) v *= -lambda;
    expect_close(x.grad().host<double>(), expected, 1e-15);
  }
}

TEST(GradientReversal, LambdaZeroGivesNothingNotEvenOfWhatIsNotFinite) {
  const Var x(random_tensor({1, 3}, 1), true);
  const double inf = std::numeric_limits<double>::infinity();
  backward(reverse_gradient(x, number(0)),
           Tensor::from<double>({inf, std::numeric_limits<double>::quiet_NaN(), 1}, {1, 3}));
  EXPECT_EQ(x.grad().host<double>(), (std::vector<double>{0, 0, 0}));
}

TEST(GradientReversal, BadInput) {
  const Var x(random_tensor({1, 3}, 1), true);
  EXPECT_THROW(reverse_gradient(x, Tensor::full({2}, 1, DType::float64)), std::invalid_argument);
  EXPECT_THROW(reverse_gradient(x, Tensor::full({1}, 1)), std::invalid_argument);
  EXPECT_THROW(reverse_gradient(x, {}), std::invalid_argument);
  EXPECT_THROW(reverse_gradient({}, number(1)), std::invalid_argument);
}

TEST(DomainLoss, FiniteDifferencesWithWeights) {
  const Tensor k = labels_of({0, 2, 2, 1}), weight = Tensor::from<double>({0.5, 2, 0, 1.25}, {4});
  const auto loss = [&](const std::vector<Var>& v) { return weighted_cross_entropy(v[0], k, weight); };
  EXPECT_EQ(gradient_error(loss, {random_tensor({4, 3}, 1)}), "");
  // Row 2 weighs nothing.
  const Var z(random_tensor({4, 3}, 1), true);
  backward(loss({z}));
  const std::vector<double> dz = z.grad().host<double>();
  EXPECT_EQ((std::vector<double>{dz.begin() + 6, dz.begin() + 9}), (std::vector<double>{0, 0, 0}));
}

TEST(DomainLoss, WithWeightsOfOneItIsTheCrossEntropy) {
  const Var z(random_tensor({4, 3}, 1));
  const Tensor k = labels_of({0, 2, 2, 1});
  EXPECT_NEAR(weighted_cross_entropy(z, k, Tensor::full({4}, 1, DType::float64)).value().item(),
              softmax_cross_entropy(z, k).value().item(), 1e-14);
}

TEST(DomainLoss, BadInput) {
  const Var z(random_tensor({2, 3}, 1));
  const Tensor ones = Tensor::full({2}, 1, DType::float64);
  EXPECT_THROW(weighted_cross_entropy(z, labels_of({0, 3}), ones), std::invalid_argument);
  EXPECT_THROW(weighted_cross_entropy(z, labels_of({0}), ones), std::invalid_argument);
  EXPECT_THROW(weighted_cross_entropy(z, labels_of({0, 1}), Tensor::full({2}, 1)), std::invalid_argument);
  EXPECT_THROW(weighted_cross_entropy(z, labels_of({0, 1}), Tensor::full({3}, 1, DType::float64)),
               std::invalid_argument);
}

TrainingClasses three_datasets() {
  TrainingClasses classes(6);
  classes.offset = {0, 1, 4, 6};
  return classes;
}
DomainOptions small() {
  DomainOptions o;
  o.hidden = 8, o.reversal.steps = 10, o.reversal.stage_one = 0.5, o.reversal.ramp = 0;
  return o;
}

TEST(DomainTerm, InTheFirstStageTheNetworkHearsNothingAndInTheSecondTheOpposite) {
  DomainTerm term(small(), three_datasets(), 4, 1);
  const Tensor labels = labels_of({0, 1, 5, 3, 4, 2});
  const auto gradients = [&](int64_t step) {
    const Var x(random_tensor({6, 4}, 2, DType::float32), true);
    term.zero_grad();
    backward(term.loss(x, labels, step));
    return std::pair(x.grad().host<double>(), term.parameters().front().second->var.grad().host<double>());
  };
  const auto first = gradients(4), second = gradients(5);
  for (double v : first.first) EXPECT_EQ(v, 0);
  EXPECT_EQ(first.second, second.second) << "the classifier learns alike in both";
  // The opposite of what the classifier would send back, times lambda.
  const Var x(random_tensor({6, 4}, 2, DType::float32), true);
  backward(softmax_cross_entropy(term.forward(x), labels_of({0, 1, 2, 1, 2, 1})));
  std::vector<double> expected = x.grad().host<double>();
  for (double& v : expected) v *= -0.1;
  expect_close(second.first, expected, 1e-8);
}

TEST(DomainTerm, Figures) {
  DomainTerm term(small(), three_datasets(), 4, 1);
  EXPECT_EQ(term.figure_names(), (std::vector<std::string>{"accuracy", "entropy", "lambda"}));
  const Var x(random_tensor({6, 4}, 2, DType::float32), true);
  const Tensor labels = labels_of({0, 1, 5, 3, 4, 2});  // data sets 0 1 2 1 2 1
  term.loss(x, labels, 7);
  const std::vector<Tensor> figures = term.figures();
  ASSERT_EQ(figures.size(), 3u);
  const std::vector<double> z = term.forward(x).value().host<double>();
  const std::vector<int> k = {0, 1, 2, 1, 2, 1};
  double hits = 0;
  for (size_t n = 0; n < 6; ++n) hits += std::max_element(&z[3 * n], &z[3 * n] + 3) - &z[3 * n] == k[n];
  EXPECT_NEAR(figures[0].item(), hits / 6, 1e-6);
  EXPECT_NEAR(figures[1].item(),
              -(1.0 / 6 * std::log(1.0 / 6) + 0.5 * std::log(0.5) + 1.0 / 3 * std::log(1.0 / 3)), 1e-6);
  EXPECT_NEAR(figures[2].item(), 0.1, 1e-7);
  term.loss(x, labels_of({1, 2, 3, 1, 2, 3}), 0);  // of one data set
  EXPECT_NEAR(term.figures()[1].item(), 0, 1e-12);
  EXPECT_EQ(term.figures()[2].item(), 0);
  term.forget();
  EXPECT_TRUE(term.figures().empty());
}

TEST(DomainTerm, WeightsOfRareDataSets) {
  DomainOptions o = small();
  o.weights = DomainOptions::Weights::inverse_sqrt;
  TrainingClasses classes = three_datasets();
  classes.pictures = {10, 20, 20, 20, 10, 10};  // 10, 60, 20: shares 1/9, 2/3, 2/9
  DomainTerm weighted(o, classes, 4, 1), plain(small(), classes, 4, 1);
  const Var x(random_tensor({6, 4}, 2, DType::float32));
  const Tensor labels = labels_of({0, 1, 5, 3, 4, 2});
  const std::vector<double> share = {1.0 / 9, 2.0 / 3, 2.0 / 9};
  double mean = 0, expected = 0;
  for (double p : share) mean += std::sqrt(p);
  const Tensor k = labels_of({0, 1, 2, 1, 2, 1});
  const Var z = plain.forward(x);
  for (size_t n = 0; n < 6; ++n) {
    std::vector<double> only(6, 0);
    only[n] = 1 / std::sqrt(share[size_t(k.host<int64_t>()[n])]) / mean;
    expected += weighted_cross_entropy(z, k, Tensor::from(only, {6}, DType::float32)).value().item();
  }
  EXPECT_NEAR(weighted.loss(x, labels, 0).value().item(), expected, 1e-5);
}

TEST(DomainTerm, BadInput) {
  const auto refused = [](auto change) {
    DomainOptions o = small();
    change(o);
    EXPECT_THROW(DomainTerm(o, three_datasets(), 4, 1), std::invalid_argument);
  };
  refused([](DomainOptions& o) { o.hidden = 0; });
  refused([](DomainOptions& o) { o.reversal.lambda = -1; });
  refused([](DomainOptions& o) { o.reversal.stage_one = 1.5; });
  refused([](DomainOptions& o) { o.reversal.ramp = -0.1; });
  refused([](DomainOptions& o) { o.reversal.gamma = 0; });
  DomainTerm term(small(), three_datasets(), 4, 1);
  const Var x(random_tensor({6, 4}, 2, DType::float32));
  EXPECT_THROW(term.loss(x, labels_of({0, 1}), 0), std::invalid_argument);
}

// The head of a joint loss is dataset-aware when it is told so, and only then.
TEST(Supervision, DailReachesTheHead) {
  SupervisionOptions o;
  o.terms = {{"cosface", 1}, {"domain", 0.5}};
  o.dail.classes = DailOptions::Classes::dataset, o.dail.crossing = 0.25;
  std::vector<std::unique_ptr<LossTerm>> kept;
  const auto adopt = [&](std::string, std::unique_ptr<LossTerm> term) -> LossTerm& {
    return *kept.emplace_back(std::move(term));
  };
  EXPECT_EQ(make_supervision(o, three_datasets(), 4, 1, adopt).head->keep(), 0.25);
  o.dail.crossing = DailOptions::kUsual;
  EXPECT_EQ(make_supervision(o, three_datasets(), 4, 1, adopt).head->keep(), 0.1);
  EXPECT_EQ(to_text(o),
            "CosFace, s = 64, m = 0.35, dataset-aware, crossing dropout + 0.5 x domain classifier");
  const auto message = [&] {
    try {
      check(o);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  o.dail.crossing = 2;
  EXPECT_EQ(message(), "dail: expected a probability to keep a class, got 2");
  o.dail.crossing = 0.1, o.dail.classes = DailOptions::Classes::all;
  EXPECT_EQ(message(), "dail: crossing dropout needs the dataset-aware loss (dail.classes = dataset)");
  o.dail.crossing = 0, o.dail.classes = DailOptions::Classes::dataset, o.terms = {{"triplet", 1}};
  EXPECT_EQ(message(), "dail: classes of one data set at a time need a loss that scores classes");
}

}  // namespace
}  // namespace fr::test
