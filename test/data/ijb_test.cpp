// The lists of IJB, written by the test: NIST no longer hands the sets out.
#include "data/ijb.h"

#include "test/data/temporary.h"

namespace fr {
namespace {

const char* kMembers = "1.jpg 17 5\n2.jpg\t17\t5\r\n3.jpg 17 6\n\n4.jpg 900000000 7\n1.jpg 3 5\n";
const char* kLandmarks =
    "1.jpg 1 2 3 4 5 6 7 8 9 10 0.5\n3.jpg -1.5 0 0 0 0 0 0 0 0 2e2 1\n2.jpg 0 0 0 0 0 0 0 0 0 0 0\n"
    "4.jpg 0 0 0 0 0 0 0 0 0 0 0.25\n9.jpg 0 0 0 0 0 0 0 0 0 0 0.25\n";

struct IjbListTest : testing::Test {
  TemporaryFolder folder;
  IjbSet read(const std::string& members, const std::string& landmarks = "",
              const IjbOptions& options = {.check_files = false}) {
    const fs::path list = folder.put("tid_mid.txt", members);
    return read_ijb(list, landmarks.empty() ? fs::path() : folder.put("5pts.txt", landmarks), folder.path,
                    options);
  }
  IjbPairs pairs(const std::string& text, const std::string& members = kMembers) {
    return read_ijb_pairs(folder.put("label.txt", text), read(members));
  }
  IjbSubjects subjects(const std::string& text) {
    return read_ijb_subjects(folder.put("G1.csv", text), read(kMembers));
  }
};

bool noted(const std::vector<std::string>& notes, const std::string& part) {
  for (const std::string& note : notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

TEST_F(IjbListTest, Members) {
  const IjbSet set = read(kMembers, kLandmarks);
  EXPECT_EQ(set.pictures, (std::vector<std::string>{"1.jpg", "2.jpg", "3.jpg", "4.jpg"}));
  EXPECT_EQ(set.template_ids, (std::vector<int64_t>{17, 900000000, 3}));
  ASSERT_EQ(set.members.size(), 5u);
  EXPECT_EQ(set.members[4].picture, 0);
  EXPECT_EQ(set.members[4].template_place, 2);
  EXPECT_EQ(set.members[2].media, 6);
  EXPECT_EQ(set.first_member, (std::vector<int32_t>{0, 3, 4}));
  EXPECT_EQ(set.place(900000000), 1);
  EXPECT_EQ(set.place(18), -1);
  EXPECT_EQ(set.landmarks[0][4].y, 10);
  EXPECT_EQ(set.landmarks[2][0].x, -1.5);
  EXPECT_EQ(set.landmarks[2][4].y, 200);
  EXPECT_EQ(set.detector_scores, (std::vector<float>{0.5f, 0, 1, 0.25f}));
  EXPECT_TRUE(noted(set.notes, "1 pictures are in no template"));
}

TEST_F(IjbListTest, MalformedMembersAndLandmarks) {
  const auto refused = [&](const std::string& members, const std::string& landmarks, const char* part) {
    EXPECT_ERROR(data, part, read(members, landmarks));
  };
  refused("", "", "tid_mid.txt: no pictures");
  refused("1.jpg 1\n", "", "tid_mid.txt:1: 'picture template media' expected, got '1.jpg 1'");
  refused("1.jpg 1 2 3\n", "", "tid_mid.txt:1: 'picture template media'");
  refused("1.jpg 1 2\n2.jpg x 2\n", "",
          "tid_mid.txt:2: number of a template: an integer 0..2147483647 expected, got 'x'");
  refused("1.jpg 2147483648 2\n", "", "tid_mid.txt:1: number of a template");
  refused("1.jpg -1 2\n", "", "tid_mid.txt:1: number of a template");
  refused("1.jpg 1 99999999999999999\n", "", "tid_mid.txt:1: number of a medium");
  refused("1.jpg 1 2\n1.jpg 1 3\n", "", "tid_mid.txt:2: picture 1.jpg is in template 1 already");
  refused("1.jpg 1 2\n", "1.jpg 1 2 3 4 5 6 7 8 9 10\n", "5pts.txt:1: 'picture x1 y1");
  refused("1.jpg 1 2\n", "1.jpg 1 2 3 4 5 6 7 8 9 10 1 1\n", "5pts.txt:1: 'picture x1 y1");
  refused("1.jpg 1 2\n", "1.jpg 1 2 3 nan 5 6 7 8 9 10 1\n", "5pts.txt:1: y of a landmark: a number");
  refused("1.jpg 1 2\n", "1.jpg 1 2 3 4 1e7 6 7 8 9 10 1\n",
          "5pts.txt:1: x of a landmark: a number -1e+06..1e+06 expected");
  refused("1.jpg 1 2\n", "1.jpg 1 2 3 4 5 6 7 8 9 10 1.5\n",
          "5pts.txt:1: score of the detector: a number 0..1 expected");
  refused("1.jpg 1 2\n", "2.jpg 1 2 3 4 5 6 7 8 9 10 1\n", "5pts.txt: no line for picture 1.jpg");
  const std::string line = "1.jpg 1 2 3 4 5 6 7 8 9 10 1\n";
  refused("1.jpg 1 2\n", line + line, "5pts.txt:2: a second line of picture 1.jpg");
  EXPECT_ERROR(io, "none.txt", read_ijb(folder.path / "none.txt", "", folder.path));
}

TEST_F(IjbListTest, MissingPictures) {
  folder.put("2.jpg", "x"), folder.put("3.jpg", "x");
  EXPECT_ERROR(data, "tid_mid.txt: 2 of 4 pictures missing in", read(kMembers, "", {}));
  EXPECT_ERROR(data, ": 1.jpg, 4.jpg", read(kMembers, "", {}));
  const IjbOptions drop{.missing = Missing::drop};
  const IjbSet set = read(kMembers, kLandmarks, drop);
  EXPECT_EQ(set.pictures, (std::vector<std::string>{"2.jpg", "3.jpg"}));
  EXPECT_EQ(set.first_member, (std::vector<int32_t>{0, -1, -1}));
  EXPECT_EQ(set.detector_scores, (std::vector<float>{0, 1}));
  ASSERT_EQ(set.members.size(), 2u);
  EXPECT_EQ(set.members[1].picture, 1);
  EXPECT_TRUE(noted(set.notes, "left out: 2 of 4 pictures"));
  EXPECT_TRUE(noted(set.notes, "left out: 2 templates without any picture"));
  EXPECT_ERROR(data, "label.txt: no pairs", read_ijb_pairs(folder.put("label.txt", "17 3 0\n"), set));
  const IjbSubjects left = read_ijb_subjects(folder.put("p.csv", "TEMPLATE_ID,SUBJECT_ID\n17,1\n3,1\n"), set);
  EXPECT_EQ(left.templates, (std::vector<int32_t>{0}));
  EXPECT_TRUE(noted(left.notes, "left out: 1 templates of p.csv"));
  EXPECT_ERROR(data, "pictures missing", read("7.jpg 1 1\n", "", drop));
}

TEST_F(IjbListTest, Pairs) {
  const IjbPairs p = pairs("17 3 1\n3\t900000000\t0\n17 900000000 0\n3 17 1\n");
  EXPECT_EQ(p.a, (std::vector<int32_t>{0, 2, 0, 2}));
  EXPECT_EQ(p.b, (std::vector<int32_t>{2, 1, 1, 0}));
  EXPECT_EQ(p.same, (std::vector<uint8_t>{1, 0, 0, 1}));
  EXPECT_TRUE(noted(p.notes, "1 pairs occur more than once"));
}

TEST_F(IjbListTest, MalformedPairs) {
  EXPECT_ERROR(data, "label.txt: no pairs", pairs("\n"));
  EXPECT_ERROR(data, "label.txt:2: 'template template label' expected, got '17 3'", pairs("17 3 1\n17 3\n"));
  EXPECT_ERROR(data, "label.txt:1: template 18 has no pictures", pairs("17 18 1\n"));
  EXPECT_ERROR(data, "label.txt:1: label: an integer 0..1 expected, got '2'", pairs("17 3 2\n"));
  EXPECT_ERROR(data, "label.txt:1: template 17 is paired with itself", pairs("17 17 1\n"));
  EXPECT_ERROR(data, "label.txt: templates 17 and 3 are a pair with label 0 and with label 1",
               pairs("17 3 1\n3 17 0\n"));
}

TEST_F(IjbListTest, Subjects) {
  const IjbSubjects s = subjects("Template_id,FILENAME,SUBJECT_ID\r\n17,\"img/1,2.jpg\",8\n17,x,8\n3,y,9\n");
  EXPECT_EQ(s.templates, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(s.subjects, (std::vector<int64_t>{8, 9}));
}

TEST_F(IjbListTest, MalformedSubjects) {
  EXPECT_ERROR(data, "G1.csv: no templates", subjects(""));
  EXPECT_ERROR(data, "G1.csv: no templates", subjects("TEMPLATE_ID,SUBJECT_ID\n"));
  EXPECT_ERROR(data, "G1.csv:1: a header with the column TEMPLATE_ID expected", subjects("17,8\n"));
  EXPECT_ERROR(data, "G1.csv:1: a header with the column SUBJECT_ID expected",
               subjects("TEMPLATE_ID,SUBJECT\n"));
  EXPECT_ERROR(data, "G1.csv:2: 2 columns expected, as in the header, got 3",
               subjects("TEMPLATE_ID,SUBJECT_ID\n17,8,1\n"));
  EXPECT_ERROR(data, "G1.csv:2: template 4 has no pictures", subjects("TEMPLATE_ID,SUBJECT_ID\n4,8\n"));
  EXPECT_ERROR(data, "G1.csv:2: number of a subject", subjects("TEMPLATE_ID,SUBJECT_ID\n17,x\n"));
  EXPECT_ERROR(data, "G1.csv:3: template 17 is of subject 9 and of subject 8",
               subjects("TEMPLATE_ID,SUBJECT_ID\n17,8\n17,9\n"));
}

}  // namespace
}  // namespace fr
