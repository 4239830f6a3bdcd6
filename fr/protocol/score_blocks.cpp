// The blocks of all pairs: strips of rows, each cut along the columns. Threads take whole blocks, and a block's product runs
// on its thread alone, so that its scores are read while they are still in the cache.
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/score_stream.h"

namespace fr {
namespace {

// The rows of a strip are packed once for each block, the columns for each strip: long blocks pack less often. The triangle
// that a strip of one set wastes at its diagonal grows with its rows.
constexpr int64_t kRows = 512, kColumns = 2048;

struct Place {
  int64_t i, n, j, m;
};

class Cut {
 public:
  explicit Cut(const ScorePairs& pairs) : N_(pairs.a->N), M_(pairs.b ? pairs.b->N : N_), one_set_(!pairs.b) {
    for (int64_t i = 0; i < N_; i += kRows)
      first_.push_back(blocks_), blocks_ += (M_ - from(i) + kColumns - 1) / kColumns;
  }
  int64_t blocks() const { return blocks_; }
  Place place(int64_t block) const {
    const auto strip = std::upper_bound(first_.begin(), first_.end(), block) - first_.begin() - 1;
    const int64_t i = strip * kRows, j = from(i) + (block - first_[size_t(strip)]) * kColumns;
    return {i, std::min(kRows, N_ - i), j, std::min(kColumns, M_ - j)};
  }

 private:
  int64_t from(int64_t i) const { return one_set_ ? i : 0; }  // the first column of row i's strip
  int64_t N_, M_;
  bool one_set_;
  int64_t blocks_ = 0;
  std::vector<int64_t> first_;  // the first block of each strip
};

// Blocks are handed out in order, so of all blocks that fail, the first is among those that have been taken.
class FirstError {
 public:
  void keep(int64_t block) {
    const std::lock_guard lock(mutex_);
    if (!error_ || block < block_) error_ = std::current_exception(), block_ = block;
    failed_ = true;
  }
  bool failed() const { return failed_; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;
  int64_t block_ = 0;
};

}  // namespace

void for_each_block(const ScorePairs& pairs, const std::function<void(const ScoreBlock&, int)>& use) {
  FR_CHECK(pairs.calibrator && pairs.a, "scores: need a calibrator and a set of embeddings");
  const CalibratedRows &a = *pairs.a, &b = pairs.b ? *pairs.b : a;
  FR_CHECK(a.D == b.D && a.C == b.C, "scores: rows of ", a.D, " + ", a.C, " numbers cannot meet rows of ",
           b.D, " + ", b.C);
  const Cut cut(pairs);
  std::atomic<int64_t> next = 0;
  FirstError error;
  const auto work = [&](std::vector<float>& scores, int thread) {
    for (int64_t k; !error.failed() && (k = next++) < cut.blocks();) {
      try {
        const auto [i, n, j, m] = cut.place(k);
        scores.resize(size_t(kRows * std::min(kColumns, b.N)));
        pairs.calibrator->scores(scores.data(), a, i, n, b, j, m);
        use({i, n, j, m, m, scores.data()}, thread);
      } catch (...) {
        error.keep(k);
      }
    }
  };
#pragma omp parallel num_threads(threads())
  {
    std::vector<float> scores;
    work(scores, omp_get_thread_num());
  }
  error.rethrow();
}

}  // namespace fr
