// Memory of the card full of test data that the host knows without asking: element i is a pattern's element i mod kPeriod.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/philox.h"
#include "bench/gpu/methods.h"
#include "tensor/device.h"

namespace fr::bench::gpu {

constexpr int64_t kPeriod = 1048573;  // a prime: rows of a map do not repeat

// Element i of every kind of test data, before rounding: uniform in [-1, 1).
inline const std::vector<float>& pattern() {
  static const std::vector<float> values = [] {
    Random random({.seed = 3, .purpose = Purpose::test});
    std::vector<float> v(kPeriod);
    for (float& x : v) x = static_cast<float>(random.uniform(-1, 1));
    return v;
  }();
  return values;
}

template <class T>
class Buffer {
 public:
  // Elements are pattern * scale, rounded to T, starting at `from`.
  Buffer(const DeviceInterface& d, int64_t n, float scale, int64_t from = 0)
      : device_(d),
        n_(n),
        scale_(scale),
        from_(from),
        p_(static_cast<T*>(d.single->alloc(size_t(n) * sizeof(T)))) {
    const int64_t first = std::min(n, kPeriod);
    std::vector<T> values;
    for (int64_t i = 0; i < first; ++i) values.push_back(T(value_before_rounding(i)));
    d.single->upload(p_, values.data(), size_t(first) * sizeof(T));
    for (int64_t done = first; done < n; done = std::min(2 * done, n))
      d.single->copy(p_ + done, p_, size_t(std::min(done, n - done)) * sizeof(T));
  }
  ~Buffer() { device_.single->release(p_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() const { return p_; }
  int64_t size() const { return n_; }
  double at(int64_t i) const { return double(T(value_before_rounding(i % kPeriod))); }  // as it was filled
  double now_at(int64_t i) const {  // as it is: waits for the card
    T value;
    device_.single->download(&value, p_ + i, sizeof value);
    return double(value);
  }

 private:
  float value_before_rounding(int64_t i) const { return pattern()[size_t((i + from_) % kPeriod)] * scale_; }

  const DeviceInterface& device_;
  int64_t n_;
  float scale_;
  int64_t from_;
  T* p_;
};

// Compares a few sums of products with what the card made of them.
struct Checked {
  double worst = 0;  // error / tolerance
  // want = sum of terms, squares = sum of their squares. Rounding of the operands (TF32), of the sum and of the result:
  // each far below these.
  void look(double got, double want, double squares, double rounding) {
    const double tolerance =
        rounding * std::abs(want) + (tf32_selected() ? 4e-3 : 4e-4) * std::sqrt(squares) + 1e-6;
    const double error = std::abs(got - want) / tolerance;
    worst = error <= worst ? worst : error;  // NaN stays
  }
};
template <class T>
constexpr double kRounding = std::is_same_v<T, bfloat16> ? 0x1p-7 : 1e-4;

}  // namespace fr::bench::gpu
