// Convolutions of the face networks at 112 x 96, batch 16: forward and both gradients. There is no peer to link with;
// the figure of interest is the fraction of the FMA peak. GFLOP/s count the multiplications of direct convolution.
#include <cmath>
#include <random>

#include "bench/bench.h"

namespace fr::bench {
namespace {

struct Layer {
  const char* name;
  int64_t H, W, C, K, stride;
};

const Layer kLayers[] = {
    {"3->64 s2 @112x96", 112, 96, 3, 64, 2},     {"64->128 s2 @56x48", 56, 48, 64, 128, 2},
    {"128->256 s2 @28x24", 28, 24, 128, 256, 2}, {"256->512 s2 @14x12", 14, 12, 256, 512, 2},
    {"64->64 @56x48", 56, 48, 64, 64, 1},        {"128->128 @28x24", 28, 24, 128, 128, 1},
    {"256->256 @14x12", 14, 12, 256, 256, 1},    {"512->512 @7x6", 7, 6, 512, 512, 1},
};

struct Data {
  Conv2dShape s;
  std::vector<float> x, w, y, dx, dw;  // y doubles as dy
};

std::vector<float> random_vector(int64_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = uniform(rng);
  return v;
}

Data make_data(const Layer& layer) {
  Data d;
  Conv2dShape& s = d.s;
  s.N = 16, s.H = layer.H, s.W = layer.W, s.C = layer.C, s.K = layer.K, s.R = s.S = 3;
  s.stride_h = s.stride_w = layer.stride, s.pad_h = s.pad_w = 1;
  d.x = random_vector(s.N * s.H * s.W * s.C, 1), d.w = random_vector(s.K * 9 * s.C, 2);
  d.y = random_vector(s.N * s.P() * s.Q() * s.K, 3);
  d.dx.assign(d.x.size(), 0), d.dw.assign(d.w.size(), 0);
  return d;
}

// f(index in x, index in w, index in y) for every product the convolution sums, where the predicate of a sample holds:
// filters out all but one element of `which` (0 x, 1 w, 2 y).
template <class F>
void for_products(const Conv2dShape& s, int which, int64_t index, const F& f) {
  const int64_t P = s.P(), Q = s.Q();
  auto one = [&](int64_t n, int64_t p, int64_t q, int64_t k, int64_t r, int64_t t, int64_t c) {
    const int64_t h = p * s.stride_h - s.pad_h + r, v = q * s.stride_w - s.pad_w + t;
    if (p < 0 || p >= P || q < 0 || q >= Q || h < 0 || h >= s.H || v < 0 || v >= s.W) return;
    f(((n * s.H + h) * s.W + v) * s.C + c, ((k * s.R + r) * s.S + t) * s.C + c,
      ((n * P + p) * Q + q) * s.K + k);
  };
  if (which == 2) {
    const int64_t k = index % s.K, q = index / s.K % Q, p = index / s.K / Q % P, n = index / s.K / Q / P;
    for (int64_t i = 0; i < s.R * s.S * s.C; ++i) one(n, p, q, k, i / s.C / s.S, i / s.C % s.S, i % s.C);
  } else if (which == 1) {
    const int64_t c = index % s.C, t = index / s.C % s.S, r = index / s.C / s.S % s.R,
                  k = index / s.C / s.S / s.R;
    for (int64_t i = 0; i < s.N * P * Q; ++i) one(i / Q / P, i / Q % P, i % Q, k, r, t, c);
  } else {
    const int64_t c = index % s.C, v = index / s.C % s.W, h = index / s.C / s.W % s.H,
                  n = index / s.C / s.W / s.H;
    for (int64_t i = 0; i < s.R * s.S; ++i) {
      const int64_t r = i / s.S, t = i % s.S, ph = h + s.pad_h - r, qw = v + s.pad_w - t;
      if (ph % s.stride_h || qw % s.stride_w) continue;
      for (int64_t k = 0; k < s.K; ++k) one(n, ph / s.stride_h, qw / s.stride_w, k, r, t, c);
    }
  }
}

double sampled_error(const Data& d, int which, const std::vector<float>& result,
                     const std::vector<float>& y) {
  std::mt19937_64 rng(5);
  double worst = 0;
  for (int i = 0; i < 64; ++i) {
    const int64_t index = static_cast<int64_t>(rng() % result.size());
    double sum = 0, size = 0;
    for_products(d.s, which, index, [&](int64_t ix, int64_t iw, int64_t iy) {
      const double a = which == 0 ? y[static_cast<size_t>(iy)] : d.x[static_cast<size_t>(ix)];
      const double b = which == 1 ? y[static_cast<size_t>(iy)] : d.w[static_cast<size_t>(iw)];
      sum += a * b, size += std::fabs(a * b);
    });
    const double error = std::fabs(result[static_cast<size_t>(index)] - sum) / (1e-6 * (1 + size));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

Row row_of(const Kernels<float>& kernels, const char* pass, const Layer& layer, const Conv2dShape& s) {
  Row row;
  row.group = std::string("conv 3x3 ") + pass, row.name = layer.name, row.backend = kernels.name;
  row.flop = 2.0 * static_cast<double>(s.N * s.P() * s.Q() * s.K) * static_cast<double>(9 * s.C);
  return row;
}

}  // namespace

std::vector<Row> bench_conv2d(const Kernels<float>& kernels, const Options& options) {
  std::vector<Row> rows[3];
  for (const Layer& layer : kLayers) {
    if (std::string(layer.name).find(options.only) == std::string::npos) continue;
    Data d = make_data(layer);
    std::vector<float> y(d.y.size());
    auto forward = [&] { kernels.conv2d_forward(y.data(), d.x.data(), d.w.data(), d.s); };
    auto input = [&] {
      kernels.conv2d_backward_input(d.dx.data(), d.y.data(), d.w.data(), d.s, Gradient::add);
    };
    auto filter = [&] {
      kernels.conv2d_backward_filter(d.dw.data(), d.y.data(), d.x.data(), d.s, Gradient::add);
    };
    forward(), input(), filter();
    Row r[3] = {row_of(kernels, "forward", layer, d.s), row_of(kernels, "input gradient", layer, d.s),
                row_of(kernels, "filter gradient", layer, d.s)};
    r[0].error = sampled_error(d, 2, y, d.y), r[1].error = sampled_error(d, 0, d.dx, d.y);
    r[2].error = sampled_error(d, 1, d.dw, d.y);
    measure(r[0], options, forward, {});
    if (layer.C > 3) measure(r[1], options, input, {});
    measure(r[2], options, filter, {});
    for (int i = 0; i < 3; ++i)
      if (r[i].ours.median > 0) rows[i].push_back(r[i]);
  }
  std::vector<Row> all;
  for (const std::vector<Row>& group : rows) all.insert(all.end(), group.begin(), group.end());
  return all;
}

}  // namespace fr::bench
