#include "fr/protocol/sorted_pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace fr {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kShort = 2000;  // so many pairs keep every point of their curve

// What stands at or above a threshold.
struct Accepted {
  double genuine = 0, impostor = 0;
  double threshold = kInfinity;
};

// Calls step(before, after) for each distinct score, descending.
template <class Weight, class Step>
void walk(const PairScores& p, const Weight& weight, const Step& step) {
  Accepted now;
  for (size_t i = 0; i < p.scores.size();) {
    const Accepted before = now;
    now.threshold = p.scores[i];
    for (; i < p.scores.size() && p.scores[i] == now.threshold; ++i)
      (p.same[i] ? now.genuine : now.impostor) += weight(i);
    step(before, now);
  }
}

// far - frr grows from -1 to 1 along the curve; the root lies on the segment where it changes sign.
struct EqualErrorRate {
  Accepted all;
  double before = -1, value = 0;
  bool found = false;

  void step(const Accepted& a, const Accepted& b) {
    if (found) return;
    const double a_far = a.impostor / all.impostor, b_far = b.impostor / all.impostor;
    const double after = b_far - (1 - b.genuine / all.genuine);
    if (after >= 0) value = a_far + (b_far - a_far) * before / (before - after), found = true;
    before = after;
  }
};

// A FAR is left behind where one more step would accept too many impostors.
struct OperatingPoints {
  Accepted all;
  std::vector<OperatingPoint> points;
  std::vector<size_t> order = {};  // of ascending FAR
  size_t next = 0;

  double allowed() const { return std::floor(points[order[next]].far * all.impostor + 1e-9); }
  void step(const Accepted& before, const Accepted& after) {
    while (next < order.size() && after.impostor > allowed()) leave(before);
  }
  void leave(const Accepted& last) {
    OperatingPoint& p = points[order[next++]];
    p.realised_far = last.impostor / all.impostor, p.tar = last.genuine / all.genuine;
    p.threshold = last.threshold, p.too_few_impostors = p.far * all.impostor < 1;
  }
};

OperatingPoints operating_points(const Accepted& all, std::span<const double> far) {
  OperatingPoints o{all, {}};
  for (double f : far) {
    FR_CHECK(f >= 0 && f <= 1, "TAR@FAR: a false accept rate lies in [0, 1], got ", f);
    o.points.emplace_back().far = f;
  }
  o.order.resize(far.size());
  std::iota(o.order.begin(), o.order.end(), size_t{0});
  std::sort(o.order.begin(), o.order.end(), [&](size_t a, size_t b) { return far[a] < far[b]; });
  return o;
}

template <class Weight>
CurveFigures figures(const PairScores& p, const Weight& weight, std::span<const double> far) {
  Accepted all;
  for (size_t i = 0; i < p.same.size(); ++i) (p.same[i] ? all.genuine : all.impostor) += weight(i);
  EqualErrorRate eer{all};
  OperatingPoints points = operating_points(all, far);
  double wins = 0;
  Accepted last;
  walk(p, weight, [&](const Accepted& before, const Accepted& after) {
    wins += (after.impostor - before.impostor) * (before.genuine + 0.5 * (after.genuine - before.genuine));
    eer.step(before, after), points.step(before, after);
    last = after;
  });
  while (points.next < points.order.size()) points.leave(last);
  return {wins / (all.genuine * all.impostor), eer.value, std::move(points.points)};
}

CurveFigures unknown(std::span<const double> far) {
  CurveFigures f{RocPoint::kNone, RocPoint::kNone, operating_points({}, far).points};
  for (OperatingPoint& p : f.points) p.tar = p.realised_far = p.threshold = RocPoint::kNone;
  return f;
}

void check(const PairScores& p) {
  const size_t n = p.scores.size();
  FR_CHECK(p.same.size() == n && p.identities.a.size() == n && p.identities.b.size() == n, "pairs: ", n,
           " scores, ", p.same.size(), " labels, ", p.identities.a.size(), " and ", p.identities.b.size(),
           " identities");
  FR_CHECK(n < size_t{1} << 32, "pairs: ", n, " are too many for a list");
  for (size_t i = 0; i < n; ++i)
    if (!std::isfinite(p.scores[i]))
      throw Error(ErrorKind::data, cat("pairs: the score of pair ", i, " is ", p.scores[i]));
}

bool moved(double from, double to) {
  return std::abs(to - from) >= 0.002 || to > 1.02 * from || to < from / 1.02;
}

}  // namespace

SortedPairs sort_pairs(const PairScores& p) {
  check(p);
  std::vector<std::pair<double, uint32_t>> order(p.scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = {-p.scores[i], uint32_t(i)};
  std::sort(order.begin(), order.end());
  SortedPairs s;
  PairIdentities& who = s.pairs.identities;
  who.people = p.identities.people;
  s.pairs.scores.reserve(order.size()), s.pairs.same.reserve(order.size());
  who.a.reserve(order.size()), who.b.reserve(order.size());
  for (const auto& [negative, i] : order) {
    s.pairs.scores.push_back(p.scores[i]), s.pairs.same.push_back(p.same[i]);
    who.a.push_back(p.identities.a[i]), who.b.push_back(p.identities.b[i]);
    ++(p.same[i] ? s.genuine : s.impostor);
  }
  if (s.genuine == 0 || s.impostor == 0)
    throw Error(ErrorKind::data, cat("pairs: needs genuine and impostor pairs, got ", s.genuine,
                                     " genuine and ", s.impostor, " impostor"));
  return s;
}

CurveFigures curve_figures(const SortedPairs& s, std::span<const float> weights,
                           std::span<const double> far) {
  const PairScores& p = s.pairs;
  if (weights.empty())
    return figures(
        p, [](size_t) { return 1.0; }, far);
  FR_CHECK(weights.size() == p.same.size(), "pairs: ", p.same.size(), ", but ", weights.size(), " weights");
  bool weighted[2] = {};  // impostor, genuine
  for (size_t i = 0; i < weights.size() && !(weighted[0] && weighted[1]); ++i)
    weighted[p.same[i] != 0] |= weights[i] > 0;
  if (!weighted[0] || !weighted[1]) return unknown(far);
  return figures(
      p, [&](size_t i) { return double(weights[i]); }, far);
}

std::vector<RocPoint> thinned_roc(const SortedPairs& s) {
  std::vector<RocPoint> points = {{0, 0, kInfinity}};
  RocPoint skipped = points.back();
  const bool all = s.pairs.scores.size() <= kShort;
  walk(
      s.pairs, [](size_t) { return 1.0; },
      [&](const Accepted&, const Accepted& now) {
        const RocPoint p = {now.impostor / double(s.impostor), now.genuine / double(s.genuine),
                            now.threshold};
        const auto far_from = [&](const RocPoint& q) {
          return moved(q.far, p.far) || moved(1 - q.tar, 1 - p.tar);
        };
        if (!all && !far_from(points.back())) return void(skipped = p);
        if (!all && skipped.threshold < points.back().threshold)
          points.push_back(skipped);  // the curve turns here
        points.push_back(skipped = p);
      });
  if (skipped.threshold < points.back().threshold) points.push_back(skipped);
  return points;
}

std::vector<double> spread_scores(const SortedPairs& s, PairKind kind, int64_t most) {
  const bool genuine = kind == PairKind::genuine;
  const int64_t have = genuine ? s.genuine : s.impostor, n = std::min(have, most);
  std::vector<double> out;
  out.reserve(size_t(n));
  int64_t seen = 0;  // item k is number floor(k have / n)
  for (size_t i = 0; i < s.pairs.scores.size() && int64_t(out.size()) < n; ++i) {
    if ((s.pairs.same[i] != 0) != genuine) continue;
    if (seen++ == int64_t(out.size()) * have / n) out.push_back(s.pairs.scores[i]);
  }
  return out;
}

}  // namespace fr
