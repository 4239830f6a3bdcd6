// The checker must be able to fail: wrong backward passes are planted and it has to name input, index and numbers.
#include "autograd/gradient_check.h"

#include <gtest/gtest.h>

#include "autograd/ops.h"

namespace fr {
namespace {

// y = x^2 with a backward pass of our choosing.
std::string error_with(const std::function<void(Node&)>& backward) {
  const auto square = [&](const std::vector<Var>& v) {
    const Var y = unary(v[0], Unary::square);
    return record("planted", y.value(), {v[0]}, backward);
  };
  return gradient_error(square, {Tensor::from<double>({0.5, -1.5, 2}, {3})});
}

void add_correct(Node& self) {
  const Tensor dx = grad_of(self, 0);
  if (!dx) return;
  for (int i = 0; i < 3; ++i)
    dx.as<double>()[i] += 2 * self.inputs[0]->value.as<double>()[i] * self.grad.as<double>()[i];
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(GradientCheck, AcceptsTheRightOne) { EXPECT_EQ(error_with(add_correct), ""); }

TEST(GradientCheck, FindsAWrongNumber) {
  const std::string e = error_with([](Node& self) {
    add_correct(self);
    self.inputs[0]->grad.as<double>()[2] += 1e-5;
  });
  EXPECT_TRUE(contains(e, "input 0, index 2: expected")) << e;
  EXPECT_TRUE(contains(e, "got")) << e;
}

TEST(GradientCheck, FindsNaN) {
  const std::string e = error_with([](Node& self) {
    add_correct(self);
    self.inputs[0]->grad.as<double>()[1] = std::numeric_limits<double>::quiet_NaN();
  });
  EXPECT_TRUE(contains(e, "index 1")) << e;
  EXPECT_TRUE(contains(e, "nan")) << e;
}

TEST(GradientCheck, FindsAssigningInsteadOfAdding) {
  const std::string e = error_with([](Node& self) {
    grad_of(self, 0).fill(0);
    add_correct(self);
  });
  EXPECT_TRUE(contains(e, "input 0, index 0")) << e;
}

TEST(GradientCheck, FindsAMissingGradient) {
  EXPECT_TRUE(contains(error_with([](Node&) {}), "input 0, index 0")) << "nothing added";
}

TEST(GradientCheck, FindsAGradientThatChangesFromGraphToGraph) {
  int calls = 0;
  const std::string e = error_with([&](Node& self) {
    add_correct(self);
    if (++calls > 1) self.inputs[0]->grad.as<double>()[0] += 1e-12;
  });
  EXPECT_TRUE(contains(e, "a second graph: input 0, index 0")) << e;
}

TEST(GradientCheck, FindsAGradientForAnInputThatNeedsNone) {
  const auto f = [](const std::vector<Var>& v) {
    const Var y = mul(v[0], v[1]);
    return record("planted", y.value(), {v[0], v[1]}, [](Node& self) {
      for (size_t i : {0, 1}) {
        const Tensor dx = self.inputs[i]->grad_or_zero();  // wrong: without asking grad_of()
        dx.as<double>()[0] += self.grad.as<double>()[0] * self.inputs[1 - i]->value.as<double>()[0];
      }
    });
  };
  const std::string e = gradient_error(f, {Tensor::from<double>({2}, {1}), Tensor::from<double>({3}, {1})});
  EXPECT_TRUE(contains(e, "without input 0: input 0 needs no gradient but got one")) << e;
}

TEST(GradientCheck, WantsDouble) {
  const auto f = [](const std::vector<Var>& v) { return v[0]; };
  EXPECT_THROW(gradient_error(f, {Tensor::zeros({1})}), std::invalid_argument);
}

}  // namespace
}  // namespace fr
