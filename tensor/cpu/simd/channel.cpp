// Per-channel kernels on x (rows, C), read in memory order: a piece of rows per task, the channels'
// parameters stay in the first-level cache. Backward passes that need channel sums fuse them with the
// elementwise gradient where they can.
#include "tensor/cpu/simd/divide.h"

namespace fr::FR_ISA {
namespace {

// f(i, c, lanes) for every element i = r C + c, rows cut for threads
template <class F>
FR_VEC void for_rows(int64_t rows, int64_t C, const F& f) {
  parallel_ranges(rows, rows_per_piece(C), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for_vectors(C, [&](int64_t c, auto lanes) { f(r * C + c, c, lanes); });
  });
}

void add_totals(float* d, const double* total, int64_t C) {
  for (int64_t c = 0; d && c < C; ++c) d[c] += static_cast<float>(total[c]);
}

void bias_forward(float* y, const float* x, const float* b, int64_t rows, int64_t C) {
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    (Vec::load(x + i, lanes) + Vec::load(b + c, lanes)).store(y + i, lanes);
  });
}

void bias_backward(float* db, const float* dy, int64_t rows, int64_t C) {
  const Scratch<double> total(static_cast<size_t>(C));
  sum_columns<1, 4>(total.get(), rows, C, [&](int64_t i, int64_t, auto lanes, const auto& add) {
    add(0, Vec::load(dy + i, lanes));
  });
  add_totals(db, total.get(), C);
}

// y = act(x) + residual
template <bool kResidual>
void prelu_rows(float* y, const float* x, const float* a, const float* residual, int64_t rows, int64_t C) {
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    const Vec value = Vec::load(x + i, lanes);
    const Vec act = select(positive(value), value, Vec::load(a + c, lanes) * value);
    (kResidual ? act + Vec::load(residual + i, lanes) : act).store(y + i, lanes);
  });
}

void prelu_forward(float* y, const float* x, const float* a, const float* residual, int64_t rows, int64_t C) {
  residual ? prelu_rows<true>(y, x, a, residual, rows, C) : prelu_rows<false>(y, x, a, residual, rows, C);
}

// dx and the sums of da in one pass over dy and x.
void prelu_backward(float* dx, float* da, const float* dy, const float* x, const float* a, int64_t rows,
                    int64_t C, Gradient into) {
  if (!dx && !da) return;
  const Scratch<double> total(static_cast<size_t>(C));
  sum_columns<1>(total.get(), rows, C, [&](int64_t i, int64_t c, auto lanes, const auto& add) {
    const Vec value = Vec::load(x + i, lanes), d = Vec::load(dy + i, lanes);
    const Mask identity = positive(value);
    if (dx) {
      const Vec slope = select(identity, Vec::set(1), Vec::load(a + c, lanes));
      const Vec before = into == Gradient::add ? Vec::load(dx + i, lanes) : Vec::set(0);
      fma(d, slope, before).store(dx + i, lanes);
    }
    add(0, select(identity, Vec::set(0), d * value));
  });
  add_totals(da, total.get(), C);
}

// y = x > 0 ? k x : k v / (a - v) with v = min(x, 0): every lane divides, by a or more.
void arfa_forward(float* y, const float* x, const float* a, const float* k, int64_t rows, int64_t C) {
  const Vec factor = Vec::set(*k), zero = Vec::set(0);
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    const Vec value = Vec::load(x + i, lanes), scaled = factor * value;
    const Vec fraction = quotient(scaled, Vec::load(a + c, lanes) - min(zero, value));
    select(positive(value), scaled, fraction).store(y + i, lanes);
  });
}

// dx and the sums of da in one pass over dy and x, with one division: r = 1 / (a - v).
void arfa_backward(float* dx, float* da, const float* dy, const float* x, const float* a, const float* k,
                   int64_t rows, int64_t C, Gradient into) {
  if (!dx && !da) return;
  const Vec factor = Vec::set(*k), zero = Vec::set(0), one = Vec::set(1);
  const Scratch<double> total(static_cast<size_t>(C));
  sum_columns<1>(total.get(), rows, C, [&](int64_t i, int64_t c, auto lanes, const auto& add) {
    const Vec value = Vec::load(x + i, lanes), scaled = factor * Vec::load(dy + i, lanes);
    const Vec a_c = Vec::load(a + c, lanes), v = min(zero, value), r = quotient(one, a_c - v);
    const Vec curved = scaled * r * r;  // k dy / (a - v)^2
    if (dx) {
      const Vec before = into == Gradient::add ? Vec::load(dx + i, lanes) : zero;
      select(positive(value), before + scaled, fma(curved, a_c, before)).store(dx + i, lanes);
    }
    add(0, fnma(curved, v, zero));
  });
  add_totals(da, total.get(), C);
}

// Sum and sum of squares of x - shift per channel and piece, shift the mean of the piece's first rows: close
// enough to the true mean that sum of squares - (sum)^2 / n does not cancel. Pieces are merged in order
// (Chan, Golub and LeVeque 1979). mean and m2, the sum of squared deviations, in double.
void moments(double* mean, double* m2, const float* x, int64_t rows, int64_t C) {
  constexpr int64_t kSample = 32;
  const int64_t grain = rows_per_piece(C), pieces = (rows + grain - 1) / grain;
  const Scratch<double> partial(static_cast<size_t>(pieces * 2 * C));
  parallel_for(pieces, [&](int64_t piece) {
    const int64_t first = piece * grain, count = rows - first < grain ? rows - first : grain;
    const int64_t sample = count < kSample ? count : kSample;
    const float* x_p = x + first * C;
    double *sum = partial.get() + piece * 2 * C, *squares = sum + C;
    const Scratch<float> shift(static_cast<size_t>(C));
    sum_columns<1>(sum, sample, C, [&](int64_t i, int64_t, auto lanes, const auto& add) {
      add(0, Vec::load(x_p + i, lanes));
    });
    for (int64_t c = 0; c < C; ++c) shift.get()[c] = static_cast<float>(sum[c] / static_cast<double>(sample));
    sum_columns<2, 4>(sum, count, C, [&](int64_t i, int64_t c, auto lanes, const auto& add) {
      const Vec d = Vec::load(x_p + i, lanes) - Vec::load(shift.get() + c, lanes);
      add(0, d), add(1, d * d);
    });
    for (int64_t c = 0; c < C; ++c) {
      squares[c] -= sum[c] * sum[c] / static_cast<double>(count);
      sum[c] = shift.get()[c] + sum[c] / static_cast<double>(count);
    }
  });
  for (int64_t c = 0; c < C; ++c) mean[c] = 0, m2[c] = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const double before = static_cast<double>(piece * grain);
    const double count = static_cast<double>(rows - piece * grain < grain ? rows - piece * grain : grain);
    const double *piece_mean = partial.get() + piece * 2 * C, *piece_m2 = piece_mean + C;
    for (int64_t c = 0; c < C; ++c) {
      const double d = piece_mean[c] - mean[c], after = before + count;
      mean[c] += d * count / after;
      m2[c] += piece_m2[c] + d * d * before * count / after;
    }
  }
}

void batch_norm_statistics(float* mean, float* rstd, float* running_mean, float* running_var, const float* x,
                           int64_t rows, int64_t C, float eps, float momentum) {
  const Scratch<double> exact(static_cast<size_t>(2 * C));
  double *exact_mean = exact.get(), *m2 = exact.get() + C;
  moments(exact_mean, m2, x, rows, C);
  const double n = static_cast<double>(rows > 1 ? rows : 1), keep_share = 1.0 - static_cast<double>(momentum);
  for (int64_t c = 0; c < C; ++c) {
    mean[c] = static_cast<float>(exact_mean[c]);
    rstd[c] = static_cast<float>(1 / sqrt(m2[c] / n + static_cast<double>(eps)));
    if (rows == 0) continue;
    const double unbiased = m2[c] / (n > 1 ? n - 1 : 1);
    running_mean[c] = static_cast<float>(keep_share * running_mean[c] + momentum * exact_mean[c]);
    running_var[c] = static_cast<float>(keep_share * running_var[c] + momentum * unbiased);
  }
}

// A BatchNormLine with gamma rstd multiplied out. u is formed by the same three instructions wherever it is needed, so
// that the forward and the backward pass agree on its sign.
template <bool kActivation>
struct Line {
  const BatchNormLine<float>& l;
  const Scratch<float> scale;
  Line(const BatchNormLine<float>& line, int64_t C) : l(line), scale(static_cast<size_t>(C)) {
    for (int64_t c = 0; c < C; ++c) scale.get()[c] = l.gamma[c] * l.rstd[c];
  }
  template <class L>
  FR_VEC Vec centred(Vec x, int64_t c, L lanes) const {
    return x - Vec::load(l.mean + c, lanes);
  }
  template <class L>
  FR_VEC Vec u(Vec centred, int64_t c, L lanes) const {
    return fma(centred, Vec::load(scale.get() + c, lanes), Vec::load(l.beta + c, lanes));
  }
  // v where u > 0, slope v where not: the activation of u, and what it makes of a gradient
  template <class L>
  FR_VEC Vec act(Vec u, Vec v, int64_t c, L lanes) const {
    return kActivation ? select(positive(u), v, Vec::load(l.slope + c, lanes) * v) : v;
  }
};

template <bool kActivation, bool kResidual>
void apply_rows(float* y, const float* x, const BatchNormLine<float>& l, const float* residual, int64_t rows,
                int64_t C) {
  const Line<kActivation> line(l, C);
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    const Vec u = line.u(line.centred(Vec::load(x + i, lanes), c, lanes), c, lanes);
    const Vec act = line.act(u, u, c, lanes);
    (kResidual ? act + Vec::load(residual + i, lanes) : act).store(y + i, lanes);
  });
}

void batch_norm_apply(float* y, const float* x, const BatchNormLine<float>& line, const float* residual,
                      int64_t rows, int64_t C) {
  const auto run = line.slope ? residual ? apply_rows<true, true> : apply_rows<true, false>
                   : residual ? apply_rows<false, true>
                              : apply_rows<false, false>;
  run(y, x, line, residual, rows, C);
}

// total receives the sums of du xh, du and, with an activation, dy min(u, 0)
template <bool kActivation>
void backward_sums(double* total, const float* dy, const float* x, const Line<kActivation>& line,
                   int64_t rows, int64_t C) {
  sum_columns<kActivation ? 3 : 2, kActivation ? 4 : 1>(
      total, rows, C, [&](int64_t i, int64_t c, auto lanes, const auto& add) {
        const Vec d = Vec::load(dy + i, lanes), centred = line.centred(Vec::load(x + i, lanes), c, lanes);
        Vec du = d;
        if constexpr (kActivation) {
          const Vec u = line.u(centred, c, lanes);
          du = line.act(u, d, c, lanes);
          add(2, select(positive(u), Vec::set(0), d * u));
        }
        add(0, du * (centred * Vec::load(line.l.rstd + c, lanes))), add(1, du);
      });
}

// dx = scale (du - mean_du - xh mean_du_xh) with xh = (x - mean) rstd: one fused multiply-add per term.
template <bool kActivation>
void backward_rows(float* dx, float* dgamma, float* dbeta, float* dslope, const float* dy, const float* x,
                   const BatchNormLine<float>& l, int64_t rows, int64_t C, Gradient into) {
  const Line<kActivation> line(l, C);
  const Scratch<double> total(static_cast<size_t>(3 * C));
  backward_sums(total.get(), dy, x, line, rows, C);
  add_totals(dgamma, total.get(), C);
  add_totals(dbeta, total.get() + C, C);
  if (kActivation) add_totals(dslope, total.get() + 2 * C, C);
  if (!dx || rows == 0) return;
  const Scratch<float> constants(static_cast<size_t>(2 * C));
  float *mean_du = constants.get(), *slope = mean_du + C;
  for (int64_t c = 0; c < C; ++c) {
    mean_du[c] = static_cast<float>(total.get()[C + c] / static_cast<double>(rows));
    slope[c] = static_cast<float>(total.get()[c] / static_cast<double>(rows) * l.rstd[c]);
  }
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    const Vec centred = line.centred(Vec::load(x + i, lanes), c, lanes);
    const Vec du = line.act(line.u(centred, c, lanes), Vec::load(dy + i, lanes), c, lanes);
    const Vec d = du - Vec::load(mean_du + c, lanes);
    const Vec before = into == Gradient::add ? Vec::load(dx + i, lanes) : Vec::set(0);
    fma(fnma(centred, Vec::load(slope + c, lanes), d), Vec::load(line.scale.get() + c, lanes), before)
        .store(dx + i, lanes);
  });
}

void batch_norm_backward(float* dx, float* dgamma, float* dbeta, float* dslope, const float* dy,
                         const float* x, const BatchNormLine<float>& line, int64_t rows, int64_t C,
                         Gradient into) {
  const auto run = line.slope ? backward_rows<true> : backward_rows<false>;
  run(dx, dgamma, dbeta, dslope, dy, x, line, rows, C, into);
}

// y = (x - mean) scale + beta
void normalise(float* y, const float* x, const float* mean, const float* scale, const float* beta,
               int64_t rows, int64_t C) {
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    const Vec centred = Vec::load(x + i, lanes) - Vec::load(mean + c, lanes);
    fma(centred, Vec::load(scale + c, lanes), Vec::load(beta + c, lanes)).store(y + i, lanes);
  });
}

// 1 / sqrt(var + eps)
void reciprocal_deviation(float* rstd, const float* var, int64_t C, float eps) {
  for (int64_t c = 0; c < C; ++c) rstd[c] = static_cast<float>(1 / sqrt(static_cast<double>(var[c]) + eps));
}

void batch_norm_line(float* scale, float* shift, const float* gamma, const float* beta, const float* mean,
                     const float* var, int64_t C, float eps) {
  reciprocal_deviation(scale, var, C, eps);
  for (int64_t c = 0; c < C; ++c) scale[c] *= gamma[c], shift[c] = beta[c] - mean[c] * scale[c];
}

void batch_norm_inference_forward(float* y, const float* x, const float* gamma, const float* beta,
                                  const float* mean, const float* var, int64_t rows, int64_t C, float eps) {
  const Scratch<float> scale(static_cast<size_t>(C));
  reciprocal_deviation(scale.get(), var, C, eps);
  for (int64_t c = 0; c < C; ++c) scale.get()[c] *= gamma[c];
  normalise(y, x, mean, scale.get(), beta, rows, C);
}

// dgamma += sum dy xh, dbeta += sum dy
void parameter_gradients(float* dgamma, float* dbeta, const float* dy, const float* x, const float* mean,
                         const float* rstd, int64_t rows, int64_t C) {
  const Scratch<double> total(static_cast<size_t>(2 * C));
  sum_columns<2>(total.get(), rows, C, [&](int64_t i, int64_t c, auto lanes, const auto& add) {
    const Vec d = Vec::load(dy + i, lanes);
    const Vec xh = (Vec::load(x + i, lanes) - Vec::load(mean + c, lanes)) * Vec::load(rstd + c, lanes);
    add(0, d * xh), add(1, d);
  });
  add_totals(dgamma, total.get(), C);
  add_totals(dbeta, total.get() + C, C);
}

void batch_norm_inference_backward(float* dx, float* dgamma, float* dbeta, const float* dy, const float* x,
                                   const float* gamma, const float* mean, const float* var, int64_t rows,
                                   int64_t C, float eps) {
  const Scratch<float> rstd(static_cast<size_t>(C));
  reciprocal_deviation(rstd.get(), var, C, eps);
  if (dgamma || dbeta) parameter_gradients(dgamma, dbeta, dy, x, mean, rstd.get(), rows, C);
  if (!dx) return;
  for (int64_t c = 0; c < C; ++c) rstd.get()[c] *= gamma[c];
  for_rows(rows, C, [&](int64_t i, int64_t c, auto lanes) {
    fma(Vec::load(dy + i, lanes), Vec::load(rstd.get() + c, lanes), Vec::load(dx + i, lanes))
        .store(dx + i, lanes);
  });
}

}  // namespace

void install_channel(Kernels<float>& k) {
  k.bias_forward = bias_forward;
  k.bias_backward = bias_backward;
  k.prelu_forward = prelu_forward;
  k.prelu_backward = prelu_backward;
  k.arfa_forward = arfa_forward;
  k.arfa_backward = arfa_backward;
  k.batch_norm_statistics = batch_norm_statistics;
  k.batch_norm_apply = batch_norm_apply;
  k.batch_norm_backward = batch_norm_backward;
  k.batch_norm_line = batch_norm_line;
  k.batch_norm_inference_forward = batch_norm_inference_forward;
  k.batch_norm_inference_backward = batch_norm_inference_backward;
}

}  // namespace fr::FR_ISA
