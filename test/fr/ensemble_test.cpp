// Several models on the same pictures: side by side, by the mean of their scores, and on patches.
#include "fr/ensemble.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fr/evaluation.h"
#include "fr/run_data.h"
#include "test/fr/fold_faces.h"

namespace fr {
namespace {

// The mean of each channel over quarters of the picture and a bend, so that scores are not those of a straight line.
class Quarters : public Module {
 public:
  explicit Quarters(float bend) : bend_(bend) {}
  Var forward(const Var& x) override {
    const int64_t N = x.dim(0), H = x.dim(1), W = x.dim(2);
    const std::vector<float> v = x.value().host<float>();
    std::vector<float> e(size_t(N * 12), 0.0f);
    for (int64_t i = 0; i < N * H * W * 3; ++i) {
      const int64_t c = i % 3, w = i / 3 % W, h = i / (3 * W) % H, n = i / (3 * W * H);
      const float p = v[size_t(i)];
      e[size_t(n * 12 + (2 * h / H * 2 + 2 * w / W) * 3 + c)] += (p + bend_ * p * p) / float(H * W);
    }
    return Var(Tensor::from(e, {N, 12}));
  }

 private:
  float bend_;
};

VerificationSet people() {
  VerificationSet test;
  test.people_from = PeopleFrom::names;
  for (int64_t i = 0; i < 24; ++i) {
    test.pictures.names.push_back(cat("person", i / 4, "/", i));
    test.people.push_back(i / 4);
    test.pairs.push_back({i, i / 4 * 4 + (i + 1) % 4, true, int(i % 3)});
    test.pairs.push_back({i, (i + 5) % 24, false, int(i % 3)});
  }
  test.pictures.picture = [](int64_t i) {
    Image image(20, 22);
    Random person({uint64_t(i / 4), Purpose::test}), own({uint64_t(i), Purpose::test, 1});
    const double slope = person.uniform(-6, 6), tint = person.uniform(-60, 60);
    for (int y = 0; y < 22; ++y)
      for (int x = 0; x < 20; ++x)
        for (int c = 0; c < 3; ++c)
          image.at(x, y)[c] = uint8_t(std::clamp(
              120 + slope * (x - 10 + c * (y - 11)) / 3 + tint * (c - 1) + own.uniform(-40, 40), 0.0, 255.0));
    return image;
  };
  return test;
}

// The embeddings of one member, with nothing of the ensemble's code.
Embeddings by_hand(const EnsembleMember& m, const PictureList& test, const EvaluationConfig& o) {
  return embed(*m.network, int64_t(test.names.size()),
               [&](int64_t i) { return cut_patch(test.picture(i), m.patch, int(m.height), int(m.width)); },
               {m.height, m.width, o.flip.value_or(FlipMode::concatenate), o.batch});
}

ProtocolResult evaluate_people(const std::vector<EnsembleMember>& members, EvaluationConfig o,
                               Average average = Average::none) {
  o.options.bootstrap.replicates = 0, o.average = average;
  return evaluate(FoldVerification(people()), members, o).front();
}

bool has_fisher(const ProtocolResult& r) {
  return std::any_of(r.figures.begin(), r.figures.end(),
                     [](const Figure& f) { return f.key == "angular_fisher_score"; });
}

TEST(Ensemble, TwoCopiesChangeNothing) {
  Quarters a(0.5f), b(-2);
  for (const bool centre : {false, true}) {
    EvaluationConfig o;
    o.options.centre = centre, o.batch = 5;
    const EnsembleMember m{&a, 16, 14};
    const ProtocolResult one = evaluate_people({m}, o), mean = evaluate_people({m, m}, o, Average::scores),
                         joined = evaluate_people({m, m}, o);
    EXPECT_EQ(scores_of(mean), scores_of(one));
    EXPECT_EQ(figure(mean, "accuracy").value, figure(one, "accuracy").value);
    ASSERT_EQ(joined.scores.size(), one.scores.size());
    for (size_t i = 0; i < one.scores.size(); ++i)
      EXPECT_NEAR(joined.scores[i].score, one.scores[i].score, 1e-12);
    EXPECT_NE(scores_of(evaluate_people({m, {&b, 16, 14}}, o, Average::scores)), scores_of(one));
    EXPECT_TRUE(has_fisher(one) && !has_fisher(mean));
  }
}

TEST(Ensemble, ThreePatchesAreTheirEmbeddingsSideBySide) {
  Quarters a(0.5f), b(-2), c(1);
  const VerificationSet test = people();
  const EvaluationConfig o;
  const std::vector<EnsembleMember> members = {
      {&a, 16, 14, Patch::full}, {&b, 16, 14, Patch::upper}, {&c, 20, 12, Patch::centre}};
  std::vector<float> values;
  std::vector<Embeddings> parts;
  for (const EnsembleMember& m : members) parts.push_back(by_hand(m, test.pictures, o));
  for (int64_t n = 0; n < 24; ++n)
    for (const Embeddings& e : parts)
      for (int64_t d = 0; d < 24; ++d) values.push_back(e.values[size_t(n * 24 + d)]);
  const std::vector<double> got = scores_of(evaluate_people(members, o));
  EXPECT_EQ(got, verify({values, 24, 72}, test.pairs, {}).scores);
  const std::vector<double> mean = scores_of(evaluate_people(members, o, Average::scores));
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const Embeddings& e : parts) sum += verify(e.view(), test.pairs, {}).scores[i];
    EXPECT_NEAR(mean[i], sum / 3, 1e-15);
  }
  EXPECT_NE(got, scores_of(evaluate_people({members[0], {&b, 16, 14}, {&c, 20, 12}}, o)));
}

TEST(Ensemble, MirrorImagesByMeanScoreAsTheirSum) {
  Quarters a(0.5f);
  EvaluationConfig mean, sum;
  mean.flip = FlipMode::mean, sum.flip = FlipMode::sum;
  EXPECT_EQ(scores_of(evaluate_people({{&a, 16, 14}}, mean)),
            scores_of(evaluate_people({{&a, 16, 14}}, sum)));
}

TEST(Ensemble, SizesMustAgree) {
  const std::vector<Embeddings> parts = {{{1, 2, 3, 4}, 2, 2}, {{5, 6}, 2, 1}};
  const Embeddings e = concatenate(parts);
  EXPECT_EQ(e.values, (std::vector<float>{1, 2, 5, 3, 4, 6}));
  EXPECT_EQ(e.D, 3);
  const std::vector<Embeddings> odd = {{{1, 2}, 2, 1}, {{5, 6, 7}, 3, 1}};
  EXPECT_THROW(concatenate(odd), std::invalid_argument);
  EXPECT_THROW(verify_mean_scores({}, {}), std::invalid_argument);
}

// A run of its own for a patch: data.patch cuts the pictures of training and test alike.
TEST(Ensemble, AModelOfAPatchIsTrainedAndTestedOnIt) {
  Config whole;
  whole.synthetic.identities = 2, whole.synthetic.min_samples = whole.synthetic.max_samples = 2;
  whole.synthetic.test_identities = 2, whole.synthetic.test_samples = 10, whole.synthetic.test_pairs = 20;
  Config part = whole;
  part.data.patch = Patch::centre;
  const TrainingData a = training_data(whole), b = training_data(part);
  EXPECT_EQ(b.source->load(1), cut_patch(a.source->load(1), Patch::centre, 112, 96));
  EXPECT_NE(b.source->load(1), a.source->load(1));
  EXPECT_EQ(b.source->label(3), a.source->label(3));
  EXPECT_EQ(b.source->fingerprint(), a.source->fingerprint());
  EXPECT_EQ(test_data(part)->picture(2), cut_patch(test_data(whole)->picture(2), Patch::centre, 112, 96));
}

TEST(Ensemble, PatchesByWords) {
  std::vector<LoadedModel> models(3);
  models[1].config.data.patch = Patch::upper;
  EXPECT_EQ(patches_of(models, ""), (std::vector<Patch>{Patch::full, Patch::upper, Patch::full}));
  EXPECT_EQ(patches_of(models, "centre"), std::vector<Patch>(3, Patch::centre));
  EXPECT_EQ(patches_of(models, "full,upper,centre"),
            (std::vector<Patch>{Patch::full, Patch::upper, Patch::centre}));
  const auto refusal = [&](const char* words) {
    try {
      patches_of(models, words);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal("full,upper"), "patch: 2 patches for 3 models; expected one, or one for each model");
  EXPECT_EQ(refusal("uper"), "patch: 'uper' is none of full, upper, centre");
}

}  // namespace
}  // namespace fr
