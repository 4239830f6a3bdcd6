// The report: well-formed, self-contained, deterministic, honest about what is not a number.
#include "fr/report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <locale>
#include <string>
#include <vector>

#include "base/philox.h"
#include "fr/report/curve.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/svg.h"
#include "test/fr/page_checks.h"

namespace fr {
namespace {

Report small_report() {
  Report report;
  report.title = "A & B";
  report.facts = {{"network", "tiny"}, {"speed", "3 images/s"}};
  Random random({3});
  for (int i = 0; i < 200; ++i) {
    TrainPoint p;
    p.step = i, p.epoch = i / 50.0, p.loss = 5 * std::exp(-i / 80.0) + 0.1 * random.normal();
    p.learning_rate = 0.1, p.lambda = 1000.0 / (1 + i), p.accuracy = i / 200.0;
    p.gradient_norm = 1 + random.uniform(), p.images_per_second = 100, p.seconds = i;
    report.train.push_back(p);
  }
  report.evaluations = {{50, 0.7, 0.8}, {100, 0.8, 0.9}, {150, 0.85, 0.92}};
  ReportTest test;
  test.name = "pairs";
  test.accuracy = 0.9, test.accuracy_standard_error = 0.01, test.auc = 0.95, test.eer = 0.1,
  test.threshold = 0.5;
  for (int i = 0; i < 100; ++i) {
    test.genuine.push_back(0.7 + 0.1 * random.normal());
    test.impostor.push_back(0.3 + 0.1 * random.normal());
  }
  test.roc = {{0, 0, kInf}, {0, 0.5, 0.8}, {0.01, 0.6, 0.7}, {0.1, 0.9, 0.5}, {1, 1, -1}};
  test.table = {{"accuracy", "90.00 %"}};
  test.hardest_genuine.push_back({noise_picture(24, 1), noise_picture(24, 2), "a", "b", 0.4});
  test.hardest_impostor.push_back({noise_picture(24, 3), Image(), "c", "d", 0.6});
  report.tests.push_back(test);
  report.configuration = "[loss]\nm = 4 # <4>\n";
  report.warnings = {"one & only"};
  return report;
}

TEST(Report, TagCheckerFindsWhatIsWrong) {
  EXPECT_EQ(badly_nested("<a><b/></a>"), "");
  EXPECT_NE(badly_nested("<a><b></a>"), "");
  EXPECT_NE(badly_nested("<a>"), "");
  EXPECT_NE(badly_nested("</a>"), "");
  EXPECT_NE(badly_nested("<a>1 < 2</a>"), "");
  EXPECT_TRUE(has_bare_ampersand("a & b"));
}

TEST(Report, IsWellFormedAndSelfContained) {
  const std::string html = render_html(small_report());
  expect_well_formed(html);
  EXPECT_EQ(occurrences(html, "<svg class=\"chart"), 9u);  // 7 of training, ROC, histogram
  EXPECT_EQ(occurrences(html, "<img "), 3u);
  EXPECT_EQ(occurrences(html, "no picture"), 1u);
  EXPECT_TRUE(contains(html, "A &amp; B"));
  EXPECT_TRUE(contains(html, "90.00\u202f%"));
  EXPECT_TRUE(contains(html, "id=\"warnings\""));
  EXPECT_TRUE(contains(html, "m = 4 # &lt;4&gt;"));
}

TEST(Report, EmptyReportWorks) {
  const std::string html = render_html({});
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "<svg class"));
  EXPECT_TRUE(contains(html, "Nothing has been measured"));
}

TEST(Report, PartsMayBeMissing) {
  Report report;
  report.train.resize(1);  // one point, nothing known
  expect_well_formed(render_html(report));
  report.train[0].loss = 3;
  EXPECT_EQ(occurrences(render_html(report), "<circle class=\"dot c0\""), 1u);
  report.tests.resize(1);  // a test with nothing in it
  expect_well_formed(render_html(report));
  report.tests[0].genuine = {0.5};
  expect_well_formed(render_html(report));
  report.evaluations.resize(2);
  expect_well_formed(render_html(report));
}

TEST(Report, NotFiniteValuesStayOutOfTheCharts) {
  Report report = small_report();
  for (size_t i = 0; i < report.train.size(); i += 3) {
    TrainPoint& p = report.train[i];
    p.loss = i % 2 ? kNaN : kInf, p.gradient_norm = -kInf, p.learning_rate = 1e308, p.lambda = i % 2 ? -1 : 0;
  }
  report.train.back().epoch = kNaN;
  ReportTest& test = report.tests[0];
  test.genuine[0] = kNaN, test.impostor[0] = kInf, test.impostor[1] = -1e308;
  test.roc.push_back({kNaN, 0.5, 0.5});
  test.roc.push_back({0.2, kInf, 0.5});
  test.threshold = kNaN, test.accuracy = kInf;
  test.hardest_genuine[0].score = kNaN;
  const std::string html = render_html(report);
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "67 of 200 values are not finite and not drawn"));
}

TEST(Report, EscapesEveryText) {
  const std::string nasty = "<x y=\"1\">&'\xff Łukasz";
  Report report = small_report();
  report.title = report.summary = report.configuration = nasty;
  report.facts = {{nasty, nasty}};
  report.warnings = {nasty};
  ReportTest& test = report.tests[0];
  test.name = test.description = test.score = nasty;
  test.table = {{nasty, nasty}};
  test.hardest_genuine[0].name_a = test.hardest_genuine[0].name_b = nasty;
  const std::string html = render_html(report);
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "<x"));
  EXPECT_FALSE(contains(html, "\xff"));
  EXPECT_TRUE(contains(html, "&lt;x y=&quot;1&quot;&gt;&amp;&#39;\ufffd Łukasz"));
}

TEST(Report, EqualDataGiveEqualBytesInAnyLocale) {
  struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::string html = render_html(small_report());
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new German));
  const std::string german = render_html(small_report());
  std::locale::global(before);
  EXPECT_EQ(html, german);
}

TEST(Report, StaysSmall) {
  Report report = small_report();
  report.train.clear();
  Random random({5});
  for (int i = 0; i < 200'000; ++i) {
    TrainPoint p;
    p.step = i, p.loss = random.uniform(), p.gradient_norm = random.uniform(),
    p.learning_rate = random.uniform();
    p.accuracy = random.uniform(), p.lambda = 1 + random.uniform(), p.images_per_second = random.uniform();
    report.train.push_back(p);
  }
  ReportTest& test = report.tests[0];
  for (uint64_t i = 0; i < 12; ++i)
    test.hardest_genuine.push_back({noise_picture(400, i), noise_picture(160, i + 50), "a", "b", 0.1});
  test.hardest_impostor = test.hardest_genuine;
  test.roc.clear();
  for (int i = 0; i <= 100'000; ++i) test.roc.push_back({i / 1e5, std::sqrt(i / 1e5), 1 - i / 1e5});
  report.tests.assign(5, test);
  const std::string html = render_html(report);
  EXPECT_LT(html.size(), 1'500'000u);
  EXPECT_GT(occurrences(html, "<img "), 20u);
  EXPECT_TRUE(contains(html, "Pictures beyond the size limit"));
}

TEST(Report, OperatingPointIsConservative) {
  // Ours in the specification of TAR@FAR: five genuine and five impostor scores with a tie.
  const std::vector<RocPoint> roc = {{0, 0.2, 0.9},    {0.2, 0.4, 0.8}, {0.2, 0.6, 0.7}, {0.2, 0.8, 0.6},
                                     {0.4, 0.8, 0.55}, {0.4, 1, 0.5},   {1, 1, 0.2}};
  EXPECT_EQ(operating_point(roc, 0).tar, 0.2);
  EXPECT_EQ(operating_point(roc, 0.1).tar, 0.2);
  EXPECT_EQ(operating_point(roc, 0.2).tar, 0.8);
  EXPECT_EQ(operating_point(roc, 0.2).threshold, 0.6);
  EXPECT_EQ(operating_point(roc, 0.4).tar, 1);
  EXPECT_EQ(operating_point(roc, 1).threshold, 0.5);
  EXPECT_TRUE(std::isnan(operating_point({}, 0.5).tar));
}

TEST(Report, HardestPairsComeFirst) {
  Report report = small_report();
  ReportTest& test = report.tests[0];
  test.hardest_genuine.clear();
  for (const double score : {0.45, 0.11, kNaN, 0.22})
    test.hardest_genuine.push_back({Image(), Image(), "g", "g", score});
  const std::string html = render_html(report);
  EXPECT_LT(html.find("<b>0.110</b>"), html.find("<b>0.220</b>"));
  EXPECT_LT(html.find("<b>0.220</b>"), html.find("<b>0.450</b>"));
  EXPECT_LT(html.find("<b>0.450</b>"), html.find("<b>\u2013</b>"));
  EXPECT_TRUE(contains(html, "rejected, 0.390 below"));
  EXPECT_TRUE(contains(html, "accepted, 0.100 above"));
}

TEST(Curve, DownsamplingKeepsExtremesAndEnds) {
  std::vector<CurvePoint> points;
  Random random({9});
  for (int i = 0; i < 200'000; ++i) points.push_back({static_cast<double>(i), random.uniform()});
  points[123'456].y = 50;
  points[4321].y = -50;
  const auto fewer = downsample_curve(points, 300);
  EXPECT_LE(fewer.size(), 602u);
  EXPECT_GE(fewer.size(), 500u);
  EXPECT_EQ(fewer.front(), points.front());
  EXPECT_EQ(fewer.back(), points.back());
  EXPECT_EQ(std::count(fewer.begin(), fewer.end(), points[123'456]), 1);
  EXPECT_EQ(std::count(fewer.begin(), fewer.end(), points[4321]), 1);
  for (size_t i = 1; i < fewer.size(); ++i) ASSERT_LT(fewer[i - 1].x, fewer[i].x);
  EXPECT_EQ(downsample_curve({{0, 1}, {1, 2}}, 300).size(), 2u);
  EXPECT_LE(downsample_curve(std::vector<CurvePoint>(5000, {7, 7}), 10).size(), 22u);  // one x
}

TEST(Curve, SmoothingKeepsConstantsAndQuietsNoise) {
  for (const CurvePoint& p : smooth_curve(std::vector<CurvePoint>(50, {0, 3.5}), 7))
    EXPECT_DOUBLE_EQ(p.y, 3.5);
  std::vector<CurvePoint> line;
  Random random({11});
  for (int i = 0; i < 1000; ++i) line.push_back({static_cast<double>(i), i + random.uniform(-50, 50)});
  const auto smooth = smooth_curve(line, 20);
  for (size_t i = 100; i < 900; ++i)  // standard deviation 29 / sqrt(2 sqrt(pi) 20) = 3.4; 5 of them
    EXPECT_TRUE(std::abs(smooth[i].y - static_cast<double>(i)) <= 17) << i << " " << smooth[i].y;
  EXPECT_TRUE(smooth_curve({}, 3).empty());
}

TEST(Svg, Ticks) {
  EXPECT_EQ(linear_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(-1, 1, 4), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(logarithmic_ticks(1, 1000, 5), (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_EQ(logarithmic_ticks(1, 10, 5), (std::vector<double>{1, 2, 5, 10}));
  EXPECT_LE(logarithmic_ticks(1e-12, 1e12, 5).size(), 6u);
  EXPECT_TRUE(linear_ticks(kNaN, 1, 5).empty());
  EXPECT_TRUE(logarithmic_ticks(0, 1, 5).empty());
}

TEST(Svg, MarksWhereTheValueIs) {
  Chart chart;
  chart.y.low = 0, chart.y.high = 1, chart.x.low = 0, chart.x.high = 10;
  chart.series.push_back({"s", {{0, 0}, {5, 0.5}, {10, 1}}, 0, ChartStroke::line, ""});
  const std::string svg = draw_chart(chart);
  const auto axis = attributes(svg, "data-x");
  ASSERT_EQ(axis.size(), 1u);
  const double length = std::stod(axis[0].substr(axis[0].rfind(' ')));
  const double height =
      std::stod(attributes(svg, "data-y")[0].substr(attributes(svg, "data-y")[0].rfind(' ')));
  const std::string expected = "M0 " + plain_number(height, 1) + "L" + plain_number(length / 2, 1) + " " +
                               plain_number(height / 2, 1) + "L" + plain_number(length, 1) + " 0";
  EXPECT_TRUE(contains(svg, expected)) << svg;
}

TEST(Svg, DegenerateRanges) {
  for (const double v : {0.0, 5.0, -3.0, 1e-300, 1e99, 1e308, kNaN})
    for (const AxisScale scale : {AxisScale::linear, AxisScale::logarithmic}) {
      Chart chart;
      chart.x.scale = chart.y.scale = scale;
      chart.series.push_back({"s", {{v, v}, {v, v}}, 0, ChartStroke::line, "end"});
      expect_well_formed(draw_chart(chart));
      chart.series[0].points.push_back({-v, 2 * v});
      expect_well_formed(draw_chart(chart));
    }
}

TEST(Svg, HistogramSharesSumToOne) {
  std::vector<double> a, b;
  Random random({13});
  for (int i = 0; i < 500; ++i) a.push_back(random.normal()), b.push_back(3 + random.normal());
  b.push_back(kNaN);
  const Chart chart = histogram_pair("a", a, "b", b, 1.5);
  ASSERT_EQ(chart.series.size(), 2u);
  for (const ChartSeries& s : chart.series) {
    double sum = 0;
    for (size_t i = 1; i + 2 < s.points.size(); i += 2) {
      EXPECT_EQ(s.points[i].y, s.points[i + 1].y);
      sum += s.points[i].y;
    }
    EXPECT_TRUE(std::abs(sum - 1) <= 1e-9) << sum;
  }
  EXPECT_EQ(chart.series[0].name, "b (500)");
}

TEST(Svg, HistogramPutsValuesIntoTheirBins) {  // two values 12 apart: the least number of bins, 12 of width 1
  const Chart chart = histogram_pair("a", {0, 12}, "b", {6.5}, kNaN);
  EXPECT_EQ(chart.series[0].points, (std::vector<CurvePoint>{{6, 0}, {6, 1}, {7, 1}, {7, 0}}));
  const std::vector<CurvePoint>& a = chart.series[1].points;
  ASSERT_EQ(a.size(), 26u);
  EXPECT_EQ(a[1], (CurvePoint{0, 0.5}));
  EXPECT_EQ(a[3], (CurvePoint{1, 0}));
  EXPECT_EQ(a[24], (CurvePoint{12, 0.5}));
  EXPECT_TRUE(chart.rules.empty());
}

TEST(Number, Formats) {
  EXPECT_EQ(format_number(0.41273), "0.4127");
  EXPECT_EQ(format_number(12345.4), "12,345");
  EXPECT_EQ(format_number(1234.4), "1234");
  EXPECT_EQ(format_number(0.5), "0.5");
  EXPECT_EQ(format_number(-2), "\u22122");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(3.2e-6), "3.2\u00d710\u207b\u2076");
  EXPECT_EQ(format_number(1e12), "1\u00d710\u00b9\u00b2");
  EXPECT_EQ(format_number(kNaN), "\u2013");
  EXPECT_EQ(format_number(-kInf), "\u2212\u221e");
  EXPECT_EQ(format_fixed(-0.0001, 2), "0.00");
  EXPECT_EQ(format_fixed(-1234567.891, 2), "\u22121,234,567.89");
  EXPECT_EQ(format_count(-1234567), "\u22121,234,567");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_short_count(20000), "20k");
  EXPECT_EQ(format_short_count(1.5e6), "1.5M");
  EXPECT_EQ(format_percent(0.97433), "97.43\u202f%");
  EXPECT_EQ(format_power_of_ten(-12), "10\u207b\u00b9\u00b2");
}

TEST(Html, Base64) {  // RFC 4648, section 10
  const auto encode = [](std::string_view s) {
    return base64({reinterpret_cast<const uint8_t*>(s.data()), s.size()});
  };
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode("\xff\xfe\xfd"), "//79");
}

TEST(Html, EscapeRepairsUtf8) {
  EXPECT_EQ(escape_html("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape_html("é 名 😀"), "é 名 😀");
  EXPECT_EQ(escape_html("\xe9"), "\ufffd");                       // Latin-1
  EXPECT_EQ(escape_html("\xc0\x80"), "\ufffd\ufffd");             // overlong
  EXPECT_EQ(escape_html("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");   // surrogate
  EXPECT_EQ(escape_html(std::string_view("a\0\x01z", 4)), "az");  // not allowed in XML
  EXPECT_EQ(escape_html("\xe5\x90"), "\ufffd\ufffd");             // cut off
}

TEST(Html, LargePicturesAreReduced) {
  const std::string small = picture_data_uri(noise_picture(100, 1), 160, 80);
  const std::string large = picture_data_uri(noise_picture(400, 1), 160, 80);
  EXPECT_EQ(small.rfind("data:image/jpeg;base64,", 0), 0u);
  EXPECT_LT(large.size(), 2 * small.size());
  EXPECT_EQ(picture_data_uri(Image(), 160, 80), "");
}

}  // namespace
}  // namespace fr
