// Rows of convolutions that the kernel for Hopper takes where it is selected: every width of its tiles, several tiles a block,
// tails, strides. For a card, and for the emulator.
#pragma once
#include <vector>

#include "audit/kernels/rows.h"

namespace fr::test {

using namespace audit;

inline Row hopper_row(const Conv2dShape& s) {
  return Row(cat("convolution for Hopper: ", s.N, "x", s.H, "x", s.W, "x", s.C, " -> ", s.K, ", filter ", s.R,
                 "x", s.S, ", stride ", s.stride_h))
      .covers(&K::conv2d_forward, &K::conv2d_backward_input)
      .input("x", numbers(s.N * s.H * s.W * s.C, 1))
      .constant("w", numbers(s.K * s.R * s.S * s.C, 2))
      .output("y", s.N * s.P() * s.Q() * s.K)
      .forward([=](const auto& k, const auto& v) { k.conv2d_forward(v["y"], v["x"], v["w"], s); })
      .backward([=](const auto& k, const auto& v) {
        k.conv2d_backward_input(v["dx"], v["dy"], v["w"], s, fr::Gradient::add);
      })
      .tolerance(1e-3, "float sums of up to 9 x 512 products below 1");
}

inline std::vector<Row> hopper_rows() {
  const auto of3 = [](int64_t N, int64_t H, int64_t W, int64_t C, int64_t filters, int64_t stride) {
    return conv2d_shape(N, H, W, C, filters, 3, 3, stride, 1);
  };
  const auto of1 = [](int64_t N, int64_t H, int64_t W, int64_t C, int64_t filters, int64_t stride) {
    return conv2d_shape(N, H, W, C, filters, 1, 1, stride, 0);
  };
  return {hopper_row(of3(5, 9, 13, 64, 64, 1)),
          hopper_row(of3(3, 9, 10, 64, 128, 1)),
          hopper_row(of3(2, 7, 7, 128, 192, 1)),
          hopper_row(of3(2, 14, 13, 64, 256, 2)),
          hopper_row(conv2d_shape(2, 15, 14, 64, 64, 3, 3, 1, 2, 2)),  // dilated
          hopper_row(of1(3, 15, 14, 128, 64, 2)),
          hopper_row(of1(2, 9, 9, 64, 512, 1)),
          conv2d_statistics_row("for Hopper", of3(5, 9, 13, 64, 64, 1)),
          conv2d_statistics_row("for Hopper", of1(2, 13, 14, 64, 128, 1)),
          conv2d_statistics_row("for Hopper", of3(3, 13, 14, 64, 256, 2))};
}

}  // namespace fr::test
