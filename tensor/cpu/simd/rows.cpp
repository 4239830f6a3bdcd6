// Kernels on rows, one task per few rows. A row of logits or cosines is read twice (the largest, then the
// exponentials) and stays in the second-level cache between the two. Exponentials are taken in float, their
// sums in double.
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// f(n) for every row, cut for threads
template <class F>
FR_VEC void for_rows(int64_t N, int64_t columns, const F& f) {
  parallel_ranges(N, rows_per_piece(columns), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) f(n);
  });
}

double dot(const float* a, const float* b, int64_t n) {
  DoubleSum sum;
  for_vectors(
      n, [&](int64_t i, auto lanes) { sum.add_product(Vec::load(a + i, lanes), Vec::load(b + i, lanes)); });
  return sum.total();
}

void l2_normalize_forward(float* y, float* norm, const float* x, int64_t N, int64_t D, float eps) {
  for_rows(N, D, [&](int64_t n) {
    const float *x_n = x + n * D, length = static_cast<float>(sqrt(dot(x_n, x_n, D)));
    norm[n] = length;
    const Vec scale = Vec::set(length < eps ? 0 : 1 / length);
    for_vectors(D, [&](int64_t d, auto lanes) {
      const Vec value = length < eps ? Vec::set(0) : Vec::load(x_n + d, lanes) * scale;
      value.store(y + n * D + d, lanes);
    });
  });
}

// dx += dy / norm + y (dnorm - <y, dy> / norm)
void l2_normalize_backward(float* dx, const float* dy, const float* dnorm, const float* y, const float* norm,
                           int64_t N, int64_t D, float eps) {
  for_rows(N, D, [&](int64_t n) {
    if (norm[n] < eps) return;
    const float *y_n = y + n * D, *dy_n = dy + n * D;
    float* dx_n = dx + n * D;
    const double along = dot(y_n, dy_n, D);
    const Vec inverse = Vec::set(1 / norm[n]);
    const Vec radial = Vec::set(static_cast<float>((dnorm ? dnorm[n] : 0.0) - along / norm[n]));
    for_vectors(D, [&](int64_t d, auto lanes) {
      const Vec sum = fma(Vec::load(dy_n + d, lanes), inverse, Vec::load(dx_n + d, lanes));
      fma(Vec::load(y_n + d, lanes), radial, sum).store(dx_n + d, lanes);
    });
  });
}

FR_VEC float larger_of(float a, float b) { return a > b || a != a ? a : b; }

// The largest of n values of scale c; c is clamped to [-1, 1] in place when `clamp` is set.
template <bool clamp, class Pointer>
float largest(Pointer c, float scale, int64_t n) {
  const Vec nothing = Vec::set(-__builtin_inff());
  Vec best = nothing;
  for_vectors(n, [&](int64_t i, auto lanes) {
    Vec value = Vec::load(c + i, lanes);
    if constexpr (clamp) {
      value = min(Vec::set(1), max(Vec::set(-1), value));
      value.store(c + i, lanes);
    }
    const Vec z = keep(lanes, value * Vec::set(scale), nothing);
    best = select(larger(z, best), z, best);
  });
  return largest_lane(best);
}

// sum_i exp(scale c_i - top)
double sum_exp(const float* c, float scale, float top, int64_t n) {
  DoubleSum sum;
  for_vectors(n, [&](int64_t i, auto lanes) {
    sum.add(keep(lanes, exp(Vec::load(c + i, lanes) * Vec::set(scale) - Vec::set(top)), Vec::set(0)));
  });
  return sum.total();
}

void softmax_cross_entropy_forward(float* loss, float* lse, const float* z, const int64_t* label, int64_t N,
                                   int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    const float *z_n = z + n * M, top = largest<false>(z_n, 1, M);
    const double l = top + log(sum_exp(z_n, 1, top, M));
    lse[n] = static_cast<float>(l);
    loss[n] = static_cast<float>(l - z_n[label[n]]);
  });
}

void softmax_cross_entropy_backward(float* dz, const float* dloss, const float* z, const float* lse,
                                    const int64_t* label, int64_t N, int64_t M, Gradient into) {
  const bool adds = into == Gradient::add;
  for_rows(N, M, [&](int64_t n) {
    const float* z_n = z + n * M;
    float *dz_n = dz + n * M, *target = dz_n + label[n];
    const float dtarget = dloss[n] * (expf(z_n[label[n]] - lse[n]) - 1), before = adds ? *target : 0;
    for_vectors(M, [&](int64_t m, auto lanes) {
      const Vec probability = exp(Vec::load(z_n + m, lanes) - Vec::set(lse[n]));
      const Vec sum = adds ? Vec::load(dz_n + m, lanes) : Vec::set(0);
      fma(Vec::set(dloss[n]), probability, sum).store(dz_n + m, lanes);
    });
    *target = before + dtarget;
  });
}

// The label's column has its own function, so a row is the cosines before it, the label, and the cosines
// behind it.
void margin_softmax_forward(float* loss, float* lse, float* h, float* dh, float* c, const float* scale,
                            const int64_t* label, const Margin& margin, int64_t N, int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    float *c_n = c + n * M, *target = c_n + label[n], *behind = target + 1;
    const int64_t count_behind = M - label[n] - 1;
    *target = *target < -1 ? -1 : *target > 1 ? 1 : *target;
    const MarginValue<float> value = margin_value(margin, *target);
    const float s = scale[n], z = s * value.h;
    const float top =
        larger_of(larger_of(largest<true>(c_n, s, label[n]), largest<true>(behind, s, count_behind)), z);
    const double sum = sum_exp(c_n, s, top, label[n]) + sum_exp(behind, s, top, count_behind);
    const double l = top + log(sum + ::exp(static_cast<double>(z) - top));
    h[n] = value.h;
    dh[n] = value.dh;
    lse[n] = static_cast<float>(l);
    loss[n] = static_cast<float>(l - static_cast<double>(s) * value.h);
  });
}

// g_m = scale d_m with d_m = dloss exp(scale c_m - lse); returns sum_m d_m c_m.      g may be c
double spread_gradient(float* g, const float* c, float dloss, float scale, float lse, int64_t n) {
  DoubleSum sum;
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec value = Vec::load(c + i, lanes);
    const Vec d = keep(lanes, exp(value * Vec::set(scale) - Vec::set(lse)) * Vec::set(dloss), Vec::set(0));
    sum.add_product(d, value);
    (d * Vec::set(scale)).store(g + i, lanes);
  });
  return sum.total();
}

void margin_softmax_backward(float* g, float* dscale, float* d_label, const float* dloss, const float* c,
                             const float* scale, const float* lse, const float* h, const float* dh,
                             const float* f, const int64_t* label, int64_t N, int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    const int64_t at = n * M + label[n], behind = at + 1;
    const float s = scale[n], d = dloss[n] * (expf(s * h[n] - lse[n]) - 1), factor = f ? f[n] : dh[n];
    const double sum = spread_gradient(g + n * M, c + n * M, dloss[n], s, lse[n], label[n]) +
                       spread_gradient(g + behind, c + behind, dloss[n], s, lse[n], M - label[n] - 1);
    d_label[n] = d;
    g[at] = s * factor * d;
    if (dscale) dscale[n] += static_cast<float>(sum + static_cast<double>(d) * h[n]);
  });
}

}  // namespace

void install_rows(Kernels<float>& k) {
  k.l2_normalize_forward = l2_normalize_forward;
  k.l2_normalize_backward = l2_normalize_backward;
  k.softmax_cross_entropy_forward = softmax_cross_entropy_forward;
  k.softmax_cross_entropy_backward = softmax_cross_entropy_backward;
  k.margin_softmax_forward = margin_softmax_forward;
  k.margin_softmax_backward = margin_softmax_backward;
}

}  // namespace fr::FR_ISA
