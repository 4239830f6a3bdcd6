// Winograd's method against the definition in double, at the layers of the face networks.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "base/error.h"
#include "tensor/kernels.h"

namespace fr {
namespace {

struct Layer {
  int64_t N, H, W, C;
};

// At 112 x 96 and 112 x 112, the smallest batch that is done this way; and the first map of IResNet.
const Layer kLayers[] = {{1, 56, 48, 64},  {1, 28, 24, 128}, {1, 14, 12, 256},
                         {4, 7, 6, 512},   {1, 56, 56, 64},  {1, 28, 28, 128},
                         {1, 14, 14, 256}, {4, 7, 7, 512},   {1, 112, 96, 64}};

std::vector<float> uniform(size_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<float> v(n);
  for (float& x : v) x = static_cast<float>(std::uniform_real_distribution<>(-1, 1)(rng));
  return v;
}

struct Data {
  Conv2dShape s;
  std::vector<float> x, w, dy, y, dx, dw;

  explicit Data(const Layer& l) {
    s.N = l.N, s.H = l.H, s.W = l.W, s.C = s.K = l.C, s.R = s.S = 3, s.pad_h = s.pad_w = 1;
    const auto map = static_cast<size_t>(l.N * l.H * l.W * l.C), filters = static_cast<size_t>(9 * l.C * l.C);
    x = uniform(map, 1), w = uniform(filters, 2), dy = uniform(map, 3);
    y.resize(map);
  }
  void run(const Kernels<float>& k) {
    dx.assign(x.size(), 0), dw.assign(w.size(), 0);
    k.conv2d_forward(y.data(), x.data(), w.data(), s);
    k.conv2d_backward_input(dx.data(), dy.data(), w.data(), s, Gradient::add);
    k.conv2d_backward_filter(dw.data(), dy.data(), x.data(), s, Gradient::add);
  }
  double at(const std::vector<float>& map, int64_t n, int64_t h, int64_t v, int64_t c) const {
    return h < 0 || h >= s.H || v < 0 || v >= s.W ? 0 : map[size_t(((n * s.H + h) * s.W + v) * s.C + c)];
  }
  double filter(int64_t k, int64_t tap, int64_t c) const { return w[size_t((k * 9 + tap) * s.C + c)]; }

  // One element of y, dx, dw by its definition.
  double exact_y(int64_t i) const {
    const int64_t k = i % s.C, v = i / s.C % s.W, h = i / s.C / s.W % s.H, n = i / s.C / s.W / s.H;
    double sum = 0;
    for (int64_t tap = 0; tap < 9; ++tap)
      for (int64_t c = 0; c < s.C; ++c)
        sum += at(x, n, h + tap / 3 - 1, v + tap % 3 - 1, c) * filter(k, tap, c);
    return sum;
  }
  double exact_dx(int64_t i) const {
    const int64_t c = i % s.C, v = i / s.C % s.W, h = i / s.C / s.W % s.H, n = i / s.C / s.W / s.H;
    double sum = 0;
    for (int64_t tap = 0; tap < 9; ++tap)
      for (int64_t k = 0; k < s.C; ++k)
        sum += at(dy, n, h - tap / 3 + 1, v - tap % 3 + 1, k) * filter(k, tap, c);
    return sum;
  }
  double exact_dw(int64_t i) const {
    const int64_t c = i % s.C, tap = i / s.C % 9, k = i / s.C / 9;
    double sum = 0;
    for (int64_t p = 0; p < s.N * s.H * s.W; ++p) {
      const int64_t n = p / s.W / s.H, h = p / s.W % s.H, v = p % s.W;
      sum += at(dy, n, h, v, k) * at(x, n, h + tap / 3 - 1, v + tap % 3 - 1, c);
    }
    return sum;
  }
};

// Largest error of sampled elements over their largest value.
double relative_error(const std::vector<float>& found, const std::function<double(int64_t)>& exact) {
  std::mt19937_64 rng(7);
  double worst = 0, largest = 0;
  for (int i = 0; i < 400; ++i) {
    const auto at = static_cast<int64_t>(rng() % found.size());
    const double expected = exact(at), error = std::abs(double(found[size_t(at)]) - expected);
    if (!(error <= worst)) worst = error;
    largest = std::max(largest, std::abs(expected));
  }
  return worst / largest;
}

struct WinogradSwitch {
  explicit WinogradSwitch(bool on) { select_winograd(on); }
  ~WinogradSwitch() { select_winograd(true); }
};

// The goal is 2e-5; the points 1/sqrt(2) and sqrt(2) reach a quarter of it.
TEST(Winograd, ErrorAtEveryLayerOfTheNetworks) {
  for (const auto* k : all_backends()) {
    if (std::string_view(k->name) == "ref") continue;
    for (const Layer& l : kLayers) {
      SCOPED_TRACE(cat(k->name, ", ", l.N, " x ", l.H, " x ", l.W, " x ", l.C));
      Data d(l);
      d.run(*k);
      EXPECT_LE(relative_error(d.y, [&](int64_t i) { return d.exact_y(i); }), 6e-6);
      EXPECT_LE(relative_error(d.dx, [&](int64_t i) { return d.exact_dx(i); }), 6e-6);
      EXPECT_LE(relative_error(d.dw, [&](int64_t i) { return d.exact_dw(i); }), 6e-6);
    }
  }
}

TEST(Winograd, CanBeSwitchedOff) {
  for (const auto* k : all_backends()) {
    if (std::string_view(k->name) == "ref") continue;
    Data on({4, 7, 6, 256}), off = on;
    on.run(*k);
    const WinogradSwitch direct(false);
    EXPECT_FALSE(winograd_selected());
    off.run(*k);
    EXPECT_NE(on.y, off.y) << k->name << ": the same bits, so it was not in use before";
    EXPECT_NE(on.dx, off.dx) << k->name;
    EXPECT_NE(on.dw, off.dw) << k->name;
    const double direct_error = relative_error(off.y, [&](int64_t i) { return off.exact_y(i); });
    EXPECT_LE(direct_error, 1e-6);
    EXPECT_LT(direct_error, relative_error(on.y, [&](int64_t i) { return on.exact_y(i); }));
  }
}

}  // namespace
}  // namespace fr
