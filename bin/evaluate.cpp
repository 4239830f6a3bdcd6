// evaluate MODEL... --pairs LIST --root FOLDER: verification figures of a model, or of several together.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "fr/ensemble.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::vector<std::string> paths;
  std::string pairs, root, csv, patch;
  Average average = Average::none;
  int thread_count = 0;
  bool check_only = false;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  Config defaults;
  auto& test = defaults.test;
  CommandLine line("evaluate",
                   "Verification accuracy (10 folds), AUC, EER and TAR@FAR of a model, or of several "
                   "together, on a list of pairs.");
  using Need = CommandLine::Need;
  line.texts("models", paths, "checkpoint files or run folders", Need::required);
  line.text("--pairs", pairs, "pair list (LFW's format, `path1 path2 label`, or CSV fold,a,b,same)",
            Need::required);
  line.text("--root", root, "folder of the pictures", Need::required);
  line.text("--csv", csv, "write fold,a,b,same,score of every pair here");
  line.text(
      "--patch", patch,
      "full, upper or centre, for all models or one for each with commas between; default: what a model was "
      "trained on");
  line.choice(
      "--average", average, kAverageWords,
      "of several models: none puts their embeddings side by side, scores takes the mean of their scores");
  line.choice("--flip", test.flip, kFlipWords,
              "how the mirror image joins the embedding; mean is half of sum: the same scores");
  line.choice("--threshold", test.threshold, kThresholdWords,
              "how a fold's threshold is chosen on the others");
  line.flag("--centre", test.centre, "subtract the mean embedding of the training folds first");
  line.number<int64_t>("--batch", test.batch, "pictures a forward pass", 1, 65536);
  line.choice("--device", device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", thread_count, "0: all cores", 0, 1024);
  line.flag("--check", check_only, "check model and pictures, do nothing");
  return line.run(argc, argv, [&] {
    if (thread_count > 0) set_threads(thread_count);
    const Placement placement = placement_of(device, precision);
    const TestData data = pair_list(pairs, root);
    const std::vector<LoadedModel> models = load_models(paths, placement);
    const std::vector<EnsembleMember> members = members_of(models, patches_of(models, patch));
    if (check_only) return std::cout << "ok: " << paths_text(models) << ", " << data.description << "\n", 0;
    Progress progress(int64_t(data.names.size() * members.size()));
    const TestResult result = evaluate(members, data, test, average, &progress);
    progress.finish();
    if (!csv.empty()) write_scores_csv(csv, result, data.names);
    for (const LoadedModel& m : models)
      std::cout << "model  " << m.path.string() << " (step " << m.info.step << ")\n";
    std::cout << to_text(figures(result));
    return 0;
  });
}
