#include "fr/calibration/calibration_file.h"

#include <charconv>
#include <cmath>

#include "data/text.h"

namespace fr {
namespace {

constexpr const char* kFormat = "prosopon-calibration-1";

std::string all_types() {
  std::string words;
  for (size_t i = 0; i < kCalibrationFileWords.size(); ++i)
    words += (i == 0                                 ? ""
              : i + 1 < kCalibrationFileWords.size() ? ", "
                                                     : " or ") +
             kCalibrationFileWords[i].first;
  return words;
}

bool fits(const Shape& shape, const Shape& wanted) {
  if (shape.size() != wanted.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (wanted[i] < 0 ? shape[i] < 1 : shape[i] != wanted[i]) return false;
  return true;
}

// "(any,128)"
std::string shape_words(const Shape& shape) {
  std::string words;
  for (const int64_t n : shape) words += (words.empty() ? "(" : ",") + (n < 0 ? "any" : std::to_string(n));
  return words + ")";
}

}  // namespace

CalibrationFile::CalibrationFile(const fs::path& path) : path_(path), content_(read_safetensors(path)) {
  if (text("format") != kFormat) fail("format = ", text("format"), ", expected ", kFormat);
  type_ = CalibrationType::none;
  for (const auto& [word, meaning] : kCalibrationFileWords)
    if (word == text("type")) type_ = meaning;
  if (type_ == CalibrationType::none) fail("type = ", text("type"), ", expected ", all_types());
}

std::string CalibrationFile::text(const std::string& key) const {
  const auto found = content_.metadata.find(key);
  if (found == content_.metadata.end())
    fail("no '", key, "' in the metadata; expected a file of bin/calibrate, bin/anchors or bin/ssr");
  return found->second;
}

int64_t CalibrationFile::integer(const std::string& key, int64_t least) const {
  int64_t value = 0;
  if (!text::parse(text(key), value) || value < least)
    fail(key, " = ", text(key), ", expected an integer of ", least, " or more");
  return value;
}

double CalibrationFile::real(const std::string& key, double least) const {
  double value = 0;
  if (!text::parse(text(key), value) || value < least)
    fail(key, " = ", text(key), ", expected a number", least > -1e300 ? cat(" of ", least, " or more") : "");
  return value;
}

EmbeddingOrigin CalibrationFile::origin() const {
  return {text("network"), text("weights"), text("flip"), text("patch")};
}

const Tensor& CalibrationFile::tensor(const std::string& name, const Shape& shape, DType type) const {
  const auto found = content_.tensors.find(name);
  if (found == content_.tensors.end()) fail("no tensor '", name, "'");
  const Tensor& t = found->second;
  if (t.dtype() != type || !fits(t.shape(), shape))
    fail("tensor '", name, "': expected ", to_string(type), " ", shape_words(shape), ", got ",
         to_string(t.dtype()), " ", to_string(t.shape()));
  const int64_t columns = t.rank() > 1 ? t.dim(-1) : 1;
  for (int64_t i = 0; type == DType::float32 && i < t.size(); ++i)
    if (!std::isfinite(t.as<float>()[i]))
      fail("tensor '", name, "': row ", i / columns, " is not finite (column ", i % columns, ")");
  return t;
}

Metadata calibration_metadata(CalibrationType type, const EmbeddingOrigin& o) {
  return {{"format", kFormat},    {"type", calibration_word(type)},
          {"network", o.network}, {"weights", o.weights},
          {"flip", o.flip},       {"patch", o.patch}};
}

std::string number_text(double x) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

}  // namespace fr
