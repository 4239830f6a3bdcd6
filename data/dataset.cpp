#include "data/dataset.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/folder.h"
#include "data/text.h"

namespace fr {

using folder::is_picture;
using folder::list_folder;
using folder::lower_extension;
using folder::require_folder;

namespace {

[[noreturn]] void refuse(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::data, cat(path.string(), ": ", reason));
}

// The classes with at least min_images pictures, and of these the `largest` with the most (ties: the first).
std::vector<bool> chosen_classes(const std::vector<int64_t>& count, const DatasetOptions& options) {
  std::vector<size_t> order;
  for (size_t c = 0; c < count.size(); ++c)
    if (count[c] >= std::max<int64_t>(options.min_images, 1)) order.push_back(c);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return count[a] > count[b]; });
  if (options.largest > 0) order.resize(std::min(order.size(), size_t(options.largest)));
  std::vector<bool> chosen(count.size(), false);
  for (size_t c : order) chosen[c] = true;
  return chosen;
}

// Drops small classes and surplus pictures, numbers the rest densely, keeps the order.
void select(Dataset& data, const DatasetOptions& options) {
  std::vector<int64_t> count(data.classes.size());
  for (const Sample& s : data.samples) ++count[size_t(s.label)];
  const std::vector<bool> chosen = chosen_classes(count, options);
  std::vector<int64_t> new_label(data.classes.size(), -1);
  std::vector<std::string> classes;
  for (size_t c = 0; c < count.size(); ++c)
    if (chosen[c])
      new_label[c] = static_cast<int64_t>(classes.size()), classes.push_back(std::move(data.classes[c]));
  if (classes.size() < count.size())
    data.notes.push_back(options.largest > 0
                             ? cat("the ", classes.size(), " largest of ", count.size(), " classes kept")
                             : cat(count.size() - classes.size(), " classes with fewer than ",
                                   options.min_images, " pictures left out"));

  std::vector<int64_t> kept(classes.size());
  const size_t before = data.samples.size();
  std::erase_if(data.samples, [&](Sample& s) {
    s.label = new_label[size_t(s.label)];
    return s.label < 0 || (options.max_images > 0 && kept[size_t(s.label)]++ >= options.max_images);
  });
  if (data.samples.size() < before)
    data.notes.push_back(cat(before - data.samples.size(), " pictures left out"));
  data.classes = std::move(classes);
}

// class -> group.
std::map<std::string, std::string> read_group_file(const fs::path& path) {
  const bool csv = lower_extension(path) == ".csv";
  std::map<std::string, std::string> group_of;
  for (const text::Line& line : text::read_lines(path)) {
    const std::vector<std::string> f = csv ? text::csv_fields(line.text) : text::fields(line.text);
    if (f.size() != 2 || f[0].empty() || f[1].empty())
      text::fail(path, line.number,
                 cat("'class", csv ? "," : "<TAB>", "group' expected, got '", line.text, "'"));
    if (csv && f[0] == "class" && f[1] == "group") continue;
    if (!group_of.emplace(f[0], f[1]).second) text::fail(path, line.number, "a second time: " + f[0]);
  }
  return group_of;
}

// What all makers do last.
Dataset finish(Dataset data, const fs::path& source, const DatasetOptions& options) {
  FR_CHECK(options.min_images >= 0 && options.max_images >= 0 && options.largest >= 0,
           "data set: min_images, max_images and largest are not negative");
  select(data, options);
  if (data.samples.empty()) refuse(source, "no pictures");
  if (data.num_classes() < options.min_classes)
    refuse(source, cat(data.num_classes(), " classes, at least ", options.min_classes, " needed"));
  read_groups_beside(data);
  return data;
}

// The pictures of one class folder; other kinds of files are counted by extension.
void read_class(Dataset& data, const fs::path& folder, std::map<std::string, int64_t>& others) {
  const std::string name = folder.filename().string();
  const size_t before = data.samples.size();
  for (const fs::directory_entry& entry : list_folder(folder)) {
    std::error_code error;
    if (entry.is_regular_file(error) && is_picture(entry.path()))
      data.samples.push_back({name + "/" + entry.path().filename().string(), data.num_classes()});
    else
      ++others[entry.is_directory(error) ? "folders" : "'" + lower_extension(entry.path()) + "'"];
  }
  if (data.samples.size() > before)
    data.classes.push_back(name);
  else
    data.notes.push_back(cat("class folder without pictures skipped: ", name));
}

}  // namespace

// A group file that names none of the classes belongs to another listing of the same folder.
void read_groups_beside(Dataset& data) {
  for (const char* name : {"groups.txt", "groups.csv"}) {
    std::error_code error;
    const fs::path path = data.root / name;
    if (!data.groups.empty() || !fs::exists(path, error)) continue;
    const auto group_of = read_group_file(path);
    if (std::any_of(data.classes.begin(), data.classes.end(),
                    [&](const auto& c) { return group_of.count(c) > 0; }))
      read_groups(data, path);
    else
      data.notes.push_back(path.filename().string() + " names none of the classes and was not used");
  }
}

uint64_t Dataset::fingerprint() const {
  uint64_t hash = fr::fingerprint("");
  for (const std::string& name : classes) hash = fr::fingerprint("\n", fr::fingerprint(name, hash));
  for (const Sample& s : samples)
    hash = fr::fingerprint(cat("\t", s.label, "\n"), fr::fingerprint(s.path, hash));
  return hash;
}

Dataset read_image_folder(const fs::path& root, const DatasetOptions& options) {
  require_folder(root);
  Dataset data;
  data.root = root;
  std::map<std::string, int64_t> others;
  int64_t loose = 0;
  for (const fs::directory_entry& entry : list_folder(root)) {
    std::error_code error;
    if (entry.is_directory(error))
      read_class(data, entry.path(), others);
    else if (is_picture(entry.path()))
      ++loose;
    else if (entry.is_symlink(error) && !entry.exists(error))
      data.notes.push_back(cat("broken link skipped: ", entry.path().filename().string()));
  }
  if (loose > 0) data.notes.push_back(cat(loose, " pictures outside any class folder skipped"));
  for (const auto& [what, count] : others)
    data.notes.push_back(cat(count, " entries skipped in class folders: ", what));
  return finish(std::move(data), root, options);
}

Dataset read_list(const fs::path& list, const fs::path& root, const DatasetOptions& options) {
  require_folder(root);
  Dataset data;
  data.root = root;
  std::map<int64_t, int64_t> dense;
  for (const text::Line& line : text::read_lines(list)) {
    const size_t cut = line.text.find_last_of(" \t");
    const size_t end = cut == std::string::npos ? cut : line.text.find_last_not_of(" \t", cut);
    if (end == std::string::npos)
      text::fail(list, line.number, "'path label' expected, got '" + line.text + "'");
    const int64_t label = text::number(line.text.substr(cut + 1), "label", 0, INT32_MAX, list, line.number);
    data.samples.push_back({line.text.substr(0, end + 1), label});
    dense[label] = 0;
  }
  for (auto& [label, index] : dense)
    index = data.num_classes(), data.classes.push_back(std::to_string(label));
  for (Sample& s : data.samples) s.label = dense[s.label];
  if (!dense.empty() && dense.rbegin()->first != data.num_classes() - 1)
    data.notes.push_back(
        cat("labels 0..", dense.rbegin()->first, " have gaps: ", data.num_classes(), " classes renumbered"));
  return finish(std::move(data), list, options);
}

Dataset read_people(const fs::path& list, const fs::path& root, const DatasetOptions& options) {
  require_folder(root);
  Dataset data;
  data.root = root;
  const std::string extension = options.extension.empty() ? ".jpg" : options.extension;
  std::unordered_set<std::string> seen;
  // `open` people are still due after the last number; a number in front of a number counted the folds.
  int64_t open = -1, folds = -1, announced = 0, last = 0;
  for (const text::Line& line : text::read_lines(list)) {
    last = line.number;
    const std::vector<std::string> f = text::fields(line.text);
    if (f.size() == 1) {
      const int64_t n = text::number(f[0], "number of people or folds", 1, 100'000'000, list, line.number);
      if (announced == 1 && folds < 0 && data.classes.empty())
        folds = open - 1;
      else if (announced > 0 && (folds-- <= 0 || open != 0))
        text::fail(list, line.number,
                   open > 0 ? cat("a fold ends with ", open, " people missing") : "an unexpected fold");
      open = n, ++announced;
      continue;
    }
    if (f.size() != 2) text::fail(list, line.number, "'name<TAB>count' expected, got '" + line.text + "'");
    if (open == 0) text::fail(list, line.number, "more people than announced");
    if (open > 0) --open;
    const int64_t count = text::number(f[1], "count", 1, 1'000'000, list, line.number);
    if (!seen.insert(f[0]).second) text::fail(list, line.number, "a second time: " + f[0]);
    for (int64_t i = 1; i <= count; ++i)
      data.samples.push_back({text::lfw_path(f[0], i, extension), data.num_classes()});
    data.classes.push_back(f[0]);
  }
  if (open > 0 || folds > 0)
    text::fail(list, last,
               cat("the list ends early: ", std::max<int64_t>(open, 0), " people and ",
                   std::max<int64_t>(folds, 0), " folds missing"));
  return finish(std::move(data), list, options);
}

void read_groups(Dataset& data, const fs::path& path) {
  const std::map<std::string, std::string> group_of = read_group_file(path);
  std::set<std::string> names;
  for (const std::string& name : data.classes) {
    if (!group_of.count(name)) refuse(path, cat("no group for class ", name));
    names.insert(group_of.at(name));
  }
  data.groups.assign(names.begin(), names.end());
  data.class_group.clear();
  for (const std::string& name : data.classes)
    data.class_group.push_back(static_cast<int>(std::distance(names.begin(), names.find(group_of.at(name)))));
}

}  // namespace fr
