// Embeds one blank picture with an untrained network, through the installed library and headers only.
#include <cstdio>

#include "fr/backbone/sphereface.h"

int main() {
  fr::SphereFace network({.depth = 4, .embedding = 8});
  network.train(false);
  const fr::NoGrad no_grad;
  const fr::Var y = network.forward(fr::Var(fr::Tensor::zeros({1, 112, 96, 3})));
  std::printf("embedding %s\n", fr::to_string(y.shape()).c_str());
  return y.shape() == fr::Shape{1, 8} ? 0 : 1;
}
