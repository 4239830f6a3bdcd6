// Writes a data set of faces of people who do not exist: for a first training run, and as known ground truth.
#include <algorithm>
#include <iostream>

#include "bin/common/command_line.h"
#include "data/synthetic/one_shot.h"

using namespace fr;

namespace {

struct Arguments {
  SyntheticOptions options;
  OneShotOptions one_shot{.novel = 0};
  std::string out, sheet;
  std::vector<int64_t> samples = {options.min_samples, options.max_samples};
  std::vector<double> groups{options.group_share.begin(), options.group_share.end()};
  std::vector<double> group_pictures{options.group_pictures.begin(), options.group_pictures.end()};
  int quality = 92;
  int64_t pairs = 6000;
};

void describe_people(CommandLine& line, Arguments& a) {
  line.number<int64_t>("--identities", a.options.identities, "people", 1, 100'000'000);
  line.number<int64_t>("--first", a.options.first_identity,
                       "number of the first person: other ranges are other people", 0);
  line.numbers<int64_t>("--samples", a.samples,
                        "pictures of a person: one number, or the two ends of a long tail", 1, 2, 1,
                        1'000'000);
  line.number("--seed", a.options.seed, "another seed is another world");
  line.numbers("--groups", a.groups, "shares of the four groups", 4, 4, 0.0);
  line.choice("--group-draw", a.options.group_draw,
              {{"by_share", GroupDraw::by_share}, {"in_turn", GroupDraw::in_turn}},
              "in_turn: as many people of each group with a share");
  line.numbers("--group-pictures", a.group_pictures,
               "pictures of a person of each group, as a multiple of --samples", 4, 4, 0.0, 1000.0);
  line.number<int64_t>("--novel", a.one_shot.novel,
                       "one-shot benchmark: so many people more, of whom one picture is known", 0,
                       100'000'000);
  line.number<int64_t>("--test-pictures", a.one_shot.test_pictures,
                       "one-shot benchmark: test pictures of a person", 1, 1'000'000);
}

void describe_pictures(CommandLine& line, Arguments& a) {
  line.number(
      "--style", a.options.style,
      "the same people as other data sets show them: 0 snapshot, 1 studio, 2 surveillance, 3 infrared, "
      "4 stage",
      0, kStyles - 1);
  line.number("--size", a.options.size, "pixels a side", 32, 512);
  line.number("--quality", a.quality, "of the JPEG files", 1, 100);
  line.number("--difficulty", a.options.difficulty, "how much pose, light and camera vary", 0.0, 4.0);
  line.number<int64_t>("--pairs", a.pairs, "lines of pairs.csv", 0, 10'000'000);
  line.choice("--pairs-of", a.options.pairs_of, {{"all", PairsOf::all}, {"groups", PairsOf::groups}},
              "groups: both pictures of one group, as many pairs of each");
  line.number<int64_t>("--impostors", a.options.impostors, "impostor pairs for each genuine one", 1,
                       1'000'000);
}

void settle(Arguments& a) {
  if (a.out.empty() == a.sheet.empty())
    throw Error(ErrorKind::usage, "give either --out or --sheet (see --help)");
  a.options.min_samples = a.samples.front(), a.options.max_samples = a.samples.back();
  std::copy(a.groups.begin(), a.groups.end(), a.options.group_share.begin());
  std::copy(a.group_pictures.begin(), a.group_pictures.end(), a.options.group_pictures.begin());
  if (a.samples.front() > a.samples.back() || *std::max_element(a.groups.begin(), a.groups.end()) <= 0)
    throw Error(ErrorKind::usage, "--samples must not fall, --groups must not all be zero");
}

void write(const Arguments& a) {
  const auto progress = [](int64_t done, int64_t total) {
    std::cerr << cat("\r", done * 100 / total, " % ");
  };
  const auto people = static_cast<int>(std::min<int64_t>(12, a.options.identities));
  if (!a.sheet.empty()) return save_image(a.sheet, contact_sheet(a.options, people, 8));
  if (a.one_shot.novel > 0) {
    write_one_shot(a.out, a.options, a.one_shot, a.quality, progress);
    std::cout << a.out << ": " << a.options.identities << " base and " << a.one_shot.novel
              << " novel people\n";
    return;
  }
  write_dataset(a.out, a.options, a.quality, a.pairs, progress);
  std::cout << a.out << ": " << list_samples(a.options).size() << " pictures\n";
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("synthesize",
                   "Draw faces of people who do not exist, aligned like ArcFace's 112x112 template.");
  Arguments a;
  line.text(
      "--out", a.out,
      "folder to write: pictures, labels.txt, groups.txt, pairs.csv; with --novel the lists of the one-shot "
      "benchmark");
  line.text("--sheet", a.sheet,
            "write only a contact sheet to this .png or .jpg: 8 pictures of each of 12 people");
  describe_people(line, a), describe_pictures(line, a);
  return line.run(argc, argv, [&] { return settle(a), write(a), 0; });
}
