// YouTube Faces (Wolf, Hassner, Maoz 2011): pairs of videos, each a folder of frames.
#include <algorithm>
#include <cctype>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/folder.h"
#include "data/pair_forms.h"

namespace fr::pair_forms {
namespace {

// Fields between commas without the blanks around them.
std::vector<std::string> trimmed_fields(const std::string& line) {
  std::vector<std::string> f = text::csv_fields(line);
  for (std::string& field : f) {
    const size_t first = std::min(field.find_first_not_of(' '), field.size());
    field = field.substr(first, field.find_last_not_of(' ') + 1 - first);
  }
  return f;
}

bool is_header(const std::string& line) {
  std::string start = line.substr(line.find_first_not_of(' '), 5);
  std::transform(start.begin(), start.end(), start.begin(), [](unsigned char c) { return std::tolower(c); });
  return start == "split" && line.find(',') != std::string::npos;
}

bool has_form(const std::vector<std::string>& f) {
  return (f.size() == 5 || f.size() == 6) && is_number(f[0]) && is_number(f[1]) && !f[2].empty() &&
         !f[3].empty();
}

}  // namespace

bool is_videos(const Lines& lines) {
  return is_header(lines.front().text) || has_form(trimmed_fields(lines.front().text));
}

// "split, pair, video, video, same", or with the corrected flag as a sixth field.
PairList read_videos(const File& file, const Lines& lines) {
  PairList list;
  std::set<std::string> seen;
  int64_t corrected = 0;
  for (size_t i = is_header(lines.front().text) ? 1 : 0; i < lines.size(); ++i) {
    const text::Line& line = lines[i];
    const std::vector<std::string> f = trimmed_fields(line.text);
    if (!has_form(f)) file.fail(line, "'split, pair, video, video, same' expected");
    const auto split = static_cast<int>(file.number(f[0], "split", 1, 9999, line));
    const bool first = file.flag(f[4], "same", line), same = file.flag(f.back(), "same", line);
    corrected += first != same;
    list.pairs.push_back({f[2], f[3], same, split - 1});
    list.folds = std::max(list.folds, split);
    for (const std::string& name : {f[2], f[3]})
      if (seen.insert(name).second) list.videos.push_back({name, {}});
  }
  if (corrected > 0) list.notes.push_back(cat("the flags of ", corrected, " pairs are the corrected ones"));
  return list;
}

std::vector<std::string> frames_of(const fs::path& root, const std::string& name) {
  std::vector<std::string> frames;
  std::error_code error;
  if (!fs::is_directory(root / name, error)) return frames;
  for (const fs::directory_entry& entry : folder::list_folder(root / name))
    if (folder::is_picture(entry.path())) frames.push_back(name + "/" + entry.path().filename().string());
  return frames;
}

}  // namespace fr::pair_forms
