// The features of a run: their file, their figures.
#include "fr/features.h"

#include <gtest/gtest.h>

#include "test/data/temporary.h"

namespace fr {
namespace {

ReportFeatures features(int64_t D) {
  ReportFeatures f;
  f.title = "A-Softmax <m = 4>", f.D = D;
  for (int64_t i = 0; i < 40; ++i) {
    f.labels.push_back(i % 4);
    for (int64_t d = 0; d < D; ++d) f.values.push_back(float(d == i % 4 % D ? 3 : 0.1 * double(i % 5)));
  }
  for (int64_t i = 0; i < 4 * D; ++i) f.class_weights.push_back(float(i % 3) - 1.25f);
  return f;
}

TEST(Features, AreReadAsTheyWereWritten) {
  const TemporaryFolder folder;
  const ReportFeatures f = features(3);
  write_features(folder.path / "features.csv", f);
  const ReportFeatures g = read_features(folder.path / "features.csv");
  EXPECT_EQ(g.D, 3);
  EXPECT_EQ(g.values, f.values);
  EXPECT_EQ(g.labels, f.labels);
  EXPECT_EQ(g.class_weights, f.class_weights);
}

TEST(Features, ABrokenFileIsNamedWithItsLine) {
  const TemporaryFolder folder;
  const auto reading = [&](const char* text) { read_features(folder.put("f.csv", text)); };
  EXPECT_ERROR(data, "f.csv:1: expected the header", reading("label,x1\n"));
  EXPECT_ERROR(data, "f.csv:3: expected picture or class",
               reading("kind,label,x1,x2\npicture,0,1,2\npicture,0,1\n"));
  EXPECT_ERROR(data, "f.csv:2: not a number: 'x'", reading("kind,label,x1,x2\npicture,0,x,2\n"));
  EXPECT_ERROR(data, "no picture", reading("kind,label,x1,x2\nclass,0,1,2\n"));
  EXPECT_ERROR(io, "nothing.csv", read_features(folder.path / "nothing.csv"));
}

int64_t count_of(const std::string& text, const std::string& part) {
  int64_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Features, AreDrawnInThePlaneOnTheCircleAndOnTheSphere) {
  const std::string plane = render_features({features(2)}), sphere = render_features({features(3)});
  EXPECT_EQ(count_of(plane, "The plane of the features"), 1);
  EXPECT_EQ(count_of(plane, "On the unit circle"), 1);
  EXPECT_EQ(count_of(sphere, "On the unit sphere"), 1);
  EXPECT_EQ(count_of(sphere, "The other side"), 1);
  for (const std::string& page : {plane, sphere}) {
    EXPECT_EQ(count_of(page, "Angles of pairs"), 1);
    EXPECT_EQ(count_of(page, "A-Softmax &lt;m = 4&gt;"), 1);
    EXPECT_EQ(count_of(page, "nan"), 0);
  }
  const std::string many = render_features({features(8)});
  EXPECT_EQ(count_of(many, "Angles of pairs"), 1);
  EXPECT_EQ(count_of(many, "On the unit"), 0);
}

// All 40 pictures are drawn, each once on the plane and once on the circle; zero vectors have no direction.
TEST(Features, EveryPictureIsADot) {
  ReportFeatures f = features(2);
  f.class_weights.clear();
  EXPECT_EQ(count_of(render_features({f}), "h0"), 80);
  f.values[0] = f.values[1] = 0;
  EXPECT_EQ(count_of(render_features({f}), "h0"), 79);
  f.values[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(count_of(render_features({f}), "nan"), 0);
}

}  // namespace
}  // namespace fr
