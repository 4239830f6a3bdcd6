// The dataset-aware loss and crossing dropout: figures of an independent double-precision implementation (fixture F3), finite
// differences in every mode, what must hold between naive, dataset-aware and both, bad input.
#include "autograd/gradient_check.h"
#include "fr/loss/class_cross_entropy.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr double kPrinted = 1e-9, kLoss = 1e-11;

Tensor f3_x() { return sine({3, 4}, 1, 0.3, 1.7); }
Tensor f3_w() { return sine({6, 4}, 1, 1.1, 0.9); }
Tensor f3_labels() { return labels_of({0, 2, 4}); }

DatasetClasses halves(double keep = 0) {
  DatasetClasses d;
  d.offset = labels_of({0, 3, 6}), d.keep = keep;
  return d;
}
// Row 0 keeps class 5, row 2 class 1.
DatasetClasses crossing() {
  DatasetClasses d = halves();
  d.kept = Tensor::from<int64_t>({5, 6, 6, 6, 1, 6}, {3, 2});
  return d;
}
MarginOptions with(MarginOptions o, const DatasetClasses& d) {
  o.datasets = d;
  return o;
}
LossAndGradients f3(const MarginOptions& o) { return run_margin(f3_x(), f3_w(), f3_labels(), o); }

TEST(DatasetAware, Oracles) {
  const MarginOptions o = arcface(4, 0.5);
  EXPECT_NEAR(f3(o).loss, 2.017999655514, kLoss);
  const LossAndGradients aware = f3(with(o, halves())), crossed = f3(with(o, crossing()));
  EXPECT_NEAR(aware.loss, 1.059798686902, kLoss);
  expect_close(aware.dx,
               {-0.188681357, -0.477971222, -0.650915038, -0.188283554, 0.034064927, 0.459476995, 0.214654278,
                0.292432302, 0.124041731, 0.260918616, 0.176116374, 0.182764423},
               kPrinted);
  EXPECT_NEAR(crossed.loss, 1.104581671844, kLoss);
  expect_close(crossed.dx,
               {-0.209043840, -0.418924592, -0.601812890, -0.160257769, 0.034064927, 0.459476995, 0.214654278,
                0.292432302, 0.114448493, 0.258517893, 0.176101145, 0.246604413},
               kPrinted);
}

// F1 with the classes 0, 1 in one data set and 2 in another: row 1 is told from nobody.
TEST(DatasetAware, ADataSetOfOneClassAddsNothing) {
  MarginOptions o = arcface(30, 0.5);
  o.datasets.offset = labels_of({0, 2, 3});
  const LossAndGradients alone = run_margin(f1_x(), f1_w(), labels_of({0, 2}), o);
  EXPECT_NEAR(alone.loss, 0, 1e-12);
  for (size_t d = 4; d < 8; ++d) EXPECT_EQ(alone.dx[d], 0);
  for (size_t d = 8; d < 12; ++d) EXPECT_EQ(alone.dw[d], 0);
  o.datasets.kept = Tensor::from<int64_t>({3, 0}, {2, 1});
  const LossAndGradients crossed = run_margin(f1_x(), f1_w(), labels_of({0, 2}), o);
  EXPECT_NEAR(crossed.loss, 2.015222177014, kLoss);
  expect_close({crossed.dx.begin() + 4, crossed.dx.end()},
               {0.3073079720, 4.028342674, 1.895875287, 2.547171546}, kPrinted);
}

// Every margin, scale and gradient that is the derivative of something; listed classes, coins, neither.
TEST(DatasetAware, FiniteDifferences) {
  const Tensor labels = labels_of({0, 2, 4, 5, 1});
  const std::vector<Tensor> inputs = {random_tensor({5, 4}, 1), random_tensor({6, 4}, 2)};
  DatasetClasses listed = halves();
  listed.kept = Tensor::from<int64_t>({5, 6, 3, 4, 1, 6, 6, 6, 4, 6}, {5, 2});
  for (const DatasetClasses& d : {halves(), halves(0.4), listed})
    for (const auto& [name, options] : every_margin(5)) {
      const MarginOptions o = with(options, d);
      EXPECT_EQ(
          gradient_error([&](const auto& v) { return margin_cross_entropy(v[0], v[1], labels, o); }, inputs),
          "")
          << name;
    }
  for (const DatasetClasses& d : {halves(), halves(0.4), listed}) {
    const auto softmax = [&](const std::vector<Var>& v) {
      return class_cross_entropy(v[0], v[1], v[2], labels, DType::float32, nullptr, d);
    };
    EXPECT_EQ(gradient_error(softmax, {inputs[0], inputs[1], random_tensor({6}, 3)}), "");
  }
}

// The trained scale hears of the classes that take part, and of no other.
TEST(DatasetAware, GradientOfATrainedScale) {
  MarginOptions o = trained(normface(7));
  o.datasets = crossing();
  const double ds = f3(o).ds, h = 1e-6;
  MarginOptions above = with(normface(7 + h), crossing()), below = with(normface(7 - h), crossing());
  EXPECT_NEAR(ds, (f3(above).loss - f3(below).loss) / (2 * h), 1e-8);
}

std::vector<double> row_losses(const MarginOptions& o, const Tensor& x, const Tensor& w,
                               const std::vector<int64_t>& labels) {
  std::vector<double> losses;
  const std::vector<double> v = x.host<double>();
  const auto D = size_t(x.dim(1));
  for (size_t n = 0; n < labels.size(); ++n) {
    MarginOptions own = o;
    if (o.datasets.kept) {
      const auto kept = o.datasets.kept.host<int64_t>();
      const auto L = size_t(o.datasets.kept.dim(1));
      own.datasets.kept = Tensor::from(
          std::vector<int64_t>(kept.begin() + int64_t(n * L), kept.begin() + int64_t((n + 1) * L)),
          {1, int64_t(L)});
    }
    const Tensor row = Tensor::from(
        std::vector<double>(v.begin() + int64_t(n * D), v.begin() + int64_t((n + 1) * D)), {1, int64_t(D)});
    losses.push_back(run_margin(row, w, labels_of({labels[n]}), own).loss);
  }
  return losses;
}

TEST(DatasetAware, EachRowLiesBetweenDatasetAwareAndNaive) {
  const std::vector<int64_t> labels = {0, 2, 4, 5, 1, 3};
  const Tensor x = random_tensor({6, 4}, 5), w = random_tensor({6, 4}, 6);
  DatasetClasses some = halves();
  some.kept = Tensor::from<int64_t>({3, 6, 4, 5, 0, 1, 6, 6, 5, 6, 2, 6}, {6, 2});
  for (const auto& [name, o] : every_margin(6)) {
    const auto aware = row_losses(with(o, halves()), x, w, labels),
               crossed = row_losses(with(o, some), x, w, labels), naive = row_losses(o, x, w, labels);
    for (size_t n = 0; n < labels.size(); ++n) {
      EXPECT_LE(aware[n], crossed[n] + 1e-12) << name << ", row " << n;
      EXPECT_LE(crossed[n], naive[n] + 1e-12) << name << ", row " << n;
    }
    EXPECT_LT(aware[0], crossed[0]) << name;
    EXPECT_LT(crossed[0], naive[0]) << name;
  }
}

void expect_same(const LossAndGradients& a, const LossAndGradients& b, const std::string& what) {
  EXPECT_EQ(a.loss, b.loss) << what;
  EXPECT_EQ(a.dx, b.dx) << what;
  EXPECT_EQ(a.dw, b.dw) << what;
}

TEST(DatasetAware, LimitsAreTheLossesThatTheyStandFor) {
  DatasetClasses one;
  one.offset = labels_of({0, 6});
  for (MarginGradient gradient : {MarginGradient::exact, MarginGradient::detached})
    for (auto [name, o] : every_margin(6)) {
      o.gradient = gradient;
      expect_same(f3(with(o, one)), f3(o), name + ", one data set");
      expect_same(f3(with(o, halves(1))), f3(o), name + ", all kept");
      DatasetClasses none = halves();
      none.kept = Tensor::from<int64_t>({6, 6, 6}, {3, 1});
      expect_same(f3(with(o, none)), f3(with(o, halves(0))), name + ", none kept");
    }
  const MarginOptions caffe = a_softmax(4, 5, MarginGradient::caffe_normalised);
  expect_same(f3(with(caffe, one)), f3(caffe), "Caffe, one data set");
  expect_same(f3(with(caffe, halves(1))), f3(caffe), "Caffe, all kept");
}

// Data set by data set, each with its own classes alone: the same loss, and the same gradients where they are not 0.
TEST(DatasetAware, IsEachDataSetByItself) {
  const Tensor x = random_tensor({4, 3}, 7), w = random_tensor({5, 3}, 8);
  const auto rows = [](const Tensor& t, int64_t first, int64_t last) {
    const std::vector<double> v = t.host<double>();
    return Tensor::from(std::vector<double>(v.begin() + first * 3, v.begin() + last * 3), {last - first, 3});
  };
  std::vector<NamedOptions> all = every_margin(6);
  all.push_back({"Caffe", a_softmax(3, 2, MarginGradient::caffe_normalised)});
  for (const auto& [name, options] : all) {
    MarginOptions o = options;
    const auto a = run_margin(rows(x, 0, 2), rows(w, 0, 2), labels_of({1, 0}), o),
               b = run_margin(rows(x, 2, 4), rows(w, 2, 5), labels_of({2, 0}), o);
    o.datasets.offset = labels_of({0, 2, 5});
    const auto both = run_margin(x, w, labels_of({1, 0, 4, 2}), o);
    EXPECT_NEAR(both.loss, (a.loss + b.loss) / 2, 1e-12) << name;
    std::vector<double> dx = a.dx, dw = a.dw;
    dx.insert(dx.end(), b.dx.begin(), b.dx.end()), dw.insert(dw.end(), b.dw.begin(), b.dw.end());
    for (double& v : dx) v /= 2;
    for (double& v : dw) v /= 2;
    expect_close(both.dx, dx, 1e-12, name + ", dx");
    expect_close(both.dw, dw, 1e-12, name + ", dw");
  }
}

TEST(DatasetAware, PredictionIsAmongTheClassesThatTakePart) {
  // Both rows lie on class 3, of the second data set.
  const Tensor w = random_tensor({6, 4}, 3);
  const std::vector<double> all = w.host<double>();
  std::vector<double> row(all.begin() + 12, all.begin() + 16);
  row.insert(row.end(), all.begin() + 12, all.begin() + 16);
  const Tensor on = Tensor::from(row, {2, 4});
  MarginOutput output;
  margin_cross_entropy(Var(on), Var(w), labels_of({0, 4}), with(normface(5), halves()), &output);
  EXPECT_LT(output.prediction.host<int64_t>()[0], 3);
  EXPECT_EQ(output.prediction.host<int64_t>()[1], 3);
  Tensor prediction;
  class_cross_entropy(Var(on), Var(w), {}, labels_of({0, 4}), DType::float32, &prediction, halves());
  EXPECT_LT(prediction.host<int64_t>()[0], 3);
}

// An embedding without a length has scale 0, a class without one score 0: no NaN anywhere.
TEST(DatasetAware, NothingBecomesNonFinite) {
  for (DType type : {DType::float32, DType::float64})
    for (const auto& [name, o] : every_margin(64)) {
      std::vector<double> x = random_tensor({3, 4}, 1).host<double>(),
                          w = random_tensor({6, 4}, 2).host<double>();
      std::fill(x.begin(), x.begin() + 4, 0.0), std::fill(w.begin() + 20, w.end(), 0.0);
      const auto r = run_margin(Tensor::from(x, {3, 4}, type), Tensor::from(w, {6, 4}, type), f3_labels(),
                                with(o, crossing()));
      EXPECT_TRUE(std::isfinite(r.loss)) << name;
      for (const auto& values : {r.dx, r.dw})
        for (double v : values) EXPECT_TRUE(std::isfinite(v)) << name;
    }
}

TEST(DatasetAware, BadInput) {
  const auto loss = [&](const DatasetClasses& d) {
    try {
      f3(with(arcface(4, 0.5), d));
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("nothing was thrown");
  };
  const auto expect_message = [&](const DatasetClasses& d, const char* words) {
    EXPECT_NE(loss(d).find(words), std::string::npos) << loss(d);
  };
  DatasetClasses d = halves();
  d.offset = labels_of({0, 3});
  expect_message(d, "expected offsets that ascend from 0 to 6, got 0, 3");
  d.offset = labels_of({0, 3, 3, 6});
  expect_message(d, "expected offsets that ascend from 0 to 6, got 0, 3, 3, 6");
  d.offset = labels_of({6});
  expect_message(d, "expected offsets int64 (datasets + 1) beside the scores");
  d.offset = Tensor::full({3}, 1);
  expect_message(d, "expected offsets int64 (datasets + 1) beside the scores");
  expect_message(halves(1.5), "expected a probability to keep a class, got 1.5");
  expect_message(halves(-0.1), "expected a probability to keep a class, got -0.1");
  d = halves();
  d.kept = labels_of({1, 2, 3});
  expect_message(d, "expected kept classes int64 (3,L) beside the scores, got (3)");
}

}  // namespace
}  // namespace fr::test
