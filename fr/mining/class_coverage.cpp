#include "fr/mining/class_coverage.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace fr {
namespace {

constexpr int64_t kBlock = 256;  // probes whose scores are there at one time

// p (n, names) += share softmax(scores of the probes [begin, begin + n)), column by column.
void add_probabilities(std::vector<double>& p, const ClassifierView& m, int64_t begin, int64_t n,
                       double share) {
  const EmbeddingView& e = m.embeddings;
  const auto rows = e.values.subspan(size_t(begin * e.D), size_t(n * e.D));
  const Tensor x = Tensor::from(std::vector<float>(rows.begin(), rows.end()), {n, e.D});
  const std::vector<float> z = m.head->forward(Var(x.to(m.head->device()))).value().host<float>();
  const size_t C = z.size() / size_t(n), names = m.column.size();
  for (size_t i = 0; i < size_t(n); ++i) {
    const float* row = z.data() + i * C;
    const double largest = *std::max_element(row, row + C);
    double sum = 0;
    for (size_t c = 0; c < C; ++c) sum += std::exp(row[c] - largest);
    for (size_t k = 0; k < names; ++k)
      if (m.column[k] >= 0) p[i * names + k] += share * std::exp(row[m.column[k]] - largest) / sum;
  }
}

ProbeResult result_of(std::span<const double> p, int64_t own, bool known) {
  ProbeResult r;
  r.best = float(*std::max_element(p.begin(), p.end()));
  if (!known) return r;
  r.mate = float(p[size_t(own)]);
  r.rank = 1 + std::count_if(p.begin(), p.end(), [&](double other) { return float(other) > r.mate; });
  return r;
}

}  // namespace

std::vector<int64_t> classes_of(const LoadedModel& model, const std::vector<std::string>& names) {
  if (model.info.people.empty())
    throw Error(ErrorKind::usage, cat(model.path.string(),
                                      ": the model does not say who its classes are; "
                                      "bin/relearn makes models that do"));
  std::unordered_map<std::string, int64_t> class_of;
  for (int64_t c = 0; const std::string& name : model.info.people) class_of.emplace(name, c++);
  std::vector<int64_t> classes;
  for (const std::string& name : names) classes.push_back(class_of.count(name) ? class_of.at(name) : -1);
  return classes;
}

std::vector<ProbeResult> search_classes(const std::vector<ClassifierView>& models,
                                        std::span<const int64_t> own) {
  FR_CHECK(!models.empty() && !models[0].column.empty(), "class scores: no model, or nobody to name");
  const auto N = int64_t(own.size());
  const size_t names = models[0].column.size();
  std::vector<uint8_t> known(names, 0);
  for (const ClassifierView& m : models) {
    FR_CHECK(m.head && m.embeddings.N == N && m.column.size() == names, "class scores: expected ", N,
             " embeddings and ", names, " names of every model, got ", m.embeddings.N, " and ",
             m.column.size());
    for (size_t k = 0; k < names; ++k) known[k] |= m.column[k] >= 0;
  }
  const NoGrad no_grad;
  std::vector<ProbeResult> found;
  for (int64_t begin = 0; begin < N; begin += kBlock) {
    const int64_t n = std::min(kBlock, N - begin);
    std::vector<double> p(size_t(n) * names, 0);
    for (const ClassifierView& m : models) add_probabilities(p, m, begin, n, 1 / double(models.size()));
    for (int64_t i = 0; i < n; ++i) {
      const int64_t name = own[size_t(begin + i)];
      FR_CHECK(name >= 0 && size_t(name) < names, "class scores: name ", name, " of ", names);
      found.push_back(result_of(std::span(p).subspan(size_t(i) * names, names), name, known[size_t(name)]));
    }
  }
  return found;
}

}  // namespace fr
