// Squared distances between the rows of a batch. Bound by the loads of x_j, which come from the second-level cache:
// forward, a row i meets four rows j at a time and only those behind it, and writes both halves of the matrix; backward,
// four vectors of the row i stay in registers while all j pass. Sums are of floats, one for each lane.
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// sum_d (a_d - b_rd)^2 of R rows b
template <int R>
FR_VEC void distances(float (&sum)[R], const float* a, const float* b, int64_t D) {
  Vec part[R];
  for (int r = 0; r < R; ++r) part[r] = Vec::set(0);
  for_vectors(D, [&](int64_t d, auto lanes) {
    const Vec a_d = Vec::load(a + d, lanes);
    for (int r = 0; r < R; ++r) {
      const Vec difference = a_d - Vec::load(b + r * D + d, lanes);
      part[r] = fma(difference, difference, part[r]);
    }
  });
  for (int r = 0; r < R; ++r) sum[r] = sum_lanes(part[r]);
}

template <int R>
FR_VEC void write_pairs(float* d2, const float* x, int64_t i, int64_t j, int64_t N, int64_t D) {
  float sum[R];
  distances(sum, x + i * D, x + j * D, D);
  for (int r = 0; r < R; ++r) d2[i * N + j + r] = d2[(j + r) * N + i] = sum[r];
}

void squared_distances_forward(float* d2, const float* x, int64_t N, int64_t D) {
  parallel_ranges(N, rows_per_piece(N * D), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t j = i;
      for (; j + 4 <= N; j += 4) write_pairs<4>(d2, x, i, j, N, D);
      for (; j < N; ++j) write_pairs<1>(d2, x, i, j, N, D);
    }
  });
}

// dx_id += sum_j weight_j (x_id - x_jd), V vectors from d on
template <int V, class Lanes>
FR_VEC void pull(float* dx_i, const float* weight, const float* x, int64_t i, int64_t d, int64_t N, int64_t D,
                 Lanes lanes) {
  Vec own[V], sum[V];
  for (int v = 0; v < V; ++v) own[v] = Vec::load(x + i * D + d + v * Vec::width, lanes), sum[v] = Vec::set(0);
  for (int64_t j = 0; j < N; ++j) {
    const Vec w = Vec::set(weight[j]);
    for (int v = 0; v < V; ++v)
      sum[v] = fma(w, own[v] - Vec::load(x + j * D + d + v * Vec::width, lanes), sum[v]);
  }
  for (int v = 0; v < V; ++v) {
    float* to = dx_i + d + v * Vec::width;
    (Vec::load(to, lanes) + sum[v]).store(to, lanes);
  }
}

void squared_distances_backward(float* dx, const float* dd2, const float* x, int64_t N, int64_t D) {
  parallel_ranges(N, rows_per_piece(N * D), [&](int64_t begin, int64_t end) {
    const Scratch<float> weight(static_cast<size_t>(N));
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < N; ++j) weight.get()[j] = 2 * (dd2[i * N + j] + dd2[j * N + i]);
      constexpr int64_t kBlock = 4 * Vec::width;
      const int64_t whole = D / kBlock * kBlock;
      for (int64_t d = 0; d < whole; d += kBlock) pull<4>(dx + i * D, weight.get(), x, i, d, N, D, All{});
      for_vectors(D - whole, [&](int64_t d, auto lanes) {
        pull<1>(dx + i * D, weight.get(), x, i, whole + d, N, D, lanes);
      });
    }
  });
}

}  // namespace

void install_distances(Kernels<float>& k) {
  k.squared_distances_forward = squared_distances_forward;
  k.squared_distances_backward = squared_distances_backward;
}

}  // namespace fr::FR_ISA
