// Accuracy of groups: shared thresholds and their own, groups of run data, the report's part.
#include "fr/protocol/group_accuracy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "fr/balancing/domain_table.h"
#include "fr/run_data.h"
#include "test/data/temporary.h"
#include "test/fr/page_checks.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

// Scores of group 0 lie around 0.5, those of group 1 are shifted up by 0.3: shared thresholds cannot fit both.
VerificationResult two_groups(std::vector<int>& group) {
  std::vector<VerificationPair> pairs;
  std::vector<double> scores;
  for (int g = 0; g < 2; ++g)
    for (int fold = 0; fold < 2; ++fold)
      for (int i = 0; i < (g ? 2 : 8); ++i)
        for (const bool same : {true, false}) {
          pairs.push_back({0, 1, same, fold});
          scores.push_back((same ? 0.6 : 0.4) + 0.3 * g + 0.001 * i);
          group.push_back(g);
        }
  pairs.push_back({0, 1, true, 0}), scores.push_back(0.9), group.push_back(-1);
  return verify_scores([&](std::optional<int>) { return scores; }, pairs, {});
}

TEST(GroupAccuracy, CommonAndOwnThresholds) {
  std::vector<int> group;
  const VerificationResult r = two_groups(group);
  const auto rows = accuracy_of_groups(r, {"many", "few", "nobody"}, group, ThresholdMode::exact);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].group, "many");
  EXPECT_EQ(rows[0].genuine, 16);
  EXPECT_EQ(rows[0].impostor, 16);
  EXPECT_EQ(rows[0].common, 1);
  EXPECT_EQ(rows[1].group, "few");
  EXPECT_EQ(rows[1].genuine + rows[1].impostor, 8);
  EXPECT_EQ(rows[1].common, 0.5);  // its impostors are let through
  EXPECT_EQ(rows[1].own, 1);
  EXPECT_EQ(rows[1].auc, 1);
}

TEST(GroupAccuracy, WhatCannotBeVerifiedAlone) {
  const std::vector<double> scores = {0.9, 0.1, 0.8, 0.2, 0.7};
  const std::vector<VerificationPair> pairs = {
      {0, 1, true, 0}, {0, 1, false, 0}, {0, 1, true, 1}, {0, 1, false, 1}, {0, 1, true, 0}};
  const VerificationResult r = verify_scores([&](std::optional<int>) { return scores; }, pairs, {});
  const auto rows = accuracy_of_groups(r, {"a", "b"}, {0, 0, 1, -1, 1}, ThresholdMode::exact);
  EXPECT_TRUE(std::isnan(rows[0].own));  // one fold
  EXPECT_EQ(rows[0].auc, 1);
  EXPECT_TRUE(std::isnan(rows[1].own));  // genuine pairs only
  EXPECT_TRUE(std::isnan(rows[1].auc));
  EXPECT_EQ(rows[1].common, 1);
  const auto refusal = [&](const std::vector<int>& group) {
    return thrown<std::invalid_argument>([&] { accuracy_of_groups(r, {"a"}, group, ThresholdMode::exact); });
  };
  EXPECT_EQ(refusal({0}), "accuracy of groups: expected a group for each of 5 pairs, got 1");
  EXPECT_EQ(refusal({0, 0, 1, 0, 0}), "accuracy of groups: group 1 of 1");
}

TEST(GroupsOfRunData, Synthetic) {
  Config c;
  c.synthetic.identities = 60, c.synthetic.max_samples = 9;
  const TrainingClasses classes = training_data(c).training_classes();
  EXPECT_EQ(classes.groups, (std::vector<std::string>{"g0", "g1", "g2", "g3"}));
  ASSERT_EQ(classes.group.size(), 60u);
  ASSERT_EQ(classes.names.size(), 60u);
  for (size_t j = 0; j < 60; ++j)
    EXPECT_EQ(classes.names[j].substr(0, 2), classes.groups[size_t(classes.group[j])]) << j;
  c.synthetic.test_groups = TestGroups::balanced;
  c.synthetic.test_identities = 120, c.synthetic.test_pairs = 800;
  const auto test = test_data(c);
  std::vector<int64_t> genuine(4, 0), impostor(4, 0);
  ASSERT_EQ(test->group.size(), test->pairs.size());
  for (size_t i = 0; i < test->pairs.size(); ++i) {
    ASSERT_GE(test->group[i], 0) << i;
    ++(test->pairs[i].same ? genuine : impostor)[size_t(test->group[i])];
  }
  EXPECT_EQ(genuine, std::vector<int64_t>(4, 100));
  EXPECT_EQ(impostor, std::vector<int64_t>(4, 100));
}

// Of the list's own column, of a group file in the root, of neither.
TEST(GroupsOfRunData, PairList) {
  const TemporaryFolder folder;
  for (const char* person : {"Ann", "Bob", "Cid"}) {
    fs::create_directories(folder.path / person);
    for (const char* picture : {"1.ppm", "2.ppm"}) save_image(folder.path / person / picture, Image(8, 8));
  }
  const fs::path list = folder.path / "pairs.csv";
  write_file_atomic(
      list,
      "fold,a,b,same\n0,Ann/1.ppm,Ann/2.ppm,1\n0,Ann/1.ppm,Bob/1.ppm,0\n1,Cid/1.ppm,Cid/2.ppm,1\n"
      "1,Bob/1.ppm,Cid/1.ppm,0\n");
  EXPECT_TRUE(pair_list(list, folder.path).groups.empty());
  write_file_atomic(folder.path / "groups.txt", "Ann\tsouth\nBob\tsouth\nCid\tnorth\n");
  const TestData test = pair_list(list, folder.path);
  EXPECT_EQ(test.groups, (std::vector<std::string>{"north", "south"}));
  EXPECT_EQ(test.group, (std::vector<int>{1, 1, 0, -1}));
  write_file_atomic(list,
                    "fold,a,b,same,group\n0,Ann/1.ppm,Ann/2.ppm,1,x\n0,Ann/1.ppm,Bob/1.ppm,0,x\n"
                    "1,Cid/1.ppm,Cid/2.ppm,1,y\n1,Bob/1.ppm,Cid/1.ppm,0,y\n");
  const TestData named = pair_list(list, folder.path);
  EXPECT_EQ(named.groups, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(named.group, (std::vector<int>{0, 0, 1, 1}));
  write_file_atomic(folder.path / "groups.txt", "Ann\tsouth\nBob\tsouth\n");
  write_file_atomic(list, "fold,a,b,same\n0,Ann/1.ppm,Ann/2.ppm,1\n0,Ann/1.ppm,Cid/1.ppm,0\n");
  EXPECT_NE(thrown<Error>([&] { pair_list(list, folder.path); }).find("no group for class Cid"),
            std::string::npos);
}

ReportDomains domains() {
  ReportDomains d;
  d.groups = {"rare", "common", "empty"}, d.eps = 7.5;
  for (int j = 0; j < 40; ++j) {
    d.group.push_back(j % 4 == 0 ? 0 : 1), d.dfi.push_back(j % 4 == 0 ? 1.5 : 0.75 + 0.25 * (j % 2));
    d.ic.push_back(7.5 / d.dfi.back()), d.pictures.push_back(5 + j), d.names.push_back(cat("name, ", j));
  }
  return d;
}

TEST(ReportDomains, ByGroup) {
  const auto groups = frequency_of_groups(domains());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].group, "common");
  EXPECT_EQ(groups[0].classes, 30);
  EXPECT_NEAR(groups[0].dfi, (20 * 1.0 + 10 * 0.75) / 30, 1e-12);
  EXPECT_EQ(groups[1].group, "rare");
  EXPECT_EQ(groups[1].dfi, 1.5);
  EXPECT_EQ(groups[1].deviation, 0);
  ReportDomains unknown = domains();
  unknown.group.clear();
  EXPECT_TRUE(frequency_of_groups(unknown).empty());
}

TEST(ReportDomains, Table) {
  const TemporaryFolder folder;
  ReportDomains d = domains();
  write_domain_table(folder.path / "dfi.csv", d);
  const std::string text = read_text(folder.path / "dfi.csv");
  EXPECT_EQ(text.substr(0, text.find('\n', 34) + 1),
            "class,name,pictures,group,ic,dfi\n0,\"name, 0\",5,rare,5,1.5\n");
  d.names.clear(), d.pictures.clear(), d.group.clear();
  write_domain_table(folder.path / "dfi.csv", d);
  EXPECT_NE(read_text(folder.path / "dfi.csv").find("\n0,,,,5,1.5\n"), std::string::npos);
}

TEST(ReportDomains, Page) {
  Report report;
  report.title = "a run";
  report.domains = domains();
  ReportTest test;
  test.groups = {{"rare", 10, 20, 0.8, 0.85, 0.02, 0.9},
                 {"common", 5, 0, 0.95, kUnknown, kUnknown, kUnknown}};
  report.tests = {test};
  const std::string html = render_html(report);
  EXPECT_EQ(badly_nested(html), "");
  for (const char* words : {"Mean DFI of each group", "common (30)", "DFI and the number of pictures",
                            "Accuracy of each group", "85.00", " \u00b1 2.00", "is 7.5 divided"})
    EXPECT_NE(html.find(words), std::string::npos) << words;
  EXPECT_EQ(html.find("nan"), std::string::npos);
  report.domains.pictures.assign(40, 8);  // one point for all that are alike
  EXPECT_EQ(badly_nested(render_html(report)), "");
  report.domains.group.clear(), report.domains.pictures.clear();
  EXPECT_EQ(badly_nested(render_html(report)), "");
  report.domains = {}, report.tests = {};
  EXPECT_EQ(render_html(report).find("DFI"), std::string::npos);
}

}  // namespace
}  // namespace fr::test
