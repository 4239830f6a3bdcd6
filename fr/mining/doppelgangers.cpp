#include "fr/mining/doppelgangers.h"

#include <map>

#include "base/error.h"

namespace fr {
namespace {

constexpr char kSettled[] = "mining.doppelgangers", kRecent[] = "mining.recent";

std::vector<int64_t> values_of(const NamedTensors& tensors, const char* name) {
  const auto at = tensors.find(name);
  if (at == tensors.end() || at->second.dtype() != DType::int64)
    throw Error(ErrorKind::state, cat("the checkpoint has no '", name, "' int64: no doppelganger list"));
  return at->second.host<int64_t>();
}

}  // namespace

// The largest score of a class lies in the largest of one of its pictures, and every picture names the lowest of its own.
std::vector<Doppelganger> doppelgangers_of(std::span<const OtherClass> pictures) {
  std::map<int64_t, OtherClass> best;
  for (const OtherClass& p : pictures) {
    if (p.other < 0) continue;
    OtherClass& of_class = best.emplace(p.label, p).first->second;
    if (p.score > of_class.score || (p.score == of_class.score && p.other < of_class.other)) of_class = p;
  }
  std::vector<Doppelganger> found;
  for (const auto& [c, p] : best) found.push_back({c, p.other});
  return found;
}

DoppelgangerCounts counts_of(const DoppelgangerList& list) {
  DoppelgangerCounts n{list.classes()};
  for (int64_t c = 0; c < n.classes; ++c)
    if (const int64_t is = list.newest(c); is >= 0) ++n.listed, n.mutual += list.newest(is) == c;
  return n;
}

NamedTensors tensors_of(const DoppelgangerList& list) {
  const DoppelgangerList::State s = list.state();
  return {{kSettled, Tensor::from(s.settled, {list.classes()})},
          {kRecent, Tensor::from(s.recent, {int64_t(s.recent.size()) / 3, 3})}};
}

void restore(DoppelgangerList& list, const NamedTensors& tensors, int64_t steps) {
  try {
    list.restore({steps, values_of(tensors, kSettled), values_of(tensors, kRecent)});
  } catch (const std::invalid_argument& e) {
    throw Error(ErrorKind::state, cat("the checkpoint's doppelgangers do not fit: ", e.what()));
  }
}

}  // namespace fr
