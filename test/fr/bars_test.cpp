// Bars with whiskers, and the axis of normal deviates.
#include "fr/report/bars.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fr/report/axis.h"
#include "test/fr/page_checks.h"

namespace fr {
namespace {

TEST(Bars, LengthsAreValuesAndWhiskersTheirIntervals) {
  BarChart chart;
  chart.bars = {{"a", 0.02, {0.01, 0.04}}, {"b", 0.04, {}}, {"c", kNaN, {}}};
  const std::string svg = draw_bars(chart);
  expect_well_formed(svg);
  EXPECT_EQ(occurrences(svg, "class=\"bar c0\""), 2u);
  EXPECT_EQ(occurrences(svg, "class=\"whisker\""), 1u);
  std::vector<double> start, end;
  for (const std::string& d : attributes(svg, "d"))
    if (contains(d, "H") && !contains(d, "V"))
      start.push_back(std::stod(d.substr(1))), end.push_back(std::stod(d.substr(d.find('H') + 1)));
  ASSERT_EQ(start.size(), 2u);
  EXPECT_TRUE(std::abs(2 * (end[0] - start[0]) - (end[1] - start[1])) <=
              0.21);  // 0.02 and 0.04, to a tenth of a unit
  EXPECT_TRUE(draw_bars({}).empty());
}

TEST(Bars, DotsWhereTheAxisDoesNotBeginAtZero) {
  BarChart chart;
  chart.start = BarChart::Start::data, chart.ceiling = 1;
  chart.bars = {{"a very long name of a group of people", 0.97, {0.96, 1}}, {"b", 0.99, {0.98, 1}}};
  const std::string svg = draw_bars(chart);
  expect_well_formed(svg);
  EXPECT_EQ(occurrences(svg, "<circle class=\"dot c0\""), 2u);
  EXPECT_FALSE(contains(svg, "class=\"bar"));
  EXPECT_TRUE(contains(svg, "<title>a very long name of a group of people</title>a very long name "));
}

TEST(Axis, NormalDeviates) {
  EXPECT_TRUE(std::abs(normal_deviate(0.975) - 1.959963984540054) <= 1e-12);  // Phi^-1, tabulated
  EXPECT_TRUE(std::abs(normal_deviate(1e-6) + 4.753424308822899) <= 1e-10);
  EXPECT_TRUE(std::abs(normal_deviate(0.5)) <= 1e-15);
  for (const double p : {1e-9, 1e-3, 0.2, 0.7, 0.999})
    EXPECT_TRUE(std::abs(std::erfc(-normal_deviate(p) / std::sqrt(2.0)) / 2 - p) <= 1e-12 * p + 1e-16) << p;
}

}  // namespace
}  // namespace fr
