// Templates: one embedding for all pictures of a person in one place. The features of a medium (the frames of a video, or one
// still) are averaged, the media are added, and the sum has unit length:
//   x_t = u / |u|,   u = sum_m (1 / n_m) sum_{i in medium m of t} g_i,   g_i = s_i f_i   or   s_i f_i / |f_i|
// So a long video weighs as much as a still. s_i: the detector's score, or 1. As the IJB scripts of insightface do it
// (the norm kept and the score used, by default); after Crosswhite et al. 2017, "Template adaptation".
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/ijb.h"
#include "fr/pfe/distribution.h"

namespace fr {

enum class FeatureNorm {
  keep,  // a feature's length says how much it counts
  unit,
};

struct TemplatePooling {
  FeatureNorm norm = FeatureNorm::keep;
  std::span<const float> weights = {};  // s_i (N); none: 1
};

// features (N,D), row `picture` each of the members -> (templates,D), by place. A sum shorter than 1e-12, and a template without
// members, gives zeros. Added up in double, in the order of the members. T is float or double. Throws std::invalid_argument for
// sizes and places out of range.
template <class T>
std::vector<T> pool_templates(std::span<const T> features, int64_t D, std::span<const IjbSet::Member> members,
                              int64_t templates, const TemplatePooling& pooling = {});

// The same of distributions, rows (N,2D) of fr/pfe/distribution.h: every picture counts by its variances, whatever its medium and
// length -> (templates,2D).
std::vector<float> fuse_templates(const EmbeddingView& rows, std::span<const IjbSet::Member> members,
                                  int64_t templates, Fusion fusion);

}  // namespace fr
