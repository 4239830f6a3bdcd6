#include "fr/protocol/blufr_trials.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/error.h"
#include "fr/protocol/pair_figures.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

constexpr size_t kHardest = 12;
constexpr int64_t kRanks = 100, kKept = 200'000;
constexpr int kCurvePoints = 200;

// The mean of step functions at the asked places: of each, the y of its last point up to x; before the first, 0.
ProtocolCurve mean_curve(CurveKind kind, const std::vector<std::vector<std::pair<double, double>>>& curves,
                         const std::vector<double>& at) {
  ProtocolCurve mean{kind, "mean of the trials", {}};
  for (const double x : at) {
    double sum = 0;
    for (const auto& curve : curves) {
      const auto next = std::upper_bound(curve.begin(), curve.end(), x,
                                         [](double value, const auto& point) { return value < point.first; });
      if (next != curve.begin()) sum += std::prev(next)->second;
    }
    mean.points.emplace_back(x, sum / double(curves.size()));
  }
  return mean;
}

// From 1 / n to 1 in equal steps of the logarithm.
std::vector<double> rates_down_to(int64_t n) {
  std::vector<double> at;
  for (int k = 0; k < kCurvePoints; ++k)
    at.push_back(std::pow(double(n), double(k + 1 - kCurvePoints) / (kCurvePoints - 1)));
  at.front() = 1 / double(n), at.back() = 1;
  return at;
}

BlufrTested test_one(const BlufrTrial& trial, const BlufrRows& all, std::span<const double> far,
                     std::span<const double> card) {
  const CalibratedRows rows = rows_at(all.rows, trial.test), gallery = rows_at(all.rows, trial.gallery),
                       probes = rows_at(all.rows, trial.probe);
  const std::vector<int64_t> people = people_at(all.people, trial.test),
                             enrolled = people_at(all.people, trial.gallery),
                             searching = people_at(all.people, trial.probe);
  const ScorePairs pairs{&all.calibrator, &rows, people, nullptr, {}};
  StreamOptions stream;
  stream.far.assign(far.begin(), far.end());
  stream.far.insert(stream.far.end(), card.begin(), card.end());
  stream.bootstrap.replicates = 0, stream.kept = kKept, stream.hardest = kHardest;
  BlufrTested tested{BlufrRates(pairs, all.count, far),
                     Identification(search_probes({&all.calibrator, &gallery, enrolled, &probes, searching})),
                     searching, stream_metrics(pairs, stream)};
  for (auto* hardest : {&tested.stream.hardest_genuine, &tested.stream.hardest_impostor})
    for (ScoredPair& p : *hardest) p.a = trial.test[size_t(p.a)], p.b = trial.test[size_t(p.b)];
  return tested;
}

}  // namespace

std::vector<int64_t> people_at(std::span<const int64_t> people, const std::vector<int64_t>& places) {
  std::vector<int64_t> found;
  for (const int64_t i : places) found.push_back(people[size_t(i)]);
  return found;
}

std::vector<BlufrTested> test_trials(const std::vector<BlufrTrial>& trials, const BlufrRows& all,
                                     std::span<const double> far, std::span<const double> card) {
  std::vector<BlufrTested> tested;
  for (size_t t = 0; t < trials.size(); ++t) try {
      tested.push_back(test_one(trials[t], all, far, card));
    } catch (const Error& e) {
      throw Error(e.kind(), cat("trial ", t + 1, ": ", e.what()));
    }
  return tested;
}

void add_curves(ProtocolResult& result, const std::vector<BlufrTested>& tested,
                std::span<const double> fpir) {
  std::vector<std::vector<std::pair<double, double>>> roc, dir;
  int64_t pairs = 1, probes = 1;
  for (const BlufrTested& t : tested) {
    roc.emplace_back(), dir.push_back(t.open.dir_curve(1));
    for (const RocPoint& p : t.stream.roc) roc.back().emplace_back(p.far, p.tar);
    pairs = std::max(pairs, t.rates.impostor()), probes = std::max(probes, t.open.non_mated());
  }
  result.curves.push_back(mean_curve(CurveKind::roc, roc, rates_down_to(pairs)));
  ProtocolCurve det = result.curves.back();
  det.kind = CurveKind::det;
  for (auto& [far, rate] : det.points) rate = 1 - rate;
  result.curves.push_back(std::move(det));
  result.curves.push_back(mean_curve(CurveKind::dir, dir, rates_down_to(probes)));
  for (const double f : fpir) {
    ProtocolCurve ranks{CurveKind::cmc, "DIR at FAR " + rate_words(f), {}};
    for (int64_t r = 1; r <= kRanks; ++r) {
      double sum = 0;
      for (const BlufrTested& t : tested) sum += t.open.at_fpir(f, r, FpirRule::blufr).rate;
      ranks.points.emplace_back(double(r), sum / double(tested.size()));
    }
    result.curves.push_back(std::move(ranks));
  }
}

void add_scores(ProtocolResult& result, const std::vector<BlufrTested>& tested) {
  result.genuine = tested[0].stream.genuine_scores, result.impostor = tested[0].stream.impostor_scores;
  result.notes.emplace_back("Histograms: the first trial's scores.");
  const auto hardest = [&](std::vector<ScoredPair> StreamResult::*kind, double sign) {
    std::set<std::tuple<double, int64_t, int64_t>> sorted;
    for (const BlufrTested& t : tested)
      for (const ScoredPair& p : t.stream.*kind)
        sorted.emplace(sign * p.score, std::min(p.a, p.b), std::max(p.a, p.b));
    std::vector<ScoredPair> first;
    for (const auto& [key, a, b] : sorted)
      if (first.size() < kHardest) first.push_back({a, b, sign * key});
    return first;
  };
  result.hardest_genuine = hardest(&StreamResult::hardest_genuine, 1);
  result.hardest_impostor = hardest(&StreamResult::hardest_impostor, -1);
}

}  // namespace fr
