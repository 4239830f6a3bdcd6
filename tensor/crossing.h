// Which classes of other data sets stay in a loss: an independent coin for each row and class (crossing dropout, after "DAIL:
// Dataset-Aware and Invariant Learning for Face Recognition", arXiv 2101.05419). Shared by the reference and the card.
#pragma once
#include <cmath>

#include "base/philox.h"

namespace fr {

// A row is cut into pieces of so many columns with draws of their own, so that they can be looked at side by side.
constexpr int64_t kCrossingPiece = 4096;

struct Crossing {
  double keep = 0;  // probability; the coin of row n and class m is a function of the key, n and m
  PhiloxKey key = {.purpose = Purpose::crossing};
  // In place of the coins: (N,list_length) classes, those of a row ascending and filled up with M. Null: coins.
  const int64_t* list = nullptr;
  int64_t list_length = 0;
};

// The columns of a piece that are kept, in ascending order, one after the other. Between two of them lies a number of columns
// that is geometrically distributed: floor(log u / log(1 - keep)) for u uniform in (0, 1]. So there are as many draws as kept
// columns, and one more.
class KeptColumns {
 public:
  FR_HOST_DEVICE KeptColumns(const Crossing& crossing, int64_t n, int64_t M, int64_t begin, int64_t end)
      : crossing_(crossing),
        list_(crossing.list ? crossing.list + n * crossing.list_length : nullptr),
        block_((n * ((M + kCrossingPiece - 1) / kCrossingPiece) + begin / kCrossingPiece) * kCrossingPiece),
        at_(begin),
        end_(end),
        per_draw_(1 / std::log1p(-crossing.keep)) {}

  // `end` when there is none left.
  FR_HOST_DEVICE int64_t next() {
    if (list_) return next_of_list();
    if (at_ >= end_ || !(crossing_.keep > 0)) return end_;
    const double gap = std::floor(std::log(uniform()) * per_draw_);
    const int64_t column = gap < double(end_ - at_) ? at_ + int64_t(gap) : end_;
    at_ = column + 1;
    return column;
  }

 private:
  // (0, 1] in steps of 2^-52
  FR_HOST_DEVICE double uniform() {
    const auto words = philox4x32(crossing_.key, uint64_t(block_ + draws_ / 2));
    const size_t i = size_t(2 * (draws_++ % 2));
    const uint64_t high = words[i], low = words[i + 1] >> 12;
    return (double(high << 20 | low) + 1) * 0x1p-52;
  }
  FR_HOST_DEVICE int64_t next_of_list() {
    for (; taken_ < crossing_.list_length && list_[taken_] < end_; ++taken_)
      if (list_[taken_] >= at_) return list_[taken_++];
    return end_;
  }

  const Crossing& crossing_;
  const int64_t* list_;
  int64_t block_, draws_ = 0, taken_ = 0, at_, end_;
  double per_draw_;
};

// f(first, last) for each run of columns of row n that is to be left out, within the piece that begins at column `begin`.
// [own_first, own_last): the classes of the row's own data set.
template <class F>
FR_HOST_DEVICE static inline void for_left_out(const Crossing& crossing, int64_t n, int64_t M, int64_t begin,
                                               int64_t own_first, int64_t own_last, const F& f) {
  const int64_t end = begin + kCrossingPiece < M ? begin + kCrossingPiece : M;
  if (own_first <= begin && end <= own_last) return;
  KeptColumns kept(crossing, n, M, begin, end);
  for (int64_t at = begin; at < end;) {
    const int64_t stop = kept.next(), below = stop < own_first ? stop : own_first,
                  above = at > own_last ? at : own_last;
    if (at < below) f(at, below);
    if (above < stop) f(above, stop);
    at = stop + 1;
  }
}

// The data set of a class.
FR_HOST_DEVICE static inline int64_t dataset_of(const int64_t* offset, int64_t datasets, int64_t label) {
  int64_t k = 0;
  while (k + 1 < datasets && offset[k + 1] <= label) ++k;
  return k;
}

}  // namespace fr
