// Rows of the kernels on pairs of a batch.
#include "test/tensor/rows.h"

namespace fr::test {
namespace {

Row squared_distances(int64_t N, int64_t D) {
  return Row(cat("squared_distances ", N, "x", D))
      .wide({"x", "dx", "d2", "dd2"})
      .covers(&K::squared_distances_forward, &K::squared_distances_backward)
      .input("x", numbers(N * D, 1))
      .output("d2", N * N)
      .forward([=](const auto& k, const auto& v) { k.squared_distances_forward(v["d2"], v["x"], N, D); })
      .backward([=](const auto& k, const auto& v) {
        k.squared_distances_backward(v["dx"], v["dd2"], v["x"], N, D);
      })
      .tolerance(5e-6, "sums of D squares in float; of N differences of both signs, up to 40 in all");
}

}  // namespace

std::vector<Row> pair_rows() {
  std::vector<Row> rows;
  struct Size {
    int64_t N, D;
  };
  // A last vector with few lanes, rows that four do not divide; several tiles and slices of the card.
  for (const Size& s : {Size{0, 4}, {1, 1}, {1, 8}, {2, 1}, {5, 33}, {7, 67}, {19, 40}, {131, 150}})
    rows.push_back(squared_distances(s.N, s.D));
  return rows;
}

}  // namespace fr::test
