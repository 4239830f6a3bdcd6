#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/file.h"

namespace fr {
namespace {

constexpr size_t kLargest = size_t{1} << 30;  // bytes, unpacked

// The whole file, unpacked if it is gzip.
std::vector<uint8_t> read_unpacked(const fs::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw Error(ErrorKind::io, cat(path.string(), ": cannot be opened"));
  std::vector<uint8_t> bytes;
  for (int got = 1; got > 0;) {
    const size_t before = bytes.size();
    if (before > kLargest)
      throw Error(ErrorKind::data, cat(path.string(), ": more than ", kLargest, " bytes"));
    bytes.resize(before + (size_t{1} << 20));
    got = gzread(file.get(), bytes.data() + before, unsigned(bytes.size() - before));
    int code = 0;
    if (const char* reason = gzerror(file.get(), &code); got < 0 || code != Z_OK)
      throw Error(ErrorKind::data, cat(path.string(), ": damaged: ", reason));
    bytes.resize(before + size_t(got));
  }
  return bytes;
}

struct Idx {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> bytes;
};

int64_t big_endian(const uint8_t* p) {
  return int64_t{p[0]} << 24 | int64_t{p[1]} << 16 | int64_t{p[2]} << 8 | int64_t{p[3]};
}

Idx read_idx(const fs::path& path, size_t dimensions) {
  std::vector<uint8_t> all = read_unpacked(path);
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::data, path.string() + ": " + what);
  };
  const size_t header = 4 + 4 * dimensions;
  if (all.size() < header || all[0] != 0 || all[1] != 0 || all[2] != 8 || all[3] != dimensions)
    fail(cat("expected an idx file of bytes in ", dimensions, " dimensions (00 00 08 0", dimensions, ")"));
  Idx idx;
  int64_t expected = 1;
  for (size_t d = 0; d < dimensions; ++d) {
    idx.sizes.push_back(big_endian(&all[4 + 4 * d]));
    expected = idx.sizes[d] > int64_t(kLargest) ? INT64_MAX : expected;
    if (expected <= int64_t(kLargest)) expected *= idx.sizes[d];
  }
  if (expected != int64_t(all.size() - header))
    fail(cat("the header announces ", expected, " bytes, the file has ", all.size() - header));
  idx.bytes.assign(all.begin() + std::ptrdiff_t(header), all.end());
  return idx;
}

constexpr const char* kImages = "-images-idx3-ubyte";
constexpr const char* kLabels = "-labels-idx1-ubyte";

// The first pair of files: those called train..., then by name.
std::pair<fs::path, fs::path> find_files(const fs::path& folder) {
  std::vector<fs::path> images;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().find(kImages) != std::string::npos) images.push_back(entry.path());
  if (error) throw Error(ErrorKind::io, cat(folder.string(), ": ", error.message()));
  std::sort(images.begin(), images.end(), [](const fs::path& a, const fs::path& b) {
    const bool a_trains = a.filename().string().rfind("train", 0) == 0;
    const bool b_trains = b.filename().string().rfind("train", 0) == 0;
    return a_trains != b_trains ? a_trains : a < b;
  });
  for (const fs::path& path : images) {
    const std::string name = path.filename().string();
    const std::string stem = name.substr(0, name.find(kImages));
    for (const char* packed : {"", ".gz"})
      if (const fs::path labels = folder / (stem + kLabels + packed); fs::exists(labels))
        return {path, labels};
  }
  throw Error(ErrorKind::data,
              cat(folder.string(), ": expected NAME", kImages, " and NAME", kLabels, " (or with .gz), found ",
                  images.size(), " file(s) of pictures without labels"));
}

}  // namespace

IdxSource::IdxSource(const fs::path& folder) {
  const auto [images, labels] = find_files(folder);
  Idx pictures = read_idx(images, 3), answers = read_idx(labels, 1);
  const int64_t n = pictures.sizes[0], height = pictures.sizes[1], width = pictures.sizes[2];
  if (n != answers.sizes[0])
    throw Error(ErrorKind::data, cat(images.string(), ": ", n, " pictures, but ", labels.string(), " has ",
                                     answers.sizes[0], " labels"));
  if (n == 0 || height < 1 || width < 1 || height > 8192 || width > 8192)
    throw Error(ErrorKind::data, cat(images.string(), ": ", n, " pictures of ", height, " x ", width));
  images_ = images, height_ = int(height), width_ = int(width);
  pixels_ = std::move(pictures.bytes), labels_ = std::move(answers.bytes);
  classes_ = *std::max_element(labels_.begin(), labels_.end()) + 1;
  const auto text = [](const std::vector<uint8_t>& v) {
    return std::string_view(reinterpret_cast<const char*>(v.data()), v.size());
  };
  fingerprint_ = fr::fingerprint(text(labels_), fr::fingerprint(text(pixels_)));
}

std::string IdxSource::name(int64_t index) const { return cat(images_.string(), "[", index, "]"); }

Image IdxSource::load(int64_t index) const {
  Image image(width_, height_);
  const size_t n = size_t(height_) * size_t(width_);
  const uint8_t* from = &pixels_[size_t(index) * n];
  for (size_t i = 0; i < n; ++i)
    for (size_t c = 0; c < 3; ++c) image.pixels[3 * i + c] = from[i];
  return image;
}

}  // namespace fr
