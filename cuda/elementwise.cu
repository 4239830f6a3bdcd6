// Functions of n elements and inverted dropout, computed in float whatever the element type.
#include "cuda/passes.h"

namespace fr::FR_GPU {
namespace {

template <class T>
struct AddScaled {
  T* y;
  const T* x;
  float a;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    const Pack<T, W> in = load<T, W>(x + i);
    Pack<T, W> out = load<T, W>(y + i);
    for (int j = 0; j < W; ++j) out.v[j] = T(float(out.v[j]) + a * float(in.v[j]));
    store(y + i, out);
  }
};
template <class T>
void add_scaled(T* y, const T* x, float a, int64_t n) {
  for_elements<T>(AddScaled<T>{y, x, a}, n, width_of<T>(0, y, x));
}

template <class T>
struct Affine {
  T* y;
  const T* x;
  float a, b;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    Pack<T, W> v = load<T, W>(x + i);
    for (int j = 0; j < W; ++j) v.v[j] = T(a * float(v.v[j]) + b);
    store(y + i, v);
  }
};
template <class T>
void affine_forward(T* y, const T* x, float a, float b, int64_t n) {
  for_elements<T>(Affine<T>{y, x, a, b}, n, width_of<T>(0, y, x));
}

struct Clamp {
  float* y;
  const float* x;
  float low, high;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    Pack<float, W> v = load<float, W>(x + i);
    for (int j = 0; j < W; ++j) v.v[j] = v.v[j] < low ? low : v.v[j] > high ? high : v.v[j];
    store(y + i, v);
  }
};
void clamp(float* y, const float* x, float low, float high, int64_t n) {
  for_elements<float>(Clamp{y, x, low, high}, n, width_of<float>(0, y, x));
}

template <class T>
struct UnaryForward {
  T* y;
  const T* x;
  Unary f;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    Pack<T, W> v = load<T, W>(x + i);
    for (int j = 0; j < W; ++j) v.v[j] = T(unary(f, float(v.v[j])));
    store(y + i, v);
  }
};
template <class T>
void unary_forward(T* y, const T* x, Unary f, int64_t n) {
  for_elements<T>(UnaryForward<T>{y, x, f}, n, width_of<T>(0, y, x));
}

template <class T>
struct UnaryBackward {
  T* dx;
  const T *dy, *x, *y;
  Unary f;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    const Pack<T, W> d = load<T, W>(dy + i), in = load<T, W>(x + i), out = load<T, W>(y + i);
    Pack<T, W> sum = load<T, W>(dx + i);
    for (int j = 0; j < W; ++j)
      sum.v[j] = T(float(sum.v[j]) + float(d.v[j]) * unary_slope(f, float(in.v[j]), float(out.v[j])));
    store(dx + i, sum);
  }
};
template <class T>
void unary_backward(T* dx, const T* dy, const T* x, const T* y, Unary f, int64_t n) {
  for_elements<T>(UnaryBackward<T>{dx, dy, x, y, f}, n, width_of<T>(0, dx, dy, x, y));
}

// --- dropout ---

// The factors of W elements from i on: 0 or 1 / (1 - p). u_i < p holds exactly when the 24 bits of u_i lie below
// ceil(2^24 p). A pack takes whole Philox blocks of four words.
struct Dropout {
  PhiloxKey key;
  uint32_t threshold;
  float scale;
  Dropout(const PhiloxKey& k, double p)
      : key(k), threshold(uint32_t(std::ceil(p * 0x1p24))), scale(float(1 / (1 - p))) {}

  template <int W>
  FR_DEVICE void dropped(bool (&drop)[W], int64_t i) const {
    if constexpr (W == 1) {
      drop[0] = (philox4x32(key, uint64_t(i / 4))[size_t(i % 4)] >> 8) < threshold;
    } else {
      for (int j = 0; j < W; j += 4) {
        const auto words = philox4x32(key, uint64_t((i + j) / 4));
        for (int k = 0; k < 4; ++k) drop[j + k] = (words[size_t(k)] >> 8) < threshold;
      }
    }
  }
};

template <class T>
struct DropoutForward {
  T* y;
  const T* x;
  Dropout dropout;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    bool drop[W];
    dropout.dropped(drop, i);
    Pack<T, W> v = load<T, W>(x + i);
    for (int j = 0; j < W; ++j) v.v[j] = T(drop[j] ? 0 : float(v.v[j]) * dropout.scale);
    store(y + i, v);
  }
};
template <class T>
void dropout_forward(T* y, const T* x, const PhiloxKey& key, double p, int64_t n) {
  for_elements<T>(DropoutForward<T>{y, x, {key, p}}, n, width_of<T>(0, y, x));
}

template <class T>
struct DropoutBackward {
  T* dx;
  const T* dy;
  Dropout dropout;
  template <int W>
  FR_DEVICE void at(int64_t i) const {
    bool drop[W];
    dropout.dropped(drop, i);
    const Pack<T, W> d = load<T, W>(dy + i);
    Pack<T, W> sum = load<T, W>(dx + i);
    for (int j = 0; j < W; ++j)
      if (!drop[j]) sum.v[j] = T(float(sum.v[j]) + float(d.v[j]) * dropout.scale);
    store(dx + i, sum);
  }
};
template <class T>
void dropout_backward(T* dx, const T* dy, const PhiloxKey& key, double p, int64_t n) {
  for_elements<T>(DropoutBackward<T>{dx, dy, {key, p}}, n, width_of<T>(0, dx, dy));
}

}  // namespace

template <class T>
void install_elementwise(Kernels<T>& k) {
  k.add_scaled = add_scaled<T>;
  k.affine_forward = affine_forward<T>;
  k.clamp = clamp;
  k.unary_forward = unary_forward<T>;
  k.unary_backward = unary_backward<T>;
  k.dropout_forward = dropout_forward<T>;
  k.dropout_backward = dropout_backward<T>;
  install_binary(k);
}

template void install_elementwise(Kernels<float>&);
template void install_elementwise(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
