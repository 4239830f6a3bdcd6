#include "fr/detection/mtcnn_input.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "data/resample.h"
#include "fr/detection/mtcnn_net.h"

namespace fr {
namespace {

float normalised(uint8_t p) { return (static_cast<float>(p) - 127.5f) / 128; }

int even(double side) { return 2 * static_cast<int>(std::lround(side / 2)); }

}  // namespace

std::vector<Image> mtcnn_pyramid(const Image& image, double smallest_face, double pyramid) {
  std::vector<Image> levels;
  for (double scale = MtcnnNet::kCell / smallest_face;; scale *= pyramid) {
    if (std::min(image.width, image.height) * scale < MtcnnNet::kCell) return levels;
    const int width = even(image.width * scale), height = even(image.height * scale);
    // A level at least twice as large serves as well as the picture, with fewer pixels to read: the mean of means.
    const auto smaller_source = [&](const Image& l) {
      return l.width >= 2 * width && l.height >= 2 * height;
    };
    const auto source = std::find_if(levels.rbegin(), levels.rend(), smaller_source);
    levels.push_back(resize(source == levels.rend() ? image : *source, width, height));
  }
}

Tensor mtcnn_rows(const Image& image, int first, int rows) {
  const Tensor x({1, rows, image.width, 3});
  const uint8_t* from = image.at(0, first);
  float* to = x.as<float>();
  parallel_ranges(x.size(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = normalised(from[i]);
  });
  return x;
}

Tensor mtcnn_squares(const Image& image, std::span<const Square> squares, int side) {
  const int64_t pixels = int64_t{side} * side, N = static_cast<int64_t>(squares.size());
  const Tensor x({N, side, side, 3});
  parallel_for(N, [&](int64_t n) {
    const Square& s = squares[size_t(n)];
    const Image face = resize_window(image, {s.x, s.y, s.side, s.side}, side, side);
    float* to = x.as<float>() + n * pixels * 3;
    for (int64_t i = pixels - 1; i >= 0; --i)  // the last pixel first: turned
      for (int64_t c = 0; c < 3; ++c) *to++ = normalised(face.pixels[size_t(i * 3 + c)]);
  });
  return x;
}

}  // namespace fr
