// calibrate MODEL --cohort FOLDER --out FILE: the embeddings of a cohort of impostors, for cohort normalisation of scores.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "fr/calibration/cohort_file.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/progress.h"
#include "fr/run_data.h"

using namespace fr;

namespace {

struct Arguments {
  std::string model, out;
  std::vector<std::string> inputs;
  Cohort cohort;
  std::optional<FlipMode> flip;
  int64_t batch = EmbedOptions().batch;
  int threads = 0;
  double duplicates = 1;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
};

void declare(CommandLine& line, Arguments& a) {
  using Need = CommandLine::Need;
  line.text("model", a.model, "checkpoint file or run folder", Need::required);
  line.texts("--cohort", a.inputs,
             "pictures of people who occur in no test: files, or folders that are searched", Need::required);
  line.text("--out", a.out, "the calibration file (docs/formats.md)", Need::required);
  line.choice("--type", a.cohort.type, {kCalibrationWords.begin() + 1, kCalibrationWords.end()},
              "what it is made for; the file serves every cohort norm");
  line.number<int64_t>("--top", a.cohort.top, "only the so many most similar of the cohort count; 0: all", 0);
  line.number("--duplicates", a.duplicates,
              "leave out pictures whose cosine with an earlier one is above this", 0.0, 1.0);
  line.choice("--flip", a.flip, flip_or_model_words(),
              "how the mirror image joins the embedding: as in the test");
  line.number<int64_t>("--batch", a.batch, "pictures a forward pass", 1, 65536);
  line.choice("--device", a.device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", a.precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", a.threads, "0: all cores", 0, 1024);
}

Embeddings embed_cohort(LoadedModel& loaded, const std::vector<fs::path>& pictures, FlipMode flip,
                        int64_t batch) {
  const auto& network = loaded.config.network;
  Progress progress(int64_t(pictures.size()));
  const Embeddings e = embed(
      *loaded.model, int64_t(pictures.size()), [&](int64_t i) { return load_image(pictures[size_t(i)]); },
      {network.height, network.width, flip, batch, loaded.config.data.patch},
      [&](int64_t done) { progress.show(done, "embedding", false); });
  progress.finish();
  return e;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line("calibrate",
                   "Embeds a cohort of impostors, by which scores are normalised: a calibration file.");
  declare(line, a);
  return line.run(argc, argv, [&] {
    if (a.threads > 0) set_threads(a.threads);
    const FoundPictures found = find_pictures(a.inputs);
    for (const auto& reason : found.skipped) std::cerr << "skipped: " << reason << "\n";
    LoadedModel loaded = load_model(a.model, placement_of(a.device, a.precision));
    const FlipMode flip = a.flip.value_or(loaded.info.input.flip);
    const Embeddings e = embed_cohort(loaded, found.paths, flip, a.batch);
    Cohort& cohort = a.cohort;
    cohort.rows = unit_rows(e.view()).rows, cohort.D = e.D;
    const int64_t dropped = a.duplicates < 1 ? drop_duplicates(cohort.rows, e.D, a.duplicates) : 0;
    cohort.M = e.N - dropped;
    cohort.network = network_keys(loaded.info.config), cohort.flip = flip_word(flip);
    cohort.patch = patch_word(loaded.config.data.patch);
    cohort.weights = weights_fingerprint(loaded.model->network());
    const CohortNorm norm(cohort.type, cohort.view(), cohort.top);  // throws where the cohort cannot serve
    write_cohort(a.out, cohort);
    std::cout << a.out << ": " << cohort.M << " embeddings of size " << cohort.D << " from " << e.N
              << " pictures, " << dropped << " left out as duplicates, " << found.skipped.size()
              << " skipped\n"
              << "a score: " << norm.score() << "\n";
    return 0;
  });
}
