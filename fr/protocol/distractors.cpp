#include "fr/protocol/distractors.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/score_counts.h"
#include "fr/protocol/score_stream.h"

namespace fr {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMostTrials = 100'000'000;

// A FAR's threshold lies above its cut, the highest impostor score that may not pass.
struct Cut {
  float score = -kInfinity;
  int64_t above = 0;       // impostors that pass
  float next = kInfinity;  // the lowest of them
};

// What one thread has seen.
struct Scan {
  std::vector<float> best;  // (sizes, probes), of the distractors from one size to the next
  std::vector<Cut> cuts;
  std::vector<ImpostorScore> tail;
  std::vector<double> sample;
  bool begun = false, finite = true;
};

struct Scanner {
  std::span<const int64_t> places;
  const DistractorOptions& options;
  std::vector<Cut> cuts;  // without counts
  float tail_floor, lowest;
  int64_t probes, step;  // every so manieth pair is sampled

  void look(Scan& scan, const ScoreBlock& block) const {
    if (!scan.begun) {
      scan.best.assign(options.sizes.size() * size_t(probes), -kInfinity), scan.cuts = cuts;
      scan.begun = true;
    }
    for (int64_t r = 0; r < block.n; ++r) row(scan, block, r);
  }

 private:
  void row(Scan& scan, const ScoreBlock& block, int64_t r) const {
    const int64_t d = block.i + r;
    const float* s = block.scores + r * block.stride;
    const auto size = std::upper_bound(options.sizes.begin(), options.sizes.end(), places[size_t(d)]);
    int wrong = 0, high = 0;
    for (int64_t c = 0; c < block.m; ++c) wrong |= !(std::fabs(s[c]) < kInfinity), high |= s[c] > lowest;
    scan.finite = scan.finite && !wrong;
    if (size != options.sizes.end()) {
      float* best = scan.best.data() + (size - options.sizes.begin()) * probes + block.j;
      for (int64_t c = 0; c < block.m; ++c) best[c] = s[c] > best[c] ? s[c] : best[c];
    }
    for (int64_t c = (step - (block.j + d) % step) % step; c < block.m; c += step)
      scan.sample.push_back(s[c]);
    if (high) count(scan, block, s, d);
  }

  void count(Scan& scan, const ScoreBlock& block, const float* s, int64_t d) const {
    for (int64_t c = 0; c < block.m; ++c) {
      if (!(s[c] > lowest)) continue;
      if (s[c] > tail_floor) scan.tail.push_back({s[c], int32_t(d), int32_t(block.j + c)});
      for (Cut& cut : scan.cuts)
        if (s[c] > cut.score) ++cut.above, cut.next = std::min(cut.next, s[c]);
    }
  }
};

// Scores of the ranks; beyond the last rank -infinity.
std::vector<float> scores_at(const ScorePairs& pairs, const std::vector<int64_t>& ranks, int64_t impostors) {
  std::vector<int64_t> within;
  for (int64_t k : ranks)
    if (k <= impostors) within.push_back(k);
  const std::vector<float> found = within.empty() ? std::vector<float>() : largest_impostors(pairs, within);
  std::vector<float> scores;
  size_t at = 0;
  for (int64_t k : ranks) scores.push_back(k <= impostors ? found[at++] : -kInfinity);
  return scores;
}

OperatingPoint point(double far, const Cut& cut, int64_t impostors, std::span<const GenuineTrial> trials) {
  int64_t found = 0;
  float lowest = cut.next;
  for (const GenuineTrial& t : trials)
    if (t.score > cut.score) ++found, lowest = std::min(lowest, t.score);
  return {far, double(cut.above) / double(impostors), double(found) / double(trials.size()), lowest,
          far * double(impostors) < 1};
}

void merge(DistractorResult& result, std::vector<Cut>& cuts, std::vector<Scan>& scans) {
  for (Scan& s : scans) {
    if (!s.begun) continue;
    if (!s.finite) throw Error(ErrorKind::data, "distractors: a score that is not finite");
    const size_t probes = result.best.empty() ? 0 : result.best[0].size();
    for (size_t i = 0; i < s.best.size(); ++i) {
      float& best = result.best[i / probes][i % probes];
      best = std::max(best, s.best[i]);
    }
    for (size_t k = 0; k < cuts.size(); ++k)
      cuts[k].above += s.cuts[k].above, cuts[k].next = std::min(cuts[k].next, s.cuts[k].next);
    result.tail.insert(result.tail.end(), s.tail.begin(), s.tail.end());
    result.sample.insert(result.sample.end(), s.sample.begin(), s.sample.end());
    s = {};
  }
  std::sort(result.tail.begin(), result.tail.end(), [](const ImpostorScore& a, const ImpostorScore& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.probe != b.probe ? a.probe < b.probe : a.distractor < b.distractor;
  });
  std::sort(result.sample.begin(), result.sample.end());
  for (size_t k = 1; k < result.best.size(); ++k)  // a larger gallery holds the smaller one
    for (size_t j = 0; j < result.best[k].size(); ++j)
      result.best[k][j] = std::max(result.best[k][j], result.best[k - 1][j]);
}

void check(const CalibratedRows& probes, const CalibratedRows& distractors, std::span<const int64_t> places,
           std::span<const GenuineTrial> trials, const DistractorOptions& options) {
  FR_CHECK(int64_t(places.size()) == distractors.N && std::is_sorted(places.begin(), places.end()),
           "distractors: expected ", distractors.N, " ascending places, got ", places.size());
  FR_CHECK(
      probes.N < std::numeric_limits<int32_t>::max() && distractors.N < std::numeric_limits<int32_t>::max(),
      "distractors: ", probes.N, " probes and ", distractors.N, " distractors");
  FR_CHECK(
      std::is_sorted(options.sizes.begin(), options.sizes.end()) && options.tail >= 1 && options.sample >= 1,
      "distractors: ascending sizes, a tail and a sample of 1 or more expected");
  for (double far : options.far)
    FR_CHECK(far >= 0 && far <= 1, "distractors: a false accept rate lies in [0, 1], got ", far);
  if (trials.empty()) throw Error(ErrorKind::data, "distractors: no person has two probes");
  if (distractors.N == 0 || probes.N == 0) throw Error(ErrorKind::data, "distractors: no impostor pair");
}

using Photos = std::map<int64_t, std::vector<int32_t>>;  // of each person

void check_trials(const Photos& photos) {
  int64_t trials = 0;
  for (const auto& [person, list] : photos) {
    const auto n = int64_t(list.size());
    trials += n * (n - 1);
    if (trials > kMostTrials)
      throw Error(ErrorKind::data,
                  cat("distractors: more than ", kMostTrials,
                      " ordered pairs of one person's probes, with the ", n, " probes of person ", person));
  }
}

}  // namespace

std::vector<GenuineTrial> genuine_trials(const Calibrator& calibrator, const CalibratedRows& rows,
                                         std::span<const int64_t> people) {
  FR_CHECK(int64_t(people.size()) == rows.N, "distractors: ", rows.N, " probes, but people of ",
           people.size());
  Photos photos;
  for (int64_t i = 0; i < rows.N; ++i) photos[people[size_t(i)]].push_back(int32_t(i));
  check_trials(photos);
  std::vector<GenuineTrial> trials;
  for (const auto& [person, list] : photos)
    for (int32_t i : list)
      for (int32_t j : list)
        if (i != j) trials.push_back({0, i, j});
  parallel_ranges(int64_t(trials.size()), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      GenuineTrial& t = trials[size_t(k)];
      calibrator.scores(&t.score, rows, t.gallery, 1, rows, t.probe, 1);
    }
  });
  for (const GenuineTrial& t : trials)
    if (!std::isfinite(t.score))
      throw Error(ErrorKind::data,
                  cat("distractors: the score of probes ", t.gallery, " and ", t.probe, " is ", t.score));
  return trials;
}

DistractorResult test_distractors(const Calibrator& calibrator, const CalibratedRows& probes,
                                  const CalibratedRows& distractors, std::span<const int64_t> places,
                                  std::span<const GenuineTrial> trials, const DistractorOptions& options) {
  check(probes, distractors, places, trials, options);
  const std::vector<int64_t> nobody_a(size_t(distractors.N), -1), nobody_b(size_t(probes.N), -1);
  const ScorePairs pairs{&calibrator, &distractors, nobody_a, &probes, nobody_b};
  DistractorResult result;
  result.impostors = probes.N * distractors.N;
  result.best.assign(options.sizes.size(), std::vector<float>(size_t(probes.N), -kInfinity));
  std::vector<int64_t> ranks = {options.tail};
  for (double far : options.far) ranks.push_back(allowed_impostors(far, result.impostors) + 1);
  const std::vector<float> at = scores_at(pairs, ranks, result.impostors);
  std::vector<Cut> cuts(options.far.size());
  for (size_t k = 0; k < cuts.size(); ++k) cuts[k].score = at[k + 1];
  result.tail_floor = at[0];
  const int64_t step = std::max<int64_t>(1, result.impostors / options.sample);
  const Scanner scanner{places,   options, cuts, at[0], *std::min_element(at.begin(), at.end()),
                        probes.N, step};
  std::vector<Scan> scans(static_cast<size_t>(threads()));
  for_each_block(pairs,
                 [&](const ScoreBlock& block, int thread) { scanner.look(scans[size_t(thread)], block); });
  merge(result, cuts, scans);
  for (size_t k = 0; k < cuts.size(); ++k)
    result.points.push_back(point(options.far[k], cuts[k], result.impostors, trials));
  return result;
}

}  // namespace fr
