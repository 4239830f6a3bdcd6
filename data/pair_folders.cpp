// Lists of pairs in several files: CFP's splits and RFW's groups.
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/folder.h"
#include "data/pair_forms.h"

namespace fr::pair_forms {
namespace {

std::vector<fs::path> subfolders(const fs::path& path) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : folder::list_folder(path))
    if (entry.is_directory(error)) found.push_back(entry.path());
  return found;
}

// Protocol/Pair_list_F.txt: "index path", index from 1 without gaps; the path is relative to Protocol/, which stands in the root.
std::vector<std::string> cfp_pictures(const fs::path& path, const PairOptions& options) {
  const File file{path, options};
  std::vector<std::string> pictures;
  for (const text::Line& line : text::read_lines(path)) {
    const std::vector<std::string> f = text::fields(line.text);
    const auto next = static_cast<int64_t>(pictures.size()) + 1;
    if (f.size() != 2 || !is_number(f[0]) || file.number(f[0], "index", 1, kLargestIndex, line) != next)
      file.fail(line, cat("'", next, " path' expected"));
    pictures.push_back(("Protocol" / fs::path(f[1])).lexically_normal().generic_string());
  }
  return pictures;
}

// "i,j": places from 1 in the two lists.
void cfp_pairs(PairList& list, const fs::path& path, const PairOptions& options, bool same,
               const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const File file{path, options};
  for (const text::Line& line : text::read_lines(path)) {
    const std::vector<std::string> f = text::csv_fields(line.text);
    if (f.size() != 2) file.fail(line, "'i,j' expected");
    const int64_t i = file.number(f[0], "first picture", 1, static_cast<int64_t>(a.size()), line);
    const int64_t j = file.number(f[1], "second picture", 1, static_cast<int64_t>(b.size()), line);
    list.pairs.push_back({a[size_t(i - 1)], b[size_t(j - 1)], same, list.folds});
  }
}

// Folders 01, 02, ... with same.txt and diff.txt. FP: the first of a pair is frontal, the second a profile.
PairList cfp(const fs::path& split, const std::vector<fs::path>& folds, const PairOptions& options) {
  const fs::path protocol = split.parent_path().parent_path();
  const std::vector<std::string> frontal = cfp_pictures(protocol / "Pair_list_F.txt", options);
  const bool profiles = split.filename() == "FP";
  const std::vector<std::string> second =
      profiles ? cfp_pictures(protocol / "Pair_list_P.txt", options) : frontal;
  PairList list;
  for (const fs::path& fold : folds) {
    const std::string expected = cat(list.folds < 9 ? "0" : "", list.folds + 1);
    if (fold.filename() != expected)
      throw Error(ErrorKind::data,
                  cat(split.string(), ": a folder ", expected, " expected, got ", fold.filename().string()));
    for (const auto& [file, same] : {std::pair{"same.txt", true}, std::pair{"diff.txt", false}})
      cfp_pairs(list, fold / file, options, same, frontal, second);
    ++list.folds;
  }
  return list;
}

fs::path group_list(const fs::path& folder) { return folder / (folder.filename().string() + "_pairs.txt"); }

// One list a group; pictures are root/GROUP/NAME/NAME_0001.jpg.
PairList groups(const std::vector<fs::path>& lists, const PairOptions& options) {
  PairList all;
  for (const fs::path& path : lists) {
    const Lines lines = text::read_lines(path);
    if (lines.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pairs"));
    PairList list = read_text({path, options}, lines);
    if (list.folds != all.folds && !all.pairs.empty())
      throw Error(ErrorKind::data,
                  cat(path.string(), ": ", list.folds, " folds, ", all.folds, " in the group before"));
    const std::string group = path.parent_path().filename().string();
    for (Pair& p : list.pairs)
      all.pairs.push_back({group + "/" + p.a, group + "/" + p.b, p.same, p.fold, group});
    all.folds = list.folds;
  }
  return all;
}

}  // namespace

PairList read_folder(const fs::path& path, const PairOptions& options) {
  const fs::path split = path.has_filename() ? path : path.parent_path();  // no slash at the end
  const std::vector<fs::path> inside = subfolders(split);
  if (!inside.empty() && (split.filename() == "FF" || split.filename() == "FP"))
    return cfp(split, inside, options);
  std::vector<fs::path> lists;
  std::error_code error;
  for (const fs::path& sub : inside)
    if (fs::exists(group_list(sub), error)) lists.push_back(group_list(sub));
  if (lists.empty())
    throw Error(ErrorKind::data, cat(split.string(),
                                     ": neither CFP's Split/FF or Split/FP nor a folder with "
                                     "GROUP/GROUP_pairs.txt"));
  return groups(lists, options);
}

}  // namespace fr::pair_forms
