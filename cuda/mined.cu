// The lifted structured loss and the margin-based loss. What is done with one pair is tensor/mined_function.h, in double like
// the reference: N is a batch, so there are few pairs, and a draw must fall as it does on the CPU. Row i of a derivative is
// the work of one warp.
#include "cuda/gpu.h"
#include "tensor/mined_function.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 128;
constexpr int kTeams = kThreads / kWarp;  // warps a block, each with a row

// f(i) for each row of this warp
template <class F>
FR_DEVICE void for_rows(int64_t N, const F& f) {
  for (int64_t i = block_x() * kTeams + warp(); i < N; i += blocks_x() * kTeams) f(i);
}
// f(k) for each column of this lane
template <class F>
FR_DEVICE void for_columns(int64_t N, const F& f) {
  for (int64_t k = lane(); k < N; k += kWarp) f(k);
}
// The sum of x_i, in every lane.
template <class T>
FR_DEVICE T sum_over(int64_t N, const T* x) {
  T sum = 0;
  for_columns(N, [&](int64_t i) { sum += x[i]; });
  return warp_sum(sum);
}
template <class... P, class... A>
void launch_rows(int64_t N, void (*kernel)(P...), const A&... arguments) {
  launch(grid_for(divide_up(N, kTeams)), kThreads, 0, kernel, arguments..., N);
}

// --- the lifted structured loss ---

// What is known of each row (N): the other classes in the logarithm, the pairs (i,j > i), the sum of their J^2, its part of
// dscale.
struct LiftedRows {
  ExpSum* others;
  int64_t* pairs;
  double *squares, *dscale;
};

// one warp per row i, lanes stride over its columns
template <class A>
FR_KERNEL(kThreads)
other_classes_kernel(LiftedRows rows, const float* x, const float* scale, const int64_t* label, int64_t N) {
  const A a(scale);
  for_rows(N, [&](int64_t i) {
    double largest = -DBL_MAX, sum = 0;
    int64_t pairs = 0;
    for_columns(N, [&](int64_t k) {
      const double a_ik = a(x[i * N + k]);
      if (label[k] != label[i] && a_ik > largest) largest = a_ik;
    });
    largest = warp_max(largest);
    for_columns(N, [&](int64_t k) {
      if (label[k] != label[i])
        sum += exp(a(x[i * N + k]) - largest);
      else
        pairs += k > i;
    });
    sum = warp_sum(sum), pairs = warp_sum(pairs);
    if (lane() == 0) rows.others[i].largest = largest, rows.others[i].sum = sum, rows.pairs[i] = pairs;
  });
}

// One warp per row i, lanes stride over its columns: first those of its class, whose shares then weigh the others. A pair is
// looked at from both its rows.
template <class A>
FR_KERNEL(kThreads)
lifted_kernel(LiftedRows rows, float* dx, const float* x, const float* scale, const int64_t* label,
              double margin, int64_t N) {
  const A a(scale);
  const double pairs = double(sum_over(N, rows.pairs));
  for_rows(N, [&](int64_t i) {
    const ExpSum others = rows.others[i];
    double squares = 0, weight = 0, dscale = 0;
    const auto give = [&](int64_t j, double da) {
      const double x_ij = x[i * N + j];
      dx[i * N + j] = float(da * a.slope(x_ij)), dscale += da * x_ij;
    };
    for_columns(N, [&](int64_t j) {
      if (label[j] != label[i]) return;
      dx[i * N + j] = 0;
      if (j == i) return;
      const double a_ij = a(j > i ? x[i * N + j] : x[j * N + i]);
      const LiftedPair pair = lifted_pair(a_ij, margin, others, rows.others[j]);
      weight += pair.J / pairs * pair.share_i;
      if (j > i) squares += pair.J * pair.J, give(j, -pair.J / pairs);
    });
    weight = warp_sum(weight);
    for_columns(N, [&](int64_t k) {
      if (label[k] != label[i]) give(k, weight * exp(a(x[i * N + k]) - others.largest) / others.sum);
    });
    squares = warp_sum(squares), dscale = warp_sum(dscale);
    if (lane() == 0) rows.squares[i] = squares, rows.dscale[i] = dscale;
  });
}

// one warp, lanes stride over the rows
FR_KERNEL(kWarp)
lifted_total_kernel(float* loss, float* dscale, LiftedRows rows, int64_t N) {
  const double pairs = double(sum_over(N, rows.pairs)), squares = sum_over(N, rows.squares),
               scale = sum_over(N, rows.dscale);
  if (lane() > 0) return;
  *loss = pairs > 0 ? float(squares / (2 * pairs)) : 0.0f;
  if (dscale) *dscale = float(scale);
}

template <class A>
void lifted(float* loss, float* dx, float* dscale, const float* x, const float* scale, const int64_t* label,
            double margin, int64_t N) {
  const Workspace<ExpSum> others(N);
  const Workspace<int64_t> pairs(N);
  const Workspace<double> sums(2 * N);
  const LiftedRows rows{others.get(), pairs.get(), sums.get(), sums.get() + N};
  launch_rows(N, other_classes_kernel<A>, rows, x, scale, label);
  launch_rows(N, lifted_kernel<A>, rows, dx, x, scale, label, margin);
  launch({1}, kWarp, 0, lifted_total_kernel, loss, dscale, rows, N);
}

void lifted_distance(float* loss, float* dd2, const float* d2, const int64_t* label, double margin,
                     int64_t N) {
  lifted<DistanceAffinity>(loss, dd2, nullptr, d2, nullptr, label, margin, N);
}
void lifted_cosine(float* loss, float* ds, float* dscale, const float* s, const float* scale,
                   const int64_t* label, double margin, int64_t N) {
  lifted<CosineAffinity>(loss, ds, dscale, s, scale, label, margin, N);
}

// --- the margin-based loss ---

// Of each row: its weights (N,N), and of the pairs that it chose (N) their number, the sum of l, and of y.
struct AnchorRows {
  double *weight, *count, *sum, *slope;
};

// One warp per anchor i. Lanes stride over its columns, but lane 0 alone chooses: a running sum has an order.
FR_KERNEL(kThreads)
choose_kernel(AnchorRows rows, int64_t* chosen, const float* s, const float* boundary, const int64_t* label,
              MarginPairs options, int64_t N) {
  for_rows(N, [&](int64_t i) {
    const AnchorRow<float> row{s + i * N, label, N, i, double(*boundary), options};
    double largest = -DBL_MAX, *w = rows.weight + i * N;
    int64_t* mine = chosen + i * N;
    if (row.by_distance())
      for_columns(N, [&](int64_t j) {
        const double log_weight = row.log_weight(j);
        largest = log_weight > largest ? log_weight : largest;
      });
    largest = warp_max(largest);
    for_columns(N, [&](int64_t j) { w[j] = row.weight(j, largest); });
    warp_sync();
    if (lane() == 0) row.choose(mine, w);
    warp_sync();
    double count = 0, sum = 0, slope = 0;
    for_columns(N, [&](int64_t j) {
      const double times = row.active(mine, j);
      if (times > 0) count += times, sum += times * row.violation(j), slope += times * row.sign(j);
    });
    count = warp_sum(count), sum = warp_sum(sum), slope = warp_sum(slope);
    if (lane() == 0) rows.count[i] = count, rows.sum[i] = sum, rows.slope[i] = slope;
  });
}

// one warp per row i, lanes stride over its columns; the first warp writes the totals
FR_KERNEL(kThreads)
margin_pairs_kernel(float* loss, float* ds, float* dboundary, AnchorRows rows, const int64_t* chosen,
                    const float* s, const float* boundary, const int64_t* label, MarginPairs options,
                    int64_t N) {
  const double count = sum_over(N, rows.count), sum = sum_over(N, rows.sum), slope = sum_over(N, rows.slope);
  for_rows(N, [&](int64_t i) {
    const AnchorRow<float> row{s + i * N, label, N, i, double(*boundary), options};
    for_columns(N, [&](int64_t j) {
      const double times = row.active(chosen + i * N, j);
      ds[i * N + j] = times > 0 ? float(-row.sign(j) * times / count) : 0.0f;
    });
  });
  if (block_x() > 0 || thread() > 0) return;
  *loss = count > 0 ? float(sum / count) : 0.0f;
  *dboundary = count > 0 ? float(slope / count) : 0.0f;
}

void margin_pairs(float* loss, float* ds, float* dboundary, int64_t* chosen, const float* s,
                  const float* boundary, const int64_t* label, const MarginPairs& options, int64_t N) {
  const Workspace<double> work(N * N + 3 * N);
  double* sums = work.get() + N * N;
  const AnchorRows rows{work.get(), sums, sums + N, sums + 2 * N};
  launch_rows(N, choose_kernel, rows, chosen, s, boundary, label, options);
  launch_rows(N, margin_pairs_kernel, loss, ds, dboundary, rows, chosen, s, boundary, label, options);
}

}  // namespace

template <class T>
void install_mined(Kernels<T>& k) {
  k.lifted_distance = lifted_distance;
  k.lifted_cosine = lifted_cosine;
  k.margin_pairs = margin_pairs;
}

template void install_mined(Kernels<float>&);
template void install_mined(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
