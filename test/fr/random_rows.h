// Random embeddings for the tests of what compares them.
#pragma once
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "fr/protocol/embedding_view.h"

namespace fr {

struct Rows {
  std::vector<float> values;  // (N,D)
  int64_t N = 0, D = 0;
  EmbeddingView view() const { return {values, N, D}; }
  const float* row(int64_t i) const { return values.data() + i * D; }
};

inline Rows random_rows(uint64_t seed, int64_t N, int64_t D) {
  Random random({seed, Purpose::test, 0, 11});
  Rows r{std::vector<float>(size_t(N * D)), N, D};
  for (float& v : r.values) v = float(random.normal());
  return r;
}

}  // namespace fr
