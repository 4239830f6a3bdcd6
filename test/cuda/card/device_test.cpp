// What tensor/device.h promises, on the card: recordings, copies beside kernels, memory.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.h"
#include "test/cuda/card/card.h"

namespace fr::test {
namespace {

const Kernels<float>& k() { return *card().single; }
using Numbers = std::vector<float>;

// Floats on the card for the length of a scope.
class Block {
 public:
  explicit Block(const Numbers& values)
      : n_(values.size()), p_(static_cast<float*>(k().alloc(n_ * sizeof(float)))) {
    k().upload(p_, values.data(), n_ * sizeof(float));
  }
  ~Block() { k().release(p_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  operator float*() const { return p_; }
  size_t bytes() const { return n_ * sizeof(float); }
  Numbers host() const {
    Numbers values(n_);
    k().download(values.data(), p_, bytes());
    return values;
  }

 private:
  size_t n_;
  float* p_;
};

struct Recording {
  template <class F>
  explicit Recording(F work) {
    card().begin_recording();
    try {
      work();
    } catch (...) {  // or every later test would be recorded
      card().drop(card().end_recording());
      throw;
    }
    handle = card().end_recording();
  }
  ~Recording() {
    try {
      card().drop(handle);
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  }
  void replay() const { card().replay(handle); }
  void* handle;
};

TEST(CardDevice, DescribesItself) {
  EXPECT_NE(card().describe().find("compute capability"), std::string::npos);
  const DeviceMemory m = card().memory();
  EXPECT_GT(m.total, 0u);
  EXPECT_LE(m.free, m.total);
}

TEST(CardDevice, ARecordingReadsTheMemoryWhenItIsReplayed) {
  const Block x({1, 2}), y({0, 0});
  const Recording recording([&] { k().copy(y, x, x.bytes()); });
  EXPECT_EQ(y.host(), (Numbers{0, 0}));
  recording.replay();
  EXPECT_EQ(y.host(), (Numbers{1, 2}));
  k().fill(x, 7, 2);
  recording.replay();
  EXPECT_EQ(y.host(), (Numbers{7, 7}));
}

TEST(CardDevice, ARecordingKeepsTheHostsNumbers) {
  const Block y({0});
  float value = 3;
  const Recording recording([&] { k().fill(y, value, 1); });
  value = 4;
  recording.replay();
  EXPECT_EQ(y.host(), (Numbers{3}));
}

TEST(CardDevice, CopiesWithTheHostCannotBeRecorded) {
  const Block y({0});
  float value = 1;
  const Recording recording([&] {
    EXPECT_THROW(k().upload(y, &value, sizeof value), std::logic_error);
    EXPECT_THROW(k().download(&value, y, sizeof value), std::logic_error);
    EXPECT_THROW(card().synchronize(), std::logic_error);
    k().fill(y, 5, 1);
  });
  recording.replay();
  EXPECT_EQ(y.host(), (Numbers{5}));
}

TEST(CardDevice, ARecordingHasItsOwnMemory) {
  constexpr int64_t n = 1 << 20;
  const Block y(Numbers(n, 0));
  {
    const Recording recording([&] {
      auto* scratch = static_cast<float*>(k().alloc(n * sizeof(float)));
      k().fill(scratch, 5, n);
      k().copy(y, scratch, n * sizeof(float));
      k().release(scratch);
    });
    for (int i = 0; i < 3; ++i) {
      std::vector<std::unique_ptr<Block>> others;
      for (int j = 0; j < 20; ++j) others.push_back(std::make_unique<Block>(Numbers(n, float(j))));
      recording.replay();
      EXPECT_EQ(y.host(), Numbers(n, 5));
      for (int j = 0; j < 20; ++j) EXPECT_EQ(others[size_t(j)]->host(), Numbers(n, float(j)));
    }
  }
  card().trim();
}

TEST(CardDevice, UploadsAheadComeInTheOrderOfTheWork) {
  constexpr int64_t n = 1 << 18;
  const int rounds = emulated() ? 5 : 200;
  const Block x(Numbers(n, -1)), sum(Numbers(n, 0));
  auto* pinned = static_cast<float*>(card().alloc_pinned(n * sizeof(float)));
  for (int round = 0; round < rounds; ++round) {
    card().copied();
    for (int64_t i = 0; i < n; ++i) pinned[i] = float(round);
    card().upload_ahead(x, pinned, n * sizeof(float));
    k().copy(sum, x, n * sizeof(float));  // still at work when the next upload starts
    if (round % 50 == 4) {
      EXPECT_EQ(sum.host(), Numbers(n, float(round)));
    }
  }
  card().copied();
  EXPECT_EQ(x.host(), Numbers(n, float(rounds - 1)));
  card().release_pinned(pinned);
}

TEST(CardDevice, OutOfMemoryIsAnErrorAfterWhichItGoesOn) {
  try {
    k().alloc(size_t{1} << 45);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::memory);
    EXPECT_NE(std::string(e.what()).find("asked for 35184372088832 bytes"), std::string::npos) << e.what();
  }
  const Block x({1, 2, 3});
  EXPECT_EQ(x.host(), (Numbers{1, 2, 3}));
}

TEST(CardDevice, CountsMemory) {
  card().reset_peak();
  const DeviceMemory before = card().memory();
  { const Block x(Numbers(1 << 20, 1)); }
  EXPECT_EQ(card().memory().in_use, before.in_use);
  EXPECT_EQ(card().memory().peak, before.in_use + (4 << 20));
}

}  // namespace
}  // namespace fr::test
