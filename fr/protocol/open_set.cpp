#include "fr/protocol/open_set.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void check(const ScorePairs& sets) {
  FR_CHECK(sets.calibrator && sets.a && sets.b,
           "identification: expected a calibrator, a gallery and probes");
  FR_CHECK(int64_t(sets.people_a.size()) == sets.a->N && int64_t(sets.people_b.size()) == sets.b->N,
           "identification: ", sets.a->N, " rows of the gallery and ", sets.b->N, " probes, but people of ",
           sets.people_a.size(), " and ", sets.people_b.size());
  FR_CHECK(sets.a->N > 0 && sets.a->N <= std::numeric_limits<int32_t>::max(), "identification: a gallery of ",
           sets.a->N, " rows");
  FR_CHECK(sets.a->D == sets.b->D && sets.a->C == sets.b->C, "identification: rows of ", sets.a->D, " + ",
           sets.a->C, " numbers cannot meet rows of ", sets.b->D, " + ", sets.b->C);
}

void need_both(int64_t mated, int64_t non_mated, const std::string& what) {
  if (mated == 0 || non_mated == 0)
    throw Error(ErrorKind::data, cat(what, ": needs probes with and without a mate, got ", mated,
                                     " with and ", non_mated, " without"));
}

using RowsOf = std::map<int64_t, std::vector<int64_t>>;  // of each person in the gallery

RowsOf rows_of_people(std::span<const int64_t> people) {
  RowsOf rows;
  for (size_t i = 0; i < people.size(); ++i)
    if (people[i] >= 0) rows[people[i]].push_back(int64_t(i));
  return rows;
}

// The best score of every probe's mates; +infinity without one, so that nothing is above it.
std::vector<float> mate_scores(const ScorePairs& sets, const RowsOf& rows_of) {
  std::vector<float> mates(size_t(sets.b->N), kInfinity);
  parallel_ranges(sets.b->N, 64, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      const auto found = rows_of.find(sets.people_b[size_t(j)]);
      if (found == rows_of.end()) continue;
      float best = -kInfinity, score;
      for (int64_t i : found->second)
        sets.calibrator->scores(&score, *sets.a, i, 1, *sets.b, j, 1), best = std::max(best, score);
      mates[size_t(j)] = best;
    }
  });
  return mates;
}

// Of the rows above each probe's mate, those beyond the first of each person. Only people with several rows have any: their
// rows are gathered and scored once more, person by person.
std::vector<int64_t> repeated_above(const ScorePairs& sets, const RowsOf& rows_of,
                                    const std::vector<float>& mates) {
  std::vector<int64_t> places, end_of;  // where each person's rows end
  for (const auto& [person, rows] : rows_of) {
    if (rows.size() == 1) continue;
    places.insert(places.end(), rows.begin(), rows.end());
    end_of.push_back(int64_t(places.size()));
  }
  std::vector<int64_t> repeated(mates.size(), 0);
  if (places.empty()) return repeated;
  const CalibratedRows rows = rows_at(*sets.a, places);
  parallel_ranges(sets.b->N, 512, [&](int64_t begin, int64_t end) {
    const int64_t m = end - begin;
    std::vector<float> scores;
    for (int64_t k = 0, first = 0; k < int64_t(end_of.size()); first = end_of[size_t(k++)]) {
      const int64_t n = end_of[size_t(k)] - first;
      scores.resize(size_t(n * m));
      sets.calibrator->scores(scores.data(), rows, first, n, *sets.b, begin, m);
      for (int64_t c = 0; c < m; ++c) {
        int64_t above = 0;
        for (int64_t r = 0; r < n; ++r) above += scores[size_t(r * m + c)] > mates[size_t(begin + c)];
        repeated[size_t(begin + c)] += std::max<int64_t>(above - 1, 0);
      }
    }
  });
  return repeated;
}

// What one thread has seen of every probe.
struct Seen {
  std::vector<float> best;
  std::vector<int32_t> above;  // rows that score higher than the mate
  bool finite = true;

  void look(const ScoreBlock& block, const std::vector<float>& mates) {
    if (best.empty()) best.assign(mates.size(), -kInfinity), above.assign(mates.size(), 0);
    float* b = best.data() + block.j;
    int32_t* n = above.data() + block.j;
    const float* mate = mates.data() + block.j;
    int wrong = 0;
    for (int64_t r = 0; r < block.n; ++r) {
      const float* s = block.scores + r * block.stride;
      for (int64_t c = 0; c < block.m; ++c) {
        b[c] = s[c] > b[c] ? s[c] : b[c];
        n[c] += s[c] > mate[c];
        wrong |= !(std::fabs(s[c]) < kInfinity);
      }
    }
    finite = finite && !wrong;
  }
};

double weight(std::span<const float> weights, int64_t index) {
  return weights.empty() ? 1 : double(weights[size_t(index)]);
}

}  // namespace

void check_open_set(std::span<const int64_t> gallery, std::span<const int64_t> probes,
                    const std::string& what) {
  const std::unordered_set<int64_t> enrolled(gallery.begin(), gallery.end());
  const auto mated =
      std::count_if(probes.begin(), probes.end(), [&](int64_t p) { return p >= 0 && enrolled.count(p) > 0; });
  need_both(mated, int64_t(probes.size()) - mated, what);
}

std::vector<ProbeResult> search_probes(const ScorePairs& sets) {
  check(sets);
  const RowsOf rows_of = rows_of_people(sets.people_a);
  const std::vector<float> mates = mate_scores(sets, rows_of);
  const std::vector<int64_t> repeated = repeated_above(sets, rows_of, mates);
  std::vector<Seen> seen(static_cast<size_t>(threads()));
  for_each_block(sets, [&](const ScoreBlock& block, int thread) { seen[size_t(thread)].look(block, mates); });
  std::vector<ProbeResult> results(mates.size());
  for (const Seen& s : seen) {
    if (!s.finite) throw Error(ErrorKind::data, "identification: a score that is not finite");
    for (size_t j = 0; j < s.best.size(); ++j)
      results[j].best = std::max(results[j].best, s.best[j]), results[j].rank += s.above[j];
  }
  for (size_t j = 0; j < results.size(); ++j)
    if (mates[j] < kInfinity) results[j].mate = mates[j], results[j].rank += 1 - repeated[j];
  return results;
}

Identification::Identification(std::span<const ProbeResult> probes) {
  for (size_t i = 0; i < probes.size(); ++i) {
    const ProbeResult& p = probes[i];
    if (p.mated())
      mated_.push_back({p.mate, p.rank, int64_t(i)});
    else
      non_mated_.push_back({p.best, 0, int64_t(i)});
  }
  const auto higher = [](const Probe& a, const Probe& b) { return a.score > b.score; };
  std::stable_sort(mated_.begin(), mated_.end(), higher);
  std::stable_sort(non_mated_.begin(), non_mated_.end(), higher);
}

double Identification::rank_rate(int64_t rank, std::span<const float> weights) const {
  return at_threshold(-double(kInfinity), rank, weights).rate;
}

std::vector<double> Identification::cmc(int64_t ranks) const {
  std::vector<double> rates(size_t(std::max<int64_t>(ranks, 0)), 0);
  for (const Probe& p : mated_)
    if (p.rank <= ranks) ++rates[size_t(p.rank - 1)];
  std::partial_sum(rates.begin(), rates.end(), rates.begin());
  for (double& r : rates) r /= double(mated());
  return rates;
}

IdentificationPoint Identification::at_threshold(double threshold, int64_t rank,
                                                 std::span<const float> weights) const {
  double mates = 0, found = 0, others = 0, alarms = 0;
  for (const Probe& p : mated_) {
    const double w = weight(weights, p.index);
    mates += w;
    if (p.score >= threshold && p.rank <= rank) found += w;
  }
  for (const Probe& p : non_mated_) {
    const double w = weight(weights, p.index);
    others += w;
    if (p.score >= threshold) alarms += w;
  }
  IdentificationPoint point;
  point.threshold = threshold;
  const bool known = !std::isnan(threshold);
  point.rate = known && mates > 0 ? found / mates : kNone;
  point.realised_fpir = known && others > 0 ? alarms / others : kNone;
  return point;
}

double Identification::threshold(double fpir, FpirRule rule, std::span<const float> weights) const {
  double total = 0;
  for (const Probe& p : non_mated_) total += weight(weights, p.index);
  if (total == 0) return kNone;
  const double n = rule == FpirRule::nist ? std::floor(fpir * total + 1e-9) : std::round(fpir * total);
  double seen = 0, largest = kNone, nth = kNone, smallest = kNone;
  for (const Probe& p : non_mated_) {
    const double w = weight(weights, p.index);
    if (w == 0) continue;
    if (seen == 0) largest = p.score;
    if (seen < n && seen + w >= n) nth = p.score;
    seen += w, smallest = p.score;
  }
  if (rule == FpirRule::nist) return n == 0 ? std::nextafter(largest, double(kInfinity)) : nth;
  double next = kInfinity, lowest = kInfinity;  // of the mates: the lowest above `largest`, and of all
  for (const Probe& p : mated_) {
    if (weight(weights, p.index) == 0) continue;
    lowest = p.score;
    if (p.score > largest) next = p.score;
  }
  if (n == 0) return next < kInfinity ? (largest + next) / 2 : largest + kRootEps;
  return n == total ? std::min(smallest, lowest) - kRootEps : nth;
}

IdentificationPoint Identification::at_fpir(double fpir, int64_t rank, FpirRule rule,
                                            std::span<const float> weights) const {
  FR_CHECK(fpir >= 0 && fpir <= 1,
           "identification: a false positive identification rate lies in [0, 1], got ", fpir);
  need_both(mated(), non_mated(), "open-set identification");
  IdentificationPoint point = at_threshold(threshold(fpir, rule, weights), rank, weights);
  point.fpir = fpir;
  point.too_few = fpir * double(non_mated()) < 1;
  return point;
}

std::vector<std::pair<double, double>> Identification::dir_curve(int64_t rank, int64_t most) const {
  std::vector<std::pair<double, double>> points;
  size_t mate = 0;
  double found = 0;
  const auto rate_from = [&](double score) {  // falling scores
    for (; mate < mated_.size() && mated_[mate].score >= score; ++mate) found += mated_[mate].rank <= rank;
    return mated_.empty() ? kNone : found / double(mated());
  };
  if (!non_mated_.empty())
    points.emplace_back(0, rate_from(std::nextafter(non_mated_[0].score, double(kInfinity))));
  const double step =
      std::log(double(std::max<int64_t>(non_mated(), 1))) / double(std::max<int64_t>(most, 1));
  double last = -kInfinity;
  for (size_t i = 0; i < non_mated_.size(); ++i) {
    const bool ends = i + 1 == non_mated_.size(),
               tie = !ends && non_mated_[i + 1].score == non_mated_[i].score;
    const double at = std::log(double(i + 1));
    if (tie || (!ends && non_mated() > most && at < last + step)) continue;
    points.emplace_back(double(i + 1) / double(non_mated()), rate_from(non_mated_[i].score));
    last = at;
  }
  return points;
}

}  // namespace fr
