// A safetensors file read where it lies: mapped, not copied, so that a tensor may be larger than memory and opening takes no
// time. The format and its limits are those of nn/safetensors.h.
#pragma once
#include <memory>
#include <string>

#include "nn/safetensors.h"

namespace fr {

class MappedSafetensors {
 public:
  // Checks the header as read_safetensors() does, not the data: see verify(). Throws Error{io}, Error{data}.
  explicit MappedSafetensors(const fs::path& path, const SafetensorsLimits& limits = {});
  ~MappedSafetensors();
  MappedSafetensors(MappedSafetensors&&) noexcept;
  MappedSafetensors& operator=(MappedSafetensors&&) noexcept;

  const Metadata& metadata() const;
  bool contains(const std::string& tensor) const;
  // T: float (F32) or int64_t (I64); -1 in `shape` allows any size there. Valid as long as this object.
  // Throws Error{data} naming the tensor when it is missing, of another type, shape or alignment.
  template <class T>
  std::span<const T> values(const std::string& tensor, const Shape& shape) const;
  const Shape& shape(const std::string& tensor) const;  // Error{data} when it is missing
  // Reads everything once and compares the checksums; a file without them passes. Throws Error{data}.
  void verify() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace fr
