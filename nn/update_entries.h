// The walk that every optimiser takes over its parameters: whole gradients in one pass, in order of registration; then those
// formed by rows, once for the norm and, when that is known, once for the update of each block. Internal to nn/.
#pragma once
#include <vector>

#include "nn/gradient_blocks.h"
#include "nn/optimizer.h"

namespace fr {

// The same parameter from element n on.
template <class T>
SgdParameter<T> from_element(SgdParameter<T> p, int64_t n) {
  p.p += n, p.v += n;
  return p;
}
template <class T>
AdamParameter<T> from_element(AdamParameter<T> p, int64_t n) {
  p.p += n, p.m += n, p.v += n;
  return p;
}

// `entries` take part. describe(Entry, Kernels<T>) gives the kernels' view of a parameter, its gradient null where it is formed
// by rows; apply(Kernels<T>, parameters, count) updates. `also`: see Optimizer::update().
template <class Entry, class Describe, class Apply>
void update_entries(const std::vector<const Entry*>& entries, DType maps, Device device, StepState* state,
                    const Tensor& also, const Describe& describe, const Apply& apply) {
  std::vector<Tensor> in_norm;
  if (also) in_norm.push_back(also);
  for (const Entry* e : entries)
    if (e->parameter->var.has_row_forms()) in_norm.push_back(gradient_block_norms(e->parameter->var));
  with_kernels(maps, device, [&]<class T>(const Kernels<T>& k) {
    std::vector<decltype(describe(*entries[0], k))> whole;
    for (const Entry* e : entries)
      if (!e->parameter->var.has_row_forms()) whole.push_back(describe(*e, k));
    std::vector<SgdParameter<T>> gradients;
    for (const auto& p : whole) gradients.push_back({nullptr, nullptr, p.g, nullptr, p.n});
    for (const Tensor& g : in_norm) gradients.push_back({nullptr, nullptr, g.data(), nullptr, g.size()});
    k.squared_norm_many(&state->squared_norm, gradients.data(), int64_t(gradients.size()));
    apply(k, whole.data(), int64_t(whole.size()));
    for (const Entry* e : entries) {
      if (!e->parameter->var.has_row_forms()) continue;
      for_gradient_blocks(e->parameter->var, [&](const Tensor& g, int64_t begin, int64_t n) {
        auto block = from_element(describe(*e, k), begin);
        if (block.low) block.low += begin;
        block.g = g.data(), block.n = n;
        apply(k, &block, int64_t{1});
      });
    }
  });
}

}  // namespace fr
