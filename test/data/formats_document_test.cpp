// The examples of docs/formats.md are what the program reads and writes.
#include <algorithm>

#include "data/bin_set.h"
#include "data/blufr.h"
#include "data/gallery_list.h"
#include "data/pairs.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

// The indented lines of a section, without its headline and text.
std::vector<std::string> examples(const std::string& headline) {
  const std::string all = read_text("docs/formats.md");
  const size_t start = all.find("\n" + headline + "\n"), end = all.find("\n##", start + 1);
  std::vector<std::string> lines;
  for (size_t at = start; at != std::string::npos && at < end; at = all.find('\n', at + 1))
    if (all.compare(at + 1, 4, "    ") == 0)
      lines.push_back(all.substr(at + 5, all.find('\n', at + 1) - at - 5));
  return lines;
}

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(FormatsDocument, BinSets) {
  TemporaryFolder folder;
  const std::vector<std::string> lines = examples("### Verification sets, .bin");
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) {
    const BinSet set = read_bin_set(folder.put("set.bin", from_hex(line)));
    ASSERT_EQ(set.pictures.size(), 2u);
    EXPECT_TRUE(std::ranges::equal(set.pictures[0], std::string_view("abc")));
    EXPECT_TRUE(std::ranges::equal(set.pictures[1], std::string_view("def")));
    EXPECT_TRUE(set.pairs.size() == 1 && set.pairs[0].same);
  }
  write_bin_set(folder.path / "out.bin", {{'a', 'b', 'c'}, {'d', 'e', 'f'}}, {true});
  EXPECT_EQ(read_text(folder.path / "out.bin"), from_hex(lines[1]));
}

TEST(FormatsDocument, Pairs) {
  TemporaryFolder folder;
  std::vector<std::string> lines = examples("### Pairs");
  ASSERT_EQ(lines.size(), 5u);
  for (std::string& line : lines) line = line.substr(0, line.find("   "));
  const PairOptions blind{.folds = 1, .check_files = false};
  const auto first = [&](const std::string& text) {
    return read_pairs(folder.put("pairs.txt", text), folder.path, blind).pairs.front();
  };
  EXPECT_EQ(first("1\n" + lines[0] + "\nA\t1\tB\t1\n").b, "Aaron_Peirsol/Aaron_Peirsol_0002.jpg");
  EXPECT_EQ(first(lines[1] + "\nb.jpg 7\nc.jpg 0\nd.jpg 0\n").a, "Aaron_Eckhart_0001.jpg");
  std::string frontal;
  for (int i = 1; i <= 12; ++i) frontal += cat(i, " ../Data/", i, ".jpg\n");
  folder.put("Protocol/Pair_list_F.txt", frontal), folder.put("Protocol/Split/FF/01/diff.txt", "1,2\n");
  folder.put("Protocol/Split/FF/01/same.txt", lines[2] + "\n");
  EXPECT_EQ(read_pairs(folder.path / "Protocol/Split/FF", folder.path, blind).pairs[0].b, "Data/5.jpg");
  EXPECT_EQ(first(lines[3] + "\n1, 4, A/0, B/0, 0\n").b, "Ann_Veneman/3");
  const Pair pair = first("fold,a,b,same,group\n" + lines[4] + "\n0,a,b,1,Young\n");
  EXPECT_TRUE(pair.b == "p2/b, c.jpg" && pair.group == "Young");
}

TEST(FormatsDocument, Blufr) {
  TemporaryFolder folder;
  const std::vector<std::string> lines = examples("### BLUFR");
  ASSERT_EQ(lines.size(), 2u);
  const BlufrProtocol p =
      read_blufr(folder.put("images.txt", lines[0] + "\nA_0001.jpg 1\nB_0001.jpg 2\n"),
                 folder.put("trials.txt", lines[1] + "\n1 test 1\n1 test 2\n1 probe 2\n1 train 3\n"));
  EXPECT_EQ(p.images[0], "Aaron_Eckhart/Aaron_Eckhart_0001.jpg");
  EXPECT_EQ(p.trials[0].gallery, std::vector<int64_t>{0});
}

TEST(FormatsDocument, GalleriesAndProbes) {
  TemporaryFolder folder;
  const std::vector<std::string> lines = examples("### Galleries and probes");
  ASSERT_EQ(lines.size(), 1u);
  fs::create_directories(folder.path / "Aaron_Eckhart");
  for (const char* name : {"Aaron_Eckhart/Aaron_Eckhart_0001.jpg", "b.jpg"}) folder.put(name, "x");
  const GalleryProbes set =
      read_gallery(folder.put("gallery.txt", lines[0] + "\n"),
                   folder.put("probes.txt", "picture,person\nb.jpg,\"B, C\"\n"), folder.path);
  EXPECT_EQ(set.names, (std::vector<std::string>{"Aaron_Eckhart", "B, C"}));
}

}  // namespace
}  // namespace fr
