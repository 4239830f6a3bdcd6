// Rendered groups at will, and the one-shot benchmark.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/gallery_list.h"
#include "data/synthetic/one_shot.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

TEST(SyntheticGroups, InTurnEveryGroupWithAShareHasAsManyPeople) {
  SyntheticOptions o;
  o.identities = 30, o.first_identity = 7, o.min_samples = o.max_samples = 2;
  o.group_share = {5, 0, 1, 1}, o.group_draw = GroupDraw::in_turn;
  std::map<int, int> people;
  for (const SyntheticSample& s : list_samples(o))
    if (s.sample == 0) ++people[s.group];
  EXPECT_EQ(people, (std::map<int, int>{{0, 10}, {2, 10}, {3, 10}}));
  // Only the group differs from a draw by share: a person of the same group is the same person.
  const Identity in_turn = draw_person(o, 9);  // 9 % 3 = 0: group 0
  o.group_draw = GroupDraw::by_share, o.group_share = {1, 0, 0, 0};
  EXPECT_EQ(in_turn.traits, draw_person(o, 9).traits);
  o.group_draw = GroupDraw::in_turn, o.group_share = {0, 0, 0, 0};
  EXPECT_THROW(list_samples(o), std::invalid_argument);
}

TEST(SyntheticGroups, PicturesOfAGroupAreAMultiple) {
  SyntheticOptions o;
  o.identities = 400, o.min_samples = o.max_samples = 8;
  o.group_pictures = {1, 0.5, 0.25, 0};
  std::map<int, std::set<int64_t>> counts;
  std::map<int64_t, int64_t> of_person;
  std::map<int64_t, int> group;
  for (const SyntheticSample& s : list_samples(o)) ++of_person[s.identity], group[s.identity] = s.group;
  for (const auto& [person, n] : of_person) counts[group[person]].insert(n);
  EXPECT_EQ(counts, (std::map<int, std::set<int64_t>>{{0, {8}}, {1, {4}}, {2, {2}}, {3, {1}}}));
  o.group_pictures[2] = -1;
  EXPECT_THROW(list_samples(o), std::invalid_argument);
}

TEST(SyntheticGroups, PairsWithinGroupsAreAsManyOfEach) {
  SyntheticOptions o;
  o.identities = 80, o.min_samples = o.max_samples = 6;
  o.group_share = {1, 1, 1, 1}, o.group_draw = GroupDraw::in_turn, o.pairs_of = PairsOf::groups;
  const std::vector<SyntheticPair> pairs = draw_pairs(o, 800);
  ASSERT_EQ(pairs.size(), 800u);
  std::map<std::pair<int, int>, int> genuine, impostor;  // of (fold, group)
  for (const SyntheticPair& p : pairs) {
    EXPECT_EQ(p.a.group, p.b.group);
    ++(p.same() ? genuine : impostor)[{p.fold, p.a.group}];
  }
  ASSERT_EQ(genuine.size(), 40u);
  for (const auto& [key, n] : genuine) EXPECT_EQ(n, 10) << key.first << " " << key.second;
  EXPECT_EQ(genuine, impostor);
  o.identities = 9;  // one fold: two people or more of each group
  EXPECT_EQ(draw_pairs(o, 80).back().fold, 0);
  o.identities = 4;  // nobody to be an impostor
  EXPECT_TRUE(draw_pairs(o, 80).empty());
}

struct Small {
  SyntheticOptions people;
  OneShotOptions one_shot{.novel = 3, .test_pictures = 2};
  Small() {
    people.identities = 5, people.first_identity = 10, people.min_samples = 2, people.max_samples = 5,
    people.size = 32;
  }
};

TEST(OneShot, NovelPeopleAreOthersAndNoPictureIsTwice) {
  const Small o;
  const OneShotSet set = one_shot_set(o.people, o.one_shot);
  EXPECT_EQ(set.base_train.size(), list_samples(o.people).size());
  EXPECT_EQ(set.base_test.size(), 10u);
  EXPECT_EQ(set.novel_train.size(), 3u);
  EXPECT_EQ(set.novel_test.size(), 6u);
  std::set<std::string> pictures, base, novel;
  for (const auto* part : {&set.base_train, &set.base_test})
    for (const SyntheticSample& s : *part) pictures.insert(picture_path(s)), base.insert(class_name(s));
  for (const auto* part : {&set.novel_train, &set.novel_test})
    for (const SyntheticSample& s : *part) pictures.insert(picture_path(s)), novel.insert(class_name(s));
  EXPECT_EQ(pictures.size(), set.base_train.size() + 10 + 3 + 6);
  EXPECT_EQ(base.size(), 5u);
  EXPECT_EQ(novel.size(), 3u);
  for (const std::string& name : novel) EXPECT_FALSE(base.contains(name));
  EXPECT_THROW(one_shot_set(o.people, {.novel = 0}), std::invalid_argument);
  EXPECT_THROW(one_shot_set(o.people, {.test_pictures = 0}), std::invalid_argument);
}

TEST(OneShot, TheListsAreThoseOfTheCoverageProtocol) {
  const TemporaryFolder folder;
  const fs::path root = folder.path;
  const Small o;
  write_one_shot(root, o.people, o.one_shot, 90);
  const OneShotSet set = one_shot_set(o.people, o.one_shot);
  const GalleryProbes read =
      read_gallery(root / "gallery.txt", root / "probes.txt", root, Enrolled::any, Missing::error);
  EXPECT_EQ(read.names.size(), 8u);
  const std::vector<uint8_t> novel = listed_people(root / "novel.txt", read);
  EXPECT_EQ(std::count(novel.begin(), novel.end(), 1), 3);
  std::ifstream base(root / "base_train.txt"), one(root / "novel_train.txt");
  std::string path;
  int64_t label = -1;
  for (const SyntheticSample& s : set.base_train) {
    ASSERT_TRUE(base >> path >> label);
    EXPECT_EQ(path, picture_path(s));
    EXPECT_EQ(label, s.identity - 10);
    EXPECT_EQ(load_image(root / path).width, 32);
  }
  for (int64_t person = 0; person < 3; ++person) {
    ASSERT_TRUE(one >> path >> label);
    EXPECT_EQ(path, picture_path(set.novel_train[size_t(person)]));
    EXPECT_EQ(label, 5 + person);
  }
  const std::string before = read_text(root / "gallery.txt");
  write_one_shot(root, o.people, o.one_shot, 90);
  EXPECT_EQ(read_text(root / "gallery.txt"), before);
  EXPECT_THROW(write_one_shot("/proc/nowhere", o.people, o.one_shot, 90), Error);
}

}  // namespace
}  // namespace fr
