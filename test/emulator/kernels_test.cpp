// Every row of the contract on the kernels of cuda/, run by the emulator: float and bfloat16, under every schedule for
// small rows and under some for the others. And the emulator itself must catch what it is there for.
#include <gtest/gtest.h>

#include "test/emulator/emulator.h"
#include "test/tensor/rows.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::test {
namespace {

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
TYPED_TEST(Emulated, Gemm) { check<TypeParam>(gemm_rows()); }
TYPED_TEST(Emulated, Conv2d) { check<TypeParam>(conv2d_rows()); }

}  // namespace
}  // namespace fr::test
