// Exact order statistics of scores that are never kept: pass 1 counts them in bins (score_key.h), pass 2 counts the single
// keys of the few bins in which a wanted rank lies.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fr/protocol/metrics.h"
#include "fr/protocol/score_key.h"

namespace fr {

struct Tally {
  int64_t genuine = 0, impostor = 0;
};

struct BinCounts {
  std::vector<int64_t> genuine = std::vector<int64_t>(kBins), impostor = std::vector<int64_t>(kBins);

  bool empty(int64_t bin) const { return genuine[size_t(bin)] + impostor[size_t(bin)] == 0; }
  Tally above(int64_t bin) const;  // in higher bins
  int64_t bin_of_impostor(
      int64_t rank) const;              // where the rank-th largest impostor score lies, 1 <= rank <= N
  int64_t next_bin(int64_t bin) const;  // the first from `bin` on that is not empty; kBins: none
  bool finite() const;
  // The lowest bin that has, with all above it, at most `most` impostors.
  int64_t tail_bin(int64_t most) const;
};

// How many impostors a false accept rate allows to pass among N: floor(far N + 1e-9).
int64_t allowed_impostors(double far, int64_t N);

class KeyCounts {
 public:
  // `bins` may hold doubles and kBins, which is left out.
  KeyCounts(const BinCounts& coarse, std::vector<int64_t> bins);
  // The bins that operating_point(far) looks into.
  static std::vector<int64_t> bins_of(const BinCounts& coarse, double far, int64_t N);

  bool counts(uint32_t key) const { return slot_[size_t(bin_of(key))] >= 0; }
  size_t place(uint32_t key) const {
    return size_t(slot_[size_t(bin_of(key))]) << kFineBits | (key & (kFine - 1));
  }
  size_t places() const { return genuine.size(); }

  uint32_t impostor_key(int64_t rank) const;  // the rank-th largest
  OperatingPoint operating_point(double far, Tally all) const;

  std::vector<int64_t> genuine, impostor;  // (places)

 private:
  Tally at(uint32_t key) const { return {genuine[place(key)], impostor[place(key)]}; }
  Tally at_least(uint32_t key) const;
  int64_t lowest_from(int64_t key) const;  // the lowest key of any score from `key` on; -1: there is none
  const BinCounts& coarse_;
  std::vector<int32_t> slot_;  // (kBins), -1: not chosen
};

}  // namespace fr
