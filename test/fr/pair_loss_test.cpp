// Contrastive and triplet loss: figures of an independent implementation and of hand calculation, finite differences down to
// the raw embeddings, batches in which there is nothing to compare.
#include "fr/loss/pair_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "autograd/gradient_check.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

using Form = Contrastive::Form;
using Weights = Contrastive::Weights;

struct Result {
  double loss;
  std::vector<double> dx;
};
Result run(LossTerm& term, const Tensor& x, const Tensor& labels) {
  const Var xv(x.clone(), true);
  const Var loss = term.loss(xv, labels, 0);
  backward(loss);
  return {loss.value().item(), xv.grad().host<double>()};
}

ContrastiveOptions contrastive(Form form, Weights weights, double margin, Features features) {
  ContrastiveOptions o;
  o.form = form, o.weights = weights, o.margin = margin, o.features = features;
  return o;
}
std::vector<ContrastiveOptions> all_contrastive() {
  std::vector<ContrastiveOptions> all;
  for (const Form form : {Form::distance, Form::squared})
    for (const Weights weights : {Weights::balanced, Weights::pairs})
      for (const Features features : {Features::unit, Features::raw})
        all.push_back(contrastive(form, weights, form == Form::distance ? 1.4 : 2.1, features));
  return all;
}
// f(term, its name) for each way of comparing.
void for_terms(const std::function<void(LossTerm&, const std::string&)>& f) {
  for (const ContrastiveOptions& o : all_contrastive()) {
    ContrastiveTerm term(o);
    f(term,
      cat("contrastive, form ", int(o.form), ", weights ", int(o.weights), ", features ", int(o.features)));
  }
  for (const double margin : {0.2, 1.0}) {
    TripletTerm term({margin});
    f(term, cat("triplet, margin ", margin));
  }
}

// --- figures ---

Result two_rows(Form form, double margin, const std::vector<int64_t>& labels) {
  ContrastiveTerm term(contrastive(form, Weights::balanced, margin, Features::raw));
  Tensor x = f1_x();
  with_kernels(x, [&](const auto& k) { k.affine_forward(x.data(), x.data(), 0.2, 0, x.size()); });
  return run(term, x, labels_of(labels));
}

TEST(ContrastiveLoss, Figures) {
  EXPECT_NEAR(two_rows(Form::distance, 1, {0, 0}).loss, 0.046987329352, 1e-12);
  EXPECT_NEAR(two_rows(Form::distance, 1, {0, 1}).loss, 0.240434464900, 1e-12);
  const Result r = two_rows(Form::distance, 2, {0, 1});
  EXPECT_NEAR(r.loss, 1.433881600448, 1e-12);
  expect_close(r.dx,
               {0.957776319, -0.716771352, -0.773072234, 0.915983554, -0.957776319, 0.716771352, 0.773072234,
                -0.915983554},
               1e-9);
  const double half_d2 = 0.306552864452 * 0.306552864452 / 2;
  EXPECT_NEAR(two_rows(Form::squared, 1, {0, 0}).loss, half_d2, 1e-12);
  EXPECT_NEAR(two_rows(Form::squared, 1, {0, 1}).loss, 0.5 - half_d2, 1e-12);
}

// Rows at 0, 1/2 and 2 of a line, classes 0, 0, 1, margin 4: l = 1/4 of one class, (4 - 2)^2 and (4 - 3/2)^2 of two.
TEST(ContrastiveLoss, WeightsOfTheTwoKinds) {
  const Tensor x = Tensor::from<double>({0, 0.5, 2}, {3, 1}), labels = labels_of({0, 0, 1});
  ContrastiveTerm pairs(contrastive(Form::distance, Weights::pairs, 4, Features::raw)),
      balanced(contrastive(Form::distance, Weights::balanced, 4, Features::raw));
  EXPECT_NEAR(run(pairs, x, labels).loss, (0.25 + 4 + 6.25) / 6, 1e-12);
  EXPECT_NEAR(run(balanced, x, labels).loss, 0.25 / 4 + (4 + 6.25) / 8, 1e-12);
}

const std::vector<double> kOnTheCircle = {1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1};

Tensor distances(const Tensor& x) { return squared_distances(Var(x)).value(); }
std::vector<int64_t> picks(const std::vector<SelectedTriplet>& selected) {
  std::vector<int64_t> all;
  for (const SelectedTriplet& t : selected) all.push_back(t.negative);
  return all;
}

TEST(TripletLoss, Figures) {
  const Tensor x = Tensor::from(kOnTheCircle, {4, 2}), labels = labels_of({0, 1, 0, 1});
  const std::vector<SelectedTriplet> selected = selected_triplets(distances(x), labels, {0.5});
  EXPECT_EQ(picks(selected), (std::vector<int64_t>{3, 0, 3, 0}));
  const std::vector<double> losses = {0, 0.9, 0.9, 0};
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(selected[i].loss, losses[i], 1e-12);
  TripletTerm wide({0.5}), usual({0.2});
  EXPECT_NEAR(run(wide, x, labels).loss, 0.45, 1e-12);
  const Tensor neighbours = labels_of({0, 0, 1, 1});
  EXPECT_EQ(picks(selected_triplets(distances(x), neighbours, {0.2})), (std::vector<int64_t>{2, 3, 0, 1}));
  EXPECT_EQ(run(usual, x, neighbours).loss, 0);
}

// Rows on a line, classes 0, 0, 1, 1. The first anchor has both others at distance 2, behind its positive; then at distance 1,
// where no row is behind it.
TEST(TripletLoss, TiesGoToTheLowestRow) {
  const Tensor labels = labels_of({0, 0, 1, 1});
  const auto picked = [&](const std::vector<double>& x) {
    return picks(selected_triplets(distances(Tensor::from(x, {4, 1})), labels, {}));
  };
  EXPECT_EQ(picked({0, 1, 2, -2}), (std::vector<int64_t>{2, 3, 0, 1}));
  EXPECT_EQ(picked({0, 5, 1, -1}), (std::vector<int64_t>{2, 3, 1, 1}));
}

// --- derivatives ---

TEST(PairLosses, FiniteDifferences) {
  const Tensor labels = random_labels(11, 4, 3);
  for_terms([&](LossTerm& term, const std::string& name) {
    const auto f = [&](const std::vector<Var>& v) { return term.loss(v[0], labels, 0); };
    EXPECT_EQ(gradient_error(f, {random_tensor({11, 5}, 1)}), "") << name;
  });
}

TEST(PairLosses, SquaredDistancesAreDifferentiable) {
  for (const Shape& shape : {Shape{1, 1}, {5, 3}, {2, 1}})
    EXPECT_EQ(gradient_error([](const std::vector<Var>& v) { return squared_distances(v[0]); },
                             {random_tensor(shape, 1)}),
              "");
}

// What the finite differences cannot see: that something is there to differentiate.
TEST(PairLosses, EveryTermMovesTheEmbeddings) {
  const Tensor labels = random_labels(11, 4, 3), x = random_tensor({11, 5}, 1);
  for_terms([&](LossTerm& term, const std::string& name) {
    const Result r = run(term, x, labels);
    EXPECT_GT(r.loss, 0.01) << name;
    EXPECT_GT(*std::max_element(r.dx.begin(), r.dx.end()), 1e-3) << name;
  });
}

TEST(PairLosses, FloatIsDouble) {
  for (const auto& [N, D] : {std::pair<int64_t, int64_t>{11, 5}, {64, 128}}) {
    const Tensor labels = random_labels(N, N / 3, 3), x = random_tensor({N, D}, 1, DType::float32);
    for_terms([&, n = N](LossTerm& term, const std::string& name) {
      const Result one = run(term, x, labels), two = run(term, x.to(DType::float64), labels);
      EXPECT_NEAR(one.loss, two.loss, 2e-5 * std::abs(two.loss)) << name << ", " << n;
      EXPECT_LE(relative_error(one.dx, two.dx), 2e-5) << name << ", " << n;
    });
  }
}

// --- batches in which there is little to compare ---

bool finite(const Result& r) {
  return std::isfinite(r.loss) &&
         std::all_of(r.dx.begin(), r.dx.end(), [](double d) { return std::isfinite(d); });
}
bool nothing(const Result& r) {
  return r.loss == 0 && std::all_of(r.dx.begin(), r.dx.end(), [](double d) { return d == 0; });
}

TEST(PairLosses, BatchesWithoutAPair) {
  const Tensor one = random_tensor({1, 5}, 1, DType::float32), x = random_tensor({6, 5}, 1, DType::float32);
  for_terms([&](LossTerm& term, const std::string& name) {
    EXPECT_TRUE(nothing(run(term, one, labels_of({2})))) << name;
    EXPECT_TRUE(finite(run(term, x, labels_of({1, 1, 1, 1, 1, 1})))) << name;
    EXPECT_TRUE(finite(run(term, x, labels_of({0, 1, 2, 3, 4, 5})))) << name;
  });
  TripletTerm triplet({});
  EXPECT_TRUE(nothing(run(triplet, x, labels_of({1, 1, 1, 1, 1, 1}))));
  EXPECT_TRUE(nothing(run(triplet, x, labels_of({0, 1, 2, 3, 4, 5}))));
}

// One kind alone has the whole weight.
TEST(ContrastiveLoss, BatchesOfOneKind) {
  const Tensor x = Tensor::from<double>({0, 0.5, 2}, {3, 1});
  ContrastiveTerm term(contrastive(Form::distance, Weights::balanced, 1, Features::raw));
  EXPECT_NEAR(run(term, x, labels_of({1, 1, 1})).loss, (0.25 + 4 + 2.25) / 6, 1e-12);
  EXPECT_NEAR(run(term, x, labels_of({0, 1, 2})).loss, 0.25 / 6, 1e-12);
}

TEST(PairLosses, EqualAndZeroRows) {
  const Tensor labels = labels_of({0, 0, 1, 1, 2, 2});
  for (const double value : {0.0, 1.0, 1e-20, -3e-12}) {
    const Tensor x = Tensor::full({6, 5}, value);  // float
    for_terms([&](LossTerm& term, const std::string& name) {
      const Result r = run(term, x, labels);
      EXPECT_TRUE(finite(r)) << name << " of rows " << value;
      EXPECT_TRUE(std::all_of(r.dx.begin(), r.dx.end(), [](double d) { return d == 0; }))
          << name << ": rows at one place have no direction to move in";
    });
  }
  const Tensor x = random_tensor({6, 5}, 1, DType::float32);
  std::fill(x.as<float>(), x.as<float>() + 5, 0.0f);                      // a row without length
  std::copy(x.as<float>() + 10, x.as<float>() + 15, x.as<float>() + 20);  // equal rows of two classes
  std::copy(x.as<float>() + 10, x.as<float>() + 15, x.as<float>() + 15);  // and of one
  x.as<float>()[15] += 1e-7f;                                             // nearly
  for_terms(
      [&](LossTerm& term, const std::string& name) { EXPECT_TRUE(finite(run(term, x, labels))) << name; });
}

TEST(PairLosses, EmbeddingsOfEverySize) {
  Random random({1, Purpose::test});
  for (int round = 0; round < 100; ++round) {
    const Tensor x = random_tensor({12, 6}, uint64_t(round), DType::float32),
                 labels = random_labels(12, 4, uint64_t(round));
    for (int64_t n = 0; n < 12; ++n) {
      const auto size = float(std::pow(10, random.uniform(-30, 15)));
      for (int64_t d = 0; d < 6; ++d) x.as<float>()[n * 6 + d] *= size;
    }
    for_terms([&](LossTerm& term, const std::string& name) {
      EXPECT_TRUE(finite(run(term, x, labels))) << name << ", round " << round;
    });
  }
}

// A broken embedding is not hidden by a comparison.
TEST(PairLosses, NaNPasses) {
  const Tensor x = random_tensor({4, 5}, 1), labels = labels_of({0, 0, 1, 1});
  x.as<double>()[7] = std::nan("");
  for_terms([&](LossTerm& term, const std::string& name) {
    EXPECT_TRUE(std::isnan(run(term, x, labels).loss)) << name;
  });
}

TEST(PairLosses, RefuseWhatTheyCannotUse) {
  const Var x(random_tensor({4, 5}, 1)), d2 = squared_distances(x);
  const Tensor labels = labels_of({0, 0, 1, 1});
  EXPECT_THROW(squared_distances(Var(random_tensor({4}, 1))), std::invalid_argument);
  EXPECT_THROW(contrastive_loss(x, labels, {}), std::invalid_argument);
  EXPECT_THROW(contrastive_loss(d2, labels_of({0, 1}), {}), std::invalid_argument);
  EXPECT_THROW(contrastive_loss(d2, labels, {Form::distance, Weights::pairs, 0}), std::invalid_argument);
  EXPECT_THROW(triplet_loss(x, labels, {}), std::invalid_argument);
  EXPECT_THROW(triplet_loss(d2, labels, {std::nan("")}), std::invalid_argument);
  EXPECT_THROW(triplet_loss(d2, {}, {}), std::invalid_argument);
  EXPECT_THROW(ContrastiveTerm({{.margin = 0}}), std::invalid_argument);  // before the first batch
  EXPECT_THROW(TripletTerm({-0.1}), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
