#include "data/ijb.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "data/missing.h"
#include "data/text.h"

namespace fr {
namespace {

constexpr int64_t kLargestId = std::numeric_limits<int32_t>::max(), kLargestMedia = int64_t{1} << 53;
constexpr double kFarthest = 1e6;  // of a landmark, pixels
using Pictures = std::unordered_map<std::string, int32_t>;

template <size_t N>
std::array<std::string_view, N> fields(std::string_view line, int64_t number, const fs::path& path,
                                       const char* form) {
  std::array<std::string_view, N> f;
  if (text::split(line, f) != N) text::fail(path, number, cat("'", form, "' expected, got '", line, "'"));
  return f;
}

int32_t template_place(IjbSet& set, int64_t id) {
  const auto [at, is_new] = set.place_of.emplace(id, int32_t(set.template_ids.size()));
  if (is_new) set.template_ids.push_back(id);
  return at->second;
}

Pictures read_members(IjbSet& set, const fs::path& path) {
  Pictures places;
  std::unordered_set<uint64_t> seen;  // picture and template
  text::for_each_line(path, [&](int64_t line, std::string_view all) {
    const auto f = fields<3>(all, line, path, "picture template media");
    const int64_t id = text::number(f[1], "number of a template", 0, kLargestId, path, line);
    const int64_t media = text::number(f[2], "number of a medium", 0, kLargestMedia, path, line);
    const auto [at, is_new] = places.emplace(f[0], int32_t(set.pictures.size()));
    if (is_new) set.pictures.emplace_back(f[0]);
    const int32_t place = template_place(set, id);
    if (!seen.insert(uint64_t(at->second) << 32 | uint32_t(place)).second)
      text::fail(path, line, cat("picture ", f[0], " is in template ", id, " already"));
    set.members.push_back({at->second, place, media});
  });
  if (set.members.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pictures"));
  return places;
}

void read_landmarks(IjbSet& set, const Pictures& places, const fs::path& path) {
  set.landmarks.resize(set.pictures.size());
  set.detector_scores.assign(set.pictures.size(), -1);
  int64_t others = 0;
  text::for_each_line(path, [&](int64_t line, std::string_view all) {
    const auto f = fields<12>(all, line, path, "picture x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score");
    const auto found = places.find(std::string(f[0]));
    if (found == places.end()) return void(++others);
    const auto place = size_t(found->second);
    if (set.detector_scores[place] >= 0) text::fail(path, line, cat("a second line of picture ", f[0]));
    for (size_t k = 0; k < 5; ++k)
      set.landmarks[place][k] = {
          text::real(f[1 + 2 * k], "x of a landmark", -kFarthest, kFarthest, path, line),
          text::real(f[2 + 2 * k], "y of a landmark", -kFarthest, kFarthest, path, line)};
    set.detector_scores[place] = float(text::real(f[11], "score of the detector", 0, 1, path, line));
  });
  for (size_t i = 0; i < set.pictures.size(); ++i)
    if (set.detector_scores[i] < 0)
      throw Error(ErrorKind::data, cat(path.string(), ": no line for picture ", set.pictures[i]));
  if (others > 0) set.notes.push_back(cat(path.string(), ": ", others, " pictures are in no template"));
}

// Leaves out what is marked, and renumbers the pictures.
void drop(IjbSet& set, const std::vector<uint8_t>& lost) {
  std::vector<int32_t> new_place(lost.size(), -1);
  size_t kept = 0;
  for (size_t i = 0; i < lost.size(); ++i) {
    if (lost[i]) continue;
    new_place[i] = int32_t(kept);
    set.pictures[kept] = std::move(set.pictures[i]);
    if (!set.landmarks.empty())
      set.landmarks[kept] = set.landmarks[i], set.detector_scores[kept] = set.detector_scores[i];
    ++kept;
  }
  set.pictures.resize(kept);
  if (!set.landmarks.empty()) set.landmarks.resize(kept), set.detector_scores.resize(kept);
  std::erase_if(set.members, [&](const IjbSet::Member& m) { return lost[size_t(m.picture)] != 0; });
  for (IjbSet::Member& m : set.members) m.picture = new_place[size_t(m.picture)];
}

void find_first_members(IjbSet& set) {
  set.first_member.assign(set.template_ids.size(), -1);
  for (size_t i = set.members.size(); i-- > 0;)
    set.first_member[size_t(set.members[i].template_place)] = int32_t(i);
  const auto empty = std::count(set.first_member.begin(), set.first_member.end(), -1);
  if (empty > 0) set.notes.push_back(cat("left out: ", empty, " templates without any picture"));
}

// The template that a field names.
int32_t known_template(const IjbSet& set, std::string_view field, const fs::path& path, int64_t line) {
  const int64_t id = text::number(field, "number of a template", 0, kLargestId, path, line);
  const int32_t place = set.place(id);
  if (place < 0) text::fail(path, line, cat("template ", id, " has no pictures"));
  return place;
}

// How many pairs repeat an earlier one, in either order. Throws for one that is genuine here and not there.
int64_t repeated(const IjbPairs& pairs, const IjbSet& set, const fs::path& path) {
  std::vector<uint64_t> keys(pairs.same.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto [low, high] = std::minmax(pairs.a[i], pairs.b[i]);
    keys[i] = uint64_t(low) << 32 | uint64_t(high) << 1 | pairs.same[i];  // places are below 2^31
  }
  std::sort(keys.begin(), keys.end());
  int64_t count = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    if (keys[i] >> 1 != keys[i - 1] >> 1) continue;
    if (keys[i] != keys[i - 1])
      throw Error(ErrorKind::data, cat(path.string(), ": templates ", set.template_ids[keys[i] >> 32],
                                       " and ", set.template_ids[(keys[i] & 0xffffffffu) >> 1],
                                       " are a pair with label 0 and with label 1"));
    ++count;
  }
  return count;
}

// The place of a column in the header, whatever the case of its letters.
size_t column(const std::vector<std::string>& header, const std::string& name, const fs::path& path,
              int64_t line) {
  for (size_t i = 0; i < header.size(); ++i)
    if (std::equal(header[i].begin(), header[i].end(), name.begin(), name.end(),
                   [](unsigned char a, unsigned char b) { return std::toupper(a) == b; }))
      return i;
  text::fail(path, line, cat("a header with the column ", name, " expected"));
}

}  // namespace

int32_t IjbSet::place(int64_t template_id) const {
  const auto found = place_of.find(template_id);
  return found == place_of.end() ? -1 : found->second;
}

IjbSet read_ijb(const fs::path& members, const fs::path& landmarks, const fs::path& root,
                const IjbOptions& options) {
  IjbSet set;
  const Pictures places = read_members(set, members);
  if (!landmarks.empty()) read_landmarks(set, places, landmarks);
  if (options.check_files) {
    const MissingPictures missing = find_missing(members, root, set.pictures, options.missing);
    if (!missing.note.empty()) drop(set, missing.lost), set.notes.push_back(missing.note);
  }
  find_first_members(set);
  return set;
}

IjbPairs read_ijb_pairs(const fs::path& path, const IjbSet& set) {
  IjbPairs pairs;
  int64_t left_out = 0;
  text::for_each_line(path, [&](int64_t line, std::string_view all) {
    const auto f = fields<3>(all, line, path, "template template label");
    const int32_t a = known_template(set, f[0], path, line), b = known_template(set, f[1], path, line);
    const int64_t same = text::number(f[2], "label", 0, 1, path, line);
    if (a == b) text::fail(path, line, cat("template ", f[0], " is paired with itself"));
    if (set.first_member[size_t(a)] < 0 || set.first_member[size_t(b)] < 0) return void(++left_out);
    pairs.a.push_back(a), pairs.b.push_back(b), pairs.same.push_back(uint8_t(same));
  });
  if (pairs.size() == 0) throw Error(ErrorKind::data, cat(path.string(), ": no pairs"));
  if (left_out > 0)
    pairs.notes.push_back(cat("left out: ", left_out, " pairs of templates without pictures"));
  if (const int64_t n = repeated(pairs, set, path); n > 0)
    pairs.notes.push_back(cat(n, " pairs occur more than once"));
  return pairs;
}

IjbSubjects read_ijb_subjects(const fs::path& path, const IjbSet& set) {
  IjbSubjects list;
  std::unordered_map<int32_t, int64_t> subject_of;
  std::vector<std::string> header;
  size_t template_column = 0, subject_column = 0;
  int64_t left_out = 0;
  text::for_each_line(path, [&](int64_t line, std::string_view all) {
    const std::vector<std::string> f = text::csv_fields(std::string(all));
    if (header.empty()) {
      header = f;
      template_column = column(f, "TEMPLATE_ID", path, line),
      subject_column = column(f, "SUBJECT_ID", path, line);
      return;
    }
    if (f.size() != header.size())
      text::fail(path, line, cat(header.size(), " columns expected, as in the header, got ", f.size()));
    const int32_t place = known_template(set, f[template_column], path, line);
    const int64_t subject = text::number(f[subject_column], "number of a subject", 0, kLargestId, path, line);
    const auto [at, is_new] = subject_of.emplace(place, subject);
    if (at->second != subject)
      text::fail(
          path, line,
          cat("template ", f[template_column], " is of subject ", subject, " and of subject ", at->second));
    if (!is_new) return;
    if (set.first_member[size_t(place)] < 0) return void(++left_out);
    list.templates.push_back(place), list.subjects.push_back(subject);
  });
  if (list.templates.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no templates"));
  if (left_out > 0)
    list.notes.push_back(
        cat("left out: ", left_out, " templates of ", path.filename().string(), " without pictures"));
  return list;
}

}  // namespace fr
