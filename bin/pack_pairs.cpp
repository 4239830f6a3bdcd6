// pack_pairs LIST --root FOLDER --out FILE.bin: a list of pairs and its pictures as one file that insightface reads too.
#include <iostream>

#include "bin/common/command_line.h"
#include "data/bin_pack.h"
#include "data/bin_set.h"

int main(int argc, char** argv) {
  using namespace fr;
  std::string list, root, out;
  bool allow_missing = false;
  PairOptions options;
  CommandLine line(
      "pack_pairs",
      "Write a list of pairs and its pictures as one verification set in insightface's .bin: pickle "
      "protocol 3, data only.");
  using Need = CommandLine::Need;
  line.text("list", list, "pair list, any that docs/formats.md names", Need::required);
  line.text("--root", root, "folder of the pictures, aligned already: sizes are kept", Need::required);
  line.text("--out", out, "file to write", Need::required);
  line.text("--extension", options.extension, "of LFW-style names");
  line.flag("--allow-missing", allow_missing, "leave out pairs whose pictures are missing");
  return line.run(argc, argv, [&] {
    if (allow_missing) options.missing = Missing::drop;
    const PairList pairs = read_pairs(list, root, options);
    if (!pairs.videos.empty()) throw Error(ErrorKind::usage, list + ": pairs of videos have no .bin");
    const PackedPairs packed = pack_pairs(pairs);
    write_bin_set(out, packed.pictures, packed.same);
    for (const auto& notes : {pairs.notes, packed.notes})
      for (const std::string& note : notes) std::cerr << "note: " << note << "\n";
    std::cout << out << ": " << packed.same.size() << " pairs\n";
    return 0;
  });
}
