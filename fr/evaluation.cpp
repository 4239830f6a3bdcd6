#include "fr/evaluation.h"

#include <algorithm>
#include <sstream>

#include "fr/evaluation_galleries.h"
#include "fr/evaluation_sets.h"

namespace fr {
namespace {

std::vector<std::pair<std::string, std::string>> protocol_words() {
  std::vector<std::pair<std::string, std::string>> words;
  for (const ProtocolRow& row : protocol_table()) words.emplace_back(row.word, row.word);
  return words;
}

// "full upper", as a list of settings comes, -> "full,upper", as patches_of() takes it; and as an INI file has it.
std::string joined(const std::string& entries) {
  std::istringstream in(entries);
  std::string words;
  for (std::string word; in >> word;) words += (words.empty() ? "" : ",") + word;
  return words;
}
std::string quoted(const std::string& words) { return words.empty() ? "\"\"" : words; }

void describe_scores(Schema& s, EvaluationConfig& c) {
  s.choice("threshold", c.options.threshold, kThresholdWords,
           "how a fold's threshold is chosen on the others");
  s.choice("flip", c.flip, flip_or_model_words(),
           "how the mirror image joins the embedding; model: as the model's file says; mean is half of sum: "
           "the same scores");
  s.flag("centre", c.options.centre, "subtract the mean embedding of the other folds first");
  s.integer("batch", c.batch, 1, 65536, "pictures a forward pass", Affects::speed);
  s.entries("patch", c.patch, joined, quoted, "one or several of: full, upper, centre",
            "for all models or one for each with commas between; empty: what a model was trained on");
  s.choice(
      "average", c.average, kAverageWords,
      "of several models: none puts their embeddings side by side, scores takes the mean of their scores");
  s.choice("pooling", c.pooling, kPoolingWords, "of a video's frames");
  s.reals("far", c.options.far, 0, 1, "false accept rates at which TAR is told");
  s.reals("card", c.options.card, 0, 1, "false accept rates of the threshold card");
}

void describe_calibration(Schema& s, CalibrationOptions& c) {
  s.choice("calibration.type", c.type, kCalibrationWords, "what makes scores of two embeddings");
  s.text("calibration.file", c.file, "what the calibrator was given to know; none needs no file");
  s.integer("calibration.top", c.top, 0, 100'000'000,
            "only the so many most similar of the cohort, or of the anchors (k of ida_r and pfe_ida), count; "
            "0: as the file "
            "says, else all of a cohort, 10 anchors");
  s.real_or("calibration.tau", c.tau, 0, 1e6, {"file", CalibrationOptions::kAsTheFile},
            "of ida_r and pfe_ida; file: as the file says, else 1");
  s.choice("calibration.fusion", c.fusion, kFusionWords,
           "of pfe and pfe_ida: the variance of a template or video: that of independent pictures, or the "
           "smallest of any");
}

void describe_bootstrap(Schema& s, BootstrapOptions& b) {
  s.integer("bootstrap.replicates", b.replicates, 0, 1'000'000,
            "draws of the people behind a confidence interval; 0: no intervals");
  s.real("bootstrap.confidence", b.confidence, 0.5, 0.9999, "of the intervals");
  s.integer("bootstrap.seed", b.seed, 0, int64_t{1} << 62, "of the draws");
}

void describe_ijb(Schema& s, EvaluationConfig::Ijb& c) {
  s.text("ijb.name", c.name, "IJB-B or IJB-C: the title");
  s.text("ijb.members", c.members, "list of picture, template, medium: ijbc_face_tid_mid.txt");
  s.text("ijb.landmarks", c.landmarks,
         "list of picture, landmarks, detector's score: ijbc_name_5pts_score.txt");
  s.text("ijb.pairs", c.pairs, "1:1: list of template, template, label: ijbc_template_pair_label.txt");
  s.text("ijb.gallery_1", c.gallery_1, "1:N: CSV of templates and subjects");
  s.text("ijb.gallery_2", c.gallery_2, "1:N: another gallery; empty: only one");
  s.text("ijb.probes", c.probes, "1:N: CSV of templates and subjects");
  s.choice<IjbCrops>("ijb.crops", c.crops, {{"loose", IjbCrops::loose}, {"aligned", IjbCrops::aligned}},
                     "loose: aligned by the landmarks; aligned: taken as they are");
  s.choice<FeatureNorm>("ijb.norm", c.norm, {{"keep", FeatureNorm::keep}, {"unit", FeatureNorm::unit}},
                        "of a picture's feature in its template");
  s.choice<DetectorScores>("ijb.detector", c.detector,
                           {{"ignore", DetectorScores::ignore}, {"multiply", DetectorScores::multiply}},
                           "multiply: a picture counts as much as its detector's score");
}

void describe_megaface(Schema& s, EvaluationConfig::Megaface& c) {
  s.text("megaface.probes", c.probes, "JSON list of probes");
  s.text("megaface.distractors", c.distractors, "JSON list of distractors");
  s.text("megaface.distractor_root", c.distractor_root, "folder of the distractors; empty: root");
  s.text("megaface.probe_noise", c.probe_noise, "list of wrongly labelled probes; empty: none");
  s.text("megaface.distractor_noise", c.distractor_noise,
         "list of distractors that are probes' people; empty: none");
  s.integer("megaface.largest", c.largest, 1, 100'000'000, "only the first so many distractors of the list");
  s.text("megaface.features", c.features,
         "suffix of feature files that take the place of pictures; empty: pictures");
}

// What only verification with folds, or of videos, uses.
const std::vector<std::string> kOfFolds = {"threshold", "centre", "pooling"};

void refuse_unused(const ProtocolRow& row, const EvaluationConfig& config) {
  EvaluationConfig given = config, untouched;
  const Schema settings = describe(given), defaults = describe(untouched);
  for (size_t i = 0; i < settings.keys().size(); ++i) {
    const Key& key = settings.keys()[i];
    const bool unused = std::count(row.unused.begin(), row.unused.end(), key.name) > 0;
    if (unused && key.get() != defaults.keys()[i].get())
      throw Error(ErrorKind::usage,
                  cat(key.name, " = ", key.get(), ": protocol = ", row.word, " does not use it"));
  }
}

}  // namespace

const std::vector<ProtocolRow>& protocol_table() {
  static const std::vector<ProtocolRow> table = {
      {"pairs", "root: pictures; list: any list of pairs below, with or without folds and groups",
       make_pairs},
      {"lfw", "root: pictures NAME/NAME_0001.jpg; list: pairs.txt", make_lfw},
      {"cfp_fp", "root: the folder of Protocol and Data; list: Protocol/Split/FP if not named", make_cfp_fp},
      {"cfp_ff", "root: the folder of Protocol and Data; list: Protocol/Split/FF if not named", make_cfp_ff},
      {"agedb_30", "root: pictures; list: text, lines of path1 path2 label, fold after fold", make_agedb_30},
      {"calfw", "root: pictures; list: pairs_CALFW.txt", make_calfw},
      {"cplfw", "root: pictures; list: pairs_CPLFW.txt", make_cplfw},
      {"rfw", "root: the folder data; list: the folder txts, or CSV with a column group", make_rfw},
      {"afw", "root: pictures; list: as for rfw: a folder of GROUP/GROUP_pairs.txt, or CSV", make_afw},
      {"ytf", "root: the folder of the people's folders; list: splits.txt", make_ytf},
      {"bin", "list: a .bin file of insightface, pictures included", make_bin},
      {"ijb_1_1", "root: the folder loose_crop; ijb.members, ijb.landmarks, ijb.pairs", make_ijb_1_1,
       kOfFolds},
      {"ijb_1_n",
       "root: the folder loose_crop; ijb.members, ijb.landmarks, ijb.gallery_1, ijb.gallery_2, ijb.probes",
       make_ijb_1_n, kOfFolds},
      {"megaface",
       "root: FaceScrub's pictures or features; megaface.probes, megaface.distractors, "
       "megaface.distractor_root",
       make_megaface, kOfFolds},
      {"blufr", "root: pictures NAME/NAME_0001.jpg; list: the folder that scripts/blufr_to_text.py writes",
       make_blufr, kOfFolds},
      {"identification", "root: pictures; identification.gallery and .probes, or root alone: PERSON/PICTURE",
       make_identification, kOfFolds},
      {"coverage", "root: pictures; coverage.gallery and .probes, or root alone: PERSON/PICTURE",
       make_coverage, kOfFolds},
  };
  return table;
}

std::unique_ptr<Protocol> make_protocol(const EvaluationConfig& config) {
  const auto& table = protocol_table();
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const ProtocolRow& r) { return r.word == config.protocol; });
  if (row == table.end())
    throw Error(ErrorKind::usage, cat("protocol = ", config.protocol, ": no such protocol"));
  refuse_unused(*row, config);
  return row->make(config);
}

Schema describe(EvaluationConfig& c) {
  Schema s;
  s.choice("protocol", c.protocol, protocol_words(), "what is evaluated");
  s.text("root", c.root, "folder of the pictures");
  s.text("list", c.list, "the protocol's list, as it stands or below root");
  describe_scores(s, c);
  describe_calibration(s, c.calibration);
  describe_bootstrap(s, c.options.bootstrap);
  describe_ijb(s, c.ijb);
  describe_megaface(s, c.megaface);
  describe_galleries(s, c);
  return s;
}

FlipMode flip_of(const EvaluationConfig& config, const std::vector<LoadedModel>& models) {
  if (config.flip) return *config.flip;
  for (const LoadedModel& m : models)
    if (m.info.input.flip != models.front().info.input.flip)
      throw Error(ErrorKind::usage, cat("flip: ", models.front().path.string(), " and ", m.path.string(),
                                        " say different things; choose one for both"));
  return models.front().info.input.flip;
}

std::vector<ProtocolResult> evaluate(const Protocol& protocol, const std::vector<EnsembleMember>& members,
                                     const EvaluationConfig& c, Progress* progress) {
  std::vector<std::unique_ptr<Calibrator>> calibrators;
  calibrators.push_back(make_calibrator({}));
  auto chosen = make_calibrator(c.calibration);  // of the cosine too: its settings are checked
  if (c.calibration.type != CalibrationType::none) calibrators.push_back(std::move(chosen));
  const bool distributions = scores_distributions(c.calibration.type);
  const std::vector<Embeddings> embeddings =
      embed(members, protocol.pictures(), c.flip.value_or(FlipMode::concatenate), c.batch, c.average,
            progress, distributions ? EmbeddingKind::distributions : EmbeddingKind::points);
  std::vector<std::vector<float>> means(embeddings.size());
  ModelEmbeddings points, all;
  for (size_t m = 0; m < embeddings.size(); ++m) {
    all.push_back(embeddings[m].view());
    points.push_back(distributions ? mean_columns(all[m], means[m]) : all[m]);
  }
  std::vector<ProtocolResult> results;
  for (const auto& calibrator : calibrators)
    results.push_back(protocol.evaluate(calibrator->fusion() ? all : points, *calibrator, c.options));
  return results;
}

std::string evaluation_document(const Schema& schema) {
  std::string text =
      "# Settings of an evaluation\n\nWritten by `make docs` from the schema in `fr/evaluation.cpp`. Each is "
      "given to `bin/evaluate` as `key=value` or\n`section.key=value`, or stands in an INI file behind "
      "`--config`; the command line is stronger. The protocols themselves:\n[protocols.md](protocols.md).\n" +
      schema.to_markdown() + "\n## Files of the protocols\n\n| protocol | files |\n|---|---|\n";
  for (const ProtocolRow& row : protocol_table()) text += cat("| ", row.word, " | ", row.files, " |\n");
  return text;
}

}  // namespace fr
