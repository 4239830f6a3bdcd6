// The tile products of cuda/ in every size of tile, whatever the sizes of a row would choose, and in TF32 too.
#define PROSOPON_EMULATED
#include "cuda/product.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/cuda/product_rows.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

using namespace audit;

using emulated::TileSize;

constexpr TileSize kSizes[] = {TileSize::wide, TileSize::narrow, TileSize::flat, TileSize::small};

std::vector<Variation> random_and_lazy() {
  return {{"", [] { emulator::set_schedule({emulator::Order::random, emulator::Landing::lazy}); }}};
}

struct Restored {  // what a test has set
  ~Restored() {
    emulated::select_tile(TileSize::automatic);
    select_tf32(false);
    emulator::set_schedule({});
  }
};

template <class T>
class Product : public testing::Test {};
using Types = testing::Types<float, bfloat16>;
TYPED_TEST_SUITE(Product, Types);

// One schedule: kernels_test.cpp compares them.
TYPED_TEST(Product, EverySizeOfTile) {
  const Restored restored;
  for (const TileSize size : kSizes) {
    emulated::select_tile(size);
    for (const Row& row : product_rows())
      EXPECT_EQ(join(check_row_on(row, emulated::table<TypeParam>(), random_and_lazy())), "") << int(size);
  }
}

// With operands that TF32 holds exactly it is as exact as float.
TEST(Product, Tf32OnItsOwnNumbers) {
  const Restored restored;
  select_tf32(true);
  for (const TileSize size : kSizes) {
    emulated::select_tile(size);
    for (Row row : product_rows()) {
      row.round = to_tf32;
      EXPECT_EQ(join(check_row_on(row, emulated::table<float>(), random_and_lazy())), "") << int(size);
    }
  }
}

TEST(Product, Tf32RoundsItsOperands) {
  const Restored restored;
  select_tf32(true);
  constexpr int64_t M = 64, N = 72, depth = 256;
  const std::vector<double> a = numbers(M * depth, 1), b = numbers(depth * N, 2);
  const std::vector<float> narrow_a(a.begin(), a.end()), narrow_b(b.begin(), b.end());
  std::vector<float> c(M * N);
  const GemmShape s{.M = M, .N = N, .K = depth, .lda = depth, .ldb = N, .ldc = N};
  const Kernels<float>& k = emulated::table<float>();
  const auto on_device = [&](const std::vector<float>& v) {
    auto* p = static_cast<float*>(k.alloc(v.size() * sizeof(float)));
    k.upload(p, v.data(), v.size() * sizeof(float));
    return p;
  };
  float *da = on_device(narrow_a), *db = on_device(narrow_b), *dc = on_device(c);
  k.gemm(dc, da, db, s, 1, 0);
  k.download(c.data(), dc, c.size() * sizeof(float));
  for (float* p : {da, db, dc}) k.release(p);
  double largest = 0, error = 0;
  for (int64_t m = 0; m < M; ++m)
    for (int64_t n = 0; n < N; ++n) {
      double sum = 0;
      for (int64_t i = 0; i < depth; ++i) sum += a[size_t(m * depth + i)] * b[size_t(i * N + n)];
      largest = std::max(largest, std::abs(sum));
      error = std::max(error, std::abs(sum - double(c[size_t(m * N + n)])));
    }
  EXPECT_LE(error, 2e-3 * largest);
  EXPECT_GE(error, 1e-5 * largest);  // or it was not TF32
}

}  // namespace
}  // namespace fr::test
