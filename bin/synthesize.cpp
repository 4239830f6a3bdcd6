// Writes a data set of faces of people who do not exist: for a first training run, and as known ground truth.
#include <algorithm>
#include <iostream>

#include "bin/common/program.h"
#include "data/synthetic/dataset.h"

int main(int argc, char** argv) {
  using namespace fr;
  CLI::App app("Draw faces of people who do not exist, aligned like ArcFace's 112x112 template.",
               "synthesize");
  SyntheticOptions options;
  std::string out, sheet;
  std::vector<int64_t> samples = {options.min_samples, options.max_samples};
  std::vector<double> groups(options.group_share.begin(), options.group_share.end());
  int quality = 92;
  int64_t pairs = 6000;
  app.option_defaults()->always_capture_default();
  app.add_option("--out", out, "folder to write: pictures, labels.txt, groups.txt, pairs.csv");
  app.add_option("--sheet", sheet,
                 "write only a contact sheet to this .png or .jpg: 8 pictures of each of 12 people");
  app.add_option("--identities", options.identities, "people")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000'000}));
  app.add_option("--first", options.first_identity,
                 "number of the first person: other ranges are other people")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--samples", samples, "pictures of a person: one number, or the two ends of a long tail")
      ->expected(1, 2)
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  app.add_option("--seed", options.seed, "another seed is another world");
  app.add_option("--size", options.size, "pixels a side")->check(CLI::Range(32, 512));
  app.add_option("--quality", quality, "of the JPEG files")->check(CLI::Range(1, 100));
  app.add_option("--groups", groups, "shares of the four groups")
      ->expected(4)
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  app.add_option("--difficulty", options.difficulty, "how much pose, light and camera vary")
      ->check(CLI::Range(0.0, 4.0));
  app.add_option("--pairs", pairs, "lines of pairs.csv")->check(CLI::Range(int64_t{0}, int64_t{10'000'000}));
  return run_program(app, argc, argv, [&] {
    if (out.empty() == sheet.empty())
      throw Error(ErrorKind::usage, "give either --out or --sheet (see --help)");
    options.min_samples = samples.front(), options.max_samples = samples.back();
    std::copy(groups.begin(), groups.end(), options.group_share.begin());
    if (samples.front() > samples.back() || *std::max_element(groups.begin(), groups.end()) <= 0)
      throw Error(ErrorKind::usage, "--samples must not fall, --groups must not all be zero");
    if (!sheet.empty()) {
      save_image(sheet,
                 contact_sheet(options, static_cast<int>(std::min<int64_t>(12, options.identities)), 8));
      return 0;
    }
    const auto progress = [](int64_t done, int64_t total) {
      std::cerr << cat("\r", done * 100 / total, " % ");
    };
    write_dataset(out, options, quality, pairs, progress);
    std::cout << out << ": " << list_samples(options).size() << " pictures\n";
    return 0;
  });
}
