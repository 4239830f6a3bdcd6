// Several data sets as one source, and epochs in which each has its own share of the draws.
#include "data/part_order.h"

#include <algorithm>
#include <map>
#include <set>

#include "data/joined_source.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

// `count` pictures of `classes` people in turn, all of one shade.
struct Shades : Source {
  Shades(int64_t pictures, int64_t people, uint8_t its) : count(pictures), classes(people), shade(its) {}
  int64_t count, classes;
  uint8_t shade;
  int64_t size() const override { return count; }
  int64_t num_classes() const override { return classes; }
  int64_t label(int64_t i) const override { return i % classes; }
  std::string name(int64_t i) const override { return cat("shade ", int(shade), " picture ", i); }
  uint64_t fingerprint() const override { return shade; }
  Image load(int64_t) const override {
    Image image(8, 8);
    std::fill(image.pixels.begin(), image.pixels.end(), shade);
    return image;
  }
};
JoinedSource three() {
  return JoinedSource({std::make_shared<Shades>(60, 3, uint8_t{10}),
                       std::make_shared<Shades>(10, 1, uint8_t{20}),
                       std::make_shared<Shades>(30, 15, uint8_t{30})});
}

TEST(JoinedSource, PicturesAndClassesStandOneBehindTheOther) {
  const JoinedSource source = three();
  EXPECT_EQ(source.size(), 100);
  EXPECT_EQ(source.num_classes(), 19);
  EXPECT_EQ(source.first_picture(), (std::vector<int64_t>{0, 60, 70, 100}));
  EXPECT_EQ(source.first_class(), (std::vector<int64_t>{0, 3, 4, 19}));
  const std::vector<std::tuple<int64_t, int64_t, int>> expected = {{0, 0, 10},  {59, 2, 10}, {60, 3, 20},
                                                                   {69, 3, 20}, {70, 4, 30}, {99, 18, 30}};
  for (const auto& [i, label, shade] : expected) {
    EXPECT_EQ(source.label(i), label) << i;
    EXPECT_EQ(source.load(i).pixels[0], shade) << i;
  }
  EXPECT_EQ(source.name(71), "shade 30 picture 1");
  EXPECT_THROW(source.label(100), std::invalid_argument);
  EXPECT_THROW(JoinedSource({}), std::invalid_argument);
}

TEST(JoinedSource, TheFingerprintIsThatOfAllInTheirOrder) {
  const auto a = std::make_shared<Shades>(6, 3, uint8_t{1}), b = std::make_shared<Shades>(6, 3, uint8_t{2});
  const uint64_t ab = JoinedSource({a, b}).fingerprint();
  EXPECT_EQ(ab, JoinedSource({a, b}).fingerprint());
  EXPECT_NE(ab, JoinedSource({b, a}).fingerprint());
  EXPECT_NE(ab, JoinedSource({a}).fingerprint());
  EXPECT_NE(ab, JoinedSource({a, std::make_shared<Shades>(6, 3, uint8_t{3})}).fingerprint());
}

std::vector<LoaderPart> parts(double a, double b, double c) {
  return {{0, 60, a}, {60, 70, b}, {70, 100, c}};
}

TEST(PartOrder, DrawsAreTheSharesRounded) {
  EXPECT_EQ(draws_of_parts(parts(1, 1, 1), 100), (std::vector<int64_t>{34, 33, 33}));
  EXPECT_EQ(draws_of_parts(parts(0.6, 0.1, 0.3), 100), (std::vector<int64_t>{60, 10, 30}));
  EXPECT_EQ(draws_of_parts(parts(1, 2, 1e-6), 10), (std::vector<int64_t>{3, 7, 0}));
  EXPECT_EQ(draws_of_parts({{0, 5, 3}}, 7), (std::vector<int64_t>{7}));
}

TEST(PartOrder, UniformWithinAPart) {
  const JoinedSource source = three();
  LoaderOptions o;
  o.parts = parts(1, 1, 2), o.seed = 3;
  const std::vector<int64_t> order = epoch_order(source, o, 5);
  ASSERT_EQ(order.size(), 100u);
  std::map<int64_t, int64_t> times;
  for (int64_t i : order) ++times[i];
  int64_t of[3] = {0, 0, 0};
  for (const auto& [i, n] : times) {
    const int k = i < 60 ? 0 : i < 70 ? 1 : 2;
    of[k] += n;
    EXPECT_LE(n, k == 0 ? 1 : k == 1 ? 3 : 2) << i;
    EXPECT_GE(n, k == 0 ? 1 : k == 1 ? 2 : 1) << i;
  }
  EXPECT_EQ(of[0], 25);
  EXPECT_EQ(of[1], 25);
  EXPECT_EQ(of[2], 50);
  // Mixed: no data set has the first or the last third for itself.
  for (size_t third = 0; third < 3; ++third) {
    std::set<int> seen;
    for (size_t j = third * 33; j < third * 33 + 33; ++j)
      seen.insert(order[j] < 60 ? 0 : order[j] < 70 ? 1 : 2);
    EXPECT_EQ(seen.size(), 3u);
  }
  EXPECT_EQ(order, epoch_order(source, o, 5));
  EXPECT_NE(order, epoch_order(source, o, 6));
}

TEST(PartOrder, BalancedWithinAPart) {
  const JoinedSource source = three();
  LoaderOptions o;
  o.parts = parts(1, 1, 2), o.order = Order::balanced;
  std::map<int64_t, int64_t> of_class;
  for (int64_t i : epoch_order(source, o, 2)) ++of_class[source.label(i)];
  for (int64_t m = 0; m < 3; ++m) EXPECT_NEAR(double(of_class[m]), 25.0 / 3, 1) << m;
  EXPECT_EQ(of_class[3], 25);
  for (int64_t m = 4; m < 19; ++m) EXPECT_NEAR(double(of_class[m]), 50.0 / 15, 1) << m;
}

TEST(PartOrder, TheLoaderResumesWithinAnEpochOfShares) {
  const JoinedSource source = three();
  LoaderOptions o;
  o.batch = 20, o.height = 8, o.width = 8, o.parts = parts(1, 1, 2);
  Loader whole(source, o);
  std::vector<std::vector<int64_t>> batches;
  for (int b = 0; b < 12; ++b) batches.push_back(whole.next().indices);
  o.start_epoch = 1, o.start_batch = 2, o.threads = 1;
  Loader rest(source, o);
  for (size_t b = 7; b < 12; ++b) EXPECT_EQ(rest.next().indices, batches[b]) << b;
}

TEST(PartOrder, BadInput) {
  const JoinedSource source = three();
  const auto refused = [&](std::vector<LoaderPart> given, Order order, const std::string& words) {
    LoaderOptions o;
    o.batch = 20, o.height = 8, o.width = 8, o.parts = std::move(given), o.order = order;
    try {
      Loader loader(source, o);
      ADD_FAILURE() << "nothing was thrown: " << words;
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  refused(parts(1, 1, 1), Order::pk, "the orders pk and doppelganger have no shares of data sets");
  refused(parts(1, 0, 1), Order::uniform, "expected a share > 0, got 0");
  refused({{0, 101, 1}}, Order::uniform, "a part of the pictures 0 to 101 of 100");
  refused({{5, 5, 1}}, Order::uniform, "a part of the pictures 5 to 5 of 100");
}

}  // namespace
}  // namespace fr
