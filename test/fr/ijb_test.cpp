// IJB 1:1 and 1:N as protocols, against their definitions on drawn templates.
#include "fr/protocol/ijb.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/philox.h"
#include "test/data/temporary.h"
#include "test/fr/figure_of.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

constexpr int64_t kTemplates = 40, kPictures = 100, kD = 6, kSubjects = 13;

// Template t is of subject t mod 13; its pictures lie around the subject's direction.
struct Drawn {
  IjbInput input;
  std::vector<float> features;
  EmbeddingView view() const { return {features, kPictures, kD}; }
};
int64_t subject_of(int64_t t) { return t % kSubjects; }

Drawn draw() {
  Random random({9, Purpose::test, 0, 0});
  Drawn d;
  IjbSet& set = d.input.set;
  for (int64_t t = 0; t < kTemplates; ++t)
    set.template_ids.push_back(1000 + 7 * t), set.place_of[1000 + 7 * t] = int32_t(t);
  std::vector<double> centres(kSubjects * kD);
  for (double& c : centres) c = random.normal();
  set.first_member.assign(kTemplates, -1);
  for (int64_t i = 0; i < kPictures; ++i) {
    const int64_t t = i % kTemplates;
    set.pictures.push_back(cat(i, ".jpg"));
    set.detector_scores.push_back(float(0.2 + 0.8 * random.uniform()));
    if (i < kTemplates) set.first_member[size_t(t)] = int32_t(i);
    set.members.push_back({int32_t(i), int32_t(t), int64_t(random.below(2))});
    for (int64_t k = 0; k < kD; ++k)
      d.features.push_back(float(centres[size_t(subject_of(t) * kD + k)] + 0.7 * random.normal()));
  }
  set.landmarks.resize(kPictures);
  d.input.title = "IJB-X";
  return d;
}

std::vector<float> pooled(const Drawn& d) {
  return pool_templates<float>(d.features, kD, d.input.set.members, kTemplates,
                               {d.input.norm, d.input.set.detector_scores});
}
double cosine(const std::vector<float>& rows, int64_t a, int64_t b) {
  double sum = 0;
  for (int64_t k = 0; k < kD; ++k) sum += double(rows[size_t(a * kD + k)]) * double(rows[size_t(b * kD + k)]);
  return sum;
}

IjbPairs all_pairs() {
  IjbPairs p;
  for (int32_t a = 0; a < kTemplates; ++a)
    for (int32_t b = a + 1; b < kTemplates; ++b)
      p.a.push_back(a), p.b.push_back(b), p.same.push_back(subject_of(a) == subject_of(b));
  return p;
}

ProtocolOptions few_replicates() {
  ProtocolOptions options;
  options.far = {1e-1, 1e-2, 1e-4}, options.card = {1e-1};
  options.bootstrap.replicates = 60;
  return options;
}
int64_t count(const ProtocolResult& r, const std::string& name) {
  for (const auto& [what, n] : r.counts)
    if (what == name) return n;
  return -1;
}

TEST(IjbPeople, ComponentsOfGenuinePairs) {
  IjbPairs p;
  p.a = {4, 1, 3, 0, 5}, p.b = {1, 3, 4, 2, 0}, p.same = {1, 1, 1, 0, 1};
  EXPECT_EQ(people_of_templates(p, 7), (std::vector<int64_t>{0, 1, 2, 1, 1, 0, 3}));
}

TEST(IjbVerificationTest, AgainstTheDefinition) {
  const Drawn d = draw();
  const IjbPairs pairs = all_pairs();
  const auto protocol = ijb_verification(d.input, pairs);
  EXPECT_EQ(protocol->description(),
            "IJB-X 1:1: 42 genuine and 738 impostor pairs of 40 templates of 100 pictures");
  const ProtocolResult r = protocol->evaluate({d.view()}, *make_calibrator({}), few_replicates());
  const std::vector<float> rows = pooled(d);
  std::vector<double> scores;
  for (size_t i = 0; i < pairs.same.size(); ++i) scores.push_back(cosine(rows, pairs.a[i], pairs.b[i]));
  EXPECT_EQ(r.title, "IJB-X 1:1");
  EXPECT_EQ(r.figures.front().key, "tar_at_far_1e-4");
  EXPECT_NEAR(figure(r, "tar_at_far_1e-1").value, tar_at_far({scores, pairs.same}, .1).tar, 1e-9);
  EXPECT_NEAR(figure(r, "tar_at_far_1e-2").value, tar_at_far({scores, pairs.same}, .01).tar, 1e-9);
  EXPECT_TRUE(figure(r, "tar_at_far_1e-2").interval.known());
  EXPECT_FALSE(figure(r, "tar_at_far_1e-4").warning.empty());
  EXPECT_EQ(count(r, "genuine pairs"), 42);
  EXPECT_EQ(count(r, "identities"), kSubjects);
  ASSERT_EQ(r.scores.size(), scores.size());
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(r.scores[i].score, scores[i], 1e-6);
  EXPECT_EQ(r.scores[0].a, 1000);
  EXPECT_EQ(r.scores[0].b, 1007);
  std::vector<double> genuine, impostor;
  for (size_t i = 0; i < scores.size(); ++i) (pairs.same[i] ? genuine : impostor).push_back(scores[i]);
  std::sort(genuine.begin(), genuine.end()), std::sort(impostor.rbegin(), impostor.rend());
  ASSERT_EQ(r.hardest_genuine.size(), 12u);
  ASSERT_EQ(r.hardest_impostor.size(), 12u);
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(r.hardest_genuine[i].score, genuine[i], 1e-6);
    EXPECT_NEAR(r.hardest_impostor[i].score, impostor[i], 1e-6);
    EXPECT_NEAR(cosine(rows, r.hardest_genuine[i].a, r.hardest_genuine[i].b), genuine[i],
                1e-6);  // picture t of template t
  }
  EXPECT_EQ(r.card.size(), 1u);
}

TEST(IjbVerificationTest, SeveralModelsAndContradictions) {
  const Drawn d = draw();
  IjbPairs pairs = all_pairs();
  const auto evaluate = [&](const ModelEmbeddings& e) {
    return ijb_verification(d.input, pairs)->evaluate(e, *make_calibrator({}), few_replicates());
  };
  const ProtocolResult one = evaluate({d.view()}), two = evaluate({d.view(), d.view()});
  for (size_t i = 0; i < one.scores.size(); ++i) EXPECT_NEAR(one.scores[i].score, two.scores[i].score, 1e-6);
  const auto warned = [](const ProtocolResult& r, const std::string& part) {
    return std::any_of(r.warnings.begin(), r.warnings.end(),
                       [&](const std::string& w) { return w.find(part) != std::string::npos; });
  };
  EXPECT_FALSE(warned(one, "join to one person"));
  for (size_t i = 0; i < pairs.same.size(); ++i)
    if (pairs.a[i] == 0 && pairs.b[i] == 13) pairs.same[i] = 0;  // 0 - 26 - 13 still joins them
  EXPECT_TRUE(warned(evaluate({d.view()}),
                     "1 impostor pairs are of templates that genuine pairs join to one person"));
  pairs.same.assign(pairs.same.size(), 0);
  EXPECT_THROW(evaluate({d.view()}), Error);
}

// Gallery A: templates 0..5 (subjects 0..5), gallery B: 6..9; all others are probes, of subjects 0..12.
struct Identified {
  std::vector<IjbGallery> galleries = {{"A", {}}, {"B", {}}};
  IjbSubjects probes;
  Identified() {
    for (int32_t t = 0; t < kTemplates; ++t) {
      IjbSubjects& list = t < 6 ? galleries[0].entries : t < 10 ? galleries[1].entries : probes;
      list.templates.push_back(t), list.subjects.push_back(subject_of(t));
    }
  }
};

// TPIR at FPIR by its definition, or rank 1 for an FPIR of nothing.
double rate(const std::vector<float>& rows, const IjbSubjects& gallery, const IjbSubjects& probes,
            double fpir, int64_t most) {
  std::vector<double> others, mates;
  std::vector<int64_t> ranks;
  for (size_t j = 0; j < probes.templates.size(); ++j) {
    double best = -2, mate = -2;
    std::vector<double> all;
    for (size_t i = 0; i < gallery.templates.size(); ++i) {
      const double s = cosine(rows, gallery.templates[i], probes.templates[j]);
      all.push_back(s), best = std::max(best, s);
      if (gallery.subjects[i] == probes.subjects[j]) mate = s;
    }
    if (mate == -2) others.push_back(best);
    if (mate > -2)
      mates.push_back(mate),
          ranks.push_back(1 + std::count_if(all.begin(), all.end(), [&](double s) { return s > mate; }));
  }
  std::sort(others.rbegin(), others.rend());
  const auto n = size_t(std::floor(fpir * double(others.size())));
  const double threshold = n == 0 ? others[0] + 1e-6 : others[n - 1] - 1e-6;
  double found = 0;
  for (size_t i = 0; i < mates.size(); ++i) found += ranks[i] <= most && (fpir > 1 || mates[i] >= threshold);
  return found / double(mates.size());
}

TEST(IjbIdentificationTest, AgainstTheDefinition) {
  const Drawn d = draw();
  const Identified who;
  const auto protocol = ijb_identification(d.input, who.galleries, who.probes);
  EXPECT_EQ(protocol->description(),
            "IJB-X 1:N: 30 probes against galleries A (6) B (4) of templates of 100 pictures");
  const ProtocolResult r = protocol->evaluate({d.view()}, *make_calibrator({}), few_replicates());
  const std::vector<float> rows = pooled(d);
  const auto mean = [&](double fpir, int64_t rank) {
    return (rate(rows, who.galleries[0].entries, who.probes, fpir, rank) +
            rate(rows, who.galleries[1].entries, who.probes, fpir, rank)) /
           2;
  };
  EXPECT_NEAR(figure(r, "tpir_at_fpir_1e-1").value, mean(.1, 1), 1e-9);
  EXPECT_NEAR(figure(r, "tpir_at_fpir_1e-2").value, mean(0, 1), 1e-9);
  EXPECT_NE(figure(r, "tpir_at_fpir_1e-2").warning.find("not resolvable"), std::string::npos);
  EXPECT_TRUE(figure(r, "tpir_at_fpir_1e-1").warning.empty());
  const auto closed = [&](int64_t rank) {
    double sum = 0;
    for (const IjbGallery& g : who.galleries) {
      double found = 0, mates = 0;
      for (size_t j = 0; j < who.probes.templates.size(); ++j) {
        double mate = -2;
        int64_t above = 0;
        for (size_t i = 0; i < g.entries.templates.size(); ++i)
          if (g.entries.subjects[i] == who.probes.subjects[j])
            mate = cosine(rows, g.entries.templates[i], who.probes.templates[j]);
        for (int32_t t : g.entries.templates) above += cosine(rows, t, who.probes.templates[j]) > mate + 1e-7;
        if (mate > -2) ++mates, found += above < rank;
      }
      sum += found / mates;
    }
    return sum / 2;
  };
  for (int64_t k : {1, 5, 10}) EXPECT_NEAR(figure(r, cat("rank_", k)).value, closed(k), 1e-9);
  EXPECT_TRUE(figure(r, "rank_1").interval.known());
  EXPECT_LE(figure(r, "rank_1").interval.low, figure(r, "rank_1").value);
  EXPECT_EQ(count(r, "probes"), 30);
  EXPECT_EQ(count(r, "gallery A"), 6);
  EXPECT_EQ(count(r, "probes with a mate in A") + count(r, "probes without a mate in A"), 30);
  EXPECT_EQ(count(r, "subjects of the probes"), kSubjects);
  EXPECT_TRUE(std::count(r.notes.begin(), r.notes.end(),
                         "Intervals: 60 bootstrap replicates over the subjects of the probes; the galleries "
                         "stay as they are."));
  ASSERT_EQ(r.curves.size(), 4u);
  EXPECT_EQ(r.curves[0].points.size(), 6u);
  EXPECT_EQ(r.curves[0].points.back().second, 1);
  ASSERT_EQ(r.card.size(), 1u);
  EXPECT_LE(r.card[0].realised_far, .1);
  EXPECT_LE(r.card[0].tar, figure(r, "tpir_at_fpir_1e-1").value);
}

TEST(IjbIdentificationTest, ChanceIsFoundAndThePerfectToo) {
  Drawn d = draw();
  for (int64_t i = 0; i < kPictures; ++i)
    for (int64_t k = 0; k < kD; ++k)  // 13 directions in the plane
      d.features[size_t(i * kD + k)] =
          k > 1 ? 0
                : float(k == 0 ? std::cos(.4 * double(i % kTemplates % kSubjects))
                               : std::sin(.4 * double(i % kTemplates % kSubjects)));
  const Identified who;
  const ProtocolResult r = ijb_identification(d.input, who.galleries, who.probes)
                               ->evaluate({d.view()}, *make_calibrator({}), few_replicates());
  EXPECT_EQ(figure(r, "rank_1").value, 1);
  EXPECT_EQ(figure(r, "tpir_at_fpir_1e-2").value, 1);
}

TEST(IjbFaults, Inputs) {
  const Drawn d = draw();
  const Identified who;
  IjbInput bare = d.input;
  bare.set.landmarks.clear();
  EXPECT_ERROR(usage, "IJB-X: loose crops are aligned by landmarks", ijb_verification(bare, all_pairs()));
  bare.crops = IjbCrops::aligned;
  EXPECT_ERROR(usage, "IJB-X: the detector's scores stand in the list of landmarks",
               ijb_verification(bare, all_pairs()));
  bare.detector = DetectorScores::ignore;
  EXPECT_NO_THROW(ijb_verification(bare, all_pairs()));
  EXPECT_THROW(ijb_identification(d.input, {}, who.probes), std::invalid_argument);
  Identified twice;
  twice.probes.templates.push_back(3), twice.probes.subjects.push_back(3);
  EXPECT_ERROR(data, "IJB-X 1:N: template 1021 is a probe and in gallery A",
               ijb_identification(d.input, twice.galleries, twice.probes));
  Identified all_mated;
  all_mated.probes = {{10, 13, 14}, {0, 0, 1}, {}};
  all_mated.galleries.pop_back();
  EXPECT_ERROR(data, "IJB-X 1:N: gallery A: needs probes with and without a mate, got 3 with and 0 without",
               ijb_identification(d.input, all_mated.galleries, all_mated.probes));
  const auto protocol = ijb_verification(d.input, all_pairs());
  const auto refused = [&](const ModelEmbeddings& e) {
    return thrown<std::invalid_argument>(
        [&] { protocol->evaluate(e, *make_calibrator({}), few_replicates()); });
  };
  EXPECT_EQ(refused({}), "IJB-X: expected the embeddings of a model or more");
  EXPECT_EQ(refused({{std::span(d.features).first(kD), 1, kD}}),
            "IJB-X: expected 100 embeddings, got 1 x 6 in 6 numbers");
}

TEST(IjbPictures, AlignedOnTheWayOrTakenAsTheyAre) {
  TemporaryFolder folder;
  Image image(80, 60);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t(i * 7);
  save_image(folder.path / "1.png", image);
  IjbInput input;
  input.title = "IJB-X", input.root = folder.path;
  input.set.pictures = {"1.png"}, input.set.members = {{0, 0, 0}}, input.set.template_ids = {5},
  input.set.first_member = {0};
  input.set.landmarks = {{{{20, 20}, {40, 20}, {30, 30}, {22, 40}, {38, 40}}}},
  input.set.detector_scores = {1};
  IjbPairs pairs;
  const auto loose = ijb_verification(input, pairs);
  EXPECT_EQ(loose->pictures().names, input.set.pictures);
  EXPECT_EQ(loose->pictures().picture(0), align_face(image, input.set.landmarks[0], 112, 112));
  input.crops = IjbCrops::aligned;
  EXPECT_EQ(ijb_verification(input, pairs)->pictures().picture(0), image);
}

}  // namespace
}  // namespace fr
