// Functions of two operands with broadcasting. Two layouts are passes at the speed of memory: a and b dense and of equal
// shape, and a dense with b one vector for every row. All others go element by element, by their strides.
#include "cuda/sums.h"

namespace fr::FR_GPU {
namespace {

enum class Layout { equal, vector_of_rows, other };

Layout layout(const BroadcastShape& s) {
  bool equal = true, vector = true;
  int64_t step = 1;
  for (int d = 3; d >= 0; step *= s.size[d--]) {
    if (s.size[d] == 1) continue;
    if (s.a_stride[d] != step) return Layout::other;
    equal = equal && s.b_stride[d] == step;
    vector = vector && s.b_stride[d] == (d == 3 ? 1 : 0);
  }
  return equal ? Layout::equal : vector ? Layout::vector_of_rows : Layout::other;
}
int64_t rows_of(const BroadcastShape& s) { return s.size[0] * s.size[1] * s.size[2]; }

// --- equal shapes ---

template <class T>
struct EqualForward {
  T* y;
  const T *a, *b;
  Binary f;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    const Pack<T, W> u = load<T, W>(a + i), v = load<T, W>(b + i);
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) out.v[j] = T(binary(f, float(u.v[j]), float(v.v[j])));
    store(y + i, out);
  }
};

template <class T>
struct EqualBackward {
  T *da, *db;
  const T *dy, *a, *b;
  Binary f;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    const Pack<T, W> d = load<T, W>(dy + i), u = load<T, W>(a + i), v = load<T, W>(b + i);
    if (da) add(da + i, d, u, v, slope_a<float>);
    if (db) add(db + i, d, u, v, slope_b<float>);
  }

 private:
  template <int W, class Slope>
  FR_DEVICE void add(T* sum, const Pack<T, W>& d, const Pack<T, W>& u, const Pack<T, W>& v,
                     const Slope& slope) const {
    Pack<T, W> out = load<T, W>(sum);
    for (int j = 0; j < W; ++j)
      out.v[j] = T(float(out.v[j]) + float(d.v[j]) * slope(f, float(u.v[j]), float(v.v[j])));
    store(sum, out);
  }
};

// --- a vector for every row ---

template <class T, int W>
FR_DEVICE Pack<float, W> vector_at(const T* b, int64_t c) {
  Pack<float, W> values;
  for (int j = 0; j < W; ++j) values.v[j] = float(b[c + j]);
  return values;
}

template <class T, int W>
struct VectorForward {
  static constexpr int kWidth = W;
  T* y;
  const T *a, *b;
  Binary f;
  using Channel = Pack<float, W>;
  using Input = Pack<T, W>;
  FR_DEVICE Channel channel(int64_t c) const { return vector_at<T, W>(b, c); }
  FR_DEVICE Input read(int64_t i) const { return load<T, W>(a + i); }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) out.v[j] = T(binary(f, float(in.v[j]), at.v[j]));
    store(y + i, out);
  }
};

// da in the pass that sums for db
template <class T, int W>
struct VectorBackward {
  static constexpr int kWidth = W, kSums = 1;
  T* da;
  const T *dy, *a, *b;
  Binary f;
  using Channel = Pack<float, W>;
  struct Input {
    Pack<T, W> dy, a, da;
  };
  FR_DEVICE Channel channel(int64_t c) const { return vector_at<T, W>(b, c); }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.dy = load<T, W>(dy + i), in.a = load<T, W>(a + i);
    if (da) in.da = load<T, W>(da + i);
    return in;
  }
  FR_DEVICE void add(int64_t i, const Input& in, const Channel& at, float* sums) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float d = float(in.dy.v[j]), u = float(in.a.v[j]);
      sums[j] += d * slope_b(f, u, at.v[j]);
      if (da) out.v[j] = T(float(in.da.v[j]) + d * slope_a(f, u, at.v[j]));
    }
    if (da) store(da + i, out);
  }
};
template <class T>
struct AddToVector {
  T* d;
  FR_DEVICE void operator()(int64_t c, const double* total) const {
    if (d) d[c] = T(float(d[c]) + float(total[0]));
  }
};

// --- any strides ---

struct Offsets {
  int64_t y, a, b;
};
// Of number i of the elements that the sizes count, in row-major order.
FR_DEVICE Offsets offsets(int64_t i, const int64_t (&size)[4], const BroadcastShape& s) {
  Offsets at{0, 0, 0};
  int64_t step = 1;
  FR_UNROLL
  for (int d = 3; d >= 0; --d) {
    const int64_t k = i % size[d];
    i /= size[d];
    at.y += k * step, at.a += k * s.a_stride[d], at.b += k * s.b_stride[d];
    step *= s.size[d];
  }
  return at;
}

// one thread per element of y
template <class T>
FR_KERNEL(kPassThreads)
strided_kernel(T* y, const T* a, const T* b, Binary f, BroadcastShape s, int64_t n) {
  for (int64_t i = block_x() * threads() + thread(); i < n; i += blocks_x() * threads()) {
    const Offsets at = offsets(i, s.size, s);
    y[i] = T(binary(f, float(a[at.a]), float(b[at.b])));
  }
}

enum class Operand { a, b };

// The axes of y along which an operand has elements of its own, and those that repeat it: size 1 where an axis is not.
struct Repetition {
  int64_t kept[4], repeated[4];
  int64_t outputs = 1, terms = 1;
  int lanes = 1;  // threads for one element of the operand: a power of two
  Repetition(const BroadcastShape& s, const int64_t* stride) {
    for (int d = 0; d < 4; ++d) {
      kept[d] = stride[d] ? s.size[d] : 1, repeated[d] = stride[d] ? 1 : s.size[d];
      outputs *= kept[d], terms *= repeated[d];
    }
    while (lanes < terms && lanes < kPassThreads) lanes *= 2;
  }
};

// d += the sum over the elements of y that read it; `lanes` threads for each element of the operand
template <class T, Operand operand>
FR_KERNEL(kPassThreads)
repeated_kernel(T* d, const T* dy, const T* a, const T* b, Binary f, BroadcastShape s, Repetition r) {
  const int columns = kPassThreads / r.lanes, lane = thread() / columns;
  for (int64_t first = block_x() * columns; first < r.outputs; first += blocks_x() * columns) {
    const int64_t output = first + thread() % columns;
    const Offsets from = offsets(output, r.kept, s);
    LongSum sum;
    for (int64_t t = lane; t < r.terms && output < r.outputs; t += r.lanes) {
      const Offsets more = offsets(t, r.repeated, s);
      const float u = float(a[from.a + more.a]), v = float(b[from.b + more.b]);
      sum.add(float(dy[from.y + more.y]) * (operand == Operand::a ? slope_a(f, u, v) : slope_b(f, u, v)));
    }
    merge_lanes(sum, columns, r.lanes);
    if (lane > 0 || output >= r.outputs) continue;
    T& target = d[operand == Operand::a ? from.a : from.b];
    target = T(float(target) + float(sum.total()));
  }
}
template <class T, Operand operand>
void add_repeated(T* d, const T* dy, const T* a, const T* b, Binary f, const BroadcastShape& s) {
  const Repetition r(s, operand == Operand::a ? s.a_stride : s.b_stride);
  if (!d || s.elements() == 0) return;
  launch(grid_for(divide_up(r.outputs, kPassThreads / r.lanes)), kPassThreads, sizeof(LongSum) * kPassThreads,
         repeated_kernel<T, operand>, d, dy, a, b, f, s, r);
}

// --- entries ---

template <class T>
void binary_forward(T* y, const T* a, const T* b, Binary f, const BroadcastShape& s) {
  const Layout how = layout(s);
  if (how == Layout::equal)
    for_elements<T>(EqualForward<T>{y, a, b, f}, s.elements(), width_of<T>(0, y, a, b));
  else if (how == Layout::vector_of_rows)
    map_rows_as<VectorForward, T>(width_of<T>(s.size[3], y, a), rows_of(s), s.size[3], y, a, b, f);
  else
    launch(grid_for(divide_up(s.elements(), kPassThreads)), kPassThreads, 0, strided_kernel<T>, y, a, b, f, s,
           s.elements());
}

template <class T>
void binary_backward(T* da, T* db, const T* dy, const T* a, const T* b, Binary f, const BroadcastShape& s) {
  const Layout how = layout(s);
  if (how == Layout::equal)
    return for_elements<T>(EqualBackward<T>{da, db, dy, a, b, f}, s.elements(),
                           width_of<T>(0, da, db, dy, a, b));
  if (how == Layout::vector_of_rows)
    return sum_rows_as<VectorBackward, T>(width_of<T>(s.size[3], da, dy, a), AddToVector<T>{db}, rows_of(s),
                                          s.size[3], da, dy, a, b, f);
  add_repeated<T, Operand::a>(da, dy, a, b, f, s);
  add_repeated<T, Operand::b>(db, dy, a, b, f, s);
}

}  // namespace

template <class T>
void install_binary(Kernels<T>& k) {
  k.binary_forward = binary_forward<T>;
  k.binary_backward = binary_backward<T>;
}

template void install_binary(Kernels<float>&);
template void install_binary(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
