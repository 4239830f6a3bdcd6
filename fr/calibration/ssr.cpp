#include "fr/calibration/ssr.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "base/parallel.h"
#include "fr/calibration/inner_products.h"

namespace fr {
namespace {

constexpr int64_t kRows = 64;

SsrTarget target_of(const CalibrationFile& file) {
  for (const auto& [word, target] : kSsrTargetWords)
    if (word == file.text("target")) return target;
  file.fail("target = ", file.text("target"), ", expected standardised or logarithm");
}

std::vector<float> values(const Tensor& t) { return {t.as<float>(), t.as<float>() + t.size()}; }

}  // namespace

double SsrModel::log_f(double t) const {
  const double least = -tau - std::log(double(k)), value = mean + std * t;
  if (target == SsrTarget::logarithm) return std::max(value, least);
  return value > std::exp(least) ? std::log(value) : least;
}

Var ssr_forward(const Var& x, const SsrWeights& w) { return linear(relu(linear(x, w.w1, w.b1)), w.w2, w.b2); }

Var ssr_loss(const Var& t, const Var& target) {
  const Var error = sub(t, target);
  return mean(mul(error, error));
}

void write_ssr(const fs::path& path, const SsrModel& m) {
  FR_CHECK(m.D >= 1 && int64_t(m.w1.size()) == m.D * m.D && int64_t(m.b1.size()) == m.D &&
               int64_t(m.w2.size()) == m.D && m.k >= 1,
           "ssr: a network of ", m.D, " numbers with ", m.w1.size(), ", ", m.b1.size(), " and ", m.w2.size(),
           " weights, k = ", m.k);
  Metadata metadata = calibration_metadata(CalibrationType::ida_l, m.origin);
  for (const auto& [word, target] : kSsrTargetWords)
    if (target == m.target) metadata["target"] = word;
  metadata["from"] = m.from, metadata["top"] = std::to_string(m.k);
  metadata["anchors"] = std::to_string(m.anchors), metadata["tau"] = number_text(m.tau);
  metadata["mean"] = number_text(m.mean), metadata["std"] = number_text(m.std);
  if (std::isfinite(m.r2)) metadata["r2"] = number_text(m.r2);
  write_safetensors(path,
                    {{"fc1.weight", Tensor::from(m.w1, {m.D, m.D})},
                     {"fc1.bias", Tensor::from(m.b1, {m.D})},
                     {"fc2.weight", Tensor::from(m.w2, {1, m.D})},
                     {"fc2.bias", Tensor::from<float>({float(m.b2)}, {1})}},
                    metadata);
}

SsrModel read_ssr(const CalibrationFile& file) {
  if (file.type() != CalibrationType::ida_l)
    file.fail("type = ", calibration_word(file.type()), ", expected ida_l");
  SsrModel m;
  m.origin = file.origin(), m.from = file.text("from"), m.target = target_of(file);
  m.k = file.integer("top", 1), m.anchors = file.integer("anchors", 0), m.tau = file.real("tau", 0);
  constexpr double kAny = -std::numeric_limits<double>::max();
  m.mean = file.real("mean", kAny), m.std = file.real("std", 0);
  m.r2 = file.has("r2") ? file.real("r2", kAny) : std::numeric_limits<double>::quiet_NaN();
  m.D = file.tensor("fc1.bias", {-1}).size();
  m.b1 = values(file.tensor("fc1.bias", {m.D})), m.w1 = values(file.tensor("fc1.weight", {m.D, m.D}));
  m.w2 = values(file.tensor("fc2.weight", {1, m.D})), m.b2 = values(file.tensor("fc2.bias", {1}))[0];
  return m;
}

LearnedDiscrepancy::LearnedDiscrepancy(SsrModel model)
    : Discrepancy(model.D, model.k, model.tau), model_(std::move(model)) {
  FR_CHECK(int64_t(model_.w1.size()) == D_ * D_ && int64_t(model_.b1.size()) == D_ &&
               int64_t(model_.w2.size()) == D_,
           "ssr: weights of another size than ", D_);
}

// The hidden layer by products that are functions of their rows alone; the output in double.
std::vector<double> LearnedDiscrepancy::log_f(const CalibratedRows& r, std::span<const std::string>) const {
  std::vector<double> out(size_t(r.N));
  parallel_ranges(r.N, kRows, [&](int64_t begin, int64_t end) {
    std::vector<float> hidden(size_t((end - begin) * D_));
    inner_products(hidden.data(), r.rows.data() + begin * D_, end - begin, model_.w1.data(), D_, D_);
    for (int64_t i = begin; i < end; ++i) {
      const float* h = hidden.data() + (i - begin) * D_;
      double t = model_.b2;
      for (int64_t d = 0; d < D_; ++d)
        t += double(std::max(0.0f, h[d] + model_.b1[size_t(d)])) * model_.w2[size_t(d)];
      out[size_t(i)] = model_.log_f(t);
    }
  });
  return out;
}

}  // namespace fr
