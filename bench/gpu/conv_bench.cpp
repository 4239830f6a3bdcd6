// Every kind of convolution in the IResNets and SphereFace networks, in its three passes.
#include <memory>

#include "base/error.h"
#include "bench/gpu/bench.h"
#include "bench/gpu/buffer.h"

namespace fr::bench::gpu {
namespace {

struct Layer {
  int64_t H, W, C, K, R, stride;
};
// IResNet-18 to -100 on 112 x 112 (Deng et al. 2019), then SphereFace-20 and -64 on 112 x 96 (Liu et al. 2017).
const Layer kLayers[] = {
    {112, 112, 3, 64, 3, 1},  {112, 112, 64, 64, 3, 1}, {112, 112, 64, 64, 3, 2}, {112, 112, 64, 64, 1, 2},
    {56, 56, 64, 64, 3, 1},   {56, 56, 64, 128, 3, 1},  {56, 56, 128, 128, 3, 2}, {56, 56, 64, 128, 1, 2},
    {28, 28, 128, 128, 3, 1}, {28, 28, 128, 256, 3, 1}, {28, 28, 256, 256, 3, 2}, {28, 28, 128, 256, 1, 2},
    {14, 14, 256, 256, 3, 1}, {14, 14, 256, 512, 3, 1}, {14, 14, 512, 512, 3, 2}, {14, 14, 256, 512, 1, 2},
    {7, 7, 512, 512, 3, 1},   {112, 96, 3, 64, 3, 2},   {56, 48, 64, 64, 3, 1},   {56, 48, 64, 128, 3, 2},
    {28, 24, 128, 128, 3, 1}, {28, 24, 128, 256, 3, 2}, {14, 12, 256, 256, 3, 1}, {14, 12, 256, 512, 3, 2},
    {7, 6, 512, 512, 3, 1}};
const Layer kQuickLayers[] = {{5, 6, 8, 16, 3, 1}, {6, 6, 8, 8, 3, 2}};

Conv2dShape shape_of(const Layer& l, int64_t N) {
  Conv2dShape s;
  s.N = N, s.H = l.H, s.W = l.W, s.C = l.C, s.K = l.K, s.R = s.S = l.R;
  s.stride_h = s.stride_w = l.stride;
  s.pad_h = s.pad_w = l.R / 2;
  return s;
}

// Maps and filters of one layer: x and y in several sets, w and dw in one.
template <class T>
struct Maps {
  const DeviceInterface& d;
  Conv2dShape s;
  std::vector<std::unique_ptr<Buffer<T>>> x, y;  // y also is dy, x also dx
  Buffer<T> w;
  Buffer<Wide<T>> dw;
  int64_t sets;

  Maps(const DeviceInterface& device, const Conv2dShape& shape)
      : d(device),
        s(shape),
        w(device, s.K * s.R * s.S * s.C, 1, 77),
        dw(device, s.K * s.R * s.S * s.C, 1),
        sets(sets_for(double(x_size() + y_size()) * sizeof(T))) {
    for (int64_t i = 0; i < sets; ++i) {
      x.push_back(std::make_unique<Buffer<T>>(d, x_size(), 1, i));
      y.push_back(std::make_unique<Buffer<T>>(d, y_size(), 1, i + 1000));
    }
  }
  int64_t x_size() const { return s.N * s.H * s.W * s.C; }
  int64_t y_size() const { return s.N * s.P() * s.Q() * s.K; }
  int64_t x_at(int64_t n, int64_t h, int64_t w_, int64_t c) const {
    return ((n * s.H + h) * s.W + w_) * s.C + c;
  }
  int64_t y_at(int64_t n, int64_t p, int64_t q, int64_t k) const {
    return ((n * s.P() + p) * s.Q() + q) * s.K + k;
  }
  int64_t w_at(int64_t k, int64_t r, int64_t q, int64_t c) const {
    return ((k * s.R + r) * s.S + q) * s.C + c;
  }

  // f(h, w, r, s) for the taps of output (p, q) inside the map.
  template <class F>
  void taps(int64_t p, int64_t q, const F& f) const {
    for (int64_t r = 0; r < s.R; ++r)
      for (int64_t t = 0; t < s.S; ++t) {
        const int64_t h = p * s.stride_h - s.pad_h + r, v = q * s.stride_w - s.pad_w + t;
        if (h >= 0 && h < s.H && v >= 0 && v < s.W) f(h, v, r, t);
      }
  }
};

struct Sum {
  double value = 0, squares = 0;
  void add(double term) { value += term, squares += term * term; }
};

// A few elements of each result; the maps of set 0 hold what they were filled with but for the result itself.
template <class T>
double check_forward(const Maps<T>& m) {
  Checked checked;
  for (int64_t i = 0; i < 16; ++i) {
    const int64_t n = i * (m.s.N - 1) / 15, p = i * (m.s.P() - 1) / 15, q = (15 - i) * (m.s.Q() - 1) / 15,
                  k = i * (m.s.K - 1) / 15;
    Sum sum;
    m.taps(p, q, [&](int64_t h, int64_t v, int64_t r, int64_t t) {
      for (int64_t c = 0; c < m.s.C; ++c)
        sum.add(m.x[0]->at(m.x_at(n, h, v, c)) * m.w.at(m.w_at(k, r, t, c)));
    });
    checked.look(m.y[0]->now_at(m.y_at(n, p, q, k)), sum.value, sum.squares, kRounding<T>);
  }
  return checked.worst;
}

template <class T>
double check_input(const Maps<T>& m) {
  Checked checked;
  for (int64_t i = 0; i < 16; ++i) {
    const int64_t n = i * (m.s.N - 1) / 15, h = i * (m.s.H - 1) / 15, v = (15 - i) * (m.s.W - 1) / 15,
                  c = i * (m.s.C - 1) / 15;
    Sum sum;
    for (int64_t p = 0; p < m.s.P(); ++p)
      for (int64_t q = 0; q < m.s.Q(); ++q)
        m.taps(p, q, [&](int64_t at_h, int64_t at_v, int64_t r, int64_t t) {
          if (at_h != h || at_v != v) return;
          for (int64_t k = 0; k < m.s.K; ++k)
            sum.add(m.y[0]->at(m.y_at(n, p, q, k)) * m.w.at(m.w_at(k, r, t, c)));
        });
    checked.look(m.x[0]->now_at(m.x_at(n, h, v, c)), sum.value, sum.squares, kRounding<T>);
  }
  return checked.worst;
}

template <class T>
double check_filter(const Maps<T>& m) {
  Checked checked;
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t k = i * (m.s.K - 1) / 2, c = (2 - i) * (m.s.C - 1) / 2, at_r = i * (m.s.R - 1) / 2,
                  at_t = (2 - i) * (m.s.S - 1) / 2;
    Sum sum;
    for (int64_t n = 0; n < m.s.N; ++n)
      for (int64_t p = 0; p < m.s.P(); ++p)
        for (int64_t q = 0; q < m.s.Q(); ++q) {
          const int64_t h = p * m.s.stride_h - m.s.pad_h + at_r, v = q * m.s.stride_w - m.s.pad_w + at_t;
          if (h < 0 || h >= m.s.H || v < 0 || v >= m.s.W) continue;
          sum.add(m.y[0]->at(m.y_at(n, p, q, k)) * m.x[0]->at(m.x_at(n, h, v, c)));
        }
    checked.look(m.dw.now_at(m.w_at(k, at_r, at_t, c)), sum.value, sum.squares, kRounding<Wide<T>>);
  }
  return checked.worst;
}

template <class T>
void pass(const char* group, const Maps<T>& m, const Options& options, Report& report,
          const std::function<void(int64_t i)>& run, const std::function<double()>& check, bool there) {
  const Conv2dShape& s = m.s;
  Row row{.group = group,
          .name = cat(s.C, " -> ", s.K, " on ", s.H, "x", s.W, ", ", s.R, "x", s.S, " stride ", s.stride_h,
                      ", batch ", s.N),
          .type = type_name<T>()};
  row.flop = 2.0 * double(m.y_size()) * double(s.R * s.S * s.C);
  row.bytes = double(m.x_size() + m.y_size() + m.w.size()) * sizeof(T);
  attempt(report, row, [&](Row& r) {
    if (!there) throw std::runtime_error("the entry is missing");
    run(0);
    r.error = check();
    r.ours = measure(m.d, options, [&](int64_t i) { run(i % m.sets); });
  });
}

// dw first, then y, then dx: each is checked while its inputs are as they were filled.
template <class T>
void layer(const DeviceInterface& d, const Options& options, Report& report, const Conv2dShape& s) {
  const Kernels<T>& k = *table_of<T>(d);
  {
    const Maps<T> m(d, s);
    pass<T>(
        "convolution, filter gradient", m, options, report,
        [&](int64_t i) {
          k.conv2d_backward_filter(m.dw.data(), m.y[size_t(i)]->data(), m.x[size_t(i)]->data(), s,
                                   Gradient::overwrite);
        },
        [&] { return check_filter(m); }, k.conv2d_backward_filter);
    pass<T>(
        "convolution, forward", m, options, report,
        [&](int64_t i) { k.conv2d_forward(m.y[size_t(i)]->data(), m.x[size_t(i)]->data(), m.w.data(), s); },
        [&] { return check_forward(m); }, k.conv2d_forward);
  }
  if (s.C == 3) return;  // nobody asks for the gradient of the pictures
  const Maps<T> m(d, s);
  pass<T>(
      "convolution, input gradient", m, options, report,
      [&](int64_t i) {
        k.conv2d_backward_input(m.x[size_t(i)]->data(), m.y[size_t(i)]->data(), m.w.data(), s,
                                Gradient::overwrite);
      },
      [&] { return check_input(m); }, k.conv2d_backward_input);
}

template <class T>
void all(const DeviceInterface& d, const Options& options, Report& report) {
  if (!table_of<T>(d)) return;
  const auto one = [&](const Layer& l, int64_t N) {
    attempt_rows(
        report,
        {.group = "convolution, forward", .name = cat("all of ", l.C, " -> ", l.K, " on ", l.H, "x", l.W)},
        [&] { layer<T>(d, options, report, shape_of(l, N)); });
  };
  if (options.quick)
    for (const Layer& l : kQuickLayers) one(l, 2);
  else
    for (const Layer& l : kLayers) one(l, 512);
}

}  // namespace

void bench_conv2d(const DeviceInterface& device, const Options& options, Report& report) {
  all<bfloat16>(device, options, report);
  if (is_hopper(device)) {
    const WithHopper hopper;
    all<bfloat16>(device, options, report);
  }
  all<float>(device, options, report);
  const WithTf32 tf32;
  all<float>(device, options, report);
}

}  // namespace fr::bench::gpu
