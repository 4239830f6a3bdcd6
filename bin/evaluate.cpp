// evaluate MODEL... protocol=... [key=value ...]: what a model, or several together, reach under a protocol.
#include <iostream>

#include "base/parallel.h"
#include "base/version.h"
#include "bin/common/command_line.h"
#include "fr/evaluation.h"
#include "fr/report/protocol_report.h"

using namespace fr;

namespace {

struct Arguments {
  std::vector<std::string> words, models;  // all; those that are no settings
  std::string config, out;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  int threads = 0;
  bool allow_missing = false, check = false, document = false;
};

// "key=value"; in a path, a folder's name may hold a '='.
bool is_setting(const std::string& word) {
  const size_t equals = word.find('=');
  return equals != std::string::npos && word.find('/') >= equals;
}

// The file first, then the words, which are stronger; those that are no settings are models.
void read_settings(Arguments& a, Schema& schema) {
  if (!a.config.empty()) schema.read_ini(a.config);
  for (const auto& word : a.words) is_setting(word) ? schema.override_with(word) : a.models.push_back(word);
  if (a.models.empty())
    throw Error(ErrorKind::usage, "no model given: a checkpoint file or a run folder; see --help");
}

ReportFacts facts_of(const std::vector<LoadedModel>& models, const Placement& placement,
                     const Protocol& protocol, const EvaluationConfig& config, const Schema& schema) {
  ReportFacts facts;
  for (const LoadedModel& m : models)
    facts.emplace_back("Model", cat(m.path.string(), " (step ", m.info.step, ")"));
  facts.emplace_back(kWeightsFact, weights_of(models));
  facts.emplace_back(kFlipFact, config.calibration.flip);
  facts.emplace_back(kPatchFact, config.calibration.patch);
  facts.emplace_back("Data", protocol.description());
  for (const Key& key : schema.keys())
    if (key.name == "average") facts.emplace_back(key.name, key.get());
  facts.emplace_back("Computed on", to_string(placement));
  facts.emplace_back("Program", version_text());
  return facts;
}

int evaluate_models(const Arguments& a, EvaluationConfig& config, const Schema& schema) {
  const Placement placement = placement_of(a.device, a.precision);
  const std::unique_ptr<Protocol> protocol = make_protocol(config);
  const std::vector<LoadedModel> models = load_models(a.models, placement);
  config.flip = flip_of(config, models);
  config.calibration.weights = weights_of(models), config.calibration.flip = flip_word(*config.flip);
  config.calibration.variances = variances_of(models.front());
  const std::vector<Patch> patches = patches_of(models, config.patch);
  for (const Patch patch : patches)
    config.calibration.patch += (config.calibration.patch.empty() ? "" : "+") + patch_word(patch);
  const std::vector<EnsembleMember> members = members_of(models, patches);
  if (a.check) make_calibrator(config.calibration);  // does its file fit?
  if (a.check) return std::cout << "ok: " << paths_text(models) << ", " << protocol->description() << "\n", 0;
  Progress progress(int64_t(protocol->pictures().names.size() * members.size()));
  const std::vector<ProtocolResult> results =
      config.one_shot_scores == OneShotScores::classes
          ? std::vector{evaluate_classes(config, models, members, &progress)}
          : evaluate(*protocol, members, config, &progress);
  progress.finish();
  for (const LoadedModel& m : models)
    std::cout << "model  " << m.path.string() << " (step " << m.info.step << ")\n";
  for (const ProtocolResult& result : results) std::cout << to_text(result);
  if (a.out.empty()) return 0;
  write_protocol_report(a.out, results, protocol->pictures(),
                        facts_of(models, placement, *protocol, config, schema));
  std::cout << "report  " << (fs::path(a.out) / "report.html").string() << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line("evaluate",
                   "Evaluates a model, or several together, under a protocol: evaluate MODEL... "
                   "protocol=lfw root=FACES list=pairs.txt [key=value ...]. docs/protocols.md has every "
                   "protocol, docs/evaluation.md every key.");
  line.texts("arguments", a.words, "checkpoint files or run folders; settings as key=value");
  line.text("--config", a.config, "settings from an INI file, weaker than those given here");
  line.text("--out", a.out, "write the report, result.json and CSV files into this folder");
  line.flag("--allow-missing", a.allow_missing,
            "leave pairs out whose pictures are missing, and say how many are used");
  line.choice("--device", a.device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", a.precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", a.threads, "0: all cores", 0, 1024);
  line.flag("--check", a.check, "check settings, files and models, do nothing");
  line.flag("--document", a.document, "print every key as Markdown, do nothing");
  return line.run(argc, argv, [&] {
    EvaluationConfig config;
    Schema schema = describe(config);
    if (a.document) return std::cout << evaluation_document(schema), 0;
    if (a.threads > 0) set_threads(a.threads);
    read_settings(a, schema);
    config.missing = a.allow_missing ? Missing::drop : Missing::error;
    return evaluate_models(a, config, schema);
  });
}
