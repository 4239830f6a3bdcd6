// Reading the runs that are compared.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/progress.h"
#include "fr/report/comparison.h"
#include "fr/report/json_node.h"
#include "fr/report/number.h"
#include "fr/report/protocol_csv.h"
#include "fr/run_folder.h"

namespace fr {
namespace {

constexpr double kNormal95 = 1.96;  // standard errors on either side

Interval around(double mean, double standard_error) {
  return {mean - kNormal95 * standard_error, std::min(1.0, mean + kNormal95 * standard_error)};
}

std::vector<Figure> test_figures(const JsonNode& test) {
  const double accuracy = test["accuracy"].number();
  std::vector<Figure> figures = {
      {"accuracy", "accuracy", accuracy, around(accuracy, test["accuracy_standard_error"].number())},
      {"auc", "AUC", test["auc"].number(), {}, FigureUnit::number},
      {"eer", "equal error rate (EER)", test["eer"].number()}};
  if (test.has("tar_at_far"))
    for (size_t i = 0; i < test["tar_at_far"].size(); ++i) {
      const JsonNode point = test["tar_at_far"][i];
      const double far = point["far"].number();
      figures.push_back({cat("tar_at_far_", far),
                         cat("TAR at FAR ", far),
                         point["tar"].number(),
                         {},
                         FigureUnit::share,
                         point["too_few_impostors"].yes() ? "too few impostor pairs" : ""});
    }
  if (test.has("angular_fisher_score"))
    figures.push_back({"angular_fisher",
                       "angular Fisher score (lower is better)",
                       test["angular_fisher_score"].number(),
                       {},
                       FigureUnit::number});
  return figures;
}

// The test of a training run as a protocol's result. Runs that were tested on the same pairs have the same title.
ProtocolResult training_result(const fs::path& folder, const JsonNode& test) {
  ProtocolResult r;
  r.protocol = "test", r.title = test["description"].text();
  r.score = "cosine similarity", r.calibration = "none";
  r.counts = {{"genuine pairs", test["genuine"].integer()}, {"impostor pairs", test["impostor"].integer()}};
  r.threshold = test["threshold"].number();
  r.figures = test_figures(test);
  r.notes = {
      "The interval of the accuracy of a training run is its mean over the folds and 1.96 standard errors."};
  if (!fs::exists(folder / "scores.csv")) return r;
  const ReadScores read = read_scores_csv(folder / "scores.csv");
  for (size_t i = 0; i < read.scores.size(); ++i)
    (read.same[i] ? r.genuine : r.impostor).push_back(read.scores[i]);
  ProtocolCurve curve;
  for (const RocPoint& p : roc({read.scores, read.same})) curve.points.emplace_back(p.far, p.tar);
  r.curves = {std::move(curve)};
  return r;
}

ComparedRun training_run(const fs::path& folder) {
  JsonNode::json storage;
  const JsonNode j = JsonNode::root(folder / "run.json", storage);
  ComparedRun run;
  run.path = folder;
  run.facts = {
      {"Network", j["network"].text()},
      {"Loss", j["loss"].text()},
      {"Training data", j["data"]["description"].text()},
      {"Parameters", format_count(j["parameters"].integer())},
      {"Steps", format_count(j["steps"].integer()) + " of " + format_count(j["steps_planned"].integer())},
      {"Pictures seen", format_count(j["images"].integer())},
      {"Time", duration_text(j["train_seconds"].number())},
      {"Seed", std::to_string(j["seed"].integer())},
      {"Commit", j["program"]["commit"].text()}};
  if (j.has("test")) run.results = {training_result(folder, j["test"])};
  run.train = read_train_points(folder), run.evaluations = read_eval_points(folder);
  return run;
}

// The last `parts` names of a path.
std::string last_parts(const fs::path& path, size_t parts) {
  std::vector<std::string> names;
  for (const fs::path& name : fs::absolute(path).lexically_normal())
    if (!name.empty() && name != "/") names.push_back(name.string());
  std::string text;
  for (size_t i = names.size() - std::min(parts, names.size()); i < names.size(); ++i)
    text += (text.empty() ? "" : "/") + names[i];
  return text;
}

bool file_exists(const fs::path& path) {
  std::error_code error;
  const bool found = fs::exists(path, error);
  if (error) throw Error(ErrorKind::io, cat(path.string(), ": ", error.message()));
  return found;
}

}  // namespace

ComparedRun read_run(const fs::path& folder) {
  if (file_exists(folder / "result.json")) {
    SavedResults saved = read_results(folder / "result.json");
    return {last_parts(folder, 1), folder, std::move(saved.results), std::move(saved.facts)};
  }
  if (!file_exists(folder / "run.json"))
    throw Error(
        ErrorKind::io,
        cat(folder.string(), ": neither result.json (of bin/evaluate --out) nor run.json (of bin/train)"));
  ComparedRun run = training_run(folder);
  run.name = last_parts(folder, 1);
  return run;
}

std::vector<ComparedRun> read_runs(const std::vector<fs::path>& folders) {
  std::vector<ComparedRun> runs;
  for (const fs::path& folder : folders) runs.push_back(read_run(folder));
  for (ComparedRun& run : runs)
    for (size_t parts = 1; parts <= 8; ++parts) {
      run.name = last_parts(run.path, parts);
      const auto same = std::count_if(folders.begin(), folders.end(), [&](const fs::path& other) {
        return last_parts(other, parts) == run.name;
      });
      if (same == 1) break;
    }
  return runs;
}

}  // namespace fr
