// Rows of the nearest-neighbour search. Most use multiples of 1/8: their products are summed exactly in any order, so every
// backend has the same scores, with many ties among them, and the tolerance is 0.
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

struct Size {
  int64_t Q, N, D, k;
};

std::vector<double> eighths(int64_t n, uint32_t seed) {
  std::vector<double> values;
  for (const int64_t i : indices(n, seed, 17)) values.push_back(static_cast<double>(i - 8) / 8);
  return values;
}

Row search(const char* name, const Size& s, std::vector<double> q, std::vector<double> g) {
  return Row(cat("top ", s.k, " of ", s.N, "x", s.D, ", ", s.Q, " queries ", name))
      .covers(&K::top_k)
      .wide({"score"})
      .constant("q", std::move(q))
      .constant("g", std::move(g))
      .index_output("index", s.Q * s.k)
      .saved("score", s.Q * s.k)
      .forward([=](const auto& k, const auto& v) {
        k.top_k(v.index("index"), v["score"], v["q"], v["g"], s.Q, s.N, s.D, s.k);
      });
}

Row exact(const char* name, const Size& s, std::vector<double> q, std::vector<double> g) {
  return search(name, s, std::move(q), std::move(g)).tolerance(0, "sums of multiples of 1/64 below 2^17");
}

}  // namespace

std::vector<Row> search_rows() {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                   kInf = std::numeric_limits<double>::infinity();
  std::vector<Row> rows;
  // Queries around the widths of vectors and panels, rows around the heights of tiles.
  for (const int64_t Q : {0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 70})
    for (const int64_t N : {0, 1, 5, 6, 7, 13, 14, 15, 29, 100}) {
      const Size s{Q, N, 1 + (7 * Q + N) % 37, 1 + (Q + N) % 11};
      rows.push_back(exact("eighths", s, eighths(Q * s.D, 1), eighths(N * s.D, 2)));
    }
  for (const Size& s :
       {Size{1, 3, 0, 2}, {6, 3, 0, 2}, {3, 7, 5, 0}, {6, 20, 5, 50}, {40, 300, 64, 100}, {2, 6000, 3, 5000}})
    rows.push_back(exact("", s, eighths(s.Q * s.D, 1), eighths(s.N * s.D, 2)));
  // Several blocks of the gallery; groups of panels; more than one chunk of queries; rows 4 KiB apart; and work for two
  // threads, with few queries and with many.
  for (const Size& s : {Size{3, 2000, 131, 10},
                        {65, 2000, 131, 10},
                        {1030, 90, 8, 3},
                        {33, 150, 1024, 10},
                        {2, 18000, 120, 10},
                        {65, 18000, 40, 10}})
    rows.push_back(exact("eighths", s, eighths(s.Q * s.D, 1), eighths(s.N * s.D, 2)));
  for (const Size& s : {Size{2, 700, 512, 10}, {37, 700, 512, 10}})
    rows.push_back(search("numbers", s, numbers(s.Q * s.D, 1), numbers(s.N * s.D, 2))
                       .tolerance(1e-5, "512 float products of numbers below 1"));

  for (const int64_t Q : {2, 20}) {
    const Size s{Q, 60, 9, 12};
    std::vector<double> g = eighths(s.N * s.D, 2);
    g[3 * 9] = kNaN, g[4 * 9 + 8] = kInf, g[20 * 9 + 1] = kNaN, g[59 * 9] = -kInf;
    rows.push_back(exact("NaN and infinities in the gallery", s, numbers(Q * s.D, 1, 0.25, 1), g));
    rows.back().tolerance(1e-6, "9 float products");
    rows.push_back(exact("all equal", s, std::vector<double>(static_cast<size_t>(Q * s.D), 0.5),
                         std::vector<double>(static_cast<size_t>(s.N * s.D), 0.5)));
  }
  // Ties everywhere, over the blocks of all threads.
  for (const Size& s : {Size{2, 18000, 120, 200}, {65, 18000, 40, 200}})
    rows.push_back(exact("all equal", s, std::vector<double>(static_cast<size_t>(s.Q * s.D), 0.5),
                         std::vector<double>(static_cast<size_t>(s.N * s.D), 0.5)));
  return rows;
}

}  // namespace fr::audit
