// train CONFIG [section.key=value ...]: train a network, verify unseen identities, write a run folder.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "fr/pfe/base_model.h"
#include "fr/stop_signal.h"
#include "fr/summary.h"

using namespace fr;

namespace {

struct Arguments {
  std::string file;
  std::vector<std::string> overrides;
  bool resume = false, check = false, describe = false, document = false;
};

int start(const Arguments& a, const Config& config) {
  Session session(config);
  if (!session.data.notes.empty()) std::cerr << session.data.notes;
  if (device()) std::cerr << "computing on " << to_string(session.placement) << "\n";
  if (a.check)
    return std::cout << "ok: " << session.data.description << ", " << session.steps << " steps\n", 0;
  RunFolder folder(fs::path(config.run.folder) / config.run.name,
                   a.resume ? RunFolder::Mode::resume : RunFolder::Mode::fresh);
  if (!folder.moved_to().empty()) std::cerr << "the earlier run was moved to " << folder.moved_to() << "\n";
  if (a.resume) {
    // Without a checkpoint the run ended before its first: from step 0 it is the same, bit for bit.
    if (!list_checkpoints(folder.path()).empty()) session.resume(folder);
    folder.drop_metrics_after(session.step);
    const auto points = folder.train_points();
    if (!points.empty()) session.earlier_seconds = points.back().seconds;
    std::cerr << "resuming at step " << session.step << " of " << session.steps << "\n";
  }
  write_file_atomic(folder / "config.ini", session.resolved);
  watch_stop_signals();
  const RunResult result = run(session, folder);
  write_summary(session, folder, result);
  if (result.stopped_by) {
    std::cerr << "stopped at step " << session.step << " of " << session.steps
              << "; everything is saved. Go on with:\n    bin/train " << a.file << " --resume";
    for (const auto& o : a.overrides) std::cerr << " '" << o << "'";
    std::cerr << "\n";
    return 128 + result.stopped_by;
  }
  if (result.test) std::cout << to_text(figures(*result.test)) << to_text(group_figures(*result.test));
  std::cout << "report  " << (folder / "report.html").string() << "\n";
  return 0;
}

void describe_network(const Config& config) {
  const std::vector<LayerDescription> layers = describe(config.network);
  std::cout << to_text(layers) << "\npictures: " << to_text(preprocessing_of(config)) << "\n\n"
            << to_text(training_memory(layers, config.train.batch));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line("train", "Trains a face-recognition network and verifies unseen identities.");
  line.text("config", a.file, "configuration file (INI)");
  line.texts("overrides", a.overrides, "section.key=value, stronger than the file");
  line.flag("--resume", a.resume, "go on from the run's newest checkpoint");
  line.flag("--check", a.check, "check configuration and data, do nothing");
  line.flag("--describe", a.describe, "print the network layer by layer and its memory, do nothing");
  line.flag("--document", a.document, "print every configuration key as Markdown, do nothing");
  return line.run(argc, argv, [&] {
    Config config;
    Schema schema = describe(config);
    if (a.document) return std::cout << configuration_document(schema), 0;
    if (a.file.empty())
      throw Error(ErrorKind::usage, "no configuration file given; try configs/quickstart.ini, or --help");
    schema.read_ini(a.file);
    for (const auto& o : a.overrides) schema.override_with(o);
    adopt_base_model(config);
    if (config.run.name.empty()) config.run.name = fs::path(a.file).stem().string();
    check(config);
    if (config.run.threads > 0) set_threads(int(config.run.threads));
    select_methods(config.run);
    if (a.describe) return describe_network(config), 0;
    return start(a, config);
  });
}
