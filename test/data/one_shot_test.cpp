// The lists of the one-shot benchmark.
#include "data/synthetic/one_shot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "data/dataset.h"
#include "data/gallery_list.h"
#include "test/data/temporary.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

TEST(OneShot, BaseNovelAndWhatIsSearched) {
  const TemporaryFolder folder;
  SyntheticOptions o;
  o.identities = 5, o.min_samples = o.max_samples = 4, o.size = 32;
  write_dataset(folder.path, o, 80, 0);
  write_one_shot_lists(folder.path, o, {.novel = 2, .base_probes = 1});
  const Dataset base = read_list(folder.path / "base.txt", folder.path);
  EXPECT_EQ(base.num_classes(), 3);
  EXPECT_EQ(base.samples.size(), 9u);
  const GalleryProbes set =
      read_gallery(folder.path / "gallery.txt", folder.path / "probes.txt", folder.path);
  EXPECT_EQ(set.enrolled, 3 * 3 + 2);
  EXPECT_EQ(set.probes(), 3 + 2 * 3);
  const std::vector<uint8_t> novel = listed_people(folder.path / "novel.txt", set);
  std::map<int64_t, int64_t> enrolled;
  for (int64_t i = 0; i < set.enrolled; ++i) ++enrolled[set.people[size_t(i)]];
  for (size_t p = 0; p < 5; ++p) {
    EXPECT_EQ(novel[p], p >= 3);
    EXPECT_EQ(enrolled[int64_t(p)], p >= 3 ? 1 : 3);
  }
  EXPECT_EQ(std::set<std::string>(set.pictures.begin(), set.pictures.end()).size(), 20u);
  EXPECT_EQ(read_enrolled(folder.path / "gallery.txt", folder.path).pictures.size(), 11u);
}

TEST(OneShot, EverybodyOfTheBaseSetIsTrainedOn) {
  const TemporaryFolder folder;
  SyntheticOptions o;
  o.identities = 3, o.min_samples = o.max_samples = 2;
  write_one_shot_lists(folder.path, o, {.novel = 1, .base_probes = 7});
  const std::string base = read_text(folder.path / "base.txt");
  EXPECT_EQ(std::count(base.begin(), base.end(), '\n'), 2);
  const auto message = [&](const SyntheticOptions& options, const OneShotSplit& split) {
    return thrown<std::invalid_argument>([&] { write_one_shot_lists(folder.path, options, split); });
  };
  EXPECT_NE(message(o, {.novel = 3}).find("got 3 novel of 3 people"), std::string::npos);
  EXPECT_NE(message(o, {.novel = 0}).find("got 0 novel"), std::string::npos);
  o.min_samples = o.max_samples = 1;
  EXPECT_NE(message(o, {.novel = 1}).find("2 pictures or more"), std::string::npos);
}

}  // namespace
}  // namespace fr
