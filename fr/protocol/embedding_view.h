// Embeddings as every protocol takes them: host floats, one row a picture (or a video, or a template).
#pragma once
#include <cstdint>
#include <span>

namespace fr {

struct EmbeddingView {
  std::span<const float> values;  // (N,D), row-major
  int64_t N = 0, D = 0;
};

}  // namespace fr
