// The lower bounds against printed figures, and against the losses that they speak of.
#include "fr/loss/bounds.h"

#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr double kHalfADigit = 0.5e-6;

TEST(Bounds, PrintedFigures) {
  struct Row {
    int64_t M;
    double p, l2, cosface, floor;
  };
  for (const Row& r :
       {Row{10, 0.9, 4.276666, 3.955004, 1.376935}, Row{1000, 0.9, 9.102978, 9.094875, 5.908474},
        Row{10572, 0.9, 11.463000, 11.462010, 8.266032}, Row{20000, 0.9, 12.100612, 12.100057, 8.903523},
        Row{21000, 0.9, 12.149407, 12.148876, 8.952312}, Row{85742, 0.9, 13.556299, 13.556153, 10.359106},
        Row{20000, 0.99, 14.498507, 14.497832, 8.903523}}) {
    EXPECT_NEAR(l2_softmax_scale_bound(r.M, r.p), r.l2, kHalfADigit) << r.M;
    EXPECT_NEAR(cosface_scale_bound(r.M, r.p), r.cosface, kHalfADigit) << r.M;
    EXPECT_NEAR(normface_loss_floor(r.M, 1), r.floor, kHalfADigit) << r.M;
  }
}

// M directions as far apart as can be, cosine -1 / (M - 1): unit vectors less their mean.
Tensor simplex(int64_t M) {
  std::vector<double> v(size_t(M * M), -1.0 / double(M));
  for (int64_t m = 0; m < M; ++m) v[size_t(m * M + m)] += 1;
  return Tensor::from(v, {M, M});
}

// Each embedding on its class, and the classes as far apart as can be: the loss is the floor, and at CosFace's bound the
// label has the wanted probability.
TEST(Bounds, AreReachedByTheLoss) {
  for (int64_t M : {2, 5, 12}) {
    std::vector<int64_t> label(static_cast<size_t>(M));
    for (int64_t m = 0; m < M; ++m) label[size_t(m)] = m;
    const auto loss = [&](double s) {
      return margin_cross_entropy(Var(simplex(M)), Var(simplex(M)), labels_of(label), normface(s))
          .value()
          .item();
    };
    for (double s : {0.5, 1.0, 4.0, 30.0})
      EXPECT_NEAR(loss(s), normface_loss_floor(M, s), 1e-12) << M << " " << s;
    EXPECT_NEAR(std::exp(-loss(cosface_scale_bound(M, 0.9))), 0.9, 1e-12) << M;
  }
}

// Liu et al. 2017, Eq. 8 to 10: the largest angle within a class against the smallest between two, for weights `angle`
// apart.
TEST(Bounds, ASoftmaxSeparatesFromItsBoundOn) {
  const double angle = 0.7;
  const auto separates = [&](int64_t M, double m) {
    const double within = M == 2 ? angle / (m - 1) + angle / (m + 1) : 2 * angle / (m + 1);
    return within <= a_softmax_angular_margin(m, angle);
  };
  for (int64_t M : {2, 3, 10}) {
    EXPECT_TRUE(separates(M, a_softmax_margin_bound(M) + 1e-9)) << M;
    EXPECT_FALSE(separates(M, a_softmax_margin_bound(M) - 1e-9)) << M;
  }
  EXPECT_NEAR(a_softmax_margin_bound(2), 3.7320508, 0.5e-7);
}

TEST(Bounds, Errors) {
  EXPECT_THROW(a_softmax_margin_bound(1), std::invalid_argument);
  EXPECT_THROW(a_softmax_angular_margin(0.5, 1), std::invalid_argument);
  EXPECT_THROW(l2_softmax_scale_bound(2, 0.9), std::invalid_argument);
  EXPECT_THROW(cosface_scale_bound(10, 1), std::invalid_argument);
  EXPECT_THROW(normface_loss_floor(10, 0), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
