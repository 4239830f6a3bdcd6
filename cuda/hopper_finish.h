// What the convolution for Hopper (cuda/conv2d_sm90a.cu) does with the sums of a tile, which lie in the registers of two warp
// groups as multiply_group() leaves them: finished and written as bfloat16, and where batch statistics are wanted, their
// moments by column.
#pragma once
#include "cuda/hopper_tile.h"

namespace fr::FR_GPU {

// Lane t of each four has pair t of blocks 0 to 3; afterwards pairs 0 to 3 of block t.
FR_DEVICE void exchange_pairs(uint32_t& low, uint32_t& high, int mask) {
  const bool upper = lane() & mask;
  const uint32_t other = shuffle_xor(upper ? low : high, mask);
  (upper ? low : high) = other;
}
FR_DEVICE void gather_block(uint32_t (&word)[4]) {
  exchange_pairs(word[0], word[1], 1);
  exchange_pairs(word[2], word[3], 1);
  exchange_pairs(word[0], word[2], 2);
  exchange_pairs(word[1], word[3], 2);
}

// Two neighbouring filters k of a pixel.
FR_DEVICE void finish_pair(float (&v)[2], const Conv2dFinish<bfloat16>& finish, int64_t pixel, int k,
                           int filters, bool inside) {
  const auto of_filter = [k](const float* p) { return load<float, 2>(p + k); };
  if (finish.scale) {
    const auto scale = of_filter(finish.scale);
    v[0] *= scale.v[0], v[1] *= scale.v[1];
  }
  if (finish.shift) {
    const auto shift = of_filter(finish.shift);
    v[0] += shift.v[0], v[1] += shift.v[1];
  }
  if (finish.slope) {
    const auto slope = of_filter(finish.slope);
    for (int e = 0; e < 2; ++e)
      if (!(v[e] > 0)) v[e] *= slope.v[e];
  }
  if (finish.residual && inside) {
    const auto residual = load<bfloat16, 2>(finish.residual + pixel * filters + k);
    v[0] += float(residual.v[0]), v[1] += float(residual.v[1]);
  }
}

// A thread has two pixels, 8 apart, and of every 8 filters two; four lanes exchange them so that each writes 16 bytes.
template <bool finished, int half_columns>
FR_DEVICE void write_sums(const float (&sum)[half_columns], const HopperConvolution& c, int64_t first_pixel,
                          int first_filter) {
  const int row = warp() % 4 * 16 + lane() / 4;
  FR_UNROLL
  for (int part = 0; part < half_columns / 16; ++part) {
    const int k = first_filter + part * 32;
    if (k >= c.filters) break;
    FR_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int64_t pixel = first_pixel + row + half * 8;
      uint32_t word[4];
      FR_UNROLL
      for (int block = 0; block < 4; ++block) {
        const int i = part * 16 + block * 4 + half * 2;
        float v[2] = {sum[i], sum[i + 1]};
        if constexpr (finished)
          finish_pair(v, c.finish, pixel, k + block * 8 + lane() % 4 * 2, c.filters, pixel < c.pixels);
        word[block] = pack_bf16(v[0], v[1]);
      }
      gather_block(word);
      if (pixel < c.pixels)
        store<uint32_t, 4>(reinterpret_cast<uint32_t*>(c.y + pixel * c.filters + k + lane() % 4 * 8),
                           {word[0], word[1], word[2], word[3]});
    }
  }
}

// --- moments of the columns, by Chan, Golub and LeVeque's formula (cuda/statistics.h) ---

// How those of n rows and of m other ones are joined. No rows at all: anything finite.
struct MomentsJoining {
  float share, weight;
  FR_DEVICE MomentsJoining(float n, float m) : share(n + m > 0 ? m / (n + m) : 0), weight(n * share) {}
  FR_DEVICE void join(float& mean, float& m2, float other_mean, float other_m2) const {
    const float away = other_mean - mean;
    mean += away * share, m2 += other_m2 + away * away * weight;
  }
};
FR_DEVICE float rows_below(int64_t pixels, int rows) {
  return float(min(max(pixels, int64_t(0)), int64_t(rows)));
}

// The places of a lane's columns in `sum`: mean of column j, above it, 8 rows further, m2.
FR_DEVICE constexpr int place_of(int j) { return j / 2 * 4 + j % 2; }

// One round of a reduction over the warp: of its first `count` columns a lane keeps half, and gives the others to the lane
// `mask` away, for which it has as many rows.
template <int count, int half_columns>
FR_DEVICE void halve(float (&sum)[half_columns], int mask, const MomentsJoining& joining) {
  const bool upper = lane() & mask;
  FR_UNROLL
  for (int j = 0; j < count / 2; ++j) {
    const int low = place_of(j), high = place_of(j + count / 2);
    float mine[2], other[2];
    FR_UNROLL
    for (int e = 0; e < 2; ++e) {
      const float a = sum[low + 2 * e], b = sum[high + 2 * e];
      mine[e] = upper ? b : a, other[e] = shuffle_xor(upper ? a : b, mask);
    }
    joining.join(mine[0], mine[1], other[0], other[1]);
    sum[low] = mine[0], sum[low + 2] = mine[1];
  }
}

// The columns of a strip of 16 pixels, of which `rows` are there: three rounds over the eight rows of lanes.
template <int half_columns>
FR_DEVICE void strip_moments(Moments* to, float (&sum)[half_columns], int64_t pixels) {
  constexpr int columns = half_columns / 2;  // of a lane
  // of lanes [first, first + count), each of which has one row and one 8 further
  const auto rows = [&](int first, int count) {
    return rows_below(pixels - first, count) + rows_below(pixels - 8 - first, count);
  };
  const int row = lane() / 4;
  const MomentsJoining own(rows_below(pixels - row, 1), rows_below(pixels - 8 - row, 1));
  FR_UNROLL
  for (int j = 0; j < columns; ++j) {
    float mean = sum[place_of(j)], m2 = 0;
    own.join(mean, m2, sum[place_of(j) + 2], 0);
    sum[place_of(j)] = mean, sum[place_of(j) + 2] = m2;
  }
  halve<columns>(sum, 4, MomentsJoining(rows(row, 1), rows(row ^ 1, 1)));
  halve<columns / 2>(sum, 8, MomentsJoining(rows(row / 2 * 2, 2), rows((row / 2 ^ 1) * 2, 2)));
  halve<columns / 4>(sum, 16, MomentsJoining(rows(row / 4 * 4, 4), rows((row / 4 ^ 1) * 4, 4)));
  const int first = row % 2 * (columns / 2) + row / 2 % 2 * (columns / 4) + row / 4 * (columns / 8);
  FR_UNROLL
  for (int j = 0; j < columns / 8; ++j) {
    const int column = (first + j) / 2 * 8 + lane() % 4 * 2 + (first + j) % 2;
    to[column] = {sum[place_of(j)], sum[place_of(j) + 2]};
  }
}

// one thread of the two groups per column
template <class T>
FR_DEVICE void keep_moments(float (&sum)[T::kPieces][T::kColumns / 2], const HopperConvolution& c,
                            int64_t tile, int filter) {
  constexpr int kMultiplying = 2 * kGroup;
  const int64_t pixels = c.pixels - tile * T::kRows;  // from the tile's first on
  const int group = thread() / kGroup - 1, column = thread() - kGroup;
  sync_some(kMultiplying);
  FR_UNROLL
  for (int piece = 0; piece < T::kPieces; ++piece) {
    const int strip = (group * T::kPieces + piece) * 4 + warp() % 4;
    strip_moments(T::moments(strip), sum[piece], pixels - strip * 16);
  }
  sync_some(kMultiplying);
  if (column >= T::kColumns || filter + column >= c.filters) return;
  Moments all = T::moments(0)[column];
  for (int strip = 1; strip < T::kStrips; ++strip) {
    const Moments m = T::moments(strip)[column];
    MomentsJoining(rows_below(pixels, strip * 16), rows_below(pixels - strip * 16, 16))
        .join(all.mean, all.m2, m.mean, m.m2);
  }
  c.moments[tile * c.filters + filter + column] = all;
}

}  // namespace fr::FR_GPU
