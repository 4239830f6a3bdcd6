// Reductions over one axis, and over everything. Sums are floats of 32 terms, those in double; dot is in double throughout.
#include <limits>

#include "cuda/sums.h"

namespace fr::FR_GPU {
namespace {

// The place of the largest value, the lowest of equal ones; index -1: none yet.
struct Largest {
  float value = 0;
  int64_t index = -1;
  FR_DEVICE void add(float v, int64_t i) {  // in the order of i
    if (index < 0 || larger(v, value)) value = v, index = i;
  }
  FR_DEVICE void merge(const Largest& o) {
    if (o.index < 0) return;
    if (index < 0 || larger(o.value, value) || (!larger(value, o.value) && o.index < index)) *this = o;
  }
};
struct Sum : LongSum {
  FR_DEVICE void add(float v, int64_t) { LongSum::add(v); }
};

// --- one axis ---

// x (outer, n, inner). A block takes some of outer times `lanes` along n times `columns` of inner, all powers of two, so
// that neighbouring threads read neighbouring values.
struct Extent {
  int64_t outer, n, inner;
  int columns = 1, lanes = 1;
  Extent(int64_t outer_size, int64_t length, int64_t inner_size)
      : outer(outer_size), n(length), inner(inner_size) {
    while (columns < inner && columns < 64) columns *= 2;
    while (lanes < n && columns * lanes < kPassThreads) lanes *= 2;
  }
  int rows() const { return kPassThreads / (columns * lanes); }
  int64_t pieces() const { return divide_up(outer, rows()) * divide_up(inner, columns); }
};

// finish(place in (outer, inner), state) of each result: `lanes` threads for one
template <class T, class State, class Finish>
FR_KERNEL(kPassThreads)
axis_kernel(const T* x, Finish finish, Extent e, int64_t pieces) {
  const int column = thread() % e.columns, lane = thread() / e.columns % e.lanes;
  const int rows = kPassThreads / (e.columns * e.lanes), row = thread() / (e.columns * e.lanes);
  const int64_t across = divide_up(e.inner, int64_t{e.columns});
  for (int64_t piece = block_x(); piece < pieces; piece += blocks_x()) {
    const int64_t o = piece / across * rows + row, i = piece % across * e.columns + column;
    const bool inside = o < e.outer && i < e.inner;
    State state;
    for (int64_t j = lane; j < e.n && inside; j += e.lanes)
      state.add(float(x[(o * e.n + j) * e.inner + i]), j);
    merge_lanes(state, e.columns, e.lanes);
    if (inside && lane == 0) finish(o * e.inner + i, state);
  }
}
template <class State, class T, class Finish>
void over_axis(const T* x, const Finish& finish, int64_t outer, int64_t n, int64_t inner) {
  if (outer == 0 || inner == 0) return;
  const Extent e(outer, n, inner);
  launch(grid_for(e.pieces()), kPassThreads, sizeof(State) * kPassThreads, axis_kernel<T, State, Finish>, x,
         finish, e, e.pieces());
}

template <class T>
struct WriteSum {
  T* y;
  double divisor;
  FR_DEVICE void operator()(int64_t i, const Sum& sum) const { y[i] = T(float(sum.total() / divisor)); }
};
template <class T>
struct WriteLargest {
  T* y;
  float empty;
  FR_DEVICE void operator()(int64_t i, const Largest& best) const {
    y[i] = T(best.index < 0 ? empty : best.value);
  }
};
struct WriteIndex {
  int64_t* index;
  FR_DEVICE void operator()(int64_t i, const Largest& best) const { index[i] = best.index; }
};
template <class T>
struct AddToLargest {
  T* dx;
  const T* dy;
  int64_t n, inner;
  FR_DEVICE void operator()(int64_t i, const Largest& best) const {
    T& target = dx[(i / inner * n + best.index) * inner + i % inner];
    target = T(float(target) + float(dy[i]));
  }
};

// The empty sum is 0, the empty mean 0 / 0, the empty maximum -infinity.
template <class T>
void reduce_forward(T* y, const T* x, Reduce f, int64_t outer, int64_t n, int64_t inner) {
  if (f == Reduce::max)
    over_axis<Largest>(x, WriteLargest<T>{y, -std::numeric_limits<float>::infinity()}, outer, n, inner);
  else
    over_axis<Sum>(x, WriteSum<T>{y, f == Reduce::mean ? double(n) : 1.0}, outer, n, inner);
}

// dx (outer n, inner) += share dy (outer, inner)
template <class T, int W>
struct SpreadSum {
  static constexpr int kWidth = W;
  T* dx;
  const T* dy;
  int64_t n, inner;
  float share;
  FR_DEVICE void at(int64_t r, int64_t c) const {
    const Pack<T, W> d = load<T, W>(dy + r / n * inner + c);
    Pack<T, W> out = load<T, W>(dx + r * inner + c);
    for (int j = 0; j < W; ++j) out.v[j] = T(float(out.v[j]) + share * float(d.v[j]));
    store(dx + r * inner + c, out);
  }
};
template <class T>
void reduce_backward(T* dx, const T* dy, const T* x, const T*, Reduce f, int64_t outer, int64_t n,
                     int64_t inner) {
  if (n == 0) return;
  if (f == Reduce::max) return over_axis<Largest>(x, AddToLargest<T>{dx, dy, n, inner}, outer, n, inner);
  for_packs<SpreadSum, T>(width_of<T>(inner, dx, dy), outer * n, inner, dx, dy, n, inner,
                          f == Reduce::mean ? 1 / float(n) : 1.0f);
}

// A row without columns has no largest: -1.
template <class T>
void argmax_rows(int64_t* index, const T* x, int64_t rows, int64_t columns) {
  over_axis<Largest>(x, WriteIndex{index}, rows, columns, 1);
}

// one block a row n, threads stride over m
FR_KERNEL(kPassThreads)
largest_other_kernel(int64_t* index, float* score, const float* z, const int64_t* label, int64_t N,
                     int64_t M) {
  constexpr float kNothing = -std::numeric_limits<float>::infinity();
  for (int64_t n = block_x(); n < N; n += blocks_x()) {
    Largest best;
    for (int64_t m = thread(); m < M; m += threads())
      if (m != label[n]) best.add(z[n * M + m], m);
    merge_lanes(best, 1, threads());
    if (thread() > 0) continue;
    const bool found = best.index >= 0 && best.value != kNothing;
    index[n] = found ? best.index : -1, score[n] = found ? best.value : kNothing;
  }
}
void largest_other(int64_t* index, float* score, const float* z, const int64_t* label, int64_t N, int64_t M) {
  if (N == 0) return;
  launch(grid_for(N), kPassThreads, sizeof(Largest) * kPassThreads, largest_other_kernel, index, score, z,
         label, N, M);
}

// --- everything ---

// partial[block]: the state of what its threads saw, each striding over the grid in packs; what remains one by one
template <class State, class F, int W>
FR_KERNEL(kPassThreads)
all_kernel(State* partial, F f, int64_t n) {
  const int64_t first = block_x() * threads() + thread(), step = blocks_x() * threads();
  State mine;
  for (int64_t i = first; i < n / W; i += step) f.template add<W>(mine, i * W);
  if constexpr (W > 1)
    for (int64_t i = n / W * W + first; i < n; i += step) f.template add<1>(mine, i);
  merge_lanes(mine, 1, kPassThreads);
  if (thread() == 0) partial[block_x()] = mine;
}
// one block
template <class State, class Finish>
FR_KERNEL(kPassThreads)
merge_all_kernel(const State* partial, Finish finish, int64_t count) {
  State mine;
  for (int64_t i = thread(); i < count; i += threads()) mine.merge(partial[i]);
  merge_lanes(mine, 1, kPassThreads);
  if (thread() == 0) finish(mine);
}
// A thread takes 8 packs or more; the number of blocks depends on n alone.
template <class State, class T, class F, class Finish>
void over_all(const F& f, const Finish& finish, int64_t n, Width width) {
  constexpr int W = kPack<T>;
  const Grid grid = grid_for(divide_up(n, kPassThreads * W * 8), 132 * 8);
  const Workspace<State> partial(grid.x);
  const size_t room = sizeof(State) * kPassThreads;
  if (width == Width::pack)
    launch(grid, kPassThreads, room, all_kernel<State, F, W>, partial.get(), f, n);
  else
    launch(grid, kPassThreads, room, all_kernel<State, F, 1>, partial.get(), f, n);
  launch(Grid{}, kPassThreads, room, merge_all_kernel<State, Finish>, partial.get(), finish, grid.x);
}

template <class T>
struct Products {
  const T *a, *b;
  template <int W>
  FR_DEVICE void add(Totals<1>& sum, int64_t i) const {
    const Pack<T, W> u = load<T, W>(a + i), v = load<T, W>(b + i);
    for (int j = 0; j < W; ++j) sum.v[0] += double(float(u.v[j])) * double(float(v.v[j]));
  }
};
struct WriteDot {
  float* y;
  FR_DEVICE void operator()(const Totals<1>& sum) const { *y = float(sum.v[0]); }
};
template <class T>
void dot(float* y, const T* a, const T* b, int64_t n) {
  over_all<Totals<1>, T>(Products<T>{a, b}, WriteDot{y}, n, width_of<T>(0, a, b));
}

struct First {
  int64_t index = std::numeric_limits<int64_t>::max();
  FR_DEVICE void merge(const First& other) { index = min(index, other.index); }
};
template <class T>
struct Nonfinite {
  const T* x;
  template <int W>
  FR_DEVICE void add(First& first, int64_t i) const {
    const Pack<T, W> v = load<T, W>(x + i);
    for (int j = 0; j < W; ++j)
      if ((std::bit_cast<uint32_t>(float(v.v[j])) & 0x7f800000u) == 0x7f800000u) first.merge({i + j});
  }
};
struct WriteFirst {
  int64_t* index;
  FR_DEVICE void operator()(const First& first) const {
    *index = first.index == std::numeric_limits<int64_t>::max() ? -1 : first.index;
  }
};
template <class T>
void find_nonfinite(int64_t* index, const T* x, int64_t n) {
  over_all<First, T>(Nonfinite<T>{x}, WriteFirst{index}, n, width_of<T>(0, x));
}

}  // namespace

template <class T>
void install_reduce(Kernels<T>& k) {
  k.reduce_forward = reduce_forward<T>;
  k.reduce_backward = reduce_backward<T>;
  k.dot = dot<T>;
  k.argmax_rows = argmax_rows<T>;
  k.find_nonfinite = find_nonfinite<T>;
  k.largest_other = largest_other;
}

template void install_reduce(Kernels<float>&);
template void install_reduce(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
