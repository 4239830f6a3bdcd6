#include "fr/calibration/cohort_norm.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/calibration/inner_products.h"

namespace fr {
namespace {

constexpr int64_t kRows = 64, kCohort = 1024;  // of a block of cosines: 256 KiB a thread
constexpr double kSmallestStd = 1e-6;          // below it is the rounding of equal cosines

// What the cosines of one row say; they come in the order of the cohort.
class Statistics {
 public:
  explicit Statistics(int64_t top) : top_(size_t(top)) {}

  void add(const float* c, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      if (top_ == 0)
        sum_ += c[i], squares_ += double(c[i]) * c[i];
      else if (!full_ || c[i] > least_)
        keep(c[i]);
    }
    count_ += n;
  }
  // Population standard deviation.
  struct Moments {
    double mean, std;
  };
  Moments moments() {
    if (top_ > 0) shrink(), fold();
    const double n = double(top_ > 0 ? int64_t(kept_.size()) : count_), mean = sum_ / n;
    return {mean, std::sqrt(std::max(0.0, squares_ / n - mean * mean))};
  }

 private:
  // The best, and as many again that may be among them.
  void keep(float c) {
    kept_.push_back(c);
    if (kept_.size() >= 2 * top_) shrink();
  }
  void shrink() {
    if (kept_.size() <= top_) return;
    std::nth_element(kept_.begin(), kept_.begin() + std::ptrdiff_t(top_) - 1, kept_.end(), std::greater<>());
    kept_.resize(top_), least_ = kept_.back(), full_ = true;
  }
  void fold() {
    std::sort(kept_.begin(), kept_.end());  // equal sets have equal sums
    for (float c : kept_) sum_ += c, squares_ += double(c) * c;
  }

  size_t top_;
  double sum_ = 0, squares_ = 0;
  int64_t count_ = 0;
  std::vector<float> kept_;
  float least_ = 0;  // of the best, once there are enough
  bool full_ = false;
};

bool has_direction(const float* row, int64_t D) {
  return std::any_of(row, row + D, [](float x) { return x != 0; });
}

// Rows [begin, end) of `r` against the whole cohort, block by block.
void find_contexts(CalibratedRows& r, const CalibratedRows& cohort, int64_t top, int64_t begin, int64_t end) {
  std::vector<float> cosines(size_t(kRows * kCohort));
  std::vector<Statistics> of_row(size_t(end - begin), Statistics(top));
  for (int64_t j = 0; j < cohort.N; j += kCohort) {
    const int64_t m = std::min(kCohort, cohort.N - j);
    inner_products(cosines.data(), r.rows.data() + begin * r.D, end - begin, cohort.rows.data() + j * r.D, m,
                   r.D);
    for (int64_t i = 0; i < end - begin; ++i) of_row[size_t(i)].add(cosines.data() + i * m, m);
  }
  for (int64_t i = begin; i < end; ++i) {
    const Statistics::Moments found = of_row[size_t(i - begin)].moments();
    const bool direction = has_direction(r.rows.data() + i * r.D, r.D);
    r.context[size_t(2 * i)] = direction ? float(found.mean) : 0;
    r.context[size_t(2 * i + 1)] = direction ? float(1 / found.std) : 1;
  }
}

CalibratedRows with_direction(CalibratedRows all) {
  CalibratedRows kept;
  kept.D = all.D;
  for (int64_t i = 0; i < all.N; ++i) {
    const auto row = all.rows.begin() + i * all.D;
    if (has_direction(&*row, all.D)) kept.rows.insert(kept.rows.end(), row, row + all.D), ++kept.N;
  }
  return kept;
}

void check_contexts(const CalibratedRows& a, const CalibratedRows& b) {
  FR_CHECK(a.C == 2 && b.C == 2, "cohort: rows with contexts of 2 numbers expected, got ", a.C, " and ", b.C);
}

}  // namespace

CohortNorm::CohortNorm(CalibrationType type, const EmbeddingView& cohort, int64_t top)
    : type_(type), cohort_(with_direction(unit_rows(cohort))), top_(top) {
  FR_CHECK(std::any_of(kCohortNormWords.begin(), kCohortNormWords.end(),
                       [&](const auto& word) { return word.second == type; }) &&
               top >= 0,
           "cohort: type ", calibration_word(type), ", top ", top);
  if (cohort_.N < 2)
    throw Error(ErrorKind::data, cat("cohort: needs two embeddings or more that have a direction, got ",
                                     cohort_.N, " of ", cohort.N));
  if (top == 1)
    throw Error(ErrorKind::usage, "cohort: the most similar one alone has no standard deviation; top = 1");
  if (top_ >= cohort_.N) top_ = 0;
}

std::string CohortNorm::name() const { return calibration_word(type_); }

std::string CohortNorm::score() const {
  const std::string cohort = top_ > 0 ? cat("the ", top_, " most similar of a cohort of ", cohort_.N)
                                      : cat("a cohort of ", cohort_.N);
  const char* whose = type_ == CalibrationType::z_norm   ? "the gallery row's"
                      : type_ == CalibrationType::t_norm ? "the probe row's"
                                                         : "the mean over both rows";
  return cat("cosine similarity in standard deviations of impostor scores (", calibration_word(type_), ": ",
             whose, ", against ", cohort, ")");
}

CalibratedRows CohortNorm::prepare(const EmbeddingView& e) const {
  if (e.D != cohort_.D)
    throw Error(ErrorKind::data, cat("cohort: its embeddings have ", cohort_.D, " numbers, these have ", e.D,
                                     "; calibrate with the same model and flip"));
  CalibratedRows r = unit_rows(e);
  r.C = 2, r.context.resize(size_t(2 * r.N));
  parallel_ranges(r.N, kRows,
                  [&](int64_t begin, int64_t end) { find_contexts(r, cohort_, top_, begin, end); });
  for (int64_t i = 0; i < r.N; ++i)
    if (!(r.context[size_t(2 * i + 1)] <= 1 / kSmallestStd))
      throw Error(ErrorKind::data, cat("cohort: embedding ", i, " has the same cosine, ",
                                       r.context[size_t(2 * i)], ", with all that count"));
  return r;
}

void CohortNorm::scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b,
                        int64_t j, int64_t m) const {
  check_contexts(a, b);
  cosine_.scores(out, a, i, n, b, j, m);
  const float* probes = b.context.data() + 2 * j;
  for (int64_t r = 0; r < n; ++r) {
    const float mean = a.context[size_t(2 * (i + r))], per_std = a.context[size_t(2 * (i + r) + 1)];
    float* s = out + r * m;
    for (int64_t c = 0; c < m; ++c) {
      const float z = (s[c] - mean) * per_std, t = (s[c] - probes[2 * c]) * probes[2 * c + 1];
      s[c] = type_ == CalibrationType::z_norm ? z : type_ == CalibrationType::t_norm ? t : 0.5f * (z + t);
    }
  }
}

double CohortNorm::score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
  check_contexts(a, b);
  const double c = cosine_.score(a, i, b, j);
  const double z = (c - a.context[size_t(2 * i)]) * a.context[size_t(2 * i + 1)];
  const double t = (c - b.context[size_t(2 * j)]) * b.context[size_t(2 * j + 1)];
  return type_ == CalibrationType::z_norm ? z : type_ == CalibrationType::t_norm ? t : 0.5 * (z + t);
}

}  // namespace fr
