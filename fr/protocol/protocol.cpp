#include "fr/protocol/protocol.h"

#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;

// y = scale x / |x| (D); zeros for a row without direction.
void scaled_direction(float* y, const float* x, int64_t D, double scale) {
  double squares = 0;
  for (int64_t d = 0; d < D; ++d) squares += double(x[d]) * double(x[d]);
  const double length = std::sqrt(squares), factor = length < kTiny ? 0 : scale / length;
  for (int64_t d = 0; d < D; ++d) y[d] = float(factor * double(x[d]));
}

}  // namespace

std::vector<float> side_by_side(const ModelEmbeddings& models) {
  FR_CHECK(!models.empty(), "side_by_side: expected a model or more");
  if (models.size() == 1) return {models[0].values.begin(), models[0].values.end()};
  const int64_t N = models[0].N;
  int64_t D = 0;
  for (const EmbeddingView& e : models) {
    FR_CHECK(e.N == N && int64_t(e.values.size()) == e.N * e.D, "side_by_side: expected ", N,
             " embeddings of every model, got ", e.N, " x ", e.D, " in ", e.values.size(), " numbers");
    D += e.D;
  }
  std::vector<float> out(static_cast<size_t>(N * D));
  float* y = out.data();
  for (int64_t n = 0; n < N; ++n)
    for (const EmbeddingView& e : models) {
      scaled_direction(y, e.values.data() + n * e.D, e.D, 1 / std::sqrt(double(models.size())));
      y += e.D;
    }
  return out;
}

}  // namespace fr
