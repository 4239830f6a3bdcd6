#include "data/synthetic/one_shot.h"

#include "base/error.h"
#include "base/file.h"

namespace fr {
namespace {

// "person path" of each.
std::string people_list(const std::vector<SyntheticSample>& a, const std::vector<SyntheticSample>& b) {
  std::string out;
  for (const auto* part : {&a, &b})
    for (const SyntheticSample& s : *part) out += cat(class_name(s), " ", picture_path(s), "\n");
  return out;
}

std::string training_list(const std::vector<SyntheticSample>& samples, int64_t first_identity) {
  std::string out;
  for (const SyntheticSample& s : samples)
    out += cat(picture_path(s), " ", s.identity - first_identity, "\n");
  return out;
}

void write_lists(const fs::path& root, const OneShotSet& set, int64_t first_identity) {
  std::string novel, groups;
  for (const SyntheticSample& s : set.novel_train) novel += class_name(s) + "\n";
  for (const auto* part : {&set.base_train, &set.novel_train})
    for (const SyntheticSample& s : *part)
      if (s.sample == 0) groups += cat(class_name(s), "\tg", s.group, "\n");
  write_file_atomic(root / "base_train.txt", training_list(set.base_train, first_identity));
  write_file_atomic(root / "novel_train.txt", training_list(set.novel_train, first_identity));
  write_file_atomic(root / "novel.txt", novel);
  write_file_atomic(root / "groups.txt", groups);
  write_file_atomic(root / "probes.txt", people_list(set.base_test, set.novel_test));
  write_file_atomic(root / "gallery.txt", people_list(set.base_train, set.novel_train));
}

}  // namespace

OneShotSet one_shot_set(const SyntheticOptions& people, const OneShotOptions& o) {
  FR_CHECK(o.novel >= 1 && o.novel <= 100'000'000, "one-shot: novel people 1..1e8, got ", o.novel);
  FR_CHECK(o.test_pictures >= 1 && o.test_pictures <= 1'000'000, "one-shot: test pictures 1..1e6, got ",
           o.test_pictures);
  OneShotSet set;
  set.base_train = list_samples(people);
  const auto test = [&](SyntheticSample last, std::vector<SyntheticSample>& out) {
    for (int64_t t = 1; t <= o.test_pictures; ++t) {
      ++last.sample;
      out.push_back(last);
    }
  };
  for (size_t i = 0; i < set.base_train.size(); ++i) {
    const bool last = i + 1 == set.base_train.size() || set.base_train[i + 1].sample == 0;
    if (last) test(set.base_train[i], set.base_test);
  }
  SyntheticOptions novel = people;
  novel.first_identity += people.identities, novel.identities = o.novel;
  novel.min_samples = novel.max_samples = 1, novel.group_pictures = {1, 1, 1, 1};
  set.novel_train = list_samples(novel);
  for (const SyntheticSample& s : set.novel_train) test(s, set.novel_test);
  return set;
}

void write_one_shot(const std::filesystem::path& root, const SyntheticOptions& people,
                    const OneShotOptions& options, int quality, const SyntheticProgress& progress) {
  const OneShotSet set = one_shot_set(people, options);
  std::error_code ignored;
  fs::remove(root / "gallery.txt", ignored);  // until the new pictures are complete, the folder is not
  std::vector<SyntheticSample> all;
  for (const auto* part : {&set.base_train, &set.novel_train, &set.base_test, &set.novel_test})
    all.insert(all.end(), part->begin(), part->end());
  write_pictures(root, people, all, quality, progress);
  write_lists(root, set, people.first_identity);
}

}  // namespace fr
