#include "fr/protocol/score_stream.h"

#include <cmath>

#include "base/error.h"
#include "fr/protocol/score_passes.h"
#include "fr/protocol/stream_bootstrap.h"

namespace fr {
namespace {

constexpr size_t kHistogramScores = 200'000;
constexpr double kFarGrowth = 1.01, kTarStep = 1e-3;  // between points of the curve

// One point where a bin begins: as many scores are at least its lowest key as the bins from there on hold.
std::vector<RocPoint> curve(const BinCounts& counts, Tally all) {
  std::vector<RocPoint> points = {{0, 0, std::numeric_limits<double>::infinity()}};
  Tally passed;
  for (int64_t bin = kBins; bin-- > 0;) {
    if (counts.empty(bin)) continue;
    passed.genuine += counts.genuine[size_t(bin)], passed.impostor += counts.impostor[size_t(bin)];
    const RocPoint next{double(passed.impostor) / double(all.impostor),
                        double(passed.genuine) / double(all.genuine), score_of(first_key(bin))};
    const bool last = passed.genuine == all.genuine && passed.impostor == all.impostor;
    // Of the points between two steps, the last one before the false accepts grow.
    if (points.back().far == next.far && points.size() > 1)
      points.back() = next;
    else if (next.far > kFarGrowth * points.back().far || next.tar > points.back().tar + kTarStep || last)
      points.push_back(next);
  }
  return points;
}

struct Area {
  double value = 0, error = 0;
};

// Share of (genuine, impostor) where genuine wins, ties half. Within a bin the order is unknown and counts half; in the bins
// of the tail the pairs themselves decide, when all genuine ones are there.
Area area(const BinCounts& counts, Tally all, int64_t exact_from, std::span<const RankedPair> tail,
          std::span<const RankedPair> genuine) {
  double wins = 0, unknown = 0, above = 0;
  for (int64_t bin = kBins; bin-- > 0;) {
    const double g = double(counts.genuine[size_t(bin)]), i = double(counts.impostor[size_t(bin)]);
    if (bin < exact_from) wins += i * (above + g / 2), unknown += i * g / 2;
    above += g;
  }
  for (size_t i = 0, higher = 0, equal = 0; i < tail.size(); ++i) {  // descending
    while (higher < genuine.size() && genuine[higher].key > tail[i].key) ++higher;
    equal = std::max(equal, higher);
    while (equal < genuine.size() && genuine[equal].key == tail[i].key) ++equal;
    wins += double(higher + equal) / 2;
  }
  const double pairs = double(all.genuine) * double(all.impostor);
  return {wins / pairs, unknown / pairs};
}

std::vector<double> spread(std::span<const RankedPair> sorted) {
  const size_t n = std::min(sorted.size(), kHistogramScores);
  std::vector<double> scores(n);
  for (size_t i = 0; i < n; ++i) scores[i] = score_of(sorted[(2 * i + 1) * sorted.size() / (2 * n)].key);
  return scores;
}

std::vector<ScoredPair> scored(std::span<const RankedPair> pairs) {
  std::vector<ScoredPair> out;
  for (const RankedPair& p : pairs) out.push_back({p.a, p.b, score_of(p.key)});
  return out;
}

void need_both_kinds(const PairIndex& index) {
  const int64_t pairs = index.genuine() + index.impostor();
  for (auto [kind, count] : {std::pair{"genuine", index.genuine()}, {"impostor", index.impostor()}})
    if (count == 0) throw Error(ErrorKind::data, cat("scores: no ", kind, " pair among ", pairs, " pairs"));
}

std::vector<int64_t> wanted_bins(const BinCounts& counts, std::span<const double> far, int64_t impostors) {
  std::vector<int64_t> bins;
  for (double f : far)
    for (int64_t bin : KeyCounts::bins_of(counts, f, impostors)) bins.push_back(bin);
  return bins;
}

}  // namespace

std::vector<float> largest_impostors(const ScorePairs& pairs, std::span<const int64_t> ranks) {
  const PairIndex index(pairs);
  for (int64_t rank : ranks)
    FR_CHECK(rank >= 1 && rank <= index.impostor(), "scores: no impostor score of rank ", rank, " among ",
             index.impostor());
  if (ranks.empty()) return {};
  const FirstPass first = first_pass(pairs, index, {});
  std::vector<int64_t> bins;
  for (int64_t rank : ranks) bins.push_back(first.counts.bin_of_impostor(rank));
  const SecondPass second = second_pass(pairs, index, first.counts, std::move(bins), {});
  std::vector<float> scores;
  for (int64_t rank : ranks) scores.push_back(score_of(second.keys.impostor_key(rank)));
  return scores;
}

StreamResult stream_metrics(const ScorePairs& pairs, const StreamOptions& options) {
  FR_CHECK(options.hardest >= 0 && options.kept >= 1, "scores: cannot keep ", options.hardest,
           " hardest and ", options.kept, " other pairs");
  for (double f : options.far)
    FR_CHECK(f >= 0 && f <= 1, "TAR@FAR: a false accept rate lies in [0, 1], got ", f);
  const PairIndex index(pairs);
  need_both_kinds(index);
  const Tally all{index.genuine(), index.impostor()};
  const Kept kept{options.kept, options.hardest, options.bootstrap.seed};
  const FirstPass first = first_pass(pairs, index, kept);
  const SecondPass second =
      second_pass(pairs, index, first.counts, wanted_bins(first.counts, options.far, all.impostor), kept);

  StreamResult result;
  result.genuine = all.genuine, result.impostor = all.impostor;
  for (double f : options.far) result.points.push_back(second.keys.operating_point(f, all));
  const int64_t tail_bin = first.all_genuine ? first.counts.tail_bin(options.kept) : kBins;
  const Area a =
      area(first.counts, all, tail_bin,
           first.all_genuine ? std::span(second.tail) : std::span<const RankedPair>(), first.genuine);
  result.auc = a.value, result.auc_error = a.error;
  result.roc = curve(first.counts, all);
  result.genuine_scores = spread(first.genuine), result.impostor_scores = spread(first.impostor);
  result.hardest_genuine = scored(first.hardest_genuine);
  result.hardest_impostor = scored(second.hardest_impostor);
  const StreamIntervals intervals =
      bootstrap_stream(index, {first.genuine, second.tail, first.impostor}, options.far, options.bootstrap);
  result.tar_intervals = intervals.tar, result.auc_interval = intervals.auc;
  return result;
}

}  // namespace fr
