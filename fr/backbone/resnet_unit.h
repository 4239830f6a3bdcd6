// The residual units of He et al. 2016; fr/backbone/resnet.h has their equations.
#pragma once
#include "fr/backbone/describe.h"

namespace fr {

enum class ResNetForm { preactivation, literal };

// C channels in, K out, the sides of the map divided by `stride`, rounded up.
struct ResNetUnit {
  ResNetForm form = ResNetForm::preactivation;
  enum class Branch { basic, bottleneck } branch = Branch::basic;  // bottleneck: K is a multiple of 4
  int64_t C = 1, K = 1, stride = 1;
  bool projects() const { return C != K || stride > 1; }  // otherwise the shortcut is the identity
};

// x (N,H,W,C) -> y (N,H/stride,W/stride,K)
class PreActivationUnit : public Module {
 public:
  explicit PreActivationUnit(const ResNetUnit& unit);
  Var forward(const Var& x) override;

 private:
  std::vector<Module*> activation_, branch_;  // before and after the place where a projecting shortcut leaves
  Conv2d* shortcut_ = nullptr;
};

// x (N,H,W,C) -> y (N,H/stride,W/stride,K)
class LiteralUnit : public Module {
 public:
  explicit LiteralUnit(const ResNetUnit& unit);
  Var forward(const Var& x) override;

 private:
  std::vector<Module*> branch_;
  Sequential* shortcut_ = nullptr;
  ReLU* relu_ = nullptr;
};

void describe(Describer& d, const std::string& name, const ResNetUnit& unit);

// Padded to keep the size, no bias since a BN follows, He et al. 2015's initial weights.
inline Conv2dSpec resnet_conv(int64_t C, int64_t K, int64_t size, int64_t stride) {
  return Conv2dSpec::square(C, K, size, stride, size / 2);
}

}  // namespace fr
