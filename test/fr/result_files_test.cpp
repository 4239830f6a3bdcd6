// result.json and the CSV files: every digit, and every fault with its file and key.
#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <sstream>

#include "data/text.h"
#include "fr/report/protocol_csv.h"
#include "fr/report/protocol_report.h"
#include "test/data/temporary.h"
#include "test/fr/reported_results.h"

namespace fr {
namespace {

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

TEST(ProtocolFiles, NoScoresOfAnEarlierRunStay) {
  const TemporaryFolder folder;
  ProtocolResult a = verification(), b = a;
  b.calibration = "s_norm";
  const auto files_after = [&](const std::vector<ProtocolResult>& results) {
    write_protocol_report(folder.path, results, picture_list(), {});
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path))
      if (const std::string name = entry.path().filename(); name.rfind("scores", 0) == 0) names.insert(name);
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(files_after({a, b}), (Names{"scores-lfw-none.csv", "scores-lfw-s_norm.csv"}));
  folder.put("scores-mine.csv", "somebody's own");
  EXPECT_EQ(files_after({a}), (Names{"scores-mine.csv", "scores.csv"}));
  EXPECT_EQ(files_after({drawn_identification(1)}), (Names{"scores-mine.csv"}));
}

TEST(ProtocolFiles, CsvHoldsEveryDigit) {
  ProtocolResult r = unknown_result();
  r.title = "a \"b\"", r.figures[0].value = 0.1 + 0.2;
  EXPECT_TRUE(
      contains(figures_csv({{"run", &r}}),
               "run,verification,\"a \"\"b\"\"\",,accuracy,accuracy,share,0.30000000000000004,-inf,inf,\n"));
  EXPECT_TRUE(contains(curves_csv({{"run", &r}}), ",,roc,r,nan,1\n"));
}

}  // namespace
}  // namespace fr
