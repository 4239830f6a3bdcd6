// Reductions: sums and means over rows or columns, dot, the largest of each row, the first non-finite value.
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// sum_i x_i in double
double sum_row(const float* x, int64_t n) {
  DoubleSum sum;
  for_vectors(n, [&](int64_t i, auto lanes) { sum.add(Vec::load(x + i, lanes)); });
  return sum.total();
}

void reduce_forward(float* y, const float* x, Reduce f, int64_t outer, int64_t n, int64_t inner) {
  if (f == Reduce::max || n == 0) return ref_kernels<float>().reduce_forward(y, x, f, outer, n, inner);
  const double scale = f == Reduce::mean ? 1 / static_cast<double>(n) : 1;
  parallel_ranges(outer, rows_per_piece(n * inner), [&](int64_t begin, int64_t end) {
    const Scratch<double> sum(static_cast<size_t>(inner));
    for (int64_t o = begin; o < end; ++o) {
      const float* x_o = x + o * n * inner;
      if (inner == 1)
        sum[0] = sum_row(x_o, n);
      else
        sum_columns<1>(sum.get(), n, inner, [&](int64_t i, int64_t, auto lanes, const auto& add) {
          add(0, Vec::load(x_o + i, lanes));
        });
      for (int64_t i = 0; i < inner; ++i) y[o * inner + i] = static_cast<float>(sum.get()[i] * scale);
    }
  });
}

void reduce_backward(float* dx, const float* dy, const float* x, const float* y, Reduce f, int64_t outer,
                     int64_t n, int64_t inner) {
  if (f == Reduce::max || n == 0)
    return ref_kernels<float>().reduce_backward(dx, dy, x, y, f, outer, n, inner);
  const Vec scale = Vec::set(f == Reduce::mean ? 1 / static_cast<float>(n) : 1);
  // Rows of dx: with inner = 1 a row shares one dy, otherwise it adds the row of dy.
  const int64_t columns = inner == 1 ? n : inner, rows = inner == 1 ? outer : outer * n;
  parallel_ranges(rows, rows_per_piece(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* dy_r = dy + (inner == 1 ? r : r / n * inner);
      float* dx_r = dx + r * columns;
      for_vectors(columns, [&](int64_t c, auto lanes) {
        const Vec d = inner == 1 ? Vec::set(dy_r[0]) : Vec::load(dy_r + c, lanes);
        fma(d, scale, Vec::load(dx_r + c, lanes)).store(dx_r + c, lanes);
      });
    }
  });
}

void dot(float* y, const float* a, const float* b, int64_t n) {
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  const Scratch<double> partial(static_cast<size_t>(pieces));
  parallel_ranges(n, kPiece, [&](int64_t begin, int64_t end) {
    DoubleSum sum;
    for_vectors(end - begin, [&](int64_t i, auto lanes) {
      sum.add_product(Vec::load(a + begin + i, lanes), Vec::load(b + begin + i, lanes));
    });
    partial[static_cast<size_t>(begin / kPiece)] = sum.total();
  });
  double total = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) total += partial.get()[piece];
  y[0] = static_cast<float>(total);
}

// One dot() a parameter, and these in double.
void squared_norm_many(double* squared_norm, const SgdParameter<float>* parameters, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    float own = 0;
    dot(&own, parameters[i].g, parameters[i].g, parameters[i].n);
    sum += own;
  }
  *squared_norm = sum;
}

FR_VEC bool comes_first(float value, float best) { return value > best || (value != value && best == best); }

// Each lane keeps its first largest value and where it was; then the lanes are compared.
int64_t argmax(const float* x, int64_t n) {
  const Vec nothing = Vec::set(-__builtin_inff());
  Vec best = nothing;
  Int where = Int::count_from(0);
  for_vectors(n, [&](int64_t i, auto lanes) {
    const Vec value = keep(lanes, Vec::load(x + i, lanes), nothing);
    const Mask better = larger(value, best);
    best = select(better, value, best);
    where = select(better, Int::count_from(static_cast<int32_t>(i)), where);
  });
  float values[Vec::width];
  int32_t places[Vec::width];
  best.store(values), where.store(places);
  int winner = 0;
  for (int lane = 1; lane < Vec::width; ++lane)
    if (comes_first(values[lane], values[winner]) ||
        (!comes_first(values[winner], values[lane]) && places[lane] < places[winner]))
      winner = lane;
  return places[winner];
}

void argmax_rows(int64_t* index, const float* x, int64_t rows, int64_t columns) {
  if (columns == 0 || columns > INT32_MAX) return ref_kernels<float>().argmax_rows(index, x, rows, columns);
  parallel_ranges(rows, rows_per_piece(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) index[r] = argmax(x + r * columns, columns);
  });
}

// The larger of what lies left and right of the label.
void largest_other(int64_t* index, float* score, const float* z, const int64_t* label, int64_t N, int64_t M) {
  if (M > INT32_MAX) return ref_kernels<float>().largest_other(index, score, z, label, N, M);
  parallel_ranges(N, rows_per_piece(M), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* row = z + n * M;
      index[n] = -1, score[n] = -__builtin_inff();
      const auto look = [&](int64_t from, int64_t to) {
        if (from == to) return;
        const int64_t m = from + argmax(row + from, to - from);
        if (comes_first(row[m], score[n])) index[n] = m, score[n] = row[m];
      };
      look(0, label[n]), look(label[n] + 1, M);
    }
  });
}

// x - x is 0 for finite x and NaN otherwise; a register is searched once it is known to hold one.
int64_t first_nonfinite(const float* x, int64_t begin, int64_t end) {
  int64_t i = begin;
  for (; i < end; i += Vec::width) {
    const bool whole = i + Vec::width <= end;
    const Vec value = whole ? Vec::load(x + i) : Vec::load(x + i, Some(end - i));
    if (any(is_nan(value - value))) break;
  }
  while (i < end && x[i] - x[i] == 0) ++i;
  return i < end ? i : -1;
}

void find_nonfinite(int64_t* index, const float* x, int64_t n) {
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  const Scratch<int64_t> found(static_cast<size_t>(pieces));
  parallel_ranges(n, kPiece, [&](int64_t begin, int64_t end) {
    found.get()[begin / kPiece] = first_nonfinite(x, begin, end);
  });
  index[0] = -1;
  for (int64_t piece = pieces - 1; piece >= 0; --piece)
    if (found.get()[piece] >= 0) index[0] = found.get()[piece];
}

}  // namespace

void install_reduce(Kernels<float>& k) {
  k.reduce_forward = reduce_forward;
  k.reduce_backward = reduce_backward;
  k.dot = dot;
  k.argmax_rows = argmax_rows;
  k.find_nonfinite = find_nonfinite;
  k.largest_other = largest_other;
  k.squared_norm_many = squared_norm_many;
}

}  // namespace fr::FR_ISA
