// From a photograph to an embedding: the face is found, brought onto the template of the model, and embedded as the model
// file says its pictures must be (fr/preprocessing.h).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fr/checkpoint.h"
#include "fr/detection/mtcnn.h"
#include "fr/embed.h"

namespace fr {

struct RecogniserOptions {
  std::string model;     // checkpoint file or run folder
  std::string detector;  // MTCNN's weights; "": pictures are aligned already
  Placement placement = {};
  int64_t batch = 16;  // pictures a forward pass
};

// A picture as the network will see it.
struct FoundFace {
  Image aligned;
  std::optional<Face> face;  // where it was in the picture; none: the picture was taken as aligned
};

class Recogniser {
 public:
  // Throws Error{usage} when a detector is given to a model that takes its pictures as they are, and what load_model() and
  // Mtcnn() throw.
  explicit Recogniser(const RecogniserOptions& options);

  // The main face of a picture (fr/detection/mtcnn.h). Throws Error{data} naming the picture when there is none, or, without a
  // detector, when the picture is smaller than the network's input or larger than aligned ones are.
  FoundFace find(const Image& picture, const std::string& name) const;
  // All of them, the most confident first; without a detector the picture itself.
  std::vector<FoundFace> find_all(const Image& picture, const std::string& name) const;
  // (N,D), not normalised, with the flip of the model's preprocessing. Throws Error{usage} for distributions of a model that has
  // none.
  Embeddings embed(const std::vector<Image>& aligned, EmbeddingKind kind = EmbeddingKind::points) const;

  // What must agree between two sets of embeddings that are compared: keys of a gallery's metadata.
  const Metadata& identity() const { return identity_; }
  const LoadedModel& model() const { return model_; }

 private:
  Image align(const Image& picture, const Face& face) const;

  RecogniserOptions options_;
  LoadedModel model_;
  std::optional<Mtcnn> detector_;
  Metadata identity_;
};

// Throws Error{state} naming `file` and the first key that differs, with both values.
void check_identity(const Metadata& found, const Recogniser& recogniser, const std::string& file);

}  // namespace fr
