// Rows of the convolution and its adjoints.
#include <cmath>
#include <limits>
#include <type_traits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

Row conv2d(const char* name, const Conv2dShape& s) {
  const int64_t x = s.N * s.H * s.W * s.C, w = s.K * s.R * s.S * (s.C / s.groups),
                y = s.N * s.P() * s.Q() * s.K;
  const int64_t terms = std::max(s.R * s.S * s.C / s.groups, s.N * s.P() * s.Q());
  return Row(cat("conv2d ", name, ": ", s.N, "x", s.H, "x", s.W, "x", s.C, " -> ", s.K, ", filter ", s.R, "x",
                 s.S))
      .covers(&K::conv2d_forward, &K::conv2d_backward_input, &K::conv2d_backward_filter)
      .wide({"dw"})
      .input("x", numbers(x, 1))
      .input("w", numbers(w, 2))
      .output("y", y)
      .forward([=](const auto& k, const auto& v) { k.conv2d_forward(v["y"], v["x"], v["w"], s); })
      .backward([=](const auto& k, const auto& v) {
        k.conv2d_backward_input(v["dx"], v["dy"], v["w"], s, fr::Gradient::add);
        k.conv2d_backward_filter(v["dw"], v["dy"], v["x"], s, fr::Gradient::add);
      })
      .tolerance(2e-6 + 5e-8 * static_cast<double>(terms),
                 "float sums of up to max(R S C, N P Q) products below 1");
}

// fr::Gradient::overwrite: what stood there, here NaN, is not read, not even where no output saw the input.
Row overwritten(const char* name, const Conv2dShape& s) {
  const auto nans = [](int64_t n) {
    return std::vector<double>(static_cast<size_t>(n), std::numeric_limits<double>::quiet_NaN());
  };
  const int64_t x = s.N * s.H * s.W * s.C, w = s.K * s.R * s.S * (s.C / s.groups);
  return Row(cat("conv2d backward, overwriting, ", name))
      .covers(&K::conv2d_backward_input, &K::conv2d_backward_filter)
      .wide({"dw"})
      .constant("x", numbers(x, 1))
      .constant("w", numbers(w, 2))
      .constant("dy", numbers(s.N * s.P() * s.Q() * s.K, 3))
      .state("dx", nans(x))
      .state("dw", nans(w))
      .forward([=](const auto& k, const auto& v) {
        k.conv2d_backward_input(v["dx"], v["dy"], v["w"], s, fr::Gradient::overwrite);
        k.conv2d_backward_filter(v["dw"], v["dy"], v["x"], s, fr::Gradient::overwrite);
      })
      .tolerance(1e-4, "as the convolution that adds");
}

// 3x3 with stride 1 and many channels, which the vector backends do by Winograd's method: 6e-6 of the largest value,
// some 4 standard deviations of a sum of products of numbers between -1 and 1.
Row winograd(const char* name, const Conv2dShape& s) {
  const double terms = static_cast<double>(std::max(9 * std::max(s.C, s.K), s.N * s.P() * s.Q()));
  return conv2d(name, s).tolerance(6e-6 * 4 * std::sqrt(terms) / 3 + 5e-8 * terms,
                                   "Winograd F(4x4,3x3): test/tensor/winograd_test.cpp");
}

// With filters that were arranged before; kept: every backend finds it worth the memory.
Row prepared(const char* name, const Conv2dShape& s, bool kept = true) {
  return Row(cat("conv2d prepared, ", name, ": ", s.N, "x", s.H, "x", s.W, "x", s.C, " -> ", s.K))
      .covers(&K::conv2d_prepared_size, &K::conv2d_prepare, &K::conv2d_fused_forward)
      .wide({"shift"})
      .input("x", numbers(s.N * s.H * s.W * s.C, 1))
      .input("w", numbers(s.K * s.R * s.S * (s.C / s.groups), 2))
      .input("shift", numbers(s.K, 3))
      .output("y", s.N * s.P() * s.Q() * s.K)
      .output("kept", 1)
      .forward([=](const auto& k, const auto& v) {
        using T = typename std::remove_cvref_t<decltype(v)>::type;
        const int64_t size = k.conv2d_prepared_size(s);
        k.fill(v["kept"], !kept || size > 0 || std::string_view(k.name).starts_with("cuda"), 1);
        T* ready = size > 0 ? static_cast<T*>(k.alloc(size_t(size) * sizeof(T))) : nullptr;
        if (ready) k.conv2d_prepare(ready, v["w"], s);
        k.conv2d_fused_forward(v["y"], v["x"], v["w"], ready, {nullptr, v["shift"], nullptr, nullptr}, s);
        k.release(ready);
      })
      .tolerance(1e-4, "as the convolution alone");
}

// The four parts of Conv2dFinish, or those whose letters are in `parts`.
Row fused(const std::string& parts, const Conv2dShape& s) {
  const int64_t y = s.N * s.P() * s.Q() * s.K;
  const auto has = [=](char letter) { return parts.find(letter) != std::string::npos; };
  return Row(cat("conv2d_fused ", parts, ": ", s.N, "x", s.H, "x", s.W, "x", s.C, " -> ", s.K))
      .covers(&K::conv2d_fused_forward)
      .wide({"scale", "shift", "slope"})
      .input("x", numbers(s.N * s.H * s.W * s.C, 1))
      .input("w", numbers(s.K * s.R * s.S * (s.C / s.groups), 2))
      .input("scale", numbers(s.K, 3))
      .input("shift", numbers(s.K, 4))
      .input("slope", numbers(s.K, 5))
      .input("residual", numbers(y, 6))
      .output("y", y)
      .forward([=](const auto& k, const auto& v) {
        k.conv2d_fused_forward(v["y"], v["x"], v["w"], nullptr,
                               {has('a') ? v["scale"] : nullptr, has('b') ? v["shift"] : nullptr,
                                has('p') ? v["slope"] : nullptr, has('r') ? v["residual"] : nullptr},
                               s);
      })
      .tolerance(8e-5, "as the convolution alone");
}

}  // namespace

// Means far from 0: the weights of a filter have one sign, the map too.
Row conv2d_statistics_row(const char* name, const Conv2dShape& s, double low) {
  const int64_t y = s.N * s.P() * s.Q() * s.K;
  return Row(cat("conv2d statistics, ", name, ": ", s.N, "x", s.H, "x", s.W, "x", s.C, " -> ", s.K))
      .covers(&K::conv2d_forward_statistics)
      .wide({"mean", "rstd", "running_mean", "running_var"})
      .constant("x", numbers(s.N * s.H * s.W * s.C, 1, low, 1))
      .constant("w", numbers(s.K * s.R * s.S * (s.C / s.groups), 2, low, 1))
      .saved("y", y)
      .saved("mean", s.K)
      .saved("rstd", s.K)
      .state("running_mean", numbers(s.K, 3))
      .state("running_var", numbers(s.K, 4, 0.5, 2))
      .forward([=](const auto& k, const auto& v) {
        k.conv2d_forward_statistics(v["y"], v["mean"], v["rstd"], v["running_mean"], v["running_var"], v["x"],
                                    v["w"], s, 1e-3, 0.1);
      })
      .tolerance(1e-4, "as the convolution and the batch normalisation");
}

Conv2dShape conv2d_shape(int64_t N, int64_t H, int64_t W, int64_t C, int64_t filters, int64_t R, int64_t S,
                         int64_t stride, int64_t pad, int64_t dilation, int64_t groups) {
  return {.N = N,
          .H = H,
          .W = W,
          .C = C,
          .K = filters,
          .R = R,
          .S = S,
          .stride_h = stride,
          .stride_w = stride,
          .pad_h = pad,
          .pad_w = pad,
          .dilation_h = dilation,
          .dilation_w = dilation,
          .groups = groups};
}

std::vector<Row> conv2d_rows() {
  std::vector<Row> rows{
      conv2d("one of everything", conv2d_shape(1, 1, 1, 1, 1, 1, 1, 1, 0)),
      conv2d("pointwise", conv2d_shape(2, 4, 3, 5, 7, 1, 1, 1, 0)),
      conv2d("pointwise, stride 2", conv2d_shape(1, 5, 6, 7, 5, 1, 1, 2, 0)),
      conv2d("pointwise, padded", conv2d_shape(1, 3, 3, 5, 3, 1, 1, 1, 1)),
      conv2d("3x3", conv2d_shape(1, 6, 5, 7, 5, 3, 3, 1, 0)),
      conv2d("3x3 same", conv2d_shape(2, 5, 7, 5, 13, 3, 3, 1, 1)),
      conv2d("3x3 same, odd channels", conv2d_shape(1, 4, 4, 13, 7, 3, 3, 1, 1)),
      conv2d("3x3 stride 2", conv2d_shape(1, 7, 6, 5, 7, 3, 3, 2, 1)),
      conv2d("3x3 wide padding", conv2d_shape(1, 4, 5, 5, 5, 3, 3, 1, 2)),
      conv2d("3x3 dilated", conv2d_shape(1, 7, 7, 5, 7, 3, 3, 1, 2, 2)),
      conv2d("3x3 dilated, stride 2", conv2d_shape(1, 8, 7, 3, 5, 3, 3, 2, 1, 2)),
      conv2d("5x5", conv2d_shape(1, 7, 6, 3, 5, 5, 5, 1, 2)),
      conv2d("5x5 stride 2", conv2d_shape(1, 9, 8, 3, 5, 5, 5, 2, 2)),
      conv2d("3x1", conv2d_shape(1, 6, 5, 5, 7, 3, 1, 1, 0)),
      conv2d("stem", conv2d_shape(1, 9, 8, 3, 13, 3, 3, 2, 1)),
      conv2d("two groups", conv2d_shape(1, 5, 5, 10, 14, 3, 3, 1, 1, 1, 2)),
      conv2d("two groups, stride 2", conv2d_shape(2, 5, 4, 6, 10, 3, 3, 2, 1, 1, 2)),
      conv2d("depthwise", conv2d_shape(2, 5, 5, 13, 13, 3, 3, 1, 1, 1, 13)),
      conv2d("depthwise, two filters a channel", conv2d_shape(1, 5, 5, 7, 14, 3, 3, 2, 1, 1, 7)),
      conv2d("map smaller than the filter", conv2d_shape(1, 2, 1, 5, 7, 3, 3, 1, 1)),
      conv2d("map smaller than the filter, 5x5", conv2d_shape(1, 2, 3, 3, 5, 5, 5, 1, 2)),
      conv2d("no images", conv2d_shape(0, 5, 5, 3, 4, 3, 3, 1, 1)),
      conv2d("one channel", conv2d_shape(1, 6, 6, 1, 1, 3, 3, 1, 1)),
      conv2d("stem, larger", conv2d_shape(2, 31, 29, 3, 32, 3, 3, 2, 1)),
      winograd("unit, larger", conv2d_shape(2, 14, 12, 64, 64, 3, 3, 1, 1)),
      conv2d("unit, wide", conv2d_shape(1, 7, 6, 160, 96, 3, 3, 1, 1)),
      conv2d("many filters", conv2d_shape(1, 21, 19, 5, 150, 3, 3, 1, 1)),
      conv2d("many filters and pixels", conv2d_shape(2, 26, 25, 3, 150, 3, 3, 1, 1)),
      conv2d("many filters, two groups", conv2d_shape(1, 6, 5, 4, 300, 3, 3, 1, 1, 1, 2)),
      conv2d("downsampling, larger", conv2d_shape(2, 14, 12, 32, 64, 3, 3, 2, 1)),
      conv2d("shortcut, larger", conv2d_shape(2, 14, 12, 32, 64, 1, 1, 2, 0)),
      conv2d("depthwise, larger", conv2d_shape(2, 14, 12, 64, 64, 3, 3, 1, 1, 1, 64)),
      winograd("3x3 same, tiles and channels cut", conv2d_shape(2, 9, 11, 35, 37, 3, 3, 1, 1)),
      winograd("3x3 without padding, tiles", conv2d_shape(2, 10, 15, 32, 70, 3, 3, 1, 0)),
      winograd("3x3 wide padding, tiles", conv2d_shape(2, 6, 11, 49, 33, 3, 3, 1, 2)),
      winograd("3x3 same, many channels", conv2d_shape(4, 5, 5, 177, 167, 3, 3, 1, 1)),
      conv2d("two groups, larger", conv2d_shape(1, 14, 12, 64, 32, 3, 3, 1, 1, 1, 2)),
  };
  // few channels: one, odd and even ones; widths and filters that fill no tile
  for (const int64_t C : {1, 3, 4})
    for (const int64_t stride : {1, 2})
      for (const int64_t pad : {0, 1, 2})
        rows.push_back(
            conv2d("few channels", conv2d_shape(1, 11, 9 + C + pad, C, 13 + 8 * pad, 3, 3, stride, pad)));
  rows.push_back(conv2d("few channels, rows cut", conv2d_shape(2, 19, 13, 3, 70, 5, 5, 2, 2)));
  rows.push_back(conv2d("few channels, 7x7", conv2d_shape(1, 17, 15, 3, 64, 7, 7, 2, 3)));
  rows.push_back(conv2d("few channels, dilated", conv2d_shape(1, 12, 13, 5, 9, 3, 3, 2, 2, 2)));
  rows.push_back(conv2d("few channels, less than the padding", conv2d_shape(1, 2, 1, 3, 5, 3, 3, 1, 2)));
  // enough outputs for the strided kernels: pieces, panels and lines cut
  rows.push_back(conv2d("stride 2, pieces", conv2d_shape(1, 49, 51, 21, 35, 3, 3, 2, 1)));
  rows.push_back(conv2d("stride 2, no padding", conv2d_shape(2, 35, 41, 40, 17, 3, 3, 2, 0)));
  rows.push_back(conv2d("5x3 stride 2, wide padding", conv2d_shape(1, 47, 51, 132, 37, 5, 3, 2, 3)));
  rows.push_back(conv2d("stride 3, pieces", conv2d_shape(1, 73, 77, 17, 16, 3, 3, 3, 1)));
  rows.push_back(conv2d("stride 2, dilated", conv2d_shape(1, 53, 57, 17, 16, 3, 3, 2, 2, 2)));
  rows.push_back(conv2d("unpadded 1x1 stride 2, pieces", conv2d_shape(3, 28, 27, 37, 50, 1, 1, 2, 0)));
  rows.push_back(conv2d("pointwise, pieces", conv2d_shape(3, 15, 17, 40, 27, 1, 1, 1, 0)));
  rows.push_back(conv2d("pointwise, columns cut", conv2d_shape(1, 24, 25, 16, 260, 1, 1, 1, 0)));
  Conv2dShape uneven = conv2d_shape(1, 8, 6, 3, 5, 3, 5, 1, 0);
  uneven.stride_h = 2, uneven.pad_h = 1, uneven.pad_w = 2, uneven.dilation_h = 2;
  rows.push_back(conv2d("different along h and w", uneven));
  // channels and filters in eights: 16-byte copies on a card
  rows.push_back(conv2d("eights, stride 3, dilated", conv2d_shape(1, 11, 10, 8, 16, 3, 3, 3, 2, 2)));
  rows.push_back(conv2d("eights, 5x5 stride 2", conv2d_shape(2, 9, 8, 24, 8, 5, 5, 2, 2)));
  rows.push_back(conv2d("eights, two groups, stride 2", conv2d_shape(1, 9, 7, 32, 48, 3, 3, 2, 1, 1, 2)));
  rows.push_back(conv2d("eights, many small maps", conv2d_shape(40, 3, 2, 8, 8, 3, 3, 1, 1)));
  rows.push_back(conv2d("eights, one row", conv2d_shape(3, 1, 70, 16, 8, 1, 3, 1, 1)));
  uneven.C = 8, uneven.K = 16;
  rows.push_back(conv2d("eights, different along h and w", uneven));
  rows.push_back(overwritten("eights, 1x1 stride 2", conv2d_shape(2, 7, 6, 16, 24, 1, 1, 2, 0)));
  rows.push_back(fused("abpr", conv2d_shape(1, 9, 10, 16, 72, 3, 3, 1, 1)));
  rows.push_back(prepared("pointwise", conv2d_shape(2, 4, 3, 5, 7, 1, 1, 1, 0)));
  rows.push_back(prepared("stem", conv2d_shape(1, 9, 8, 3, 70, 3, 3, 2, 1)));
  rows.push_back(prepared("stride 2", conv2d_shape(1, 14, 12, 130, 70, 3, 3, 2, 1)));
  rows.push_back(prepared("stride 2, pieces", conv2d_shape(1, 49, 51, 21, 35, 3, 3, 2, 1)));
  rows.push_back(prepared("two groups", conv2d_shape(1, 4, 5, 40, 300, 3, 3, 1, 1, 1, 2)));
  rows.push_back(prepared("depthwise", conv2d_shape(1, 6, 5, 13, 13, 3, 3, 1, 1, 1, 13), false));
  rows.push_back(prepared("tiles", conv2d_shape(1, 14, 12, 35, 70, 3, 3, 1, 1)));
  rows.push_back(prepared("few tiles", conv2d_shape(2, 5, 6, 181, 163, 3, 3, 1, 1)));
  rows.push_back(prepared("many tiles", conv2d_shape(2, 33, 33, 32, 33, 3, 3, 1, 1), false));
  rows.push_back(prepared("no images", conv2d_shape(0, 5, 5, 3, 4, 3, 3, 1, 1), false));
  rows.push_back(overwritten("pointwise", conv2d_shape(2, 4, 3, 5, 7, 1, 1, 1, 0)));
  rows.push_back(overwritten("pointwise, stride 3", conv2d_shape(1, 5, 7, 7, 5, 1, 1, 3, 0)));
  rows.push_back(overwritten("3x3 stride 2", conv2d_shape(1, 7, 6, 5, 7, 3, 3, 2, 1)));
  rows.push_back(overwritten("few channels", conv2d_shape(2, 9, 11, 3, 13, 3, 3, 2, 1)));
  rows.push_back(overwritten("3x3 stride 2, pieces", conv2d_shape(1, 49, 51, 21, 35, 3, 3, 2, 1)));
  rows.push_back(overwritten("1x1 stride 2, pieces", conv2d_shape(3, 28, 27, 37, 50, 1, 1, 2, 0)));
  rows.push_back(overwritten("depthwise, stride 2", conv2d_shape(1, 7, 6, 13, 13, 3, 3, 2, 1, 1, 13)));
  rows.push_back(overwritten("two groups", conv2d_shape(1, 5, 5, 10, 14, 3, 3, 1, 1, 1, 2)));
  rows.push_back(overwritten("tiles", conv2d_shape(2, 9, 11, 35, 37, 3, 3, 1, 1)));
  rows.push_back(overwritten("no images", conv2d_shape(0, 5, 5, 3, 4, 3, 3, 1, 1)));
  for (const char* parts : {"", "abpr", "b", "p", "r", "bp", "abr"})
    rows.push_back(fused(parts, conv2d_shape(1, 9, 8, 3, 13, 3, 3, 2, 1)));
  rows.push_back(fused("abpr", conv2d_shape(1, 21, 19, 3, 70, 3, 3, 1, 1)));
  rows.push_back(fused("abpr", conv2d_shape(1, 49, 51, 21, 35, 3, 3, 2, 1)));
  for (const char* parts : {"", "abpr", "b"})
    rows.push_back(fused(parts, conv2d_shape(1, 13, 13, 33, 37, 3, 3, 1, 1)));
  rows.push_back(fused("abpr", conv2d_shape(1, 6, 5, 13, 13, 3, 3, 1, 1, 1, 13)));
  rows.push_back(conv2d_statistics_row("few channels", conv2d_shape(1, 9, 8, 3, 13, 3, 3, 2, 1)));
  rows.push_back(conv2d_statistics_row("tiles", conv2d_shape(2, 13, 11, 16, 72, 3, 3, 1, 1)));
  rows.push_back(conv2d_statistics_row("many channels", conv2d_shape(1, 7, 6, 160, 96, 3, 3, 1, 1)));
  rows.push_back(conv2d_statistics_row("far from 0", conv2d_shape(3, 21, 20, 8, 24, 3, 3, 2, 0), 0.5));
  rows.push_back(conv2d_statistics_row("two groups", conv2d_shape(1, 9, 7, 32, 48, 3, 3, 2, 1, 1, 2)));
  rows.push_back(conv2d_statistics_row("depthwise", conv2d_shape(2, 9, 8, 13, 13, 3, 3, 1, 1, 1, 13)));
  rows.push_back(conv2d_statistics_row("one pixel", conv2d_shape(1, 1, 1, 8, 8, 1, 1, 1, 0)));
  rows.push_back(conv2d_statistics_row("no images", conv2d_shape(0, 5, 5, 3, 4, 3, 3, 1, 1)));
  return rows;
}

}  // namespace fr::audit
