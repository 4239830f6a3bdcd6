#include "fr/recogniser/recogniser.h"

#include <algorithm>

#include "base/error.h"
#include "data/align.h"
#include "nn/state.h"

namespace fr {
namespace {

constexpr int64_t kTemplate = 112;  // the side of ArcFace's template

// What can be an aligned picture. A larger one would be cut to its middle, wherever the face is.
void check_aligned(const Image& picture, const Preprocessing& input, const std::string& name) {
  const auto size = [](int64_t width, int64_t height) { return cat(width, " x ", height, " pixels"); };
  if (picture.width < input.width || picture.height < input.height)
    throw Error(ErrorKind::data,
                cat(name, ": expected an aligned picture of at least ", size(input.width, input.height),
                    ", got ", size(picture.width, picture.height)));
  if (input.alignment == Preprocessing::Alignment::arcface &&
      (picture.width > std::max(kTemplate, input.width) ||
       picture.height > std::max(kTemplate, input.height)))
    throw Error(ErrorKind::data,
                cat(name, ": expected an aligned picture of at most ",
                    size(std::max(kTemplate, input.width), std::max(kTemplate, input.height)), ", got ",
                    size(picture.width, picture.height), "; --detector finds faces"));
}

}  // namespace

Recogniser::Recogniser(const RecogniserOptions& options)
    : options_(options), model_(load_model(options.model, options.placement)) {
  if (!options.detector.empty()) {
    if (model_.info.input.alignment == Preprocessing::Alignment::none)
      throw Error(ErrorKind::usage, cat(model_.path.string(),
                                        ": takes its pictures as they are, not aligned: a detector is of "
                                        "no use to it"));
    detector_.emplace(options.detector);
  }
  identity_ = to_metadata(model_.info.input);
  identity_["network"] = name_of(model_.config.network.architecture);
  identity_["faces"] = detector_ ? "found" : "aligned";
  identity_["weights"] = weights_fingerprint(model_.model->network());
}

Image Recogniser::align(const Image& picture, const Face& face) const {
  return align_face(picture, face.landmarks, int(kTemplate), int(kTemplate));
}

FoundFace Recogniser::find(const Image& picture, const std::string& name) const {
  if (!detector_) return std::move(find_all(picture, name).front());
  const std::vector<Face> faces = detector_->detect(picture);
  const Face* face = main_face(faces);
  if (!face)
    throw Error(ErrorKind::data,
                cat(name, ": no face found in ", picture.width, " x ", picture.height, " pixels"));
  return {align(picture, *face), *face};
}

std::vector<FoundFace> Recogniser::find_all(const Image& picture, const std::string& name) const {
  std::vector<FoundFace> found;
  if (detector_) {
    for (const Face& face : detector_->detect(picture)) found.push_back({align(picture, face), face});
    return found;
  }
  check_aligned(picture, model_.info.input, name);
  found.push_back({picture, std::nullopt});
  return found;
}

Embeddings Recogniser::embed(const std::vector<Image>& aligned, EmbeddingKind kind) const {
  const Preprocessing& input = model_.info.input;
  const EmbedOptions how = {input.height, input.width, input.flip, options_.batch, input.patch, kind};
  return fr::embed(
      *model_.model, int64_t(aligned.size()), [&](int64_t i) { return aligned[size_t(i)]; }, how);
}

void check_identity(const Metadata& found, const Recogniser& recogniser, const std::string& file) {
  for (const auto& [key, wanted] : recogniser.identity()) {
    const auto at = found.find(key);
    if (at == found.end() || at->second != wanted)
      throw Error(ErrorKind::state, cat(file, ": was made otherwise: ", key, " is ",
                                        at == found.end() ? "missing" : at->second, ", here it is ", wanted));
  }
}

}  // namespace fr
