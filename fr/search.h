// Identification: which rows of a gallery are most similar to a query. Exact, by inner product, which is the cosine when
// rows have unit length.
#pragma once
#include <cstdint>
#include <vector>

#include "fr/protocol/embedding_view.h"

namespace fr {

// (Q,k) each, best first, ties to the lower row. Where the gallery has fewer than k rows: -1 and -infinity.
struct Hits {
  std::vector<int64_t> indices;
  std::vector<float> scores;
};

// A gallery that has been checked once, for many searches. The embeddings must outlive it.
class Gallery {
 public:
  // Throws std::invalid_argument for sizes that do not fit, Error{data} naming the first row that is not finite.
  explicit Gallery(const EmbeddingView& embeddings);
  // Throws as above for the queries, and std::invalid_argument for another D or k < 1.
  Hits search(const EmbeddingView& queries, int64_t k) const;

 private:
  EmbeddingView embeddings_;
};

// One search: Gallery(gallery).search(queries, k).
Hits search(const EmbeddingView& queries, const EmbeddingView& gallery, int64_t k);

}  // namespace fr
