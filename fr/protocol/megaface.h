// MegaFace challenge 1 (Kemelmacher-Shlizerman et al. 2016): rank-1 identification of FaceScrub photos among up to a million
// distractors, and TAR at FAR 1e-6 over all pairs of a probe and a distractor.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "data/megaface.h"
#include "fr/protocol/protocol.h"

namespace fr {

// 10, 100, .. below `listed`, and `listed` itself.
std::vector<int64_t> distractor_sizes(int64_t listed);

// The list of pictures holds the probes, then the distractors. Intervals draw the people of the probes; the distractors stay as
// they are. Embeddings of one model are used where they lie; the calibrator's copy of a million rows of 512 takes 2 GB, and of
// several models, put side by side, one copy more.
std::unique_ptr<Protocol> megaface(MegafaceSet set, std::filesystem::path probe_root,
                                   std::filesystem::path distractor_root);

// The same with features (probes + distractors, D) that were read from files: the list of pictures is empty, and evaluate()
// takes no embeddings, or some of 0 rows. Throws std::invalid_argument for sizes.
std::unique_ptr<Protocol> megaface_features(MegafaceSet set, std::vector<float> features, int64_t D);

}  // namespace fr
