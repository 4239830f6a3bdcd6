// One-shot recognition as a protocol: prototypes of all people, probes of the novel ones.
#include "base/error.h"
#include "fr/protocol/coverage.h"
#include "fr/protocol/pair_figures.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

// Probes of one of the two sets, with their people.
struct Measured {
  std::vector<ProbeResult> probes;
  std::vector<int64_t> people;
};

class OneShotCoverage : public GalleryProtocol {
 public:
  OneShotCoverage(GalleryProbes set, CoverageOptions options)
      : GalleryProtocol(std::move(set), options.of_person), options_(std::move(options)) {
    FR_CHECK(options_.novel.empty() || options_.novel.size() == set_.names.size(),
             "coverage: ", options_.novel.size(), " marks of novel people for ", set_.names.size(),
             " people");
    int64_t measured = 0, mated = 0;
    for (const int64_t person : probe_people())
      if (is_novel(person)) ++measured, mated += enrolled(person);
    if (measured == 0) throw Error(ErrorKind::data, "coverage: no probe is of a novel person");
    if (mated == 0)
      throw Error(ErrorKind::data,
                  cat("coverage: of ", measured, " measured probes none is of a person in the gallery"));
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& protocol) const override {
    const Search found = search(embeddings, calibrator);
    ProtocolResult result = start(calibrator);
    add_all(result, found.found, protocol);
    add_hardest(result, found);
    return result;
  }

  ProtocolResult of_classifier(std::span<const ProbeResult> found, const std::string& score,
                               const ProtocolOptions& protocol) const {
    FR_CHECK(int64_t(found.size()) == set_.probes(), "coverage: expected what ", set_.probes(),
             " probes are named, got ", found.size());
    ProtocolResult result;
    result.score = score, result.calibration = "none";
    result.counts = {{"people of the gallery", enrolled_people()}, {"probes", set_.probes()}};
    result.notes = set_.notes;
    add_all(result, found, protocol);
    return result;
  }

 private:
  void add_all(ProtocolResult& result, std::span<const ProbeResult> found,
               const ProtocolOptions& protocol) const {
    Measured novel, base;
    for (size_t j = 0; j < found.size(); ++j) {
      const int64_t person = probe_people()[j];
      Measured& part = is_novel(person) ? novel : base;
      part.probes.push_back(found[j]), part.people.push_back(person);
    }
    result.protocol = "coverage", result.title = "One-shot recognition";
    result.description =
        "Every probe is given the person of the gallery with the highest score. Coverage at precision P: the "
        "largest share of "
        "the probes that a threshold answers with at least the share P of the answers right.";
    const Identification one(novel.probes);
    add_figures(result, novel, one, protocol);
    if (!base.probes.empty()) add_base(result, novel, base);
    for (const ProbeResult& p : novel.probes)
      (p.rank == 1 ? result.genuine : result.impostor).push_back(double(p.best));
    result.notes.push_back(
        "Histograms: the best scores of probes named rightly, and of those named wrongly.");
  }

  bool is_novel(int64_t person) const { return options_.novel.empty() || options_.novel[size_t(person)]; }

  void add_figures(ProtocolResult& result, const Measured& novel, const Identification& one,
                   const ProtocolOptions& protocol) const {
    const Coverage coverage(novel.probes);
    const auto values = [&](std::span<const float> weights) {
      std::vector<double> v;
      for (const double p : options_.precision) v.push_back(coverage.at_precision(p, weights).coverage);
      v.push_back(one.rank_rate(1, weights));
      return v;
    };
    const PairIdentities who = drawn_with_their_people(novel.people);
    BootstrapOptions bootstrap = protocol.bootstrap;
    bootstrap.replicates = affordable_replicates(
        bootstrap.replicates, int64_t(novel.probes.size() * (options_.precision.size() + 1)), who.people);
    const std::vector<Interval> interval =
        bootstrap_pairs(who, std::vector<uint8_t>(novel.probes.size(), 1), bootstrap, values);
    std::vector<Figure> thresholds;
    for (size_t k = 0; k < options_.precision.size(); ++k) {
      const CoveragePoint p = coverage.at_precision(options_.precision[k]);
      const std::string percent = cat(100 * p.precision);
      Figure figure{"coverage_at_" + percent, cat("coverage at precision ", percent, " %"), p.coverage,
                    interval[k]};
      if (p.coverage == 0) figure.warning = "no threshold is so precise";
      if (!figure.warning.empty()) result.warnings.push_back(figure.name + ": " + figure.warning);
      result.figures.push_back(std::move(figure));
      if (p.coverage > 0)
        thresholds.push_back({"threshold_at_" + percent,
                              cat("its threshold at ", percent, " %"),
                              p.threshold,
                              {},
                              FigureUnit::score});
    }
    result.figures.push_back({"rank_1", "rank 1", one.rank_rate(1), interval.back()});
    result.figures.insert(result.figures.end(), thresholds.begin(), thresholds.end());
    result.curves.push_back({CurveKind::coverage, "", coverage.curve()});
    result.counts.push_back({"measured probes", int64_t(novel.probes.size())});
    result.counts.push_back({"measured probes without a mate", one.non_mated()});
    result.counts.push_back({"people of the measured probes", who.people});
    result.notes.push_back(
        cat("Intervals: ", bootstrap.replicates,
            " bootstrap replicates over the people of the measured probes; the gallery stays."));
  }

  static void add_base(ProtocolResult& result, const Measured& novel, const Measured& base) {
    const Identification one(base.probes);
    result.counts.push_back({"probes of the base set", int64_t(base.probes.size())});
    if (one.mated() > 0)
      result.figures.push_back({"base_rank_1", "rank 1 of the base set", one.rank_rate(1)});
    result.notes.push_back(cat("Measured are the probes of the novel set (", novel.probes.size(),
                               "); the base set is in the gallery, and its probes are only told beside it."));
  }

  CoverageOptions options_;
};

}  // namespace

std::unique_ptr<Protocol> one_shot_coverage(GalleryProbes set, CoverageOptions options) {
  return std::make_unique<OneShotCoverage>(std::move(set), std::move(options));
}

ProtocolResult classifier_coverage(GalleryProbes set, CoverageOptions options,
                                   std::span<const ProbeResult> found, const std::string& score,
                                   const ProtocolOptions& protocol) {
  return OneShotCoverage(std::move(set), std::move(options)).of_classifier(found, score, protocol);
}

}  // namespace fr
