// Lists of pairs in one text file: LFW, RFW, CALFW, CPLFW, CSV, "path1 path2 label".
#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "data/pair_forms.h"

namespace fr::pair_forms {
namespace {

using Fields = std::vector<std::string>;

constexpr std::string_view kHeader = "fold,a,b,same", kGroupHeader = "fold,a,b,same,group";

// "name i j" or "name1 i name2 j"
Pair lfw_pair(const File& file, const text::Line& line) {
  const Fields f = text::fields(line.text);
  const auto picture = [&](size_t name, size_t index) {
    return text::lfw_path(f[name], file.number(f[index], "number of a picture", 1, kLargestIndex, line),
                          file.options.extension);
  };
  if (f.size() == 3) return {picture(0, 1), picture(0, 2), true, kNoFold};
  if (f.size() == 4) return {picture(0, 1), picture(2, 3), false, kNoFold};
  file.fail(line, "'name i j' or 'name1 i name2 j' expected");
}

// `folds` blocks of `count` genuine and `count` impostor lines. `folds` 0: one block, folds are made later.
PairList lfw(const File& file, const Lines& lines, int64_t folds, int64_t count) {
  const int64_t blocks = std::max<int64_t>(folds, 1), block = 2 * count;
  const auto size = static_cast<int64_t>(lines.size()) - 1;
  if (size != blocks * block)
    text::fail(file.path, lines.back().number, cat(blocks * block, " pairs announced, ", size, " found"));
  PairList list;
  for (int64_t i = 0; i < size; ++i) {
    const text::Line& line = lines[size_t(i + 1)];
    Pair pair = lfw_pair(file, line);
    const bool same = i % block < count;
    if (pair.same != same)
      file.fail(line, same ? "a pair of one person expected" : "a pair of two people expected");
    pair.fold = folds > 0 ? static_cast<int>(i / block) : kNoFold;
    list.pairs.push_back(std::move(pair));
  }
  list.folds = static_cast<int>(folds);
  return list;
}

PairList csv(const File& file, const Lines& lines, bool groups) {
  PairList list;
  for (size_t i = 1; i < lines.size(); ++i) {
    const text::Line& line = lines[i];
    const Fields f = text::csv_fields(line.text);
    if (f.size() != (groups ? 5 : 4) || f[1].empty() || f[2].empty() || (groups && f[4].empty()))
      file.fail(line, cat("'", groups ? kGroupHeader : kHeader, "' expected"));
    const auto fold = static_cast<int>(file.number(f[0], "fold", 0, 9999, line));
    list.pairs.push_back({f[1], f[2], file.flag(f[3], "same", line), fold, groups ? f[4] : ""});
    list.folds = std::max(list.folds, fold + 1);
  }
  return list;
}

PairList generic(const File& file, const Lines& lines) {
  PairList list;
  for (const text::Line& line : lines) {
    const Fields f = text::fields(line.text);
    if (f.size() != 3) file.fail(line, "'path1 path2 label' expected");
    list.pairs.push_back({f[0], f[1], file.number(f[2], "label", -1, 1, line) == 1, kNoFold});
  }
  return list;
}

// Two lines a pair, "path label": 0 two people, otherwise one (CALFW writes the number of the fold).
PairList two_lines(const File& file, const Lines& lines) {
  PairList list;
  std::string first;
  int64_t first_label = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Fields f = text::fields(lines[i].text);
    if (f.size() != 2) file.fail(lines[i], "'path label' expected");
    const int64_t label = file.number(f[1], "label", 0, 9999, lines[i]);
    if (i % 2 == 0) {
      first = f[0], first_label = label;
      continue;
    }
    if (label != first_label)
      file.fail(lines[i], cat("the second line of a pair with label ", first_label, " expected"));
    list.pairs.push_back({first, f[0], label != 0, kNoFold});
  }
  if (lines.size() % 2 != 0) file.fail(lines.back(), "a pair has two lines: the second is missing");
  return list;
}

}  // namespace

void File::fail(const text::Line& line, const std::string& what) const {
  text::fail(path, line.number, cat(what, ", got '", line.text, "'"));
}

bool is_number(const std::string& field) {
  int64_t value = 0;
  return text::parse(field, value);
}

PairList read_text(const File& file, const Lines& lines) {
  const text::Line& first = lines.front();
  const Fields f = text::fields(first.text);
  const auto size = [&](const std::string& field) {
    return file.number(field, "number of pairs", 1, kLargestIndex, first);
  };
  if (first.text == kHeader || first.text == kGroupHeader)
    return csv(file, lines, first.text == kGroupHeader);
  if (f.size() == 1 && is_number(f[0])) return lfw(file, lines, 0, size(f[0]));
  if (f.size() == 2 && is_number(f[0]) && is_number(f[1]))
    return lfw(file, lines, file.number(f[0], "number of folds", 1, 9999, first), size(f[1]));
  if (f.size() == 2 && is_number(f[1])) return two_lines(file, lines);
  if (f.size() == 4 || (f.size() == 3 && is_number(f[1]) && is_number(f[2]))) {
    PairList list;
    for (const text::Line& line : lines) list.pairs.push_back(lfw_pair(file, line));
    return list;
  }
  if (f.size() == 3) return generic(file, lines);
  file.fail(first, "the first line is of no known list of pairs");
}

}  // namespace fr::pair_forms
