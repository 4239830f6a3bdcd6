// The optimiser's step in one pass: p, v and g are read once, p and v written once.
#include "tensor/cpu/sgd_many.h"
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

void sgd_update(float* p, float* v, const float* g, const SgdStep& step, int64_t n) {
  const bool caffe = step.form == MomentumForm::caffe;
  const auto lr = static_cast<float>(step.lr);
  const Vec inside = Vec::set(caffe ? lr : 1),
            outside = Vec::set(caffe ? 1 : lr);  // where the learning rate enters
  const Vec momentum = Vec::set(static_cast<float>(step.momentum)),
            decay = Vec::set(static_cast<float>(step.decay));
  const Vec scale = Vec::set(static_cast<float>(step.gradient_scale));
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    const Vec value = Vec::load(p + i, lanes);
    const Vec increment = inside * fma(decay, value, scale * Vec::load(g + i, lanes));
    const Vec velocity = fma(momentum, Vec::load(v + i, lanes), increment);
    const Vec direction = step.nesterov ? fma(momentum, velocity, increment) : velocity;
    velocity.store(v + i, lanes);
    fnma(outside, direction, value).store(p + i, lanes);
  });
}

}  // namespace

void install_sgd(Kernels<float>& k) {
  k.sgd_update = sgd_update;
  k.sgd_update_many = fr::sgd_update_many<float, sgd_update>;
}

}  // namespace fr::FR_ISA
