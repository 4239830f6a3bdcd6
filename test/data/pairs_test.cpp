#include "data/pairs.h"

#include <array>
#include <map>

#include "test/data/pair_show.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

const PairOptions kBlind{.check_files = false};

struct PairsTest : testing::Test {
  TemporaryFolder folder;
  PairList read(const std::string& text, const PairOptions& options = kBlind) {
    return read_pairs(folder.put("pairs.txt", text), folder.path, options);
  }
  void refused(const std::string& text, const char* part) { EXPECT_ERROR(data, part, read(text)); }
};

TEST_F(PairsTest, LfwWithFolds) {
  const PairList list = read("2\t1\nA\t1\t2\nA\t1\tB\t3\r\nC 4 5\n\nC\t12345\tD\t6\n\n\n");
  EXPECT_EQ(show(list),
            "0:A/A_0001.jpg=A/A_0002.jpg 0:A/A_0001.jpg!B/B_0003.jpg "
            "1:C/C_0004.jpg=C/C_0005.jpg 1:C/C_12345.jpg!D/D_0006.jpg ");
  EXPECT_EQ(list.folds, 2);
  EXPECT_TRUE(list.notes.empty());
}

TEST_F(PairsTest, LfwViewOneAndRfw) {
  const std::string lines = "A\t1\t2\nB\t1\t2\nA\t1\tB\t3\nA\t2\tB\t2\n";
  const char* expected =
      "0:A/A_0001.png=A/A_0002.png 1:B/B_0001.png=B/B_0002.png "
      "0:A/A_0001.png!B/B_0003.png 1:A/A_0002.png!B/B_0002.png ";
  PairOptions options = kBlind;
  options.folds = 2, options.extension = ".png";
  EXPECT_EQ(show(read("2\n" + lines, options)), expected);
  EXPECT_EQ(show(read(lines, options)), expected);
  EXPECT_TRUE(noted(read(lines, options), "2 made"));
}

TEST_F(PairsTest, NumbersAsNames) {
  PairOptions options = kBlind;
  options.folds = 1;
  EXPECT_EQ(show(read("m.01 1 2\n17\t1\t18\t2\n", options)),
            "0:m.01/m.01_0001.jpg=m.01/m.01_0002.jpg 0:17/17_0001.jpg!18/18_0002.jpg ");
}

TEST_F(PairsTest, Generic) {
  PairOptions options = kBlind;
  options.folds = 1;
  EXPECT_EQ(show(read("a/1.jpg b/2.jpg 0\nc.png d.png 1\n e.png f.png -1", options)),
            "0:a/1.jpg!b/2.jpg 0:c.png=d.png 0:e.png!f.png ");
  EXPECT_EQ(show(read("a b.jpg\tc d.jpg\t1\na\tb\t0\n", options)), "0:a b.jpg=c d.jpg 0:a!b ");
}

TEST_F(PairsTest, Csv) {
  const std::string text = "fold,a,b,same\n0,a.jpg,b.jpg,1\n1,\"x,\"\"y\".jpg,d e.jpg,0\n";
  const PairList list = read(text);
  EXPECT_EQ(show(list), "0:a.jpg=b.jpg 1:x,\"y.jpg!d e.jpg ");
  EXPECT_EQ(list.folds, 2);
  EXPECT_EQ(show(read(to_csv(list.pairs))), show(list));
}

TEST_F(PairsTest, FoldsHaveEqualShares) {
  std::string text;
  for (int i = 1; i <= 40; ++i) text += cat("A\t1\t", i + 1, "\n");
  for (int i = 1; i <= 60; ++i) text += cat("A\t1\tB\t", i, "\n");
  std::map<std::pair<int, bool>, int> count;
  for (const Pair& p : read(text).pairs) ++count[{p.fold, p.same}];
  ASSERT_EQ(count.size(), 20u);
  for (const auto& [key, n] : count) EXPECT_EQ(n, key.second ? 4 : 6);
}

TEST_F(PairsTest, MalformedLines) {
  refused("", "no pairs");
  refused("\n\n", "no pairs");
  refused("only words\n", "pairs.txt:1: the first line");
  refused("2\t1\nA\t1\t2\nA\t1\tB\t3\n", "4 pairs announced, 2 found");
  refused("1\nA\t1\t2\nA\t1\tB\t3\nA\t1\tB\t4\n", "2 pairs announced, 3 found");
  refused("1\nA\t1\tB\t3\nA\t1\t2\n", "pairs.txt:2: a pair of one person");
  refused("1\nA\t1\t2\nA\t1\tx\t3\textra\n", "pairs.txt:3: 'name i j'");
  refused("1\nA\t1\t2\nA\t1\tB\tx\n", "pairs.txt:3: number of a picture");
  refused("1\nA\t1\t0\nA\t1\tB\t1\n", "pairs.txt:2: number of a picture");
  refused("1\nA\t1\t-2\nA\t1\tB\t1\n", "pairs.txt:2: number of a picture");
  refused("0\n", "pairs.txt:1: number of pairs");
  refused("0\t300\n", "pairs.txt:1: number of folds");
  refused("10\t99999999999\n", "pairs.txt:1: number of pairs");
  refused("a.jpg b.jpg 1\na.jpg b.jpg 2\n", "pairs.txt:2: label");
  refused("a.jpg b.jpg 1\na.jpg b.jpg\n", "pairs.txt:2: 'path1 path2 label'");
  refused("fold,a,b,same\n", "no pairs");
  refused("fold,a,b,same\n0,a,b\n", "pairs.txt:2: 'fold,a,b,same'");
  refused("fold,a,b,same\n-1,a,b,1\n", "pairs.txt:2: fold");
  refused("fold,a,b,same\n0,a,b,yes\n", "pairs.txt:2: same");
  refused("fold,a,b,same\n0,a,,1\n", "pairs.txt:2: 'fold");
  refused(std::string("a\0b 1 2\n", 8), "zero byte");
}

TEST_F(PairsTest, DuplicatesAndUnevenFoldsAreNoted) {
  const PairList list = read("fold,a,b,same\n0,a,b,1\n0,b,a,1\n1,a,c,0\n1,a,c,0\n1,a,c,0\n");
  EXPECT_EQ(list.duplicates, 3);
  EXPECT_TRUE(noted(list, "3 pairs occur more than once"));
  EXPECT_TRUE(noted(list, "fold 1 is uneven: 0 genuine and 3"));
}

TEST_F(PairsTest, MissingPictures) {
  folder.put("a", "x"), folder.put("b", "x"), folder.put("c", "x");
  const std::string text = "fold,a,b,same\n0,a,b,1\n0,a,gone,0\n0,b,lost,0\n0,gone,lost,0\n0,a,c,0\n";
  EXPECT_ERROR(data, "pairs.txt: 2 pictures missing", read(text, {}));
  EXPECT_ERROR(data, ": gone, lost; 3 of 5 pairs need them", read(text, {}));
  const PairList list = read(text, {.missing = Missing::drop});
  EXPECT_EQ(show(list), "0:a=b 0:a!c ");
  EXPECT_TRUE(noted(list, "2 of 5 pairs are used: 2 pictures missing"));
  const PairList emptied = read("fold,a,b,same\n0,a,b,1\n0,a,c,0\n1,a,gone,0\n", {.missing = Missing::drop});
  EXPECT_TRUE(noted(emptied, "fold 1 has no pairs left"));
  EXPECT_FALSE(noted(emptied, "fold 1 is uneven"));
  EXPECT_ERROR(data, "2 of 2 pairs need them",
               read("fold,a,b,same\n0,x,y,1\n0,x,z,0\n", {.missing = Missing::drop}));
  EXPECT_ERROR(data, "no impostor pair among 1",
               read("fold,a,b,same\n0,a,b,1\n0,a,gone,0\n", {.missing = Missing::drop}));
  std::string many = "fold,a,b,same\n0,a,b,1\n";
  for (const char* name : {"m1", "m2", "m3", "m4", "m5", "m6"}) many += cat("0,a,", name, ",0\n");
  EXPECT_ERROR(data, "6 pictures missing", read(many, {}));
  EXPECT_ERROR(data, ": m1, m2, m3, m4, m5, ...; 6 of 7 pairs", read(many, {}));
}

TEST_F(PairsTest, ListsThatCannotBeEvaluated) {
  refused("a b 1\nc d 1\n", "pairs.txt: no impostor pair among 2: verification needs both");
  refused("fold,a,b,same\n0,a,b,0\n", "pairs.txt: no genuine pair among 1");
  refused("fold,a,b,same\n1,a,b,1\n1,a,c,0\n3,a,b,1\n3,a,c,0\n", "pairs.txt: fold 0 of 4 has no pairs");
}

TEST_F(PairsTest, GroupColumn) {
  const std::string text =
      "fold,a,b,same,group\n0,a,b,1,Young\n0,a,c,0,\"Middle, aged\"\n1,a,d,1,Young\n1,a,e,0,Young\n";
  const PairList list = read(text);
  EXPECT_EQ(list.groups, (std::vector<std::string>{"Young", "Middle, aged"}));
  EXPECT_EQ(list.pairs[1].group, "Middle, aged");
  EXPECT_EQ(to_csv(list.pairs), text);
  EXPECT_TRUE(read("fold,a,b,same\n0,a,b,1\n0,a,c,0\n").groups.empty());
  refused("fold,a,b,same,group\n0,a,b,1\n", "pairs.txt:2: 'fold,a,b,same,group' expected");
  refused("fold,a,b,same,group\n0,a,b,1,\n", "pairs.txt:2: 'fold,a,b,same,group' expected");
}

TEST_F(PairsTest, LabeledFacesInTheWild) {
  const fs::path data = "../shared/data";
  if (!fs::exists(data))
    GTEST_SKIP() << "no ../shared/data: run from the project's root, with the pictures of LFW there";
  const PairList test = read_pairs(data / "lists/pairsDevTest.txt", data / "lfw-112");
  EXPECT_EQ(test.pairs.size(), 1000u);
  EXPECT_EQ(test.folds, 10);
  const PairList all = read_pairs(data / "lists/lfw_pairs.txt", data / "lfw-112");
  EXPECT_EQ(all.pairs.size(), 6000u);
  EXPECT_EQ(all.folds, 10);
  std::vector<std::array<int, 2>> count(10);
  for (const Pair& p : all.pairs) ++count[size_t(p.fold)][p.same];
  for (const auto& fold : count) EXPECT_TRUE(fold[0] == 300 && fold[1] == 300);
  EXPECT_EQ(read_pairs(data / "lists/pairsDevTrain.txt", data / "lfw-112").pairs.size(), 2200u);
}

}  // namespace
}  // namespace fr
