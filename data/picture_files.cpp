#include "data/picture_files.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace fr {

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

bool is_writable_picture(const std::filesystem::path& path) {
  static const std::set<std::string> kExtensions = {".jpg", ".jpeg", ".png", ".pgm", ".ppm"};
  return kExtensions.count(lower_extension(path)) > 0;
}

bool is_picture(const std::filesystem::path& path) {
  return is_writable_picture(path) || lower_extension(path) == ".bmp";
}

}  // namespace fr
