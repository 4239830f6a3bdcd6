// Adam (Kingma and Ba 2015; the step of one weight is tensor/adam_rule.h). Bound by memory: p, m, v and g are read once,
// p, m and v written once.
#include "cuda/parameter_list.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;

template <class T>
struct Moments {
  float *p, *m, *v;
  const float* g;
  T* low;
  int64_t n;
  double lr_multiplier, decay;
  bool packs;  // all five can be moved in packs of 4
};

// Elements [begin, end) of w: threads stride over them, in packs of 4 and what is left one by one.
template <class T>
FR_DEVICE void update_chunk(const Moments<T>& w, int64_t begin, int64_t end, const AdamFactors<float>& f) {
  const int64_t packed = w.packs ? end - (end - begin) % 4 : begin;
  for (int64_t j = begin + thread() * 4; j < packed; j += threads() * 4) {
    Pack<float, 4> p = load<float, 4>(w.p + j), m = load<float, 4>(w.m + j), v = load<float, 4>(w.v + j);
    const Pack<float, 4> g = load<float, 4>(w.g + j);
    Pack<T, 4> low;
    for (int i = 0; i < 4; ++i) adam_element(p.v[i], m.v[i], v.v[i], g.v[i], f), low.v[i] = T(p.v[i]);
    store<float, 4>(w.p + j, p);
    store<float, 4>(w.m + j, m);
    store<float, 4>(w.v + j, v);
    if (w.low) store<T, 4>(w.low + j, low);
  }
  for (int64_t j = packed + thread(); j < end; j += threads()) {
    float p = w.p[j], m = w.m[j], v = w.v[j];
    adam_element(p, m, v, w.g[j], f);
    w.p[j] = p, w.m[j] = m, w.v[j] = v;
    if (w.low) w.low[j] = T(p);
  }
}

// one block per chunk
template <class T>
FR_KERNEL(kThreads)
adam_kernel(Batch<Moments<T>> batch, AdamStep step, const StepState* state, double clip_norm) {
  const double norm = sqrt(state->squared_norm);
  if (!(norm < INFINITY)) return;
  const double scale = clip_factor(norm, clip_norm);
  const AdamCorrection correction = adam_correction(step, state->step + 1);
  for (int64_t chunk = block_x(); chunk < batch.chunks; chunk += blocks_x()) {
    const int i = batch.owner(chunk);
    const Moments<T> w = batch.item[i];
    const AdamFactors<float> f =
        adam_factors<float>(step, correction, state->learning_rate * w.lr_multiplier, w.decay, scale);
    const int64_t begin = (chunk - batch.first[i]) * kChunk;
    update_chunk(w, begin, min(begin + kChunk, w.n), f);
  }
}

template <class T>
void adam_update_many(const AdamParameter<T>* parameters, int64_t count, const AdamStep& step,
                      const StepState* state, double clip_norm) {
  for_batches(
      parameters, count,
      [&](const AdamParameter<T>& p) {
        return Moments<T>{p.p,
                          p.m,
                          p.v,
                          p.g,
                          p.low,
                          p.n,
                          p.lr_multiplier,
                          step.decay * p.decay_multiplier,
                          packs_fit<4>(0, p.p, p.m, p.v, p.g, p.low)};
      },
      [&](const Batch<Moments<T>>& batch) {
        launch(grid_for(batch.chunks), kThreads, 0, adam_kernel<T>, batch, step, state, clip_norm);
      });
}

}  // namespace

template <class T>
void install_adam(Kernels<T>& k) {
  k.adam_update_many = adam_update_many<T>;
}

template void install_adam(Kernels<float>&);
template void install_adam(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
