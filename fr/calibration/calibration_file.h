// What the files of all calibrators share (docs/formats.md): a type, what made the embeddings they are for, and errors that name
// the file and the key or tensor.
#pragma once
#include <string>

#include "base/error.h"
#include "fr/calibration/calibrator.h"
#include "nn/safetensors.h"

namespace fr {

// What made embeddings, and so what may be scored with what was learned from them.
struct EmbeddingOrigin {
  std::string network;  // the keys of the model's [network]
  std::string weights;  // which weights: weights_fingerprint()
  std::string flip;     // the word of FlipMode
  std::string patch;    // the word of Patch
};

class CalibrationFile {
 public:
  // Throws Error{io}, Error{data} for another format or an unknown type.
  explicit CalibrationFile(const fs::path& path);

  template <class... A>
  [[noreturn]] void fail(const A&... words) const {
    throw Error(ErrorKind::data, cat(path_.string(), ": ", words...));
  }
  CalibrationType type() const { return type_; }
  bool has(const std::string& key) const { return content_.metadata.contains(key); }
  // These throw Error{data} for what is missing, no number, or out of range.
  std::string text(const std::string& key) const;
  int64_t integer(const std::string& key, int64_t least) const;
  double real(const std::string& key, double least) const;
  EmbeddingOrigin origin() const;
  bool has_tensor(const std::string& name) const { return content_.tensors.contains(name); }
  // float32 or int64 as `type` says, every number finite, of this shape, where -1 is any size from 1.
  const Tensor& tensor(const std::string& name, const Shape& shape, DType type = DType::float32) const;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  Safetensors content_;
  CalibrationType type_;
};

// The entries that every file has.
Metadata calibration_metadata(CalibrationType type, const EmbeddingOrigin& origin);
// As much of it as reads back to the same double.
std::string number_text(double x);

}  // namespace fr
