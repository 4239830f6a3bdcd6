#include "data/folder.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace fr::folder {
namespace {

void add_pictures(std::vector<fs::path>& to, const fs::path& folder) {
  for (const fs::directory_entry& entry : list_folder(folder)) {
    std::error_code error;
    if (!entry.is_symlink(error) && entry.is_directory(error))
      add_pictures(to, entry.path());
    else if (is_picture(entry.path()) && (entry.is_regular_file(error) || error))
      to.push_back(entry.path());
  }
}

}  // namespace

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

bool is_writable_picture(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".jpg", ".jpeg", ".png", ".pgm", ".ppm"};
  return kExtensions.count(lower_extension(path)) > 0;
}

bool is_picture(const fs::path& path) { return is_writable_picture(path) || lower_extension(path) == ".bmp"; }

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

std::vector<fs::path> picture_files(const fs::path& root) {
  std::vector<fs::path> paths;
  add_pictures(paths, root);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string without_number(const std::filesystem::path& picture) {
  std::string stem = picture.stem().string();
  stem.erase(stem.find_last_not_of("0123456789") + 1);
  stem.erase(stem.find_last_not_of("_-") + 1);
  return stem;
}

std::string person_of(const std::filesystem::path& picture) {
  const std::string folder = picture.parent_path().filename().string();
  return folder.empty() ? without_number(picture) : folder;
}

}  // namespace fr::folder
