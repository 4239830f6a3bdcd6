// Rows of the kernels on pairs of a batch.
#include <cmath>
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
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
      .tolerance(3e-6 + 1e-7 * double(N),
                 "sums of D squares in float; of N differences of both signs, up to 4 each");
}

// Rows that differ in the last bits of their elements: no digit of the distance may be lost.
Row close_rows(int64_t D) {
  std::vector<double> x = numbers(3 * D, 1, 1, 2);
  for (int64_t d = 0; d < D; ++d)
    x[size_t(D + d)] = x[size_t(d)] + std::ldexp(double(d % 3), -22), x[size_t(2 * D + d)] = x[size_t(d)];
  return Row(cat("squared_distances of close rows, D ", D))
      .wide({"x", "d2"})
      .covers(&K::squared_distances_forward)
      .constant("x", x)
      .saved("d2", 9)
      .forward([=](const auto& k, const auto& v) { k.squared_distances_forward(v["d2"], v["x"], 3, D); })
      .tolerance(1e-18, "sums of small multiples of 2^-44 are exact");
}

// A loss on the distances (N,N): its derivative comes with it.
template <class F>
Row pair_loss(const std::string& name, std::vector<double> d2, const std::vector<int64_t>& label, F call) {
  return Row(name)
      .wide({"d2", "dd2", "loss", "dloss"})
      .input("d2", std::move(d2), Gradient::overwritten)
      .index_input("label", label)
      .loss("loss")
      .forward(call)
      .backward([](const auto&, const auto&) {})
      .tolerance(2e-6, "a mean of N^2 floats; 1 / d of a rounded root");
}

Row contrastive(const Contrastive& options, std::vector<double> d2, const std::vector<int64_t>& label) {
  const auto N = int64_t(label.size());
  const bool squared = options.form == Contrastive::Form::squared,
             balanced = options.weights == Contrastive::Weights::balanced;
  return pair_loss(cat("contrastive ", squared ? "squared" : "distance", balanced ? " balanced " : " ",
                       options.margin, " of ", N),
                   std::move(d2), label,
                   [=](const auto& k, const auto& v) {
                     k.contrastive(v["loss"], v["dd2"], v["d2"], v.index("label"), options, N);
                   })
      .covers(&K::contrastive);
}

Row triplet(double margin, std::vector<double> d2, const std::vector<int64_t>& label) {
  const auto N = int64_t(label.size());
  return pair_loss(cat("triplet ", margin, " of ", N), std::move(d2), label,
                   [=](const auto& k, const auto& v) {
                     k.triplet(v["loss"], v["dd2"], v["d2"], v.index("label"), Triplet{margin}, N);
                   })
      .covers(&K::triplet);
}

// Distances of which many are the same: the lowest row is to be taken.
Row triplet_of_ties(double margin, int64_t N, int64_t classes) {
  std::vector<double> d2;
  for (const int64_t i : indices(N * N, 5, 4)) d2.push_back(0.25 + 0.5 * double(i));
  return Row(cat("triplet ", margin, " of ", N, " with ties"))
      .wide({"d2", "dd2", "loss"})
      .covers(&K::triplet)
      .constant("d2", d2)
      .index_input("label", indices(N, 8, classes))
      .saved("loss", 1)
      .saved("dd2", N * N)
      .forward([=](const auto& k, const auto& v) {
        k.triplet(v["loss"], v["dd2"], v["d2"], v.index("label"), Triplet{margin}, N);
      })
      .tolerance(2e-6, "a mean of N^2 floats");
}

Row center_update(int64_t N, int64_t M, int64_t D, double squared_norm) {
  const bool given = !(squared_norm < 0);
  return Row(cat("center_update ", N, " rows of ", M, "x", D, given ? cat(" norm ", squared_norm) : ""))
      .wide({"c", "x"})
      .covers(&K::center_update)
      .state("c", numbers(M * D, 1))
      .constant("x", numbers(N * D, 2))
      .index_input("label", indices(N, 3, M))
      .forward([=](const auto& k, const auto& v) {
        double* norm = given ? static_cast<double*>(k.alloc(sizeof(double))) : nullptr;
        if (given) k.upload(norm, &squared_norm, sizeof squared_norm);
        k.center_update(v["c"], v["x"], v.index("label"), norm, 0.5, N, D);
        if (given) k.release(norm);
      })
      .tolerance(1e-6, "a sum of as many differences as a class has rows");
}

void add_losses(std::vector<Row>& rows, int64_t N, int64_t classes) {
  const std::vector<double> d2 = numbers(N * N, 7, 0.05, 3);
  const std::vector<int64_t> label = indices(N, 8, classes);
  for (const auto form : {Contrastive::Form::distance, Contrastive::Form::squared})
    for (const auto weights : {Contrastive::Weights::balanced, Contrastive::Weights::pairs})
      rows.push_back(contrastive({form, weights, 1.25}, d2, label));
  rows.push_back(triplet(0.2, d2, label));
  rows.push_back(triplet(1.5, d2, label));
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
  rows.push_back(close_rows(37));
  for (const int64_t N : {0, 1, 2}) add_losses(rows, N, 1);  // nothing, no pair, one pair
  for (const int64_t classes : {1, 3, 1000}) add_losses(rows, 9, classes);
  add_losses(rows, 37, 10);
  add_losses(rows, 131, 32);
  for (const double margin : {0.3, 1.3}) rows.push_back(triplet_of_ties(margin, 75, 4));
  for (const Size& s : {Size{0, 4}, {1, 1}, {6, 5}, {70, 130}})
    for (const double norm : {-1.0, 2.0, std::numeric_limits<double>::infinity()})
      rows.push_back(center_update(s.N, 1 + s.N / 2, s.D, norm));
  rows.push_back(center_update(9, 3, 4, std::numeric_limits<double>::quiet_NaN()));
  return rows;
}

}  // namespace fr::audit
