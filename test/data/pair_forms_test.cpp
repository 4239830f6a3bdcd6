// The lists of CALFW, CPLFW, CFP, RFW and YouTube Faces.
#include <map>

#include "test/data/pair_show.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct PairFormsTest : testing::Test {
  TemporaryFolder folder;
  PairOptions blind{.folds = 1, .check_files = false};
  PairList read(const std::string& text) {
    return read_pairs(folder.put("pairs.txt", text), folder.path, blind);
  }
  void refused(const std::string& text, const char* part) { EXPECT_ERROR(data, part, read(text)); }
  PairList read_folder(const char* name) { return read_pairs(folder.path / name, folder.path, blind); }
};

TEST_F(PairFormsTest, TwoLinesAPair) {  // CALFW writes the fold as the label, CPLFW 1
  EXPECT_EQ(show(read("A_1.jpg 1\nA_2.jpg 1\nB_1.jpg 10\r\nB_2.jpg 10\nA_1.jpg 0\nB_2.jpg 0\n")),
            "0:A_1.jpg=A_2.jpg 0:B_1.jpg=B_2.jpg 0:A_1.jpg!B_2.jpg ");
  refused("a 1\nb 1\nc 0\n", "pairs.txt:3: a pair has two lines: the second is missing, got 'c 0'");
  refused("a 1\nb 0\n", "pairs.txt:2: the second line of a pair with label 1 expected, got 'b 0'");
  refused("a 1\nb 1 x\n", "pairs.txt:2: 'path label' expected");
  refused("a 1\nb x\n", "pairs.txt:2: label");
  refused("a -1\nb -1\n", "pairs.txt:1: label");
}

TEST_F(PairFormsTest, FoldsOfCalfw) {  // 3,000 genuine, then 3,000 impostor pairs: 300 and 300 a fold
  std::string text;
  for (int i = 0; i < 3000; ++i) text += cat("a", i, " ", i / 300 + 1, "\nb", i, " ", i / 300 + 1, "\n");
  for (int i = 0; i < 3000; ++i) text += cat("c", i, " 0\nd", i, " 0\n");
  blind.folds = 10;
  const PairList list = read(text);
  ASSERT_EQ(list.pairs.size(), 6000u);
  for (size_t i = 0; i < 6000; ++i) EXPECT_EQ(list.pairs[i].fold, int(i % 3000 / 300));
}

void put_cfp(const TemporaryFolder& folder) {
  folder.put("Protocol/Pair_list_F.txt",
             "1 ../Data/Images/001/frontal/01.jpg\r\n2 ../Data/Images/001/frontal/02.jpg\r\n"
             "3 ../Data/Images/002/frontal/01.jpg\r\n");
  folder.put("Protocol/Pair_list_P.txt",
             "1 ../Data/Images/001/profile/01.jpg\n2 ../Data/Images/002/profile/01.jpg\n");
  folder.put("Protocol/Split/FP/01/same.txt", "1,1\n2,1\n");
  folder.put("Protocol/Split/FP/01/diff.txt", "1,2\n3,1\n");
  folder.put("Protocol/Split/FP/02/same.txt", "3,2\n");
  folder.put("Protocol/Split/FP/02/diff.txt", "2,2\n");
  folder.put("Protocol/Split/FF/01/same.txt", "1,2\n");
  folder.put("Protocol/Split/FF/01/diff.txt", "1,3\n");
}

TEST_F(PairFormsTest, Cfp) {
  put_cfp(folder);
  const std::string f = "Data/Images/00", front = "/frontal/0", side = "/profile/01.jpg ";
  for (const char* name : {"Protocol/Split/FP", "Protocol/Split/FP/"}) {
    const PairList fp = read_folder(name);
    EXPECT_EQ(show(fp), "0:" + f + "1" + front + "1.jpg=" + f + "1" + side + "0:" + f + "1" + front +
                            "2.jpg=" + f + "1" + side + "0:" + f + "1" + front + "1.jpg!" + f + "2" + side +
                            "0:" + f + "2" + front + "1.jpg!" + f + "1" + side + "1:" + f + "2" + front +
                            "1.jpg=" + f + "2" + side + "1:" + f + "1" + front + "2.jpg!" + f + "2" + side);
    EXPECT_EQ(fp.folds, 2);
  }
  EXPECT_EQ(show(read_folder("Protocol/Split/FF")), "0:" + f + "1" + front + "1.jpg=" + f + "1" + front +
                                                        "2.jpg 0:" + f + "1" + front + "1.jpg!" + f + "2" +
                                                        front + "1.jpg ");
}

TEST_F(PairFormsTest, CfpThatDoesNotFit) {
  const auto broken = [&](const char* name, const char* text, const char* part,
                          ErrorKind kind = ErrorKind::data) {
    TemporaryFolder own;
    put_cfp(own);
    own.put(name, text);
    const std::string message =
        error_of([&] { read_pairs(own.path / "Protocol/Split/FP", own.path, blind); });
    EXPECT_EQ(message.substr(0, 1), std::to_string(int(kind))) << message;
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  };
  broken("Protocol/Pair_list_F.txt", "1 a\n3 b\n", "Pair_list_F.txt:2: '2 path' expected, got '3 b'");
  broken("Protocol/Pair_list_P.txt", "1 a b\n", "Pair_list_P.txt:1: '1 path' expected");
  broken("Protocol/Split/FP/01/same.txt", "1,1\n4,1\n",
         "01/same.txt:2: first picture: an integer 1..3 expected, got '4'");
  broken("Protocol/Split/FP/02/diff.txt", "1,3\n",
         "02/diff.txt:1: second picture: an integer 1..2 expected, got '3'");
  broken("Protocol/Split/FP/02/diff.txt", "1 2\n", "02/diff.txt:1: 'i,j' expected");
  broken("Protocol/Split/FP/04/same.txt", "1,1\n", "FP: a folder 03 expected, got 04");
  broken("Protocol/Split/FP/03/same.txt", "1,1\n", "03/diff.txt", ErrorKind::io);
}

TEST_F(PairFormsTest, GroupsOfRfw) {  // AFW is the same with Young, Middle-aged and Aged
  folder.put("txts/Asian/Asian_pairs.txt", "m.1\t1\t2\nm.1\t1\tm.2\t3\nm.3 1 2\nm.1 2 m.3 1\n");
  folder.put("txts/African/African_pairs.txt", "m.9\t1\t2\nm.9\t1\tm.8\t3\n");
  folder.put("txts/African/African_people.txt", "not read");
  folder.put("txts/readme/readme.txt", "not read");
  blind.folds = 2;
  const PairList list = read_folder("txts");
  EXPECT_EQ(show(list),
            "African/0:African/m.9/m.9_0001.jpg=African/m.9/m.9_0002.jpg "
            "African/0:African/m.9/m.9_0001.jpg!African/m.8/m.8_0003.jpg "
            "Asian/0:Asian/m.1/m.1_0001.jpg=Asian/m.1/m.1_0002.jpg "
            "Asian/0:Asian/m.1/m.1_0001.jpg!Asian/m.2/m.2_0003.jpg "
            "Asian/1:Asian/m.3/m.3_0001.jpg=Asian/m.3/m.3_0002.jpg "
            "Asian/1:Asian/m.1/m.1_0002.jpg!Asian/m.3/m.3_0001.jpg ");
  EXPECT_EQ(list.groups, (std::vector<std::string>{"African", "Asian"}));
}

TEST_F(PairFormsTest, EveryGroupHasItsFolds) {
  for (const char* group : {"Young", "Middle-aged", "Aged"}) {
    std::string text;
    for (int i = 1; i <= 60; ++i) text += cat("p", i, " 1 2\n");
    for (int i = 1; i <= 40; ++i) text += cat("p", i, " 1 q", i, " 1\n");
    folder.put(cat("afw/", group, "/", group, "_pairs.txt"), text);
  }
  blind.folds = 10;
  std::map<std::tuple<std::string, int, bool>, int> count;
  for (const Pair& p : read_folder("afw").pairs) ++count[{p.group, p.fold, p.same}];
  ASSERT_EQ(count.size(), 60u);
  for (const auto& [key, n] : count) EXPECT_EQ(n, std::get<2>(key) ? 6 : 4);
}

TEST_F(PairFormsTest, FoldersWithoutLists) {
  fs::create_directories(folder.path / "empty/sub");
  EXPECT_ERROR(data, "empty: neither CFP's Split/FF or Split/FP nor a folder with GROUP/GROUP_pairs.txt",
               read_folder("empty"));
  folder.put("one/A/A_pairs.txt", "\n");
  EXPECT_ERROR(data, "A_pairs.txt: no pairs", read_folder("one"));
  folder.put("two/A/A_pairs.txt", "a 1 2\na 1 b 1\n"),
      folder.put("two/B/B_pairs.txt", "1\t1\na 1 2\na 1 b 1\n");
  EXPECT_ERROR(data, "B_pairs.txt: 1 folds, 0 in the group before", read_folder("two"));
  folder.put("bad/A/A_pairs.txt", "a 1 2\na 1 b x\n");
  EXPECT_ERROR(data, "A_pairs.txt:2: number of a picture", read_folder("bad"));
}

const char* const kSplits =
    "split_num, pair_num, first name, second name, is same\n1, 1, Ann_B/0, Ann_B/1, 1\n1, 2, Ann_B/0, "
    "Carl/3, 0\n"
    "2, 1, Carl/3, Carl/4, 1\n2, 2, Ann_B/1, Carl/4, 0\n";

TEST_F(PairFormsTest, Videos) {
  const PairList list = read(kSplits);
  EXPECT_EQ(show(list), "0:Ann_B/0=Ann_B/1 0:Ann_B/0!Carl/3 1:Carl/3=Carl/4 1:Ann_B/1!Carl/4 ");
  ASSERT_EQ(list.videos.size(), 4u);
  EXPECT_EQ(list.videos[2].name, "Carl/3");
  EXPECT_TRUE(list.videos[2].frames.empty());
  EXPECT_EQ(show(read("1,1,A/0,A/1,1\n1,2,A/0,B/0,0\n")), "0:A/0=A/1 0:A/0!B/0 ");  // no first line
  const PairList corrected = read("1, 1, A/0, A/1, 1, 1\n1, 2, A/0, B/0, 1, 0\n");
  EXPECT_EQ(show(corrected), "0:A/0=A/1 0:A/0!B/0 ");
  EXPECT_TRUE(noted(corrected, "the flags of 1 pairs are the corrected ones"));
}

TEST_F(PairFormsTest, FramesOfVideos) {
  for (const char* frame :
       {"Ann_B/0/0.2.jpg", "Ann_B/0/0.1.jpg", "Ann_B/0/notes.txt", "Ann_B/1/1.png", "Carl/4/1.jpg"})
    folder.put(frame, "x");
  fs::create_directories(folder.path / "Carl/3");
  const fs::path path = folder.put("splits.txt", kSplits);
  EXPECT_ERROR(data, "splits.txt: 1 videos missing in", read_pairs(path, folder.path));
  EXPECT_ERROR(data, ": Carl/3; 2 of 4 pairs need them", read_pairs(path, folder.path));
  const PairList list = read_pairs(path, folder.path, {.missing = Missing::drop});
  EXPECT_EQ(show(list), "0:Ann_B/0=Ann_B/1 1:Ann_B/1!Carl/4 ");
  ASSERT_EQ(list.videos.size(), 3u);
  EXPECT_EQ(list.videos[0].frames, (std::vector<std::string>{"Ann_B/0/0.1.jpg", "Ann_B/0/0.2.jpg"}));
  EXPECT_TRUE(noted(list, "2 of 4 pairs are used"));
}

TEST_F(PairFormsTest, MalformedVideos) {
  const std::string header = "split, pair, a, b, same\n";
  refused(header, "no pairs");
  refused(header + "1, 1, A/0, A/1\n",
          "pairs.txt:2: 'split, pair, video, video, same' expected, got '1, 1, A/0, A/1'");
  refused(header + "0, 1, A/0, A/1, 1\n", "pairs.txt:2: split");
  refused(header + "1, 1, A/0, A/1, 2\n", "pairs.txt:2: same");
  refused(header + "1, 1, , A/1, 1\n", "pairs.txt:2: 'split, pair");
  refused(header + "1, 1, A/0, A/1, 1\n3, 2, A/0, B/1, 0\n", "pairs.txt: fold 1 of 3 has no pairs");
}

}  // namespace
}  // namespace fr
