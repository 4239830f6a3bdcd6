// The convolution as a tile product: pixels of y x filters, k = (r, s, c), the map read where it lies (implicit GEMM).
// And how the host describes maps to the loaders, for this and for the adjoints.
#pragma once
#include "cuda/product.h"

namespace fr::FR_GPU {

template <class T, Access access, Statistics statistics = Statistics::no>
struct ForwardProblem {
  using Element = T;
  static constexpr Contiguous kA = Contiguous::k, kB = Contiguous::k;
  static constexpr Access kAccess = access;
  static constexpr Statistics kStatistics = statistics;

  Window<T> x;
  const T* w;
  T* y;
  Conv2dFinish<T> line;
  int64_t K, filters, depth, groups;  // filters: of a group
  bool vector;                        // y and the residual may be moved by 16 bytes
  Moments* moments = nullptr;         // (tiles of pixels, K), with Statistics::yes

  FR_HOST_DEVICE Extent extent() const { return {x.pixels, filters, depth, groups}; }
  template <class Panel>
  FR_DEVICE auto a(int64_t z, int64_t m, int64_t k) const {
    return PixelsLoader<Panel, access>(x, int(z), m, k);
  }
  template <class Panel>
  FR_DEVICE auto b(int64_t z, int64_t n, int64_t k) const {
    return MatrixLoader<Panel, access>({w + z * filters * depth, depth, filters, depth}, n, k);
  }
  FR_DEVICE void finish(int64_t z, int64_t m, int64_t n, float (&v)[8], int count) const {
    const int64_t k = z * filters + n, i = m * K + k;
    float residual[8] = {};
    if (line.residual) read_eight(residual, line.residual + i, count, vector);
    for (int e = 0; e < 8; ++e) {
      if (e >= count) break;
      if (line.scale) v[e] *= line.scale[k + e];
      if (line.shift) v[e] += line.shift[k + e];
      if (line.slope && !(v[e] > 0)) v[e] *= line.slope[k + e];
      v[e] += residual[e];
    }
    write_eight(y + i, v, count, vector);
  }
  FR_DEVICE void keep(int64_t z, int64_t tile, int64_t n, const Moments& of_tile) const {
    moments[tile * K + z * filters + n] = of_tile;
  }
};

inline int at_least_one(int64_t n) { return int(max(n, int64_t(1))); }

// A map (N,H,W,C) without its taps.
template <class T>
Window<T> window_on(const T* map, int64_t H, int64_t W, int64_t C, int64_t groups) {
  FR_CHECK(H * W * C < int64_t{1} << 31, "conv2d: expected images of fewer than 2^31 elements, got ", H, "x",
           W, "x", C);
  Window<T> v;
  v.map = map, v.image = H * W * C, v.line = int(W * C), v.pixel = int(C);
  v.height = int(H), v.width = int(W), v.channels = at_least_one(C / groups);
  return v;
}

// y looks at x: forward and filter gradient.
template <class T>
Window<T> outputs_on_inputs(const T* x, const Conv2dShape& s) {
  Window<T> v = window_on(x, s.H, s.W, s.C, s.groups);
  v.rows = at_least_one(s.P()), v.columns = at_least_one(s.Q());
  v.taps_h = int(s.R), v.taps_w = at_least_one(s.S);
  v.scale_h = int(s.stride_h), v.scale_w = int(s.stride_w);
  v.start_h = -int(s.pad_h), v.start_w = -int(s.pad_w);
  v.step_h = int(s.dilation_h), v.step_w = int(s.dilation_w);
  v.pixels = s.N * max(s.P(), int64_t(0)) * max(s.Q(), int64_t(0));
  return v;
}

// Whether a map or filter with so many elements, groups of so many channels, is read by 16 bytes (cuda/load_map.h).
template <class T>
bool chunks(const T* p, int64_t channels, int64_t elements) {
  return channels % kPack<T> == 0 && aligned16(p) && elements / kPack<T> < int64_t{1} << 31;
}

// The problem of a convolution with what finishes it; `run` takes it.
template <Statistics statistics, class T, class F>
void as_forward_problem(T* y, const T* x, const T* w, const Conv2dFinish<T>& finish, const Conv2dShape& s,
                        const F& run) {
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups;
  const bool vector = filters % 8 == 0 && aligned16(y) && aligned16(finish.residual);
  const auto problem = [&]<Access access>(std::integral_constant<Access, access>) {
    run(ForwardProblem<T, access, statistics>{outputs_on_inputs(x, s), w, y, finish, s.K, filters,
                                              s.R * s.S * channels, s.groups, vector});
  };
  if (chunks(x, channels, s.N * s.H * s.W * s.C) && chunks(w, channels, s.K))
    problem(std::integral_constant<Access, Access::vector>());
  else
    problem(std::integral_constant<Access, Access::scalar>());
}

}  // namespace fr::FR_GPU
