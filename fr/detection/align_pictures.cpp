#include "fr/detection/align_pictures.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "data/folder.h"

namespace fr {
namespace {

fs::path landmarks_path(const AlignOptions& options) { return options.out / "landmarks.txt"; }

bool lies_in(const fs::path& path, const fs::path& folder) {  // at any depth
  const fs::path p = fs::weakly_canonical(path), f = fs::weakly_canonical(folder);
  return std::mismatch(f.begin(), f.end(), p.begin(), p.end()).first == f.end();
}

void add_folder(std::vector<PictureToAlign>& to, const fs::path& root, const fs::path& out) {
  const size_t first = to.size();
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && folder::is_picture(entry.path()) && !lies_in(entry.path(), out))
      to.push_back({entry.path(), entry.path().lexically_relative(root).generic_string()});
  std::sort(to.begin() + std::ptrdiff_t(first), to.end(),
            [](const PictureToAlign& a, const PictureToAlign& b) { return a.name < b.name; });
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::usage, message); }

void check_outputs(const std::vector<PictureToAlign>& pictures, const AlignOptions& options) {
  std::map<fs::path, fs::path> source;  // of each copy
  std::set<fs::path> inputs;
  for (const PictureToAlign& picture : pictures) {
    const fs::path to = aligned_path(picture, options);
    if (const auto [at, fresh] = source.emplace(to, picture.path); !fresh)
      refuse(cat(at->second.string(), " and ", picture.path.string(), " would both become ", to.string()));
    inputs.insert(fs::weakly_canonical(picture.path));
  }
  for (const auto& [to, from] : source)
    if (inputs.count(fs::weakly_canonical(to))) refuse(to.string() + " is one of the pictures to align");
  if (options.existing == Existing::overwrite) return;
  source[landmarks_path(options)];
  std::erase_if(source, [](const auto& copy) { return !fs::exists(copy.first); });
  if (!source.empty())
    refuse(cat(source.begin()->first.string(), " exists already, one of ", source.size(),
               ": give another folder or --overwrite"));
}

// Why it was not aligned; "": it was.
std::string align_one(const PictureToAlign& picture, const FindLandmarks& find, const std::string& none,
                      const AlignOptions& options, AlignResult& result) {
  Image image;
  try {
    image = load_image(picture.path);
  } catch (const Error& e) {
    return e.what();
  }
  const std::optional<Landmarks> landmarks = find(picture, image);
  if (!landmarks) return cat(picture.path.string(), ": ", none);
  save_image(aligned_path(picture, options),
             align_face(image, *landmarks, options.height, options.width, options.fit));
  result.used[picture.name] = *landmarks;
  return "";
}

}  // namespace

std::vector<PictureToAlign> pictures_to_align(const std::vector<std::string>& inputs, const fs::path& out) {
  std::vector<PictureToAlign> pictures;
  for (const fs::path input : inputs) {
    if (!fs::exists(input)) throw Error(ErrorKind::io, input.string() + ": no such file or folder");
    if (fs::is_directory(input))
      add_folder(pictures, input, out);
    else
      pictures.push_back({input, input.filename().string()});
  }
  if (pictures.empty())
    throw Error(ErrorKind::data, cat("no picture in ", inputs.front(), inputs.size() > 1 ? ", ..." : ""));
  return pictures;
}

fs::path aligned_path(const PictureToAlign& picture, const AlignOptions& options) {
  fs::path path = options.out / picture.name;
  return folder::is_writable_picture(path) ? path : path.replace_extension(".png");
}

AlignResult align_pictures(const std::vector<PictureToAlign>& pictures, const FindLandmarks& find,
                           const std::string& none, const AlignOptions& options,
                           const std::function<void(int64_t)>& done) {
  alignment_template(options.height, options.width);  // refuses a size that has none
  check_outputs(pictures, options);
  AlignResult result;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string reason = align_one(pictures[i], find, none, options, result);
    if (!reason.empty()) result.failed.push_back(reason);
    if (done) done(int64_t(i) + 1);
  }
  write_file_atomic(landmarks_path(options), to_text(result.used));
  return result;
}

}  // namespace fr
