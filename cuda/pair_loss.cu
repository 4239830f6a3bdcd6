// Losses on pairs and triplets of a batch, and the centres of its classes, always in float. A loss is three launches: rows
// give sums, one block joins them in order, and the derivative, whose weights are then known, is written or scaled.
#include "cuda/gpu.h"
#include "tensor/pair_function.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// The first row of this thread's warp, and the step to its next.
FR_DEVICE int64_t first_row() { return block_x() * kWarps + warp(); }
FR_DEVICE int64_t row_step() { return blocks_x() * kWarps; }
Grid rows_grid(int64_t N) { return grid_for(divide_up(N, kWarps)); }

// --- contrastive ---

struct PairSums {
  double l_same, l_other, same;  // losses before their weights, pairs of one class
};
struct PairWeights {
  float same, other;
};

// one warp per row i, lanes stride over j > i
FR_KERNEL(kThreads)
contrastive_kernel(PairSums* sums, const float* d2, const int64_t* label, Contrastive options, int64_t N) {
  for (int64_t i = first_row(); i < N; i += row_step()) {
    float l_same = 0, l_other = 0;
    int same = 0;
    for (int64_t j = i + 1 + lane(); j < N; j += kWarp) {
      const bool alike = label[i] == label[j];
      const float l = contrastive_value(options, alike, d2[i * N + j]).l;
      (alike ? l_same : l_other) += l;
      same += alike;
    }
    l_same = warp_sum(l_same), l_other = warp_sum(l_other), same = warp_sum(same);
    if (lane() == 0) sums[i] = {double(l_same), double(l_other), double(same)};
  }
}

// one block, threads stride over the rows
FR_KERNEL(kThreads)
contrastive_total_kernel(float* loss, PairWeights* weights, const PairSums* sums, Contrastive options,
                         int64_t N) {
  PairSums total{0, 0, 0};
  for (int64_t i = thread(); i < N; i += threads())
    total.l_same += sums[i].l_same, total.l_other += sums[i].l_other, total.same += sums[i].same;
  double* scratch = shared<double>();
  const double l_same = block_sum(total.l_same, scratch), l_other = block_sum(total.l_other, scratch),
               same = block_sum(total.same, scratch);
  if (thread() > 0) return;
  const ContrastiveWeights w = contrastive_weights(options, same, double(N) * double(N - 1) / 2 - same);
  *weights = {float(w.same), float(w.other)};
  *loss = float(w.same * l_same + w.other * l_other);
}

// one warp per row i, lanes stride over j
FR_KERNEL(kThreads)
contrastive_slope_kernel(float* dd2, const PairWeights* weights, const float* d2, const int64_t* label,
                         Contrastive options, int64_t N) {
  for (int64_t i = first_row(); i < N; i += row_step())
    for (int64_t j = lane(); j < N; j += kWarp) {
      const bool same = label[i] == label[j];
      dd2[i * N + j] = j <= i ? 0.0f
                              : (same ? weights->same : weights->other) *
                                    contrastive_value(options, same, d2[i * N + j]).slope;
    }
}

void contrastive(float* loss, float* dd2, const float* d2, const int64_t* label, const Contrastive& options,
                 int64_t N) {
  const Workspace<PairSums> sums(N);
  const Workspace<PairWeights> weights(1);
  launch(rows_grid(N), kThreads, 0, contrastive_kernel, sums.get(), d2, label, options, N);
  launch({}, kThreads, kWarps * sizeof(double), contrastive_total_kernel, loss, weights.get(), sums.get(),
         options, N);
  launch(rows_grid(N), kThreads, 0, contrastive_slope_kernel, dd2, weights.get(), d2, label, options, N);
}

// --- triplet ---

FR_DEVICE Negative<float> warp_preferred(Negative<float> mine) {  // in every lane
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const Negative<float> other{shuffle_xor(mine.d2, step), shuffle_xor(mine.number, step),
                                shuffle_xor(int(mine.semi_hard), step) != 0};
    if (preferred(other, mine)) mine = other;
  }
  return mine;
}

struct TripletSums {
  double loss, count;
};

// one warp per anchor a, lanes stride over the negatives; dd2 counts active triplets
FR_KERNEL(kThreads)
triplet_kernel(TripletSums* sums, float* dd2, const float* d2, const int64_t* label, Triplet options,
               int64_t N) {
  for (int64_t a = first_row(); a < N; a += row_step()) {
    const float* d2_a = d2 + a * N;
    float* dd2_a = dd2 + a * N;
    for (int64_t j = lane(); j < N; j += kWarp) dd2_a[j] = 0;
    warp_sync();
    TripletSums sum{0, 0};
    for (int64_t p = 0; p < N; ++p) {
      if (p == a || label[p] != label[a]) continue;  // the whole warp alike
      const Negative<float> n = warp_preferred(semi_hard_negative(d2_a, label, a, p, N, lane(), kWarp));
      if (n.number < 0) break;
      const float l = d2_a[p] - n.d2 + float(options.margin);
      sum.count += 1;
      if (l <= 0 || lane() > 0) continue;
      sum.loss += l;
      dd2_a[p] += 1, dd2_a[n.number] -= 1;
    }
    if (lane() == 0) sums[a] = sum;
  }
}

// one block, threads stride over the anchors
FR_KERNEL(kThreads)
triplet_total_kernel(float* loss, float* weight, const TripletSums* sums, int64_t N) {
  TripletSums total{0, 0};
  for (int64_t a = thread(); a < N; a += threads()) total.loss += sums[a].loss, total.count += sums[a].count;
  double* scratch = shared<double>();
  const double sum = block_sum(total.loss, scratch), count = block_sum(total.count, scratch);
  if (thread() > 0) return;
  *weight = count > 0 ? float(1 / count) : 0.0f;
  *loss = count > 0 ? float(sum / count) : 0.0f;
}

// one thread per element
FR_KERNEL(kThreads)
scale_kernel(float* y, const float* weight, int64_t n) {
  for (int64_t i = block_x() * threads() + thread(); i < n; i += blocks_x() * threads()) y[i] *= *weight;
}

void triplet(float* loss, float* dd2, const float* d2, const int64_t* label, const Triplet& options,
             int64_t N) {
  const Workspace<TripletSums> sums(N);
  const Workspace<float> weight(1);
  launch(rows_grid(N), kThreads, 0, triplet_kernel, sums.get(), dd2, d2, label, options, N);
  launch({}, kThreads, kWarps * sizeof(double), triplet_total_kernel, loss, weight.get(), sums.get(), N);
  launch(grid_for(divide_up(N * N, kThreads)), kThreads, 0, scale_kernel, dd2, weight.get(), N * N);
}

// --- centres ---

// one block per row i that is the first of its class j, threads stride over d
FR_KERNEL(kThreads)
center_kernel(float* c, const float* x, const int64_t* label, const double* squared_norm, double rate,
              int64_t N, int64_t D) {
  if (squared_norm && !(*squared_norm < INFINITY)) return;
  for (int64_t i = block_x(); i < N; i += blocks_x()) {
    int before = 0, rows = 0;
    for (int64_t k = 0; k < N; ++k) (k < i ? before : rows) += label[k] == label[i];
    if (before > 0) continue;
    float* c_j = c + label[i] * D;
    const float share = float(rate / (1 + rows));
    for (int64_t d = thread(); d < D; d += threads()) {
      float sum = 0;
      for (int64_t k = i; k < N; ++k)
        if (label[k] == label[i]) sum += c_j[d] - x[k * D + d];
      c_j[d] -= share * sum;
    }
  }
}

void center_update(float* c, const float* x, const int64_t* label, const double* squared_norm, double rate,
                   int64_t N, int64_t D) {
  launch(grid_for(N), kThreads, 0, center_kernel, c, x, label, squared_norm, rate, N, D);
}

}  // namespace

template <class T>
void install_pair_loss(Kernels<T>& k) {
  k.contrastive = contrastive;
  k.triplet = triplet;
  k.center_update = center_update;
}

template void install_pair_loss(Kernels<float>&);
template void install_pair_loss(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
