#include "data/blufr.h"

#include "test/data/temporary.h"

namespace fr {
namespace {

using Places = std::vector<int64_t>;
const std::string kImages =
    "A_0001.jpg 1\nA_0002.jpg 1\nB_0001.jpg\t2\r\nB/B_0002.jpg 2\n\nC_0001.jpg 3\nD_0001.jpg 4\n";

struct BlufrTest : testing::Test {
  TemporaryFolder folder;
  BlufrProtocol read(const std::string& trials, const std::string& images = kImages) {
    const fs::path list = folder.put("images.txt", images);
    return read_blufr(list, folder.put("trials.txt", trials));
  }
  void refused(const std::string& trials, const char* part) { EXPECT_ERROR(data, part, read(trials)); }
};

const std::string kTrial =
    "1 train 6\n1 test 1\n1 test 2\n1 test 3\n1 test 4\n1 test 5\n"
    "1 gallery 1\n1 gallery 3\n1 probe 2\n1 probe 4\n1 probe 5\n";

TEST_F(BlufrTest, ListsInTheOrderOfTheFile) {
  const BlufrProtocol p =
      read(kTrial +
           "2\tprobe\t5\n2\tprobe\t4\r\n2 gallery 3\n2 test 4\n2 test 3\n2 test 5\n2 train 2\n2 train 1\n");
  EXPECT_EQ(p.images, (std::vector<std::string>{"A/A_0001.jpg", "A/A_0002.jpg", "B/B_0001.jpg",
                                                "B/B_0002.jpg", "C/C_0001.jpg", "D/D_0001.jpg"}));
  EXPECT_EQ(p.people, (Places{1, 1, 2, 2, 3, 4}));
  ASSERT_EQ(p.trials.size(), 2u);
  EXPECT_EQ(p.trials[0].train, (Places{5}));
  EXPECT_EQ(p.trials[0].test, (Places{0, 1, 2, 3, 4}));
  EXPECT_EQ(p.trials[0].gallery, (Places{0, 2}));
  EXPECT_EQ(p.trials[0].probe, (Places{1, 3, 4}));
  EXPECT_EQ(p.trials[1].train, (Places{1, 0}));
  EXPECT_EQ(p.trials[1].probe, (Places{4, 3}));
}

TEST_F(BlufrTest, MalformedImages) {
  EXPECT_ERROR(data, "images.txt: no pictures", read(kTrial, "\n"));
  EXPECT_ERROR(data, "images.txt:2: 'name label' expected, got 'B_0001.jpg'",
               read(kTrial, "A_0001.jpg 1\nB_0001.jpg\n"));
  EXPECT_ERROR(data, "images.txt:1: label", read(kTrial, "A_0001.jpg -1\n"));
  EXPECT_ERROR(data, "images.txt:2: A/A_0001.jpg is named a second time",
               read(kTrial, "A_0001.jpg 1\nA/A_0001.jpg 1\n"));
  EXPECT_ERROR(io, "nowhere", read_blufr(folder.path / "nowhere", folder.path / "nowhere"));
}

TEST_F(BlufrTest, MalformedTrials) {
  refused("", "trials.txt: no trials");
  refused("1 train\n", "trials.txt:1: 'trial set index' expected, got '1 train'");
  refused("0 train 1\n", "trials.txt:1: trial: an integer 1..1 expected");
  refused("2 train 1\n", "trials.txt:1: trial: an integer 1..1 expected");
  refused(kTrial + "3 train 1\n", "trials.txt:12: trial: an integer 1..2 expected");
  refused("1 dev 1\n", "trials.txt:1: set: train, test, gallery or probe expected, got 'dev'");
  refused("1 train 7\n", "trials.txt:1: index: an integer 1..6 expected");
  refused("1 train 0\n", "trials.txt:1: index");
  refused("1 train 6\n1 train 6\n", "trials.txt:2: picture 6 is in the set already");
}

TEST_F(BlufrTest, TrialsThatContradictThemselves) {
  refused("1 train 6\n1 test 1\n1 gallery 1\n", "trials.txt: trial 1: no picture in probe");
  refused(kTrial + "2 train 1\n", "trials.txt: trial 2: no picture in test");
  refused(kTrial + "1 train 5\n", "trial 1: person 3 of picture 5 is in train and test");
  refused("1 train 6\n1 test 1\n1 test 2\n1 gallery 1\n1 probe 3\n",
          "trial 1: picture 3 is in probe but not in test");
  refused("1 train 6\n1 test 1\n1 test 2\n1 gallery 1\n1 probe 1\n",
          "trial 1: picture 1 is in gallery and probe");
  refused("1 train 6\n1 test 1\n1 test 2\n1 test 3\n1 gallery 1\n1 gallery 2\n1 probe 3\n",
          "trial 1: person 1 has two pictures in gallery");
}

}  // namespace
}  // namespace fr
