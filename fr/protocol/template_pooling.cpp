#include "fr/protocol/template_pooling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;

double length(std::span<const double> v) {
  double squares = 0;
  for (double x : v) squares += x * x;
  return std::sqrt(squares);
}

template <class T>
struct Pool {
  std::span<const T> features;
  int64_t D;
  std::span<const IjbSet::Member> members;
  const TemplatePooling& pooling;

  // medium += g_i
  void add(std::vector<double>& medium, int64_t picture) const {
    const T* f = features.data() + picture * D;
    double scale = pooling.weights.empty() ? 1 : double(pooling.weights[size_t(picture)]);
    if (pooling.norm == FeatureNorm::unit) {
      double squares = 0;
      for (int64_t d = 0; d < D; ++d) squares += double(f[d]) * double(f[d]);
      scale = std::sqrt(squares) < kTiny ? 0 : scale / std::sqrt(squares);
    }
    for (int64_t d = 0; d < D; ++d) medium[size_t(d)] += scale * double(f[d]);
  }

  // The members `order` of one template, by medium.
  void one(T* out, std::span<const int64_t> order) const {
    std::vector<double> sum(size_t(D), 0), medium = sum;
    for (size_t begin = 0, end; begin < order.size(); begin = end) {
      std::fill(medium.begin(), medium.end(), 0);
      const int64_t media = members[size_t(order[begin])].media;
      for (end = begin; end < order.size() && members[size_t(order[end])].media == media; ++end)
        add(medium, members[size_t(order[end])].picture);
      for (size_t d = 0; d < sum.size(); ++d) sum[d] += medium[d] / double(end - begin);
    }
    const double norm = length(sum);
    for (size_t d = 0; d < sum.size(); ++d) out[d] = norm < kTiny ? T(0) : T(sum[d] / norm);
  }
};

// Places in `members` of each template, by medium and then in their order.
class MembersByTemplate {
 public:
  MembersByTemplate(std::span<const IjbSet::Member> members, int64_t N, int64_t templates)
      : order_(members.size()), start_(size_t(templates) + 1, 0) {
    for (const IjbSet::Member& m : members) {
      FR_CHECK(m.picture >= 0 && m.picture < N && m.template_place >= 0 && m.template_place < templates,
               "templates: picture ", m.picture, " of ", N, " in template ", m.template_place, " of ",
               templates);
      ++start_[size_t(m.template_place) + 1];
    }
    std::partial_sum(start_.begin(), start_.end(), start_.begin());
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int64_t i, int64_t j) {
      const IjbSet::Member &a = members[size_t(i)], &b = members[size_t(j)];
      return a.template_place != b.template_place ? a.template_place < b.template_place : a.media < b.media;
    });
  }
  std::span<const int64_t> of(int64_t t) const {
    const auto first = size_t(start_[size_t(t)]), last = size_t(start_[size_t(t) + 1]);
    return std::span(order_).subspan(first, last - first);
  }

 private:
  std::vector<int64_t> order_, start_;
};

}  // namespace

template <class T>
std::vector<T> pool_templates(std::span<const T> features, int64_t D, std::span<const IjbSet::Member> members,
                              int64_t templates, const TemplatePooling& pooling) {
  FR_CHECK(D > 0 && int64_t(features.size()) % D == 0, "templates: ", features.size(),
           " numbers are no rows of ", D);
  const int64_t N = int64_t(features.size()) / D;
  FR_CHECK(pooling.weights.empty() || int64_t(pooling.weights.size()) == N, "templates: ", N,
           " features, but ", pooling.weights.size(), " weights");
  const MembersByTemplate sorted(members, N, templates);
  std::vector<T> out(size_t(templates * D));
  const Pool<T> pool{features, D, members, pooling};
  parallel_for(templates, [&](int64_t t) { pool.one(out.data() + t * D, sorted.of(t)); });
  return out;
}

std::vector<float> fuse_templates(const EmbeddingView& rows, std::span<const IjbSet::Member> members,
                                  int64_t templates, Fusion fusion) {
  const UnitDistributions unit = unit_distributions(rows);
  const MembersByTemplate sorted(members, rows.N, templates);
  std::vector<float> out(size_t(templates * rows.D));
  parallel_for(templates, [&](int64_t t) {
    std::vector<int64_t> pictures;
    for (const int64_t place : sorted.of(t)) pictures.push_back(members[size_t(place)].picture);
    fuse_distributions(out.data() + t * rows.D, unit, pictures, fusion);
  });
  return out;
}

template std::vector<float> pool_templates(std::span<const float>, int64_t, std::span<const IjbSet::Member>,
                                           int64_t, const TemplatePooling&);
template std::vector<double> pool_templates(std::span<const double>, int64_t, std::span<const IjbSet::Member>,
                                            int64_t, const TemplatePooling&);

}  // namespace fr
