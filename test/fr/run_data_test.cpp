// Rendered training and test people by their groups.
#include "fr/run_data.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace fr {
namespace {

Config small() {
  Config c;
  c.synthetic.identities = 60, c.synthetic.min_samples = c.synthetic.max_samples = 4;
  c.synthetic.test_identities = 80, c.synthetic.test_samples = 4, c.synthetic.test_pairs = 800;
  return c;
}

TEST(RunData, BalancedTestGroupsAreAlikeAndKnown) {
  Config c = small();
  c.synthetic.group_shares = {0.9, 0.1, 0, 0}, c.synthetic.test_groups = TestGroups::balanced;
  const TestData test = *test_data(c);
  EXPECT_EQ(test.groups, (std::vector<std::string>{"g0", "g1", "g2", "g3"}));
  ASSERT_EQ(test.group.size(), test.pairs.size());
  std::map<std::pair<int, bool>, int> pairs;
  std::map<int, std::set<int64_t>> people;
  for (size_t i = 0; i < test.pairs.size(); ++i) {
    ++pairs[{test.group[i], test.pairs[i].same}];
    people[test.group[i]].insert(test.people[size_t(test.pairs[i].a)]);
    EXPECT_EQ(test.names[size_t(test.pairs[i].a)].substr(0, 2), test.groups[size_t(test.group[i])]);
  }
  ASSERT_EQ(pairs.size(), 8u);
  for (const auto& [key, n] : pairs) EXPECT_EQ(n, 100) << key.first;
  for (const auto& [group, who] : people) EXPECT_LE(who.size(), 20u) << group;
}

TEST(RunData, TestGroupsAsInTraining) {
  const TestData test = *test_data(small());
  ASSERT_EQ(test.group.size(), test.pairs.size());
  int across = 0;
  for (size_t i = 0; i < test.pairs.size(); ++i) {
    across += test.group[i] == -1;
    EXPECT_FALSE(test.pairs[i].same && test.group[i] == -1);
  }
  EXPECT_GT(across, 0);
}

TEST(RunData, GroupsDecideTheTrainingDataAndTheirFingerprint) {
  Config c = small();
  const TrainingData usual = training_data(c);
  EXPECT_EQ(usual.pictures(), 240);
  c.synthetic.group_pictures = {1, 1, 1, 1};
  EXPECT_EQ(training_data(c).source->fingerprint(), usual.source->fingerprint());
  c.synthetic.group_shares = {0, 0, 1, 0};
  const TrainingData third = training_data(c);
  EXPECT_NE(third.source->fingerprint(), usual.source->fingerprint());
  for (int64_t i = 0; i < third.pictures(); ++i) EXPECT_EQ(third.source->name(i).substr(0, 3), "g2_");
  c.synthetic.group_pictures = {1, 1, 0.25, 1};
  EXPECT_EQ(training_data(c).pictures(), 60);
}

}  // namespace
}  // namespace fr
