// Verification of videos with folds: the frames of a video make one embedding, or its frames are compared one by one.
// YouTube Faces: 5000 pairs of videos in 10 folds.                              Wolf et al. 2011, "YTF"
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "fr/protocol/protocol.h"
#include "fr/protocol/verification_set.h"

namespace fr {

// x_i, y_j: the embeddings of the frames of two videos, I and J of them.
enum class Pooling {
  mean_feature,  // <X,Y> / (|X| |Y|),  X = 1/I sum_i x_i,  Y = 1/J sum_j y_j
  mean_of_cosines,  // 1/IJ sum_ij <x_i,y_j> / (|x_i| |y_j|): steady videos reach higher scores (NormFace's script)
};
inline const std::vector<std::pair<std::string, Pooling>> kPoolingWords = {
    {"mean_feature", Pooling::mean_feature}, {"mean_of_cosines", Pooling::mean_of_cosines}};

// Throws Error{usage} for calibrated scores with mean_of_cosines, which compares no two embeddings. `calibration`: the word.
void check_pooling(Pooling pooling, const std::string& calibration);

class VideoVerification : public Protocol {
 public:
  // Throws std::invalid_argument for a set without videos.
  VideoVerification(VerificationSet set, Pooling pooling);
  const PictureList& pictures() const override { return set_.pictures; }
  std::string description() const override;
  // options.centre: of the videos' mean features. Throws as FoldVerification::evaluate(); Error{usage} for a calibrator with
  // mean_of_cosines, which compares no two embeddings.
  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& options) const override;

 private:
  VerificationSet set_;
  Pooling pooling_;
};

}  // namespace fr
