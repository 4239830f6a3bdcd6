// Lists of landmarks: read, written, refused.
#include "data/landmark_list.h"

#include <gtest/gtest.h>

#include "test/data/temporary.h"

namespace fr {
namespace {

TEST(LandmarkList, IsReadAndWritten) {
  const TemporaryFolder folder;
  const LandmarkList list = read_landmarks(
      folder.put("list",
                 "\xef\xbb\xbf"
                 "b c/2.jpg\t1\t2\t3\t4\t5.5\t6\t-7\t8\t9\t1e1\r\n\na.jpg 0.1 2 3 4 5 6 7 8 9 10\n"));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list.at("b c/2.jpg")[2].x, 5.5);
  EXPECT_EQ(list.at("b c/2.jpg")[3].x, -7);
  EXPECT_EQ(list.at("b c/2.jpg")[4].y, 10);
  EXPECT_EQ(list.at("a.jpg")[0].x, 0.1);
  const std::string text = to_text(list);
  EXPECT_EQ(text, "a.jpg\t0.1\t2\t3\t4\t5\t6\t7\t8\t9\t10\nb c/2.jpg\t1\t2\t3\t4\t5.5\t6\t-7\t8\t9\t10\n");
  EXPECT_EQ(to_text(read_landmarks(folder.put("again", text))), text);
}

TEST(LandmarkList, NamesTheLineThatIsWrong) {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& message) {
    const fs::path path = folder.put("list", text);
    EXPECT_ERROR(data, path.string() + message, read_landmarks(path));
  };
  const std::string good = "a 1 2 3 4 5 6 7 8 9 10\n";
  refuses(good + "b 1 2 3\n", ":2: expected a name and 10 coordinates, found 4 fields");
  refuses(good + "b 1 2 3 4 5 6 7 8 9 10 11\n", ":2: expected a name and 10 coordinates, found 12 fields");
  refuses("b 1 2 3 4 5 6 7 8 9 1x\n", ":1: expected a coordinate, found '1x'");
  refuses("b nan 2 3 4 5 6 7 8 9 1\n", ":1: expected a coordinate, found 'nan'");
  refuses("b 1 2 3 4 5 inf 7 8 9 1\n", ":1: expected a coordinate, found 'inf'");
  refuses(good + "\n" + good, ":3: a second time: a");
  refuses("\n", ": no landmarks");
  EXPECT_ERROR(io, "none", read_landmarks(folder.path / "none"));
}

}  // namespace
}  // namespace fr
