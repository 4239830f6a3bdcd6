// Videos: both poolings by brute force over frames, centred and not.
#include "fr/protocol/video.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

constexpr int64_t kD = 8;

// FoldFaces' pictures as videos of 1 to 4 frames.
struct Videos {
  VerificationSet set = FoldFaces(8, 4).set;
  std::vector<float> frames;
  EmbeddingView view() const { return {frames, int64_t(frames.size()) / kD, kD}; }

  explicit Videos(uint64_t seed = 3) {
    const FoldFaces faces(8, 4);
    Random random({seed, Purpose::test, 0, 0});
    set.pictures.names.clear();
    for (int64_t v = 0; v < 32; ++v) {
      const auto begin = int64_t(set.pictures.names.size());
      for (int64_t f = 0; f < 1 + v % 4; ++f) {
        set.pictures.names.push_back("video" + std::to_string(v) + "/" + std::to_string(f));
        for (int64_t d = 0; d < kD; ++d)
          frames.push_back(float(faces.values[size_t(v * kD + d)] + 0.5 * random.normal()));
      }
      set.videos.push_back({begin, int64_t(set.pictures.names.size())});
    }
  }

  std::vector<double> mean(int64_t video) const {
    std::vector<double> m(kD, 0);
    const auto [begin, end] = set.videos[size_t(video)];
    for (int64_t f = begin; f < end; ++f)
      for (int64_t d = 0; d < kD; ++d) m[size_t(d)] += frames[size_t(f * kD + d)] / double(end - begin);
    return m;
  }
  // Of all pairs outside the fold; zeros for fold -1.
  std::vector<double> centre(int fold) const {
    std::vector<double> c(kD, 0);
    double n = 0;
    for (const VerificationPair& p : set.pairs) {
      if (fold < 0 || p.fold == fold) continue;
      n += 2;
      for (const int64_t v : {p.a, p.b})
        for (size_t d = 0; d < kD; ++d) c[d] += mean(v)[d];
    }
    for (double& x : c) x /= std::max(n, 1.0);
    return c;
  }
};

template <class V, class W>
double cosine_of(const V& a, const W& b, const std::vector<double>& centre) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t d = 0; d < kD; ++d) {
    const double u = a[d] - centre[d], v = b[d] - centre[d];
    ab += u * v, aa += u * u, bb += v * v;
  }
  return ab / std::sqrt(aa * bb);
}

double mean_of_all_cosines(const Videos& videos, const VerificationPair& p,
                           const std::vector<double>& centre) {
  const auto [a, a_end] = videos.set.videos[size_t(p.a)];
  const auto [b, b_end] = videos.set.videos[size_t(p.b)];
  double sum = 0;
  for (int64_t i = a; i < a_end; ++i)
    for (int64_t j = b; j < b_end; ++j)
      sum += cosine_of(&videos.frames[size_t(i * kD)], &videos.frames[size_t(j * kD)], centre);
  return sum / double((a_end - a) * (b_end - b));
}

TEST(VideoVerification, BothPoolingsByBruteForce) {
  const Videos videos;
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  for (const auto& [word, pooling] : kPoolingWords)
    for (const bool centre : {false, true}) {
      o.centre = centre;
      const ProtocolResult r =
          VideoVerification(videos.set, pooling).evaluate({videos.view()}, *make_calibrator({}), o);
      for (size_t i = 0; i < videos.set.pairs.size(); ++i) {
        const VerificationPair& p = videos.set.pairs[i];
        const std::vector<double> c = videos.centre(centre ? p.fold : -1);
        const double expected = pooling == Pooling::mean_feature
                                    ? cosine_of(videos.mean(p.a), videos.mean(p.b), c)
                                    : mean_of_all_cosines(videos, p, c);
        EXPECT_NEAR(r.scores[i].score, expected, 1e-6) << word << centre << i;  // mean features are float
        EXPECT_EQ(r.scores[i].a, videos.set.videos[size_t(p.a)].begin);
      }
    }
}

TEST(VideoVerification, SeveralModelsByTheirMean) {
  const Videos one(3), two(4);
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const VideoVerification protocol(one.set, Pooling::mean_of_cosines);
  const auto calibrator = make_calibrator({});
  const auto a = scores_of(protocol.evaluate({one.view()}, *calibrator, o)),
             b = scores_of(protocol.evaluate({two.view()}, *calibrator, o)),
             both = scores_of(protocol.evaluate({one.view(), two.view()}, *calibrator, o));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(both[i], (a[i] + b[i]) / 2, 1e-15);
}

TEST(VideoVerification, OneFrameEachIsAPicture) {
  FoldFaces faces;
  VerificationSet set = faces.set;
  for (int64_t i = 0; i < 60; ++i) set.videos.push_back({i, i + 1});
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const auto calibrator = make_calibrator({});
  const auto expected = scores_of(FoldVerification(faces.set).evaluate({faces.view()}, *calibrator, o));
  for (const Pooling pooling : {Pooling::mean_feature, Pooling::mean_of_cosines}) {
    const auto got = scores_of(VideoVerification(set, pooling).evaluate({faces.view()}, *calibrator, o));
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-14);
  }
}

TEST(VideoVerification, Refusals) {
  Videos videos;
  const LongerIsBetter longer;
  EXPECT_ERROR(usage, "pooling = mean_of_cosines compares frames, calibration.type = longer two embeddings",
               VideoVerification(videos.set, Pooling::mean_of_cosines).evaluate({videos.view()}, longer, {}));
  videos.frames[3] = NAN;
  for (const Pooling pooling : {Pooling::mean_feature, Pooling::mean_of_cosines})
    EXPECT_ERROR(data, "not finite",
                 VideoVerification(videos.set, pooling).evaluate({videos.view()}, *make_calibrator({}), {}));
  EXPECT_EQ(thrown<std::invalid_argument>([] { VideoVerification(FoldFaces().set, Pooling::mean_feature); }),
            "VideoVerification: a set with videos expected");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { FoldVerification{videos.set}; }),
            "FoldVerification: a set of pictures expected, got 32 videos");
  videos.set.videos[2].end = videos.set.videos[2].begin;
  EXPECT_THROW(VideoVerification(videos.set, Pooling::mean_feature), std::invalid_argument);
  EXPECT_EQ(thrown<std::invalid_argument>([] {
              const Videos v;
              VideoVerification(v.set, Pooling::mean_feature)
                  .evaluate({{v.frames, 10, kD}}, *make_calibrator({}), {});
            }).substr(0, 40),
            "verification: expected 80 embeddings, go");
}

}  // namespace
}  // namespace fr
