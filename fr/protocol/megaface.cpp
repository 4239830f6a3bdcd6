#include "fr/protocol/megaface.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "fr/protocol/distractor_rates.h"
#include "fr/protocol/pair_figures.h"

namespace fr {
namespace {

constexpr size_t kHardest = 12, kMostScores = 200'000;

class Megaface : public Protocol {
 public:
  explicit Megaface(MegafaceSet set) : set_(std::move(set)) {}
  Megaface(MegafaceSet set, std::vector<float> features, int64_t D)
      : set_(std::move(set)), features_(std::move(features)), D_(D) {
    FR_CHECK(D > 0 && int64_t(features_.size()) == size() * D, "MegaFace: expected ", size(), " x ", D,
             " features, got ", features_.size(), " numbers");
  }
  void read_pictures(fs::path probe_root, fs::path distractor_root) {
    pictures_.names = set_.probes;
    pictures_.names.insert(pictures_.names.end(), set_.distractors.begin(), set_.distractors.end());
    pictures_.picture = [this, probe_root = std::move(probe_root),
                         distractor_root = std::move(distractor_root)](int64_t i) {
      return load_image((i < probes() ? probe_root : distractor_root) / pictures_.names.at(size_t(i)));
    };
  }

  const PictureList& pictures() const override { return pictures_; }
  std::string description() const override {
    return cat("MegaFace challenge 1: ", probes(), " probes of ", people(), " people among ",
               set_.distractors.size(), " distractors", D_ > 0 ? ", their features from files" : "");
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& options) const override {
    ProtocolResult result;
    result.protocol = "megaface", result.title = "MegaFace challenge 1";
    result.description =
        "Every photo of a person searches for every other one of the same person among the distractors (ties "
        "favour the mate). "
        "TAR: pairs of photos of a person against all pairs of a probe and a distractor.";
    result.score = calibrator.score(), result.calibration = calibrator.name();
    result.notes = set_.notes;
    const std::vector<int64_t> sizes = distractor_sizes(set_.listed);
    std::vector<double> far = options.far;
    far.insert(far.end(), options.card.begin(), options.card.end());
    const DistractorTest tested = test(embeddings, calibrator, sizes, far);
    add_figures(result, tested, sizes, far, options);
    add_scores(result, tested);
    return result;
  }

 private:
  int64_t probes() const { return int64_t(set_.probes.size()); }
  int64_t size() const { return probes() + int64_t(set_.distractors.size()); }
  int64_t people() const { return *std::max_element(set_.people.begin(), set_.people.end()) + 1; }

  DistractorTest test(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                      const std::vector<int64_t>& sizes, const std::vector<double>& far) const {
    std::vector<float> joined;
    const EmbeddingView all = rows(embeddings, joined);
    const auto part = [&](int64_t first, int64_t n) {
      return calibrator.prepare({all.values.subspan(size_t(first * all.D), size_t(n * all.D)), n, all.D});
    };
    const CalibratedRows probe_rows = part(0, probes()), distractors = part(probes(), size() - probes());
    DistractorTest t{genuine_trials(calibrator, probe_rows, set_.people), {}};
    DistractorOptions options;
    options.sizes = sizes, options.far = far;
    t.found = test_distractors(calibrator, probe_rows, distractors, set_.places, t.trials, options);
    return t;
  }

  // The features, or the embeddings; `joined` holds them when there are several models.
  EmbeddingView rows(const ModelEmbeddings& embeddings, std::vector<float>& joined) const {
    const int64_t expected = D_ > 0 ? 0 : size();
    for (const EmbeddingView& e : embeddings)
      FR_CHECK(e.N == expected && int64_t(e.values.size()) == e.N * e.D, "MegaFace: expected ", expected,
               " embeddings, got ", e.N, " x ", e.D, " in ", e.values.size(), " numbers");
    if (D_ > 0) return {features_, size(), D_};
    FR_CHECK(!embeddings.empty(), "MegaFace: expected the embeddings of a model or more");
    if (embeddings.size() == 1) return embeddings[0];
    joined = side_by_side(embeddings);
    return {joined, size(), int64_t(joined.size()) / size()};
  }

  void add_figures(ProtocolResult& result, const DistractorTest& tested, const std::vector<int64_t>& sizes,
                   const std::vector<double>& far, const ProtocolOptions& options) const {
    const DistractorRates rates(tested, set_.people, far);
    const std::vector<double> rank_1 = rates.rank_1(std::vector<float>(size_t(rates.people()), 1));
    BootstrapOptions bootstrap = options.bootstrap;
    bootstrap.replicates = affordable_replicates(
        bootstrap.replicates, int64_t(tested.trials.size() + tested.found.tail.size()), rates.people());
    result.notes.push_back(
        cat("Intervals: ", bootstrap.replicates,
            " bootstrap replicates over the people of the probes; the distractors stay as they are."));
    const std::vector<Interval> intervals = intervals_of(rates, bootstrap);
    for (size_t k = sizes.size(); k-- > 0;)
      result.figures.push_back({cat("rank_1_among_", sizes[k]),
                                cat("rank 1 among ", sizes[k], " distractors"), rank_1[k], intervals[k]});
    for (size_t k = 0; k < far.size(); ++k) {
      const OperatingPoint& p = tested.found.points[k];
      const Interval& interval = intervals[sizes.size() + k];
      if (k < options.far.size())
        add_tar(result, p, interval, tested.found.impostors);
      else
        result.card.push_back({p.far, p.threshold, p.realised_far, p.tar, interval, !p.too_few_impostors});
    }
    tell_counts(result, tested);
  }

  // A person is a "pair" with itself: drawn as often.
  static std::vector<Interval> intervals_of(const DistractorRates& rates, const BootstrapOptions& options) {
    PairIdentities who{{}, {}, rates.people()};
    for (int64_t p = 0; p < who.people; ++p) who.a.push_back(p);
    who.b = who.a;
    const std::vector<uint8_t> same(who.a.size(), 1);
    return bootstrap_pairs(who, same, options, [&](std::span<const float> weights) {
      std::vector<double> values = rates.rank_1(weights);
      const std::vector<double> tar = rates.tar(weights);
      values.insert(values.end(), tar.begin(), tar.end());
      return values;
    });
  }

  static void add_tar(ProtocolResult& result, const OperatingPoint& p, const Interval& interval,
                      int64_t impostors) {
    Figure figure{"tar_at_far_" + rate_key(p.far), "TAR at FAR " + rate_words(p.far), p.tar, interval};
    if (p.too_few_impostors) {
      figure.warning = cat("not resolvable: ", impostors, " impostor pairs, none may be accepted");
      result.warnings.push_back(figure.name + ": " + figure.warning);
    }
    result.figures.push_back(std::move(figure));
  }

  void tell_counts(ProtocolResult& result, const DistractorTest& tested) const {
    const int64_t impostors = tested.found.impostors;
    result.counts = {{"people", people()},
                     {"probes", probes()},
                     {"distractors", int64_t(set_.distractors.size())},
                     {"genuine trials", int64_t(tested.trials.size())},
                     {"impostor pairs", impostors}};
    if (int64_t(tested.found.tail.size()) < impostors)
      result.notes.push_back(
          cat("TAR beyond the highest ", tested.found.tail.size(), " impostor scores has no interval."));
  }

  void add_scores(ProtocolResult& result, const DistractorTest& t) const {
    result.curves.push_back({CurveKind::roc, "", roc_of(t)});
    std::vector<GenuineTrial> trials = t.trials;
    std::stable_sort(trials.begin(), trials.end(),
                     [](const GenuineTrial& a, const GenuineTrial& b) { return a.score < b.score; });
    const size_t step = (trials.size() + kMostScores - 1) / kMostScores;
    for (size_t i = 0; i < trials.size(); i += step) result.genuine.push_back(trials[i].score);
    result.impostor = t.found.sample;
    if (pictures_.names.empty()) return;  // features from files: no pictures to show
    for (size_t i = 0; i < trials.size() && result.hardest_genuine.size() < kHardest; ++i)
      if (trials[i].gallery < trials[i].probe)
        result.hardest_genuine.push_back({trials[i].gallery, trials[i].probe, trials[i].score});
    for (size_t i = 0; i < std::min(kHardest, t.found.tail.size()); ++i) {
      const ImpostorScore& s = t.found.tail[i];
      result.hardest_impostor.push_back({probes() + s.distractor, s.probe, s.score});
    }
  }

  MegafaceSet set_;
  std::vector<float> features_;  // (probes + distractors, D); none: embeddings are given
  int64_t D_ = 0;
  PictureList pictures_;
};

}  // namespace

std::vector<int64_t> distractor_sizes(int64_t listed) {
  std::vector<int64_t> sizes;
  for (int64_t n = 10; n < listed; n *= 10) sizes.push_back(n);
  sizes.push_back(listed);
  return sizes;
}

std::unique_ptr<Protocol> megaface(MegafaceSet set, fs::path probe_root, fs::path distractor_root) {
  auto protocol = std::make_unique<Megaface>(std::move(set));
  protocol->read_pictures(std::move(probe_root), std::move(distractor_root));
  return protocol;
}

std::unique_ptr<Protocol> megaface_features(MegafaceSet set, std::vector<float> features, int64_t D) {
  return std::make_unique<Megaface>(std::move(set), std::move(features), D);
}

}  // namespace fr
