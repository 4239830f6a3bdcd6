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

// The largest of n values of scale c.
float largest(const float* c, float scale, int64_t n) {
  const Vec nothing = Vec::set(-__builtin_inff());
  Vec best = nothing;
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec z = keep(lanes, Vec::load(c + i, lanes) * Vec::set(scale), nothing);
    best = select(larger(z, best), z, best);
  });
  return largest_lane(best);
}

// Scores of -infinity: no class. They have no exponential, whatever they are multiplied by.
FR_VEC Mask left_out(Vec c) { return positive(Vec::set(-__FLT_MAX__) - c); }
FR_VEC Vec scaled(Vec c, Vec by) { return select(left_out(c), c, c * by); }

// The same of cosines, which are clamped and multiplied by a, unless it is null, in place.
float largest_cosine(float* c, const float* a, float scale, int64_t n) {
  const Vec nothing = Vec::set(-__builtin_inff());
  Vec best = nothing;
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec given = Vec::load(c + i, lanes);
    Vec value = select(left_out(given), given, min(Vec::set(1), max(Vec::set(-1), given)));
    if (a) value = scaled(value, Vec::load(a + i, lanes));
    value.store(c + i, lanes);
    const Vec z = keep(lanes, scaled(value, Vec::set(scale)), nothing);
    best = select(larger(z, best), z, best);
  });
  return largest_lane(best);
}

// sum_i exp(scale c_i - top)
double sum_exp(const float* c, float scale, float top, int64_t n) {
  DoubleSum sum;
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec z = scaled(Vec::load(c + i, lanes), Vec::set(scale));
    sum.add(keep(lanes, exp(z - Vec::set(top)), Vec::set(0)));
  });
  return sum.total();
}

void softmax_cross_entropy_forward(float* loss, float* lse, const float* z, const int64_t* label, int64_t N,
                                   int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    const float *z_n = z + n * M, top = largest(z_n, 1, M);
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

const float* from(const float* a, int64_t m) { return a ? a + m : nullptr; }
float one_or(const float* a, int64_t m) { return a ? a[m] : 1; }

// The label's column has its own function, so a row is the cosines before it, the label, and the cosines
// behind it.
void margin_softmax_forward(float* loss, float* lse, float* h, float* dh, float* c, const float* scale,
                            const float* class_scale, const int64_t* label, const Margin& margin,
                            const float* class_margin, int64_t N, int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    const int64_t label_n = label[n], next = label_n + 1, count_behind = M - next;
    float *c_n = c + n * M, *behind = c_n + next;
    const float cosine = c_n[label_n] < -1 ? -1 : c_n[label_n] > 1 ? 1 : c_n[label_n];
    const Margin own = class_margin ? scaled_margin(margin, class_margin[label_n]) : margin;
    const MarginValue<float> target = margin_value(own, cosine);
    c_n[label_n] = cosine * one_or(class_scale, label_n);
    const float s = scale[n], value = one_or(class_scale, label_n) * target.h, z = s * value;
    const float top = larger_of(larger_of(largest_cosine(c_n, class_scale, s, label_n),
                                          largest_cosine(behind, from(class_scale, next), s, count_behind)),
                                z);
    const double sum = sum_exp(c_n, s, top, label_n) + sum_exp(behind, s, top, count_behind);
    const double l = top + log(sum + ::exp(static_cast<double>(z) - top));
    h[n] = target.h;
    dh[n] = target.dh;
    lse[n] = static_cast<float>(l);
    loss[n] = static_cast<float>(l - static_cast<double>(s) * value);
  });
}

// g_m = scale a_m d_m with d_m = dloss exp(scale c_m - lse), a null: 1; returns sum_m d_m c_m.      g may be c
// A probability is at most 1, however far rounding moves the difference of two huge numbers.
double spread_gradient(float* g, const float* c, const float* a, float dloss, float scale, float lse,
                       int64_t n) {
  DoubleSum sum;
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec given = Vec::load(c + i, lanes), zero = Vec::set(0);
    const Mask gone = left_out(given);
    const Vec value = select(gone, zero, given);
    const Vec p = exp(min(zero, value * Vec::set(scale) - Vec::set(lse)));
    const Vec d = keep(lanes, select(gone, zero, p * Vec::set(dloss)), zero);
    sum.add_product(d, value);
    const Vec up = a ? Vec::set(scale) * Vec::load(a + i, lanes) : Vec::set(scale);
    (d * up).store(g + i, lanes);
  });
  return sum.total();
}

void margin_softmax_backward(float* g, float* dscale, float* d_label, float* radial, const float* dloss,
                             const float* c, const float* scale, const float* class_scale, const float* lse,
                             const float* h, const float* dh, const float* f, const int64_t* label, int64_t N,
                             int64_t M) {
  for_rows(N, M, [&](int64_t n) {
    const int64_t next = label[n] + 1, at = n * M + label[n], behind = at + 1;
    const float s = scale[n], a = one_or(class_scale, label[n]), value = a * h[n], x = s * value - lse[n];
    const float d = dloss[n] * (expf(x > 0 ? 0 : x) - 1), factor = f ? f[n] : dh[n];
    if (radial) radial[n] = s * d * (h[n] - factor * (a != 0 ? c[at] / a : 0));
    const double sum =
        spread_gradient(g + n * M, c + n * M, class_scale, dloss[n], s, lse[n], label[n]) +
        spread_gradient(g + behind, c + behind, from(class_scale, next), dloss[n], s, lse[n], M - next);
    d_label[n] = d;
    g[at] = s * a * factor * d;
    if (dscale) dscale[n] += static_cast<float>(sum + static_cast<double>(d) * value);
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
