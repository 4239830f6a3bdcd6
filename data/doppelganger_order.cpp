#include "data/doppelganger_order.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/pk_order.h"
#include "data/shuffle.h"

namespace fr {
namespace {

constexpr uint32_t kStream = 4;  // of Purpose::sampler, beside the other orders

}  // namespace

std::vector<int64_t> class_sizes(int64_t M, const DoppelgangerOptions& o, Random& random) {
  std::vector<int64_t> sizes;
  int64_t sum = 0;
  while (sum < M) {
    sizes.push_back(o.smallest + random.below(static_cast<uint32_t>(o.largest - o.smallest + 1)));
    sum += sizes.back();
  }
  sizes.back() -= sum - M;
  if (sizes.back() >= o.smallest || sizes.size() == 1) return sizes;
  const int64_t rest = sizes.back();
  sizes.pop_back(), sizes.back() += rest;
  return sizes;
}

int64_t most_classes(int64_t M, const DoppelgangerOptions& o) { return M / o.smallest; }

int64_t random_classes(int64_t N_c, const DoppelgangerOptions& o) {
  if (o.random_classes > 0) return std::min(N_c, o.random_classes);
  return std::clamp<int64_t>(std::llround(o.random_share * static_cast<double>(N_c)), 1, N_c);
}

std::vector<int64_t> choose_classes(int64_t N_c, int64_t N_r, const std::function<int64_t()>& draw,
                                    const std::function<int64_t(int64_t)>& doppelganger) {
  std::vector<int64_t> chosen;
  const auto is_new = [&](int64_t c) { return std::find(chosen.begin(), chosen.end(), c) == chosen.end(); };
  for (int64_t i = 0; i < N_c; ++i) {
    int64_t c = i < N_r ? -1 : doppelganger(chosen[static_cast<size_t>(i - N_r)]);
    while (c < 0 || !is_new(c)) c = draw();
    chosen.push_back(c);
  }
  return chosen;
}

void check(const DoppelgangerOptions& o, int64_t M, int64_t classes) {
  FR_CHECK(
      o.smallest >= 1 && o.largest >= o.smallest && M >= o.smallest,
      "doppelganger mining: expected 1 <= mining.smallest <= mining.largest, and a batch no smaller, got ",
      o.smallest, ", ", o.largest, " and a batch of ", M);
  const int64_t most = most_classes(M, o);
  FR_CHECK(o.random_classes >= 0 && o.random_classes <= most,
           "doppelganger mining: mining.random_classes = ", o.random_classes, ", but a batch of ", M,
           " with at least ", o.smallest, " pictures of a person has at most ", most, " people");
  FR_CHECK(o.random_share >= 0 && o.random_share <= 1,
           "doppelganger mining: expected mining.random_share in [0, 1], got ", o.random_share);
  FR_CHECK(o.lag >= 0 && o.lag <= 1024, "doppelganger mining: expected mining.lag in 0..1024, got ", o.lag);
  FR_CHECK(most <= classes, "doppelganger mining: a batch of ", M, " with at least ", o.smallest,
           " pictures of a person may need ", most, " people; the training data have ", classes);
}

DoppelgangerOrder::DoppelgangerOrder(const Source& source, const DoppelgangerOptions& options, int64_t M,
                                     uint64_t seed)
    : options_(options), M_(M), seed_(seed), images_(images_of_classes(source, 0, source.size())) {
  for (size_t c = 0; c < images_.size(); ++c)
    if (!images_[c].empty()) classes_.push_back(static_cast<int64_t>(c));
  check(options, M, static_cast<int64_t>(classes_.size()));
}

std::vector<int64_t> DoppelgangerOrder::batch(int64_t t, const DoppelgangerList& list) const {
  Random random({seed_, Purpose::sampler, static_cast<uint64_t>(t), kStream});
  const std::vector<int64_t> sizes = class_sizes(M_, options_, random);
  const auto N_c = static_cast<int64_t>(sizes.size());
  const auto draw = [&] { return classes_[random.below(static_cast<uint32_t>(classes_.size()))]; };
  const auto doppelganger = [&](int64_t c) {
    const int64_t is = list.of(c, t);
    return is < 0 || images_[static_cast<size_t>(is)].empty() ? -1 : is;
  };
  const std::vector<int64_t> chosen = choose_classes(N_c, random_classes(N_c, options_), draw, doppelganger);
  std::vector<int64_t> samples, spares;
  for (size_t i = 0; i < chosen.size(); ++i) {
    std::vector<int64_t> images = images_[static_cast<size_t>(chosen[i])];
    const auto wanted = static_cast<size_t>(sizes[i]);
    shuffle(images, random);
    for (size_t k = 0; k < wanted; ++k) samples.push_back(images[k % images.size()]);
    if (wanted < images.size())
      spares.insert(spares.end(), images.begin() + static_cast<std::ptrdiff_t>(wanted), images.end());
  }
  samples.insert(samples.end(), spares.begin(), spares.end());
  return samples;
}

}  // namespace fr
