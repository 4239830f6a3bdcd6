#include "fr/calibration/discrepancy_figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/calibration/inner_products.h"
#include "fr/calibration/labelled_pictures.h"

namespace fr {
namespace {

constexpr int64_t kBins = 40;
constexpr int64_t kCurves = 500;  // pictures behind Figure 3, as in the paper

std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && x[order[j]] == x[order[i]]) ++j;
    for (size_t k = i; k < j; ++k) rank[order[k]] = double(i + j - 1) / 2;
    i = j;
  }
  return rank;
}

// The mean direction of the person of row i without row i, over which `centre` is the mean with it.
std::vector<float> without(const DiscrepancySample& s, const std::vector<double>& sums, int64_t i) {
  const int64_t D = s.rows.D;
  std::vector<float> rest(static_cast<size_t>(D));
  const double* sum = sums.data() + s.labels[size_t(i)] * D;
  for (int64_t d = 0; d < D; ++d) rest[size_t(d)] = float(sum[d] - s.rows.rows[size_t(i * D + d)]);
  return unit_rows({rest, 1, D}).rows;
}

std::vector<double> sums_of_people(const DiscrepancySample& s) {
  std::vector<double> sums(size_t(s.M() * s.rows.D), 0.0);
  for (int64_t i = 0; i < s.rows.N; ++i)
    for (int64_t d = 0; d < s.rows.D; ++d)
      sums[size_t(s.labels[size_t(i)] * s.rows.D + d)] += s.rows.rows[size_t(i * s.rows.D + d)];
  return sums;
}

// Cosines with all centres (M), in double for the softmax, the own one first replaced where centres are means.
std::vector<double> cosines(const DiscrepancySample& s, int64_t i, const std::vector<float>& own) {
  std::vector<float> c(static_cast<size_t>(s.M()));
  const float* row = s.rows.rows.data() + i * s.rows.D;
  inner_products(c.data(), row, 1, s.centres.data(), s.M(), s.rows.D);
  std::vector<double> out(c.begin(), c.end());
  out[size_t(s.labels[size_t(i)])] = cosine(row, own.data(), s.rows.D);
  return out;
}

// log p / (1 - p) of p = softmax_y(s c)
double log_odds(const std::vector<double>& c, size_t y, double s) {
  double largest = -2, sum = 0;
  for (size_t j = 0; j < c.size(); ++j)
    if (j != y) largest = std::max(largest, c[j]);
  for (size_t j = 0; j < c.size(); ++j)
    if (j != y) sum += std::exp(s * (c[j] - largest));
  return s * (c[y] - largest) - std::log(sum);
}

double quantile(std::vector<double>& values, double q) {
  const auto at = values.begin() + std::ptrdiff_t(q * double(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// curves (pictures, ranks), sorted cosines with other people.
void add_curves(DiscrepancyFigures& f, const std::vector<std::vector<double>>& curves) {
  for (size_t rank = 0; !curves.empty() && rank < curves[0].size(); ++rank) {
    std::vector<double> at;
    for (const auto& curve : curves) at.push_back(curve[rank]);
    f.low.push_back(quantile(at, .1)), f.middle.push_back(quantile(at, .5)),
        f.high.push_back(quantile(at, .9));
  }
}

void add_segments(DiscrepancyFigures& f) {
  std::vector<int64_t> order(size_t(f.N));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return f.log_odds[size_t(a)] < f.log_odds[size_t(b)]; });
  const auto part = [&](int64_t from, int64_t to) {
    return std::vector<int64_t>(order.begin() + f.N * from / 10, order.begin() + f.N * to / 10);
  };
  f.unsure = part(2, 4), f.sure = part(6, 8);
  const auto overlap = [&](const std::vector<double>& x) {
    std::vector<double> a, b;
    for (const int64_t i : f.unsure) a.push_back(x[size_t(i)]);
    for (const int64_t i : f.sure) b.push_back(x[size_t(i)]);
    return histogram_overlap(a, b);
  };
  f.overlap_cosine = overlap(f.cosine), f.overlap_calibrated = overlap(f.calibrated);
  f.rank_cosine = rank_correlation(f.cosine, f.log_odds);
  f.rank_calibrated = rank_correlation(f.calibrated, f.log_odds);
}

// Pictures of people with two or more, person after person.
std::vector<int64_t> of_several(const TrainingData& data, int64_t n) {
  std::vector<std::vector<int64_t>> of_class(size_t(data.classes()));
  for (int64_t i = 0; i < data.pictures(); ++i) of_class[size_t(data.source->label(i))].push_back(i);
  std::vector<int64_t> places;
  for (const auto& person : of_class)
    if (person.size() > 1 && int64_t(places.size()) < n)
      places.insert(places.end(), person.begin(), person.end());
  return places;
}

// Labels without gaps, and the means and names of these people.
void take_means(DiscrepancySample& s, const std::vector<std::string>& names) {
  std::map<int64_t, int64_t> number;
  for (size_t i = 0; i < s.labels.size(); ++i) {
    const auto [at, fresh] = number.emplace(s.labels[i], int64_t(number.size()));
    if (fresh) s.people.push_back(names[i]);
    s.labels[i] = at->second;
  }
  s.means = true;
  const std::vector<double> sums = sums_of_people(s);
  const std::vector<float> means(sums.begin(), sums.end());
  s.centres = unit_rows({means, s.M(), s.rows.D}).rows;
}

bool has_centres(const LoadedModel& model, const TrainingData& data, FlipMode flip) {
  const ClassHead* head = model.model->head();
  return head && head->measures_rows() && model.model->classes() == data.classes() &&
         flip != FlipMode::concatenate;
}

}  // namespace

double histogram_overlap(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return 0;
  const auto [low_a, high_a] = std::minmax_element(a.begin(), a.end());
  const auto [low_b, high_b] = std::minmax_element(b.begin(), b.end());
  const double low = std::min(*low_a, *low_b), width = (std::max(*high_a, *high_b) - low) / double(kBins);
  if (!(width > 0)) return 1;
  const auto shares = [&](const std::vector<double>& x) {
    std::vector<double> share(size_t(kBins), 0.0);
    for (const double v : x)
      share[size_t(std::min(kBins - 1, int64_t((v - low) / width)))] += 1 / double(x.size());
    return share;
  };
  const std::vector<double> p = shares(a), q = shares(b);
  double common = 0;
  for (size_t i = 0; i < p.size(); ++i) common += std::min(p[i], q[i]);
  return common;
}

double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  FR_CHECK(a.size() == b.size(), "rank correlation: ", a.size(), " and ", b.size(), " numbers");
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = double(a.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double u = x[i] - mean, v = y[i] - mean;
    xy += u * v, xx += u * u, yy += v * v;
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::numeric_limits<double>::quiet_NaN();
}

DiscrepancySample discrepancy_sample(const LoadedModel& model, const TrainingData& data, int64_t n,
                                     FlipMode flip, int64_t batch) {
  DiscrepancySample s;
  const bool centres = has_centres(model, data, flip);
  LabelledPictures pictures = all_pictures(data);
  std::vector<int64_t> places;
  if (centres)
    for (int64_t i = 0; i < std::min(n, data.pictures()); ++i)
      places.push_back(i * data.pictures() / std::min(n, data.pictures()));
  else
    places = of_several(data, n);
  if (places.empty())
    throw Error(ErrorKind::data, "figures: nobody among the training pictures has two of them");
  keep_pictures(pictures, places);
  s.rows = embed_pictures(model, pictures, flip, batch).rows, s.labels = pictures.labels;
  if (!centres) return take_means(s, pictures.people), s;
  const Cohort weights = class_weights(model, flip, class_names(*data.source));
  s.centres = weights.rows, s.people = weights.people;
  s.people.resize(size_t(weights.M));
  if (const double scale = scale_of(model.model->head()->options()); scale > 0) s.s = scale;
  return s;
}

DiscrepancyFigures discrepancy_figures(const DiscrepancySample& s, const Discrepancy& ida) {
  DiscrepancyFigures f;
  f.N = s.rows.N, f.M = s.M(), f.k = ida.neighbours(), f.s = s.s, f.means = s.means;
  const int64_t D = s.rows.D;
  std::vector<std::string> people;
  for (const int64_t y : s.labels) people.push_back(s.people[size_t(y)]);
  const CalibratedRows rows = ida.prepare({s.rows.rows, f.N, D, people});
  const CalibratedRows centres = ida.prepare({s.centres, f.M, D, s.people});
  const std::vector<double> sums = s.means ? sums_of_people(s) : std::vector<double>();
  f.cosine.resize(size_t(f.N)), f.calibrated = f.log_odds = f.cosine;
  std::vector<std::vector<double>> curves(size_t(std::min(f.N, kCurves)));
  parallel_for(f.N, [&](int64_t i) {
    const auto y = size_t(s.labels[size_t(i)]);
    const float* centre = s.centres.data() + int64_t(y) * D;
    const std::vector<float> own = s.means ? without(s, sums, i) : std::vector<float>(centre, centre + D);
    std::vector<double> c = cosines(s, i, own);
    f.cosine[size_t(i)] = c[y], f.log_odds[size_t(i)] = log_odds(c, y, s.s);
    f.calibrated[size_t(i)] = log_dao(c[y], rows.context[size_t(i)], centres.context[y], ida.tau());
    const int64_t every = f.N / int64_t(curves.size());
    if (i % every != 0 || i / every >= int64_t(curves.size())) return;
    c.erase(c.begin() + std::ptrdiff_t(y));
    std::sort(c.rbegin(), c.rend());
    curves[size_t(i / every)] = std::move(c);
  });
  add_curves(f, curves);
  add_segments(f);
  return f;
}

}  // namespace fr
