// ssr MODEL [section.key=value ...] --anchors FILE --out FILE: a network that says of an embedding what anchors would (IDA-L).
#include <iostream>
#include <map>

#include "bin/common/embedding_arguments.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/labelled_pictures.h"
#include "fr/calibration/ssr_train.h"

using namespace fr;

namespace {

struct Arguments {
  EmbeddingArguments embedding;
  std::vector<std::string> settings, inputs;
  std::string anchors, out;
  int64_t top = 0, count = 0;
  double tau = CalibrationOptions::kAsTheFile;
  SsrOptions ssr;
};

void declare(CommandLine& line, Arguments& a) {
  using Need = CommandLine::Need;
  a.embedding.declare_model(line);
  line.texts("settings", a.settings,
             "of the training pictures, data.root=FOLDER and the like; what is not named is as in training");
  line.text("--anchors", a.anchors, "what bin/anchors wrote for the same model", Need::required);
  line.text("--out", a.out, "the calibration file (docs/formats.md)", Need::required);
  line.texts("--pictures", a.inputs, "train on these, files or folders, instead of the training pictures");
  line.number<int64_t>("--count", a.count, "at most so many random pictures; 0: all", 0);
  line.number<int64_t>("--k", a.top, "so many nearest anchors; 0: as the anchors' file says", 0);
  line.number("--tau", a.tau, "-1: as the anchors' file says", CalibrationOptions::kAsTheFile, 1e6);
  line.choice("--target", a.ssr.target, kSsrTargetWords, "what is regressed: F, or its logarithm");
  line.number<int64_t>("--steps", a.ssr.steps, "of training", 1);
  line.number<int64_t>("--step-batch", a.ssr.batch, "embeddings a step", 1, 1 << 20);
  line.number("--lr", a.ssr.lr, "learning rate; a tenth of it after 1/2, 2/3 and 5/6 of the steps", 0.0, 1e6);
  line.number("--held-out", a.ssr.held_out, "share of the people to test on", 0.0, 0.9);
  line.number<uint64_t>("--seed", a.ssr.seed, "of weights, order and who is held out");
  a.embedding.declare_computation(line);
}

LabelledPictures pictures_of(const Arguments& a, const LoadedModel& model) {
  LabelledPictures all;
  if (a.inputs.empty()) {
    all = all_pictures(training_data_of(model, a.settings));
  } else {
    const FoundPictures found = find_pictures(a.inputs);
    for (const auto& reason : found.skipped) std::cerr << "skipped: " << reason << "\n";
    all = found_pictures(found, a.inputs);
  }
  return random_pictures(std::move(all), a.count, a.ssr.seed);
}

FlipMode flip_of(const Cohort& anchors) {
  for (const auto& [word, flip] : kFlipWords)
    if (word == anchors.origin.flip) return flip;
  throw Error(ErrorKind::data, cat("the anchors have flip ", anchors.origin.flip, ", which is none"));
}

// As many numbers as there are people; of those whom nobody knows, each is one.
std::vector<int64_t> numbered(const LabelledPictures& p) {
  if (!p.labels.empty()) return p.labels;
  std::map<std::string, int64_t> number;
  std::vector<int64_t> people;
  for (const auto& name : p.people)
    people.push_back(name.empty() ? -1 - int64_t(people.size())
                                  : number.emplace(name, int64_t(number.size())).first->second);
  return people;
}

SsrFit train(Arguments& a, SsrModel& m) {
  const LoadedModel loaded = a.embedding.load();
  const Cohort anchors = read_cohort(a.anchors);
  const FlipMode flip = flip_of(anchors);
  m.origin = origin_of(loaded, flip);
  const auto ida = make_calibrator(
      {CalibrationType::ida_r, a.anchors, a.top, m.origin.weights, m.origin.flip, m.origin.patch, a.tau});
  const auto& exact = dynamic_cast<const AnchorDiscrepancy&>(*ida);
  LabelledPictures pictures = pictures_of(a, loaded);
  const EmbeddedPictures e = embed_pictures(loaded, pictures, flip, a.embedding.batch);
  for (const auto& reason : e.skipped) std::cerr << "skipped: " << reason << "\n";
  m.D = e.rows.D, m.k = exact.neighbours(), m.tau = exact.tau(), m.anchors = exact.anchors();
  m.from = cat(pictures.from, "; anchors: ", anchors.from);
  a.ssr.device = loaded.model->network().device();
  Progress progress(a.ssr.steps);
  const SsrFit fit =
      train_ssr(m, e.rows, numbered(pictures), exact.log_f(e.rows, pictures.people), a.ssr,
                [&](int64_t step, double loss) { progress.show(step, cat("loss ", loss), false); });
  progress.finish();
  return fit;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line("ssr",
                   "Trains the support set regression on frozen embeddings (IDA-L): a calibration file for "
                   "calibration.type=ida_l, which needs no anchors any more.");
  declare(line, a);
  return line.run(argc, argv, [&] {
    SsrModel m;
    const SsrFit fit = train(a, m);
    write_ssr(a.out, m);
    std::cout << a.out << ": trained on " << fit.pictures << " pictures, R^2 of log F " << fit.r2;
    if (fit.held_out > 0)
      std::cout << "; on " << fit.held_out << " of people held out " << fit.held_out_r2 << ", error "
                << fit.held_out_error;
    std::cout << "\na score: " << LearnedDiscrepancy(m).score() << "\n";
    return 0;
  });
}
