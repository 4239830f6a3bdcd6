#include "fr/protocol/protocol.h"

#include <cmath>

#include "base/error.h"
#include "fr/calibration/cosine.h"

namespace fr {

std::vector<float> side_by_side(const ModelEmbeddings& models) {
  FR_CHECK(!models.empty(), "side_by_side: expected a model or more");
  if (models.size() == 1) return {models[0].values.begin(), models[0].values.end()};
  const auto N = size_t(models[0].N);
  size_t D = 0, column = 0;
  for (const EmbeddingView& e : models) {
    FR_CHECK(e.N == models[0].N, "side_by_side: expected ", N, " embeddings of every model, got ", e.N);
    D += size_t(e.D);
  }
  std::vector<float> out(N * D);
  const auto scale = float(1 / std::sqrt(double(models.size())));
  for (const EmbeddingView& e : models) {
    const std::vector<float> unit = unit_rows(e).rows;
    for (size_t n = 0; n < N; ++n)
      for (size_t d = 0; d < size_t(e.D); ++d) out[n * D + column + d] = scale * unit[n * size_t(e.D) + d];
    column += size_t(e.D);
  }
  return out;
}

}  // namespace fr
