// The emulator itself: small kernels that use every word of cuda/gpu.h give what plain loops give, under every schedule, in
// the layouts that cuda/nvidia.h states; and each kind of error that it is made to find is found.
#define PROSOPON_EMULATED
#include "test/emulator/emulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "base/philox.h"
#include "cuda/gpu.h"

namespace fr::emulated {
namespace {

using emulator::Fault;

// Whole numbers of -8..8: their products and sums are exact in every type used here.
std::vector<float> whole_numbers(size_t n, uint32_t seed) {
  Random random({.seed = seed, .purpose = Purpose::test});
  std::vector<float> values(n);
  for (float& v : values) v = float(int(random.below(17)) - 8);
  return values;
}
std::vector<bfloat16> narrow(const std::vector<float>& x) { return {x.begin(), x.end()}; }
std::vector<float> poisoned(size_t n) {
  return std::vector<float>(n, std::numeric_limits<float>::quiet_NaN());
}

template <class F>
void for_schedules(const F& f) {
  for (int i = 0; i < emulator::kSchedules; ++i) {
    emulator::set_schedule(emulator::schedule_of(i));
    SCOPED_TRACE(emulator::schedule_of(i).name());
    f();
  }
  emulator::set_schedule({});
}

// In how many schedules run() gives something else than `want`, or throws, with the fault planted.
template <class F>
int times_caught(Fault fault, const std::vector<float>& want, const F& run) {
  int caught = 0;
  emulator::set_fault(fault);
  for_schedules([&] {
    try {
      caught += run() != want;
    } catch (const std::runtime_error&) {
      ++caught;
    }
  });
  emulator::set_fault(Fault::none);
  return caught;
}

// What is thrown by run(), or nothing.
template <class F>
std::string complaint(const F& run) {
  try {
    run();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}
bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// --- barriers ---

// y is x with each row of threads() values turned round; one block, which takes rows in turn
template <bool barrier>
FR_KERNEL(64)
reverse_kernel(float* y, const float* x, int64_t rows) {
  float* row = shared<float>();
  for (int64_t r = 0; r < rows; ++r) {
    row[thread()] = x[r * threads() + thread()];
    if (barrier) sync();
    y[r * threads() + thread()] = row[threads() - 1 - thread()];
    if (barrier) sync();
  }
}
template <bool barrier>
std::vector<float> reversed(const std::vector<float>& x) {
  std::vector<float> y = poisoned(x.size());
  launch({1}, 64, 64 * sizeof(float), reverse_kernel<barrier>, y.data(), x.data(), int64_t(x.size() / 64));
  return y;
}

TEST(Emulator, BarriersOrderSharedMemory) {
  const std::vector<float> x = whole_numbers(4 * 64, 1);
  std::vector<float> want(x.size());
  for (size_t i = 0; i < x.size(); ++i) want[i] = x[i / 64 * 64 + 63 - i % 64];
  for_schedules([&] { EXPECT_EQ(reversed<true>(x), want); });
  EXPECT_GT(times_caught(Fault::none, want, [&] { return reversed<false>(x); }), 0);
  EXPECT_GT(times_caught(Fault::missing_barrier, want, [&] { return reversed<true>(x); }), 0);
}

FR_KERNEL(64)
half_barrier_kernel() {
  if (thread() < threads() / 2) sync();
}
FR_KERNEL(64)
half_shuffle_kernel(float* y) {
  if (lane() < kWarp / 2) y[thread()] = shuffle_xor(1.0f, 1);
}

TEST(Emulator, ReportsABarrierThatOnlySomeReach) {
  std::vector<float> y(64);
  for_schedules([&] {
    EXPECT_TRUE(mentions(complaint([] { launch({1}, 64, 0, half_barrier_kernel); }), "deadlock"));
    EXPECT_TRUE(mentions(complaint([&] { launch({1}, 64, 0, half_shuffle_kernel, y.data()); }), "deadlock"));
  });
}

// --- words between threads ---

struct Words {
  float from, across, sum, most;
  double total;
};
FR_KERNEL(96)
words_kernel(Words* y, const float* x) {
  const float v = x[thread()];
  y[thread()] = {shuffle(v, lane() + 5), shuffle_xor(v, 9), warp_sum(v), warp_max(v),
                 block_sum(double(v), shared<double>())};
}

TEST(Emulator, ShufflesAndSums) {
  const std::vector<float> x = whole_numbers(96, 2);
  double total = 0;
  for (const float v : x) total += v;
  for_schedules([&] {
    std::vector<Words> y(96);
    launch({1}, 96, 3 * sizeof(double), words_kernel, y.data(), x.data());
    for (size_t i = 0; i < 96; ++i) {
      const float* own = x.data() + i / 32 * 32;
      float sum = 0;
      for (int j = 0; j < 32; ++j) sum += own[j];
      EXPECT_EQ(y[i].from, own[(i + 5) % 32]);
      EXPECT_EQ(y[i].across, own[i % 32 ^ 9]);
      EXPECT_EQ(y[i].sum, sum);
      EXPECT_EQ(y[i].most, *std::max_element(own, own + 32));
      EXPECT_EQ(y[i].total, total);
    }
  });
}

FR_KERNEL(32)
place_kernel(float* y) {
  const int64_t block = (block_z() * blocks_y() + block_y()) * blocks_x() + block_x();
  y[block * threads() + thread()] = float(block * 100 + thread());
}

TEST(Emulator, RunsEveryThreadOfEveryBlock) {
  for_schedules([&] {
    std::vector<float> y = poisoned(2 * 3 * 4 * 32);
    launch({4, 3, 2}, 32, 0, place_kernel, y.data());
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], float(i / 32 * 100 + i % 32));
  });
}

// --- copies ahead ---

constexpr int kStages = 3;

// y_t = sum over tiles of 64 packs of x: the pack that thread 63 - t copied, its values with the weights 1, 2, 3, 4, and
// each value, beyond x a zero, 1 more. Two tiles are on their way while one is added up.
template <int bytes>
FR_KERNEL(64)
staged_kernel(float* y, const float* x, int64_t n) {
  const int64_t tiles = divide_up(n, 64 * 4);
  float* stage = shared<float>();
  const auto fetch = [&](int64_t tile) {
    float* to = stage + tile % kStages * 256 + thread() * 4;
    for (int i = 0; i < 4; i += bytes / 4) {
      const int64_t at = tile * 256 + thread() * 4 + i;
      if constexpr (bytes == 16)
        copy_async16(to, x + at, at < n);
      else
        copy_async4(to + i, x + at, at < n);
    }
  };
  for (int i = 0; i < kStages - 1; ++i) {
    if (i < tiles) fetch(i);
    copy_commit();
  }
  float sum = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    copy_wait<kStages - 2>();
    sync();  // everybody's copies are there, and the stage that is filled next has been read
    if (tile + kStages - 1 < tiles) fetch(tile + kStages - 1);
    copy_commit();
    const float* from = stage + tile % kStages * 256 + (63 - thread()) * 4;
    for (int i = 0; i < 4; ++i) sum += float(i + 1) * from[i] + 1;
  }
  y[thread()] = sum;
}
template <int bytes>
std::vector<float> staged(const std::vector<float>& x) {
  std::vector<float> y = poisoned(64);
  launch({1}, 64, kStages * 1024, staged_kernel<bytes>, y.data(), x.data(), int64_t(x.size()));
  return y;
}

template <int bytes>
void check_copies(size_t n) {
  const std::vector<float> x = whole_numbers(n, 3);
  const size_t tiles = (n + 255) / 256;
  std::vector<float> want(64, float(tiles * 4));
  for (size_t i = 0; i < n; ++i) want[63 - i / 4 % 64] += float(i % 4 + 1) * x[i];
  for_schedules([&] { EXPECT_EQ(staged<bytes>(x), want); });
  EXPECT_EQ(times_caught(Fault::short_wait, want, [&] { return staged<bytes>(x); }), 5);  // with lazy copies
  EXPECT_EQ(times_caught(Fault::wrong_tail, want, [&] { return staged<bytes>(x); }), emulator::kSchedules);
}

TEST(Emulator, CopiesAheadArriveWhenTheyAreWaitedFor) {
  check_copies<16>(256 * 6 + 100);
  check_copies<4>(256 * 4 + 3);
}

// --- tensor cores ---

// one warp: its registers after loading four matrices that lie one after the other
FR_KERNEL(32)
matrices_kernel(uint32_t* y, const bfloat16* x, bool transposed) {
  bfloat16* rows = shared<bfloat16>();
  for (int i = thread(); i < 256; i += threads()) rows[i] = x[i];
  sync();
  uint32_t r[4];
  if (transposed)
    load_matrices_transposed(r, rows + thread() * 8);
  else
    load_matrices(r, rows + thread() * 8);
  for (int m = 0; m < 4; ++m) y[m * 32 + thread()] = r[m];
}

TEST(Emulator, LoadsMatricesInTheStatedLayout) {
  std::vector<bfloat16> x(256);
  for (size_t i = 0; i < 256; ++i) x[i] = bfloat16(float(i));
  for_schedules([&] {
    for (const bool transposed : {false, true}) {
      std::vector<uint32_t> y(128);
      launch({1}, 32, 512, matrices_kernel, y.data(), x.data(), transposed);
      for (size_t m = 0; m < 4; ++m)
        for (size_t l = 0; l < 32; ++l)
          for (size_t j = 0; j < 2; ++j) {
            const size_t row = l / 4, column = 2 * (l % 4) + j;
            const size_t at = m * 64 + (transposed ? column * 8 + row : row * 8 + column);
            EXPECT_EQ(uint16_t(y[m * 32 + l] >> (16 * j)), x[at].bits);
          }
    }
  });
}

// C (16,8), one warp; C, A and B row-major in global memory, in registers as cuda/nvidia.h says
FR_DEVICE uint32_t pair(const bfloat16& low, const bfloat16& high) {
  return uint32_t(low.bits) | uint32_t(high.bits) << 16;
}
FR_DEVICE void put_product(float* y, const float (&c)[4]) {
  const int g = lane() / 4, t = lane() % 4;
  for (int i = 0; i < 4; ++i) y[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = c[i];
}
FR_KERNEL(32)
product_bf16_kernel(float* y, const bfloat16* A, const bfloat16* B) {
  const int g = lane() / 4, t = lane() % 4;
  float c[4];
  for (int i = 0; i < 4; ++i) c[i] = float((g + i / 2 * 8) * 8 + 2 * t + i % 2);
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; ++i) {
    const bfloat16* at = A + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    a[i] = pair(at[0], at[1]);
  }
  for (int i = 0; i < 2; ++i) b[i] = pair(B[(2 * t + i * 8) * 8 + g], B[(2 * t + i * 8 + 1) * 8 + g]);
  multiply_bf16(c, a, b[0], b[1]);
  put_product(y, c);
}
FR_KERNEL(32)
product_tf32_kernel(float* y, const float* A, const float* B) {
  const int g = lane() / 4, t = lane() % 4;
  float c[4], a[4];
  for (int i = 0; i < 4; ++i) {
    c[i] = float((g + i / 2 * 8) * 8 + 2 * t + i % 2);
    a[i] = A[(g + i % 2 * 8) * 8 + t + i / 2 * 4];
  }
  multiply_tf32(c, a, B[t * 8 + g], B[(t + 4) * 8 + g]);
  put_product(y, c);
}

// row * 8 + column + sum_k A B, with K columns of A
std::vector<float> product(const std::vector<float>& A, const std::vector<float>& B, size_t K) {
  std::vector<float> c(16 * 8);
  for (size_t i = 0; i < 16; ++i)
    for (size_t j = 0; j < 8; ++j) {
      c[i * 8 + j] = float(i * 8 + j);
      for (size_t k = 0; k < K; ++k) c[i * 8 + j] += A[i * K + k] * B[k * 8 + j];
    }
  return c;
}

TEST(Emulator, MultipliesInTheStatedLayout) {
  const std::vector<float> A = whole_numbers(16 * 16, 4), B = whole_numbers(16 * 8, 5);
  const std::vector<bfloat16> narrow_a = narrow(A), narrow_b = narrow(B);
  for_schedules([&] {
    std::vector<float> y = poisoned(16 * 8);
    launch({1}, 32, 0, product_bf16_kernel, y.data(), narrow_a.data(), narrow_b.data());
    EXPECT_EQ(y, product(A, B, 16));
    launch({1}, 32, 0, product_tf32_kernel, y.data(), A.data(), B.data());
    EXPECT_EQ(y, product(A, B, 8));
  });
}

TEST(Emulator, RoundsToTf32ToTheNearestAndTiesAwayFromZero) {
  const float ulp = 1.0f / 1024;
  std::vector<float> A(16 * 8, 0.0f), B(8 * 8, 0.0f), y = poisoned(16 * 8);
  const float from[] = {1 + ulp / 2, -1 - ulp / 2, 1 + ulp * 0.49f, 1 + ulp * 1.5f},
              want[] = {1 + ulp, -1 - ulp, 1, 1 + 2 * ulp};
  for (size_t i = 0; i < 4; ++i) A[i * 8] = from[i];
  B[0] = 1;
  launch({1}, 32, 0, product_tf32_kernel, y.data(), A.data(), B.data());
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(y[i * 8], float(i * 8) + want[i]);
  std::fill(A.begin(), A.end(), 0.0f), std::fill(B.begin(), B.end(), 0.0f);
  A[0] = 1, std::copy(from, from + 4, B.begin());
  launch({1}, 32, 0, product_tf32_kernel, y.data(), A.data(), B.data());
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(y[i], float(i) + want[i]);
}

// C (16,16) = A (16,16) B (16,16) through shared memory, rows of 32 bytes of which odd ones have their halves swapped: one
// warp copies ahead, loads A as it lies and B transposed
FR_KERNEL(32)
swizzled_kernel(float* y, const bfloat16* A, const bfloat16* B) {
  bfloat16 *a_rows = shared<bfloat16>(), *b_rows = shared<bfloat16>(512);
  const auto at = [](int row, int half) { return row * 16 + (half ^ row % 2) * 8; };
  for (int half = 0; half < 2; ++half) {
    const int row = thread() / 2, from = row * 16 + half * 8;
    if (thread() % 2 == 0) copy_async16(a_rows + at(row, half), A + from, true);
    if (thread() % 2 == 1) copy_async16(b_rows + at(row, half), B + from, true);
  }
  copy_commit();
  copy_wait<0>();
  sync();
  uint32_t a[4], b[4];
  load_matrices(a, a_rows + at(lane() / 8 % 2 * 8 + lane() % 8, lane() / 16));
  load_matrices_transposed(b, b_rows + at(lane() / 8 % 2 * 8 + lane() % 8, lane() / 16));
  for (int right = 0; right < 2; ++right) {
    float c[4] = {};
    multiply_bf16(c, a, b[right * 2], b[right * 2 + 1]);
    for (int i = 0; i < 4; ++i) y[(lane() / 4 + i / 2 * 8) * 16 + right * 8 + lane() % 4 * 2 + i % 2] = c[i];
  }
}

TEST(Emulator, CatchesAWrongSwizzle) {
  const std::vector<float> A = whole_numbers(256, 6), B = whole_numbers(256, 7);
  const std::vector<bfloat16> narrow_a = narrow(A), narrow_b = narrow(B);
  std::vector<float> want(256);
  for (size_t i = 0; i < 256; ++i)
    for (size_t k = 0; k < 16; ++k) want[i] += A[i / 16 * 16 + k] * B[k * 16 + i % 16];
  const auto run = [&] {
    std::vector<float> y = poisoned(256);
    launch({1}, 32, 1024, swizzled_kernel, y.data(), narrow_a.data(), narrow_b.data());
    return y;
  };
  for_schedules([&] { EXPECT_EQ(run(), want); });
  EXPECT_EQ(times_caught(Fault::wrong_swizzle, want, run), emulator::kSchedules);
}

TEST(Emulator, PacksTheFirstIntoTheLowerHalf) {
  EXPECT_EQ(pack_bf16(1, -2), 0xc0003f80u);
  EXPECT_EQ(pack_bf16(-2, 1), 0x3f80c000u);
}

// --- addresses ---

FR_KERNEL(32)
write_kernel(int at) {
  if (thread() == 7) shared<float>()[at] = 1;
}
FR_KERNEL(32)
copy_kernel(float* from, int at, int bytes) {
  if (bytes == 16)
    copy_async16(shared<float>() + at, from, true);
  else
    copy_async4(shared<float>() + at, from, true);
}
FR_KERNEL(32)
vector_kernel(float* y, int offset) { store<float, 4>(y + 4 * thread(), load<float, 4>(y + 128 + offset)); }
FR_KERNEL(32)
read_kernel(float* y) { y[thread()] = shared<float>()[thread()]; }

TEST(Emulator, ReportsWritesOutsideSharedMemory) {
  for (const int at : {-1, -200, 64, 300})
    EXPECT_TRUE(mentions(complaint([&] { launch({1}, 32, 256, write_kernel, at); }), "outside shared memory"))
        << at;
  for (const int at : {0, 63}) EXPECT_EQ(complaint([&] { launch({1}, 32, 256, write_kernel, at); }), "");
  std::vector<float> x(8);
  for (const int at : {-4, 61, 64})
    EXPECT_TRUE(mentions(complaint([&] { launch({1}, 32, 256, copy_kernel, x.data(), at, 16); }), "outside"));
}

TEST(Emulator, ReportsMisalignedAddresses) {
  Workspace<float> y(256);
  std::fill(y.get(), y.get() + 256, 0.0f);
  EXPECT_EQ(complaint([&] { launch({1}, 32, 0, vector_kernel, y.get(), 4); }), "");
  EXPECT_TRUE(mentions(complaint([&] { launch({1}, 32, 0, vector_kernel, y.get(), 1); }), "not a multiple"));
  EXPECT_EQ(complaint([&] { launch({1}, 32, 256, copy_kernel, y.get() + 1, 1, 4); }), "");
  for (const int i : {0, 1})
    EXPECT_TRUE(mentions(complaint([&] { launch({1}, 32, 256, copy_kernel, y.get() + 1 - i, i, 16); }),
                         "not a multiple"));
}

TEST(Emulator, MemoryStartsAsNaNAndIsGivenBack) {
  const size_t before = emulator::device_memory_in_use();
  std::vector<float> y(32);
  launch({1}, 32, 128, read_kernel, y.data());
  for (const float v : y) EXPECT_TRUE(std::isnan(v));
  {
    const Workspace<float> space(100);
    EXPECT_GT(emulator::device_memory_in_use(), before);
    EXPECT_TRUE(std::isnan(space.get()[0]) && std::isnan(space.get()[99]));
  }
  EXPECT_EQ(emulator::device_memory_in_use(), before);
}

TEST(Emulator, RefusesWhatACardRefuses) {
  const auto refused = [](const Grid& grid, int threads, size_t bytes) {
    return mentions(complaint([&] { launch(grid, threads, bytes, write_kernel, 0); }), "emulator: ");
  };
  EXPECT_TRUE(refused({1}, 1056, 256));
  EXPECT_TRUE(refused({1}, 48, 256));
  EXPECT_TRUE(refused({1}, 32, 228 * 1024));
  EXPECT_TRUE(refused({1, 65536}, 32, 256));
  EXPECT_FALSE(refused({0}, 32, 256));  // nothing runs
}

}  // namespace
}  // namespace fr::emulated
