#include "data/folder.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace fr::folder {

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

bool is_picture(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm"};
  return kExtensions.count(lower_extension(path)) > 0;
}

void require_folder(const fs::path& root) {
  std::error_code error;
  if (!fs::is_directory(root, error))
    throw Error(ErrorKind::io, cat(root.string(), ": not a folder", error ? ": " + error.message() : ""));
}

std::vector<fs::directory_entry> list_folder(const fs::path& path) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    entries.push_back(*it);
  if (error) throw Error(ErrorKind::io, cat("cannot list ", path.string(), ": ", error.message()));
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path().native() < b.path().native(); });
  return entries;
}

}  // namespace fr::folder
