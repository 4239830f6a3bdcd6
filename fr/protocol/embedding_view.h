// Embeddings as every protocol takes them: host floats, one row a picture (or a video, or a template).
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace fr {

struct EmbeddingView {
  std::span<const float> values;  // (N,D), row-major
  int64_t N = 0, D = 0;
  // (N): who is on each row, "" where nobody knows; or empty. For a calibrator that must leave a person's own pictures out.
  std::span<const std::string> people = {};
};

}  // namespace fr
