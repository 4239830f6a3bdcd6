// The synthetic faces: deterministic, in range, as frequent as asked, and neither trivial nor hopeless to tell apart.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "data/synthetic/dataset.h"

namespace fr {
namespace {

Image picture(int64_t identity, int64_t sample, int size = 112, uint64_t seed = 3) {
  return render_face(seed, draw_identity(seed, identity), identity, sample, size);
}

double mean_level(const Image& image) {
  double sum = 0;
  for (uint8_t v : image.pixels) sum += v;
  return sum / static_cast<double>(image.pixels.size());
}

// Largest share of pixels that a copy with other content could have in common by chance is far below one half.
double share_equal(const Image& a, const Image& b) {
  size_t equal = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) equal += a.pixels[i] == b.pixels[i];
  return static_cast<double>(equal) / static_cast<double>(a.pixels.size());
}

// 32x32 grey levels by averaging the pixels under each cell.
std::vector<float> small_grey(const Image& image) {
  constexpr int n = 32;
  std::vector<float> out(n * n);
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const int x0 = x * image.width / n, x1 = (x + 1) * image.width / n;
      const int y0 = y * image.height / n, y1 = (y + 1) * image.height / n;
      float sum = 0;
      for (int j = y0; j < y1; ++j) {
        for (int i = x0; i < x1; ++i) {
          const uint8_t* p = image.at(i, j);
          sum += 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        }
      }
      out[y * n + x] = sum / static_cast<float>((x1 - x0) * (y1 - y0));
    }
  }
  return out;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / std::sqrt(std::max(1e-12, aa * bb));
}

// Of the best single threshold. Both lists have equal length.
double best_accuracy(const std::vector<double>& genuine, const std::vector<double>& impostor) {
  std::vector<std::pair<double, int>> all;
  for (double s : genuine) all.push_back({s, 1});
  for (double s : impostor) all.push_back({s, 0});
  std::sort(all.rbegin(), all.rend());
  double right = static_cast<double>(impostor.size()), best = right;
  for (const auto& [score, same] : all) best = std::max(best, right += same ? 1 : -1);
  return best / static_cast<double>(all.size());
}

TEST(Synthetic, SameKeySameBytesWhateverTheOrderAndTheThreads) {
  constexpr int64_t n = 24;
  std::vector<Image> one(n), many(n);
  const int before = threads();
  set_threads(1);
  for (int64_t i = n - 1; i >= 0; --i) one[i] = picture(i / 3, i % 3);
  set_threads(4);
  parallel_for(n, [&](int64_t i) { many[i] = picture(i / 3, i % 3); });
  set_threads(before);
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(one[i], many[i]) << i;
  EXPECT_LT(share_equal(picture(5, 0), picture(5, 1)), 0.5);
  EXPECT_LT(share_equal(picture(5, 0), picture(6, 0)), 0.5);
  EXPECT_LT(share_equal(picture(5, 0), picture(5, 0, 112, 4)), 0.5);
  EXPECT_LT(share_equal(picture(5, 0), picture(5, int64_t{1} << 16)), 0.5);  // beyond the bits of the stream
}

// Buffers are kept from picture to picture, and rows whose length is not a multiple of four end in a shifted group.
TEST(Synthetic, NothingIsLeftOverFromOtherPictures) {
  for (int size : {33, 45, 62, 112}) {
    Image first;
    std::thread([&] { first = picture(5, 0, size); }).join();
    picture(6, 1, 160), picture(7, 2, size);
    EXPECT_EQ(first, picture(5, 0, size)) << size;
  }
}

TEST(Synthetic, TraitsAreInRangeAndNoTwoPeopleAreEqual) {
  std::set<std::array<float, kTraits>> seen;
  std::array<double, kTraits> low, high;
  low.fill(1e9), high.fill(-1e9);
  for (int64_t i = 0; i < 3000; ++i) {
    const Identity p = draw_identity(7, i);
    for (int t = 0; t < kTraits; ++t) {
      const TraitInfo& info = trait_info(static_cast<Trait>(t));
      ASSERT_TRUE(p.traits[t] >= info.low && p.traits[t] <= info.high) << info.name << " = " << p.traits[t];
      low[t] = std::min<double>(low[t], p.traits[t]), high[t] = std::max<double>(high[t], p.traits[t]);
    }
    ASSERT_LE(p.mark_count, static_cast<int>(p.marks.size()));
    EXPECT_TRUE(seen.insert(p.traits).second) << "person " << i << " is an earlier one";
  }
  for (int t = 0; t < kTraits; ++t) {  // no trait is constant
    const TraitInfo& info = trait_info(static_cast<Trait>(t));
    EXPECT_GT(high[t] - low[t], 0.6 * (info.high - info.low)) << info.name;
  }
}

TEST(Synthetic, GroupSharesAreTheOnesAsked) {
  constexpr int n = 20000;
  const GroupShares other = {1, 0, 0, 3};
  std::array<int, kGroups> count{}, asked{};
  for (int64_t i = 0; i < n; ++i)
    ++count[draw_identity(1, i).group], ++asked[draw_identity(1, i, other).group];
  for (int g = 0; g < kGroups; ++g) {  // five standard deviations of a binomial
    const double p = kLongTail[g], q = other[g] / 4;
    EXPECT_NEAR(count[g], n * p, 5 * std::sqrt(n * p * (1 - p))) << "group " << g;
    EXPECT_NEAR(asked[g], n * q, 5 * std::sqrt(n * q * (1 - q))) << "group " << g;
  }
  EXPECT_THROW(draw_identity(1, 0, {0, 0, 0, 0}), std::invalid_argument);
  EXPECT_THROW(draw_identity(1, 0, {1, -1, 1, 1}), std::invalid_argument);
}

TEST(Synthetic, GroupsDiffer) {
  std::array<double, kGroups> melanin{}, level{};
  for (int g = 0; g < kGroups; ++g) {
    GroupShares only{};
    only[g] = 1;
    for (int64_t i = 0; i < 60; ++i) {
      const Identity p = draw_identity(2, i, only);
      melanin[g] += p[Trait::melanin] / 60, level[g] += mean_level(render_face(2, p, i, 0, 56)) / 60;
    }
  }
  EXPECT_GT(melanin[2], melanin[1] + 0.2);
  EXPECT_GT(melanin[1], melanin[0] + 0.08);
  EXPECT_GT(level[0], level[2]);
}

TEST(Synthetic, SizesAndBrightness) {
  for (int size : {32, 56, 112, 160}) {
    double mean = 0, darkest = 255, brightest = 0;
    for (int64_t i = 0; i < 40; ++i) {
      const Image image = picture(i, i, size);
      ASSERT_EQ(image.width, size);
      ASSERT_EQ(image.height, size);
      ASSERT_EQ(image.channels, 3);
      const double level = mean_level(image);
      mean += level / 40, darkest = std::min(darkest, level), brightest = std::max(brightest, level);
    }
    EXPECT_TRUE(mean > 80 && mean < 165) << mean;
    EXPECT_GT(darkest, 12) << "a black picture";
    EXPECT_LT(brightest, 248) << "a white picture";
  }
  EXPECT_THROW(picture(0, 0, 31), std::invalid_argument);
  EXPECT_THROW(picture(0, 0, 513), std::invalid_argument);
}

// The same scene at two sizes is the same picture: after reduction to 32x32 they nearly agree.
TEST(Synthetic, SizeOnlyChangesTheResolution) {
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_GT(cosine(small_grey(picture(i, 0, 112)), small_grey(picture(i, 0, 224))), 0.995) << i;
  }
}

TEST(Synthetic, PixelsAloneDoNotTellWhoIsWho) {
  constexpr int64_t people = 240;
  constexpr int views = 4;
  std::vector<std::vector<float>> grey(people * views);
  parallel_for(people * views, [&](int64_t i) { grey[i] = small_grey(picture(i / views, i % views)); });
  Random random({5, Purpose::test, 0, 0});
  std::vector<double> genuine, impostor;
  for (int64_t p = 0; p < people; ++p) {
    for (int a = 0; a < views; ++a) {
      for (int b = 0; b < a; ++b) {
        genuine.push_back(cosine(grey[p * views + a], grey[p * views + b]));
        const int64_t q = (p + 1 + random.below(people - 1)) % people;
        impostor.push_back(cosine(grey[p * views + a], grey[q * views + b]));
      }
    }
  }
  const double accuracy = best_accuracy(genuine, impostor);
  std::cout << "cosine of 32x32 pixels: " << 100 * accuracy << " % of " << 2 * genuine.size() << " pairs\n";
  EXPECT_GT(accuracy, 0.55);
  EXPECT_LT(accuracy, 0.75);
}

TEST(Synthetic, ReportsItsSpeed) {
  picture(0, 0);
  timespec begin{}, end{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  constexpr int n = 200;
  double level = 0;
  for (int i = 0; i < n; ++i) level += mean_level(picture(i / 4, i));
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  const double seconds = static_cast<double>(end.tv_sec - begin.tv_sec) +
                         1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
  std::cout << n / seconds << " pictures/s on one core (JPEG loss included)\n";
  EXPECT_GT(level, 0);
}

TEST(SyntheticDataset, CountsHaveALongTail) {
  SyntheticOptions o;
  o.identities = 2000, o.min_samples = 3, o.max_samples = 50;
  const std::vector<SyntheticSample> list = list_samples(o);
  std::vector<int64_t> count(o.identities);
  for (const SyntheticSample& s : list) {
    EXPECT_EQ(s.sample, count[s.identity]);
    ++count[s.identity];
  }
  std::sort(count.begin(), count.end());
  EXPECT_GE(count.front(), 3);
  EXPECT_LE(count.back(), 50);
  EXPECT_GT(count.back(), 45);
  EXPECT_LT(count[1000], 9);  // the median is near 3 * 17^(1/4) = 6.1
  o.min_samples = o.max_samples = 7;
  EXPECT_EQ(list_samples(o).size(), 14000u);
  o.max_samples = 6;
  EXPECT_THROW(list_samples(o), std::invalid_argument);
}

TEST(SyntheticDataset, PairsAreBalancedDistinctAndDisjointBetweenFolds) {
  SyntheticOptions o;
  o.identities = 100, o.first_identity = 50, o.min_samples = o.max_samples = 6;
  const std::vector<SyntheticPair> pairs = draw_pairs(o, 1000);
  ASSERT_EQ(pairs.size(), 1000u);
  std::set<std::string> seen;
  std::vector<int> fold_of(200, -1);
  int genuine = 0;
  for (const SyntheticPair& p : pairs) {
    genuine += p.same();
    EXPECT_NE(picture_path(p.a), picture_path(p.b));
    EXPECT_TRUE(seen.insert(picture_path(p.a) + picture_path(p.b)).second);
    for (const SyntheticSample* s : {&p.a, &p.b}) {
      int& fold = fold_of[s->identity];
      EXPECT_TRUE(fold == -1 || fold == p.fold) << "person " << s->identity << " is in two folds";
      fold = p.fold;
    }
  }
  EXPECT_EQ(genuine, 500);
  o.impostors = 4;
  const std::vector<SyntheticPair> more = draw_pairs(o, 1000);
  EXPECT_EQ(more.size(), 1000u);
  EXPECT_EQ(std::count_if(more.begin(), more.end(), [](const SyntheticPair& p) { return p.same(); }), 200);
  o.identities = 2, o.min_samples = o.max_samples = 2;  // only 2 genuine and 4 impostor pairs exist
  EXPECT_EQ(draw_pairs(o, 1000).size(), 5u);
  o.impostors = 1;
  EXPECT_EQ(draw_pairs(o, 1000).size(), 4u);
  o.impostors = 0;
  EXPECT_THROW(draw_pairs(o, 1000), std::invalid_argument);
}

TEST(SyntheticDataset, WritesTheFolderATrainerReads) {
  const fs::path root = fs::temp_directory_path() / cat("synthetic_test_", getpid());
  SyntheticOptions o;
  o.identities = 6, o.min_samples = 2, o.max_samples = 4, o.size = 56;
  write_dataset(root, o, 90, 10);
  const std::vector<SyntheticSample> list = list_samples(o);
  std::ifstream labels(root / "labels.txt");
  std::string path;
  int64_t label = -1;
  for (const SyntheticSample& s : list) {
    ASSERT_TRUE(labels >> path >> label);
    EXPECT_EQ(path, picture_path(s));
    EXPECT_EQ(label, s.identity);
    const Image image = load_image(root / path);
    EXPECT_EQ(image.width, 56);
    EXPECT_GT(cosine(small_grey(image), small_grey(render_face(o, s))), 0.99);
  }
  EXPECT_FALSE(labels >> path);
  EXPECT_EQ(read_text(root / "pairs.csv").substr(0, 14), "fold,a,b,same\n");
  const std::string groups = read_text(root / "groups.txt");
  EXPECT_EQ(std::count(groups.begin(), groups.end(), '\n'), 6);
  EXPECT_EQ(groups.substr(0, groups.find('\n')), class_name(list[0]) + "\tg" + std::to_string(list[0].group));
  fs::remove_all(root);
  EXPECT_THROW(write_dataset("/proc/nowhere", o, 90, 10), Error);
}

TEST(SyntheticDataset, ContactSheetShowsThePictures) {
  SyntheticOptions o;
  o.size = 56, o.first_identity = 9;
  const Image sheet = contact_sheet(o, 2, 3);
  ASSERT_EQ(sheet.width, 3 * 56);
  ASSERT_EQ(sheet.height, 2 * 56);
  const Image face = render_face(o, {10, 2, 0});
  EXPECT_TRUE(std::equal(face.at(0, 7), face.at(0, 8), sheet.at(2 * 56, 56 + 7)));
}

}  // namespace
}  // namespace fr
