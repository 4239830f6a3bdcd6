// calibrate MODEL --cohort FOLDER --out FILE: the embeddings of a cohort of impostors, for cohort normalisation of scores.
#include <iostream>

#include "bin/common/embedding_arguments.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/calibration/labelled_pictures.h"

using namespace fr;

int main(int argc, char** argv) {
  EmbeddingArguments a;
  Cohort cohort;
  std::string out;
  std::vector<std::string> inputs;
  double duplicates = 1;
  CommandLine line("calibrate",
                   "Embeds a cohort of impostors, by which scores are normalised: a calibration file.");
  using Need = CommandLine::Need;
  a.declare_model(line);
  line.texts("--cohort", inputs,
             "pictures of people who occur in no test: files, or folders that are searched", Need::required);
  line.text("--out", out, "the calibration file (docs/formats.md)", Need::required);
  line.choice("--type", cohort.type, kCohortNormWords,
              "what it is made for; the file serves every cohort norm");
  line.number<int64_t>("--top", cohort.top, "only the so many most similar of the cohort count; 0: all", 0);
  line.number("--duplicates", duplicates, "leave out pictures whose cosine with an earlier one is above this",
              0.0, 1.0);
  a.declare_flip(line), a.declare_computation(line);
  return line.run(argc, argv, [&] {
    const FoundPictures found = find_pictures(inputs);
    for (const auto& reason : found.skipped) std::cerr << "skipped: " << reason << "\n";
    const LoadedModel loaded = a.load();
    LabelledPictures pictures = found_pictures(found, inputs);
    const EmbeddedPictures e = embed_pictures(loaded, pictures, a.flip_of(loaded), a.batch);
    cohort.rows = e.rows.rows, cohort.M = e.rows.N, cohort.D = e.rows.D;
    cohort.people = pictures.people, cohort.origin = origin_of(loaded, a.flip_of(loaded));
    const int64_t dropped = duplicates < 1 ? drop_duplicates(cohort, duplicates) : 0;
    const CohortNorm norm(cohort.type, cohort.view(), cohort.top);  // throws where the cohort cannot serve
    write_cohort(out, cohort);
    std::cout << out << ": " << cohort.M << " embeddings of size " << cohort.D << " from " << e.rows.N
              << " pictures, " << dropped << " left out as duplicates, " << found.skipped.size()
              << " skipped\n"
              << "a score: " << norm.score() << "\n";
    return 0;
  });
}
