// Every row of the contract on the kernels of cuda/, run by the emulator: float and bfloat16, under every schedule for
// small rows and under some for the others. And the emulator itself must catch what it is there for.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "audit/kernels/rows.h"
#include "tensor/poison.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

using namespace audit;

// Forward and eager first; all ten for a small row, for a large one two that change with the row.
std::vector<Variation> schedules(const Row& row, size_t number) {
  std::vector<Variation> all;
  const auto add = [&](int i) {
    const emulator::Schedule s = emulator::schedule_of(i);
    all.push_back({s.name(), [s] { emulator::set_schedule(s); }});
  };
  size_t values = 0;
  for (const Argument& a : row.arguments) values += a.values.size();
  add(0);
#ifdef FR_ARENA_POISON  // many times slower: one schedule more, and that for small rows
  if (values < 2000) add(int(1 + number % (emulator::kSchedules - 1)));
  return all;
#endif
  if (values < 2000)
    for (int i = 1; i < emulator::kSchedules; ++i) add(i);
  else if (values < 50000)
    add(int(1 + number % (emulator::kSchedules - 1))), add(7);
  return all;
}

template <class T>
void check(const std::vector<Row>& rows) {
  size_t number = 0;
  for (const Row& row : rows)
    EXPECT_EQ(join(check_row_on(row, emulated::table<T>(), schedules(row, number++))), "");
  emulator::set_schedule({});
}

template <class T>
class Emulated : public testing::Test {};
using Types = testing::Types<float, bfloat16>;
TYPED_TEST_SUITE(Emulated, Types);

TYPED_TEST(Emulated, Memory) { check<TypeParam>(memory_rows()); }
TYPED_TEST(Emulated, Elementwise) { check<TypeParam>(elementwise_rows()); }
TYPED_TEST(Emulated, Reduce) { check<TypeParam>(reduce_rows()); }
TYPED_TEST(Emulated, Pool2d) { check<TypeParam>(pool2d_rows()); }
TYPED_TEST(Emulated, Channel) { check<TypeParam>(channel_rows()); }
TYPED_TEST(Emulated, Rows) { check<TypeParam>(row_rows()); }
TYPED_TEST(Emulated, Pairs) { check<TypeParam>(pair_rows()); }
TYPED_TEST(Emulated, Mined) { check<TypeParam>(mined_rows()); }
TYPED_TEST(Emulated, Datasets) { check<TypeParam>(dataset_rows()); }
TYPED_TEST(Emulated, Likelihood) { check<TypeParam>(likelihood_rows()); }
TYPED_TEST(Emulated, Search) { check<TypeParam>(search_rows()); }
TYPED_TEST(Emulated, Domain) { check<TypeParam>(domain_rows()); }
TYPED_TEST(Emulated, Sgd) { check<TypeParam>(sgd_rows()); }
TYPED_TEST(Emulated, Gemm) { check<TypeParam>(gemm_rows()); }
TYPED_TEST(Emulated, Conv2d) { check<TypeParam>(conv2d_rows()); }

// D = 1 and the query 1: the scores are the gallery. A NaN comes after every number and before nothing.
TYPED_TEST(Emulated, SearchOrdersNaN) {
  using T = TypeParam;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  const std::vector<T> g{T(kNaN), T(-kInf), T(2), T(kNaN), T(kInf), T(-kInf), T(0), T(-0.0f), T(-1)};
  const std::vector<int64_t> want{4, 2, 6, 7, 8, 1, 5, 0, 3, -1, -1};
  const auto k = static_cast<int64_t>(want.size()), N = static_cast<int64_t>(g.size());
  for (const int64_t Q : {1, 3, 50}) {
    const std::vector<T> q(static_cast<size_t>(Q), T(1.0f));
    std::vector<int64_t> index(static_cast<size_t>(Q * k));
    std::vector<float> score(index.size());
    emulated::table<T>().top_k(index.data(), score.data(), q.data(), g.data(), Q, N, 1, k);
    for (size_t i = 0; i < index.size(); ++i) {
      const int64_t n = want[i % want.size()];
      EXPECT_EQ(index[i], n);
      const float expected = n < 0 ? -kInf : float(g[static_cast<size_t>(n)]);
      EXPECT_TRUE(score[i] == expected || (std::isnan(score[i]) && std::isnan(expected)));
    }
  }
}

// Whether a row fails, under some schedule, with the fault planted in every kernel that it runs.
bool noticed(emulator::Fault fault, const Row& row) {
  std::vector<Variation> all;
  using emulator::Order;
  for (const Order order : {Order::forward, Order::greedy, Order::greedy_reverse})
    all.push_back({"", [order] { emulator::set_schedule({order, emulator::Landing::lazy}); }});
  bool failed = true;
  emulator::set_fault(fault);
  try {
    failed = !check_row_on(row, emulated::table<float>(), all).empty();
  } catch (const std::runtime_error&) {
  }
  emulator::set_fault(emulator::Fault::none);
  emulator::set_schedule({});
  return failed;
}
const Row& named(const std::vector<Row>& rows, const std::string& part) {
  for (const Row& row : rows)
    if (row.name.find(part) != std::string::npos) return row;
  throw std::logic_error("no row has a name with " + part);
}

// The rows of each family that has barriers would see one that is missing.
TEST(EmulatedFaults, MissingBarriers) {
  const std::vector<Row> of_rows = row_rows(), of_search = search_rows(), of_sgd = sgd_rows(),
                         of_pairs = pair_rows();
  for (const Row* row :
       {&named(of_rows, "l2_normalize 3x1201"), &named(of_rows, "l2_normalize 2x2048"),
        &named(of_rows, "softmax_cross_entropy 2x5000"), &named(of_rows, "margin_softmax cosface 2x5000"),
        &named(of_search, "of 100x18, 4"), &named(of_search, "of 100x36, 70"),
        &named(of_sgd, "sgd 3 of 50001 clipped"), &named(of_pairs, "squared_distances 131x150"),
        &named(of_pairs, "contrastive distance balanced 1.25 of 131"),
        &named(of_pairs, "triplet 0.2 of 131")}) {
    EXPECT_TRUE(noticed(emulator::Fault::missing_barrier, *row)) << row->name;
  }
}

}  // namespace
}  // namespace fr::test
