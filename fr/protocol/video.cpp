#include "fr/protocol/video.h"

#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/fold_verification.h"

namespace fr {
namespace {

using Frames = VerificationSet::Frames;
constexpr double kTiny = 1e-12;

// sums (D) += x - centre, scaled to unit length where `directions`; a frame without direction adds nothing.
void add_frame(double* sums, const float* x, const std::vector<double>& centre, int64_t D, bool directions) {
  const auto at = [&](int64_t d) { return double(x[d]) - (centre.empty() ? 0 : centre[size_t(d)]); };
  double factor = 1;
  if (directions) {
    double squares = 0;
    for (int64_t d = 0; d < D; ++d) squares += at(d) * at(d);
    factor = std::sqrt(squares) < kTiny ? 0 : 1 / std::sqrt(squares);
  }
  for (int64_t d = 0; d < D; ++d) sums[d] += factor * at(d);
}

// The mean over each video's frames, or over their directions from `centre` -> (V,D). NaN stays NaN.
std::vector<double> frame_means(const EmbeddingView& e, const std::vector<Frames>& videos,
                                const std::vector<double>& centre, bool directions) {
  std::vector<double> means(videos.size() * size_t(e.D), 0.0);
  parallel_for(int64_t(videos.size()), [&](int64_t v) {
    double* mean = means.data() + v * e.D;
    const Frames& frames = videos[size_t(v)];
    for (int64_t i = frames.begin; i < frames.end; ++i)
      add_frame(mean, e.values.data() + i * e.D, centre, e.D, directions);
    for (int64_t d = 0; d < e.D; ++d) mean[d] /= double(frames.end - frames.begin);
  });
  return means;
}

// Each video's frames as one distribution: (V,2D).
std::vector<float> fused_frames(const EmbeddingView& e, const std::vector<Frames>& videos, Fusion fusion) {
  const UnitDistributions unit = unit_distributions(e);
  std::vector<float> fused(videos.size() * size_t(e.D));
  parallel_for(int64_t(videos.size()), [&](int64_t v) {
    const Frames& frames = videos[size_t(v)];
    std::vector<int64_t> members(size_t(frames.end - frames.begin));
    std::iota(members.begin(), members.end(), frames.begin);
    fuse_distributions(fused.data() + v * e.D, unit, members, fusion);
  });
  return fused;
}

// One row a video of every model: the mean features (V,D), or distributions (V,2D).
struct VideoRows {
  std::vector<std::vector<float>> values;
  ModelEmbeddings views;

  VideoRows(const ModelEmbeddings& frames, const std::vector<Frames>& videos, std::optional<Fusion> fusion) {
    values.reserve(frames.size());
    for (const EmbeddingView& e : frames) {
      if (fusion) {
        values.push_back(fused_frames(e, videos, *fusion));
      } else {
        const std::vector<double> means = frame_means(e, videos, {}, false);
        values.emplace_back(means.begin(), means.end());
      }
      views.push_back({values.back(), int64_t(videos.size()), e.D});
    }
  }
};

// The mean over all pairs of frames of their cosines is the product of the mean directions; centred, directions are those
// from the mean of the training folds' mean features.
void add_mean_cosines(std::vector<double>& scores, const std::vector<VerificationPair>& pairs,
                      const std::vector<double>& means, int64_t D) {
  for (size_t i = 0; i < pairs.size(); ++i) {
    const double *a = means.data() + pairs[i].a * D, *b = means.data() + pairs[i].b * D;
    double sum = 0;
    for (int64_t d = 0; d < D; ++d) sum += a[d] * b[d];
    if (!std::isfinite(sum))
      throw Error(ErrorKind::data, cat("verification: pair ", i, " (videos ", pairs[i].a, " and ", pairs[i].b,
                                       ") has a frame whose embedding is not finite"));
    scores[i] += sum;
  }
}

PairScorer mean_of_cosines(const ModelEmbeddings& models, const std::vector<Frames>& videos,
                           const VideoRows& rows, const std::vector<VerificationPair>& pairs) {
  return [&](std::optional<int> fold) {
    std::vector<double> scores(pairs.size(), 0.0);
    for (size_t m = 0; m < models.size(); ++m) {
      const auto centre = fold ? training_mean(rows.views[m], pairs, *fold) : std::vector<double>();
      add_mean_cosines(scores, pairs, frame_means(models[m], videos, centre, true), models[m].D);
    }
    for (double& s : scores) s /= double(models.size());
    return scores;
  };
}

}  // namespace

void check_pooling(Pooling pooling, const std::string& calibration) {
  if (pooling == Pooling::mean_of_cosines && calibration != kPlainCosine)
    throw Error(ErrorKind::usage, cat("pooling = mean_of_cosines compares frames, calibration.type = ",
                                      calibration, " two embeddings; take pooling = mean_feature"));
}

VideoVerification::VideoVerification(VerificationSet set, Pooling pooling)
    : set_(std::move(set)), pooling_(pooling) {
  FR_CHECK(!set_.videos.empty(), "VideoVerification: a set with videos expected");
  for (const Frames& f : set_.videos)
    FR_CHECK(f.begin >= 0 && f.begin < f.end && f.end <= int64_t(set_.pictures.names.size()),
             "VideoVerification: frames ", f.begin, " to ", f.end, " of ", set_.pictures.names.size());
}

std::string VideoVerification::description() const { return describe_set(set_); }

ProtocolResult VideoVerification::evaluate(const ModelEmbeddings& frames, const Calibrator& calibrator,
                                           const ProtocolOptions& options) const {
  check_embeddings(frames, int64_t(set_.pictures.names.size()));
  const VideoRows rows(frames, set_.videos, calibrator.fusion());
  if (pooling_ == Pooling::mean_feature) {
    ProtocolResult r = verify_rows(set_, rows.views, calibrator, options);
    r.notes.push_back(calibrator.fusion() ? "a video is its frames' distributions, fused"
                                          : "a video is the mean of its frames' embeddings");
    return r;
  }
  check_pooling(pooling_, calibrator.name());
  ProtocolResult r = verify_set(
      set_, [&](const auto& pairs) { return mean_of_cosines(frames, set_.videos, rows, pairs); }, calibrator,
      options);
  r.score = "mean cosine similarity of the frames";
  r.notes.push_back("two videos are compared frame by frame: the mean of all cosines");
  return r;
}

}  // namespace fr
