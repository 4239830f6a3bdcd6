// Rendering styles: snapshots are what they were, a picture is a pure function of its key, and each style has its own statistics.
#include <gtest/gtest.h>

#include <set>

#include "base/parallel.h"
#include "data/synthetic/dataset.h"

namespace fr {
namespace {

Image picture(int64_t identity, int64_t sample, int style, int size = 112) {
  return render_face(3, draw_identity(3, identity), identity, sample, size, 1, style);
}

// Means over pictures of 24 people, in grey levels.
struct Statistics {
  double level = 0, colour = 0, detail = 0, right_to_left = 0;
  std::array<double, 3> channel{};
};

// level: of all pixels; colour: the largest less the smallest channel; detail: difference to the right neighbour; right_to_left:
// |mean of the right half less that of the left half| of the middle of the face.
Statistics statistics(int style) {
  constexpr int kPeople = 24, n = 112;
  Statistics of;
  for (int64_t person = 0; person < kPeople; ++person) {
    const Image image = picture(person, 1, style);
    double right = 0, left = 0;
    for (int y = 0; y < n; ++y) {
      for (int x = 0; x + 1 < n; ++x) {
        const uint8_t *p = image.at(x, y), *next = image.at(x + 1, y);
        const double share = 1.0 / (kPeople * n * (n - 1));
        of.level += share * (p[0] + p[1] + p[2]) / 3;
        of.colour += share * (std::max({p[0], p[1], p[2]}) - std::min({p[0], p[1], p[2]}));
        of.detail += share * std::abs(p[1] - next[1]);
        if (y > 50 && y < 90 && x > 30 && x < 82) (x < 56 ? left : right) += p[1] / (26.0 * 39);
        for (int c = 0; c < 3; ++c) of.channel[c] += share * p[c];
      }
    }
    of.right_to_left += std::abs(right - left) / kPeople;
  }
  return of;
}

// Sums over the red, green and blue pixels of eight pictures at 56x56. The C library's exp and pow and the JPEG
// library may move a pixel by one level; another draw moves the sums by hundreds of times the tolerance.
TEST(SyntheticStyle, SnapshotsAreWhatTheyWere) {
  constexpr int64_t kSums[4][2][3] = {{{363618, 306969, 281759}, {458145, 404980, 324950}},
                                      {{370727, 316381, 302041}, {544738, 490779, 479174}},
                                      {{573692, 555704, 523725}, {692657, 632352, 541680}},
                                      {{424131, 392728, 355101}, {488617, 413353, 340641}}};
  for (int64_t person = 0; person < 4; ++person) {
    for (int64_t sample = 0; sample < 2; ++sample) {
      const Image image = picture(person, sample, 0, 56);
      std::array<int64_t, 3> sum{};
      for (size_t i = 0; i < image.pixels.size(); ++i) sum[i % 3] += image.pixels[i];
      for (int c = 0; c < 3; ++c)
        EXPECT_NEAR(double(sum[c]), double(kSums[person][sample][c]), 300) << person << " " << sample;
      EXPECT_EQ(image, render_face(3, draw_identity(3, person), person, sample, 56));
    }
  }
}

TEST(SyntheticStyle, SameKeySameBytesWhateverTheOrderAndTheThreads) {
  constexpr int64_t n = 4 * kStyles;
  std::vector<Image> one(n), many(n);
  const int before = threads();
  set_threads(1);
  for (int64_t i = n - 1; i >= 0; --i) one[i] = picture(i / kStyles, 2, int(i % kStyles));
  set_threads(4);
  parallel_for(n, [&](int64_t i) { many[i] = picture(i / kStyles, 2, int(i % kStyles)); });
  set_threads(before);
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_EQ(one[i], many[i]) << i;
    for (int64_t j = 0; j < i; ++j) EXPECT_NE(one[i], one[j]) << i << " " << j;
  }
}

TEST(SyntheticStyle, EverySizeInEveryStyle) {
  for (int style = 0; style < kStyles; ++style) {
    for (int size : {32, 33, 64, 112, 160}) {
      const Image image = picture(7, 0, style, size);
      EXPECT_EQ(image.width, size) << style_name(style);
      EXPECT_EQ(image.height, size) << style_name(style);
    }
    for (double difficulty : {0.0, 4.0})
      EXPECT_EQ(render_face(3, draw_identity(3, 1), 1, 0, 48, difficulty, style).width, 48);
  }
  EXPECT_THROW(picture(0, 0, kStyles), std::invalid_argument);
  EXPECT_THROW(picture(0, 0, -1), std::invalid_argument);
  EXPECT_THROW(style_name(kStyles), std::invalid_argument);
}

TEST(SyntheticStyle, StylesAreDomains) {
  std::array<Statistics, kStyles> of;
  parallel_for(kStyles, [&](int64_t style) { of[style] = statistics(int(style)); });
  const auto& [snapshot, studio, surveillance, infrared, stage] = of;
  for (int style = 0; style < kStyles; ++style) {
    const Statistics& s = of[style];
    std::cout << style_name(style) << ": level " << s.level << ", colour " << s.colour << ", detail "
              << s.detail << ", right to left " << s.right_to_left << "\n";
    EXPECT_TRUE(s.level > 30 && s.level < 200) << style_name(style);
  }
  EXPECT_LT(infrared.colour, 4);
  EXPECT_GT(snapshot.colour, 15);
  EXPECT_LT(surveillance.colour, 0.7 * snapshot.colour);
  EXPECT_GT(stage.colour, 1.5 * snapshot.colour);
  EXPECT_LT(surveillance.detail, 0.8 * studio.detail);
  EXPECT_GT(studio.level, 1.2 * infrared.level);
  EXPECT_GT(stage.right_to_left, 1.3 * studio.right_to_left);
  EXPECT_GT(surveillance.channel[1], surveillance.channel[0]);  // greenish
}

TEST(SyntheticStyle, WhoIsInThePictureAndHowManyDoNotDependOnIt) {
  SyntheticOptions o;
  o.identities = 20, o.size = 48;
  const std::vector<SyntheticSample> snapshots = list_samples(o);
  o.style = 2;
  const std::vector<SyntheticSample> others = list_samples(o);
  ASSERT_EQ(snapshots.size(), others.size());
  std::set<std::string> names;
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_EQ(others[i].identity, snapshots[i].identity);
    EXPECT_EQ(others[i].group, snapshots[i].group);
    EXPECT_EQ(picture_path(others[i]).substr(0, 3), "s2_");
    names.insert(picture_path(snapshots[i])), names.insert(picture_path(others[i]));
  }
  EXPECT_EQ(names.size(), 2 * others.size());
  EXPECT_EQ(render_face(o, others[5]), render_face(o.seed, draw_identity(o.seed, others[5].identity),
                                                   others[5].identity, others[5].sample, 48, 1, 2));
  EXPECT_EQ(class_name({42, 0, 1, 4}), "s4_g1_i000042");
  EXPECT_EQ(class_name({42, 0, 1}), "g1_i000042");
  const Image sheet = contact_sheet(o, 1, 1);
  EXPECT_EQ(sheet, render_face(o, {0, 0, 0, 2}));
  o.style = kStyles;
  EXPECT_THROW(list_samples(o), std::invalid_argument);
}

}  // namespace
}  // namespace fr
