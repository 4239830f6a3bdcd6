// Lists as sets of pairs: rows, groups, videos, and who is on the pictures.
#include "fr/protocol/verification_set.h"

#include <gtest/gtest.h>

#include "test/data/temporary.h"

namespace fr {
namespace {

using People = std::vector<int64_t>;

TEST(VerificationSet, RowsArePicturesNamedOnce) {
  PairList list;
  list.folds = 2;
  list.pairs = {{"a/1.jpg", "a/2.jpg", true, 0}, {"a/2.jpg", "b/1.jpg", false, 1}};
  list.notes = {"something"};
  const VerificationSet set = verification_set(list, "x.csv");
  EXPECT_EQ(set.pictures.names, (std::vector<std::string>{"a/1.jpg", "a/2.jpg", "b/1.jpg"}));
  EXPECT_EQ(set.pairs[1].a, 1);
  EXPECT_EQ(set.pairs[1].b, 2);
  EXPECT_EQ(set.pairs[1].fold, 1);
  EXPECT_FALSE(set.pairs[1].same);
  EXPECT_EQ(set.people, (People{0, 0, 1}));
  EXPECT_EQ(set.people_from, PeopleFrom::names);
  EXPECT_EQ(set.description, "2 pairs in 2 folds from x.csv");
  EXPECT_EQ(set.notes, list.notes);
  EXPECT_TRUE(set.groups.empty() && set.group.empty() && set.videos.empty());
}

TEST(VerificationSet, Groups) {
  PairList list;
  list.groups = {"young", "aged"};
  list.pairs = {{"a/1.jpg", "a/2.jpg", true, 0, "aged"},
                {"a/1.jpg", "b/1.jpg", false, 0, "young"},
                {"a/1.jpg", "c/1.jpg", false, 0, ""}};
  const VerificationSet set = verification_set(list, "x");
  EXPECT_EQ(set.groups, list.groups);
  EXPECT_EQ(set.group, (People{1, 0, -1}));
}

TEST(VerificationSet, VideosAreRowsAndFramesPictures) {
  PairList list;
  list.videos = {{"ann/0", {"ann/0/1.jpg", "ann/0/2.jpg"}}, {"ann/1", {"ann/1/7.jpg"}}, {"bob/0", {"b.jpg"}}};
  list.pairs = {{"ann/1", "ann/0", true, 0}, {"ann/0", "bob/0", false, 1}};
  const VerificationSet set = verification_set(list, "splits.txt");
  EXPECT_EQ(set.rows(), 3);
  EXPECT_EQ(set.pictures.names,
            (std::vector<std::string>{"ann/0/1.jpg", "ann/0/2.jpg", "ann/1/7.jpg", "b.jpg"}));
  EXPECT_EQ(set.videos[1].begin, 2);
  EXPECT_EQ(set.videos[1].end, 3);
  EXPECT_EQ(set.pairs[0].a, 1);
  EXPECT_EQ(set.pairs[0].b, 0);
  EXPECT_EQ(set.people, (People{0, 0, 1}));
  list.videos[2].frames.clear();
  EXPECT_ERROR(data, "bob/0: no frames", verification_set(list, "x"));
}

TEST(VerificationSet, PeopleByTheFirstRuleThatFits) {
  const std::vector<VerificationPair> pairs = {{0, 1, true, 0}, {0, 2, false, 0}};
  EXPECT_EQ(people_of_names({"ann/1.jpg", "ann/2.jpg", "bob/1.jpg"}, pairs), (People{0, 0, 1}));
  EXPECT_EQ(people_of_names({"1/frontal/1.jpg", "1/profile/1.jpg", "2/frontal/1.jpg"}, pairs),
            (People{0, 0, 1}));
  EXPECT_EQ(people_of_names({"Ann_Lee_0001.jpg", "Ann_Lee_0002.jpg", "Bob_0001.jpg"}, pairs),
            (People{0, 0, 1}));
  EXPECT_EQ(people_of_names({"1.jpg", "2.jpg", "3.jpg"}, pairs), People{});
  EXPECT_EQ(people_of_names({}, {}), People{});
}

TEST(VerificationSet, PeopleByChainsOfGenuinePairs) {
  const std::vector<VerificationPair> pairs = {
      {0, 3, true, 0}, {3, 5, true, 0}, {1, 2, false, 0}, {4, 1, true, 0}};
  EXPECT_EQ(people_of_genuine_pairs(7, pairs), (People{0, 1, 2, 0, 1, 0, 3}));
  EXPECT_EQ(people_of_genuine_pairs(0, {}), People{});
}

// The same bytes are one picture: the pairs of a .bin file share people through it.
TEST(VerificationSet, BinSetsNameNobody) {
  const TemporaryFolder folder;
  const auto picture = [](uint8_t gray) {
    return std::vector<uint8_t>{'P', '5', '\n', '1', ' ', '1', '\n', '2', '5', '5', '\n', gray};
  };
  const fs::path file = folder.path / "tiny.bin";
  write_bin_set(file, {picture(1), picture(2), picture(2), picture(3), picture(1), picture(4)},
                {true, true, false});
  const VerificationSet set = verification_set(read_bin_set(file), "tiny.bin");
  EXPECT_EQ(set.pictures.names,
            (std::vector<std::string>{"tiny.bin#0", "tiny.bin#1", "tiny.bin#3", "tiny.bin#5"}));
  EXPECT_EQ(set.people, (People{0, 0, 0, 1}));
  EXPECT_EQ(set.people_from, PeopleFrom::genuine_pairs);
  EXPECT_EQ(set.pictures.picture(2).at(0, 0)[0], 3);
  EXPECT_EQ(set.description, "3 pairs in 3 folds from tiny.bin");
  ASSERT_FALSE(set.notes.empty());
  EXPECT_NE(set.notes.back().find("does not say who is who"), std::string::npos);
}

}  // namespace
}  // namespace fr
