// Reports of protocols as text and as page: what they say is what was measured.
#include "fr/report/protocol_report.h"

#include <gtest/gtest.h>

#include <locale>
#include <sstream>

#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_csv.h"
#include "test/fr/reported_results.h"

namespace fr {
namespace {

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

}  // namespace
}  // namespace fr
