#include "data/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace fr {
namespace {

void require_picture(const char* op, const Image& image) {
  FR_CHECK(image.width > 0 && image.height > 0 && image.channels > 0, op, ": an empty picture");
}
void require_size(const char* op, int width, int height) {
  FR_CHECK(width > 0 && height > 0, op, ": a size of ", width, " x ", height);
}

// One output pixel of one axis: sum_k weight[k] source[first + k].
struct Tap {
  int first;
  std::vector<float> weights;
};

// Shrinking by s = from / to > 1: pixel i is the mean over [i s, (i+1) s). Growing: linear between pixel
// centres.
std::vector<Tap> make_taps(int from, int to) {
  std::vector<Tap> taps(static_cast<size_t>(to));
  const double step = double(from) / to;
  for (int i = 0; i < to; ++i) {
    Tap& tap = taps[size_t(i)];
    if (step > 1) {
      const double begin = i * step, end = std::min<double>((i + 1) * step, from);
      tap.first = static_cast<int>(begin);
      for (int k = tap.first; k < std::min(from, static_cast<int>(std::ceil(end))); ++k)
        tap.weights.push_back(
            static_cast<float>((std::min(end, k + 1.0) - std::max(begin, double(k))) / step));
    } else {
      const double at = std::clamp((i + 0.5) * step - 0.5, 0.0, from - 1.0);
      tap.first = std::min(static_cast<int>(at), std::max(0, from - 2));
      const float part = static_cast<float>(at - tap.first);
      tap.weights = from > 1 ? std::vector<float>{1 - part, part} : std::vector<float>{1};
    }
  }
  return taps;
}

uint8_t round_to_byte(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

// The same for a window that begins at `first` in a picture of extent `size`: what lies outside the picture has no weight.
std::vector<Tap> moved_into(std::vector<Tap> taps, int first, int size) {
  for (Tap& tap : taps) {
    const int at = tap.first + first, count = static_cast<int>(tap.weights.size());
    const int begin = std::clamp(-at, 0, count), end = std::clamp(size - at, begin, count);
    tap = {begin < end ? at + begin : 0, {tap.weights.begin() + begin, tap.weights.begin() + end}};
  }
  return taps;
}

// (height, from, channels) -> (height, taps, channels), a few channels
std::vector<float> resize_columns(const uint8_t* x, int height, int from, const std::vector<Tap>& taps,
                                  int channels) {
  std::vector<float> y(size_t(height) * taps.size() * size_t(channels));
  float* out = y.data();
  for (int row = 0; row < height; ++row, x += size_t(from) * size_t(channels))
    for (const Tap& tap : taps)
      for (int c = 0; c < channels; ++c) {
        const uint8_t* value = x + size_t(tap.first) * size_t(channels) + size_t(c);
        float sum = 0;
        for (const float weight : tap.weights) sum += weight * static_cast<float>(*value), value += channels;
        *out++ = sum;
      }
  return y;
}

// (from, width) -> (taps, width)
std::vector<float> resize_rows(const std::vector<float>& x, const std::vector<Tap>& taps, size_t width) {
  std::vector<float> y(taps.size() * width);
  float* out = y.data();
  for (const Tap& tap : taps) {
    const float* row = x.data() + size_t(tap.first) * width;
    for (const float weight : tap.weights) {
#pragma omp simd
      for (size_t i = 0; i < width; ++i) out[i] += weight * row[i];
      row += width;
    }
    out += width;
  }
  return y;
}

// Of rows [first, first + rows) of the picture.
Image resample(const Image& image, const std::vector<Tap>& columns, const std::vector<Tap>& lines, int first,
               int rows) {
  const uint8_t* from = image.pixels.data() + size_t(first) * size_t(image.width) * size_t(image.channels);
  const std::vector<float> narrow = resize_columns(from, rows, image.width, columns, image.channels);
  Image out(static_cast<int>(columns.size()), static_cast<int>(lines.size()), image.channels);
  const std::vector<float> all = resize_rows(narrow, lines, size_t(out.width) * size_t(image.channels));
  std::transform(all.begin(), all.end(), out.pixels.begin(), round_to_byte);
  return out;
}

}  // namespace

Image crop(const Image& image, int x, int y, int width, int height) {
  require_size("crop", width, height);
  FR_CHECK(x >= 0 && y >= 0 && x <= image.width - width && y <= image.height - height, "crop: ", width, " x ",
           height, " at (", x, ", ", y, ") leaves a picture of ", image.width, " x ", image.height);
  Image out(width, height, image.channels);
  for (int row = 0; row < height; ++row)
    std::memcpy(out.at(0, row), image.at(x, y + row), size_t(width) * size_t(image.channels));
  return out;
}

Image flip_horizontal(const Image& image) {
  Image out(image.width, image.height, image.channels);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.at(x, y), image.channels, out.at(image.width - 1 - x, y));
  return out;
}

Image resize(const Image& image, int width, int height) {
  require_picture("resize", image);
  require_size("resize", width, height);
  if (width == image.width && height == image.height) return image;
  return resample(image, make_taps(image.width, width), make_taps(image.height, height), 0, image.height);
}

Image resize_window(const Image& image, const Window& window, int width, int height) {
  require_picture("resize_window", image);
  require_size("resize_window", width, height);
  require_size("resize_window: a window", window.width, window.height);
  const int first = std::clamp(window.y, 0, image.height);
  const int rows = std::clamp(window.y + window.height, first, image.height) - first;
  return resample(image, moved_into(make_taps(window.width, width), window.x, image.width),
                  moved_into(make_taps(window.height, height), window.y - first, rows), first, rows);
}

bool fits(const Image& image, int height, int width) {
  return image.width >= width && image.height >= height && (image.width == width || image.height == height);
}

Image fit(Image image, int height, int width) {
  require_picture("fit", image);
  require_size("fit", width, height);
  if (fits(image, height, width)) return image;
  const double scale = std::max(double(width) / image.width, double(height) / image.height);
  const int w = std::max(width, static_cast<int>(std::lround(image.width * scale)));
  const int h = std::max(height, static_cast<int>(std::lround(image.height * scale)));
  if (w > 16384 || h > 16384)
    throw Error(ErrorKind::data,
                cat("a picture of ", image.width, " x ", image.height, " is too narrow to be a face"));
  return resize(image, w, h);
}

Affine compose(const Affine& s, const Affine& f) {
  return {s.a * f.a + s.b * f.c, s.a * f.b + s.b * f.d, s.a * f.tx + s.b * f.ty + s.tx,
          s.c * f.a + s.d * f.c, s.c * f.b + s.d * f.d, s.c * f.tx + s.d * f.ty + s.ty};
}

Affine inverse(const Affine& m) {
  const double determinant = m.a * m.d - m.b * m.c;
  FR_CHECK(std::isfinite(determinant) && std::abs(determinant) > 1e-12, "inverse: a singular map");
  const double a = m.d / determinant, b = -m.b / determinant, c = -m.c / determinant, d = m.a / determinant;
  return {a, b, -(a * m.tx + b * m.ty), c, d, -(c * m.tx + d * m.ty)};
}

namespace {

// Integer part and fraction of a source coordinate. Far outside, everything is border: the clamp keeps the
// cast valid.
struct Place {
  int at;
  float part;
  explicit Place(double value) {
    const double v = std::clamp(value, -1e6, 1e6), low = std::floor(v);
    at = static_cast<int>(low), part = static_cast<float>(v - low);
  }
};

// emit(pixel pointer c-th value of the four corners ...) for every output pixel; corners are chosen by
// `corner`.
template <class Corner, class Emit>
void warp_pixels(const Affine& map, int width, int height, const Corner& corner, const Emit& emit) {
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const Place u(map.a * x + map.b * y + map.tx), v(map.c * x + map.d * y + map.ty);
      emit(corner(u.at, v.at), corner(u.at + 1, v.at), corner(u.at, v.at + 1), corner(u.at + 1, v.at + 1),
           u.part, v.part);
    }
}

float bilinear(uint8_t p00, uint8_t p01, uint8_t p10, uint8_t p11, float u, float v) {
  const float top = p00 + u * static_cast<float>(p01 - p00), bottom = p10 + u * static_cast<float>(p11 - p10);
  return top + v * (bottom - top);
}

auto replicate(const Image& image) {
  return [&image](int x, int y) {
    return image.at(std::clamp(x, 0, image.width - 1), std::clamp(y, 0, image.height - 1));
  };
}

}  // namespace

Image warp(const Image& image, const Affine& map, int width, int height, Border border, uint8_t fill) {
  require_picture("warp", image);
  require_size("warp", width, height);
  Image out(width, height, image.channels);
  uint8_t* to = out.pixels.data();
  const auto emit = [&](const uint8_t* p00, const uint8_t* p01, const uint8_t* p10, const uint8_t* p11,
                        float u, float v) {
    for (int c = 0; c < image.channels; ++c)
      *to++ = round_to_byte(bilinear(p00[c], p01[c], p10[c], p11[c], u, v));
  };
  if (border == Border::replicate) {
    warp_pixels(map, width, height, replicate(image), emit);
  } else {
    const std::vector<uint8_t> outside(size_t(image.channels), fill);
    const auto corner = [&](int x, int y) {
      return x >= 0 && y >= 0 && x < image.width && y < image.height ? image.at(x, y) : outside.data();
    };
    warp_pixels(map, width, height, corner, emit);
  }
  return out;
}

}  // namespace fr
