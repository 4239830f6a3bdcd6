// The caching arena: reuse, statistics, alignment, threads.
#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

namespace fr {
namespace {

TEST(Arena, GivesTheSameBlockAgain) {
  void* first = arena_alloc(1000);
  arena_release(first);
  void* second = arena_alloc(990);  // the same class
  EXPECT_EQ(first, second);
  arena_release(second);
}

TEST(Arena, AlignsAndSeparatesBlocks) {
  std::vector<void*> blocks;
  for (const size_t bytes : {0u, 1u, 63u, 64u, 65u, 1000u, 100000u, 3000000u}) {
    blocks.push_back(arena_alloc(bytes));
    ASSERT_NE(blocks.back(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back()) % 64, 0u) << bytes;
    std::memset(blocks.back(), static_cast<int>(blocks.size()), bytes);
  }
  EXPECT_EQ(static_cast<unsigned char*>(blocks[2])[62], 3);
  EXPECT_EQ(static_cast<unsigned char*>(blocks[7])[2999999], 8);
  for (void* block : blocks) arena_release(block);
  arena_release(nullptr);
}

TEST(Arena, CountsBytes) {
  const ArenaStats before = arena_stats();
  void* block = arena_alloc(100000);
  const ArenaStats during = arena_stats();
  EXPECT_GE(during.in_use, before.in_use + 100000);
  EXPECT_LE(during.in_use, before.in_use + 100000 * 9 / 8 + 64);  // an eighth of waste at most
  EXPECT_GE(during.peak, during.in_use);
  EXPECT_GE(during.reserved, during.in_use);
  arena_release(block);
  EXPECT_EQ(arena_stats().in_use, before.in_use);
  EXPECT_GE(arena_stats().peak, during.in_use);
  arena_reset_peak();
  EXPECT_EQ(arena_stats().peak, before.in_use);
}

TEST(Arena, WastesAtMostAnEighth) {
  for (size_t bytes = 1; bytes < (size_t{1} << 24); bytes = bytes * 5 / 4 + 1) {
    const size_t before = arena_stats().in_use;
    void* block = arena_alloc(bytes);
    const size_t given = arena_stats().in_use - before;
    EXPECT_GE(given, bytes);
    EXPECT_LE(given, bytes + bytes / 8 + 64);
    arena_release(block);
  }
  arena_trim();
}

TEST(Arena, TrimGivesBack) {
  arena_release(arena_alloc(size_t{1} << 22));
  EXPECT_GE(arena_stats().reserved, size_t{1} << 22);
  arena_trim();
  EXPECT_EQ(arena_stats().reserved, arena_stats().in_use);
}

// Large blocks: what several small ones leave behind serves one that is larger than each, and the other way round.
TEST(Arena, FreedNeighboursServeOtherSizes) {
  constexpr size_t kMap = size_t{3} << 20;
  arena_trim();
  std::vector<void*> maps;
  for (int i = 0; i < 8; ++i) maps.push_back(arena_alloc(kMap));
  for (const size_t i : {1, 3, 2, 0, 7, 5, 6, 4})
    arena_release(maps[i]);  // every way to meet a free neighbour
  const ArenaStats before = arena_stats();
  void* large = arena_alloc(7 * kMap);
  EXPECT_EQ(arena_stats().reserved, before.reserved);
  EXPECT_EQ(arena_stats().system_allocations, before.system_allocations);
  arena_release(large);
  for (void*& map : maps) map = arena_alloc(kMap);
  EXPECT_EQ(arena_stats().reserved, before.reserved);
  for (void* map : maps) arena_release(map);
}

TEST(Arena, LargeBlocksAreAlignedAndSeparate) {
  std::vector<unsigned char*> blocks;
  uint32_t x = 1;
  for (int i = 0; i < 300; ++i) {  // blocks come and go in no order
    x = x * 1664525 + 1013904223;
    if (blocks.size() > 12) {
      const size_t j = (x >> 8) % blocks.size();
      EXPECT_EQ(*blocks[j], blocks[j][(size_t{1} << 20) - 1]);
      arena_release(blocks[j]);
      blocks.erase(blocks.begin() + std::ptrdiff_t(j));
    }
    const size_t bytes = (size_t{1} << 20) + (x >> 10) % (size_t{3} << 20);
    auto* block = static_cast<unsigned char*>(arena_alloc(bytes));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    std::memset(block, i, bytes);
    blocks.push_back(block);
  }
  for (auto* block : blocks) {
    EXPECT_EQ(*block, block[(size_t{1} << 20) - 1]);
    arena_release(block);
  }
}

TEST(Arena, WhatWasGivenBackCanBeUsedAgain) {
  const size_t bytes = size_t{8} << 20;
  auto* block = static_cast<unsigned char*>(arena_alloc(bytes));
  std::memset(block, 1, bytes);
  arena_release(block);
  arena_trim();
  EXPECT_EQ(arena_stats().reserved, arena_stats().in_use);
  block = static_cast<unsigned char*>(arena_alloc(bytes));
  std::memset(block, 2, bytes);
  EXPECT_EQ(block[bytes - 1], 2);
  EXPECT_GE(arena_stats().reserved, arena_stats().in_use);
  arena_release(block);
}

void step() {
  const Tensor x = Tensor::zeros({64, 33}), y = x.clone(), z({7, 11, 13}, DType::float64);
  const Scratch<float> workspace(5000);
  workspace[4999] = 1;
}

TEST(Arena, SteadyStateAsksForNothing) {
  step(), step();
  const ArenaStats before = arena_stats();
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(arena_stats().system_allocations, before.system_allocations);
  EXPECT_EQ(arena_stats().reserved, before.reserved);
}

TEST(Arena, ThreadsDoNotShareBlocks) {
  const size_t before = arena_stats().in_use;
  std::vector<std::thread> workers;
  std::vector<int> wrong(4, 0);
  for (int id = 0; id < 4; ++id)
    workers.emplace_back([id, &wrong] {
      for (int i = 0; i < 2000; ++i) {
        const size_t n = 1 + static_cast<size_t>(i) % 300;
        auto* bytes = static_cast<unsigned char*>(arena_alloc(n));
        std::memset(bytes, id + 1, n);
        for (size_t j = 0; j < n; ++j) wrong[static_cast<size_t>(id)] += bytes[j] != id + 1;
        arena_release(bytes);
      }
    });
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
  EXPECT_EQ(arena_stats().in_use, before);
}

TEST(Arena, ImpossibleRequestIsAnErrorWithNumbers) {
  for (const size_t bytes : {size_t{1} << 62, ~size_t{0}}) try {
      arena_alloc(bytes);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::memory);
      EXPECT_NE(std::string(error.what()).find(std::to_string(bytes) + " bytes"), std::string::npos)
          << error.what();
      EXPECT_NE(std::string(error.what()).find("in use"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace fr
