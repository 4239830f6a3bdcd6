// The convolution for Hopper (cuda/conv2d_sm90a.cu) in the emulator against the reference in double: tails of every kind,
// under every schedule; and faults planted in it are noticed.
#define PROSOPON_EMULATED
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "audit/harness.h"
#include "base/error.h"
#include "cuda/conv2d_hopper.h"
#include "cuda/hopper.h"
#include "test/cuda/hopper_rows.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

using namespace audit;

using emulator::Fault;

struct Restored {  // what a test sets
  Restored() {
    select_hopper(true);
    emulator::set_capability(90);
  }
  ~Restored() {
    select_hopper(false);
    emulator::set_capability(80);
    emulator::set_fault(Fault::none);
    emulator::set_schedule({});
  }
};

std::vector<double> rounded(int64_t n, uint32_t seed) {
  std::vector<double> v = numbers(n, seed);
  for (double& x : v) x = float(bfloat16(float(x)));
  return v;
}

// Device memory with a guard of NaN behind it.
template <class T>
class Buffer {
 public:
  explicit Buffer(const std::vector<double>& v) : n_(v.size()), memory_(int64_t(v.size()) + kGuard) {
    for (size_t i = 0; i < n_; ++i) get()[i] = T(float(v[i]));
  }
  explicit Buffer(int64_t n) : n_(size_t(n)), memory_(n + kGuard) {}
  T* get() const { return memory_.get(); }
  size_t size() const { return n_; }
  bool guarded() const {
    for (int64_t i = 0; i < kGuard; ++i)
      if (!std::isnan(float(get()[int64_t(n_) + i]))) return false;
    return true;
  }

 private:
  static constexpr int64_t kGuard = 256;
  size_t n_;
  emulated::Workspace<T> memory_;
};

// bfloat16 keeps 8 bits; the sums are of floats.
std::string differences(const Buffer<bfloat16>& got, const std::vector<double>& want) {
  for (size_t i = 0; i < want.size(); ++i)
    if (!(std::abs(double(float(got.get()[i])) - want[i]) <= std::abs(want[i]) / 256 + 1e-4))
      return cat("[", i, "] is ", float(got.get()[i]), ", expected ", want[i]);
  return got.guarded() ? "" : "a write behind the end";
}

enum class Line { none, all };
enum class Operation { forward, input_gradient };

// What a convolution is asked for, and the answer.
struct Problem {
  Operation operation;
  Conv2dShape s;
  Line line = Line::none;
  audit::Gradient into = audit::Gradient::none;
  std::vector<double> in{}, w{}, want{}, scale{}, shift{}, slope{}, residual{};
};

Problem forward(const Conv2dShape& s, Line line = Line::none) {
  Problem p{.operation = Operation::forward, .s = s, .line = line};
  const int64_t n = s.N * s.P() * s.Q() * s.K;
  p.in = rounded(s.N * s.H * s.W * s.C, 1), p.w = rounded(s.K * s.R * s.S * s.C, 2);
  p.want.resize(size_t(n));
  Conv2dFinish<double> finish;
  if (line == Line::all) {
    p.scale = rounded(s.K, 3), p.shift = rounded(s.K, 4), p.slope = rounded(s.K, 5),
    p.residual = rounded(n, 6);
    finish = {p.scale.data(), p.shift.data(), p.slope.data(), p.residual.data()};
  }
  ref_kernels<double>().conv2d_fused_forward(p.want.data(), p.in.data(), p.w.data(), nullptr, finish, s);
  return p;
}

Problem input_gradient(const Conv2dShape& s, audit::Gradient into) {
  Problem p{.operation = Operation::input_gradient, .s = s, .into = into};
  const int64_t n = s.N * s.H * s.W * s.C;
  p.in = rounded(s.N * s.P() * s.Q() * s.K, 1), p.w = rounded(s.K * s.R * s.S * s.C, 2);
  p.want.resize(size_t(n));
  if (into == audit::Gradient::added) p.want = p.residual = rounded(n, 6);
  ref_kernels<double>().conv2d_backward_input(
      p.want.data(), p.in.data(), p.w.data(), s,
      into == audit::Gradient::added ? fr::Gradient::add : fr::Gradient::overwrite);
  return p;
}

// Empty: as it should be. The bits go to `bits`.
std::string run(const Problem& p, std::vector<uint16_t>& bits) {
  const Buffer<bfloat16> in(p.in), w(p.w), residual(p.residual),
      out = p.into == audit::Gradient::added ? Buffer<bfloat16>(p.residual)
                                             : Buffer<bfloat16>(int64_t(p.want.size()));
  const Buffer<float> scale(p.scale), shift(p.shift), slope(p.slope);
  Conv2dFinish<bfloat16> finish;
  if (p.line == Line::all) finish = {scale.get(), shift.get(), slope.get(), residual.get()};
  const bool taken =
      p.operation == Operation::forward
          ? emulated::hopper_convolution(out.get(), in.get(), w.get(), finish, p.s)
          : emulated::hopper_input_gradient(
                out.get(), in.get(), w.get(), p.s,
                p.into == audit::Gradient::added ? fr::Gradient::add : fr::Gradient::overwrite);
  if (!taken) return "not taken";
  bits.assign(p.want.size(), 0);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = out.get()[i].bits;
  return differences(out, p.want);
}

// Under these schedules, of which each must give the same bits.
std::string check(const Problem& p, const std::vector<int>& schedules) {
  std::vector<uint16_t> first, bits;
  for (const int i : schedules) {
    emulator::set_schedule(emulator::schedule_of(i));
    const std::string wrong = run(p, bits);
    if (!wrong.empty()) return emulator::schedule_of(i).name() + ": " + wrong;
    if (first.empty()) first = bits;
    if (bits != first) return emulator::schedule_of(i).name() + ": other bits";
  }
  return "";
}
const std::vector<int> kSome = {0, 5, 9}, kAll = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

Conv2dShape shape3(int64_t N, int64_t H, int64_t W, int64_t C, int64_t K, int64_t stride = 1) {
  return conv2d_shape(N, H, W, C, K, 3, 3, stride, 1);
}
Conv2dShape shape1(int64_t N, int64_t H, int64_t W, int64_t C, int64_t K, int64_t stride = 1) {
  return conv2d_shape(N, H, W, C, K, 1, 1, stride, 0);
}

TEST(Hopper, ForwardUnderEverySchedule) {
  const Restored restored;
  EXPECT_EQ(check(forward(shape3(3, 9, 7, 64, 64)), kAll),
            "");  // two tiles, the second one short; several images in one
  EXPECT_EQ(check(forward(shape3(1, 3, 5, 64, 128)), kAll), "");
  EXPECT_EQ(check(forward(shape1(2, 5, 3, 128, 256)), kAll), "");
}
TEST(Hopper, ForwardOfEverySize) {
  const Restored restored;
  EXPECT_EQ(check(forward(shape3(6, 11, 10, 64, 64)), kSome), "");  // more tiles than blocks
  EXPECT_EQ(check(forward(shape3(5, 9, 13, 128, 128)), kSome), "");
  EXPECT_EQ(check(forward(shape3(1, 4, 4, 64, 192)), kSome), "");  // a tile with fewer filters than its width
  EXPECT_EQ(check(forward(shape3(2, 7, 10, 64, 256)), kSome), "");
  EXPECT_EQ(check(forward(shape3(1, 3, 4, 64, 320)), kSome), "");
  EXPECT_EQ(check(forward(shape3(1, 2, 2, 64, 512)), kSome), "");
  EXPECT_EQ(check(forward(shape3(1, 1, 1, 64, 64)), kSome), "");
}
TEST(Hopper, ForwardWithStride) {
  const Restored restored;
  EXPECT_EQ(check(forward(shape3(3, 14, 12, 64, 64, 2)), kSome), "");
  EXPECT_EQ(check(forward(shape3(3, 13, 15, 64, 128, 2)), kSome), "");
  EXPECT_EQ(check(forward(shape1(5, 13, 12, 128, 64, 2)), kSome), "");
  EXPECT_EQ(check(forward(shape1(1, 14, 15, 64, 256, 2)), kSome), "");
}
TEST(Hopper, ForwardWithOtherFilters) {
  const Restored restored;
  Conv2dShape s = shape3(1, 8, 9, 64, 64);
  s.pad_h = s.pad_w = 0;
  EXPECT_EQ(check(forward(s), kSome), "");
  s.pad_h = s.pad_w = s.dilation_h = s.dilation_w = 2;
  EXPECT_EQ(check(forward(s), kSome), "");
  s.R = s.S = 5, s.dilation_h = s.dilation_w = 1;
  EXPECT_EQ(check(forward(s), kSome), "");
}
TEST(Hopper, ForwardFinished) {
  const Restored restored;
  EXPECT_EQ(check(forward(shape3(2, 9, 8, 64, 64), Line::all), kSome), "");
  EXPECT_EQ(check(forward(shape1(1, 5, 9, 64, 192), Line::all), kSome), "");
}

TEST(Hopper, InputGradient) {
  const Restored restored;
  EXPECT_EQ(check(input_gradient(shape3(3, 9, 7, 64, 64), audit::Gradient::overwritten), kSome), "");
  EXPECT_EQ(check(input_gradient(shape3(1, 6, 7, 192, 64), audit::Gradient::added), kSome), "");
  EXPECT_EQ(check(input_gradient(shape1(2, 8, 9, 64, 128), audit::Gradient::added), kSome), "");
  Conv2dShape narrow = shape3(2, 8, 9, 64, 64);
  narrow.pad_h = narrow.pad_w = 0;
  EXPECT_EQ(check(input_gradient(narrow, audit::Gradient::overwritten), kSome), "");
}

// Moments of the columns of each tile, from means that are far above the deviations.
std::string check_moments(const Conv2dShape& s, const std::vector<int>& schedules) {
  std::vector<double> x = numbers(s.N * s.H * s.W * s.C, 1, 0.5, 1),
                      w = numbers(s.K * s.R * s.S * s.C, 2, 0.4, 0.5);
  for (double& v : x) v = float(bfloat16(float(v)));
  for (double& v : w) v = float(bfloat16(float(v)));
  const int64_t rows = s.N * s.P() * s.Q();
  std::vector<double> want(size_t(rows * s.K));
  ref_kernels<double>().conv2d_forward(want.data(), x.data(), w.data(), s);
  std::vector<float> first;
  for (const int i : schedules) {
    emulator::set_schedule(emulator::schedule_of(i));
    const Buffer<bfloat16> in(x), filters(w), out(rows * s.K);
    const emulated::Workspace<emulated::Moments> moments(emulated::divide_up(rows, 128) * s.K);
    const int64_t of_tile =
        emulated::hopper_convolution_moments(out.get(), moments.get(), in.get(), filters.get(), s);
    if (of_tile == 0) return "not taken";
    const std::string wrong = differences(out, want);
    if (!wrong.empty()) return emulator::schedule_of(i).name() + ": " + wrong;
    std::vector<float> all;
    for (int64_t t = 0; t * of_tile < rows; ++t)
      for (int64_t k = 0; k < s.K; ++k) {
        const int64_t end = std::min((t + 1) * of_tile, rows);
        double mean = 0, m2 = 0;
        for (int64_t r = t * of_tile; r < end; ++r)
          mean += want[size_t(r * s.K + k)] / double(end - t * of_tile);
        for (int64_t r = t * of_tile; r < end; ++r) m2 += std::pow(want[size_t(r * s.K + k)] - mean, 2);
        const emulated::Moments got = moments.get()[t * s.K + k];
        if (!(std::abs(double(got.mean) - mean) <= 1e-5 * std::abs(mean) &&
              std::abs(double(got.m2) - m2) <= 1e-3 * m2 + 1e-5))
          return cat(emulator::schedule_of(i).name(), ": tile ", t, ", column ", k, ": mean ", got.mean,
                     ", m2 ", got.m2, ", expected ", mean, " and ", m2);
        all.push_back(got.mean), all.push_back(got.m2);
      }
    if (first.empty()) first = all;
    if (all != first) return emulator::schedule_of(i).name() + ": other bits";
  }
  return "";
}
TEST(Hopper, ForwardWithMoments) {
  const Restored restored;
  EXPECT_EQ(check_moments(shape3(9, 9, 7, 64, 64), kAll), "");
  EXPECT_EQ(check_moments(shape3(5, 8, 15, 64, 128, 2), kSome), "");  // 160 pixels: the second group has 32
  EXPECT_EQ(check_moments(shape1(5, 9, 9, 64, 256), kSome), "");      // 405: four tiles of 128
  EXPECT_EQ(check_moments(shape1(1, 3, 3, 128, 192), kSome), "");
  EXPECT_EQ(check_moments(shape3(1, 1, 1, 64, 64), kSome), "");
}

// The table takes these kernels where they are selected: two blocks (words_hopper.h) and the same bits.
TEST(Hopper, OfTheTable) {
  const Restored restored;
  const Kernels<bfloat16>& k = emulated::table<bfloat16>();
  const Conv2dShape s = shape3(9, 9, 7, 64, 64);
  const int64_t n = s.N * s.H * s.W * s.C;
  const Problem p = forward(s), back = input_gradient(s, audit::Gradient::overwritten);
  std::vector<uint16_t> bits;
  const Buffer<bfloat16> x(p.in), w(p.w), y(n), dx(n), z(n);
  const auto same = [&](const Buffer<bfloat16>& got) {
    for (size_t i = 0; i < bits.size(); ++i)
      if (got.get()[i].bits != bits[i]) return false;
    return got.guarded();
  };
  int64_t before = emulator::statistics().blocks;
  k.conv2d_forward(y.get(), x.get(), w.get(), s);
  EXPECT_EQ(emulator::statistics().blocks - before, 2);
  EXPECT_EQ(run(p, bits), "");
  EXPECT_TRUE(same(y));

  std::vector<double> ones(size_t(s.K), 1);
  const Buffer<float> mean(s.K), rstd(s.K), running_mean(ones), running_var(ones);
  k.conv2d_forward_statistics(z.get(), mean.get(), rstd.get(), running_mean.get(), running_var.get(), x.get(),
                              w.get(), s, 1e-5f, 0.1f);
  EXPECT_TRUE(same(z));
  for (int64_t c = 0; c < s.K; ++c) {
    const double rows = double(n / s.K);
    double m = 0, var = 0;
    for (int64_t i = c; i < n; i += s.K) m += p.want[size_t(i)] / rows;
    for (int64_t i = c; i < n; i += s.K) var += std::pow(p.want[size_t(i)] - m, 2) / rows;
    EXPECT_NEAR(mean.get()[c], m, 1e-5);
    EXPECT_NEAR(rstd.get()[c] * std::sqrt(var + 1e-5), 1, 1e-5);
    EXPECT_NEAR(running_mean.get()[c], 0.9 + 0.1 * m, 1e-5);
    EXPECT_NEAR(running_var.get()[c], 0.9 + 0.1 * var * rows / (rows - 1), 1e-5 * (1 + var));
  }

  const Buffer<bfloat16> dy(back.in), filters(back.w);
  before = emulator::statistics().blocks;
  k.conv2d_backward_input(dx.get(), dy.get(), filters.get(), s, fr::Gradient::overwrite);
  EXPECT_EQ(emulator::statistics().blocks - before, 2 + 2 * 2 * 9);
  EXPECT_EQ(run(back, bits), "");
  EXPECT_TRUE(same(dx));
}

TEST(Hopper, Rows) {
  const Restored restored;
  const std::vector<Variation> schedules{
      {"forward", [] { emulator::set_schedule({}); }},
      {"random, lazy", [] { emulator::set_schedule(emulator::schedule_of(5)); }}};
  for (const Row& row : hopper_rows())
    EXPECT_EQ(join(check_row_on(row, emulated::table<bfloat16>(), schedules)), "");
}

TEST(Hopper, LeavesTheRest) {
  const Restored restored;
  std::vector<uint16_t> bits;
  EXPECT_EQ(run(forward(shape3(1, 4, 4, 32, 64)), bits), "not taken");
  EXPECT_EQ(run(forward(shape3(1, 4, 4, 64, 72)), bits), "not taken");
  EXPECT_EQ(run(input_gradient(shape3(1, 4, 4, 64, 64, 2), audit::Gradient::overwritten), bits), "not taken");
  emulator::set_capability(80);
  EXPECT_EQ(run(forward(shape3(1, 4, 4, 64, 64)), bits), "not taken");
  emulator::set_capability(90);
  select_hopper(false);
  EXPECT_EQ(run(forward(shape3(1, 4, 4, 64, 64)), bits), "not taken");
}

// Schedules that notice, as a text of ten digits 0 or 1.
std::string noticed(const Problem& p, Fault fault) {
  emulator::set_fault(fault);
  std::string all;
  for (int i = 0; i < emulator::kSchedules; ++i) {
    emulator::set_schedule(emulator::schedule_of(i));
    std::vector<uint16_t> bits;
    try {
      all += run(p, bits).empty() ? '0' : '1';
    } catch (const std::runtime_error&) {
      all += '1';
    }
  }
  return all;
}

TEST(Hopper, MissingBarrierOfMomentsIsNoticed) {
  const Restored restored;
  emulator::set_fault(Fault::missing_barrier);
  EXPECT_NE(check_moments(shape1(1, 12, 11, 64, 64), kAll), "");
}

TEST(Hopper, FaultsAreNoticed) {
  const Restored restored;
  const Problem problems[] = {forward(shape3(3, 9, 7, 64, 64)), forward(shape3(1, 6, 7, 64, 128)),
                              forward(shape1(1, 12, 11, 320, 256))};
  for (const Problem& p : problems) {
    EXPECT_EQ(noticed(p, Fault::none), "0000000000");
    for (const Fault fault :
         {Fault::early_release, Fault::unawaited_bytes, Fault::unawaited_arrivals, Fault::missing_arrival}) {
      const std::string by = noticed(p, fault);
      RecordProperty(cat("fault", int(fault), "_filters", p.s.K), by);
      EXPECT_NE(by, "0000000000") << "fault " << int(fault) << ", " << p.s.K << " filters";
      if (getenv("SHOW")) printf("fault %d K %d: %s\n", int(fault), int(p.s.K), by.c_str());
    }
  }
}

}  // namespace
}  // namespace fr::test
