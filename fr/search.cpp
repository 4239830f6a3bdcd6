#include "fr/search.h"

#include "base/error.h"
#include "tensor/kernels.h"

namespace fr {
namespace {

void check(const char* what, const EmbeddingView& e) {
  FR_CHECK(e.N >= 0 && e.D > 0 && int64_t(e.values.size()) == e.N * e.D, "search: expected ", e.N, " x ", e.D,
           " ", what, ", got ", e.values.size(), " numbers");
  int64_t place;
  kernels<float>().find_nonfinite(&place, e.values.data(), e.N * e.D);
  if (place >= 0)
    throw Error(ErrorKind::data, cat("search: row ", place / e.D, " of the ", what, " is not finite (column ",
                                     place % e.D, ")"));
}

}  // namespace

Gallery::Gallery(const EmbeddingView& embeddings) : embeddings_(embeddings) { check("gallery", embeddings); }

Hits Gallery::search(const EmbeddingView& queries, int64_t k) const {
  FR_CHECK(k >= 1, "search: k must be at least 1, got ", k);
  FR_CHECK(queries.D == embeddings_.D, "search: queries have ", queries.D, " columns, the gallery ",
           embeddings_.D);
  check("queries", queries);
  Hits hits{std::vector<int64_t>(size_t(queries.N * k)), std::vector<float>(size_t(queries.N * k))};
  kernels<float>().top_k(hits.indices.data(), hits.scores.data(), queries.values.data(),
                         embeddings_.values.data(), queries.N, embeddings_.N, queries.D, k);
  return hits;
}

Hits search(const EmbeddingView& queries, const EmbeddingView& gallery, int64_t k) {
  return Gallery(gallery).search(queries, k);
}

}  // namespace fr
