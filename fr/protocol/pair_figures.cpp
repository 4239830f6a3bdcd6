#include "fr/protocol/pair_figures.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

constexpr double kSteps = 2e9;           // of all replicates together: some ten seconds
constexpr double kDraw = 5;              // steps: drawing a person costs as much as passing by so many pairs
constexpr int64_t kFewReplicates = 100;  // never fewer than these
constexpr double kFewImpostors = 10;     // a FAR that rests on fewer is barely measured
constexpr int64_t kHistogram = 200'000;  // scores of a kind

void note_bootstrap(ProtocolResult& result, const BootstrapOptions& asked, const BootstrapOptions& used) {
  if (used.replicates == 0) return;
  std::string note = cat("Intervals: ", rate_words(used.confidence), ", ", used.replicates,
                         " bootstrap replicates over identities");
  if (used.replicates < asked.replicates)
    note += cat(" (of ", asked.replicates, " asked for: the pairs are many)");
  result.notes.push_back(note + ".");
}

std::string why_not_trusted(double far, int64_t impostor) {
  const double rests_on = far * double(impostor);
  if (rests_on < 1) return cat("not resolvable: ", impostor, " impostor pairs, none may be accepted");
  if (rests_on < kFewImpostors - 1e-9)
    return cat("rests on ", int64_t(rests_on + 1e-9), " of ", impostor, " impostor pairs");
  return {};
}

void add_figures(ProtocolResult& result, const SortedPairs& s, const CurveFigures& f,
                 std::span<const Interval> intervals, std::span<const double> far) {
  result.figures.push_back({"auc", "AUC", f.auc, intervals[0]});
  result.figures.push_back({"eer", "EER", f.eer, intervals[1]});
  for (size_t k = 0; k < far.size(); ++k) {
    const std::string name = "TAR at FAR " + rate_words(far[k]);
    const std::string warning = why_not_trusted(far[k], s.impostor);
    result.figures.push_back({"tar_at_far_" + rate_key(far[k]), name, f.points[k].tar, intervals[2 + k],
                              FigureUnit::share, warning});
    if (!warning.empty()) result.warnings.push_back(name + ": " + warning);
  }
}

void set_card(ProtocolResult& result, std::span<const OperatingPoint> points,
              std::span<const Interval> intervals) {
  result.card.clear();
  for (size_t k = 0; k < points.size(); ++k) {
    const OperatingPoint& p = points[k];
    result.card.push_back({p.far, p.threshold, p.realised_far, p.tar, intervals[k], !p.too_few_impostors});
  }
}

void add_curves(ProtocolResult& result, const SortedPairs& s) {
  ProtocolCurve roc{CurveKind::roc, "", {}}, det{CurveKind::det, "", {}};
  for (const RocPoint& p : thinned_roc(s)) {
    roc.points.push_back({p.far, p.tar});
    det.points.push_back({p.far, 1 - p.tar});
  }
  result.curves.push_back(std::move(roc)), result.curves.push_back(std::move(det));
}

void add_counts(ProtocolResult& result, const SortedPairs& s) {
  const PairIdentities& who = s.pairs.identities;
  std::vector<bool> occurs(size_t(who.people), false);
  for (size_t i = 0; i < who.a.size(); ++i) occurs[size_t(who.a[i])] = occurs[size_t(who.b[i])] = true;
  result.counts.push_back({"genuine pairs", s.genuine});
  result.counts.push_back({"impostor pairs", s.impostor});
  result.counts.push_back({"identities", std::count(occurs.begin(), occurs.end(), true)});
}

}  // namespace

void add_pair_figures(ProtocolResult& result, const PairScores& pairs, const ProtocolOptions& options) {
  const SortedPairs s = sort_pairs(pairs);
  std::vector<double> far = options.far;
  far.insert(far.end(), options.card.begin(), options.card.end());
  BootstrapOptions bootstrap = options.bootstrap;
  bootstrap.replicates =
      affordable_replicates(bootstrap.replicates, int64_t(pairs.scores.size()), pairs.identities.people);
  const std::vector<Interval> intervals =
      bootstrap_pairs(s.pairs.identities, s.pairs.same, bootstrap, [&](std::span<const float> weights) {
        const CurveFigures f = curve_figures(s, weights, far);
        std::vector<double> values = {f.auc, f.eer};
        for (const OperatingPoint& p : f.points) values.push_back(p.tar);
        return values;
      });
  const CurveFigures f = curve_figures(s, {}, far);
  add_figures(result, s, f, intervals, options.far);
  set_card(result, std::span(f.points).subspan(options.far.size()),
           std::span(intervals).subspan(2 + options.far.size()));
  add_curves(result, s), add_counts(result, s);
  result.genuine = spread_scores(s, PairKind::genuine, kHistogram);
  result.impostor = spread_scores(s, PairKind::impostor, kHistogram);
  note_bootstrap(result, options.bootstrap, bootstrap);
}

int64_t affordable_replicates(int64_t asked, int64_t pairs, int64_t people) {
  const double steps = double(pairs) + kDraw * double(people);
  return steps * double(asked) <= kSteps ? asked
                                         : std::min(asked, std::max(kFewReplicates, int64_t(kSteps / steps)));
}

std::string rate_key(double rate) {
  char buffer[32];
  std::string text(buffer,
                   std::to_chars(buffer, buffer + sizeof buffer, rate, std::chars_format::scientific).ptr);
  const size_t e = text.find('e');
  if (e == std::string::npos) return text;
  const int exponent = std::stoi(text.substr(e + 1));
  return text.substr(0, e) + (exponent ? cat('e', exponent) : "");
}

std::string rate_words(double rate) { return cat(100 * rate, " %"); }

}  // namespace fr
