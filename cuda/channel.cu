// Bias, PReLU and ARFA on maps x (rows, C), the gradient of the parameters in the same pass as the one of the map.
#include "cuda/sums.h"

namespace fr::FR_GPU {
namespace {

template <class T, int W>
struct BiasForward {
  static constexpr int kWidth = W;
  T* y;
  const T* x;
  const float* b;
  using Channel = Pack<float, W>;
  using Input = Pack<T, W>;
  FR_DEVICE Channel channel(int64_t c) const { return parameters<W>(b, c); }
  FR_DEVICE Input read(int64_t i) const { return load<T, W>(x + i); }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) out.v[j] = T(float(in.v[j]) + at.v[j]);
    store(y + i, out);
  }
};
template <class T>
void bias_forward(T* y, const T* x, const float* b, int64_t rows, int64_t C) {
  map_rows_as<BiasForward, T>(width_of<T>(C, y, x), rows, C, y, x, b);
}

template <class T, int W>
struct BiasBackward {
  static constexpr int kWidth = W, kSums = 1;
  const T* dy;
  struct Channel {};
  using Input = Pack<T, W>;
  FR_DEVICE Channel channel(int64_t) const { return {}; }
  FR_DEVICE Input read(int64_t i) const { return load<T, W>(dy + i); }
  FR_DEVICE void add(int64_t, const Input& in, const Channel&, float* sums) const {
    for (int j = 0; j < W; ++j) sums[j] += float(in.v[j]);
  }
};
template <class T>
void bias_backward(float* db, const T* dy, int64_t rows, int64_t C) {
  sum_rows_as<BiasBackward, T>(width_of<T>(C, dy), AddTotal{db}, rows, C, dy);
}

// At 0 the negative side is taken.
template <class T, int W>
struct PreluForward {
  static constexpr int kWidth = W;
  T* y;
  const T* x;
  const float* a;
  const T* residual;
  using Channel = Pack<float, W>;
  struct Input {
    Pack<T, W> x, residual;
  };
  FR_DEVICE Channel channel(int64_t c) const { return parameters<W>(a, c); }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.x = load<T, W>(x + i);
    if (residual) in.residual = load<T, W>(residual + i);
    return in;
  }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float u = float(in.x.v[j]), act = u > 0 ? u : at.v[j] * u;
      out.v[j] = T(residual ? act + float(in.residual.v[j]) : act);
    }
    store(y + i, out);
  }
};
template <class T>
void prelu_forward(T* y, const T* x, const float* a, const T* residual, int64_t rows, int64_t C) {
  map_rows_as<PreluForward, T>(width_of<T>(C, y, x, residual), rows, C, y, x, a, residual);
}

template <class T, int W>
struct PreluBackward {
  static constexpr int kWidth = W, kSums = 1;
  T* dx;
  const T* dy;
  const T* x;
  const float* a;
  Gradient into;
  using Channel = Pack<float, W>;
  struct Input {
    Pack<T, W> dy, x, dx;
  };
  FR_DEVICE Channel channel(int64_t c) const { return parameters<W>(a, c); }
  FR_DEVICE bool adds() const { return dx && into == Gradient::add; }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.dy = load<T, W>(dy + i), in.x = load<T, W>(x + i);
    if (adds()) in.dx = load<T, W>(dx + i);
    return in;
  }
  FR_DEVICE void add(int64_t i, const Input& in, const Channel& at, float* sums) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float d = float(in.dy.v[j]), u = float(in.x.v[j]), gradient = u > 0 ? d : at.v[j] * d;
      sums[j] += u > 0 ? 0 : d * u;
      out.v[j] = T(adds() ? float(in.dx.v[j]) + gradient : gradient);
    }
    if (dx) store(dx + i, out);
  }
};
template <class T>
void prelu_backward(T* dx, float* da, const T* dy, const T* x, const float* a, int64_t rows, int64_t C,
                    Gradient into) {
  sum_rows_as<PreluBackward, T>(width_of<T>(C, dx, dy, x), AddTotal{da}, rows, C, dx, dy, x, a, into);
}

// Positive values times k, the others k x / (a - x): one thread per pack of a row (map_rows_kernel).
template <class T, int W>
struct ArfaForward {
  static constexpr int kWidth = W;
  T* y;
  const T* x;
  const float *a, *k;
  struct Channel {
    Pack<float, W> a;
    float k;
  };
  using Input = Pack<T, W>;
  FR_DEVICE Channel channel(int64_t c) const { return {parameters<W>(a, c), *k}; }
  FR_DEVICE Input read(int64_t i) const { return load<T, W>(x + i); }
  FR_DEVICE void write(int64_t i, const Input& in, const Channel& at) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float u = float(in.v[j]), scaled = at.k * u;
      out.v[j] = T(u > 0 ? scaled : scaled / (at.a.v[j] - u));
    }
    store(y + i, out);
  }
};
template <class T>
void arfa_forward(T* y, const T* x, const float* a, const float* k, int64_t rows, int64_t C) {
  map_rows_as<ArfaForward, T>(width_of<T>(C, y, x), rows, C, y, x, a, k);
}

// dx and the sums of da: one thread per pack of a row of a slice of rows, then the slices (sum_rows_kernel)
template <class T, int W>
struct ArfaBackward {
  static constexpr int kWidth = W, kSums = 1;
  T* dx;
  const T* dy;
  const T* x;
  const float *a, *k;
  Gradient into;
  struct Channel {
    Pack<float, W> a;
    float k;
  };
  struct Input {
    Pack<T, W> dy, x, dx;
  };
  FR_DEVICE Channel channel(int64_t c) const { return {parameters<W>(a, c), *k}; }
  FR_DEVICE bool adds() const { return dx && into == Gradient::add; }
  FR_DEVICE Input read(int64_t i) const {
    Input in;
    in.dy = load<T, W>(dy + i), in.x = load<T, W>(x + i);
    if (adds()) in.dx = load<T, W>(dx + i);
    return in;
  }
  FR_DEVICE void add(int64_t i, const Input& in, const Channel& at, float* sums) const {
    Pack<T, W> out;
    for (int j = 0; j < W; ++j) {
      const float u = float(in.x.v[j]), scaled = at.k * float(in.dy.v[j]), r = 1 / (at.a.v[j] - u);
      const float curved = scaled * r * r, gradient = u > 0 ? scaled : curved * at.a.v[j];
      sums[j] += u > 0 ? 0 : -curved * u;
      out.v[j] = T(adds() ? float(in.dx.v[j]) + gradient : gradient);
    }
    if (dx) store(dx + i, out);
  }
};
template <class T>
void arfa_backward(T* dx, float* da, const T* dy, const T* x, const float* a, const float* k, int64_t rows,
                   int64_t C, Gradient into) {
  sum_rows_as<ArfaBackward, T>(width_of<T>(C, dx, dy, x), AddTotal{da}, rows, C, dx, dy, x, a, k, into);
}

}  // namespace

template <class T>
void install_channel(Kernels<T>& k) {
  k.bias_forward = bias_forward<T>;
  k.bias_backward = bias_backward<T>;
  k.prelu_forward = prelu_forward<T>;
  k.prelu_backward = prelu_backward<T>;
  k.arfa_forward = arfa_forward<T>;
  k.arfa_backward = arfa_backward<T>;
  install_batch_norm(k);
}

template void install_channel(Kernels<float>&);
template void install_channel(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
