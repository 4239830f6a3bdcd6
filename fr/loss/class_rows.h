// Upkeep of class weights w (M,D), row by row, with a handful of rows beside them.
#pragma once
#include "fr/loss/margin_loss.h"

namespace fr {

// |w_m| (M), wherever w lies.
Tensor row_lengths(const Tensor& w);

// Rows shorter than kShortRow, by their lengths (M), are drawn anew from N(0, 1/D), each a function of (seed, step, its
// class), where row m is class first + m. Reads the lengths on the host. Returns whether there was one.
bool redraw_short_rows(const Tensor& w, const Tensor& lengths, int64_t first, uint64_t seed, int64_t step);

// w_m <- w_m / |w_m|
void scale_rows_to_unit(const Tensor& w);

// min_m of lengths (M) -> (), where they lie
Tensor shortest_of(const Tensor& lengths);

}  // namespace fr
