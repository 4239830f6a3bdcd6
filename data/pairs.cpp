#include "data/pairs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/text.h"

namespace fr {
namespace {

using Lines = std::vector<text::Line>;
using Fields = std::vector<std::string>;
constexpr int64_t kLargestIndex = 100'000'000;

// One list being read.
struct Reader {
  const fs::path& path;
  const PairOptions& options;
  PairList list{};

  [[noreturn]] void fail(const text::Line& line, const std::string& what) const {
    text::fail(path, line.number, cat(what, ", got '", line.text, "'"));
  }
  int64_t index(const std::string& field, const text::Line& line) const {
    return text::number(field, "number of a picture", 1, kLargestIndex, path, line.number);
  }

  // "name i j" or "name1 i name2 j"
  Pair lfw_pair(const text::Line& line) const {
    const Fields f = text::fields(line.text);
    const auto file = [&](size_t name, size_t number) {
      return text::lfw_path(f[name], index(f[number], line), options.extension);
    };
    if (f.size() == 3) return {file(0, 1), file(0, 2), true, -1};
    if (f.size() == 4) return {file(0, 1), file(2, 3), false, -1};
    fail(line, "'name i j' or 'name1 i name2 j' expected");
  }

  // `folds` blocks of `count` genuine and `count` impostor lines. `folds` 0: one block, folds are made later.
  void lfw(const Lines& lines, int64_t folds, int64_t count) {
    const int64_t blocks = std::max<int64_t>(folds, 1), block = 2 * count;
    const auto size = static_cast<int64_t>(lines.size()) - 1;
    if (size != blocks * block)
      text::fail(path, lines.back().number, cat(blocks * block, " pairs announced, ", size, " found"));
    for (int64_t i = 0; i < size; ++i) {
      const text::Line& line = lines[size_t(i + 1)];
      Pair pair = lfw_pair(line);
      const bool same = i % block < count;
      if (pair.same != same)
        fail(line, same ? "a pair of one person expected" : "a pair of two people expected");
      pair.fold = folds > 0 ? static_cast<int>(i / block) : -1;
      list.pairs.push_back(std::move(pair));
    }
    list.folds = static_cast<int>(folds);
  }

  void csv(const Lines& lines) {
    for (size_t i = 1; i < lines.size(); ++i) {
      const Fields f = text::csv_fields(lines[i].text);
      if (f.size() != 4 || f[1].empty() || f[2].empty()) fail(lines[i], "'fold,a,b,same' expected");
      const auto fold = static_cast<int>(text::number(f[0], "fold", 0, 9999, path, lines[i].number));
      const bool same = text::number(f[3], "same", 0, 1, path, lines[i].number) == 1;
      list.pairs.push_back({f[1], f[2], same, fold});
      list.folds = std::max(list.folds, fold + 1);
    }
  }

  void generic(const Lines& lines) {
    for (const text::Line& line : lines) {
      const Fields f = text::fields(line.text);
      if (f.size() != 3) fail(line, "'path1 path2 label' expected");
      list.pairs.push_back({f[0], f[1], text::number(f[2], "label", -1, 1, path, line.number) == 1, -1});
    }
  }

  void read(const Lines& lines);
};

bool is_number(const std::string& field) {
  int64_t value = 0;
  return text::parse(field, value);
}

void Reader::read(const Lines& lines) {
  if (lines.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pairs"));
  const text::Line& first = lines.front();
  const Fields f = text::fields(first.text);
  const auto size = [&](const std::string& field) {
    return text::number(field, "number of pairs", 1, kLargestIndex, path, first.number);
  };
  if (first.text == "fold,a,b,same") return csv(lines);
  if (f.size() == 1 && is_number(f[0])) return lfw(lines, 0, size(f[0]));
  if (f.size() == 2 && is_number(f[0]) && is_number(f[1]))
    return lfw(lines, text::number(f[0], "number of folds", 1, 9999, path, first.number), size(f[1]));
  if (f.size() == 4 || (f.size() == 3 && is_number(f[1]) && is_number(f[2]))) {
    for (const text::Line& line : lines) list.pairs.push_back(lfw_pair(line));
    return;
  }
  if (f.size() == 3) return generic(lines);
  fail(first, "the first line is of no known list of pairs");
}

// i-th of n -> fold i folds / n, for genuine and impostor pairs each.
void make_folds(PairList& list, int folds) {
  std::array<int64_t, 2> count{}, at{};
  for (const Pair& p : list.pairs) ++count[p.same];
  for (Pair& p : list.pairs) p.fold = static_cast<int>(at[p.same]++ * folds / count[p.same]);
  list.folds = folds;
  list.notes.push_back(cat("the list has no folds: ", folds, " made"));
}

void count_duplicates(PairList& list) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Pair& p : list.pairs) list.duplicates += !seen.insert(std::minmax(p.a, p.b)).second;
  if (list.duplicates > 0) list.notes.push_back(cat(list.duplicates, " pairs occur more than once"));
}

void check_balance(PairList& list) {
  std::vector<std::array<int64_t, 2>> count(size_t(list.folds));
  for (const Pair& p : list.pairs) ++count[size_t(p.fold)][p.same];
  for (size_t k = 0; k < count.size(); ++k)
    if (count[k] != count[0] || count[k][0] != count[k][1])
      list.notes.push_back(
          cat("fold ", k, " is uneven: ", count[k][1], " genuine and ", count[k][0], " impostor pairs"));
}

void check_files(PairList& list, const fs::path& source, Missing policy) {
  std::unordered_set<std::string> present;
  std::set<std::string> missing;
  const auto lacks = [&](const std::string& file) {
    std::error_code error;
    if (present.count(file)) return false;
    if (!fs::is_regular_file(list.root / file, error)) return missing.insert(file), true;
    return present.insert(file), false;
  };
  const size_t dropped = std::erase_if(list.pairs, [&](const Pair& p) {
    const bool a = lacks(p.a), b = lacks(p.b);
    return a || b;
  });
  if (missing.empty()) return;
  std::string names;
  int64_t shown = 0;
  for (const std::string& name : missing)
    if (shown++ < 5) names += (names.empty() ? "" : ", ") + name;
  const std::string message = cat(missing.size(), " pictures missing in ", list.root.string(), " (", dropped,
                                  " pairs): ", names, missing.size() > 5 ? ", ..." : "");
  if (policy == Missing::error || list.pairs.empty())
    throw Error(ErrorKind::data, cat(source.string(), ": ", message));
  list.notes.push_back(cat("pairs left out: ", message));
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

PairList read_pairs(const fs::path& path, const fs::path& root, const PairOptions& options) {
  FR_CHECK(options.folds >= 1, "read_pairs: at least 1 fold, got ", options.folds);
  Reader reader{path, options};
  reader.read(text::read_lines(path));
  PairList& list = reader.list;
  if (list.pairs.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pairs"));
  list.root = root;
  if (list.folds == 0) make_folds(list, options.folds);
  count_duplicates(list);
  if (options.check_files) check_files(list, path, options.missing);
  check_balance(list);
  return std::move(list);
}

std::string to_csv(const std::vector<Pair>& pairs) {
  std::string text = "fold,a,b,same\n";
  for (const Pair& p : pairs)
    text += cat(p.fold, ",", quoted(p.a), ",", quoted(p.b), ",", p.same ? 1 : 0, "\n");
  return text;
}

}  // namespace fr
