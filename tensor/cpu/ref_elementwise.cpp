// Elementwise functions of one and two arguments, and inverted dropout.
#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void add_scaled(T* y, const T* x, T a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

template <class T>
void affine_forward(T* y, const T* x, T a, T b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a * x[i] + b;
}

// A NaN stays one.
template <class T>
void clamp(T* y, const T* x, T low, T high, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

template <class T>
void unary_forward(T* y, const T* x, Unary f, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = unary(f, x[i]);
}

template <class T>
void unary_backward(T* dx, const T* dy, const T* x, const T* y, Unary f, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] += dy[i] * unary_slope(f, x[i], y[i]);
}

// f(i, ia, ib) for every element of y, its operands at a[ia] and b[ib], in row-major order.
template <class F>
void for_each(const BroadcastShape& s, const F& f) {
  int64_t i = 0;
  for (int64_t i0 = 0; i0 < s.size[0]; ++i0)
    for (int64_t i1 = 0; i1 < s.size[1]; ++i1)
      for (int64_t i2 = 0; i2 < s.size[2]; ++i2)
        for (int64_t i3 = 0; i3 < s.size[3]; ++i3, ++i)
          f(i, i0 * s.a_stride[0] + i1 * s.a_stride[1] + i2 * s.a_stride[2] + i3 * s.a_stride[3],
            i0 * s.b_stride[0] + i1 * s.b_stride[1] + i2 * s.b_stride[2] + i3 * s.b_stride[3]);
}

template <class T>
void binary_forward(T* y, const T* a, const T* b, Binary f, const BroadcastShape& s) {
  for_each(s, [&](int64_t i, int64_t ia, int64_t ib) { y[i] = binary(f, a[ia], b[ib]); });
}

// One more than the largest offset that the strides reach.
int64_t extent(const BroadcastShape& s, const int64_t* stride) {
  int64_t last = 0;
  for (int d = 0; d < 4; ++d) last += (s.size[d] - 1) * stride[d];
  return s.elements() ? last + 1 : 0;
}

// d_at += sum in double of value(i, ia, ib) over the elements of y that read `at`.
template <class T, class Place, class Value>
void add_sums(T* d, const BroadcastShape& s, int64_t n, const Place& place, const Value& value) {
  const Scratch<double> sum(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) sum.get()[i] = 0;
  for_each(s, [&](int64_t i, int64_t ia, int64_t ib) { sum.get()[place(ia, ib)] += value(i, ia, ib); });
  for (int64_t i = 0; i < n; ++i) d[i] += T(sum.get()[i]);
}

template <class T>
void binary_backward(T* da, T* db, const T* dy, const T* a, const T* b, Binary f, const BroadcastShape& s) {
  if (da)
    add_sums(
        da, s, extent(s, s.a_stride), [](int64_t ia, int64_t) { return ia; },
        [&](int64_t i, int64_t ia, int64_t ib) { return dy[i] * slope_a(f, a[ia], b[ib]); });
  if (db)
    add_sums(
        db, s, extent(s, s.b_stride), [](int64_t, int64_t ib) { return ib; },
        [&](int64_t i, int64_t ia, int64_t ib) { return dy[i] * slope_b(f, a[ia], b[ib]); });
}

bool dropped(const PhiloxKey& key, double p, int64_t i) {
  const std::array<uint32_t, 4> words = philox4x32(key, static_cast<uint64_t>(i / 4));
  return uniform_from_bits(words[static_cast<size_t>(i % 4)]) < p;
}

template <class T>
void dropout_forward(T* y, const T* x, const PhiloxKey& key, double p, int64_t n) {
  const T scale = T(1 / (1 - p));
  for (int64_t i = 0; i < n; ++i) y[i] = dropped(key, p, i) ? T(0) : x[i] * scale;
}

template <class T>
void dropout_backward(T* dx, const T* dy, const PhiloxKey& key, double p, int64_t n) {
  const T scale = T(1 / (1 - p));
  for (int64_t i = 0; i < n; ++i)
    if (!dropped(key, p, i)) dx[i] += dy[i] * scale;
}

}  // namespace

template <class T>
void install_elementwise(Kernels<T>& k) {
  k.add_scaled = add_scaled;
  k.affine_forward = affine_forward;
  k.clamp = clamp;
  k.unary_forward = unary_forward;
  k.unary_backward = unary_backward;
  k.binary_forward = binary_forward;
  k.binary_backward = binary_backward;
  k.dropout_forward = dropout_forward;
  k.dropout_backward = dropout_backward;
}

template void install_elementwise(Kernels<float>&);
template void install_elementwise(Kernels<double>&);

}  // namespace fr::ref
