#include "fr/loss/class_rows.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr {
namespace {

// f(kernels, unit rows, their lengths, first row, rows) for some rows of w at a time
template <class F>
void for_unit_rows(const Tensor& w, const F& f) {
  const int64_t M = w.dim(0), D = w.dim(1), B = std::min<int64_t>(M, w.on_host() ? 256 : 4096);
  const Tensor unit = like(w, {B, D}), length = like(w, {B});
  with_kernels(w, [&]<class T>(const Kernels<T>& k) {
    for (int64_t m = 0; m < M; m += B) {
      const int64_t rows = std::min(B, M - m);
      k.l2_normalize_forward(unit.data(), length.data(), w.as<Wide<T>>() + m * D, rows, D,
                             Wide<T>(kShortRow));
      f(k, unit.as<T>(), length.as<Wide<T>>(), m, rows);
    }
  });
}

void redraw_row(const Tensor& w, int64_t m, int64_t its_class, uint64_t seed, int64_t step) {
  const int64_t D = w.dim(1);
  const uint64_t draw = (uint64_t(step) << 24) + uint64_t(its_class);
  Random random({seed, Purpose::initialise, draw, 0xffff});
  std::vector<double> row(static_cast<size_t>(D));
  for (double& v : row) v = random.normal() / std::sqrt(double(D));
  const Tensor drawn = Tensor::from(row, {D}, w.dtype(), w.device());
  with_kernels(
      w, [&]<class T>(const Kernels<T>& k) { k.copy(w.as<T>() + m * D, drawn.as<T>(), drawn.bytes()); });
}

}  // namespace

Tensor row_lengths(const Tensor& w) {
  const Tensor lengths = like(w, {w.dim(0)});
  for_unit_rows(w, [&]<class T>(const Kernels<T>& k, const T*, const Wide<T>* length, int64_t m, int64_t n) {
    k.copy(lengths.as<Wide<T>>() + m, length, size_t(n) * sizeof(Wide<T>));
  });
  return lengths;
}

bool redraw_short_rows(const Tensor& w, const Tensor& lengths, int64_t first, uint64_t seed, int64_t step) {
  const std::vector<double> length = lengths.host<double>();
  bool any = false;
  for (int64_t m = 0; m < int64_t(length.size()); ++m)
    if (length[size_t(m)] < kShortRow) redraw_row(w, m, first + m, seed, step), any = true;
  return any;
}

void scale_rows_to_unit(const Tensor& w) {
  const int64_t D = w.dim(1);
  for_unit_rows(w, [&]<class T>(const Kernels<T>& k, const T* unit, const Wide<T>*, int64_t m, int64_t n) {
    k.copy(w.as<T>() + m * D, unit, size_t(n * D) * sizeof(T));
  });
}

// as -max(-length)
Tensor shortest_of(const Tensor& lengths) {
  const Tensor opposite = like(lengths, lengths.shape()), largest = like(lengths, {}),
               shortest = like(lengths, {});
  with_kernels(lengths, [&](const auto& k) {
    k.affine_forward(opposite.data(), lengths.data(), -1, 0, lengths.size());
    k.reduce_forward(largest.data(), opposite.data(), Reduce::max, 1, lengths.size(), 1);
    k.affine_forward(shortest.data(), largest.data(), -1, 0, 1);
  });
  return shortest;
}

}  // namespace fr
