// Embeddings that are distributions, on the host: what evaluation and comparison work with. A row holds an embedding e, as
// long as the network made it, and behind it the logarithms of the variances of its numbers:
//   (e_1 .. e_D, log s_1 .. log s_D),   s = |e|^2 sigma^2
// so that e / |e| has the variances sigma^2 of the uncertainty module (fr/pfe/uncertainty.h).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fr/protocol/embedding_view.h"

namespace fr {

enum class FlipMode;  // fr/protocol/verification.h

// How the distributions of one template become one:
//   mu* = sum_i mu_i / sigma_i^2 / sum_i 1 / sigma_i^2, scaled to unit length
//   product   sigma*^2 = 1 / sum_i 1 / sigma_i^2: pictures that err independently    Shi and Jain 2019, Eq. 7 and 8
//   minimum   sigma*^2 = min_i sigma_i^2: pictures of one moment share their errors
enum class Fusion { product, minimum };
inline const std::vector<std::pair<std::string, Fusion>> kFusionWords = {{"product", Fusion::product},
                                                                         {"minimum", Fusion::minimum}};

// Which uncertainty module the variances are of.
struct VarianceOrigin {
  std::string module = {};      // weights_fingerprint(); "": not told, or there is none
  double typical_variance = 0;  // Uncertainty::typical_variance(), without mirror images; 0: not told
};

// Means of unit length and their variances, (N,D) each; a mean shorter than 1e-12 becomes zeros and keeps its variances.
struct UnitDistributions {
  std::vector<float> means, variances;
  int64_t N = 0, D = 0;
};
// Rows (N,2D). Throws std::invalid_argument for an odd number of columns or another number of values; Error{data} naming the
// row where a number is not finite or a variance is none: 0 or infinite once in float.
UnitDistributions unit_distributions(const EmbeddingView& rows);
EmbeddingView mean_columns(const EmbeddingView& rows, std::vector<float>& room);  // (N,D), what e is

// Each row of one, with one of its mirror image: none leaves it; concatenate puts means beside means and variances beside
// variances; sum and mean are those of two independent distributions, so that the means are as without variances.
std::vector<float> combine_flip_distributions(FlipMode mode, std::span<const float> rows,
                                              std::span<const float> mirrored, int64_t columns);

// The rows of `members` (places) as one row: mu* of unit length, log sigma*^2. Added up in double, in their order. Without members, or
// where mu* has no length, mu* is zeros; without members sigma*^2 is 1. Out: 2D numbers.
void fuse_distributions(float* out, const UnitDistributions& rows, std::span<const int64_t> members,
                        Fusion fusion);

}  // namespace fr
