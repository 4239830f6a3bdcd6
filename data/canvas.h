// The working picture of an augmentation: floats 0..255, four lanes a pixel (R, G, B, unused), so that every
// step is plain four-wide arithmetic that any compiler turns into one instruction. Internal to data/.
#pragma once
#include <array>
#include <vector>

#include "base/philox.h"
#include "data/image.h"
#include "data/resample.h"

namespace fr {

using Float4 = float __attribute__((vector_size(16)));

struct Canvas {
  int height = 0, width = 0;
  std::vector<Float4> pixels;  // (height, width)

  void resize(int h, int w) { height = h, width = w, pixels.resize(size_t(h) * size_t(w)); }
  Float4* row(int y) { return &pixels[size_t(y) * size_t(width)]; }
};

// The window whose top left corner is (x0, y0), mirrored if asked; beyond the picture its edge repeats.
void copy_window(Canvas& to, const Image& from, int x0, int y0, bool mirror);
// to(x, y) = from(map(x, y)), bilinear, border replicated.
void warp_window(Canvas& to, const Image& from, const Affine& map);

// p' = contrast (brightness (saturation p + (1 - saturation) luma(p)) - 127.5) + 127.5
void change_color(Canvas& x, double brightness, double contrast, double saturation);
// Gaussian of radius ceil(2 sigma) <= 6, weights normalised, edges repeated.
void blur(Canvas& x, double sigma);
// x_c += shift_c
void shift_channels(Canvas& x, const std::array<double, 3>& shift);
// Near-normal noise, the same for any compiler and machine, from the next kNoiseWords words of `seeds`.
constexpr int kNoiseWords = 4;
void add_noise(Canvas& x, double sigma, Random& seeds);

// (p - 127.5) / 128 of p clamped to 0..255, three floats a pixel.
void write_normalised(float* out_hwc, const Canvas& x);

// copy_window() and write_normalised() in one, where nothing happens between them.
void write_window(float* out_hwc, const Image& from, int x0, int y0, int height, int width, bool mirror);

}  // namespace fr
