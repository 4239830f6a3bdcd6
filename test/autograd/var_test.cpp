// The graph: how gradients add, what is refused, how depth is survived, what is released.
#include <gtest/gtest.h>

#include "autograd/ops.h"

namespace fr {
namespace {

Var leaf(const std::vector<double>& values, bool requires_grad = true) {
  return Var(Tensor::from(values, {int64_t(values.size())}), requires_grad);
}

std::vector<double> grad(const Var& x) { return x.grad().host<double>(); }

TEST(Backward, ADiamondAddsBothPaths) {
  const Var x = leaf({2, -3});
  const Var a = affine(x, 3, 0), b = mul(x, x);
  backward(sum(add(mul(a, b), a)));  // 3 x^3 + 3 x
  EXPECT_EQ(grad(x), (std::vector<double>{9 * 4 + 3, 9 * 9 + 3}));
}

TEST(Backward, GradientsOfTwoGraphsAdd) {
  const Var x = leaf({2});
  backward(sum(mul(x, x)));
  backward(sum(affine(x, 5, 0)));
  EXPECT_EQ(grad(x), std::vector<double>{9});
}

TEST(Backward, LeavesDoNotShareAGradient) {
  const Var a = leaf({1, 2}), b = leaf({3, 4});
  const Tensor seed = Tensor::from<double>({1, 1}, {2});
  backward(add(a, b), seed);
  backward(add(a, a), seed);
  EXPECT_EQ(grad(a), (std::vector<double>{3, 3}));
  EXPECT_EQ(grad(b), (std::vector<double>{1, 1}));
  EXPECT_EQ(seed.host<double>(), (std::vector<double>{1, 1})) << "the caller's seed is not ours to change";
}

TEST(Backward, OnlyWhatNeedsAGradientGetsOne) {
  const Var x = leaf({2}), constant = leaf({7}, false);
  backward(mul(x, constant));
  EXPECT_EQ(grad(x), std::vector<double>{7});
  EXPECT_FALSE(constant.grad());
}

TEST(Backward, SeedMustFitTheRoot) {
  const Var x = leaf({1, 2});
  EXPECT_THROW(backward(mul(x, x)), std::invalid_argument) << "two elements need a seed";
  EXPECT_THROW(backward(mul(x, x), Tensor::zeros({3}, DType::float64)), std::invalid_argument);
  EXPECT_THROW(backward(mul(x, x), Tensor::zeros({2}, DType::float32)), std::invalid_argument);
  EXPECT_FALSE(x.grad()) << "a refused walk leaves nothing behind";
}

void expect_refused(const Var& root, const std::string& why) {
  try {
    backward(root);
    ADD_FAILURE() << "expected: " << why;
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
  }
}

TEST(Backward, RefusesWhatHasNoGraph) {
  expect_refused(Var(), "empty");
  expect_refused(leaf({1}), "leaf");
  expect_refused(sum(leaf({1}, false)), "no input required a gradient");
}

TEST(Backward, AGraphIsWalkedOnce) {
  const Var x = leaf({2}), shared = mul(x, x), y = sum(shared);
  backward(y);
  expect_refused(y, "walked before");
  expect_refused(sum(affine(shared, 2, 0)), "'mul' was walked before");
  EXPECT_EQ(grad(x), std::vector<double>{4}) << "a refused walk adds nothing";
}

TEST(Backward, ReleasesIntermediatesAsItPasses) {
  const Var x = leaf({2});
  std::weak_ptr<Node> square;
  Var y;
  {
    const Var s = mul(x, x);
    square = s.node();
    y = sum(s);
  }
  EXPECT_FALSE(square.expired());
  backward(y);
  EXPECT_TRUE(square.expired());
  EXPECT_FALSE(y.grad());
  EXPECT_EQ(y.value().item(), 4) << "a value that somebody holds stays";
}

TEST(NoGrad, RecordsNothingAndNests) {
  const Var x = leaf({2});
  {
    NoGrad outer;
    { NoGrad inner; }
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE(mul(x, x).requires_grad());
    EXPECT_TRUE(mul(x, x).node()->inputs.empty());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE(mul(x, x).requires_grad());
}

TEST(Detach, CutsTheGraph) {
  const Var x = leaf({3});
  const Var y = mul(x, x);
  backward(sum(mul(y.detach(), x)));  // 9 x with 9 held fixed
  EXPECT_EQ(grad(x), std::vector<double>{9});
}

TEST(Record, AnOptionalInputMayBeEmpty) {
  const Var x = leaf({3});
  const Var y = record("test", x.value().clone(), {x, Var()}, [](Node& self) {
    EXPECT_FALSE(grad_of(self, 1));
    hand_over_gradient(self, 1);
    hand_over_gradient(self, 0);
  });
  backward(y);
  EXPECT_EQ(grad(x), std::vector<double>{1});
}

Var chain(const Var& x, int length) {
  Var y = x;
  for (int i = 0; i < length; ++i) y = affine(y, 1, 1);
  return y;
}

TEST(Depth, AHundredThousandOpsAreWalked) {
  const Var x = leaf({1});
  const Var y = chain(x, 100000);
  EXPECT_EQ(y.value().item(), 100001);
  backward(y);
  EXPECT_EQ(grad(x), std::vector<double>{1});
}

TEST(Depth, AMillionOpsAreReleasedWithoutRecursion) {
  const Var x = leaf({1});
  { const Var y = chain(x, 1000000); }
  EXPECT_EQ(x.node().use_count(), 1);
}

// Two arms that share every node: as many paths as 2^1000, walked once.
TEST(Depth, ALadderOfDiamondsIsWalkedOnce) {
  const Var x = leaf({1});
  Var y = x;
  for (int i = 0; i < 1000; ++i) y = affine(add(y, y), 0.5, 0);
  backward(y);
  EXPECT_EQ(grad(x), std::vector<double>{1});
}

}  // namespace
}  // namespace fr
