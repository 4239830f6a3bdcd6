// One step after the other, with the loader's batches and what mining learns from them. Internal to fr/train.cpp.
#pragma once
#include <chrono>
#include <exception>

#include "fr/train.h"

namespace fr {

// Seconds of a step, and of them those that mining took and those that were waited for the batch.
struct StepTimes {
  double step = 0, mining = 0, waiting = 0;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// Steps with the batches of the loader. On a device the next batch is taken while a step is done, unless it waits for the
// results of that step; what goes wrong then is thrown by the next step, as if it had been taken there.
class Steps {
 public:
  explicit Steps(Session& session) : s_(session) {}

  StepResult next() {
    if (failed_) std::rethrow_exception(failed_);
    const Stopwatch step;
    times_ = {};
    if (!taken_) take();
    s_.stepper->start(s_.step, learning_rate(s_.schedule, s_.step));
    taken_ = false;
    if (s_.stepper->takes_ahead() && s_.step + 1 < s_.steps && decided(s_.step + 1)) take_ahead();
    const StepResult r = s_.stepper->finish();
    if (s_.doppelgangers) learn(r);
    ++s_.step;
    times_.step = step.seconds();
    return r;
  }
  const StepTimes& times() const { return times_; }  // of the last step

 private:
  bool decided(int64_t t) const { return !s_.doppelgangers || s_.doppelgangers->decides(t); }
  void take() {
    const Stopwatch waiting;
    const Batch& batch = s_.loader->next();
    times_.waiting += waiting.seconds();
    s_.stepper->take(batch);
  }
  void learn(const StepResult& r) {
    const Stopwatch mining;
    s_.loader->learn(doppelgangers_of(r.others));
    times_.mining = r.others_seconds + mining.seconds();
  }
  void take_ahead() {
    try {
      take();
      taken_ = true;
    } catch (...) {
      failed_ = std::current_exception();
    }
  }

  Session& s_;
  bool taken_ = false;
  StepTimes times_;
  std::exception_ptr failed_;
};

}  // namespace fr
