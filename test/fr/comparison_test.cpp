// Several runs side by side: evaluations and training runs.
#include "fr/report/comparison.h"

#include <gtest/gtest.h>

#include "data/text.h"
#include "fr/report/figure_text.h"
#include "fr/report/protocol_sections.h"
#include "test/data/temporary.h"
#include "test/fr/drawn_results.h"
#include "test/fr/page_checks.h"

namespace fr {
namespace {

void put_evaluation(const fs::path& folder, double mean, uint64_t seed) {
  ProtocolResult lfw = drawn_verification("LFW", "none", mean, 4, seed),
                 cfp = drawn_verification("CFP-FP", "none", mean - 0.2, 4, seed + 9);
  write_file_atomic(folder / "result.json", to_json({lfw, cfp}, {{"Model", folder.filename().string()}}));
}

// As bin/train leaves it.
void put_training_run(const TemporaryFolder& work, const std::string& name) {
  work.put(
      name + "/run.json",
      R"({"name": "t", "network": "resnet-27", "loss": "softmax", "seed": 3, "program": {"commit": "abc"},
 "data": {"description": "made-up faces"}, "parameters": 1234567, "steps": 20, "steps_planned": 20, "images": 640,
 "train_seconds": 75.0, "test": {"description": "4 pairs", "pairs": 4, "genuine": 2, "impostor": 2, "accuracy": 0.75,
 "accuracy_standard_error": 0.1, "auc": 0.875, "eer": 0.25, "threshold": 0.4,
 "tar_at_far": [{"far": 0.1, "tar": 0.5, "too_few_impostors": true}], "angular_fisher_score": 0.31}})");
  work.put(name + "/scores.csv",
           "fold,a,b,same,score\n0,\"a,1\",b,1,0.9\n0,c,d,0,0.5\n1,e,f,1,0.3\n1,g,h,0,-0.25\n");
  work.put(name + "/metrics.jsonl",
           "{\"kind\":\"train\",\"step\":10,\"loss\":3.5}\n{\"kind\":\"train\",\"step\":20,\"loss\":2.5}\n"
           "{\"kind\":\"evaluation\",\"step\":10,\"accuracy\":0.6,\"auc\":0.7}\n"
           "{\"kind\":\"evaluation\",\"step\":20,\"accuracy\":0.75,\"auc\":0.8}\n{\"kind\":\"tr");
}

TEST(Comparison, PutsTheFiguresOfRunsSideBySide) {
  const TemporaryFolder work;
  put_evaluation(work.path / "x" / "eval", 0.6, 1);
  put_evaluation(work.path / "y" / "eval", 0.66, 2);
  put_training_run(work, "t");
  const auto runs = read_runs({work.path / "x" / "eval", work.path / "y" / "eval" / "", work.path / "t"});
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].name, "x/eval");
  EXPECT_EQ(runs[1].name, "y/eval");
  EXPECT_EQ(runs[2].name, "t");
  const std::string html = render_comparison(runs);
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "<h1>3 runs side by side</h1>"));
  EXPECT_EQ(occurrences(html, "<th>x/eval</th><th>y/eval</th>"),
            4u);                                              // all protocols, LFW, CFP-FP, the facts
  EXPECT_EQ(occurrences(html, "ROC: true accept rate"), 3u);  // LFW, CFP-FP, the pairs of the training run
  EXPECT_TRUE(contains(html, "<td>LFW: accuracy</td>"));
  EXPECT_TRUE(contains(html, "Training loss") && contains(html, "Held-out accuracy"));
  EXPECT_TRUE(contains(html, "<td>Commit</td><td>\u2013</td><td>\u2013</td><td>abc</td>"));
  EXPECT_TRUE(contains(html, "\u2605"));
  EXPECT_EQ(
      render_comparison(read_runs({work.path / "x" / "eval", work.path / "y" / "eval", work.path / "t"})),
      html);
}

TEST(Comparison, TrainingRunsHaveTheFiguresOfTheirTest) {
  const TemporaryFolder work;
  put_training_run(work, "t");
  const ComparedRun run = read_run(work.path / "t");
  ASSERT_EQ(run.results.size(), 1u);
  const ProtocolResult& r = run.results[0];
  EXPECT_EQ(r.title, "4 pairs");
  EXPECT_EQ(r.figures[0].value, 0.75);
  EXPECT_TRUE(std::abs(r.figures[0].interval.low - (0.75 - 0.196)) <= 1e-12);
  EXPECT_EQ(r.figures[3].key, "tar_at_far_0.1");
  EXPECT_EQ(r.figures[3].warning, "too few impostor pairs");
  EXPECT_EQ(r.genuine, (std::vector<double>{0.9, 0.3}));
  EXPECT_EQ(r.impostor, (std::vector<double>{0.5, -0.25}));
  ASSERT_EQ(r.curves.size(), 1u);
  EXPECT_EQ(r.curves[0].points,
            (std::vector<std::pair<double, double>>{{0, 0}, {0, 0.5}, {0.5, 0.5}, {0.5, 1}, {1, 1}}));
  ASSERT_EQ(run.train.size(), 2u);  // the torn line is none
  EXPECT_EQ(run.train[1].loss, 2.5);
  EXPECT_EQ(run.evaluations.size(), 2u);
}

TEST(Comparison, CalibrationsOfARunAreColumns) {
  const TemporaryFolder work;
  ProtocolResult before = drawn_verification("LFW", "none", 0.6, 4, 1),
                 after = drawn_verification("LFW", "s_norm", 0.65, 4, 2);
  work.put("a/result.json", to_json({before, after}, {}));
  const std::string html = render_comparison(read_runs({work.path / "a"}));
  EXPECT_TRUE(contains(html, "<h1>1 run</h1>"));
  EXPECT_TRUE(contains(html, "<th>a</th><th>a, s_norm</th><th>change with a, s_norm</th>"));
}

TEST(Comparison, WritesPageCsvAndJson) {
  const TemporaryFolder work;
  put_evaluation(work.path / "a", 0.6, 1);
  const auto runs = read_runs({work.path / "a"});
  write_comparison(work.path / "out" / "both.html", runs);
  EXPECT_EQ(read_text(work.path / "out" / "both.html"), render_comparison(runs));
  const auto lines = text::read_lines(work.path / "out" / "both.csv");
  EXPECT_EQ(lines.size(), 1 + 2 * runs[0].results[0].figures.size());
  EXPECT_EQ(lines[1].text.rfind("a,verification,LFW,none,accuracy,accuracy,share,", 0), 0u);
  const std::string json = read_text(work.path / "out" / "both.json");
  EXPECT_TRUE(contains(json, "\"format\": \"prosopon-comparison-1\""));
  EXPECT_FALSE(contains(json, "\"curves\""));
  EXPECT_ERROR(usage, "page.htm: the name of a page ends in .html",
               write_comparison(work.path / "page.htm", runs));
}

TEST(Comparison, FaultsNameFileAndKey) {
  const TemporaryFolder work;
  EXPECT_ERROR(io, "nothing: neither result.json (of bin/evaluate --out) nor run.json (of bin/train)",
               read_runs({work.path / "nothing"}));
  EXPECT_ERROR(io, "File name too long", read_runs({work.path / std::string(300, 'x')}));
  put_training_run(work, "t");
  work.put("t/run.json", "{\"network\": 3}");
  EXPECT_ERROR(data, "run.json: network: a string expected, found the number 3", read_run(work.path / "t"));
  put_training_run(work, "t");
  for (const char* line : {"0,a,b,2,0.5", "0,a,b,1,nan", "0,a,b,1,0.5x", "0,a,b,1"}) {
    work.put("t/scores.csv", cat("fold,a,b,same,score\n", line, "\n"));
    EXPECT_ERROR(data, cat("scores.csv:2: fold,a,b,same,score expected, found '", line, "'"),
                 read_run(work.path / "t"));
  }
  work.put("t/scores.csv", "a,b\n");
  EXPECT_ERROR(data, "scores.csv:1: the header fold,a,b,same,score expected, found 'a,b'",
               read_run(work.path / "t"));
  fs::remove(work.path / "t" / "scores.csv");
  EXPECT_TRUE(read_run(work.path / "t").results[0].curves.empty());
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

}  // namespace
}  // namespace fr
