#include "data/doppelganger_list.h"

#include <algorithm>

#include "base/error.h"

namespace fr {

DoppelgangerList::DoppelgangerList(int64_t classes, int64_t lag) : lag_(lag) {
  FR_CHECK(classes > 0 && lag >= 0, "doppelganger list: expected classes and a lag >= 0, got ", classes,
           " classes and lag ", lag);
  settled_.assign(static_cast<size_t>(classes), -1);
}

void DoppelgangerList::check(const Doppelganger& d) const {
  FR_CHECK(d.of >= 0 && d.of < classes() && d.is >= 0 && d.is < classes() && d.of != d.is,
           "doppelganger list: class ", d.is, " as the doppelganger of class ", d.of, ", of ", classes(),
           " classes");
}

void DoppelgangerList::learn(std::vector<Doppelganger> found) {
  for (const Doppelganger& d : found) check(d);
  recent_.push_back(std::move(found)), ++steps_;
  if (static_cast<int64_t>(recent_.size()) <= lag_) return;
  for (const auto& [of, is] : recent_.front()) settled_[static_cast<size_t>(of)] = is;
  recent_.pop_front();
}

int64_t DoppelgangerList::of(int64_t c, int64_t t) const {
  FR_CHECK(c >= 0 && c < classes() && t >= steps_ && decides(t), "doppelganger list: class ", c, " of ",
           classes(), " for batch ", t, " after ", steps_, " steps with a lag of ", lag_);
  const int64_t first = steps_ - static_cast<int64_t>(recent_.size());  // step of recent_[0]
  for (int64_t step = t - lag_ - 1; step >= first; --step)
    for (const Doppelganger& d : recent_[static_cast<size_t>(step - first)])
      if (d.of == c) return d.is;
  return settled_[static_cast<size_t>(c)];
}

DoppelgangerList::State DoppelgangerList::state() const {
  State s{steps_, settled_, {}};
  int64_t step = steps_ - static_cast<int64_t>(recent_.size());
  for (const auto& found : recent_) {
    for (const auto& [of, is] : found) s.recent.insert(s.recent.end(), {step, of, is});
    ++step;
  }
  return s;
}

void DoppelgangerList::restore(const State& s) {
  FR_CHECK(s.settled.size() == settled_.size() && s.steps >= 0 && s.recent.size() % 3 == 0,
           "doppelganger list: expected a list of ", settled_.size(), " classes, got ", s.settled.size(),
           " after ", s.steps, " steps and ", s.recent.size(), " numbers of recent results");
  for (size_t c = 0; c < s.settled.size(); ++c)
    if (s.settled[c] != -1) check({static_cast<int64_t>(c), s.settled[c]});
  const int64_t first = std::max<int64_t>(0, s.steps - lag_);
  std::deque<std::vector<Doppelganger>> recent(static_cast<size_t>(s.steps - first));
  for (size_t i = 0; i < s.recent.size(); i += 3) {
    const Doppelganger d{s.recent[i + 1], s.recent[i + 2]};
    check(d);
    FR_CHECK(s.recent[i] >= first && s.recent[i] < s.steps, "doppelganger list: results of step ",
             s.recent[i], " beside ", s.steps, " steps and a lag of ", lag_);
    recent[static_cast<size_t>(s.recent[i] - first)].push_back(d);
  }
  steps_ = s.steps, settled_ = s.settled, recent_ = std::move(recent);
}

}  // namespace fr
