// Batch normalisation over the rows of x (rows, C) (Ioffe and Szegedy 2015), with PReLU and a sum joined on. Three passes
// forward (statistics read x; apply reads x and writes y), five backward (sums read dy and x; dx reads both again).
#include "cuda/moments.h"

namespace fr::FR_GPU {
namespace {

// --- statistics ---

// What becomes of the moments of a channel. A single row has no unbiased variance: rows - 1 counts as 1. No rows leave the
// running statistics as they are.
struct Statistics {
  float *mean, *rstd, *running_mean, *running_var;
  int64_t rows;
  float eps, momentum;
  FR_DEVICE void operator()(int64_t c, double m, double m2) const {
    const double n = double(max(rows, int64_t{1})), var = m2 / n, unbiased = m2 / max(n - 1, 1.0);
    mean[c] = float(m), rstd[c] = float(1 / sqrt(var + double(eps)));
    if (rows == 0) return;
    const double keep = 1 - double(momentum);
    running_mean[c] = float(keep * double(running_mean[c]) + double(momentum) * m);
    running_var[c] = float(keep * double(running_var[c]) + double(momentum) * unbiased);
  }
};

template <class T>
void batch_norm_statistics(float* mean, float* rstd, float* running_mean, float* running_var, const T* x,
                           int64_t rows, int64_t C, float eps, float momentum) {
  const Statistics statistics{mean, rstd, running_mean, running_var, rows, eps, momentum};
  if (fit_packs<T>(C, x)) return moments_of_rows<kPack<T>>(statistics, x, rows, C);
  moments_of_rows<1>(statistics, x, rows, C);
}

// --- forward and backward ---

// The channels of a BatchNormLine. Forward and backward take u from the same expression, so that they agree on its sign.
// Without a slope it is 1, and act leaves u as it is.
template <int W>
struct LineChannel {
  Pack<float, W> mean, scale, beta, slope;  // scale = gamma rstd
  FR_DEVICE float u(int j, float x) const { return (x - mean.v[j]) * scale.v[j] + beta.v[j]; }
};
template <int W, class T>
FR_DEVICE LineChannel<W> channel_of(const BatchNormLine<T>& line, int64_t c) {
  LineChannel<W> at{parameters<W>(line.mean, c), parameters<W>(line.gamma, c), parameters<W>(line.beta, c),
                    parameters<W>(line.slope, c, 1)};
  const Pack<float, W> rstd = parameters<W>(line.rstd, c);
  for (int j = 0; j < W; ++j) at.scale.v[j] *= rstd.v[j];
  return at;
}

template <class T, int W>
struct Apply {
  static constexpr int kWidth = W;
  T* y;
  const T* x;
  BatchNormLine<T> line;
  const T* residual;
  using Channel = LineChannel<W>;
  struct Input {
    Pack<T, W> x, residual;
  };
  FR_DEVICE Channel channel(int64_t c) const { return channel_of<W>(line, c); }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.x = load<T, W>(x + i);
    if (residual) in.residual = load<T, W>(residual + i);
    return in;
  }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float u = at.u(j, float(in.x.v[j])), act = u > 0 ? u : at.slope.v[j] * u;
      out.v[j] = T(residual ? act + float(in.residual.v[j]) : act);
    }
    store(y + i, out);
  }
};
template <class T>
void batch_norm_apply(T* y, const T* x, const BatchNormLine<T>& line, const T* residual, int64_t rows,
                      int64_t C) {
  map_rows_as<Apply, T>(width_of<T>(C, y, x, residual), rows, C, y, x, line, residual);
}

template <class T, int W>
struct TwoMaps {
  Pack<T, W> dy, x, dx;
};

// Sums of du, du (x - mean) and dy min(u, 0): what the parameters' gradients and dx need of all rows.
template <class T, int W>
struct BackwardSums {
  static constexpr int kWidth = W, kSums = 3;
  const T* dy;
  const T* x;
  BatchNormLine<T> line;
  using Channel = LineChannel<W>;
  struct Input {
    Pack<T, W> dy, x;
  };
  FR_DEVICE Channel channel(int64_t c) const { return channel_of<W>(line, c); }
  FR_DEVICE Input read(int64_t i) const { return {load<T, W>(dy + i), load<T, W>(x + i)}; }
  FR_DEVICE void add(int64_t, const Input& in, const Channel& at, float* sums) const {
    for (int j = 0; j < W; ++j) {
      const float d = float(in.dy.v[j]), v = float(in.x.v[j]), u = at.u(j, v),
                  du = u > 0 ? d : at.slope.v[j] * d;
      sums[j] += du, sums[W + j] += du * (v - at.mean.v[j]), sums[2 * W + j] += u > 0 ? 0 : d * u;
    }
  }
};
// The parameters' gradients; and means (2, C) of du and of du xh, the latter times rstd, for dx.
struct BackwardTotals {
  float *dgamma, *dbeta, *dslope, *means;
  const float* rstd;
  int64_t rows, C;
  FR_DEVICE void operator()(int64_t c, const double* total) const {
    const double r = double(rstd[c]), du_xh = total[1] * r;
    if (dgamma) dgamma[c] += float(du_xh);
    if (dbeta) dbeta[c] += float(total[0]);
    if (dslope) dslope[c] += float(total[2]);
    means[c] = float(total[0] / double(rows)), means[C + c] = float(du_xh * r / double(rows));
  }
};
template <class T, int W>
struct BackwardMap {
  static constexpr int kWidth = W;
  T* dx;
  const T* dy;
  const T* x;
  BatchNormLine<T> line;
  const float* means;
  int64_t C;
  Gradient into;
  struct Channel {
    LineChannel<W> line;
    Pack<float, W> du, du_xh;
  };
  using Input = TwoMaps<T, W>;
  FR_DEVICE Channel channel(int64_t c) const {
    return {channel_of<W>(line, c), parameters<W>(means, c), parameters<W>(means + C, c)};
  }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.dy = load<T, W>(dy + i), in.x = load<T, W>(x + i);
    if (into == Gradient::add) in.dx = load<T, W>(dx + i);
    return in;
  }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float d = float(in.dy.v[j]), v = float(in.x.v[j]);
      const float du = at.line.u(j, v) > 0 ? d : at.line.slope.v[j] * d;
      const float gradient = at.line.scale.v[j] * (du - at.du.v[j] - (v - at.line.mean.v[j]) * at.du_xh.v[j]);
      out.v[j] = T(into == Gradient::add ? float(in.dx.v[j]) + gradient : gradient);
    }
    store(dx + i, out);
  }
};
template <class T>
void batch_norm_backward(T* dx, float* dgamma, float* dbeta, float* dslope, const T* dy, const T* x,
                         const BatchNormLine<T>& line, int64_t rows, int64_t C, Gradient into) {
  const Workspace<float> means(2 * C);
  const BackwardTotals totals{dgamma, dbeta, line.slope ? dslope : nullptr, means.get(), line.rstd, rows, C};
  sum_rows_as<BackwardSums, T>(width_of<T>(C, dy, x), totals, rows, C, dy, x, line);
  if (!dx) return;
  map_rows_as<BackwardMap, T>(width_of<T>(C, dx, dy, x), rows, C, dx, dy, x, line,
                              static_cast<const float*>(means.get()), C, into);
}

// --- fixed statistics ---

// one thread per channel
FR_KERNEL(kPassThreads)
line_kernel(float* scale, float* shift, const float* gamma, const float* beta, const float* mean,
            const float* var, int64_t C, float eps) {
  for (int64_t c = block_x() * threads() + thread(); c < C; c += blocks_x() * threads()) {
    const double a = double(gamma[c]) / sqrt(double(var[c]) + double(eps));
    scale[c] = float(a), shift[c] = float(double(beta[c]) - double(mean[c]) * a);
  }
}
void batch_norm_line(float* scale, float* shift, const float* gamma, const float* beta, const float* mean,
                     const float* var, int64_t C, float eps) {
  launch(grid_for(divide_up(C, kPassThreads)), kPassThreads, 0, line_kernel, scale, shift, gamma, beta, mean,
         var, C, eps);
}

// rstd_c = 1 / sqrt(var_c + eps), one thread per channel
FR_KERNEL(kPassThreads)
rstd_kernel(float* rstd, const float* var, int64_t C, float eps) {
  for (int64_t c = block_x() * threads() + thread(); c < C; c += blocks_x() * threads())
    rstd[c] = 1 / ::sqrtf(var[c] + eps);
}
void fixed_rstd(float* rstd, const float* var, int64_t C, float eps) {
  launch(grid_for(divide_up(C, kPassThreads)), kPassThreads, 0, rstd_kernel, rstd, var, C, eps);
}

template <class T>
void batch_norm_inference_forward(T* y, const T* x, const float* gamma, const float* beta, const float* mean,
                                  const float* var, int64_t rows, int64_t C, float eps) {
  const Workspace<float> rstd(C);
  fixed_rstd(rstd.get(), var, C, eps);
  batch_norm_apply<T>(y, x, {mean, rstd.get(), gamma, beta, nullptr}, nullptr, rows, C);
}

// dx += gamma rstd dy in the pass that sums dy (x - mean) and dy
template <class T, int W>
struct InferenceBackward {
  static constexpr int kWidth = W, kSums = 2;
  T* dx;
  const T* dy;
  const T* x;
  const float *mean, *gamma, *rstd;
  struct Channel {
    Pack<float, W> mean, gamma, rstd;
  };
  using Input = TwoMaps<T, W>;
  FR_DEVICE Channel channel(int64_t c) const {
    return {parameters<W>(mean, c), parameters<W>(gamma, c), parameters<W>(rstd, c)};
  }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.dy = load<T, W>(dy + i), in.x = load<T, W>(x + i);
    if (dx) in.dx = load<T, W>(dx + i);
    return in;
  }
  FR_DEVICE void add(int64_t i, const Input& in, const Channel& at, float* sums) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float d = float(in.dy.v[j]);
      sums[j] += d * (float(in.x.v[j]) - at.mean.v[j]), sums[W + j] += d;
      if (dx) out.v[j] = T(float(in.dx.v[j]) + at.gamma.v[j] * at.rstd.v[j] * d);
    }
    if (dx) store(dx + i, out);
  }
};
struct InferenceTotals {
  float *dgamma, *dbeta;
  const float* rstd;
  FR_DEVICE void operator()(int64_t c, const double* total) const {
    if (dgamma) dgamma[c] += float(total[0] * double(rstd[c]));
    if (dbeta) dbeta[c] += float(total[1]);
  }
};
template <class T>
void batch_norm_inference_backward(T* dx, float* dgamma, float* dbeta, const T* dy, const T* x,
                                   const float* gamma, const float* mean, const float* var, int64_t rows,
                                   int64_t C, float eps) {
  const Workspace<float> space(C);
  const float* rstd = space.get();
  fixed_rstd(space.get(), var, C, eps);
  sum_rows_as<InferenceBackward, T>(width_of<T>(C, dx, dy, x), InferenceTotals{dgamma, dbeta, rstd}, rows, C,
                                    dx, dy, x, mean, gamma, rstd);
}

}  // namespace

template <class T>
void install_batch_norm(Kernels<T>& k) {
  k.batch_norm_statistics = batch_norm_statistics<T>;
  k.batch_norm_apply = batch_norm_apply<T>;
  k.batch_norm_backward = batch_norm_backward<T>;
  k.batch_norm_line = batch_norm_line;
  k.batch_norm_inference_forward = batch_norm_inference_forward<T>;
  k.batch_norm_inference_backward = batch_norm_inference_backward<T>;
}

template void install_batch_norm(Kernels<float>&);
template void install_batch_norm(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
