// What only Hopper has: each word by itself, then the convolution made of them. Skipped on other cards.
#include <gtest/gtest.h>

#include "test/cuda/card/card.h"
#include "test/cuda/choices.h"
#include "test/cuda/hopper_rows.h"
#include "test/cuda/hopper_words.h"
#include "test/emulator/emulator.h"

namespace fr::test {
namespace {

using namespace audit;

// Whether this is such a card; the emulator is one while this lives.
struct OnHopper {
  bool here = emulated() || card().describe().find("compute capability 9.0") != std::string::npos;
  OnHopper() { emulator::set_capability(90); }
  ~OnHopper() { emulator::set_capability(80), select_hopper(false), limit_blocks(0); }

  static void limit_blocks(int64_t most) {
#ifdef PROSOPON_CUDA
    if (!emulated()) return ::fr::cuda::limit_hopper_blocks(most);
#endif
    ::fr::emulated::limit_hopper_blocks(most);
  }
};

std::vector<std::string> words() {
#ifdef PROSOPON_CUDA
  if (!emulated()) return ::fr::cuda::check_hopper_words();
#endif
  return ::fr::emulated::check_hopper_words();
}

TEST(Hopper, WordsDoWhatTheirCommentsSay) {
  const OnHopper hopper;
  if (!hopper.here) GTEST_SKIP() << card().describe();
  for (const std::string& fault : words()) ADD_FAILURE() << fault;
}

TEST(Hopper, Convolutions) {
  const OnHopper hopper;
  if (!hopper.here) GTEST_SKIP() << card().describe();
  select_hopper(true);
  const std::vector<Variation> twice{{"a tile a block", [] { OnHopper::limit_blocks(0); }},
                                     {"all tiles in one block", [] { OnHopper::limit_blocks(1); }}};
  for (const Row& row : hopper_rows())
    EXPECT_EQ(join(check_row_on(row, *card_kernels<bfloat16>(), twice)), "");
}

}  // namespace
}  // namespace fr::test
