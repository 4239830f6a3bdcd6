// anchors MODEL [section.key=value ...] --out FILE: embeddings of people by whose density scores are aligned (IDA-R).
#include <iostream>

#include "bin/common/embedding_arguments.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/discrepancy_figures.h"
#include "fr/calibration/labelled_pictures.h"
#include "fr/report/discrepancy_page.h"

using namespace fr;

namespace {

enum class From { one_each, training, class_weights, pictures };

struct Arguments {
  EmbeddingArguments embedding;
  std::vector<std::string> settings, inputs;
  std::string out, report;
  From from = From::one_each;
  int64_t count = 50'000, k = kUsualNeighbours, sample = 2000;
  double tau = kUsualTau, duplicates = 0.95;
  uint64_t seed = 1;
};

void declare(CommandLine& line, Arguments& a) {
  a.embedding.declare_model(line);
  line.texts("settings", a.settings,
             "of the training pictures, data.root=FOLDER and the like; what is not named is as in training");
  line.text("--out", a.out, "the calibration file (docs/formats.md)", CommandLine::Need::required);
  line.choice<From>(
      "--from", a.from,
      {{"one_each", From::one_each},
       {"training", From::training},
       {"class_weights", From::class_weights},
       {"pictures", From::pictures}},
      "one random training picture a person, all of them, the classifier's weights, or --pictures");
  line.texts("--pictures", a.inputs, "files, or folders that are searched: a generator's, a domain's");
  line.number<int64_t>("--count", a.count, "so many random people or pictures at most; 0: all", 0);
  line.number("--duplicates", a.duplicates,
              "leave out whose cosine with an earlier one is above this; 1: none", 0.0, 1.0);
  line.number<int64_t>("--k", a.k, "so many nearest anchors are the support set", 1);
  line.number("--tau", a.tau, "of the sums over the support set", 0.0, 1e6);
  line.number<uint64_t>("--seed", a.seed, "of the choices");
  line.text("--report", a.report, "write a page with figures of training pictures here");
  line.number<int64_t>("--sample", a.sample, "training pictures of the figures", 2);
  a.embedding.declare_flip(line), a.embedding.declare_computation(line);
}

LabelledPictures pictures_of(const Arguments& a, const LoadedModel& model) {
  if (a.from != From::pictures) {
    const TrainingData data = training_data_of(model, a.settings);
    return a.from == From::one_each ? one_of_each_person(data, a.count, a.seed)
                                    : random_pictures(all_pictures(data), a.count, a.seed);
  }
  const FoundPictures found = find_pictures(a.inputs);
  for (const auto& reason : found.skipped) std::cerr << "skipped: " << reason << "\n";
  return random_pictures(found_pictures(found, a.inputs), a.count, a.seed);
}

Cohort make_anchors(const Arguments& a, const LoadedModel& model) {
  const FlipMode flip = a.embedding.flip_of(model);
  if (a.from == From::class_weights) {
    const std::vector<std::string> names = names_of_weights(model, a.settings);
    if (names.empty())
      std::cerr << "note: nothing names the people of the class weights, so that a test cannot leave out a "
                   "person's own one; data.root=FOLDER names them\n";
    return random_rows(class_weights(model, flip, names), a.count, a.seed);
  }
  LabelledPictures pictures = pictures_of(a, model);
  const EmbeddedPictures e = embed_pictures(model, pictures, flip, a.embedding.batch);
  for (const auto& reason : e.skipped) std::cerr << "skipped: " << reason << "\n";
  Cohort c;
  c.rows = e.rows.rows, c.M = e.rows.N, c.D = e.rows.D, c.people = pictures.people, c.from = pictures.from;
  c.origin = origin_of(model, flip);
  return c;
}

void write_page(const Arguments& a, const LoadedModel& model, const AnchorDiscrepancy& ida) {
  const DiscrepancySample sample = discrepancy_sample(model, training_data_of(model, a.settings), a.sample,
                                                      a.embedding.flip_of(model), a.embedding.batch);
  write_file_atomic(a.report, discrepancy_page(discrepancy_figures(sample, ida), ida.score()));
  std::cout << "report  " << a.report << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line("anchors",
                   "Embeds anchors, people whose density around a face aligns its scores (IDA-R): a "
                   "calibration file for calibration.type=ida_r.");
  declare(line, a);
  return line.run(argc, argv, [&] {
    if (!a.inputs.empty() && a.from != From::one_each && a.from != From::pictures)
      throw Error(ErrorKind::usage,
                  "--pictures: says where the anchors come from, and --from says something else");
    if (!a.inputs.empty()) a.from = From::pictures;
    if (a.from == From::pictures && a.inputs.empty())
      throw Error(ErrorKind::usage, "--from pictures: needs --pictures");
    const LoadedModel model = a.embedding.load();
    Cohort anchors = make_anchors(a, model);
    anchors.type = CalibrationType::ida_r, anchors.top = a.k, anchors.tau = a.tau;
    const int64_t all = anchors.M, dropped = a.duplicates < 1 ? drop_duplicates(anchors, a.duplicates) : 0;
    const AnchorDiscrepancy ida(anchors.view(), a.k, a.tau);  // throws where the anchors cannot serve
    write_cohort(a.out, anchors);
    std::cout << a.out << ": " << anchors.M << " anchors of size " << anchors.D << " of " << all << " ("
              << anchors.from << "), " << dropped << " left out as duplicates\n"
              << "a score: " << ida.score() << "\n";
    if (!a.report.empty()) write_page(a, model, ida);
    return 0;
  });
}
