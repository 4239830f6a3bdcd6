// Angular Fisher score: spread within classes over spread between them, in angles. Lower is better.
//   S_w = sum_i sum_{x in class i} (1 - cos<x, m_i>),   S_b = sum_i n_i (1 - cos<m_i, m>),   AFS = S_w / S_b
// m_i mean of class i, m mean of all samples.                     Liu et al. 2017, "SphereFace", Eq. 11 (App.
// A)
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "fr/protocol/verification.h"

namespace fr {

enum class AngularFisherInput {
  raw,         // the embeddings as they are (the paper)
  normalised,  // scaled to unit length first
};

struct AngularFisher {
  double within = 0, between = 0;
  double score = 0;  // +inf when between is 0 (one class)
};

// labels (N): any numbers. Throws std::invalid_argument for sizes, Error{data} for no samples or non-finite
// embeddings.
AngularFisher angular_fisher(const EmbeddingView& embeddings, std::span<const int64_t> labels,
                             AngularFisherInput input = AngularFisherInput::raw);
// The same for rows of D doubles.
AngularFisher angular_fisher(std::span<const double> values, int64_t D, std::span<const int64_t> labels,
                             AngularFisherInput input = AngularFisherInput::raw);

// Of the pictures whose person has another one; people (N), none: nobody knows. Nothing when no person has two.
std::optional<AngularFisher> angular_fisher_of_people(const EmbeddingView& embeddings,
                                                      const std::vector<int64_t>& people);

}  // namespace fr
