#include "audit/formulas.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fr::audit {
namespace {

// The rows of x (N,D): their lengths, and the rows scaled to length 1.
struct Rows {
  explicit Rows(const Tensor& t)
      : N(size_t(t.dim(0))), D(size_t(t.dim(1))), value(t.host<double>()), unit(value), length(N) {
    for (size_t n = 0; n < N; ++n) {
      for (size_t d = 0; d < D; ++d) length[n] += value[n * D + d] * value[n * D + d];
      length[n] = std::sqrt(length[n]);
      for (size_t d = 0; d < D; ++d) unit[n * D + d] /= length[n];
    }
  }
  size_t N, D;
  Numbers value, unit, length;
};

// A batch up to the scores: row n is of class 2 n mod M.
struct Batch {
  Batch(const std::vector<Tensor>& inputs, const Target& h, double s)
      : x(inputs[0]), w(inputs[1]), cosine(x.N * w.N), z(x.N * w.N) {
    for (size_t n = 0; n < x.N; ++n)
      for (size_t m = 0; m < w.N; ++m) {
        double& c = cosine[n * w.N + m];
        for (size_t d = 0; d < x.D; ++d) c += x.unit[n * x.D + d] * w.unit[m * x.D + d];
        z[n * w.N + m] = (s > 0 ? s : x.length[n]) * (m == label(n) ? h(std::acos(c)) : c);
      }
  }
  size_t label(size_t n) const { return 2 * n % w.N; }

  // (softmax(z_n)_m - [m = label_n]) / N
  double score_gradient(size_t n, size_t m) const {
    const double* row = &z[n * w.N];
    const double largest = *std::max_element(row, row + w.N);
    double sum = 0;
    for (size_t j = 0; j < w.N; ++j) sum += std::exp(row[j] - largest);
    return (std::exp(row[m] - largest) / sum - (m == label(n) ? 1 : 0)) / double(x.N);
  }
  Rows x, w;
  Numbers cosine, z;  // (N,M)
};

// f(n, m, d_nm, c_nm, dx_n, dw_m) of every score, where a gradient is added.
template <class F>
std::vector<Numbers> over_scores(const Batch& b, const F& f) {
  Numbers dx(b.x.value.size()), dw(b.w.value.size());
  for (size_t n = 0; n < b.x.N; ++n)
    for (size_t m = 0; m < b.w.N; ++m)
      f(n, m, b.score_gradient(n, m), b.cosine[n * b.w.N + m], &dx[n * b.x.D], &dw[m * b.x.D]);
  return {dx, dw};
}

// k of theta in [k pi/m, (k+1) pi/m]
int segment(int m, double theta) {
  return std::clamp(int(std::floor(m * theta / std::numbers::pi)), 0, m - 1);
}
double psi(int m, double theta) {
  const int k = segment(m, theta);
  return (k % 2 ? -1 : 1) * std::cos(m * theta) - 2 * k;
}
// d psi / d cos(theta)
double psi_slope(int m, double theta) {
  return (segment(m, theta) % 2 ? -1 : 1) * m * std::sin(m * theta) / std::sin(theta);
}

}  // namespace

Target psi_target(int m, double lambda) {
  return [=](double theta) { return (lambda * std::cos(theta) + psi(m, theta)) / (1 + lambda); };
}

Formula detached_by_norm(Target h) {
  return [h](const std::vector<Tensor>& inputs) {
    const Batch b(inputs, h, 0);
    return over_scores(b, [&](size_t n, size_t m, double d, double c, double* dx, double* dw) {
      const double shift = m == b.label(n) ? h(std::acos(c)) - c : 0, r = b.x.length[n];
      const double *xh = &b.x.unit[n * b.x.D], *wh = &b.w.unit[m * b.x.D];
      for (size_t i = 0; i < b.x.D; ++i) {
        dx[i] += d * (wh[i] + shift * xh[i]);
        dw[i] += d * r / b.w.length[m] * (xh[i] - c * wh[i]);
      }
    });
  };
}

Formula detached_by_scale(double s, Target h) {
  return [s, h](const std::vector<Tensor>& inputs) {
    const Batch b(inputs, h, s);
    return over_scores(b, [&](size_t n, size_t m, double d, double c, double* dx, double* dw) {
      const double *xh = &b.x.unit[n * b.x.D], *wh = &b.w.unit[m * b.x.D];
      for (size_t i = 0; i < b.x.D; ++i) {
        dx[i] += s * d / b.x.length[n] * (wh[i] - c * xh[i]);
        dw[i] += s * d / b.w.length[m] * (xh[i] - c * wh[i]);
      }
    });
  };
}

Formula caffe(int m, double lambda) {
  return [m, lambda](const std::vector<Tensor>& inputs) {
    const Batch b(inputs, psi_target(m, lambda), 0);
    return over_scores(b, [&](size_t n, size_t j, double d, double c, double* dx, double* dw) {
      const double theta = std::acos(c), a = psi_slope(m, theta);
      const double e = (psi(m, theta) - c * a) / b.x.length[n], q = std::hypot(a, e);
      const double *x = &b.x.value[n * b.x.D], *wh = &b.w.unit[j * b.x.D];
      for (size_t i = 0; i < b.x.D; ++i) {
        dx[i] += d * (j == b.label(n) ? (lambda * wh[i] + (a * wh[i] + e * x[i]) / q) / (1 + lambda) : wh[i]);
        dw[i] += d * x[i];
      }
    });
  };
}

}  // namespace fr::audit
