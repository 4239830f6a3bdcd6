// A fault planted in the matrix product and in the convolution (bfloat16, every size of tile) is noticed by at least one
// schedule of the emulator: a missing barrier, a wait that is too short, tails that are not zero, a wrong swizzle.
#define PROSOPON_EMULATED
#include <gtest/gtest.h>

#include "audit/kernels/rows.h"
#include "cuda/product.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

using namespace audit;

using emulated::TileSize;

struct Restored {  // what a test has set
  ~Restored() {
    emulated::select_tile(TileSize::automatic);
    emulator::set_fault(emulator::Fault::none);
    emulator::set_schedule({});
  }
};

// At least one schedule notices; without the fault none complains.
bool noticed(const Row& row, TileSize size, emulator::Fault fault) {
  emulated::select_tile(size);
  for (int i = 0; i < emulator::kSchedules; ++i) {
    emulator::set_fault(fault);
    const std::vector<Variation> one{{"", [i] { emulator::set_schedule(emulator::schedule_of(i)); }}};
    try {
      if (!check_row_on(row, emulated::table<bfloat16>(), one).empty()) return true;
    } catch (const std::runtime_error&) {  // a barrier that some threads never reach
      return true;
    }
  }
  return false;
}

Row convolution_row(const Conv2dShape& s) {
  return Row("convolution to spoil")
      .covers(&K::conv2d_forward)
      .constant("x", numbers(s.N * s.H * s.W * s.C, 1))
      .constant("w", numbers(s.K * s.R * s.S * s.C, 2))
      .output("y", s.N * s.P() * s.Q() * s.K)
      .forward([=](const auto& k, const auto& v) { k.conv2d_forward(v["y"], v["x"], v["w"], s); })
      .tolerance(1e-4, "a convolution");
}
Row gemm_row() {
  const GemmShape s{.M = 70, .N = 72, .K = 200, .lda = 200, .ldb = 72, .ldc = 72};
  return Row("product to spoil")
      .covers(&K::gemm)
      .constant("a", numbers(s.M * s.K, 1))
      .constant("b", numbers(s.K * s.N, 2))
      .output("c", s.M * s.N)
      .forward([=](const auto& k, const auto& v) { k.gemm(v["c"], v["a"], v["b"], s, 1, 0); })
      .tolerance(1e-4, "a product");
}

TEST(Faults, OfProductsAreNoticed) {
  const Restored restored;
  using emulator::Fault;
  const Row spoiled[] = {
      convolution_row({.N = 1, .H = 9, .W = 8, .C = 16, .K = 72, .R = 3, .S = 3, .pad_h = 1, .pad_w = 1}),
      gemm_row()};
  for (const Row& row : spoiled)
    for (const TileSize size : {TileSize::wide, TileSize::narrow, TileSize::flat, TileSize::small}) {
      EXPECT_FALSE(noticed(row, size, Fault::none)) << row.name;
      for (const Fault fault :
           {Fault::missing_barrier, Fault::short_wait, Fault::wrong_tail, Fault::wrong_swizzle})
        EXPECT_TRUE(noticed(row, size, fault))
            << row.name << ", fault " << int(fault) << ", tile " << int(size);
    }
}

}  // namespace
}  // namespace fr::test
