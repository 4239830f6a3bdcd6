// A list of texts in a file of tensors, as two tensors of int64: `name`, the UTF-8 bytes of all texts one behind the other,
// filled up with zeros to whole words, and `name`.ends (N), where each ends (docs/formats.md).
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/safetensors.h"

namespace fr {

void add_texts(NamedTensors& tensors, const std::string& name, const std::vector<std::string>& texts);

// The texts where they lie.
struct TextsView {
  std::string_view bytes;
  std::span<const int64_t> ends;
  std::string_view at(int64_t n) const;
};
// Throws Error{data} naming the file and the tensor when the ends do not grow within the bytes.
TextsView texts_view(std::span<const int64_t> words, std::span<const int64_t> ends, const std::string& name,
                     const fs::path& path);

}  // namespace fr
