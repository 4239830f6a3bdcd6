// A gradient reaches every parameter of a network that ends with BN-FC-BN.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include "fr/backbone/backbone.h"
#include "test/fr/oracle.h"

namespace fr::test {

inline double mean_size(const Tensor& t) {
  double sum = 0;
  for (double v : t.host<double>()) sum += std::abs(v) / double(t.size());
  return sum;
}

// On average larger than `least`; of rounding errors only where idle(name); none for the last gamma, which is frozen.
template <class Idle>
void expect_parameters_learn(Backbone& net, const Var& pictures, double least, const Idle& idle) {
  const Var y = net.forward(pictures);
  ASSERT_EQ(y.shape(), (Shape{pictures.dim(0), net.embedding()}));
  backward(y, random_tensor(y.shape(), 2, DType::float32));
  for (const auto& [name, p] : net.parameters()) {
    if (name == "output.bn2.weight") {
      EXPECT_FALSE(p->var.requires_grad() || p->var.grad()) << "the last gamma is frozen";
      continue;
    }
    ASSERT_TRUE(p->var.grad()) << name;
    const double size = mean_size(p->var.grad());
    EXPECT_TRUE(idle(name) ? size < 1e-5 : size > least && std::isfinite(size)) << name << ' ' << size;
  }
}

}  // namespace fr::test
