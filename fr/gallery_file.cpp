#include "fr/gallery_file.h"

#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

constexpr char kFormat[] = "prosopon-gallery", kVersion[] = "1";

// y = x / |x|, D numbers
void scale_to_unit(float* y, const float* x, int64_t D, const std::string& picture) {
  double square = 0;
  for (int64_t d = 0; d < D; ++d) square += double(x[d]) * double(x[d]);
  const double length = std::sqrt(square);
  if (!(length >= 1e-12) || !std::isfinite(length))
    throw Error(ErrorKind::data, cat("gallery: the embedding of ", picture, " has length ", length));
  for (int64_t d = 0; d < D; ++d) y[d] = float(double(x[d]) / length);
}

}  // namespace

void write_gallery(const fs::path& path, const EmbeddingView& e, const std::vector<std::string>& people,
                   const std::vector<std::string>& pictures, const Metadata& about) {
  FR_CHECK(e.D > 0 && int64_t(e.values.size()) == e.N * e.D, "gallery: expected ", e.N, " x ", e.D,
           " embeddings, got ", e.values.size(), " numbers");
  FR_CHECK(int64_t(people.size()) == e.N && int64_t(pictures.size()) == e.N, "gallery: ", e.N,
           " embeddings, but ", people.size(), " people and ", pictures.size(), " pictures");
  NamedTensors tensors;
  const Tensor rows({e.N, e.D});
  for (int64_t n = 0; n < e.N; ++n)
    scale_to_unit(rows.as<float>() + n * e.D, &e.values[size_t(n * e.D)], e.D,
                  pictures[size_t(n)].empty() ? people[size_t(n)] : pictures[size_t(n)]);
  tensors["embeddings"] = rows;
  add_texts(tensors, "people", people), add_texts(tensors, "pictures", pictures);
  Metadata metadata = about;
  metadata["format"] = kFormat, metadata["version"] = kVersion;
  write_safetensors(path, tensors, metadata);
}

GalleryFile::GalleryFile(const fs::path& path) : file_(path) {
  const auto entry = [&](const char* key) {
    const auto at = file_.metadata().find(key);
    return at == file_.metadata().end() ? std::string() : at->second;
  };
  if (entry("format") != kFormat)
    throw Error(ErrorKind::data, cat(path.string(), ": not a gallery: expected metadata format \"", kFormat,
                                     "\", got \"", entry("format"), "\""));
  if (entry("version") != kVersion)
    throw Error(ErrorKind::data, cat(path.string(), ": gallery of version \"", entry("version"),
                                     "\", this program reads version ", kVersion));
  rows_.values = file_.values<float>("embeddings", {-1, -1});
  rows_.N = file_.shape("embeddings")[0], rows_.D = file_.shape("embeddings")[1];
  if (rows_.D < 1) throw Error(ErrorKind::data, cat(path.string(), ": tensor \"embeddings\" has no columns"));
  const auto texts = [&](const std::string& name) {
    return texts_view(file_.values<int64_t>(name, {-1}), file_.values<int64_t>(name + ".ends", {rows_.N}),
                      name, path);
  };
  people_ = texts("people"), pictures_ = texts("pictures");
}

GalleryRow GalleryFile::row(int64_t n) const {
  FR_CHECK(n >= 0 && n < rows_.N, "gallery: row ", n, " of ", rows_.N);
  return {people_.at(n), pictures_.at(n)};
}

}  // namespace fr
