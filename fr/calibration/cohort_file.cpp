#include "fr/calibration/cohort_file.h"

#include <algorithm>

#include "fr/calibration/inner_products.h"
#include "fr/text_tensors.h"

namespace fr {
namespace {

constexpr const char* kTensor = "cohort";
constexpr const char* kPeople = "people";

int64_t fewest(CalibrationType type) { return type == CalibrationType::ida_r ? 1 : 2; }

int64_t top_of(const CalibrationFile& file) {
  const int64_t least = file.type() == CalibrationType::ida_r ? 1 : 0, top = file.integer("top", least);
  if (least == 0 && top == 1) file.fail("top = 1, expected 0, or 2 or more");
  return top;
}

void read_rows(Cohort& cohort, const CalibrationFile& file) {
  const Tensor& t = file.tensor(kTensor, {-1, -1});
  cohort.M = t.dim(0), cohort.D = t.dim(1);
  if (cohort.M < fewest(cohort.type))
    file.fail("tensor '", kTensor, "': expected ", fewest(cohort.type), " rows or more, got ",
              to_string(t.shape()));
  cohort.rows.assign(t.as<float>(), t.as<float>() + t.size());
}

void read_people(Cohort& cohort, const CalibrationFile& file) {
  if (!file.has_tensor(kPeople)) return;
  const std::string name_of_ends = cat(kPeople, ".ends");
  const Tensor& bytes = file.tensor(kPeople, {-1}, DType::int64);
  const Tensor& ends = file.tensor(name_of_ends, {cohort.M}, DType::int64);
  const TextsView names = texts_view({bytes.as<int64_t>(), size_t(bytes.size())},
                                     {ends.as<int64_t>(), size_t(ends.size())}, kPeople, file.path());
  for (int64_t i = 0; i < cohort.M; ++i) cohort.people.emplace_back(names.at(i));
}

// Whether one of the first m rows resembles `row`; the products of a block of rows with the kept ones are there already.
bool resembles(const float* products, int64_t m, double cosine) {
  return std::any_of(products, products + m, [&](float c) { return c > cosine; });
}

}  // namespace

void write_cohort(const fs::path& path, const Cohort& c) {
  FR_CHECK(c.type != CalibrationType::none && c.type != CalibrationType::ida_l && c.M >= fewest(c.type) &&
               c.D >= 1 && int64_t(c.rows.size()) == c.M * c.D &&
               (c.people.empty() || int64_t(c.people.size()) == c.M),
           "cohort: expected rows of a cohort norm or of ida_r, got ", c.M, " x ", c.D, ", ", c.rows.size(),
           " numbers, ", c.people.size(), " people and type ", calibration_word(c.type));
  Metadata metadata = calibration_metadata(c.type, c.origin);
  metadata["top"] = std::to_string(c.top);
  if (c.type == CalibrationType::ida_r) metadata["tau"] = number_text(c.tau);
  if (!c.from.empty()) metadata["from"] = c.from;
  NamedTensors tensors = {{kTensor, Tensor::from(c.rows, {c.M, c.D})}};
  if (std::any_of(c.people.begin(), c.people.end(), [](const auto& name) { return !name.empty(); }))
    add_texts(tensors, kPeople, c.people);
  write_safetensors(path, tensors, metadata);
}

Cohort read_cohort(const fs::path& path) { return read_cohort(CalibrationFile(path)); }

Cohort read_cohort(const CalibrationFile& file) {
  if (file.type() == CalibrationType::ida_l)
    file.fail("type = ida_l, expected a cohort or anchors: z_norm, t_norm, s_norm or ida_r");
  Cohort c;
  c.type = file.type(), c.top = top_of(file), c.origin = file.origin();
  if (c.type == CalibrationType::ida_r) c.tau = file.real("tau", 0);
  if (file.has("from")) c.from = file.text("from");
  read_rows(c, file);
  read_people(c, file);
  return c;
}

int64_t drop_duplicates(std::vector<float>& rows, int64_t D, double cosine, std::vector<int64_t>* places) {
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
      if (out[size_t(i)]) continue;
      std::copy_n(rows.begin() + (first + i) * D, D, rows.begin() + kept++ * D);
      if (places) places->push_back(first + i);
    }
  }
  rows.resize(size_t(kept * D));
  return M - kept;
}

int64_t drop_duplicates(Cohort& c, double cosine) {
  std::vector<int64_t> kept;
  const int64_t dropped = drop_duplicates(c.rows, c.D, cosine, &kept);
  c.M -= dropped;
  for (size_t i = 0; i < kept.size() && !c.people.empty(); ++i)
    if (kept[i] != int64_t(i)) c.people[i] = std::move(c.people[size_t(kept[i])]);
  if (!c.people.empty()) c.people.resize(kept.size());
  return dropped;
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
