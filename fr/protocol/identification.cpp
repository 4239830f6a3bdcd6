#include "fr/protocol/identification.h"

#include <algorithm>

#include "base/error.h"
#include "fr/protocol/pair_figures.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

constexpr int64_t kRanks[] = {1, 5, 10, 20, 50};
constexpr int64_t kLongestCmc = 100;

class GalleryIdentification : public GalleryProtocol {
 public:
  GalleryIdentification(GalleryProbes set, IdentificationOptions options)
      : GalleryProtocol(std::move(set), options.of_person), options_(std::move(options)) {
    const auto mated =
        std::count_if(probe_people().begin(), probe_people().end(), [&](int64_t p) { return enrolled(p); });
    if (mated == 0)
      throw Error(ErrorKind::data,
                  cat("identification: of ", set_.probes(), " probes none is of a person in the gallery"));
    if (mated == set_.probes() && options_.open_set == OpenSet::required)
      throw Error(ErrorKind::data, cat("identification: open_set = required, but each of ", mated,
                                       " probes is of a person in the gallery"));
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& protocol) const override {
    const Search found = search(embeddings, calibrator);
    const Identification one(found.found);
    ProtocolResult result = start(calibrator);
    result.protocol = "identification", result.title = "Identification";
    const bool open = one.non_mated() > 0 && options_.open_set != OpenSet::none;
    result.description =
        "Every probe searches the gallery; its rank is 1 + the people who score higher than its mate.";
    if (open)
      result.description +=
          cat(" Open set: TPIR is the share of the probes with a mate who find it first and above a "
              "threshold that the share FPIR of those without a mate reaches (rule ",
              options_.rule == FpirRule::nist ? "of NIST" : "of BLUFR", ").");
    result.counts.push_back({"probes with a mate", one.mated()});
    result.counts.push_back({"probes without a mate", one.non_mated()});
    add_figures(result, one, open, found.probe_people, protocol);
    add_curves(result, one, open);
    for (const ProbeResult& p : found.found)
      (p.mated() ? result.genuine : result.impostor).push_back(double(p.mated() ? p.mate : p.best));
    add_hardest(result, found);
    return result;
  }

 private:
  std::vector<int64_t> ranks() const {
    std::vector<int64_t> ranks;
    for (const int64_t r : kRanks)
      if (r == 1 || r < enrolled_people()) ranks.push_back(r);
    return ranks;
  }

  void add_figures(ProtocolResult& result, const Identification& one, bool open,
                   std::span<const int64_t> people, const ProtocolOptions& protocol) const {
    std::vector<double> fpir;  // of the figures, then of the card
    if (open) {
      fpir = options_.fpir;
      fpir.insert(fpir.end(), protocol.card.begin(), protocol.card.end());
    }
    const auto values = [&](std::span<const float> weights) {
      std::vector<double> v;
      for (const int64_t r : ranks()) v.push_back(one.rank_rate(r, weights));
      for (const double f : fpir) v.push_back(one.at_fpir(f, 1, options_.rule, weights).rate);
      return v;
    };
    const PairIdentities who = drawn_with_their_people(people);
    BootstrapOptions bootstrap = protocol.bootstrap;
    const std::vector<double> value = values({});
    bootstrap.replicates =
        affordable_replicates(bootstrap.replicates, int64_t(people.size() * value.size()), who.people);
    const std::vector<Interval> interval =
        bootstrap_pairs(who, std::vector<uint8_t>(people.size(), 1), bootstrap, values);
    result.counts.push_back({"people of the probes", who.people});
    size_t k = 0;
    for (const int64_t r : ranks())
      result.figures.push_back({cat("rank_", r), cat("rank ", r), value[k], interval[k]}), ++k;
    for (const double f : fpir) {
      const IdentificationPoint p = one.at_fpir(f, 1, options_.rule);
      if (k < ranks().size() + options_.fpir.size())
        add_tpir(result, p, one.non_mated(), interval[k]);
      else
        result.card.push_back({f, p.threshold, p.realised_fpir, p.rate, interval[k], !p.too_few});
      ++k;
    }
    result.notes.push_back(
        cat("Intervals: ", bootstrap.replicates,
            " bootstrap replicates over the people of the probes; the gallery stays as it is."));
    if (open) result.notes.emplace_back("Card: FAR stands for FPIR, TAR for TPIR, against this gallery.");
  }

  static void add_tpir(ProtocolResult& result, const IdentificationPoint& p, int64_t others,
                       const Interval& interval) {
    Figure figure{"tpir_at_fpir_" + rate_key(p.fpir), "TPIR at FPIR " + rate_words(p.fpir), p.rate, interval};
    if (p.too_few)
      figure.warning =
          cat("not resolvable: fewer than one false alarm is expected of ", others, " probes without a mate");
    if (!figure.warning.empty()) result.warnings.push_back(figure.name + ": " + figure.warning);
    result.figures.push_back(std::move(figure));
  }

  void add_curves(ProtocolResult& result, const Identification& one, bool open) const {
    ProtocolCurve cmc{CurveKind::cmc, "", {}};
    for (const double share : one.cmc(std::min(enrolled_people(), kLongestCmc)))
      cmc.points.push_back({double(cmc.points.size() + 1), share});
    result.curves.push_back(std::move(cmc));
    if (open) result.curves.push_back({CurveKind::dir, "rank 1", one.dir_curve(1)});
  }

  IdentificationOptions options_;
};

}  // namespace

std::unique_ptr<Protocol> identification(GalleryProbes set, IdentificationOptions options) {
  return std::make_unique<GalleryIdentification>(std::move(set), std::move(options));
}

}  // namespace fr
