// MegaFace challenge 1 as a protocol, on drawn faces.
#include "fr/protocol/megaface.h"

#include <algorithm>

#include "base/philox.h"
#include "fr/protocol/distractors.h"
#include "test/data/temporary.h"
#include "test/fr/figure_of.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

constexpr int64_t kProbes = 20, kDistractors = 120, kD = 5;

struct Drawn {
  MegafaceSet set;
  std::vector<float> features;
  EmbeddingView view() const { return {features, kProbes + kDistractors, kD}; }
};
Drawn draw() {
  Random random({2, Purpose::test, 0, 0});
  Drawn d;
  std::vector<double> centre(4 * kD);
  for (double& c : centre) c = random.normal();
  for (int64_t i = 0; i < kProbes; ++i) {
    d.set.probes.push_back(cat("p", i)), d.set.people.push_back(i % 4);
    for (int64_t k = 0; k < kD; ++k)
      d.features.push_back(float(centre[size_t(i % 4 * kD + k)] + .4 * random.normal()));
  }
  for (int64_t i = 0; i < kDistractors; ++i) {
    d.set.distractors.push_back(cat("d", i)), d.set.places.push_back(i);
    for (int64_t k = 0; k < kD; ++k) d.features.push_back(float(random.normal()));
  }
  d.set.listed = kDistractors;
  return d;
}
ProtocolOptions few_replicates() {
  ProtocolOptions options;
  options.far = {1e-1, 1e-2, 1e-6}, options.card = {1e-2};
  options.bootstrap.replicates = 60;
  return options;
}

TEST(Megaface, Sizes) {
  EXPECT_EQ(distractor_sizes(1'000'000), (std::vector<int64_t>{10, 100, 1000, 10000, 100000, 1000000}));
  EXPECT_EQ(distractor_sizes(120), (std::vector<int64_t>{10, 100, 120}));
  EXPECT_EQ(distractor_sizes(3), (std::vector<int64_t>{3}));
}

TEST(Megaface, AgainstTheDefinition) {
  const Drawn d = draw();
  const auto protocol = megaface(d.set, "probes", "distractors");
  EXPECT_EQ(protocol->description(), "MegaFace challenge 1: 20 probes of 4 people among 120 distractors");
  EXPECT_EQ(protocol->pictures().names.size(), 140u);
  EXPECT_EQ(protocol->pictures().names[20], "d0");
  const auto calibrator = make_calibrator({});
  const ProtocolResult r = protocol->evaluate({d.view()}, *calibrator, few_replicates());
  const CalibratedRows rows = calibrator->prepare(d.view());
  const auto score = [&](int64_t i, int64_t j) {
    float s;
    calibrator->scores(&s, rows, i, 1, rows, j, 1);
    return s;
  };
  for (int64_t n : {10, 100, 120}) {
    double right = 0, trials = 0;
    for (int64_t i = 0; i < kProbes; ++i)
      for (int64_t j = 0; j < kProbes; ++j) {
        if (i == j || i % 4 != j % 4) continue;
        bool best = true;
        for (int64_t k = 0; k < n; ++k) best = best && score(i, j) >= score(kProbes + k, j);
        right += best, ++trials;
      }
    EXPECT_NEAR(figure(r, cat("rank_1_among_", n)).value, right / trials, 1e-12);
    EXPECT_GT(right, 0);
    EXPECT_LT(right, trials);
  }
  std::vector<double> scores;
  std::vector<uint8_t> same;
  for (int64_t j = 0; j < kProbes; ++j)
    for (int64_t i = 0; i < kProbes + kDistractors; ++i)
      if (i != j && (i >= kProbes || i % 4 == j % 4))
        scores.push_back(score(i, j)), same.push_back(i < kProbes);
  EXPECT_EQ(r.figures.front().key, "rank_1_among_120");
  const OperatingPoint expected = tar_at_far({scores, same}, 1e-2);
  EXPECT_NEAR(figure(r, "tar_at_far_1e-2").value, expected.tar, 1e-12);
  EXPECT_TRUE(figure(r, "tar_at_far_1e-2").interval.known());
  EXPECT_NE(figure(r, "tar_at_far_1e-6").warning.find("not resolvable: 2400 impostor pairs"),
            std::string::npos);
  ASSERT_EQ(r.card.size(), 1u);
  EXPECT_EQ(r.card[0].threshold, expected.threshold);
  EXPECT_EQ(r.counts[3].second, 80);
  EXPECT_EQ(r.genuine.size(), 80u);
  ASSERT_EQ(r.hardest_impostor.size(), 12u);
  const ScoredPair& hard = r.hardest_impostor[0];
  EXPECT_GE(hard.a, kProbes);
  EXPECT_NEAR(hard.score, double(score(hard.a, hard.b)), 1e-6);
  EXPECT_LT(r.hardest_genuine[0].a, r.hardest_genuine[0].b);
}

TEST(Megaface, FeaturesFromFilesAndSeveralModels) {
  const Drawn d = draw();
  const auto calibrator = make_calibrator({});
  const ProtocolResult r = megaface(d.set, "", "")->evaluate({d.view()}, *calibrator, few_replicates());
  const auto from_files = megaface_features(d.set, d.features, kD);
  EXPECT_TRUE(from_files->pictures().names.empty());
  const std::vector<ProtocolResult> others = {
      from_files->evaluate({}, *calibrator, few_replicates()),
      from_files->evaluate({{{}, 0, 512}}, *calibrator, few_replicates()),
      megaface(d.set, "", "")->evaluate({d.view(), d.view()}, *calibrator, few_replicates())};
  EXPECT_TRUE(others[0].hardest_genuine.empty() &&
              others[0].hardest_impostor.empty());  // no pictures to show
  for (const ProtocolResult& other : others)
    for (const Figure& f : r.figures) EXPECT_NEAR(figure(other, f.key).value, f.value, 1e-9) << f.key;
}

TEST(Megaface, Faults) {
  const Drawn d = draw();
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              megaface_features(d.set, {1, 2}, kD);
            }),
            "MegaFace: expected 140 x 5 features, got 2 numbers");
  const auto protocol = megaface(d.set, "", "");
  const auto refused = [&](const Protocol& p, const ModelEmbeddings& e) {
    return thrown<std::invalid_argument>([&] { p.evaluate(e, *make_calibrator({}), few_replicates()); });
  };
  EXPECT_EQ(refused(*protocol, {}), "MegaFace: expected the embeddings of a model or more");
  EXPECT_EQ(refused(*protocol, {{std::span(d.features).first(5), 1, 5}}),
            "MegaFace: expected 140 embeddings, got 1 x 5 in 5 numbers");
  EXPECT_EQ(refused(*megaface_features(d.set, d.features, kD), {d.view()}),
            "MegaFace: expected 0 embeddings, got 140 x 5 in 700 numbers");
  Drawn alone = draw();
  for (int64_t i = 0; i < kProbes; ++i) alone.set.people[size_t(i)] = i;
  EXPECT_ERROR(data, "no person has two probes",
               megaface(alone.set, "", "")->evaluate({d.view()}, *make_calibrator({}), few_replicates()));
}

TEST(Megaface, PicturesOfTwoRoots) {
  TemporaryFolder folder;
  save_image(folder.path / "p/a.png", Image(3, 2));
  save_image(folder.path / "d/b.png", Image(5, 4));
  MegafaceSet set;
  set.probes = {"a.png"}, set.people = {0}, set.distractors = {"b.png"}, set.places = {0}, set.listed = 1;
  const auto protocol = megaface(set, folder.path / "p", folder.path / "d");
  EXPECT_EQ(protocol->pictures().picture(0).width, 3);
  EXPECT_EQ(protocol->pictures().picture(1).width, 5);
}

}  // namespace
}  // namespace fr
