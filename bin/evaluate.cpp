// evaluate MODEL --pairs LIST --root FOLDER: verification figures of a checkpoint on a list of pairs.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/program.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::string model, pairs, root, csv;
  int thread_count = 0;
  bool check_only = false;
  Config defaults;
  auto& test = defaults.test;
  CLI::App app("Verification accuracy (10 folds), AUC, EER and TAR@FAR of a model on a list of pairs.",
               "evaluate");
  app.add_option("model", model, "checkpoint file or run folder")->required();
  app.add_option("--pairs", pairs, "pair list (LFW's format, `path1 path2 label`, or CSV fold,a,b,same)")
      ->required();
  app.add_option("--root", root, "folder of the pictures")->required();
  app.add_option("--csv", csv, "write fold,a,b,same,score of every pair here");
  app.add_option("--flip", test.flip, "how the mirror image joins the embedding")
      ->transform(CLI::CheckedTransformer(std::map<std::string, FlipMode>{
          {"none", FlipMode::none}, {"sum", FlipMode::sum}, {"concatenate", FlipMode::concatenate}}));
  app.add_option("--threshold", test.threshold, "how a fold's threshold is chosen on the others")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ThresholdMode>{{"exact", ThresholdMode::exact},
                                               {"insightface", ThresholdMode::insightface},
                                               {"sphereface", ThresholdMode::sphereface}}));
  app.add_flag("--centre", test.centre, "subtract the mean embedding of the training folds first");
  app.add_option("--batch", test.batch, "pictures a forward pass")->check(CLI::Range(1, 65536));
  app.add_option("--threads", thread_count, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_flag("--check", check_only, "check model and pictures, do nothing");
  return run_program(app, argc, argv, [&] {
    if (thread_count > 0) set_threads(thread_count);
    const TestData data = pair_list(pairs, root);
    LoadedModel loaded = load_model(model);
    loaded.config.test = test;
    if (check_only) return std::cout << "ok: " << loaded.path.string() << ", " << data.description << "\n", 0;
    Progress progress(int64_t(data.names.size()));
    const VerificationResult result = evaluate(*loaded.model, data, loaded.config, &progress);
    progress.finish();
    if (!csv.empty()) write_scores_csv(csv, result, data.names);
    std::cout << "model  " << loaded.path.string() << " (step " << loaded.info.step << ")\n"
              << to_text(figures(result));
    return 0;
  });
}
