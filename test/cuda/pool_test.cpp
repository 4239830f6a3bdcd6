// The pool of device memory on a made-up card: addresses that nothing stands behind, so that a pool which touched the
// memory itself would crash.
#include "cuda/pool.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

#include "base/error.h"
#include "base/philox.h"

namespace fr::cuda {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

struct Card {
  std::map<char*, size_t> segments;
  size_t total = 1024 * kMiB, held = 0;
  int calls = 0;
  size_t unit = 2 * kMiB;
  char* next = reinterpret_cast<char*>(uintptr_t{1} << 40);

  SegmentSource source() {
    return {[this](size_t bytes) -> void* {
              ++calls;
              EXPECT_EQ(bytes % unit, 0u);
              if (held + bytes > total) return nullptr;
              char* segment = std::exchange(next, next + bytes);  // neighbours must not be joined
              segments[segment] = bytes, held += bytes;
              return segment;
            },
            [this](void* segment) {
              const auto at = segments.find(static_cast<char*>(segment));
              ASSERT_NE(at, segments.end());
              held -= at->second;
              segments.erase(at);
            },
            [this] {
              DeviceMemory m;
              m.total = total, m.free = total - held;
              return m;
            }};
  }
};

TEST(DevicePools, GivesTheSameBlockAgain) {
  Card card;
  DevicePools pools(card.source());
  void* first = pools.alloc(1000);
  pools.release(first);
  EXPECT_EQ(pools.alloc(900), first);
  pools.release(first);
  EXPECT_EQ(card.calls, 1);
  pools.release(nullptr);
}

TEST(DevicePools, SegmentsAreLargeAndGoBackWhenFree) {
  Card card;
  DevicePools pools(card.source());
  void* small = pools.alloc(1);
  EXPECT_EQ(card.held, 64 * kMiB);
  void* large = pools.alloc(101 * kMiB);
  EXPECT_EQ(card.held, (64 + 102) * kMiB);
  pools.release(large), pools.trim();
  EXPECT_EQ(card.held, 64 * kMiB);
  pools.release(small), pools.trim();
  EXPECT_EQ(card.held, 0u);
  EXPECT_EQ(pools.memory().reserved, 0u);
}

TEST(DevicePools, SegmentsCanBeAsSmallAsTheRequest) {
  Card card;
  card.unit = 256;
  SegmentSource source = card.source();
  source.unit = source.smallest = 256;
  DevicePools pools(source);
  void* a = pools.alloc(1000);
  void* b = pools.alloc(1);
  EXPECT_EQ(card.held, 1024u + 256u);
  pools.release(a), pools.trim();
  EXPECT_EQ(card.held, 256u);
  pools.release(b);
}

TEST(DevicePools, TakesTheSmallestPieceThatHolds) {
  Card card;
  DevicePools pools(card.source());
  void* a = pools.alloc(4 * kMiB);
  void* wall1 = pools.alloc(256);
  void* b = pools.alloc(1 * kMiB);
  void* wall2 = pools.alloc(256);
  pools.release(a), pools.release(b);
  EXPECT_EQ(pools.alloc(1 * kMiB), b);
  EXPECT_EQ(pools.alloc(2 * kMiB), a);
  (void)wall1, (void)wall2;
}

TEST(DevicePools, NeighboursJoinButNotSegments) {
  Card card;
  DevicePools pools(card.source());
  std::vector<void*> pieces;
  for (int i = 0; i < 64; ++i) pieces.push_back(pools.alloc(kMiB));
  EXPECT_EQ(card.calls, 1);
  for (int i = 0; i < 64; i += 2) pools.release(pieces[size_t(i)]);
  for (int i = 1; i < 64; i += 2) pools.release(pieces[size_t(i)]);
  void* whole = pools.alloc(64 * kMiB);
  EXPECT_EQ(whole, pieces[0]);
  EXPECT_EQ(card.calls, 1);
  void* second = pools.alloc(64 * kMiB);  // right behind the first
  pools.release(whole), pools.release(second);
  pools.release(pools.alloc(128 * kMiB));
  EXPECT_EQ(card.calls, 3);
}

TEST(DevicePools, CountsBytes) {
  Card card;
  DevicePools pools(card.source());
  void* a = pools.alloc(1000);
  void* b = pools.alloc(0);
  EXPECT_EQ(pools.memory().in_use, 1024u + 256u);
  pools.release(a);
  EXPECT_EQ(pools.memory().in_use, 256u);
  EXPECT_EQ(pools.memory().peak, 1024u + 256u);
  pools.reset_peak();
  EXPECT_EQ(pools.memory().peak, 256u);
  EXPECT_EQ(pools.memory().reserved, 64 * kMiB);
  EXPECT_EQ(pools.memory().free, (1024 - 64) * kMiB);
  pools.release(b);
}

TEST(DevicePools, RandomRequestsNeverOverlapAndLeakNothing) {
  Card card;
  DevicePools pools(card.source());
  Random random({.seed = 7, .purpose = Purpose::test});
  std::map<char*, size_t> held;
  for (int i = 0; i < 20000; ++i) {
    if (held.size() < 40 || (held.size() < 200 && random.chance(0.5))) {
      const size_t bytes = random.chance(0.1) ? random.below(4u << 20) : random.below(20000);
      auto* p = static_cast<char*>(pools.alloc(bytes));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(p) % 256, 0u);
      const auto above = held.lower_bound(p);
      ASSERT_TRUE(above == held.end() || p + bytes <= above->first);
      ASSERT_TRUE(above == held.begin() || std::prev(above)->first + std::prev(above)->second <= p);
      const auto segment = std::prev(card.segments.upper_bound(p));
      ASSERT_LE(p + bytes, segment->first + segment->second);
      held[p] = std::max<size_t>(bytes, 1);
    } else {
      const auto at = std::next(held.begin(), random.below(uint32_t(held.size())));
      pools.release(at->first);
      held.erase(at);
    }
  }
  for (const auto& [p, bytes] : held) pools.release(p);
  EXPECT_EQ(pools.memory().in_use, 0u);
  pools.trim();
  EXPECT_TRUE(card.segments.empty());
}

TEST(DevicePools, OutOfMemoryTriesAgainWithoutTheCache) {
  Card card;
  card.total = 200 * kMiB;
  DevicePools pools(card.source());
  pools.release(pools.alloc(100 * kMiB));
  void* p = pools.alloc(150 * kMiB);  // fits only where the cached 100 MiB go back
  EXPECT_EQ(card.held, 150 * kMiB);
  void* rest = pools.alloc(30 * kMiB);  // where 64 MiB do not fit, less is taken
  EXPECT_EQ(card.held, 180 * kMiB);
  try {
    pools.alloc(123456789);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::memory);
    EXPECT_STREQ(e.what(),
                 "out of device memory: asked for 123456789 bytes; 188743680 in use, 188743680 reserved, "
                 "20971520 free");
  }
  EXPECT_THROW(pools.alloc(~size_t{0}), Error);
  pools.release(rest);
  EXPECT_EQ(pools.alloc(1), rest);  // and it goes on
  (void)p;
}

TEST(DevicePools, ARecordingHasItsOwnMemory) {
  Card card;
  DevicePools pools(card.source());
  void* before = pools.alloc(kMiB);
  pools.begin_recording();
  EXPECT_TRUE(pools.recording());
  EXPECT_THROW(pools.begin_recording(), std::logic_error);
  void* scratch = pools.alloc(kMiB);
  pools.release(scratch);
  void* result = pools.alloc(kMiB);
  EXPECT_EQ(result, scratch);  // used again within the recording
  void* workspace = pools.alloc(kMiB);
  pools.release(workspace);
  pools.release(before);  // the recorded work may read it
  const int recording = pools.end_recording();
  EXPECT_THROW(pools.end_recording(), std::logic_error);
  std::set<void*> others;
  for (int i = 0; i < 70; ++i) others.insert(pools.alloc(kMiB));
  for (void* mine : {before, result, workspace}) EXPECT_EQ(others.count(mine), 0u);
  pools.trim();
  pools.release(result);  // after the recording: still nobody else's
  for (int i = 0; i < 70; ++i) others.insert(pools.alloc(kMiB));
  for (void* mine : {before, result, workspace}) EXPECT_EQ(others.count(mine), 0u);

  const size_t held = card.held;
  pools.drop(recording);
  for (int i = 0; i < 60; ++i) others.insert(pools.alloc(kMiB));
  for (void* mine : {before, result, workspace}) EXPECT_EQ(others.count(mine), 1u);
  EXPECT_EQ(card.held, held);
  EXPECT_THROW(pools.drop(recording), std::logic_error);
  for (void* p : others) pools.release(p);
  EXPECT_EQ(pools.memory().in_use, 0u);
  pools.trim();
  EXPECT_EQ(card.held, 0u);
}

TEST(DevicePools, WhatOutlivesItsRecordingIsReleasedLater) {
  Card card;
  DevicePools pools(card.source());
  pools.begin_recording();
  void* result = pools.alloc(kMiB);
  pools.drop(pools.end_recording());
  pools.trim();
  EXPECT_EQ(card.held, 64 * kMiB);
  pools.release(result), pools.trim();
  EXPECT_EQ(card.held, 0u);
}

TEST(DevicePools, ServesThreads) {
  Card card;
  DevicePools pools(card.source());
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&pools, t] {
      Random random({.seed = t, .purpose = Purpose::test});
      std::vector<void*> held;
      for (int i = 0; i < 2000; ++i) {
        held.push_back(pools.alloc(random.below(100000)));
        if (held.size() > 20) pools.release(held[0]), held.erase(held.begin());
      }
      for (void* p : held) pools.release(p);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pools.memory().in_use, 0u);
}

TEST(DevicePoolsDeathTest, AForeignBlockEndsTheProgram) {
  Card card;
  DevicePools pools(card.source());
  void* p = pools.alloc(1);
  EXPECT_DEATH(pools.release(static_cast<char*>(p) + 256), "not handed out");
}

}  // namespace
}  // namespace fr::cuda
