// Writes a data set of faces of people who do not exist: for a first training run, and as known ground truth.
#include <algorithm>
#include <iostream>

#include "bin/common/command_line.h"
#include "data/synthetic/one_shot.h"

int main(int argc, char** argv) {
  using namespace fr;
  CommandLine line("synthesize",
                   "Draw faces of people who do not exist, aligned like ArcFace's 112x112 template.");
  SyntheticOptions options;
  OneShotSplit one_shot;
  std::string out, sheet;
  std::vector<int64_t> samples = {options.min_samples, options.max_samples};
  std::vector<double> groups(options.group_share.begin(), options.group_share.end());
  int quality = 92;
  int64_t pairs = 6000;
  line.text("--out", out, "folder to write: pictures, labels.txt, groups.txt, pairs.csv");
  line.text("--sheet", sheet,
            "write only a contact sheet to this .png or .jpg: 8 pictures of each of 12 people");
  line.number<int64_t>("--identities", options.identities, "people", 1, 100'000'000);
  line.number<int64_t>("--first", options.first_identity,
                       "number of the first person: other ranges are other people", 0);
  line.numbers<int64_t>("--samples", samples,
                        "pictures of a person: one number, or the two ends of a long tail", 1, 2, 1,
                        1'000'000);
  line.number("--seed", options.seed, "another seed is another world");
  line.number("--size", options.size, "pixels a side", 32, 512);
  line.number("--quality", quality, "of the JPEG files", 1, 100);
  line.numbers("--groups", groups, "shares of the four groups", 4, 4, 0.0);
  line.number("--difficulty", options.difficulty, "how much pose, light and camera vary", 0.0, 4.0);
  line.number<int64_t>(
      "--novel", one_shot.novel,
      "a one-shot benchmark: the last so many people get one training picture each; writes base.txt, "
      "gallery.txt, probes.txt, novel.txt too",
      0);
  line.number<int64_t>("--base-probes", one_shot.base_probes,
                       "one-shot benchmark: pictures of each other person kept for the test", 0);
  line.number<int64_t>("--pairs", pairs, "lines of pairs.csv", 0, 10'000'000);
  return line.run(argc, argv, [&] {
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
    if (one_shot.novel > 0) write_one_shot_lists(out, options, one_shot);
    std::cout << out << ": " << list_samples(options).size() << " pictures\n";
    return 0;
  });
}
