#include "fr/detection/align_pictures.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "data/folder.h"

namespace fr {
namespace {

fs::path landmarks_path(const AlignOptions& options) { return options.out / "landmarks.txt"; }

// Without links, as far as they lead somewhere.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path found = fs::weakly_canonical(path, error);
  return error ? path : found;
}

bool lies_in(const fs::path& path, const fs::path& folder) {  // at any depth
  const fs::path p = resolved(path), f = resolved(folder);
  return std::mismatch(f.begin(), f.end(), p.begin(), p.end()).first == f.end();
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::usage, message); }

void add_folder(std::vector<PictureToAlign>& to, const fs::path& root, const fs::path& out) {
  if (lies_in(root, out))
    refuse(cat(root.string(), " lies in the folder to write, ", out.string(), ": give another one"));
  for (const fs::path& path : folder::picture_files(root))
    if (!lies_in(path, out)) to.push_back({path, path.lexically_relative(root).generic_string()});
}

void check_outputs(const std::vector<PictureToAlign>& pictures, const AlignOptions& options) {
  std::map<fs::path, fs::path> source;  // of each copy
  std::set<fs::path> inputs;
  for (const PictureToAlign& picture : pictures) {
    const fs::path to = aligned_path(picture, options);
    if (const auto [at, fresh] = source.emplace(to, picture.path); !fresh)
      refuse(cat(at->second.string(), " and ", picture.path.string(), " would both become ", to.string()));
    inputs.insert(resolved(picture.path));
  }
  for (const auto& [to, from] : source)
    if (inputs.count(resolved(to))) refuse(to.string() + " is one of the pictures to align");
  if (options.existing == Existing::overwrite) return;
  source[landmarks_path(options)];
  std::erase_if(source, [](const auto& copy) {
    std::error_code error;
    return !fs::exists(copy.first, error);
  });
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

// After an error, which is the one to tell: that of writing the list is not.
void save_what_was_done(const AlignResult& result, const AlignOptions& options) {
  if (result.used.empty()) return;
  try {
    write_file_atomic(landmarks_path(options), to_text(result.used));
  } catch (const Error&) {
  }
}

}  // namespace

std::vector<PictureToAlign> pictures_to_align(const std::vector<std::string>& inputs, const fs::path& out) {
  std::vector<PictureToAlign> pictures;
  for (const fs::path input : inputs) {
    std::error_code error;
    const fs::file_status status = fs::status(input, error);
    if (error) throw Error(ErrorKind::io, cat(input.string(), ": ", error.message()));
    if (fs::is_directory(status))
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

void align_pictures(const std::vector<PictureToAlign>& pictures, const FindLandmarks& find,
                    const std::string& none, const AlignOptions& options, AlignResult& result,
                    const std::function<void(int64_t)>& done) {
  alignment_template(options.height, options.width);  // refuses a size that has none
  check_outputs(pictures, options);
  try {
    for (size_t i = 0; i < pictures.size(); ++i) {
      const std::string reason = align_one(pictures[i], find, none, options, result);
      if (!reason.empty()) result.failed.push_back(reason);
      if (done) done(int64_t(i) + 1);
    }
  } catch (...) {
    save_what_was_done(result, options);
    throw;
  }
  write_file_atomic(landmarks_path(options), to_text(result.used));
}

}  // namespace fr
