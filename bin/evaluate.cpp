// evaluate MODEL --pairs LIST --root FOLDER: verification figures of a checkpoint on a list of pairs.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::string model, pairs, root, csv;
  int thread_count = 0;
  bool check_only = false;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  Config defaults;
  auto& test = defaults.test;
  CommandLine line("evaluate",
                   "Verification accuracy (10 folds), AUC, EER and TAR@FAR of a model on a list of pairs.");
  using Need = CommandLine::Need;
  line.text("model", model, "checkpoint file or run folder", Need::required);
  line.text("--pairs", pairs, "pair list (LFW's format, `path1 path2 label`, or CSV fold,a,b,same)",
            Need::required);
  line.text("--root", root, "folder of the pictures", Need::required);
  line.text("--csv", csv, "write fold,a,b,same,score of every pair here");
  line.choice("--flip", test.flip, kFlipWords, "how the mirror image joins the embedding");
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
    LoadedModel loaded = load_model(model, placement);
    loaded.config.test = test;
    if (check_only) return std::cout << "ok: " << loaded.path.string() << ", " << data.description << "\n", 0;
    Progress progress(int64_t(data.names.size()));
    const TestResult result = evaluate(*loaded.model, data, loaded.config, &progress);
    progress.finish();
    if (!csv.empty()) write_scores_csv(csv, result, data.names);
    std::cout << "model  " << loaded.path.string() << " (step " << loaded.info.step << ")\n"
              << to_text(figures(result));
    return 0;
  });
}
