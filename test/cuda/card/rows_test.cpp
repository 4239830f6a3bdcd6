// Every row of the contract on the card, float and bfloat16, twice with the same bits.
#include <gtest/gtest.h>

#include <cstring>

#include "audit/kernels/rows.h"
#include "test/cuda/card/card.h"
#include "test/cuda/choices.h"
#include "test/cuda/product_rows.h"

namespace fr::test {
namespace {

using namespace audit;

constexpr size_t kSmall = 2000;  // values of a row, for --quick

size_t values_of(const Row& row) {
  size_t n = 0;
  for (const Argument& a : row.arguments) n += a.values.size() + a.integers.size();
  return n;
}

template <class T>
bool is_null(const Kernels<T>& k, size_t offset) {
  void* function;
  std::memcpy(&function, reinterpret_cast<const char*>(&k) + offset, sizeof function);
  return !function;
}
// A row can run when every entry that it covers is there.
template <class T>
bool runs(const Kernels<T>& k, const Row& row) {
  for (const Entry& e : row.entries)
    if (is_null(k, e.offset)) return false;
  return true;
}

template <class T>
void check(const std::vector<Row>& rows) {
  const Kernels<T>* k = card_kernels<T>();
  if (!k) GTEST_SKIP() << card().describe() << " cannot do this type";
  const std::vector<Variation> twice{{"the first run", [] {}}, {"another run", [] {}}};
  for (const Row& row : rows)
    if (runs(*k, row) && (!quick() || values_of(row) <= kSmall)) {
      try {
        EXPECT_EQ(join(check_row_on(row, *k, twice)), "");
      } catch (const std::exception& e) {
        ADD_FAILURE() << row.name << " on " << k->name << ": " << e.what();
      }
    }
}

template <class T>
class Card : public testing::Test {};
using Types = testing::Types<float, bfloat16>;
TYPED_TEST_SUITE(Card, Types);

TYPED_TEST(Card, Memory) { check<TypeParam>(memory_rows()); }
TYPED_TEST(Card, Elementwise) { check<TypeParam>(elementwise_rows()); }
TYPED_TEST(Card, Reduce) { check<TypeParam>(reduce_rows()); }
TYPED_TEST(Card, Gemm) { check<TypeParam>(gemm_rows()); }
TYPED_TEST(Card, Conv2d) { check<TypeParam>(conv2d_rows()); }
TYPED_TEST(Card, Channel) { check<TypeParam>(channel_rows()); }
TYPED_TEST(Card, Pool2d) { check<TypeParam>(pool2d_rows()); }
TYPED_TEST(Card, Rows) { check<TypeParam>(row_rows()); }
TYPED_TEST(Card, Pairs) { check<TypeParam>(pair_rows()); }
TYPED_TEST(Card, Mined) { check<TypeParam>(mined_rows()); }
TYPED_TEST(Card, Datasets) { check<TypeParam>(dataset_rows()); }
TYPED_TEST(Card, Likelihood) { check<TypeParam>(likelihood_rows()); }
TYPED_TEST(Card, Search) { check<TypeParam>(search_rows()); }
TYPED_TEST(Card, Domain) { check<TypeParam>(domain_rows()); }
TYPED_TEST(Card, Sgd) { check<TypeParam>(sgd_rows()); }

#ifdef PROSOPON_CUDA
constexpr cuda::TileSize kSizes[] = {cuda::TileSize::wide, cuda::TileSize::narrow, cuda::TileSize::flat,
                                     cuda::TileSize::small};

struct Restored {  // what a test has set
  ~Restored() { cuda::select_tile(cuda::TileSize::automatic), select_tf32(false); }
};

TYPED_TEST(Card, EverySizeOfTile) {
  if (emulated()) GTEST_SKIP() << "test/emulator/product_test.cpp does this";
  const Restored restored;
  for (const cuda::TileSize size : kSizes) {
    cuda::select_tile(size);
    SCOPED_TRACE(int(size));
    check<TypeParam>(product_rows());
  }
}

TEST(CardTf32, EverySizeOfTile) {
  if (emulated()) GTEST_SKIP() << "test/emulator/product_test.cpp does this";
  const Restored restored;
  select_tf32(true);
  std::vector<Row> rows = product_rows();
  for (Row& row : rows) row.round = to_tf32;
  for (const cuda::TileSize size : kSizes) {
    cuda::select_tile(size);
    SCOPED_TRACE(int(size));
    check<float>(rows);
  }
}
#endif

TYPED_TEST(Card, EveryEntryIsThere) {
  const auto* k = card_kernels<TypeParam>();
  if (!k) GTEST_SKIP();
  for (size_t offset = 0; offset < sizeof *k; offset += sizeof(void*))
    EXPECT_FALSE(is_null(*k, offset))
        << "entry " << offset / sizeof(void*) << " of the contract (counted from 0 in kernels.h) is missing";
}

}  // namespace
}  // namespace fr::test
