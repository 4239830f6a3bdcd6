#include "data/pairs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/pair_forms.h"

namespace fr {
namespace {

PairList read_list(const fs::path& path, const PairOptions& options) {
  std::error_code error;
  if (fs::is_directory(path, error)) return pair_forms::read_folder(path, options);
  const pair_forms::Lines lines = text::read_lines(path);
  if (lines.empty()) return {};
  return pair_forms::is_videos(lines) ? pair_forms::read_videos({path, options}, lines)
                                      : pair_forms::read_text({path, options}, lines);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(ErrorKind::data, cat(path.string(), ": ", what));
}

// A list that cannot be evaluated, whatever the embeddings say.
void check_classes(const PairList& list, const fs::path& path) {
  if (list.pairs.empty()) refuse(path, "no pairs");
  const auto genuine =
      std::count_if(list.pairs.begin(), list.pairs.end(), [](const Pair& p) { return p.same; });
  const auto impostor = static_cast<std::ptrdiff_t>(list.pairs.size()) - genuine;
  if (genuine == 0 || impostor == 0)
    refuse(path, cat("no ", genuine == 0 ? "genuine" : "impostor", " pair among ", list.pairs.size(),
                     ": verification needs both"));
}

// The folds that the list states.
void check_folds(const PairList& list, const fs::path& path) {
  std::vector<bool> used(size_t(list.folds), false);
  if (list.folds > 0)
    for (const Pair& p : list.pairs) used[size_t(p.fold)] = true;
  for (size_t k = 0; k < used.size(); ++k)
    if (!used[k]) refuse(path, cat("fold ", k, " of ", list.folds, " has no pairs"));
}

void collect_groups(PairList& list) {
  std::unordered_set<std::string> seen;
  for (const Pair& p : list.pairs)
    if (!p.group.empty() && seen.insert(p.group).second) list.groups.push_back(p.group);
}

// i-th of n -> fold i folds / n, for genuine and impostor pairs of each group.
void make_folds(PairList& list, int folds) {
  std::map<std::string, std::array<std::array<int64_t, 2>, 2>> of_group;  // count and position, by class
  for (const Pair& p : list.pairs) ++of_group[p.group][0][p.same];
  for (Pair& p : list.pairs) {
    auto& [count, at] = of_group[p.group];
    p.fold = static_cast<int>(at[p.same]++ * folds / count[p.same]);
  }
  list.folds = folds;
  list.notes.push_back(cat("the list has no folds: ", folds, " made"));
}

void count_duplicates(PairList& list) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Pair& p : list.pairs) list.duplicates += !seen.insert(std::minmax(p.a, p.b)).second;
  if (list.duplicates > 0) list.notes.push_back(cat(list.duplicates, " pairs occur more than once"));
}

// `dropped`: pairs that are left out.
void check_balance(PairList& list, size_t dropped) {
  std::vector<std::array<int64_t, 2>> count(size_t(list.folds));
  for (const Pair& p : list.pairs) ++count[size_t(p.fold)][p.same];
  const auto empty = [](const auto& fold) { return fold[0] + fold[1] == 0; };
  const auto first = std::find_if_not(count.begin(), count.end(), empty);
  for (size_t k = 0; k < count.size(); ++k)
    if (dropped > 0 && empty(count[k]))
      list.notes.push_back(cat("fold ", k, " has no pairs left"));
    else if (count[k] != *first || count[k][0] != count[k][1])
      list.notes.push_back(
          cat("fold ", k, " is uneven: ", count[k][1], " genuine and ", count[k][0], " impostor pairs"));
}

// What is missing of the list's pictures or videos; the frames of videos are filled in.
class Files {
 public:
  explicit Files(PairList& list) : list_(list) {
    for (Video& v : list.videos) {
      v.frames = pair_forms::frames_of(list.root, v.name);
      if (!v.frames.empty()) present_.insert(v.name);
    }
  }
  bool lacks(const std::string& name) {
    std::error_code error;
    if (present_.count(name)) return false;
    if (!list_.videos.empty() || !fs::is_regular_file(list_.root / name, error))
      return missing_.insert(name), true;
    return present_.insert(name), false;
  }
  // "2 pictures missing in ROOT: a, b", the first five of them
  std::string text() const {
    std::string names;
    int64_t shown = 0;
    for (const std::string& name : missing_)
      if (shown++ < 5) names += (names.empty() ? "" : ", ") + name;
    return cat(missing_.size(), list_.videos.empty() ? " pictures" : " videos", " missing in ",
               list_.root.string(), ": ", names, missing_.size() > 5 ? ", ..." : "");
  }

 private:
  PairList& list_;
  std::unordered_set<std::string> present_;
  std::set<std::string> missing_;
};

// How many pairs are left out.
size_t check_files(PairList& list, const fs::path& source, Missing policy) {
  Files files(list);
  const size_t all = list.pairs.size();
  const size_t dropped = std::erase_if(list.pairs, [&](const Pair& p) {
    const bool a = files.lacks(p.a), b = files.lacks(p.b);
    return a || b;
  });
  if (dropped == 0) return 0;
  if (policy == Missing::error || dropped == all)
    refuse(source, cat(files.text(), "; ", dropped, " of ", all, " pairs need them"));
  check_classes(list, source);
  std::set<std::string> used;
  for (const Pair& p : list.pairs) used.insert({p.a, p.b});
  std::erase_if(list.videos, [&](const Video& v) { return used.count(v.name) == 0; });
  list.notes.push_back(cat(all - dropped, " of ", all, " pairs are used: ", files.text()));
  return dropped;
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
  PairList list = read_list(path, options);
  check_classes(list, path);
  check_folds(list, path);
  list.root = root;
  if (list.folds == 0) make_folds(list, options.folds);
  count_duplicates(list);
  const size_t dropped = options.check_files ? check_files(list, path, options.missing) : 0;
  collect_groups(list);
  check_balance(list, dropped);
  return list;
}

std::string to_csv(const std::vector<Pair>& pairs) {
  const bool groups = std::any_of(pairs.begin(), pairs.end(), [](const Pair& p) { return !p.group.empty(); });
  std::string text = groups ? "fold,a,b,same,group\n" : "fold,a,b,same\n";
  for (const Pair& p : pairs) {
    text += cat(p.fold, ",", quoted(p.a), ",", quoted(p.b), ",", p.same ? 1 : 0);
    text += groups ? cat(",", quoted(p.group), "\n") : "\n";
  }
  return text;
}

}  // namespace fr
