// The classifier that is learned anew: where it starts, that it learns, its file, and who it names.
#include "fr/mining/relearn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/gallery_list.h"
#include "fr/evaluation.h"
#include "fr/mining/class_coverage.h"
#include "fr/protocol/prototypes.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/fr/figure_of.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"
#include "test/stand_in.h"

namespace fr {
namespace {

// `each` noisy pictures of everybody around a direction of their own; the first person has one.
struct Gallery {
  Rows rows;
  std::vector<int64_t> labels;
};
Gallery gallery(int64_t people, int64_t each, int64_t D, double noise, uint64_t seed = 1) {
  const Rows centre = random_rows(7, people, D);
  Gallery g;
  for (int64_t c = 0; c < people; ++c)
    for (int64_t k = 0; k < (c == 0 ? 1 : each); ++k) g.labels.push_back(c);
  g.rows = random_rows(seed, int64_t(g.labels.size()), D);
  for (size_t i = 0; i < g.rows.values.size(); ++i)
    g.rows.values[i] = float(noise) * g.rows.values[i] + centre.row(g.labels[i / size_t(D)])[i % size_t(D)];
  return g;
}

TEST(Prototypes, AreMeansOfUnitRowsInOrderOfAppearance) {
  const std::vector<float> x = {3, 4, 0, 2, 0, -5, 6, 8};
  const Prototypes p = prototypes_of({x, 4, 2}, std::vector<int64_t>{9, 4, 4, 9});
  EXPECT_EQ(p.people, (std::vector<int64_t>{9, 4}));
  EXPECT_EQ(p.first_pictures, (std::vector<int64_t>{0, 1}));
  const std::vector<float> expected = {.6f, .8f, 0, 0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(p.rows[i], expected[i], 1e-7);
  EXPECT_NE(thrown<std::invalid_argument>([&] {
              prototypes_of({x, 4, 2}, std::vector<int64_t>{1});
            }).find("1 people of 4 embeddings"),
            std::string::npos);
}

// Of distributions each picture counts by its variances, and a person's are smaller than any picture's.
TEST(Prototypes, OfDistributionsAreFused) {
  const float sure = std::log(.01f), unsure = std::log(.04f);
  const std::vector<float> x = {3, 4, std::log(.25f), std::log(.25f), 0, 1, sure, sure, 1, 0, unsure, unsure};
  const Prototypes p = fused_prototypes({x, 3, 4}, std::vector<int64_t>{9, 4, 4}, Fusion::product);
  EXPECT_EQ(p.people, (std::vector<int64_t>{9, 4}));
  EXPECT_EQ(p.first_pictures, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(p.D, 4);
  const double norm = std::hypot(.2, .8), fused = std::log(1 / (1 / .01 + 1 / .04));
  const std::vector<double> expected = {.6,        .8,        std::log(.01), std::log(.01),
                                        .2 / norm, .8 / norm, fused,         fused};
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(p.rows[i], expected[i], 1e-5) << i;
}

// z_j = 16 <x / |x|, prototype_j> before the first step.
TEST(Relearn, StartsAtThePrototypes) {
  const Gallery g = gallery(6, 4, 5, 0.5);
  const Relearned r = relearn(g.rows.view(), g.labels, {.steps = 0});
  EXPECT_TRUE(r.loss.empty());
  const Prototypes p = prototypes_of(g.rows.view(), g.labels);
  const int64_t N = g.rows.N;
  const std::vector<float> z =
      r.head->forward(Var(Tensor::from(g.rows.values, {N, 5}))).value().host<float>();
  for (int64_t i = 0; i < N; ++i)
    for (int64_t c = 0; c < 6; ++c) {
      double length = 0, dot = 0;
      for (int64_t d = 0; d < 5; ++d) {
        const double v = g.rows.row(i)[d];
        length += v * v, dot += v * p.rows[size_t(c * 5 + d)];
      }
      EXPECT_NEAR(z[size_t(i * 6 + c)], 16 * dot / std::sqrt(length), 1e-4);
    }
}

TEST(Relearn, LearnsAndIsAFunctionOfItsSeed) {
  const Gallery g = gallery(20, 5, 8, 0.8);
  const RelearnOptions o{.steps = 300, .batch = 15, .lr = 0.05, .last_lr = 0.005};
  const Relearned a = relearn(g.rows.view(), g.labels, o), b = relearn(g.rows.view(), g.labels, o);
  EXPECT_EQ(a.loss, b.loss);
  const auto mean = [&](size_t from) {
    return std::accumulate(a.loss.begin() + int64_t(from), a.loss.begin() + int64_t(from) + 50, 0.0) / 50;
  };
  EXPECT_LT(mean(250), 0.8 * mean(0));
  RelearnOptions other = o;
  other.seed = 2;
  EXPECT_NE(relearn(g.rows.view(), g.labels, other).loss, a.loss);
  RelearnOptions many = o;
  many.batch = 81, many.steps = 2;  // more than there are people: everybody
  EXPECT_EQ(relearn(g.rows.view(), g.labels, many).loss.size(), 2u);
}

TEST(Relearn, ADeviceFollowsTheCpu) {
  const test::UseDevice device(test::stand_in());
  const Gallery g = gallery(20, 5, 8, 0.8);
  RelearnOptions o{.steps = 30, .batch = 15, .lr = 0.05, .last_lr = 0.005};
  const Relearned here = relearn(g.rows.view(), g.labels, o);
  o.device = Device::cuda;
  const Relearned there = relearn(g.rows.view(), g.labels, o);
  for (size_t i = 0; i < 30; ++i) EXPECT_NEAR(there.loss[i], here.loss[i], 1e-4 * here.loss[i]) << i;
  const auto a = collect_state(*here.head).at("weight").host<float>(),
             b = collect_state(*there.head).at("weight").host<float>();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(b[i], a[i], 1e-4) << i;
}

TEST(Relearn, WhatIsWrongIsRefused) {
  const Gallery g = gallery(3, 2, 4, 0.5);
  const auto message = [&](const std::vector<int64_t>& labels, const RelearnOptions& o) {
    return thrown<std::invalid_argument>([&] { relearn(g.rows.view(), labels, o); });
  };
  EXPECT_NE(message({0, 1}, {}).find("2 labels of 5 embeddings"), std::string::npos);
  EXPECT_NE(message({0, 1, 1, 3, 3}, {}).find("label 2 has no picture"), std::string::npos);
  EXPECT_NE(message({0, 1, 1, -1, 2}, {}).find("label -1"), std::string::npos);
  EXPECT_NE(message(g.labels, {.lr = 1e-4, .last_lr = 1e-3}).find("learning rates that fall"),
            std::string::npos);
}

// p of two classifiers, averaged, by hand.
TEST(ClassCoverage, NamesByTheMeanProbability) {
  const Gallery g = gallery(5, 3, 4, 0.5), probes = gallery(5, 2, 4, 1.0, 9);
  const Relearned a = relearn(g.rows.view(), g.labels, {.steps = 3, .seed = 1}),
                  b = relearn(g.rows.view(), g.labels, {.steps = 0, .scale = 5});
  const std::vector<int64_t> same = {0, 1, 2, 3, 4, -1},
                             turned = {4, 3, 2, 1, 0, -1};  // the last name is nobody's
  std::vector<int64_t> own = probes.labels;
  own[2] = 5;
  const std::vector<ProbeResult> found = search_classes(
      {{a.head.get(), probes.rows.view(), same}, {b.head.get(), probes.rows.view(), turned}}, own);
  const int64_t N = probes.rows.N;
  const Tensor x = Tensor::from(probes.rows.values, {N, 4});
  const std::vector<float> za = a.head->forward(Var(x)).value().host<float>(),
                           zb = b.head->forward(Var(x)).value().host<float>();
  for (size_t i = 0; i < size_t(N); ++i) {
    double sa = 0, sb = 0;
    for (size_t c = 0; c < 5; ++c) sa += std::exp(za[i * 5 + c]), sb += std::exp(zb[i * 5 + c]);
    std::vector<double> p(6, 0);
    for (size_t c = 0; c < 5; ++c)
      p[c] = (std::exp(za[i * 5 + c]) / sa + std::exp(zb[i * 5 + 4 - c]) / sb) / 2;
    EXPECT_NEAR(found[i].best, *std::max_element(p.begin(), p.end()), 1e-6);
    if (i == 2) {
      EXPECT_FALSE(found[i].mated());
      continue;
    }
    const double mine = p[size_t(own[i])];
    EXPECT_NEAR(found[i].mate, mine, 1e-6);
    EXPECT_EQ(found[i].rank, 1 + std::count_if(p.begin(), p.end(), [&](double q) { return q > mine; }));
  }
  EXPECT_NE(thrown<std::invalid_argument>([&] { search_classes({}, own); }).find("no model"),
            std::string::npos);
  EXPECT_NE(thrown<std::invalid_argument>([&] {
              search_classes({{a.head.get(), g.rows.view(), same}}, own);
            }).find(cat("expected ", N, " embeddings")),
            std::string::npos);
}

// From pictures to the coverage of a model file: four people, one of them novel, in plain colours.
class RelearnedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string gallery_list, probe_list;
    for (int person = 0; person < 4; ++person)
      for (int k = 0; k < 4; ++k) {
        Image image(16, 16);
        for (size_t i = 0; i < image.pixels.size(); ++i)
          image.pixels[i] = uint8_t((i % 3 == size_t(person) % 3 ? 60 + 50 * person : 30) + 5 * k);
        const std::string name = cat("p", person, "_", k, ".png");
        save_image(folder.path / name, image);
        const bool enrolled = person == 3 ? k == 0 : k < 2;
        (enrolled ? gallery_list : probe_list) += cat("p", person, " ", name, "\n");
      }
    folder.put("gallery.txt", gallery_list), folder.put("probes.txt", probe_list),
        folder.put("novel.txt", "p3\n");
    config.network = {Architecture::sphereface, 4, 8, 16, 16, 0, 1};
    model = std::make_unique<FaceModel>(make_backbone(config.network), config.loss, TrainingClasses(3), 1);
    CheckpointInfo info;
    info.classes = 3, info.config = describe(config).to_ini(true), info.input = preprocessing_of(config);
    save_model(folder.path / "base.safetensors", *model, info);
  }

  void write(const fs::path& to, uint64_t seed) const {
    LoadedModel loaded = load_model(folder.path / "base.safetensors");
    const GalleryProbes set = read_enrolled(folder.path / "gallery.txt", folder.path);
    const Embeddings e = embed(*loaded.model, set.enrolled,
                               [&](int64_t i) { return load_image(set.root / set.pictures[size_t(i)]); },
                               {16, 16, FlipMode::mean, 4});
    const RelearnOptions o{.steps = 100, .lr = 0.1, .last_lr = 0.01, .seed = seed};
    const Relearned learned = relearn(e.view(), set.people, o);
    const RelearnedModel out = with_head(loaded, *learned.head, set.names, FlipMode::mean, o);
    save_model(to, *out.model, out.info);
  }

  EvaluationConfig evaluation() const {
    EvaluationConfig c;
    c.protocol = "coverage", c.root = folder.path.string(), c.novel = "novel.txt";
    c.one_shot.gallery = "gallery.txt", c.one_shot.probes = "probes.txt";
    c.one_shot_scores = OneShotScores::classes, c.options.bootstrap.replicates = 0;
    return c;
  }

  TemporaryFolder folder;
  Config config;
  std::unique_ptr<FaceModel> model;
};

TEST_F(RelearnedFile, KeepsTheNetworkAndNamesTheProbes) {
  write(folder.path / "one.safetensors", 1), write(folder.path / "two.safetensors", 2);
  std::vector<LoadedModel> models = load_models(
      {(folder.path / "one.safetensors").string(), (folder.path / "two.safetensors").string()}, {});
  EXPECT_EQ(models[0].info.people, (std::vector<std::string>{"p0", "p1", "p2", "p3"}));
  EXPECT_EQ(models[0].info.classes, 4);
  EXPECT_EQ(models[0].info.input.flip, FlipMode::mean);
  EXPECT_EQ(weights_fingerprint(models[0].model->network()), weights_fingerprint(model->network()));
  EXPECT_EQ(models[0].model->head()->options().kind, LossKind::l2_softmax);
  EvaluationConfig c = evaluation();
  c.flip = flip_of(c, models);
  const auto members = members_of(models, patches_of(models, ""));
  const ProtocolResult r = evaluate_classes(c, models, members);
  EXPECT_EQ(r.score, "mean probability of the class");
  EXPECT_EQ(figure(r, "rank_1").value, 1);
  EXPECT_EQ(figure(r, "coverage_at_99").value, 1);
  EXPECT_EQ(figure(r, "coverage_at_99.9").value, 1);
  EXPECT_EQ(figure(r, "base_rank_1").value, 1);
  const LoadedModel again = load_model(folder.path / "one.safetensors");
  EXPECT_EQ(classes_of(again, {"p3", "nobody", "p0"}), (std::vector<int64_t>{3, -1, 0}));
}

TEST_F(RelearnedFile, WhatDoesNotFitIsRefused) {
  std::vector<LoadedModel> base = load_models({(folder.path / "base.safetensors").string()}, {});
  const auto members = members_of(base, patches_of(base, ""));
  EvaluationConfig c = evaluation();
  EXPECT_ERROR(usage, "the model does not say who its classes are", evaluate_classes(c, base, members));
  c.flip = FlipMode::concatenate;
  EXPECT_ERROR(usage, "flip = concatenate makes two", evaluate_classes(c, base, members));
  c = evaluation(), c.protocol = "identification";
  EXPECT_ERROR(usage, "protocol = identification does not use it", evaluate_classes(c, base, members));
  c = evaluation(), c.calibration.type = CalibrationType::z_norm;
  EXPECT_ERROR(usage, "calibration.type must be none", evaluate_classes(c, base, members));
  const Relearned r = relearn(random_rows(1, 2, 8).view(), std::vector<int64_t>{0, 1}, {.steps = 0});
  EXPECT_NE(thrown<std::invalid_argument>([&] {
              with_head(base[0], *r.head, {"a"}, FlipMode::mean, {});
            }).find("1 names of 2 classes"),
            std::string::npos);
  EXPECT_NE(thrown<std::invalid_argument>([&] {
              with_head(base[0], *r.head, {"a", "b"}, FlipMode::concatenate, {});
            }).find("as long as one embedding"),
            std::string::npos);
}

}  // namespace
}  // namespace fr
