#include "fr/protocol/ijb.h"

#include "base/error.h"

namespace fr {
namespace {

constexpr int kSide = 112;

}  // namespace

IjbProtocol::IjbProtocol(IjbInput input) : input_(std::move(input)) {
  const IjbSet& set = input_.set;
  if (set.landmarks.empty() && input_.crops == IjbCrops::loose)
    throw Error(ErrorKind::usage,
                cat(input_.title, ": loose crops are aligned by landmarks, and no list of them is given"));
  if (set.landmarks.empty() && input_.detector == DetectorScores::multiply)
    throw Error(
        ErrorKind::usage,
        cat(input_.title, ": the detector's scores stand in the list of landmarks, and none is given"));
  pictures_.names = set.pictures;
  pictures_.picture = [this](int64_t i) {
    const Image image = load_image(input_.root / input_.set.pictures.at(size_t(i)));
    if (input_.crops == IjbCrops::aligned) return image;
    return align_face(image, input_.set.landmarks[size_t(i)], kSide, kSide);
  };
}

IjbProtocol::Rows IjbProtocol::pool(const ModelEmbeddings& embeddings, const Calibrator& calibrator) const {
  FR_CHECK(!embeddings.empty(), input_.title, ": expected the embeddings of a model or more");
  const IjbSet& set = input_.set;
  const auto templates = int64_t(set.template_ids.size());
  TemplatePooling pooling{input_.norm, {}};
  if (input_.detector == DetectorScores::multiply) pooling.weights = set.detector_scores;
  std::vector<std::vector<float>> pooled;
  ModelEmbeddings views;
  for (const EmbeddingView& e : embeddings) {
    FR_CHECK(e.N == int64_t(set.pictures.size()) && e.D > 0 && int64_t(e.values.size()) == e.N * e.D,
             input_.title, ": expected ", set.pictures.size(), " embeddings, got ", e.N, " x ", e.D, " in ",
             e.values.size(), " numbers");
    pooled.push_back(calibrator.fusion() ? fuse_templates(e, set.members, templates, *calibrator.fusion())
                                         : pool_templates(e.values, e.D, set.members, templates, pooling));
  }
  FR_CHECK(!calibrator.fusion() || pooled.size() == 1, input_.title, ": distributions of one model expected");
  Rows rows{{}, templates, 0};
  for (size_t k = 0; k < pooled.size(); ++k)
    views.push_back({pooled[k], templates, embeddings[k].D}), rows.D += embeddings[k].D;
  rows.values = pooled.size() == 1 ? std::move(pooled[0]) : side_by_side(views);
  return rows;
}

ProtocolResult IjbProtocol::start(const std::string& protocol, const std::string& title,
                                  const Calibrator& calibrator) const {
  ProtocolResult result;
  result.protocol = protocol, result.title = input_.title + " " + title;
  result.score = calibrator.score(), result.calibration = calibrator.name();
  result.counts.push_back({"pictures", int64_t(input_.set.pictures.size())});
  result.notes = input_.set.notes;
  result.notes.push_back(
      calibrator.fusion()
          ? std::string("Templates: distributions of all their pictures, fused; media and detector's scores "
                        "do not count.")
          : cat("Templates: the mean over the pictures of each medium, added up over the media; features ",
                input_.norm == FeatureNorm::keep ? "with their norm" : "of unit length",
                input_.detector == DetectorScores::multiply ? ", times the detector's score." : "."));
  return result;
}

}  // namespace fr
