#include "fr/protocol/blufr.h"

#include <cmath>

#include "base/error.h"
#include "data/folder.h"
#include "data/image.h"
#include "data/missing.h"
#include "fr/protocol/blufr_trials.h"
#include "fr/protocol/pair_figures.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

constexpr size_t kPublishedTrials = 10, kPublishedPictures = 13233;

// What a weighting of the people makes of every trial: values[k][trial].
using OverTrials = std::vector<std::vector<double>>;

class Blufr : public Protocol {
 public:
  Blufr(BlufrInput input, BlufrOptions options) : input_(std::move(input)), options_(std::move(options)) {
    FR_CHECK(!options_.far.empty() && !options_.fpir.empty(),
             "BLUFR: expected a rate or more of either kind");
    pictures_.names = input_.lists.images;
    pictures_.picture = [this](int64_t i) { return load_image(input_.root / pictures_.names.at(size_t(i))); };
    const PairIdentities who = drawn_with_their_people(input_.lists.people);
    people_ = who.a, count_ = who.people;
    for (size_t t = 0; t < trials().size(); ++t)
      check_open_set(people_at(people_, trials()[t].gallery), people_at(people_, trials()[t].probe),
                     cat("BLUFR: trial ", t + 1));
  }

  const PictureList& pictures() const override { return pictures_; }
  std::string description() const override {
    return cat(trials().size(), " trials of ", pictures_.names.size(), " pictures of ", count_, " people");
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& protocol) const override {
    ProtocolResult result;
    result.protocol = "blufr", result.title = "LFW BLUFR";
    result.description =
        "Every trial compares all pairs of its test set (VR at FAR) and searches its probes in its gallery "
        "(DIR at "
        "FAR, rank 1). The threshold at a FAR f is the round(f N)-th largest impostor score. Reported is the "
        "mean over "
        "the trials minus their standard deviation, as the protocol wants, and the mean.";
    result.score = calibrator.score(), result.calibration = calibrator.name();
    result.notes = input_.notes;
    if (trials().size() != kPublishedTrials || pictures_.names.size() != kPublishedPictures)
      result.warnings.push_back(cat("BLUFR has ", kPublishedTrials, " trials of ", kPublishedPictures,
                                    " pictures, these lists ", trials().size(), " of ",
                                    pictures_.names.size(), ": not the published protocol"));
    const std::vector<BlufrTested> tested = test(embeddings, calibrator, protocol);
    add_counts(result, tested);
    add_figures(result, tested, protocol);
    add_card(result, tested, protocol);
    add_curves(result, tested, options_.fpir);
    add_scores(result, tested);
    return result;
  }

 private:
  const std::vector<BlufrTrial>& trials() const { return input_.lists.trials; }

  std::vector<BlufrTested> test(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                                const ProtocolOptions& protocol) const {
    const auto N = int64_t(pictures_.names.size());
    const std::vector<float> joined = rows_of_models(embeddings, N, "BLUFR");
    std::vector<std::string> names;
    for (const std::string& picture : pictures_.names) names.push_back(folder::person_of(picture));
    const CalibratedRows rows = calibrator.prepare({joined, N, int64_t(joined.size()) / N, names});
    return test_trials(trials(), {calibrator, rows, people_, count_}, options_.far, protocol.card);
  }

  // VR at each FAR, DIR at each FPIR, and TAR at each FAR. weights (people).
  OverTrials weighted(const std::vector<BlufrTested>& tested, std::span<const float> weights) const {
    OverTrials values(2 * options_.far.size() + options_.fpir.size());
    for (const BlufrTested& t : tested) {
      std::vector<float> of_probes;
      for (const int64_t p : t.probe_people) of_probes.push_back(weights[size_t(p)]);
      auto value = values.begin();
      for (const double rate : t.rates.rates(weights, FarRule::blufr)) (value++)->push_back(rate);
      for (const double f : options_.fpir)
        (value++)->push_back(t.open.at_fpir(f, 1, FpirRule::blufr, of_probes).rate);
      for (const double rate : t.rates.rates(weights, FarRule::at_most)) (value++)->push_back(rate);
    }
    return values;
  }
  OverTrials unweighted(const std::vector<BlufrTested>& tested) const {
    OverTrials values(2 * options_.far.size() + options_.fpir.size());
    for (const BlufrTested& t : tested) {
      auto value = values.begin();
      for (const BlufrPoint& p : t.rates.points()) (value++)->push_back(p.rate);
      for (const double f : options_.fpir) (value++)->push_back(t.open.at_fpir(f, 1, FpirRule::blufr).rate);
      for (size_t k = 0; k < options_.far.size(); ++k) (value++)->push_back(t.stream.points[k].tar);
    }
    return values;
  }
  // For each value the mean minus the standard deviation, then the mean.
  static std::vector<double> summaries(const OverTrials& values) {
    std::vector<double> s;
    for (const auto& over_trials : values) {
      const Spread of = spread(over_trials);
      s.push_back(of.mean - of.std), s.push_back(of.mean);
    }
    return s;
  }

  std::vector<Interval> intervals(const std::vector<BlufrTested>& tested, const ProtocolOptions& protocol,
                                  ProtocolResult& result) const {
    const auto far = int64_t(options_.far.size()), fpir = int64_t(options_.fpir.size());
    int64_t walked = 0;  // the genuine list for every FAR and rule, the tail hardly more than once in all
    for (const BlufrTested& t : tested)
      walked += (2 * far - 1) * t.rates.genuine() + t.rates.kept() + fpir * int64_t(t.probe_people.size());
    BootstrapOptions bootstrap = protocol.bootstrap;
    bootstrap.replicates = affordable_replicates(bootstrap.replicates, walked, count_);
    std::vector<int64_t> everybody(static_cast<size_t>(count_));
    for (int64_t p = 0; p < count_; ++p) everybody[size_t(p)] = p;
    const PairIdentities who = drawn_with_their_people(everybody);
    result.notes.push_back(cat("Intervals: ", bootstrap.replicates,
                               " bootstrap replicates over all people, drawn once for all trials."));
    const auto statistics = [&](std::span<const float> weights) {
      return summaries(weighted(tested, weights));
    };
    return bootstrap_pairs(who, std::vector<uint8_t>(everybody.size(), 1), bootstrap, statistics);
  }

  void add_figures(ProtocolResult& result, const std::vector<BlufrTested>& tested,
                   const ProtocolOptions& protocol) const {
    const std::vector<double> value = summaries(unweighted(tested));
    const std::vector<Interval> interval = intervals(tested, protocol, result);
    const bool several = tested.size() > 1;
    if (!several)
      result.warnings.push_back("one trial has no standard deviation: only its own rates are told");
    size_t k = 0;
    const auto add = [&](const std::string& key, const std::string& name, const std::string& warning) {
      if (several)
        result.figures.push_back({key + "_mean_minus_std", cat(name, ", mean - standard deviation"), value[k],
                                  interval[k], FigureUnit::share, warning});
      result.figures.push_back({key, cat(name, several ? ", mean" : ""), value[k + 1], interval[k + 1],
                                FigureUnit::share, warning});
      if (!warning.empty()) result.warnings.push_back(cat(name, ": ", warning));
      k += 2;
    };
    for (size_t i = 0; i < options_.far.size(); ++i)
      add("vr_at_far_" + rate_key(options_.far[i]), "VR at FAR " + rate_words(options_.far[i]),
          few_pairs(tested, i));
    for (const double f : options_.fpir)
      add("dir_at_far_" + rate_key(f), cat("DIR at FAR ", rate_words(f), ", rank 1"), few_probes(tested, f));
    for (const double f : options_.far)
      add("tar_at_far_" + rate_key(f), cat("TAR at FAR ", rate_words(f), ", never above it"), "");
  }
  static std::string few_pairs(const std::vector<BlufrTested>& tested, size_t far) {
    for (const BlufrTested& t : tested)
      if (t.rates.points()[far].too_few)
        return cat("not resolvable: ", t.rates.impostor(), " impostor pairs in a trial");
    return {};
  }
  static std::string few_probes(const std::vector<BlufrTested>& tested, double fpir) {
    for (const BlufrTested& t : tested)
      if (t.open.at_fpir(fpir, 1, FpirRule::blufr).too_few)
        return cat("not resolvable: ", t.open.non_mated(), " probes without a mate in a trial");
    return {};
  }

  void add_counts(ProtocolResult& result, const std::vector<BlufrTested>& tested) const {
    int64_t genuine = 0, impostor = 0, mated = 0, others = 0;
    for (const BlufrTested& t : tested) {
      genuine += t.rates.genuine(), impostor += t.rates.impostor();
      mated += t.open.mated(), others += t.open.non_mated();
    }
    result.counts = {{"trials", int64_t(tested.size())},
                     {"pictures", int64_t(pictures_.names.size())},
                     {"people", count_},
                     {"genuine pairs of all trials", genuine},
                     {"impostor pairs of all trials", impostor},
                     {"probes with a mate, all trials", mated},
                     {"probes without a mate, all trials", others}};
  }

  // Means over the trials, which are measured one by one.
  void add_card(ProtocolResult& result, const std::vector<BlufrTested>& tested,
                const ProtocolOptions& protocol) const {
    const double n = double(tested.size());
    for (size_t k = 0; k < protocol.card.size(); ++k) {
      CardRow row{protocol.card[k]};
      for (const BlufrTested& t : tested) {
        const OperatingPoint& p = t.stream.points[options_.far.size() + k];
        row.threshold += p.threshold / n, row.realised_far += p.realised_far / n, row.tar += p.tar / n;
        row.resolved = row.resolved && !p.too_few_impostors;
      }
      result.card.push_back(row);
    }
    result.notes.emplace_back("Card: means of the trials' thresholds, FAR and TAR.");
  }

  BlufrInput input_;
  BlufrOptions options_;
  PictureList pictures_;
  std::vector<int64_t> people_;  // of each picture, without gaps
  int64_t count_ = 0;            // of people
};

}  // namespace

BlufrInput blufr_input(BlufrProtocol lists, const std::filesystem::path& trials,
                       const std::filesystem::path& root, Missing policy) {
  const MissingPictures missing = find_missing(trials, root, lists.images, policy);
  BlufrInput input{std::move(lists), root, {}};
  if (missing.note.empty()) return input;
  input.notes.push_back(missing.note);
  std::vector<int64_t> place(input.lists.images.size(), -1);
  BlufrProtocol left;
  for (size_t i = 0; i < place.size(); ++i) {
    if (missing.lost[i]) continue;
    place[i] = int64_t(left.images.size());
    left.images.push_back(input.lists.images[i]), left.people.push_back(input.lists.people[i]);
  }
  for (size_t t = 0; t < input.lists.trials.size(); ++t) {
    left.trials.emplace_back();
    for (const auto list :
         {&BlufrTrial::train, &BlufrTrial::test, &BlufrTrial::gallery, &BlufrTrial::probe}) {
      for (const int64_t i : input.lists.trials[t].*list)
        if (place[size_t(i)] >= 0) (left.trials.back().*list).push_back(place[size_t(i)]);
      if ((left.trials.back().*list).empty() && list != &BlufrTrial::train)
        throw Error(ErrorKind::data, cat(trials.string(), ": trial ", t + 1, ": a list has no picture left"));
    }
  }
  input.lists = std::move(left);
  return input;
}

std::unique_ptr<Protocol> blufr(BlufrInput input, BlufrOptions options) {
  return std::make_unique<Blufr>(std::move(input), std::move(options));
}

}  // namespace fr
