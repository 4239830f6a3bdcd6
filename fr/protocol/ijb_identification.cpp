// IJB 1:N.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "fr/protocol/ijb.h"
#include "fr/protocol/open_set.h"
#include "fr/protocol/pair_figures.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

constexpr int64_t kRanks[] = {1, 5, 10};
constexpr int64_t kLongestCmc = 100;

// All galleries; a rate is the mean over them.
struct Galleries {
  std::vector<Identification> each;

  template <class F>  // f(one) -> number
  double mean(const F& f) const {
    double sum = 0;
    for (const Identification& one : each) sum += f(one);
    return sum / double(each.size());
  }
  double rank_rate(int64_t rank, std::span<const float> weights = {}) const {
    return mean([&](const Identification& one) { return one.rank_rate(rank, weights); });
  }
  double tpir(double fpir, std::span<const float> weights = {}) const {
    return mean(
        [&](const Identification& one) { return one.at_fpir(fpir, 1, FpirRule::nist, weights).rate; });
  }
  // One threshold for a deployment: the strictest of the galleries'.
  CardRow card(double fpir, std::span<const float> weights = {}) const {
    CardRow row{fpir, -std::numeric_limits<double>::infinity()};
    for (const Identification& one : each) {
      const IdentificationPoint p = one.at_fpir(fpir, 1, FpirRule::nist, weights);
      if (std::isnan(p.threshold) || p.threshold > row.threshold) row.threshold = p.threshold;
      row.resolved = row.resolved && !p.too_few;
    }
    row.tar =
        mean([&](const Identification& one) { return one.at_threshold(row.threshold, 1, weights).rate; });
    row.realised_far = mean(
        [&](const Identification& one) { return one.at_threshold(row.threshold, 1, weights).realised_fpir; });
    return row;
  }
  int64_t fewest_non_mated() const {
    int64_t fewest = each[0].non_mated();
    for (const Identification& one : each) fewest = std::min(fewest, one.non_mated());
    return fewest;
  }
};

class IjbIdentification : public IjbProtocol {
 public:
  IjbIdentification(IjbInput input, std::vector<IjbGallery> galleries, IjbSubjects probes)
      : IjbProtocol(std::move(input)), galleries_(std::move(galleries)), probes_(std::move(probes)) {
    FR_CHECK(!galleries_.empty(), input_.title, " 1:N: expected a gallery or more");
    check_apart();
    for (const IjbGallery& g : galleries_)
      check_open_set(g.entries.subjects, probes_.subjects, cat(input_.title, " 1:N: gallery ", g.name));
  }

  std::string description() const override {
    std::string text = cat(input_.title, " 1:N: ", probes_.templates.size(), " probes against galleries");
    for (const IjbGallery& g : galleries_) text += cat(" ", g.name, " (", g.entries.templates.size(), ")");
    return text + cat(" of templates of ", input_.set.pictures.size(), " pictures");
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& options) const override {
    ProtocolResult result = start("ijb_1_n", "1:N", calibrator);
    result.description =
        "Probes search each gallery by itself; a probe whose subject is not in it has no mate. TPIR at FPIR "
        "as NIST defines it, "
        "ranks of the closed set; means over the galleries.";
    const Rows templates = pool(embeddings, calibrator);
    const CalibratedRows probes = calibrator.prepare(take(templates, probes_.templates).view());
    Galleries all;
    for (const IjbGallery& g : galleries_) {
      const CalibratedRows rows = calibrator.prepare(take(templates, g.entries.templates).view());
      const std::vector<ProbeResult> found =
          search_probes({&calibrator, &rows, g.entries.subjects, &probes, probes_.subjects});
      all.each.emplace_back(found);
      tell_gallery(result, g, all.each.back(), found);
    }
    result.counts.push_back({"probes", int64_t(probes_.templates.size())});
    result.notes.insert(result.notes.end(), probes_.notes.begin(), probes_.notes.end());
    add_figures(result, all, options);
    result.notes.push_back(
        "Card: FAR stands for FPIR, TAR for TPIR, against one gallery; the threshold is the strictest of the "
        "galleries'. "
        "Histograms: scores of mates, and the best score of each probe without a mate.");
    return result;
  }

 private:
  void check_apart() const {
    const std::set<int32_t> searching(probes_.templates.begin(), probes_.templates.end());
    for (const IjbGallery& g : galleries_)
      for (int32_t t : g.entries.templates)
        if (searching.count(t))
          throw Error(ErrorKind::data,
                      cat(input_.title, " 1:N: template ", input_.set.template_ids[size_t(t)],
                          " is a probe and in gallery ", g.name));
  }

  static Rows take(const Rows& rows, const std::vector<int32_t>& places) {
    Rows out{{}, int64_t(places.size()), rows.D};
    out.values.reserve(places.size() * size_t(rows.D));
    for (int32_t t : places)
      out.values.insert(out.values.end(), rows.values.begin() + t * rows.D,
                        rows.values.begin() + (t + 1) * rows.D);
    return out;
  }

  void tell_gallery(ProtocolResult& result, const IjbGallery& g, const Identification& one,
                    const std::vector<ProbeResult>& found) const {
    const auto size = int64_t(g.entries.templates.size());
    result.counts.push_back({"gallery " + g.name, size});
    result.counts.push_back({"probes with a mate in " + g.name, one.mated()});
    result.counts.push_back({"probes without a mate in " + g.name, one.non_mated()});
    result.notes.insert(result.notes.end(), g.entries.notes.begin(), g.entries.notes.end());
    ProtocolCurve cmc{CurveKind::cmc, g.name, {}};
    const std::vector<double> shares = one.cmc(std::min(size, kLongestCmc));
    for (size_t r = 0; r < shares.size(); ++r) cmc.points.push_back({double(r + 1), shares[r]});
    result.curves.push_back(std::move(cmc));
    result.curves.push_back({CurveKind::dir, g.name, one.dir_curve(1)});
    for (const ProbeResult& p : found)
      (p.mated() ? result.genuine : result.impostor).push_back(p.mated() ? p.mate : p.best);
  }

  void add_figures(ProtocolResult& result, const Galleries& all, const ProtocolOptions& options) const {
    const PairIdentities who = drawn_with_their_people(probes_.subjects);
    result.counts.push_back({"subjects of the probes", who.people});
    const std::vector<uint8_t> same(probes_.subjects.size(), 1);
    const auto values = [&](std::span<const float> weights) {
      std::vector<double> v;
      for (double f : options.far) v.push_back(all.tpir(f, weights));
      for (int64_t r : kRanks) v.push_back(all.rank_rate(r, weights));
      for (double f : options.card) v.push_back(all.card(f, weights).tar);
      return v;
    };
    const std::vector<double> value = values({});
    const BootstrapOptions bootstrap =
        afforded(options.bootstrap, int64_t(same.size() * value.size()), who.people, result);
    const std::vector<Interval> interval = bootstrap_pairs(who, same, bootstrap, values);
    size_t k = 0;
    for (double f : options.far) add_tpir(result, f, value[k], interval[k], all.fewest_non_mated()), ++k;
    for (int64_t r : kRanks)
      result.figures.push_back({cat("rank_", r), cat("rank ", r), value[k], interval[k]}), ++k;
    for (double f : options.card)
      result.card.push_back(all.card(f)), result.card.back().tar_interval = interval[k++];
  }

  // `steps`: of a replicate, for each gallery.
  BootstrapOptions afforded(BootstrapOptions bootstrap, int64_t steps, int64_t people,
                            ProtocolResult& result) const {
    bootstrap.replicates =
        affordable_replicates(bootstrap.replicates, steps * int64_t(galleries_.size()), people);
    result.notes.push_back(
        cat("Intervals: ", bootstrap.replicates,
            " bootstrap replicates over the subjects of the probes; the galleries stay as they are."));
    return bootstrap;
  }

  static void add_tpir(ProtocolResult& result, double fpir, double value, const Interval& interval,
                       int64_t non_mated) {
    Figure figure{"tpir_at_fpir_" + rate_key(fpir), "TPIR at FPIR " + rate_words(fpir), value, interval};
    if (fpir * double(non_mated) < 1) {
      figure.warning =
          cat("not resolvable: of ", non_mated, " probes without a mate none may raise an alarm");
      result.warnings.push_back(figure.name + ": " + figure.warning);
    }
    result.figures.push_back(std::move(figure));
  }

  std::vector<IjbGallery> galleries_;
  IjbSubjects probes_;
};

}  // namespace

std::unique_ptr<Protocol> ijb_identification(IjbInput input, std::vector<IjbGallery> galleries,
                                             IjbSubjects probes) {
  return std::make_unique<IjbIdentification>(std::move(input), std::move(galleries), std::move(probes));
}

}  // namespace fr
