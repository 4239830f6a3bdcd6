// The file of a gallery: one row of unit length for each enrolled picture (or person), whose it is, and what made it. It is a
// safetensors file, mapped and not read, so that a million people open at once (docs/formats.md).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "fr/protocol/embedding_view.h"
#include "fr/text_tensors.h"
#include "nn/mapped_safetensors.h"

namespace fr {

struct GalleryRow {
  std::string_view person, picture;  // picture "": the row stands for all pictures of the person
};

// embeddings (N,D): scaled to unit length on the way. `about` says what made them: the keys of a model's identity.
// Appears complete or not at all. Throws std::invalid_argument for sizes, Error{data} for a row that is not finite or shorter
// than 1e-12 (naming the picture), Error{io}.
void write_gallery(const fs::path& path, const EmbeddingView& embeddings,
                   const std::vector<std::string>& people, const std::vector<std::string>& pictures,
                   const Metadata& about);

class GalleryFile {
 public:
  // Throws Error{io}, Error{data} naming the file and what is wrong. The rows' checksums are left to verify().
  explicit GalleryFile(const fs::path& path);

  int64_t size() const { return rows_.N; }
  const EmbeddingView& embeddings() const { return rows_; }  // (N,D), mapped
  GalleryRow row(int64_t n) const;
  const Metadata& about() const { return file_.metadata(); }
  void verify() const { file_.verify(); }

 private:
  MappedSafetensors file_;
  EmbeddingView rows_;
  TextsView people_, pictures_;
};

}  // namespace fr
