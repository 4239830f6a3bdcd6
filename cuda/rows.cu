// Rows of unit length, and rows by number. Both passes of the first are bound by memory: a row is read from there once and,
// for its second use, from the cache. A team of threads takes a row: a warp up to 1024 elements, a block above; packs of 4 where the row allows.
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kLongestForWarp = 1024;

// Teams: which row this thread's team starts with, its place among them, the sum over them; and what counts columns.
struct WarpTeam {
  using Column = int;                              // of at most 1024
  static constexpr int kTeams = kThreads / kWarp;  // a block
  static FR_DEVICE int64_t first() { return block_x() * kTeams + warp(); }
  static FR_DEVICE int place() { return lane(); }
  static FR_DEVICE int size() { return kWarp; }
  static FR_DEVICE float sum(float v) { return warp_sum(v); }
};
struct BlockTeam {
  using Column = int64_t;
  static constexpr int kTeams = 1;
  static FR_DEVICE int64_t first() { return block_x(); }
  static FR_DEVICE int place() { return thread(); }
  static FR_DEVICE int size() { return threads(); }
  static FR_DEVICE float sum(float v) { return block_sum(v, shared<float>()); }
};

// one team per row n, its threads stride over d in packs of `pack`
template <class T, int pack, class Team>
FR_KERNEL(kThreads)
normalize_kernel(T* y, float* norm, const float* x, int64_t N, int64_t D, float eps) {
  const auto columns = typename Team::Column(D);
  for (int64_t n = Team::first(); n < N; n += blocks_x() * Team::kTeams) {
    const float* x_n = x + n * D;
    float sum = 0;
    FR_UNROLL_BY(2)
    for (typename Team::Column d = Team::place() * pack; d < columns; d += Team::size() * pack)
      for (const float v : load<float, pack>(x_n + d).v) sum += v * v;
    const float length = sqrtf(Team::sum(sum));
    if (Team::place() == 0) norm[n] = length;
    FR_UNROLL_BY(2)
    for (typename Team::Column d = Team::place() * pack; d < columns; d += Team::size() * pack) {
      const Pack<float, pack> from = load<float, pack>(x_n + d);
      Pack<T, pack> to;
      for (int i = 0; i < pack; ++i) to.v[i] = length < eps ? 0.0f : from.v[i] / length;
      store<T, pack>(y + n * D + d, to);
    }
  }
}

// one team per row n, its threads stride over d in packs of `pack`
template <class T, int pack, class Team>
FR_KERNEL(kThreads)
normalize_backward_kernel(float* dx, const float* dy, const float* dnorm, const T* y, const float* norm,
                          int64_t N, int64_t D, float eps) {
  const auto columns = typename Team::Column(D);
  for (int64_t n = Team::first(); n < N; n += blocks_x() * Team::kTeams) {
    const float length = norm[n];
    if (length < eps) continue;  // the whole team alike
    const float outwards = dnorm ? dnorm[n] : 0;
    float sum = 0;
    FR_UNROLL_BY(2)
    for (typename Team::Column d = Team::place() * pack; d < columns; d += Team::size() * pack) {
      const Pack<float, pack> dy_n = load<float, pack>(dy + n * D + d);
      const Pack<T, pack> y_n = load<T, pack>(y + n * D + d);
      for (int i = 0; i < pack; ++i) sum += float(y_n.v[i]) * dy_n.v[i];
    }
    const float along = Team::sum(sum);
    FR_UNROLL_BY(2)
    for (typename Team::Column d = Team::place() * pack; d < columns; d += Team::size() * pack) {
      const Pack<float, pack> dy_n = load<float, pack>(dy + n * D + d);
      const Pack<T, pack> y_n = load<T, pack>(y + n * D + d);
      Pack<float, pack> to = load<float, pack>(dx + n * D + d);
      for (int i = 0; i < pack; ++i)
        to.v[i] += (dy_n.v[i] - float(y_n.v[i]) * along) / length + outwards * float(y_n.v[i]);
      store<float, pack>(dx + n * D + d, to);
    }
  }
}

template <class Team, class... P, class... A>
void launch_rows(void (*kernel)(P...), int64_t N, const A&... arguments) {
  launch(grid_for(divide_up(N, Team::kTeams)), kThreads, kThreads / kWarp * sizeof(float), kernel,
         arguments...);
}

template <class T, int pack>
void l2_normalize_forward(T* y, float* norm, const float* x, int64_t N, int64_t D, float eps) {
  if (D <= kLongestForWarp)
    launch_rows<WarpTeam>(normalize_kernel<T, pack, WarpTeam>, N, y, norm, x, N, D, eps);
  else
    launch_rows<BlockTeam>(normalize_kernel<T, pack, BlockTeam>, N, y, norm, x, N, D, eps);
}
template <class T>
void l2_normalize_forward(T* y, float* norm, const float* x, int64_t N, int64_t D, float eps) {
  (packs_fit<4>(D, y, x) ? l2_normalize_forward<T, 4> : l2_normalize_forward<T, 1>)(y, norm, x, N, D, eps);
}

template <class T, int pack>
void l2_normalize_backward(float* dx, const float* dy, const float* dnorm, const T* y, const float* norm,
                           int64_t N, int64_t D, float eps) {
  if (D <= kLongestForWarp)
    launch_rows<WarpTeam>(normalize_backward_kernel<T, pack, WarpTeam>, N, dx, dy, dnorm, y, norm, N, D, eps);
  else
    launch_rows<BlockTeam>(normalize_backward_kernel<T, pack, BlockTeam>, N, dx, dy, dnorm, y, norm, N, D,
                           eps);
}
template <class T>
void l2_normalize_backward(float* dx, const float* dy, const float* dnorm, const T* y, const float* norm,
                           int64_t N, int64_t D, float eps) {
  (packs_fit<4>(D, dx, dy, y) ? l2_normalize_backward<T, 4> : l2_normalize_backward<T, 1>)(dx, dy, dnorm, y,
                                                                                           norm, N, D, eps);
}

// one warp per row n, lanes stride over d
FR_KERNEL(kThreads)
gather_kernel(float* y, const float* x, const int64_t* i, int64_t N, int64_t D) {
  for (int64_t n = WarpTeam::first(); n < N; n += blocks_x() * WarpTeam::kTeams) {
    const float* from = x + i[n] * D;
    for (int64_t d = lane(); d < D; d += kWarp) y[n * D + d] = from[d];
  }
}

// one warp per row n, lanes stride over d. The warp of the first n with some number adds all rows of that number, in their
// order; the others have nothing to do. It looks through all N numbers, a few thousand at most.
FR_KERNEL(kThreads)
scatter_add_kernel(float* y, const float* x, const float* a, const int64_t* i, int64_t N, int64_t D) {
  for (int64_t n = WarpTeam::first(); n < N; n += blocks_x() * WarpTeam::kTeams) {
    const int64_t row = i[n];
    int earlier = 0;
    for (int64_t k = lane(); k < n; k += kWarp) earlier |= i[k] == row;
    if (warp_max(earlier)) continue;  // the whole warp alike
    for (int64_t d = lane(); d < D; d += kWarp) {
      float sum = y[row * D + d];
      for (int64_t k = n; k < N; ++k)
        if (i[k] == row) sum += a ? a[k] * x[k * D + d] : x[k * D + d];
      y[row * D + d] = sum;
    }
  }
}

void gather_rows(float* y, const float* x, const int64_t* i, int64_t N, int64_t D) {
  launch_rows<WarpTeam>(gather_kernel, N, y, x, i, N, D);
}

void scatter_add_rows(float* y, const float* x, const float* a, const int64_t* i, int64_t N, int64_t,
                      int64_t D) {
  launch_rows<WarpTeam>(scatter_add_kernel, N, y, x, a, i, N, D);
}

}  // namespace

template <class T>
void install_rows(Kernels<T>& k) {
  k.l2_normalize_forward = l2_normalize_forward<T>;
  k.l2_normalize_backward = l2_normalize_backward<T>;
  k.gather_rows = gather_rows;
  k.scatter_add_rows = scatter_add_rows;
}

template void install_rows(Kernels<float>&);
template void install_rows(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
