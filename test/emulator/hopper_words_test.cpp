// The words of cuda/hopper.h in the emulator: what they give, under every schedule, and that misuse is an error.
#define PROSOPON_EMULATED
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "cuda/hopper.h"
#include "test/cuda/hopper_words.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
namespace {

TEST(HopperWords, GiveWhatTheyShould) {
  for (int i = 0; i < emulator::kSchedules; ++i) {
    emulator::set_schedule(emulator::schedule_of(i));
    for (const std::string& failure : check_hopper_words())
      ADD_FAILURE() << emulator::schedule_of(i).name() << ": " << failure;
  }
  emulator::set_schedule({});
}

// Each of these kernels is wrong in one way.
void more_arrivals(TensorMap) {
  if (thread() == 0) barrier_init(shared<Barrier>(), 1);
  sync();
  if (thread() == 0) barrier_arrive_expecting(shared<Barrier>(), 16);
  if (thread() == 0) barrier_arrive(shared<Barrier>());
}
void endless_wait(TensorMap) {
  if (thread() == 0) barrier_init(shared<Barrier>(), 2);
  sync();
  if (thread() == 0) barrier_arrive(shared<Barrier>());
  barrier_wait(shared<Barrier>(), 0);
}
void no_init(TensorMap) { barrier_wait(shared<Barrier>(), 0); }
void copy_to(TensorMap map, size_t place) {
  auto* const barrier = shared<Barrier>(64 * 1024);
  if (thread() > 0) return;
  barrier_init(barrier, 1);
  barrier_arrive_expecting(barrier, 64 * kRowBytes);
  copy_matrix(shared<char>(place), &map, barrier, 0, 0);
  barrier_wait(barrier, 0);
}
void misaligned_copy(TensorMap map) { copy_to(map, 512); }
void copy_outside(TensorMap map) { copy_to(map, 62 * 1024); }
void copy_not_awaited(TensorMap map) {
  if (thread() > 0) return;
  barrier_init(shared<Barrier>(64 * 1024), 1);
  barrier_arrive_expecting(shared<Barrier>(64 * 1024), 64 * kRowBytes);
  copy_matrix(shared<char>(), &map, shared<Barrier>(64 * 1024), 0, 0);
}
void no_fence(TensorMap) {
  float sum[32] = {};
  multiply_group(sum, operand(shared<char>()), operand(shared<char>()));
}
void other_operands(TensorMap) {
  float sum[32] = {};
  multiply_fence();
  multiply_group(sum, operand(shared<char>(size_t(warp() == 2 ? 1024 : 0))), operand(shared<char>()));
}

TEST(HopperWords, MisuseIsAnError) {
  const struct {
    void (*kernel)(TensorMap);
    const char* words;
  } wrong[] = {{more_arrivals, "more arrivals"},        {endless_wait, "a wait that nothing ends"},
               {no_init, "before its barrier_init"},    {misaligned_copy, "not a multiple of 1024"},
               {copy_outside, "outside shared memory"}, {copy_not_awaited, "still on their way"},
               {no_fence, "without multiply_fence()"},  {other_operands, "name different operands"}};
  const Workspace<bfloat16> matrix(64 * 64);
  const TensorMap map = map_matrix(matrix.get(), 64, 64, 64);
  emulator::set_schedule({emulator::Order::forward, emulator::Landing::lazy});
  for (const auto& [kernel, words] : wrong) {
    std::string said = "nothing";
    try {
      launch({1}, kGroup, 64 * 1024 + sizeof(Barrier), kernel, map);
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_NE(said.find(words), std::string::npos) << said;
  }
  emulator::set_schedule({});
}

// What a copy will overwrite is NaN until it has arrived.
void early_reader(TensorMap map, float* seen) {
  auto* const barrier = shared<Barrier>(64 * kRowBytes);
  if (thread() > 0) return;
  shared<bfloat16>()[0] = bfloat16(1);
  barrier_init(barrier, 1);
  barrier_arrive_expecting(barrier, 64 * kRowBytes);
  copy_matrix(shared<char>(), &map, barrier, 0, 0);
  seen[0] = float(shared<bfloat16>()[0]);
  barrier_wait(barrier, 0);
  seen[1] = float(shared<bfloat16>()[0]);
}
TEST(HopperWords, EarlyReadersSeeNaN) {
  const Workspace<bfloat16> matrix(64 * 64);
  for (int i = 0; i < 64 * 64; ++i) matrix.get()[i] = bfloat16(3);
  const Workspace<float> seen(2);
  emulator::set_schedule({emulator::Order::forward, emulator::Landing::lazy});
  launch({1}, kGroup, 64 * kRowBytes + sizeof(Barrier), early_reader, map_matrix(matrix.get(), 64, 64, 64),
         seen.get());
  emulator::set_schedule({});
  EXPECT_TRUE(std::isnan(seen.get()[0]));
  EXPECT_EQ(seen.get()[1], 3);
}

TEST(HopperWords, MapsAreChecked) {
  const Workspace<bfloat16> matrix(64 * 64);
  EXPECT_THROW(map_matrix(matrix.get() + 1, 32, 64, 32), std::invalid_argument);
  EXPECT_THROW(map_matrix(matrix.get(), 32, 60, 32), std::invalid_argument);
  EXPECT_THROW(map_matrix(matrix.get(), 32, 64, 512), std::invalid_argument);
  const PixelWalk good{1, 4, 4, 64, -1, -1, 1, 128};
  for (PixelWalk walk : {PixelWalk{1, 4, 4, 64, -129, -1, 1, 128}, PixelWalk{1, 4, 4, 64, -1, -6, 1, 128},
                         PixelWalk{1, 4, 4, 64, -1, -1, 9, 128}, PixelWalk{1, 4, 4, 64, -1, -1, 1, 1025}})
    EXPECT_THROW(map_pixels(matrix.get(), walk), std::invalid_argument);
  EXPECT_NO_THROW(map_pixels(matrix.get(), good));
}

}  // namespace
}  // namespace fr::emulated
