// The margin op against compositions of other ops and against what must always hold. What concerns every margin:
// margin_family_test.cpp.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

struct BackendGuard {
  std::string before = kernels<float>().name;
  ~BackendGuard() { select_backend(before); }
};

// The finite-difference test sees a wrong gradient: the Caffe and the detached ones are none.
TEST(MarginLoss, FiniteDifferencesCanFail) {
  const Tensor labels = random_labels(5, 7, 3);
  for (MarginGradient gradient : {MarginGradient::caffe_normalised, MarginGradient::detached}) {
    const MarginOptions options = a_softmax(4, 1, gradient);
    const auto f = [&](const std::vector<Var>& v) {
      return margin_cross_entropy(v[0], v[1], labels, options);
    };
    EXPECT_NE(gradient_error(f, {random_tensor({5, 5}, 1), random_tensor({7, 5}, 2)}), "");
  }
}

// No margin: scaled scores from other ops give the same loss and the same gradients.
TEST(MarginLoss, EqualsCompositionOfOps) {
  const Tensor x = random_tensor({9, 6}, 4), w = random_tensor({11, 6}, 5), labels = random_labels(9, 11, 6);
  for (const bool fixed : {false, true}) {
    MarginOptions options;
    options.scale = fixed ? LogitScale::fixed : LogitScale::embedding_norm;
    const LossAndGradients r = run_margin(x, w, labels, options);
    const Var xv(x.clone(), true), wv(w.clone(), true);
    const Var z = fixed ? affine(linear(l2_normalize(xv), l2_normalize(wv)), options.s, 0)
                        : linear(xv, l2_normalize(wv));
    const Var loss = softmax_cross_entropy(z, labels);
    backward(loss);
    EXPECT_NEAR(r.loss, loss.value().item(), 1e-12);
    expect_close(r.dx, xv.grad().host<double>(), 1e-12);
    expect_close(r.dw, wv.grad().host<double>(), 1e-12);
  }
}

TEST(MarginLoss, ASoftmaxWithMOneIsModifiedSoftmax) {
  const Tensor x = random_tensor({9, 6}, 4), w = random_tensor({11, 6}, 5), labels = random_labels(9, 11, 6);
  MarginOptions modified;
  modified.scale = LogitScale::embedding_norm;
  for (MarginGradient gradient :
       {MarginGradient::exact, MarginGradient::detached, MarginGradient::caffe_normalised}) {
    modified.gradient = gradient;
    const LossAndGradients expected = run_margin(x, w, labels, modified);
    for (double lambda : {0.0, 5.0, 1000.0}) {
      const LossAndGradients r = run_margin(x, w, labels, a_softmax(1, lambda, gradient));
      EXPECT_NEAR(r.loss, expected.loss, 1e-12);
      expect_close(r.dx, expected.dx, 1e-12);
      expect_close(r.dw, expected.dw, 1e-12);
    }
  }
}

// Class weights enter by their direction only, also with the scale |x|; the exact gradient shrinks as they
// grow.
TEST(MarginLoss, LengthOfClassWeightsDoesNotMatter) {
  const Tensor x = random_tensor({9, 6}, 4), w = random_tensor({11, 6}, 5), labels = random_labels(9, 11, 6);
  std::vector<double> longer = w.host<double>();
  for (double& v : longer) v *= 8;
  const LossAndGradients a = run_margin(x, w, labels, a_softmax(4, 5));
  const LossAndGradients b = run_margin(x, Tensor::from(longer, {11, 6}), labels, a_softmax(4, 5));
  EXPECT_NEAR(a.loss, b.loss, 1e-13);
  expect_close(b.dx, a.dx, 1e-13);
  for (size_t i = 0; i < a.dw.size(); ++i) EXPECT_NEAR(8 * b.dw[i], a.dw[i], 1e-13);
}

TEST(MarginLoss, SoftmaxIsShiftInvariant) {
  const Tensor z = random_tensor({9, 11}, 7), labels = random_labels(9, 11, 6);
  const Var a(z.clone(), true), b(affine(Var(z), 1, 123).value(), true);
  const Var la = softmax_cross_entropy(a, labels), lb = softmax_cross_entropy(b, labels);
  EXPECT_NEAR(la.value().item(), lb.value().item(), 1e-12);
  backward(la), backward(lb);
  const std::vector<double> d = a.grad().host<double>(), shifted = b.grad().host<double>();
  expect_close(shifted, d, 1e-12);
  for (size_t n = 0; n < 9; ++n) {
    double sum = 0;
    for (size_t m = 0; m < 11; ++m) sum += d[n * 11 + m];
    EXPECT_NEAR(sum, 0, 1e-15);
  }
}

TEST(MarginLoss, RowsWithoutDirection) {
  for (const bool caffe : {false, true}) {
    std::vector<double> x = random_tensor({3, 4}, 8).host<double>(),
                        w = random_tensor({5, 4}, 9).host<double>();
    std::fill(x.begin() + 4, x.begin() + 8, 0.0);
    std::fill(w.begin() + 8, w.begin() + 12, 0.0);
    const MarginOptions options =
        a_softmax(4, 5, caffe ? MarginGradient::caffe_normalised : MarginGradient::exact);
    const LossAndGradients r =
        run_margin(Tensor::from(x, {3, 4}), Tensor::from(w, {5, 4}), labels_of({2, 1, 0}), options);
    EXPECT_TRUE(std::isfinite(r.loss));
    for (double v : r.dx) EXPECT_TRUE(std::isfinite(v));
    for (double v : r.dw) EXPECT_TRUE(std::isfinite(v));
    for (size_t d = 4; d < 8; ++d) EXPECT_EQ(r.dx[d], 0);
    for (size_t d = 8; !caffe && d < 12; ++d) EXPECT_EQ(r.dw[d], 0);
  }
}

TEST(MarginLoss, ByProducts) {
  MarginOutput output;
  margin_cross_entropy(Var(f1_x()), Var(f1_w()), labels_of({0, 2}), cosface(30, 0.35), &output);
  // cosines .749 -.835 .783; .623 -.805 .848
  EXPECT_EQ(output.prediction.host<int64_t>(), (std::vector<int64_t>{2, 2}));
  expect_close(output.class_norm.host<double>(), {1.432718636, 1.500765451, 1.50142854}, 1e-9);
}

// More classes than are normalised at one time.
TEST(MarginLoss, ManyClasses) {
  const Tensor x = random_tensor({3, 2}, 4), w = random_tensor({1100, 2}, 5),
               labels = labels_of({0, 600, 1099});
  MarginOptions options;
  const LossAndGradients r = run_margin(x, w, labels, options);
  const Var xv(x.clone(), true), wv(w.clone(), true);
  const Var loss =
      softmax_cross_entropy(affine(linear(l2_normalize(xv), l2_normalize(wv)), options.s, 0), labels);
  backward(loss);
  EXPECT_NEAR(r.loss, loss.value().item(), 1e-12);
  expect_close(r.dx, xv.grad().host<double>(), 1e-12);
  expect_close(r.dw, wv.grad().host<double>(), 1e-12);
}

TEST(MarginLoss, OnlyWantedGradients) {
  const Var x(f1_x(), true), w(f1_w());
  backward(margin_cross_entropy(x, w, labels_of({0, 2}), cosface(30, 0.35)));
  EXPECT_TRUE(x.grad());
  EXPECT_FALSE(w.grad());
}

TEST(MarginLoss, Errors) {
  const Var x(f1_x()), w(f1_w());
  const auto fails = [&](const Var& xv, const Var& wv, const Tensor& labels, const MarginOptions& options) {
    EXPECT_THROW(margin_cross_entropy(xv, wv, labels, options), std::invalid_argument);
  };
  fails(x, w, labels_of({0, 3}), cosface(30, 0.35));
  fails(x, w, labels_of({0, -1}), cosface(30, 0.35));
  fails(x, w, labels_of({0}), cosface(30, 0.35));
  fails(x, Var(sine({3, 5}, 1, 1, 1)), labels_of({0, 2}), cosface(30, 0.35));
  fails(x, w, labels_of({0, 2}), cosface(0, 0.35));
  fails(x, w, labels_of({0, 2}), a_softmax(5, 0));
  fails(x, w, labels_of({0, 2}), a_softmax(4, -1));
  MarginOptions caffe = cosface(30, 0.35);
  caffe.gradient = MarginGradient::caffe_normalised;
  fails(x, w, labels_of({0, 2}), caffe);
}

// Every float backend against double. 2e-5 of the largest value: 512 products a cosine, then exp of up to 30
// c.
TEST(MarginLoss, FloatAgreesWithDouble) {
  const BackendGuard guard;
  struct Size {
    int64_t N, M, D;
  };
  for (const Size& s : {Size{1, 1, 1}, Size{13, 67, 33}, Size{33, 403, 512}}) {
    const Tensor x = random_tensor({s.N, s.D}, 10, DType::float32),
                 w = random_tensor({s.M, s.D}, 11, DType::float32);
    const Tensor labels = random_labels(s.N, s.M, 12);
    for (MarginOptions options :
         {a_softmax(4, 5), a_softmax(4, 5, MarginGradient::caffe_normalised),
          a_softmax(4, 5, MarginGradient::detached), a_softmax(2, 100), cosface(30, 0.35), l_softmax(4, 5),
          arcface(30, 0.5), combined(30, 0.9, 0.4, 0.15)}) {
      const LossAndGradients expected =
          run_margin(x.to(DType::float64), w.to(DType::float64), labels, options);
      for (const Kernels<float>* backend : all_backends()) {
        select_backend(backend->name);
        const LossAndGradients r = run_margin(x, w, labels, options);
        const std::string what = cat(backend->name, " N ", s.N, " M ", s.M, " m ", options.margin.m);
        EXPECT_TRUE(std::abs(r.loss - expected.loss) <= 2e-5 * std::max(1.0, std::abs(expected.loss)))
            << what;
        if (s.M == 1) continue;  // one class: every gradient is zero up to rounding
        EXPECT_TRUE(relative_error(r.dx, expected.dx) <= 2e-5)
            << what << ": " << relative_error(r.dx, expected.dx);
        EXPECT_TRUE(relative_error(r.dw, expected.dw) <= 2e-5)
            << what << ": " << relative_error(r.dw, expected.dw);
      }
    }
  }
}

}  // namespace
}  // namespace fr::test
