// The ladder of docs/performance.md: one convolution, from the loops of its equation to the last step, each rung measured.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "base/parallel.h"
#include "bench/bench.h"

namespace fr::bench {
namespace {

struct Rung {
  const char* words;
  const Kernels<float>* kernels;
  bool winograd;
};

struct Layer {
  Conv2dShape s{.N = 16, .H = 28, .W = 28, .C = 128, .K = 128, .R = 3, .S = 3, .pad_h = 1, .pad_w = 1};
  std::vector<float> x, w, y;
  Layer() : x(size_t(s.N * s.H * s.W * s.C), 0.5f), w(size_t(s.K * 9 * s.C), 0.25f), y(x.size(), 0.125f) {}
  double flop() const { return 2.0 * double(s.N * s.H * s.W * s.K) * double(9 * s.C); }
};

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Median of the three passes together; the loops are too slow for more than one.
double measure_rung(const Rung& r, Layer& l) {
  select_winograd(r.winograd);
  const Kernels<float>& k = *r.kernels;
  auto passes = [&] {
    k.conv2d_forward(l.y.data(), l.x.data(), l.w.data(), l.s);
    k.conv2d_backward_input(l.x.data(), l.y.data(), l.w.data(), l.s, Gradient::overwrite);
    k.conv2d_backward_filter(l.w.data(), l.y.data(), l.x.data(), l.s, Gradient::overwrite);
    std::fill(l.x.begin(), l.x.end(), 0.5f), std::fill(l.w.begin(), l.w.end(), 0.25f);
  };
  const bool slow = &k == all_backends().front();
  if (!slow) passes();
  std::vector<double> t;
  for (int i = 0; i < (slow ? 1 : 15); ++i) t.push_back(seconds(passes));
  select_winograd(true);
  std::sort(t.begin(), t.end());
  return t[t.size() / 2];
}

std::vector<Rung> rungs() {
  std::vector<Rung> out{{"the loops of the equation, sums in double (`ref`)", all_backends().front(), false}};
  if (const auto* k = avx2_kernels()) {
    out.push_back(
        {"AVX2: im2col never written down, its pieces packed for a blocked matrix product", k, false});
    out.push_back({"AVX2: Winograd F(4x4,3x3), the maps of a piece within L2", k, true});
  }
  if (const auto* k = avx512_kernels()) {
    out.push_back({"AVX-512: the blocked matrix product", k, false});
    out.push_back({"AVX-512: Winograd", k, true});
  }
  return out;
}

std::string table() {
  Layer layer;
  std::ostringstream out;
  out << "| 3x3, 128 channels at 28x28, batch 16: forward and both gradients, " << threads()
      << " threads | ms | GFLOP/s | times the first |\n|---|---|---|---|\n";
  double first = 0;
  for (const Rung& r : rungs()) {
    const double t = measure_rung(r, layer);
    if (first == 0) first = t;
    char figures[96];
    std::snprintf(figures, sizeof figures, "%.1f | %.1f | %.0f", t * 1e3, 3 * layer.flop() / t * 1e-9,
                  first / t);
    out << "| " << r.words << " | " << figures << " |\n";
  }
  return out.str();
}

}  // namespace

int write_ladder(const std::string& document) {
  std::ifstream in(document);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::string begin = "<!-- ladder -->\n", end = "<!-- end of ladder -->";
  const size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from)
    return std::cerr << "bench_kernels: " << document << " has no " << begin, 2;
  text.replace(from + begin.size(), to - from - begin.size(), table());
  std::ofstream(document) << text;
  return 0;
}

}  // namespace fr::bench
