// Results of protocols as a real model gives them, from drawn scores: figures, curves and cards are computed by the library.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "base/philox.h"
#include "fr/protocol/metrics.h"
#include "fr/protocol/protocol.h"

namespace fr {

struct DrawnScores {
  std::vector<double> scores;
  std::vector<uint8_t> same;
  ScoreView view() const { return {scores, same}; }
};

// Genuine scores around `mean` with a long lower tail, impostor scores around 0.
inline DrawnScores drawn_scores(int64_t genuine, int64_t impostor, double mean, uint64_t seed) {
  DrawnScores drawn;
  Random random({seed});
  for (int64_t i = 0; i < genuine; ++i) {
    const double tail = random.chance(0.05) ? 0.25 * random.uniform() : 0;
    drawn.scores.push_back(mean - tail + 0.11 * random.normal()), drawn.same.push_back(1);
  }
  for (int64_t i = 0; i < impostor; ++i)
    drawn.scores.push_back(0.02 + 0.085 * random.normal()), drawn.same.push_back(0);
  return drawn;
}

// Of a share that n pairs measure: +- 1.96 standard deviations, within 0..1.
inline Interval drawn_interval(double share, double n) {
  const double room = 1.96 * std::sqrt(share * (1 - share) / n) + 0.5 / n;
  return {std::max(0.0, share - room), std::min(1.0, share + room)};
}

inline void add_operating_points(ProtocolResult& r, const DrawnScores& drawn, double genuine,
                                 double impostor) {
  for (const double far : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5}) {
    const OperatingPoint p = tar_at_far(drawn.view(), far);
    r.card.push_back(
        {far, p.threshold, p.realised_far, p.tar, drawn_interval(p.tar, genuine), far * impostor >= 1});
    if (far > 0.05) continue;
    const int e = int(std::lround(std::log10(far)));
    r.figures.push_back({"tar_at_far_1e" + std::to_string(e), "TAR at FAR 1e" + std::to_string(e), p.tar,
                         drawn_interval(p.tar, genuine), FigureUnit::share,
                         far * impostor < 1 ? "fewer than one impostor pair" : ""});
  }
}

// `pictures`: how many there are in the list of pictures.
inline ProtocolResult drawn_verification(const std::string& title, const std::string& calibration,
                                         double mean, int64_t pictures, uint64_t seed) {
  constexpr int64_t kEach = 3000;
  const DrawnScores drawn = drawn_scores(kEach, kEach, mean, seed);
  ProtocolResult r;
  r.protocol = "verification", r.title = title, r.calibration = calibration;
  r.description = "6000 pairs in 10 folds; the threshold of each fold is the best of the nine others.";
  r.score = calibration == "none" ? "cosine similarity" : "cosine similarity, " + calibration;
  r.counts = {{"genuine pairs", kEach}, {"impostor pairs", kEach}, {"pictures", 7701}, {"people", 4281}};
  r.threshold = best_threshold(drawn.view(), ThresholdMode::exact);
  const double accuracy = accuracy_at(drawn.view(), r.threshold, ThresholdMode::exact),
               area = auc(drawn.view()), equal = eer(drawn.view());
  r.figures = {{"accuracy", "accuracy", accuracy, drawn_interval(accuracy, 2 * kEach)},
               {"auc", "AUC", area, {area - 0.0006, area + 0.0004}, FigureUnit::number},
               {"eer", "equal error rate (EER)", equal, drawn_interval(equal, kEach)}};
  add_operating_points(r, drawn, kEach, kEach);
  r.figures.push_back({"threshold", "threshold (mean of the folds)", r.threshold, {}, FigureUnit::score});
  ProtocolCurve curve;
  for (const RocPoint& p : roc(drawn.view())) curve.points.emplace_back(p.far, p.tar);
  r.curves.push_back(curve);
  for (int64_t i = 0; i < 2 * kEach; ++i) {
    const bool same = drawn.same[size_t(i)];
    (same ? r.genuine : r.impostor).push_back(drawn.scores[size_t(i)]);
    r.scores.push_back(
        {i % pictures, (i + 1) % pictures, drawn.scores[size_t(i)], same, int(i % kEach / 300)});
  }
  for (int64_t i = 0; i < 12; ++i) {
    r.hardest_genuine.push_back({i % pictures, (i + 3) % pictures, -0.02 + 0.021 * double(i)});
    r.hardest_impostor.push_back({(2 * i) % pictures, (5 * i + 1) % pictures, 0.36 - 0.011 * double(i)});
  }
  return r;
}

inline void add_groups(ProtocolResult& r) {
  r.group_title = "ethnicity";
  double frr = 0.011;
  for (const char* group : {"African", "Asian", "Caucasian", "Indian"}) {
    const double far = frr * 0.8;
    r.groups.push_back({group, 3000, 3000, 1 - (far + frr) / 2, far, frr,
                        drawn_interval(1 - (far + frr) / 2, 6000), drawn_interval(far, 3000),
                        drawn_interval(frr, 3000)});
    frr = frr > 0.03 ? 0.006 : frr * 2.1;
  }
}

// Closed and open set: CMC and DIR curves, coverage at precision.
inline ProtocolResult drawn_identification(uint64_t seed) {
  ProtocolResult r;
  r.protocol = "identification", r.title = "Gallery & probes", r.calibration = "none";
  r.description =
      "1,000 people in the gallery, one picture each; 4,000 probes of known people and 2,000 of strangers.";
  r.score = "cosine similarity";
  r.counts = {{"gallery", 1000}, {"known probes", 4000}, {"unknown probes", 2000}};
  Random random({seed});
  ProtocolCurve cmc{CurveKind::cmc, "", {}}, dir{CurveKind::dir, "", {}},
      coverage{CurveKind::coverage, "", {}};
  for (int rank = 1; rank <= 1000; rank += rank < 20 ? 1 : 20)
    cmc.points.emplace_back(rank, 1 - 0.08 / std::pow(rank, 0.8));
  for (int i = 1; i <= 2000; ++i)
    dir.points.emplace_back(i / 2000.0, 0.93 - 0.3 * std::pow(1 - i / 2000.0, 40) - 0.05 * (1 - i / 2000.0));
  for (int i = 0; i <= 200; ++i)
    coverage.points.emplace_back(i / 200.0, 1 - 0.08 * std::pow(i / 200.0, 6) - 0.002 * random.uniform());
  r.curves = {cmc, dir, coverage};
  r.figures = {{"rank_1", "rank-1 identification rate", 0.92, {0.911, 0.928}},
               {"tpir_at_fpir_1e-2", "TPIR at FPIR 1e-2", 0.7312, {0.70, 0.76}},
               {"coverage_at_precision_0.99", "coverage at 99 % precision", 0.713, {0.68, 0.74}}};
  return r;
}

}  // namespace fr
