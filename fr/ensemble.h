// Verification by several models: their embeddings side by side (SphereFace's three patches, Liu et al. 2017, Appendix H), or
// the mean of their scores (Smirnov et al. 2017, Section 4.2.5). Every model sees each picture at its own input size, so that
// models of different sizes go together.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "data/patch.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/progress.h"
#include "fr/protocol/protocol.h"

namespace fr {

struct EnsembleMember {
  Module* network;        // (N,H,W,3) -> (N,D)
  int64_t height, width;  // its input
  Patch patch = Patch::full;
};

enum class Average {
  none,    // embeddings side by side, each as long as it is: a model of longer embeddings counts for more
  scores,  // the mean of the models' cosines
};
inline const std::vector<std::pair<std::string, Average>> kAverageWords = {{"none", Average::none},
                                                                           {"scores", Average::scores}};

std::vector<LoadedModel> load_models(const std::vector<std::string>& paths, const Placement& placement);
// Which weights they are: weights_fingerprint() of each network, joined by "+".
std::string weights_of(const std::vector<LoadedModel>& models);
std::string paths_text(const std::vector<LoadedModel>& models);  // "a.safetensors, b.safetensors"

// One patch for each model: "upper" for all of them, "full,upper,centre" for three, "" takes what each was trained on
// (data.patch). Throws Error{usage} for an unknown word or another number of patches.
std::vector<Patch> patches_of(const std::vector<LoadedModel>& models, const std::string& words);
std::vector<EnsembleMember> members_of(const std::vector<LoadedModel>& models,
                                       const std::vector<Patch>& patches);

// (N,D_1), (N,D_2), ... -> (N, D_1 + D_2 + ...). std::invalid_argument when they disagree about N.
Embeddings concatenate(std::span<const Embeddings> embeddings);

// The pictures as each member sees them; with Average::none one result, all members side by side. Throws what embed() does,
// Error{usage} for distributions of several members.
std::vector<Embeddings> embed(const std::vector<EnsembleMember>& members, const PictureList& pictures,
                              FlipMode flip, int64_t batch, Average average, Progress* progress = nullptr,
                              EmbeddingKind kind = EmbeddingKind::points);

}  // namespace fr
