#include "fr/protocol/verification_set.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "data/folder.h"
#include "fr/protocol/components.h"

namespace fr {
namespace {

// Numbers names in the order in which they come.
class Numbering {
 public:
  int64_t operator()(const std::string& name) {
    const auto [at, fresh] = number_.emplace(name, int64_t(names_.size()));
    if (fresh) names_.push_back(name);
    return at->second;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::map<std::string, int64_t> number_;
  std::vector<std::string> names_;
};

using PersonRule = std::string (*)(const fs::path& name);
constexpr PersonRule kPersonRules[] = {
    [](const fs::path& name) { return name.parent_path().string(); },
    [](const fs::path& name) { return name.parent_path().parent_path().string(); },
    [](const fs::path& name) { return (name.parent_path() / folder::without_number(name)).string(); },
};

bool agree(const std::vector<int64_t>& people, const std::vector<VerificationPair>& pairs) {
  return std::all_of(pairs.begin(), pairs.end(), [&](const VerificationPair& p) {
    return p.same == (people[size_t(p.a)] == people[size_t(p.b)]);
  });
}

void find_people(VerificationSet& set, const std::vector<std::string>& row_names) {
  set.people = people_of_names(row_names, set.pairs, &set.person_names);
  if (!set.people.empty()) return void(set.people_from = PeopleFrom::names);
  set.people = people_of_genuine_pairs(set.rows(), set.pairs);
  set.people_from = PeopleFrom::genuine_pairs;
  set.notes.emplace_back(
      "the list does not say who is who: for intervals, pictures joined by genuine pairs are taken as one "
      "person, all others as different people");
}

// Of the folds that have pairs.
std::string describe_pairs(const std::vector<VerificationPair>& pairs, const std::string& from) {
  std::vector<int> fold;
  for (const VerificationPair& p : pairs) fold.push_back(p.fold);
  return cat(pairs.size(), " pairs in ", distinct_folds(fold).size(), " folds from ", from);
}

// The frames of all videos, one behind the other; names of the videos.
std::vector<std::string> add_videos(VerificationSet& set, const PairList& list) {
  std::vector<std::string> names;
  for (const Video& video : list.videos) {
    const auto begin = int64_t(set.pictures.names.size());
    set.pictures.names.insert(set.pictures.names.end(), video.frames.begin(), video.frames.end());
    set.videos.push_back({begin, int64_t(set.pictures.names.size())});
    names.push_back(video.name);
    if (video.frames.empty())
      throw Error(ErrorKind::data, cat("video ", (list.root / video.name).string(), ": no frames"));
  }
  return names;
}

}  // namespace

std::vector<int64_t> people_of_names(const std::vector<std::string>& names,
                                     const std::vector<VerificationPair>& pairs,
                                     std::vector<std::string>* person_names) {
  if (names.empty()) return {};
  for (const PersonRule rule : kPersonRules) {
    Numbering number;
    std::vector<int64_t> people;
    for (const auto& name : names) people.push_back(number(rule(name)));
    if (!agree(people, pairs)) continue;
    for (size_t i = 0; person_names && i < names.size(); ++i)
      person_names->push_back(fs::path(rule(names[i])).filename().string());
    return people;
  }
  return {};
}

std::vector<int64_t> people_of_genuine_pairs(int64_t rows, const std::vector<VerificationPair>& pairs) {
  Components joined(rows);
  for (const VerificationPair& p : pairs)
    if (p.same) joined.join(p.a, p.b);
  return joined.numbers();
}

VerificationSet verification_set(const PairList& list, const std::string& from) {
  VerificationSet set;
  std::vector<std::string> video_names = add_videos(set, list);
  Numbering row, group;
  for (const auto& name : video_names) row(name);
  for (const auto& name : list.groups) group(name);
  for (const Pair& p : list.pairs) {
    const int64_t a = row(p.a), b = row(p.b);
    set.pairs.push_back({a, b, p.same, p.fold});
    if (!list.groups.empty()) set.group.push_back(p.group.empty() ? -1 : group(p.group));
  }
  set.groups = group.names();
  if (list.videos.empty()) set.pictures.names = row.names();
  set.pictures.picture = [root = list.root, names = set.pictures.names](int64_t i) {
    return load_image(root / names[size_t(i)]);
  };
  set.notes = list.notes;
  set.description = describe_pairs(set.pairs, from);
  find_people(set, row.names());
  return set;
}

// A picture that a set holds several times, byte by byte, is one picture: so people can be told apart.
VerificationSet verification_set(const BinSet& bin, const std::string& from) {
  VerificationSet set;
  std::map<std::string_view, int64_t> row_of;
  std::vector<int64_t> place;  // of each row in the file
  const auto row = [&](int64_t i) {
    const auto bytes = bin.pictures[size_t(i)];
    const auto [at, fresh] = row_of.emplace(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), int64_t(place.size()));
    if (fresh) place.push_back(i), set.pictures.names.push_back(bin.names[size_t(i)]);
    return at->second;
  };
  for (size_t i = 0; i < bin.pairs.size(); ++i) {
    const int64_t a = row(int64_t(2 * i)), b = row(int64_t(2 * i + 1));
    set.pairs.push_back({a, b, bin.pairs[i].same, bin.pairs[i].fold});
  }
  set.pictures.picture = [bin, place](int64_t i) { return bin.picture(place[size_t(i)]); };
  set.notes = bin.notes;
  set.description = describe_pairs(set.pairs, from);
  find_people(set, {});
  return set;
}

}  // namespace fr
