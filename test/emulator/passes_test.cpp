// What the rows of the contract do not reach in the kernels that are bound by memory: addresses that no pack fits, maps so
// tall that slices are merged by striding lanes, values that make a variance cancel, a Philox step in device memory.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "audit/harness.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

using namespace audit;

// A buffer of the device that starts `shift` elements after an aligned address.
template <class T>
class Buffer {
 public:
  Buffer(const std::vector<double>& values, int64_t shift = 0)
      : base_(static_cast<T*>(emulator::device_alloc((values.size() + size_t(shift)) * sizeof(T)))),
        p_(base_ + shift),
        n_(values.size()) {
    for (size_t i = 0; i < n_; ++i) p_[i] = T(float(values[i]));
  }
  ~Buffer() { emulator::device_release(base_); }
  Buffer(const Buffer&) = delete;
  T* get() const { return p_; }
  std::vector<double> values() const { return {p_, p_ + n_}; }
  bool operator==(const Buffer& other) const { return std::memcmp(p_, other.p_, n_ * sizeof(T)) == 0; }

 private:
  T *base_, *p_;
  size_t n_;
};

template <class T>
class Passes : public testing::Test {
 protected:
  const Kernels<T>& k = emulated::table<T>();
};
using Types = testing::Types<float, bfloat16>;
TYPED_TEST_SUITE(Passes, Types);

template <class T>
struct Statistics {
  explicit Statistics(int64_t C)
      : mean(zeros(C)), rstd(zeros(C)), running_mean(zeros(C)), running_var(zeros(C)) {}
  static std::vector<double> zeros(int64_t n) { return std::vector<double>(size_t(n), 0.0); }
  void take(const Kernels<T>& k, const T* x, int64_t rows, int64_t C) {
    k.batch_norm_statistics(mean.get(), rstd.get(), running_mean.get(), running_var.get(), x, rows, C, 1e-5f,
                            0.1f);
  }
  // That mean and running_var are within `tolerance` (of the deviation, of the variance) of what double arithmetic gives.
  void expect(const std::vector<double>& x, int64_t rows, int64_t C, double tolerance) const {
    for (int64_t c = 0; c < C; ++c) {
      double sum = 0, squares = 0;
      for (int64_t r = 0; r < rows; ++r) sum += x[size_t(r * C + c)];
      const double m = sum / double(rows);
      for (int64_t r = 0; r < rows; ++r) squares += (x[size_t(r * C + c)] - m) * (x[size_t(r * C + c)] - m);
      const double var = squares / double(rows - 1), ulp = std::abs(m) * 0x1p-22;
      EXPECT_NEAR(mean.get()[c], m, tolerance * std::sqrt(var) + ulp) << "channel " << c;
      EXPECT_NEAR(running_var.get()[c] / 0.1, var, tolerance * var) << "channel " << c;
    }
  }
  Buffer<float> mean, rstd, running_mean, running_var;
};

// Enough rows for the largest number of slices, and the last slice is a short one.
TYPED_TEST(Passes, TallMap) {
  using T = TypeParam;
  const int64_t rows = 132 * 8 * 32 + 45, C = 255;
  const std::vector<double> some = numbers(1021, 1, -1, 3);
  std::vector<double> repeated(size_t(rows * C));
  for (size_t i = 0; i < repeated.size(); ++i) repeated[i] = some[i % some.size()];
  const Buffer<T> x(repeated);
  Statistics<T> statistics(C);
  statistics.take(this->k, x.get(), rows, C);
  statistics.expect(x.values(), rows, C, 1e-5);

  const Buffer<float> db(numbers(C, 2));
  const std::vector<double> before = db.values(), all = x.values();
  this->k.bias_backward(db.get(), x.get(), rows, C);
  for (int64_t c = 0; c < C; ++c) {
    double sum = before[size_t(c)], size = 0;
    for (int64_t r = 0; r < rows; ++r)
      sum += all[size_t(r * C + c)], size += std::abs(all[size_t(r * C + c)]);
    EXPECT_NEAR(db.get()[c], sum, 1e-6 * size);
  }
}

// A mean ten thousand deviations away, a first row that lies far from all others, and a channel that does not vary.
TYPED_TEST(Passes, VarianceDoesNotCancel) {
  using T = TypeParam;
  const int64_t rows = 3000, C = 8;
  std::vector<double> values = numbers(rows * C, 3, -1, 1);
  for (int64_t r = 0; r < rows; ++r) {
    values[size_t(r * C)] += 10000, values[size_t(r * C + 1)] = 0.25;
    if (r == 0) values[2] = 1e4;
  }
  const Buffer<T> x(values);
  Statistics<T> statistics(C);
  statistics.take(this->k, x.get(), rows, C);
  statistics.expect(x.values(), rows, C, 2e-5);
  EXPECT_EQ(statistics.running_var.get()[1], 0);
  EXPECT_EQ(statistics.mean.get()[1], 0.25f);
}

// Where packs do not fit, the maps have the same bits, and the sums are the same sums.
TYPED_TEST(Passes, UnalignedMaps) {
  using T = TypeParam;
  const int64_t rows = 70, C = 16;
  const auto numbers_of = [&](uint32_t seed) { return numbers(rows * C, seed); };
  const Buffer<float> slope(numbers(C, 4)), slope_off(numbers(C, 4), 1);
  const Buffer<T> x(numbers_of(1)), x_off(numbers_of(1), 1), y(numbers_of(2)), y_off(numbers_of(2), 1);
  const Buffer<T> dx(numbers_of(3)), dx_off(numbers_of(3), 1);
  this->k.prelu_forward(y.get(), x.get(), slope.get(), nullptr, rows, C);
  this->k.prelu_forward(y_off.get(), x_off.get(), slope_off.get(), nullptr, rows, C);
  EXPECT_EQ(y, y_off);
  const Buffer<float> da(numbers(C, 5)), da_off(numbers(C, 5), 1);
  this->k.prelu_backward(dx.get(), da.get(), y.get(), x.get(), slope.get(), rows, C, fr::Gradient::add);
  this->k.prelu_backward(dx_off.get(), da_off.get(), y_off.get(), x_off.get(), slope_off.get(), rows, C,
                         fr::Gradient::add);
  EXPECT_EQ(dx, dx_off);
  for (int64_t c = 0; c < C; ++c) EXPECT_NEAR(da.get()[c], da_off.get()[c], 1e-5);
}
TYPED_TEST(Passes, UnalignedElements) {
  using T = TypeParam;
  const int64_t n = 1037;
  const PhiloxKey key{.seed = 5, .purpose = Purpose::dropout, .step = 9, .stream = 2};
  const Buffer<T> x(numbers(n, 1)), x_off(numbers(n, 1), 3), y(numbers(n, 2)), y_off(numbers(n, 2), 3);
  this->k.dropout_forward(y.get(), x.get(), key, 0.3, n);
  this->k.dropout_forward(y_off.get(), x_off.get(), key, 0.3, n);
  EXPECT_EQ(y, y_off);
  const Buffer<float> dot(numbers(1, 1)), dot_off(numbers(1, 1));
  this->k.dot(dot.get(), x.get(), y.get(), n);
  this->k.dot(dot_off.get(), x_off.get(), y_off.get(), n);
  EXPECT_NEAR(*dot.get(), *dot_off.get(), 1e-5);
}

TYPED_TEST(Passes, PhiloxStepInDeviceMemory) {
  using T = TypeParam;
  const int64_t n = 100;
  void* place = emulator::device_alloc(sizeof(uint64_t));
  auto* step = new (place) uint64_t(0x123456789);
  const PhiloxKey by_value{.seed = 5, .purpose = Purpose::dropout, .step = *step, .stream = 2};
  const PhiloxKey by_place{.seed = 5, .purpose = Purpose::dropout, .step = 1, .stream = 2, .step_at = step};
  const Buffer<T> x(numbers(n, 1)), y(numbers(n, 2)), z(numbers(n, 3));
  this->k.dropout_forward(y.get(), x.get(), by_value, 0.5, n);
  this->k.dropout_forward(z.get(), x.get(), by_place, 0.5, n);
  EXPECT_EQ(y, z);
  emulator::device_release(place);
}

// y = f(x, x): both gradients flow into one place.
TYPED_TEST(Passes, BinaryOfItself) {
  using T = TypeParam;
  const BroadcastShape s{{1, 1, 3, 8}, {24, 24, 8, 1}, {24, 24, 8, 1}};
  const Buffer<T> x(numbers(24, 1)), dy(std::vector<double>(24, 1.0)), dx(std::vector<double>(24, 0.0));
  this->k.binary_backward(dx.get(), dx.get(), dy.get(), x.get(), x.get(), Binary::mul, s);
  for (int64_t i = 0; i < 24; ++i) EXPECT_EQ(float(dx.get()[i]), 2 * float(x.get()[i]));
}

// A tie belongs to a, and a NaN is larger than any number.
TYPED_TEST(Passes, LargerOfTiesAndNaN) {
  using T = TypeParam;
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> zeros(5, 0.0);
  const Buffer<T> a({1, 1, kNaN, 2, kNaN}), b({1, 2, 3, kNaN, kNaN}), y(zeros), dy({1, 1, 1, 1, 1}),
      da(zeros), db(zeros);
  const BroadcastShape s{{1, 1, 1, 5}, {0, 0, 0, 1}, {0, 0, 0, 1}};
  this->k.binary_forward(y.get(), a.get(), b.get(), Binary::max, s);
  this->k.binary_backward(da.get(), db.get(), dy.get(), a.get(), b.get(), Binary::max, s);
  EXPECT_EQ(float(y.get()[0]), 1);
  EXPECT_EQ(float(y.get()[1]), 2);
  for (int i = 2; i < 5; ++i) EXPECT_TRUE(std::isnan(float(y.get()[i])));
  EXPECT_EQ(da.values(), (std::vector<double>{1, 0, 1, 0, 1}));
  EXPECT_EQ(db.values(), (std::vector<double>{0, 1, 0, 1, 0}));
}

// No block of the device's memory is left behind.
TYPED_TEST(Passes, WorkspacesAreReturned) {
  using T = TypeParam;
  const size_t before = emulator::device_memory_in_use();
  {
    const Buffer<T> x(numbers(64, 1));
    const Buffer<float> y(numbers(8, 1));
    this->k.bias_backward(y.get(), x.get(), 8, 8);
    this->k.dot(y.get(), x.get(), x.get(), 64);
  }
  EXPECT_EQ(emulator::device_memory_in_use(), before);
}

}  // namespace
}  // namespace fr::test
