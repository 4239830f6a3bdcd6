#include "data/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fr {
namespace {

using Byte16 = uint8_t __attribute__((vector_size(16)));
using Short8 = uint16_t __attribute__((vector_size(16)));
using Int4 = uint32_t __attribute__((vector_size(16)));
using SignedInt4 = int32_t __attribute__((vector_size(16)));

Float4 all(float value) { return Float4{value, value, value, value}; }

// Bytes are widened by interleaving them with zeros (little-endian), which is one instruction on every
// machine.
Short8 widen(Byte16 x) {
  return (Short8)__builtin_shufflevector(x, Byte16{}, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Float4 low(Short8 x) {
  return __builtin_convertvector((SignedInt4)__builtin_shufflevector(x, Short8{}, 0, 8, 1, 9, 2, 10, 3, 11),
                                 Float4);
}
Float4 high(Short8 x) {
  return __builtin_convertvector((SignedInt4)__builtin_shufflevector(x, Short8{}, 4, 8, 5, 9, 6, 10, 7, 11),
                                 Float4);
}
// Two neighbouring pixels of 4 bytes.
Short8 load_pair(const uint8_t* rgba) {
  uint64_t bits;
  std::memcpy(&bits, rgba, 8);
  using Long2 = uint64_t __attribute__((vector_size(16)));
  return widen((Byte16)Long2{bits, 0});
}
Float4 load_pixel(const uint8_t* rgba) {
  uint32_t bits;
  std::memcpy(&bits, rgba, 4);
  return low(widen((Byte16)Int4{bits, 0, 0, 0}));
}

// Scratch of the thread, so that a picture allocates nothing.
Canvas& scratch() {
  thread_local Canvas canvas;
  return canvas;
}

// The picture with 4 bytes a pixel, in which a pixel is one load; one pixel more at the end, for pairs.
const std::vector<uint8_t>& to_rgba(const Image& image) {
  thread_local std::vector<uint8_t> rgba;
  const size_t count = image.pixels.size() / 3;
  rgba.resize(4 * count + 4);
  const uint8_t* from = image.pixels.data();
  for (size_t i = 0; i + 1 < count; ++i) std::memcpy(&rgba[4 * i], from + 3 * i, 4);
  std::memcpy(&rgba[4 * (count - 1)], from + 3 * (count - 1), 3);
  return rgba;
}

}  // namespace

void copy_window(Canvas& to, const Image& from, int x0, int y0, bool mirror) {
  std::vector<uint8_t> line(4 * size_t(from.width));
  for (int y = 0; y < to.height; ++y) {
    const uint8_t* in = from.at(0, std::clamp(y + y0, 0, from.height - 1));
    for (int x = 0; x < from.width; ++x) std::memcpy(&line[4 * size_t(x)], in + 3 * x, 3);
    Float4* out = to.row(y);
    for (int x = 0; x < to.width; ++x) {
      const int source = (mirror ? to.width - 1 - x : x) + x0;
      out[x] = load_pixel(&line[4 * size_t(std::clamp(source, 0, from.width - 1))]);
    }
  }
}

// A coordinate clamped into the picture replicates its border, without a branch for each corner.
void warp_window(Canvas& to, const Image& from, const Affine& map) {
  const uint8_t* rgba = to_rgba(from).data();
  const float last_x = static_cast<float>(from.width - 1), last_y = static_cast<float>(from.height - 1);
  const int start_x = std::max(from.width - 2, 0), start_y = std::max(from.height - 2, 0);
  const ptrdiff_t below = from.height > 1 ? ptrdiff_t{4} * from.width : 0;
  const float step_x = static_cast<float>(map.a), step_y = static_cast<float>(map.c);
  for (int y = 0; y < to.height; ++y) {
    const float x0 = static_cast<float>(map.b * y + map.tx), y0 = static_cast<float>(map.d * y + map.ty);
    Float4* out = to.row(y);
    for (int x = 0; x < to.width; ++x) {
      const float at_x = std::min(std::max(x0 + step_x * static_cast<float>(x), 0.0f), last_x);
      const float at_y = std::min(std::max(y0 + step_y * static_cast<float>(x), 0.0f), last_y);
      const int i = std::min(static_cast<int>(at_x), start_x), j = std::min(static_cast<int>(at_y), start_y);
      const Float4 u = all(at_x - static_cast<float>(i)), v = all(at_y - static_cast<float>(j));
      const uint8_t* p = rgba + 4 * (ptrdiff_t{j} * from.width + i);
      const Short8 upper = load_pair(p),
                   lower = load_pair(p + below);  // at the last column of a 1-wide picture u is 0
      const Float4 top = low(upper) + u * (high(upper) - low(upper)),
                   bottom = low(lower) + u * (high(lower) - low(lower));
      out[x] = top + v * (bottom - top);
    }
  }
}

void change_color(Canvas& x, double brightness, double contrast, double saturation) {
  const float gain = static_cast<float>(contrast * brightness), own = gain * static_cast<float>(saturation);
  const float rest = gain - own, bias = static_cast<float>(127.5 * (1 - contrast));
  const float r = rest * 0.299f, g = rest * 0.587f, b = rest * 0.114f;
  for (Float4& p : x.pixels) p = all(own) * p + all(r * p[0] + g * p[1] + b * p[2] + bias);
}

void shift_channels(Canvas& x, const std::array<double, 3>& shift) {
  const Float4 s{static_cast<float>(shift[0]), static_cast<float>(shift[1]), static_cast<float>(shift[2]), 0};
  for (Float4& p : x.pixels) p += s;
}

namespace {

constexpr int kRadius = 6;
struct Gaussian {
  int radius;
  std::array<float, kRadius + 1> weight{};

  explicit Gaussian(double sigma) : radius(std::clamp(static_cast<int>(std::ceil(2 * sigma)), 1, kRadius)) {
    const auto bell = [&](int k) { return std::exp(-k * k / (2 * sigma * sigma)); };
    double sum = 0;
    for (int k = -radius; k <= radius; ++k) sum += bell(k);
    for (int k = 0; k <= radius; ++k) weight[size_t(k)] = static_cast<float>(bell(k) / sum);
  }
};

// out_i = w_0 x_i + sum_{k=1..R} w_k (x_{i-k} + x_{i+k}), x given by at(i, k) = x_{i+k}. R is known to the
// compiler.
template <int R, class At>
void convolve(Float4* out, int n, const Gaussian& g, const At& at) {
  Float4 w[R + 1];
  for (int k = 0; k <= R; ++k) w[k] = all(g.weight[size_t(k)]);
  for (int i = 0; i < n; ++i) {
    Float4 sum = w[0] * at(i, 0);
#pragma GCC unroll 6
    for (int k = 1; k <= R; ++k) sum += w[k] * (at(i, -k) + at(i, k));
    out[i] = sum;
  }
}

// Rows into `middle`, then columns back into x.
template <int R>
void blur_with(Canvas& x, const Gaussian& g) {
  Canvas& middle = scratch();
  middle.resize(x.height, x.width);
  std::vector<Float4> line(size_t(x.width + 2 * R));
  for (int y = 0; y < x.height; ++y) {
    const Float4* row = x.row(y);
    Float4* centre = line.data() + R;
    std::copy_n(row, x.width, centre);
    for (int k = 1; k <= R; ++k) centre[-k] = row[0], centre[x.width - 1 + k] = row[x.width - 1];
    convolve<R>(middle.row(y), x.width, g, [centre](int i, int k) { return centre[i + k]; });
  }
  for (int y = 0; y < x.height; ++y) {
    const Float4* rows[2 * R + 1];
    for (int k = -R; k <= R; ++k) rows[k + R] = middle.row(std::clamp(y + k, 0, x.height - 1));
    convolve<R>(x.row(y), x.width, g, [&rows](int i, int k) { return rows[k + R][i]; });
  }
}

}  // namespace

void blur(Canvas& x, double sigma) {
  const Gaussian g(sigma);
  constexpr void (*kBlur[])(Canvas&, const Gaussian&) = {blur_with<1>, blur_with<2>, blur_with<3>,
                                                         blur_with<4>, blur_with<5>, blur_with<6>};
  kBlur[g.radius - 1](x, g);
}

// Noise need not pass a statistician: four interleaved xorshift generators (Marsaglia 2003), and of each word
// the sum of its 4 bytes for a near-normal of mean 510 and variance 4 (256^2 - 1) / 12. Philox and Box-Muller
// take 10 times as long.
void add_noise(Canvas& x, double sigma, Random& seeds) {
  Int4 state;
  for (int k = 0; k < kNoiseWords; ++k) state[k] = seeds.bits() | 1;  // never zero
  const Float4 scale = all(static_cast<float>(sigma / std::sqrt(4 * (65536 - 1) / 12.0)));
  for (Float4& p : x.pixels) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    const Int4 pairs = (state & 0x00ff00ff) + ((state >> 8) & 0x00ff00ff);
    const SignedInt4 sum = (SignedInt4)((pairs & 0xffff) + (pairs >> 16)) - 510;
    p += scale * __builtin_convertvector(sum, Float4);
  }
}

namespace {

template <class T>
T normalised(T p) {
  return (p - 127.5f) * (1 / 128.0f);
}

}  // namespace

// Each store but the last writes a fourth float, which the next one overwrites.
void write_normalised(float* out, const Canvas& x) {
  const auto value = [](Float4 p) {
    p = p > 0.0f ? p : all(0);
    p = p < 255.0f ? p : all(255);
    return normalised(p);
  };
  const Float4* from = x.pixels.data();
  for (const Float4* last = from + x.pixels.size() - 1; from < last; ++from, out += 3) {
    const Float4 p = value(*from);
    std::memcpy(out, &p, 16);
  }
  const Float4 last = value(*from);
  std::memcpy(out, &last, 12);
}

namespace {

void write_bytes(float* out, const uint8_t* from, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const Short8 bytes = load_pair(from + i);
    const Float4 first = normalised(low(bytes)), second = normalised(high(bytes));
    std::memcpy(out + i, &first, 16);
    std::memcpy(out + i + 4, &second, 16);
  }
  for (; i < n; ++i) out[i] = normalised(static_cast<float>(from[i]));
}

// The last pixel comes first. A pixel is read with the byte behind it and written with a float behind it, which the next
// pixel overwrites: so the first is read, and the last is written, by itself.
void write_mirrored(float* out, const uint8_t* from, size_t pixels) {
  if (pixels == 0) return;
  const uint8_t* last = from + 3 * (pixels - 1);
  write_bytes(out, last, 3);
  for (size_t x = 1; x + 1 < pixels; ++x) {
    const Float4 p = normalised(load_pixel(last - 3 * x));
    std::memcpy(out + 3 * x, &p, 16);
  }
  if (pixels > 1) write_bytes(out + 3 * (pixels - 1), from, 3);
}

void write_pixel(float* out, const uint8_t* pixel, int times) {
  for (int x = 0; x < times; ++x) write_bytes(out + 3 * x, pixel, 3);
}

}  // namespace

void write_window(float* out, const Image& from, int x0, int y0, int height, int width, bool mirror) {
  const int begin = std::clamp(-x0, 0, width), end = std::clamp(from.width - x0, begin, width);  // inside
  const int left = mirror ? width - end : begin, right = mirror ? begin : width - end;  // of out, outside
  for (int y = 0; y < height; ++y, out += 3 * width) {
    const uint8_t *row = from.at(0, std::clamp(y + y0, 0, from.height - 1)),
                  *last = row + 3 * (from.width - 1);
    const uint8_t* inside = row + (begin < end ? 3 * (begin + x0) : 0);
    write_pixel(out, mirror ? last : row, left);
    if (mirror)
      write_mirrored(out + 3 * left, inside, size_t(end - begin));
    else
      write_bytes(out + 3 * left, inside, 3 * size_t(end - begin));
    write_pixel(out + 3 * (width - right), mirror ? row : last, right);
  }
}

}  // namespace fr
