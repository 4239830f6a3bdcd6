// Center loss: the figures, the update of the centres and what must not start one.
#include "fr/loss/center_loss.h"

#include <gtest/gtest.h>

#include "autograd/gradient_check.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

using Form = CenterOptions::Form;

// A term of two classes in double with centres (0,0) and (1,1), and rows (1,0), (0,2) of class 0, (2,1) of class 1.
class Center : public testing::Test {
 protected:
  void start(CenterTerm& term) const {
    *term.buffers().front().second = Tensor::from<double>({0, 0, 1, 1}, {2, 2});
  }
  static std::vector<double> centers(const CenterTerm& term) { return term.centers().host<double>(); }
  const Tensor x_ = Tensor::from<double>({1, 0, 0, 2, 2, 1}, {3, 2}), labels_ = labels_of({0, 0, 1});
  const std::vector<double> before_ = {0, 0, 1, 1}, after_ = {1.0 / 6, 1.0 / 3, 1.25, 1};
};

TEST_F(Center, Figures) {
  for (const Form form : {Form::sum, Form::mean}) {
    CenterTerm term({form, 0.5}, 2, 2);
    start(term);
    const Var x(x_, true), loss = term.loss(x, labels_, 0);
    backward(loss);
    const double N = form == Form::mean ? 3 : 1;
    EXPECT_NEAR(loss.value().item(), 3 / N, 1e-12);
    expect_close(x.grad().host<double>(), {1 / N, 0, 0, 2 / N, 1 / N, 0}, 1e-12);
    EXPECT_EQ(centers(term), before_);
    term.after_update();
    expect_close(centers(term), after_, 1e-12);
  }
}

TEST_F(Center, FiniteDifferences) {
  for (const Form form : {Form::sum, Form::mean}) {
    CenterTerm term({form, 0.5}, 4, 5);
    *term.buffers().front().second = random_tensor({4, 5}, 2);
    const Tensor labels = random_labels(9, 4, 3);
    EXPECT_EQ(gradient_error([&](const std::vector<Var>& v) { return term.loss(v[0], labels, 0); },
                             {random_tensor({9, 5}, 1)}),
              "");
  }
}

TEST_F(Center, TheUpdateComesOnceAndOnlyInTraining) {
  CenterTerm term({}, 2, 2);
  start(term);
  term.after_update();  // nothing to learn from
  EXPECT_EQ(centers(term), before_);
  term.train(false);
  term.loss(Var(x_), labels_, 0), term.after_update();
  EXPECT_EQ(centers(term), before_);
  term.train();
  term.loss(Var(x_), labels_, 0), term.forget(), term.after_update();
  EXPECT_EQ(centers(term), before_);
  term.loss(Var(x_), labels_, 0), term.after_update(), term.after_update();
  expect_close(centers(term), after_, 1e-12);
}

// An absent class stays where it is; the rate alone scales the step, not the weight of the loss.
TEST_F(Center, RateAndAbsentClasses) {
  CenterTerm term({Form::mean, 0.25}, 2, 2);
  start(term);
  const Var loss =
      affine(term.loss(Var(Tensor::from<double>({3, 6}, {1, 2}), true), labels_of({0}), 0), 1e-3, 0);
  backward(loss);
  term.after_update();
  expect_close(centers(term), {0.375, 0.75, 1, 1}, 1e-12);  // 1/4 of (3,6) / (1 + 1)
}

TEST_F(Center, ARefusedStepMovesNothing) {
  CenterTerm term({}, 2, 2);
  start(term);
  StepState state;
  for (const double norm : {HUGE_VAL, std::nan("")}) {
    state.squared_norm = norm;
    term.loss(Var(x_), labels_, {0, &state}), term.after_update();
    EXPECT_EQ(centers(term), before_);
  }
  state.squared_norm = 1e300;
  term.loss(Var(x_), labels_, {0, &state}), term.after_update();
  expect_close(centers(term), after_, 1e-12);
}

// The embeddings are those of the forward pass, whatever the backward pass does with their memory.
TEST_F(Center, LearnsFromTheEmbeddingsOfTheStep) {
  CenterTerm term({Form::sum, 0.5}, 2, 2);
  start(term);
  const Var leaf(x_, true);
  backward(term.loss(affine(leaf, 1, 0), labels_, 0));
  term.after_update();
  expect_close(centers(term), after_, 1e-12);
}

TEST_F(Center, StartsAtZeroAndIsABufferAlone) {
  CenterTerm term({}, 3, 2);
  EXPECT_TRUE(term.parameters().empty());
  ASSERT_EQ(term.buffers().size(), 1u);
  EXPECT_EQ(term.buffers().front().first, "centers");
  EXPECT_EQ(centers(term), std::vector<double>(6, 0));
}

TEST_F(Center, FloatIsDouble) {
  CenterTerm one({}, 7, 64), two({}, 7, 64);
  *two.buffers().front().second = Tensor::zeros({7, 64}, DType::float64);
  const Tensor x = random_tensor({31, 64}, 1, DType::float32), labels = random_labels(31, 7, 2);
  for (int step = 0; step < 3; ++step) {
    const Var a(x, true), b(x.to(DType::float64), true);
    const Var la = one.loss(a, labels, step), lb = two.loss(b, labels, step);
    backward(la), backward(lb);
    EXPECT_NEAR(la.value().item(), lb.value().item(), 2e-5 * lb.value().item());
    EXPECT_LE(relative_error(a.grad().host<double>(), b.grad().host<double>()), 2e-5);
    one.after_update(), two.after_update();
    EXPECT_LE(relative_error(centers(one), centers(two)), 2e-5);
  }
}

TEST_F(Center, SmallBatches) {
  CenterTerm term({}, 3, 2);
  const Var x(Tensor::full({4, 2}, 0), true);  // where the centres are: nothing to do
  const Var loss = term.loss(x, labels_of({1, 1, 1, 1}), 0);
  backward(loss);
  term.after_update();
  EXPECT_EQ(loss.value().item(), 0);
  EXPECT_EQ(x.grad().host<double>(), std::vector<double>(8, 0));
  EXPECT_EQ(centers(term), std::vector<double>(6, 0));
}

TEST_F(Center, RefusesWhatItCannotUse) {
  EXPECT_THROW(CenterTerm({}, 0, 2), std::invalid_argument);
  EXPECT_THROW(CenterTerm({Form::mean, 1.5}, 2, 2), std::invalid_argument);
  CenterTerm term({}, 2, 2);
  const Var x(Tensor::zeros({3, 2}));
  EXPECT_THROW(term.loss(x, labels_of({0, 1, 2}), 0), std::invalid_argument);
  EXPECT_THROW(term.loss(x, labels_of({0, 1}), 0), std::invalid_argument);
  EXPECT_THROW(term.loss(Var(x_), labels_, 0), std::invalid_argument);  // double beside float centres
}

}  // namespace
}  // namespace fr::test
