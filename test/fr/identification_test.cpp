// Identification as a protocol: closed and open set, several pictures of a person, faults.
#include "fr/protocol/identification.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"

namespace fr {
namespace {

// Directions in the plane, by their angles in degrees.
std::vector<float> at_angles(const std::vector<double>& degrees) {
  std::vector<float> values;
  for (const double d : degrees)
    values.push_back(float(std::cos(d * M_PI / 180))), values.push_back(float(std::sin(d * M_PI / 180)));
  return values;
}

// Enrolled at 0, 40, 80 degrees (people 0, 1, 2); probes 5 (0), 33 (0), 75 (2), 130 and 55 (3, unknown).
GalleryProbes plane() {
  GalleryProbes set;
  set.names = {"ann", "bob", "eve", "dan"};
  set.people = {0, 1, 2, 0, 0, 2, 3, 3};
  set.pictures = {"a", "b", "e", "a2", "a3", "e2", "d1", "d2"};
  set.enrolled = 3;
  return set;
}
const std::vector<double> kAngles = {0, 40, 80, 5, 33, 75, 130, 55};

ProtocolResult evaluate(const GalleryProbes& set, const std::vector<double>& angles,
                        IdentificationOptions options = {}, int64_t replicates = 50) {
  const std::vector<float> values = at_angles(angles);
  ProtocolOptions o;
  o.bootstrap.replicates = replicates, o.card = {.5};
  return identification(set, std::move(options))
      ->evaluate({{values, int64_t(angles.size()), 2}}, *make_calibrator({}), o);
}

bool has(const ProtocolResult& r, const std::string& key) {
  return std::any_of(r.figures.begin(), r.figures.end(), [&](const Figure& f) { return f.key == key; });
}

TEST(GalleryIdentification, ClosedAndOpenSet) {
  IdentificationOptions options;
  options.fpir = {.5, .1};
  const ProtocolResult r = evaluate(plane(), kAngles, options);
  EXPECT_NEAR(figure(r, "rank_1").value, 2. / 3, 1e-12);  // 33 degrees is nearer to bob
  EXPECT_FALSE(has(r, "rank_5"));                         // of three people
  EXPECT_EQ(r.figures[0].key, "rank_1");
  EXPECT_NEAR(figure(r, "tpir_at_fpir_5e-1").value, 2. / 3,
              1e-12);  // dan's best: 15 degrees off; the mates 5 and 5
  EXPECT_NE(figure(r, "tpir_at_fpir_1e-1")
                .warning.find("not resolvable: fewer than one false alarm is expected of 2 probes"),
            std::string::npos);
  ASSERT_EQ(r.card.size(), 1u);
  EXPECT_NEAR(r.card[0].threshold, std::cos(15 * M_PI / 180), 1e-6);
  EXPECT_NEAR(r.card[0].realised_far, .5, 1e-12);
  ASSERT_EQ(r.curves.size(), 2u);
  EXPECT_EQ(r.curves[0].kind, CurveKind::cmc);
  ASSERT_EQ(r.curves[0].points.size(), 3u);
  EXPECT_NEAR(r.curves[0].points[1].second, 1, 1e-12);
  EXPECT_EQ(r.curves[1].kind, CurveKind::dir);
  EXPECT_EQ(r.genuine.size(), 3u);
  EXPECT_EQ(r.impostor.size(), 2u);
  EXPECT_EQ(r.hardest_genuine[0].a, 0);
  EXPECT_EQ(r.hardest_genuine[0].b, 4);   // 33 degrees, from ann
  EXPECT_EQ(r.hardest_impostor[0].a, 1);  // bob
  EXPECT_EQ(r.hardest_impostor[0].b, 4);
}

TEST(GalleryIdentification, OpenSetByChoice) {
  IdentificationOptions options;
  options.open_set = OpenSet::none;
  const ProtocolResult closed = evaluate(plane(), kAngles, options);
  EXPECT_FALSE(has(closed, "tpir_at_fpir_1e-1"));
  EXPECT_TRUE(closed.card.empty());
  GalleryProbes known = plane();
  known.people = {0, 1, 2, 0, 0, 2, 1, 1};
  EXPECT_FALSE(has(evaluate(known, kAngles), "tpir_at_fpir_1e-1"));
  options.open_set = OpenSet::required;
  EXPECT_ERROR(data, "open_set = required, but each of 5 probes is of a person in the gallery",
               evaluate(known, kAngles, options));
  known.people = {0, 1, 2, 3, 3, 3, 3, 3};
  EXPECT_ERROR(data, "of 5 probes none is of a person in the gallery", evaluate(known, kAngles));
}

TEST(GalleryIdentification, SeveralPicturesOfAPerson) {
  GalleryProbes set;
  set.names = {"ann", "bob", "eve"};
  set.pictures = {"a", "b1", "b2", "e", "probe"};
  set.people = {0, 1, 1, 2, 0};
  set.enrolled = 4;
  // Both of bob's pictures are nearer to the probe than ann's: bob is one person above her.
  EXPECT_EQ(evaluate(set, {30, 5, 10, 90, 0}, {}, 0).curves[0].points,
            (std::vector<std::pair<double, double>>{{1, 0}, {2, 1}, {3, 1}}));
  IdentificationOptions mean;
  mean.of_person = Template::mean;
  EXPECT_EQ(figure(evaluate(set, {30, 5, 10, 90, 0}, mean, 0), "rank_1").value, 0);
  EXPECT_EQ(figure(evaluate(set, {30, 5, 70, 90, 0}, mean, 0), "rank_1").value,
            1);  // bob's mean: 37.5 degrees
  EXPECT_EQ(figure(evaluate(set, {30, 5, 70, 90, 0}, {}, 0), "rank_1").value, 0);
}

TEST(GalleryIdentification, SeveralModelsAndTheirSizes) {
  const std::vector<float> values = at_angles(kAngles);
  const EmbeddingView view{values, int64_t(kAngles.size()), 2};
  const auto protocol = identification(plane());
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const auto calibrator = make_calibrator({});
  EXPECT_EQ(figure(protocol->evaluate({view, view}, *calibrator, o), "rank_1").value,
            figure(protocol->evaluate({view}, *calibrator, o), "rank_1").value);
  EXPECT_THROW(protocol->evaluate({{values, 4, 4}}, *calibrator, o), std::invalid_argument);
  EXPECT_THROW(protocol->evaluate({}, *calibrator, o), std::invalid_argument);
}

TEST(GalleryIdentification, IntervalsHoldTheFigureAndAreRepeatable) {
  Random random({5, Purpose::test, 0, 0});
  GalleryProbes set;
  std::vector<double> angles;
  for (int p = 0; p < 30; ++p) {
    set.names.push_back(std::to_string(p)), set.pictures.push_back("g" + std::to_string(p)),
        set.people.push_back(p);
    angles.push_back(12 * p);
  }
  set.enrolled = 30;
  for (int i = 0; i < 120; ++i) {
    set.pictures.push_back("p" + std::to_string(i)), set.people.push_back(i % 30);
    angles.push_back(12 * (i % 30) + 6 * random.normal());
  }
  const Figure a = figure(evaluate(set, angles, {}, 200), "rank_1"),
               b = figure(evaluate(set, angles, {}, 200), "rank_1");
  EXPECT_LE(a.interval.low, a.value);
  EXPECT_GE(a.interval.high, a.value);
  EXPECT_LT(a.interval.high - a.interval.low, .3);
  EXPECT_EQ(a.interval.low, b.interval.low);
  EXPECT_FALSE(figure(evaluate(set, angles, {}, 0), "rank_1").interval.known());
}

}  // namespace
}  // namespace fr
