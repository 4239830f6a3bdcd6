// IJB 1:1.
#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/components.h"
#include "fr/protocol/ijb.h"
#include "fr/protocol/pair_figures.h"

namespace fr {
namespace {

constexpr int64_t kMostListed = 1'000'000;  // pairs of which the result keeps every score
constexpr size_t kHardest = 12;
constexpr const char* kHeadline = "tar_at_far_1e-4";

// The `kHardest` pairs of a kind: genuine ones with the lowest, impostors with the highest scores; ties to the earlier pair.
std::vector<int64_t> hardest(const PairScores& pairs, bool same) {
  const auto harder = [&](int64_t i, int64_t j) {
    const double a = pairs.scores[size_t(i)], b = pairs.scores[size_t(j)];
    return a != b ? (same ? a < b : a > b) : i < j;
  };
  std::vector<int64_t> best;  // sorted
  for (size_t i = 0; i < pairs.same.size(); ++i) {
    if ((pairs.same[i] != 0) != same) continue;
    const auto at = std::upper_bound(best.begin(), best.end(), int64_t(i), harder);
    if (at == best.end() && best.size() == kHardest) continue;
    best.insert(at, int64_t(i));
    if (best.size() > kHardest) best.pop_back();
  }
  return best;
}

class IjbVerification : public IjbProtocol {
 public:
  IjbVerification(IjbInput input, IjbPairs pairs) : IjbProtocol(std::move(input)), pairs_(std::move(pairs)) {}

  std::string description() const override {
    const auto genuine = std::count(pairs_.same.begin(), pairs_.same.end(), 1);
    return cat(input_.title, " 1:1: ", genuine, " genuine and ", pairs_.size() - genuine,
               " impostor pairs of ", input_.set.template_ids.size(), " templates of ",
               input_.set.pictures.size(), " pictures");
  }

  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& options) const override {
    ProtocolResult result = start("ijb_1_1", "1:1", calibrator);
    result.description =
        "Pairs of templates, as the protocol lists them. Thresholds are those of the whole list.";
    result.counts.push_back({"templates", int64_t(input_.set.template_ids.size())});
    result.notes.insert(result.notes.end(), pairs_.notes.begin(), pairs_.notes.end());
    const PairScores scored = score(calibrator, pool(embeddings, calibrator));
    check_people(result, scored.identities);
    add_pair_figures(result, scored, options);
    const auto headline = std::find_if(result.figures.begin(), result.figures.end(),
                                       [](const Figure& f) { return f.key == kHeadline; });
    if (headline != result.figures.end()) std::rotate(result.figures.begin(), headline, headline + 1);
    add_hardest(result, scored);
    if (pairs_.size() <= kMostListed) list_scores(result, scored);
    return result;
  }

 private:
  PairScores score(const Calibrator& calibrator, const Rows& templates) const {
    const CalibratedRows rows = calibrator.prepare(templates.view());
    PairScores out{std::vector<double>(pairs_.same.size()), pairs_.same, {}};
    parallel_ranges(pairs_.size(), 4096, [&](int64_t begin, int64_t end) {
      for (auto i = size_t(begin); i < size_t(end); ++i)
        out.scores[i] = calibrator.score(rows, pairs_.a[i], rows, pairs_.b[i]);
    });
    const std::vector<int64_t> people = people_of_templates(pairs_, templates.N);
    out.identities.people = *std::max_element(people.begin(), people.end()) + 1;
    out.identities.a.reserve(pairs_.same.size()), out.identities.b.reserve(pairs_.same.size());
    for (int32_t t : pairs_.a) out.identities.a.push_back(people[size_t(t)]);
    for (int32_t t : pairs_.b) out.identities.b.push_back(people[size_t(t)]);
    return out;
  }

  void check_people(ProtocolResult& result, const PairIdentities& people) const {
    int64_t against = 0;
    for (size_t i = 0; i < pairs_.same.size(); ++i) against += !pairs_.same[i] && people.a[i] == people.b[i];
    if (against > 0)
      result.warnings.push_back(
          cat(against, " impostor pairs are of templates that genuine pairs join to one person"));
    result.notes.push_back(
        "The list names no subjects: for the intervals, templates joined by genuine pairs are one person.");
  }

  int64_t picture_of(int32_t template_place) const {
    return input_.set.members[size_t(input_.set.first_member[size_t(template_place)])].picture;
  }
  void add_hardest(ProtocolResult& result, const PairScores& scored) const {
    const auto show = [&](int64_t pair) {
      const auto i = size_t(pair);
      return ScoredPair{picture_of(pairs_.a[i]), picture_of(pairs_.b[i]), scored.scores[i]};
    };
    for (const bool same : {true, false})
      for (int64_t i : hardest(scored, same))
        (same ? result.hardest_genuine : result.hardest_impostor).push_back(show(i));
    result.notes.push_back("Of the templates of a hardest pair, the first picture each is shown.");
  }

  void list_scores(ProtocolResult& result, const PairScores& scored) const {
    const auto id = [&](int32_t place) { return input_.set.template_ids[size_t(place)]; };
    result.score_ids = PairIds::own;
    for (size_t i = 0; i < pairs_.same.size(); ++i)
      result.scores.push_back({id(pairs_.a[i]), id(pairs_.b[i]), scored.scores[i], pairs_.same[i] != 0, 0});
  }

  IjbPairs pairs_;
};

}  // namespace

std::vector<int64_t> people_of_templates(const IjbPairs& pairs, int64_t templates) {
  Components joined(templates);
  for (size_t i = 0; i < pairs.same.size(); ++i)
    if (pairs.same[i]) joined.join(pairs.a[i], pairs.b[i]);
  return joined.numbers();
}

std::unique_ptr<Protocol> ijb_verification(IjbInput input, IjbPairs pairs) {
  return std::make_unique<IjbVerification>(std::move(input), std::move(pairs));
}

}  // namespace fr
