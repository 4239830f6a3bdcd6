// Who is most easily mistaken for whom: one class for each class of a training set, as the latest results have it.
// Smirnov et al. 2017, "Doppelganger mining for face representation learning", Section 3.2.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace fr {

// Class `of` was most easily mistaken for class `is`.
struct Doppelganger {
  int64_t of, is;
};

// Steps tell their results in order, and batches ask ahead of them: batch t knows the results of the steps 0 .. t - 1 - lag,
// no fewer and no more, however late it asks. With a lag of 0 it has to wait for step t - 1; a lag lets so many batches be
// decided, and decoded, while earlier steps run. Not safe for a writer beside readers.
class DoppelgangerList {
 public:
  // Nobody has a doppelganger yet. std::invalid_argument for classes < 1 or lag < 0.
  DoppelgangerList(int64_t classes, int64_t lag);

  int64_t classes() const { return static_cast<int64_t>(settled_.size()); }
  int64_t lag() const { return lag_; }
  int64_t steps() const { return steps_; }  // whose results are known

  // The results of step steps(). std::invalid_argument for a class that does not exist, or one that is its own doppelganger.
  void learn(std::vector<Doppelganger> found);

  // Whether batch t may ask already: t <= steps() + lag().
  bool decides(int64_t t) const { return t <= steps_ + lag_; }
  // The doppelganger of class c as batch t knows it, -1 for none yet; steps() <= t <= steps() + lag().
  int64_t of(int64_t c, int64_t t) const;
  // The same with all results known.
  int64_t newest(int64_t c) const { return of(c, steps_ + lag_); }

  // Everything, for a checkpoint. recent: step, class, doppelganger, one after the other.
  struct State {
    int64_t steps = 0;
    std::vector<int64_t> settled, recent;
  };
  State state() const;
  // std::invalid_argument for a state that is none of a list of so many classes and this lag.
  void restore(const State& state);

 private:
  void check(const Doppelganger& d) const;
  int64_t lag_, steps_ = 0;
  std::vector<int64_t> settled_;                  // (classes) the results of the steps 0 .. steps - 1 - lag
  std::deque<std::vector<Doppelganger>> recent_;  // those of the steps behind, at most lag
};

}  // namespace fr
