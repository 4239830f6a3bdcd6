// Reports of protocols: what they say is what was measured, in text, JSON, CSV and HTML.
#include "fr/report/protocol_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <locale>
#include <sstream>

#include "data/text.h"
#include "fr/report/axis.h"
#include "fr/report/bars.h"
#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_csv.h"
#include "fr/report/protocol_sections.h"
#include "test/data/temporary.h"
#include "test/fr/drawn_results.h"
#include "test/fr/page_checks.h"

namespace fr {
namespace {

constexpr int64_t kPictures = 40;

PictureList picture_list() {
  PictureList list;
  for (int64_t i = 0; i < kPictures; ++i)
    list.names.push_back(cat("person_", i / 2, "/picture, ", i, ".jpg"));
  list.picture = [](int64_t i) { return noise_picture(112, uint64_t(i)); };
  return list;
}

const ProtocolResult& verification() {
  static const ProtocolResult result = drawn_verification("LFW", "none", 0.62, kPictures, 1);
  return result;
}

ProtocolResult with_groups() {
  ProtocolResult r = drawn_verification("RFW", "none", 0.5, kPictures, 5);
  add_groups(r);
  r.warnings = {"12 pictures are missing"};
  r.notes = {"a note"};
  return r;
}

// A result in which nothing is a number.
ProtocolResult unknown_result() {
  ProtocolResult r;
  r.protocol = "verification", r.threshold = kNaN;
  r.figures = {{"accuracy", "accuracy", kNaN, {-kInf, kInf}},
               {"tar", "tar", kInf, {kNaN, kNaN}, FigureUnit::number}};
  r.card = {{1e-6, kInf, 0, kNaN, {}, false}};
  r.curves = {{CurveKind::roc, "r", {{0, 0}, {kNaN, 1}, {0.5, kInf}}},
              {CurveKind::det, "d", {{0, 1}, {1, 0}}}};
  r.genuine = {kNaN, -0.0, 5e-324}, r.impostor = {-kInf};
  r.groups = {{"g", 0, 0, kNaN, kInf, kNaN, {}, {}, {0, kInf}}};
  return r;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(ProtocolText, IsAlignedAndFits100Columns) {
  for (const ProtocolResult& r : {verification(), with_groups(), drawn_identification(7)}) {
    std::istringstream in(to_text(r));
    for (std::string line; std::getline(in, line);) {
      EXPECT_LE(letters(line), 100u) << line;
      EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
    }
  }
}

TEST(ProtocolText, TellsFiguresCardGroupsAndWarnings) {
  ProtocolResult r = with_groups();
  r.figures[0].value = 0.98754, r.figures[0].interval = {0.98463, 0.99038};
  r.card[4] = {1e-5, kInf, 0, 0.8237, {0.8099, 0.8375}, false};
  const std::string text = to_text(r);
  EXPECT_TRUE(contains(text, "accuracy                       98.75 %  [98.46, 99.04]")) << text;
  EXPECT_TRUE(
      contains(text, "1e-5        inf           0 %  82.37 %  [80.99, 83.75]  ! below what the data resolve"))
      << text;
  EXPECT_TRUE(contains(text, "impostor pairs  3,000"));
  EXPECT_TRUE(contains(text, "ethnicity  genuine  impostor"));
  EXPECT_TRUE(contains(text, "warning: 12 pictures are missing\nnote: a note\n"));
}

TEST(ProtocolText, LongWordsAreWrapped) {
  ProtocolResult r = verification();
  r.description = std::string(70, 'a') + " " + std::string(40, 'b');
  r.figures[0].warning = std::string(80, 'w');
  r.notes = {std::string(99, 'n') + " tail"};
  const std::string text = to_text(r);
  EXPECT_TRUE(contains(text, std::string(70, 'a') + "\n" + std::string(40, 'b') + "\n"));
  EXPECT_TRUE(contains(text, "]\n    ! " + std::string(80, 'w') + "\n"));
  EXPECT_TRUE(contains(text, "note: " + std::string(99, 'n') + "\n      tail\n"));
}

TEST(ProtocolText, NothingIsShort) {
  EXPECT_EQ(to_text(ProtocolResult{}), "Protocol\n");
  EXPECT_TRUE(contains(to_text(unknown_result()), "accuracy    -  [-inf, inf]"));
}

void expect_same_bits(double a, double b) {
  if (std::isnan(a) && std::isnan(b)) return;
  EXPECT_EQ(std::bit_cast<uint64_t>(a), std::bit_cast<uint64_t>(b));
}

TEST(ResultJson, ReadsBackExactly) {
  const TemporaryFolder folder;
  const std::vector<ProtocolResult> results = {
      verification(), with_groups(), drawn_identification(3), unknown_result(), {}};
  const ReportFacts facts = {{"model", "a \"b\" \\ \u00e9"}, {"model", "twice"}};
  const std::string json = to_json(results, facts);
  write_file_atomic(folder.path / "result.json", json);
  const SavedResults read = read_results(folder.path / "result.json");
  EXPECT_EQ(to_json(read.results, read.facts), json);
  EXPECT_EQ(read.facts, facts);
  ASSERT_EQ(read.results.size(), 5u);
  for (size_t i = 0; i < results.size(); ++i) {
    const ProtocolResult &a = results[i], &b = read.results[i];
    EXPECT_EQ(b.title, a.title);
    EXPECT_EQ(b.counts, a.counts);
    EXPECT_EQ(b.warnings, a.warnings);
    expect_same_bits(b.threshold, a.threshold);
    ASSERT_EQ(b.figures.size(), a.figures.size());
    for (size_t f = 0; f < a.figures.size(); ++f) {
      expect_same_bits(b.figures[f].value, a.figures[f].value);
      expect_same_bits(b.figures[f].interval.low, a.figures[f].interval.low);
      EXPECT_EQ(b.figures[f].unit, a.figures[f].unit);
    }
    ASSERT_EQ(b.genuine.size(), a.genuine.size());
    for (size_t s = 0; s < a.genuine.size(); ++s) expect_same_bits(b.genuine[s], a.genuine[s]);
    ASSERT_EQ(b.curves.size(), a.curves.size());
    for (size_t c = 0; c < a.curves.size(); ++c) {
      EXPECT_EQ(b.curves[c].kind, a.curves[c].kind);
      ASSERT_EQ(b.curves[c].points.size(), a.curves[c].points.size());
      for (size_t p = 0; p < a.curves[c].points.size(); ++p)
        expect_same_bits(b.curves[c].points[p].second, a.curves[c].points[p].second);
    }
  }
}

// The example of docs/formats.md is such a file: read, and written again to the same bytes.
TEST(ResultJson, ReadsTheDocumentedExample) {
  const std::string document = read_text("docs/formats.md");
  const size_t end_of_words = document.find("holds each key of a result in one line:\n\n");
  ASSERT_NE(end_of_words, document.npos);
  std::istringstream in(document.substr(document.find("    {", end_of_words)));
  std::string example;
  for (std::string line; std::getline(in, line) && !line.empty();) example += line.substr(4) + "\n";
  const TemporaryFolder folder;
  const SavedResults read = read_results(folder.put("result.json", example));
  ASSERT_EQ(read.results.size(), 1u);
  EXPECT_EQ(read.results[0].groups[0].group, "Asian");
  EXPECT_FALSE(read.results[0].groups[0].frr_interval.known());
  EXPECT_EQ(to_json(read.results, read.facts), example);
}

TEST(ResultJson, FaultsNameFileAndKey) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "result.json";
  const std::string whole = to_json({with_groups()}, {{"model", "m"}});
  const auto fault = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    if (at != text.npos) text.replace(at, from.size(), to);
    write_file_atomic(path, text);
    return message_of([&] { read_results(path); });
  };
  const std::string p = path.string() + ": ";
  EXPECT_EQ(fault("{\n\"format\"", "{{\"format\""), p + "not JSON, or cut off");
  EXPECT_EQ(fault("prosopon-result-1", "prosopon-result-9"),
            p + "format: prosopon-result-1 expected, found 'prosopon-result-9'");
  EXPECT_EQ(fault("\"facts\"", "\"fact\""), p + "facts: missing");
  EXPECT_EQ(fault("[\"model\",\"m\"]", "[\"model\"]"),
            p + "facts[0]: a list of 2 expected, found a list of 1");
  EXPECT_EQ(fault("\"score\": \"cosine similarity\"", "\"score\": 3"),
            p + "results[0].score: a string expected, found the number 3");
  EXPECT_EQ(fault("\"threshold\": ", "\"threshold\": \"0\", \"was\": "),
            p + "results[0].threshold: a number expected, found the string \"0\"");
  EXPECT_EQ(fault("\"unit\":\"share\"", "\"unit\":\"part\""),
            p + "results[0].figures[0].unit: one of share, number, score expected, found 'part'");
  EXPECT_EQ(fault("\"kind\":\"roc\"", "\"kind\":\"rok\""),
            p + "results[0].curves[0].kind: one of roc, det, cmc, dir, coverage expected, found 'rok'");
  EXPECT_EQ(fault("\"genuine\":3000", "\"genuine\":0.5"),
            p + "results[0].groups[0].genuine: an integer expected, found the number 0.5");
  EXPECT_EQ(fault("\"resolved\":true", "\"resolved\":1"),
            p + "results[0].card[0].resolved: true or false expected, found the number 1");
  EXPECT_EQ(fault("\"impostor\": [", "\"impostor\": {}, \"was\": ["),
            p + "results[0].impostor: a list expected, found the object {}");
  write_file_atomic(path, "[]");
  EXPECT_EQ(message_of([&] { read_results(path); }), p + "an object expected, found the array []");
  EXPECT_TRUE(contains(message_of([&] { read_results(folder.path / "none.json"); }), "none.json"));
}

TEST(ProtocolPage, IsWellFormedAndHasEveryPart) {
  const std::string html = render_protocol_report({verification()}, picture_list(), {{"Model", "m & n"}});
  expect_well_formed(html);
  EXPECT_EQ(occurrences(html, "<svg class=\"chart"), 3u);  // ROC, DET, histograms
  EXPECT_EQ(occurrences(html, "<img "), 48u);
  for (const char* part :
       {"ROC: true accept rate", "DET: reject rate", "Threshold card", "Hardest genuine pairs",
        "Hardest impostor pairs", "m &amp; n", "1\u00a0in\u00a010,000", "not resolved"})
    EXPECT_TRUE(contains(html, part)) << part;
  const Figure& accuracy = verification().figures[0];
  EXPECT_TRUE(contains(html, share_text(accuracy.value) + "<small>" +
                                 interval_text(FigureUnit::share, accuracy.interval) + "</small>"));
  EXPECT_LT(html.size(), 1'500'000u);
}

TEST(ProtocolPage, EmptyPartsLeaveNothing) {
  EXPECT_TRUE(contains(render_protocol_report({}, {}, {}), "Nothing has been measured yet."));
  const std::string html = render_protocol_report({ProtocolResult{}}, {}, {});
  expect_well_formed(html);
  for (const char* part :
       {"<svg class=\"chart", "<table", "<img ", "<h3", "class=\"tiles\"", "class=\"warnings\"", "<ul"})
    EXPECT_FALSE(contains(html, part)) << part;
}

TEST(ProtocolPage, WhatIsNotANumberIsNoPointAndNoBar) {
  const std::string html = render_protocol_report({unknown_result()}, {}, {});
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "<td>none<small>\u26a0 not resolved</small></td>"));
  EXPECT_FALSE(contains(html, "nan"));
}

TEST(ProtocolPage, CurvesOfIdentificationHaveTheirCharts) {
  const std::string html = render_protocol_report({drawn_identification(7)}, {}, {});
  expect_well_formed(html);
  for (const char* part : {"CMC: identified within a rank", "Open set: detected", "Precision over coverage"})
    EXPECT_TRUE(contains(html, part)) << part;
  EXPECT_EQ(occurrences(html, "<svg class=\"chart"), 3u);
  EXPECT_TRUE(contains(html, "Gallery &amp; probes"));
}

TEST(ProtocolPage, GroupsAreATableAndBars) {
  const std::string html = render_protocol_report({with_groups()}, picture_list(), {});
  expect_well_formed(html);
  EXPECT_EQ(occurrences(html, "<svg class=\"chart bars\""), 3u);
  EXPECT_EQ(occurrences(html, "class=\"whisker\""), 12u);
  EXPECT_TRUE(contains(html, "<td>African<small>3,000\u00a0genuine, 3,000\u00a0impostor</small></td>"));
  EXPECT_LT(html.find("12 pictures are missing"), html.find("class=\"tiles\""));  // warnings come first
}

TEST(ProtocolPage, CalibrationsStandSideBySide) {
  ProtocolResult before = verification(), after = drawn_verification("LFW", "s_norm", 0.66, kPictures, 2);
  before.figures[0].value = 0.98, before.figures[0].interval = {0.97, 0.985};
  after.figures[0].value = 0.9831, after.figures[0].interval = {0.98, 0.99};
  before.figures[2].value = 0.01, before.figures[2].interval = {0.009, 0.011};
  after.figures[2].value = 0.02, after.figures[2].interval = {0.018, 0.022};
  const std::string html = render_protocol_report({after, before}, {picture_list().names, {}}, {});
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "<th>uncalibrated</th><th>s_norm</th><th>change with s_norm</th>"));
  EXPECT_TRUE(contains(html, "+0.31 points<small>better</small>"));
  EXPECT_TRUE(contains(html, "+1.00 points<small>worse</small>"));
  EXPECT_TRUE(contains(html, "<i>\u2248</i>98.00"));           // intervals overlap
  EXPECT_TRUE(contains(html, "<td>2.00\u202f%<small>[1.80"));  // they do not: no mark
  EXPECT_EQ(occurrences(html, "ROC: true accept rate"), 1u);   // one chart with both curves
  EXPECT_EQ(occurrences(html, "class=\"line c1 d1\""), 4u);    // the second line and its key, in ROC and DET
  EXPECT_EQ(occurrences(html, "no picture"), 96u);
}

TEST(ProtocolPage, EscapesEveryText) {
  const std::string nasty = "<x y=\"1\">&'\xff";
  ProtocolResult r = with_groups();
  r.protocol = r.title = r.description = r.score = r.calibration = r.group_title = nasty;
  r.counts = {{nasty, 1}}, r.figures[0].name = r.figures[0].warning = r.groups[0].group = nasty;
  r.warnings = r.notes = {nasty};
  r.curves[0].name = nasty;
  PictureList pictures = picture_list();
  pictures.names[0] = nasty;
  ProtocolResult other = r;
  other.calibration = "b";
  const std::string html = render_protocol_report({r, other}, pictures, {{nasty, nasty}});
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "<x"));
  EXPECT_TRUE(contains(html, "&lt;x y=&quot;1&quot;&gt;&amp;&#39;\ufffd"));
}

TEST(ProtocolPage, PicturesThatCannotBeReadLeaveAFrame) {
  PictureList pictures = picture_list();
  pictures.picture = [](int64_t i) -> Image {
    if (i == 3) throw Error(ErrorKind::io, "gone");
    return noise_picture(20, 1);
  };
  EXPECT_GT(occurrences(render_protocol_report({verification()}, pictures, {}), "no picture"), 0u);
  ProtocolResult r = verification();
  r.hardest_genuine[0].b = kPictures;
  EXPECT_EQ(message_of([&] { render_protocol_report({r}, pictures, {}); }),
            "hardest pairs: pictures 0 and 40 of a list of 40");
}

TEST(ProtocolPage, StaysSmall) {
  PictureList pictures = picture_list();
  pictures.picture = [](int64_t i) { return noise_picture(160, uint64_t(i)); };
  std::vector<ProtocolResult> results;
  for (int i = 0; i < 8; ++i)
    results.push_back(drawn_verification(cat("set ", i), "none", 0.3 + 0.02 * i, kPictures, uint64_t(i)));
  const std::string html = render_protocol_report(results, pictures, {});
  EXPECT_LT(html.size(), 1'500'000u);
  EXPECT_TRUE(contains(html, "Pictures beyond the size limit"));
}

TEST(ProtocolPage, EqualDataGiveEqualBytesInAnyLocale) {
  struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const auto all = [] {
    const ProtocolResult r = with_groups();
    return render_protocol_report({r}, picture_list(), {}) + to_json({r}, {}) + to_text(r) +
           figures_csv({{"", &r}}) + curves_csv({{"", &r}});
  };
  const std::string here = all();
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new German));
  const std::string german = all();
  std::locale::global(before);
  EXPECT_EQ(here, german);
}

TEST(ProtocolFiles, AreAllThere) {
  const TemporaryFolder folder;
  write_protocol_report(folder.path, {verification()}, picture_list(), {{"model", "m"}});
  for (const char* name : {"report.html", "result.json", "figures.csv", "curves.csv", "scores.csv"})
    EXPECT_TRUE(fs::exists(folder.path / name)) << name;
  const auto lines = text::read_lines(folder.path / "scores.csv");
  ASSERT_EQ(lines.size(), 6001u);
  EXPECT_EQ(lines[0].text, "fold,a,b,same,score");
  const auto fields = text::csv_fields(lines[1].text);
  ASSERT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields[1], picture_list().names[0]);  // a name with a comma
  const ReadScores read = read_scores_csv(folder.path / "scores.csv");
  for (size_t i = 0; i < 6000; ++i) ASSERT_EQ(read.scores[i], verification().scores[i].score);
  EXPECT_EQ(auc({read.scores, read.same}), verification().figures[1].value);
}

TEST(ProtocolFiles, GroupsAndOwnNumbersInScores) {
  const TemporaryFolder folder;
  ProtocolResult r;
  r.score_ids = PairIds::own;
  r.scores = {{1234567, 7, 0.1, true, 3, "a,b"}, {8, 9, -2, false, 0}};
  write_scores_csv(folder.path / "scores.csv", r, {});
  EXPECT_EQ(read_text(folder.path / "scores.csv"),
            "fold,a,b,same,score,group\n3,1234567,7,1,0.1,\"a,b\"\n0,8,9,0,-2,\n");
  r.score_ids = PairIds::pictures;
  EXPECT_EQ(message_of([&] { write_scores_csv(folder.path / "scores.csv", r, {"one"}); }),
            "scores of Protocol: picture 1234567 is not in the list of 1 pictures");
}

TEST(ProtocolFiles, EachResultHasItsOwnScores) {
  ProtocolResult a = verification(), b = a, none = drawn_identification(1);
  b.calibration = "s_norm";
  EXPECT_EQ(scores_csv_names({a, none}), (std::vector<std::string>{"scores.csv", ""}));
  EXPECT_EQ(
      scores_csv_names({a, b, b}),
      (std::vector<std::string>{"scores-lfw-none.csv", "scores-lfw-s_norm.csv", "scores-lfw-s_norm-2.csv"}));
}

TEST(ProtocolFiles, CsvHoldsEveryDigit) {
  ProtocolResult r = unknown_result();
  r.title = "a \"b\"", r.figures[0].value = 0.1 + 0.2;
  EXPECT_TRUE(
      contains(figures_csv({{"run", &r}}),
               "run,verification,\"a \"\"b\"\"\",,accuracy,accuracy,share,0.30000000000000004,-inf,inf,\n"));
  EXPECT_TRUE(contains(curves_csv({{"run", &r}}), ",,roc,r,nan,1\n"));
}

TEST(Standing, BestTiedAndNone) {
  const auto figure = [](const char* key, double value, Interval interval,
                         FigureUnit unit = FigureUnit::share) {
    return Figure{key, key, value, interval, unit};
  };
  const Figure a = figure("accuracy", 0.9, {0.88, 0.92}), b = figure("accuracy", 0.93, {0.91, 0.95}),
               c = figure("accuracy", 0.8, {0.7, 0.85}), unknown = figure("accuracy", kNaN, {});
  using S = Standing;
  EXPECT_EQ(standings({&a, &b, &c, nullptr, &unknown}),
            (std::vector<S>{S::tied, S::best, S::none, S::none, S::none}));
  EXPECT_EQ(standings({&b, &unknown}), (std::vector<S>{S::none, S::none}));  // nothing to compare with
  EXPECT_EQ(standings({&b, &b}), (std::vector<S>{S::none, S::none}));
  const Figure low = figure("eer", 0.1, {}), high = figure("eer", 0.2, {});
  EXPECT_EQ(standings({&low, &high}), (std::vector<S>{S::best, S::none}));
  const Figure t = figure("threshold", 0.1, {}, FigureUnit::score),
               u = figure("threshold", 0.2, {}, FigureUnit::score);
  EXPECT_EQ(standings({&t, &u}), (std::vector<S>{S::none, S::none}));
}

TEST(Standing, WhatIsBetter) {
  const auto of = [](const char* key, FigureUnit unit = FigureUnit::share) {
    return better({key, "", 0, {}, unit});
  };
  for (const char* high :
       {"accuracy", "tar_at_far_1e-4", "rank_1", "tpir_at_fpir_1e-2", "tar_at_far_1e-3_minus_std"})
    EXPECT_EQ(of(high), Better::high) << high;
  for (const char* low :
       {"eer", "frr_at_far_1e-3", "far", "fnir_at_fpir_0.1", "accuracy_standard_error", "spread"})
    EXPECT_EQ(of(low), Better::low) << low;
  EXPECT_EQ(of("auc", FigureUnit::number), Better::high);
  EXPECT_EQ(of("mean_rank", FigureUnit::number), Better::neither);
}

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
