// Batches of random classes with their doppelgangers, and with the doppelgangers of those: Smirnov et al. 2017,
// "Doppelganger mining for face representation learning", Section 3.1.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "base/philox.h"
#include "data/doppelganger_list.h"
#include "data/source.h"

namespace fr {

struct DoppelgangerOptions {
  int64_t smallest = 3, largest = 3;  // pictures of a class in a batch: n_lo, n_hi
  int64_t random_classes = 0;         // N_r; 0: the share decides
  double random_share = 1.0 / 3;      // N_r / N_c of a batch: N_r = max(1, round(share N_c))
  int64_t lag = 0;                    // of the list behind the step: DoppelgangerList
};

// Pictures of each class of a batch of M: drawn from n_lo .. n_hi until they reach M, the last one cut so that the sum is M;
// what the cut leaves below n_lo goes to the class before. M >= n_lo.
std::vector<int64_t> class_sizes(int64_t M, const DoppelgangerOptions& options, Random& random);
// The largest number of classes that class_sizes() can give: floor(M / n_lo).
int64_t most_classes(int64_t M, const DoppelgangerOptions& options);
// N_r of a batch of N_c classes; N_c where random_classes exceeds it.
int64_t random_classes(int64_t N_c, const DoppelgangerOptions& options);

// Classes C_0 .. C_(N_c - 1), no two alike: draw() for i < N_r; then doppelganger(C_(i - N_r)), or draw() where that is -1 or
// in the batch already. draw() gives any class, again and again until one is new: there must be N_c of them.
std::vector<int64_t> choose_classes(int64_t N_c, int64_t N_r, const std::function<int64_t()>& draw,
                                    const std::function<int64_t(int64_t)>& doppelganger);

// Throws std::invalid_argument for options that make no sense for batches of M from `classes` classes with pictures, saying
// what does not fit.
void check(const DoppelgangerOptions& options, int64_t M, int64_t classes);

class DoppelgangerOrder {
 public:
  DoppelgangerOrder(const Source& source, const DoppelgangerOptions& options, int64_t M, uint64_t seed);

  // The samples of batch t, class by class, then as spares the other samples of its classes: a function of (seed, t, list).
  // The pictures of a class differ; where there are too few, all stand there equally often, give or take one.
  std::vector<int64_t> batch(int64_t t, const DoppelgangerList& list) const;

 private:
  DoppelgangerOptions options_;
  int64_t M_;
  uint64_t seed_;
  std::vector<std::vector<int64_t>> images_;  // of each class
  std::vector<int64_t> classes_;              // that have any
};

}  // namespace fr
