// Stochastic gradient descent with momentum and coupled weight decay (the two forms are written out in tensor/kernels.h)
// and the norm of all gradients. Bound by memory: every number is read and written once.
#include "cuda/parameter_list.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;

// --- the norm ---

struct Gradients {
  const float* g;
  int64_t n;
};

// one block per chunk, threads stride over it in packs of 4
FR_KERNEL(kThreads)
squared_norm_kernel(double* partial, Batch<Gradients> batch) {
  for (int64_t chunk = block_x(); chunk < batch.chunks; chunk += blocks_x()) {
    const int i = batch.owner(chunk);
    const float* g = batch.item[i].g;
    const int64_t begin = (chunk - batch.first[i]) * kChunk, end = min(begin + kChunk, batch.item[i].n);
    const int64_t packed = reinterpret_cast<uintptr_t>(g) % 16 ? begin : end - (end - begin) % 4;
    double sum = 0;
    for (int64_t j = begin + thread() * 4; j < packed; j += threads() * 4)
      for (const float v : load<float, 4>(g + j).v) sum += double(v) * v;
    for (int64_t j = packed + thread(); j < end; j += threads()) sum += double(g[j]) * g[j];
    sum = block_sum(sum, shared<double>());
    if (thread() == 0) partial[chunk] = sum;
  }
}

// one block; threads stride over the chunks
FR_KERNEL(kThreads)
sum_kernel(double* squared_norm, const double* partial, int64_t chunks) {
  double sum = 0;
  for (int64_t i = thread(); i < chunks; i += threads()) sum += partial[i];
  sum = block_sum(sum, shared<double>());
  if (thread() == 0) *squared_norm = sum;
}

template <class T>
void squared_norm_many(double* squared_norm, const SgdParameter<T>* parameters, int64_t count) {
  constexpr size_t kScratch = kThreads / kWarp * sizeof(double);
  int64_t chunks = 0;
  for (int64_t i = 0; i < count; ++i) chunks += chunks_of(parameters[i].n);
  const Workspace<double> partial(chunks);
  double* next = partial.get();
  for_batches(
      parameters, count,
      [](const SgdParameter<T>& p) {
        return Gradients{p.g, p.n};
      },
      [&](const Batch<Gradients>& batch) {
        launch(grid_for(batch.chunks), kThreads, kScratch, squared_norm_kernel, next, batch);
        next += batch.chunks;
      });
  launch({1}, kThreads, kScratch, sum_kernel, squared_norm, partial.get(), chunks);
}

// --- the step ---

template <class T>
struct Weights {
  float *p, *v;
  const float* g;
  T* low;
  int64_t n;
  float decay;
  bool packs;  // all four can be moved in packs of 4
  double lr_multiplier;
};

// What a step has in common, and what it makes of one element.
struct Rule {
  SgdStep step;
  const double *lr, *squared_norm;  // null: step.lr; null: no clipping
  double clip_norm;
};
struct Factors {
  float scale, decay, momentum, inside, outside;  // inside, outside: where the learning rate enters
  bool nesterov;
};
FR_DEVICE void update(float& p, float& v, float g, const Factors& f) {
  const float gradient = f.scale * g + f.decay * p;
  v = f.momentum * v + f.inside * gradient;
  p -= f.outside * (f.nesterov ? f.momentum * v + f.inside * gradient : v);
}

// Elements [begin, end) of w: threads stride over them, in packs of 4 and what is left one by one.
template <class T>
FR_DEVICE void update_chunk(const Weights<T>& w, int64_t begin, int64_t end, const Factors& f) {
  const int64_t packed = w.packs ? end - (end - begin) % 4 : begin;
  for (int64_t j = begin + thread() * 4; j < packed; j += threads() * 4) {
    Pack<float, 4> p = load<float, 4>(w.p + j), v = load<float, 4>(w.v + j);
    const Pack<float, 4> g = load<float, 4>(w.g + j);
    Pack<T, 4> low;
    for (int i = 0; i < 4; ++i) update(p.v[i], v.v[i], g.v[i], f), low.v[i] = T(p.v[i]);
    store<float, 4>(w.p + j, p);
    store<float, 4>(w.v + j, v);
    if (w.low) store<T, 4>(w.low + j, low);
  }
  for (int64_t j = packed + thread(); j < end; j += threads()) {
    float p = w.p[j], v = w.v[j];
    update(p, v, w.g[j], f);
    w.p[j] = p, w.v[j] = v;
    if (w.low) w.low[j] = T(p);
  }
}

// one block per chunk
template <class T>
FR_KERNEL(kThreads)
update_kernel(Batch<Weights<T>> batch, Rule rule) {
  double scale = rule.step.gradient_scale;
  if (rule.squared_norm) {
    const double norm = sqrt(*rule.squared_norm);
    if (!(norm < INFINITY)) return;
    if (rule.clip_norm > 0 && norm > rule.clip_norm) scale *= rule.clip_norm / norm;
  }
  const double lr = rule.lr ? *rule.lr : rule.step.lr;
  const bool caffe = rule.step.form == MomentumForm::caffe;
  for (int64_t chunk = block_x(); chunk < batch.chunks; chunk += blocks_x()) {
    const int i = batch.owner(chunk);
    const Weights<T> w = batch.item[i];
    const float own = float(lr * w.lr_multiplier);
    const Factors f{float(scale),       w.decay,           float(rule.step.momentum), caffe ? own : 1.0f,
                    caffe ? 1.0f : own, rule.step.nesterov};
    const int64_t begin = (chunk - batch.first[i]) * kChunk;
    update_chunk(w, begin, min(begin + kChunk, w.n), f);
  }
}

template <class T>
void sgd_update_many(const SgdParameter<T>* parameters, int64_t count, const SgdStep& step, const double* lr,
                     const double* squared_norm, double clip_norm) {
  const Rule rule{step, lr, squared_norm, clip_norm};
  for_batches(
      parameters, count,
      [&](const SgdParameter<T>& p) {
        return Weights<T>{p.p,
                          p.v,
                          p.g,
                          p.low,
                          p.n,
                          float(step.decay * p.decay_multiplier),
                          packs_fit<4>(0, p.p, p.v, p.g, p.low),
                          p.lr_multiplier};
      },
      [&](const Batch<Weights<T>>& batch) {
        launch(grid_for(batch.chunks), kThreads, 0, update_kernel<T>, batch, rule);
      });
}

template <class T>
void sgd_update(float* p, float* v, const float* g, const SgdStep& step, int64_t n) {
  const SgdParameter<T> one{p, v, g, nullptr, n};
  sgd_update_many(&one, 1, step, nullptr, nullptr, 0);
}

}  // namespace

template <class T>
void install_sgd(Kernels<T>& k) {
  k.sgd_update = sgd_update<T>;
  k.squared_norm_many = squared_norm_many<T>;
  k.sgd_update_many = sgd_update_many<T>;
}

template void install_sgd(Kernels<float>&);
template void install_sgd(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
