#include "fr/calibration/cohort_file.h"

#include <algorithm>
#include <cmath>

#include "data/text.h"
#include "fr/calibration/inner_products.h"
#include "nn/safetensors.h"

namespace fr {
namespace {

constexpr const char* kFormat = "prosopon-calibration-1";
constexpr const char* kTensor = "cohort";

struct File {
  const fs::path& path;
  const Safetensors content;

  template <class... A>
  [[noreturn]] void fail(const A&... words) const {
    throw Error(ErrorKind::data, cat(path.string(), ": ", words...));
  }
  std::string text(const std::string& key) const {
    const auto found = content.metadata.find(key);
    if (found == content.metadata.end())
      fail("no '", key, "' in the metadata; expected a file of bin/calibrate");
    return found->second;
  }
};

CalibrationType type_of(const File& file) {
  const std::string found = file.text("type");
  for (const auto& [text, meaning] : kCalibrationWords)
    if (text == found && meaning != CalibrationType::none) return meaning;
  file.fail("type = ", found, ", expected z_norm, t_norm or s_norm");
}

int64_t top_of(const File& file) {
  int64_t top = 0;
  if (!text::parse(file.text("top"), top) || top < 0 || top == 1)
    file.fail("top = ", file.text("top"), ", expected 0, or 2 or more");
  return top;
}

void read_rows(Cohort& cohort, const File& file) {
  const auto found = file.content.tensors.find(kTensor);
  if (found == file.content.tensors.end()) file.fail("no tensor '", kTensor, "'");
  const Tensor& t = found->second;
  if (t.dtype() != DType::float32 || t.rank() != 2 || t.dim(0) < 2 || t.dim(1) < 1)
    file.fail("tensor '", kTensor, "': expected float32 (M,D) with two rows or more, got ",
              to_string(t.dtype()), " ", to_string(t.shape()));
  cohort.M = t.dim(0), cohort.D = t.dim(1);
  cohort.rows.assign(t.as<float>(), t.as<float>() + t.size());
  for (int64_t i = 0; i < t.size(); ++i)
    if (!std::isfinite(cohort.rows[size_t(i)]))
      file.fail("tensor '", kTensor, "': row ", i / cohort.D, " is not finite (column ", i % cohort.D, ")");
}

// Whether one of the first m rows resembles `row`; the products of a block of rows with the kept ones are there already.
bool resembles(const float* products, int64_t m, double cosine) {
  return std::any_of(products, products + m, [&](float c) { return c > cosine; });
}

}  // namespace

void write_cohort(const fs::path& path, const Cohort& c) {
  FR_CHECK(c.M >= 2 && c.D >= 1 && int64_t(c.rows.size()) == c.M * c.D && c.type != CalibrationType::none,
           "cohort: expected two rows or more of a cohort norm, got ", c.M, " x ", c.D, " and ",
           c.rows.size(), " numbers");
  const Metadata metadata = {{"format", kFormat},
                             {"type", calibration_word(c.type)},
                             {"top", std::to_string(c.top)},
                             {"network", c.network},
                             {"weights", c.weights},
                             {"flip", c.flip},
                             {"patch", c.patch}};
  write_safetensors(path, {{kTensor, Tensor::from(c.rows, {c.M, c.D})}}, metadata);
}

Cohort read_cohort(const fs::path& path) {
  const File file{path, read_safetensors(path)};
  if (file.text("format") != kFormat) file.fail("format = ", file.text("format"), ", expected ", kFormat);
  Cohort c;
  c.type = type_of(file), c.top = top_of(file);
  c.network = file.text("network"), c.weights = file.text("weights"), c.flip = file.text("flip"),
  c.patch = file.text("patch");
  read_rows(c, file);
  return c;
}

int64_t drop_duplicates(std::vector<float>& rows, int64_t D, double cosine) {
  FR_CHECK(D > 0 && int64_t(rows.size()) % D == 0, "cohort: ", rows.size(), " numbers are no rows of ", D);
  constexpr int64_t kBlock = 256;
  const int64_t M = int64_t(rows.size()) / D;
  int64_t kept = 0;  // rows that stay are moved to the front
  std::vector<float> products(size_t(kBlock * kBlock));
  for (int64_t first = 0; first < M; first += kBlock) {
    const int64_t n = std::min(kBlock, M - first), before = kept;
    std::vector<bool> out(size_t(n), false);
    const float* block = rows.data() + first * D;
    for (int64_t k = 0; k < before; k += kBlock) {
      const int64_t m = std::min(kBlock, before - k);
      inner_products(products.data(), block, n, rows.data() + k * D, m, D);
      for (int64_t i = 0; i < n; ++i)
        out[size_t(i)] = out[size_t(i)] || resembles(products.data() + i * m, m, cosine);
    }
    inner_products(products.data(), block, n, block, n, D);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t k = 0; k < i && !out[size_t(i)]; ++k)
        out[size_t(i)] = !out[size_t(k)] && products[size_t(i * n + k)] > cosine;
      if (!out[size_t(i)]) std::copy_n(rows.begin() + (first + i) * D, D, rows.begin() + kept++ * D);
    }
  }
  rows.resize(size_t(kept * D));
  return M - kept;
}

std::string network_keys(const std::string& ini) {
  std::string keys;
  bool inside = false;
  for (size_t at = 0; at < ini.size();) {
    const size_t end = std::min(ini.find('\n', at), ini.size());
    const std::string line = ini.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line[0] == '[')
      inside = line == "[network]";
    else if (inside && !line.empty())
      keys += line + '\n';
  }
  return keys;
}

}  // namespace fr
