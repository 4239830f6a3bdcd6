// Pictures in the idx format (LeCun et al. 1998, the MNIST files): big-endian header 00 00 08 DIMENSIONS, one 32-bit size
// for each dimension, then bytes. Plain files or gzip.
#pragma once
#include <filesystem>
#include <vector>

#include "data/source.h"

namespace fr {

// A folder with NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte, each perhaps with .gz; of several, "train" before the
// others in order of name. Gray pictures become three equal channels; labels are 0..255 and keep their numbers. Throws
// Error{io}, Error{data} naming the file: no such pair, a wrong header, a size that does not fit, counts that differ.
class IdxSource : public Source {
 public:
  explicit IdxSource(const std::filesystem::path& folder);

  int64_t size() const override { return int64_t(labels_.size()); }
  int64_t num_classes() const override { return classes_; }
  int64_t label(int64_t index) const override { return labels_.at(size_t(index)); }
  std::string name(int64_t index) const override;
  Image load(int64_t index) const override;
  uint64_t fingerprint() const override { return fingerprint_; }
  const std::filesystem::path& images() const { return images_; }

 private:
  std::filesystem::path images_;
  int height_ = 0, width_ = 0;
  std::vector<uint8_t> pixels_, labels_;
  int64_t classes_ = 0;
  uint64_t fingerprint_ = 0;
};

}  // namespace fr
