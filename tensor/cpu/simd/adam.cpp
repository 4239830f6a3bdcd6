// Adam's step in one pass: p, m, v and g are read once, p, m and v written once. Bound by memory.
#include "tensor/cpu/adam_many.h"
#include "tensor/cpu/simd/divide.h"

namespace fr::FR_ISA {
namespace {

void adam_update(float* p, float* m, float* v, const float* g, const AdamFactors<float>& f, int64_t n) {
  const Vec scale = Vec::set(f.scale), coupled = Vec::set(f.coupled), keep = Vec::set(f.keep);
  const Vec beta1 = Vec::set(f.beta1), rest1 = Vec::set(f.rest1);
  const Vec beta2 = Vec::set(f.beta2), rest2 = Vec::set(f.rest2);
  const Vec rate = Vec::set(f.rate), correction = Vec::set(f.correction), eps = Vec::set(f.eps);
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    const Vec value = Vec::load(p + i, lanes);
    const Vec gradient = fma(coupled, value, scale * Vec::load(g + i, lanes));
    const Vec first = fma(beta1, Vec::load(m + i, lanes), rest1 * gradient);
    const Vec second = fma(beta2, Vec::load(v + i, lanes), rest2 * (gradient * gradient));
    first.store(m + i, lanes);
    second.store(v + i, lanes);
    const Vec direction = quotient(rate * first, square_root(correction * second) + eps);
    (keep * value - direction).store(p + i, lanes);
  });
}

}  // namespace

void install_adam(Kernels<float>& k) { k.adam_update_many = fr::adam_update_many<float, adam_update>; }

}  // namespace fr::FR_ISA
