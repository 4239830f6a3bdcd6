#include "data/bin_pack.h"

#include <algorithm>

#include "data/bin_set.h"
#include "data/image.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct BinPackTest : testing::Test {
  TemporaryFolder folder;
  Image image{6, 5};
  BinPackTest() {
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(7 * i);
    for (const char* name : {"a.jpg", "b.png", "c.ppm"}) save_image(folder.path / name, image);
  }
  PairList read(const std::string& text) { return read_pairs(folder.put("pairs.csv", text), folder.path); }
};

TEST_F(BinPackTest, PicturesAsTheyAre) {
  const PackedPairs packed = pack_pairs(read("fold,a,b,same\n1,b.png,c.ppm,0\n0,a.jpg,b.png,1\n"));
  EXPECT_EQ(packed.same, (std::vector<bool>{true, false}));  // by fold
  ASSERT_EQ(packed.pictures.size(), 4u);
  EXPECT_EQ(packed.pictures[0], read_file(folder.path / "a.jpg"));
  EXPECT_EQ(packed.pictures[1], read_file(folder.path / "b.png"));
  EXPECT_EQ(packed.pictures[2], packed.pictures[1]);
  EXPECT_EQ(packed.pictures[3][0], 0x89);  // a PNG of the PPM
  EXPECT_TRUE(packed.notes.empty());
  write_bin_set(folder.path / "out.bin", packed.pictures, packed.same);
  const BinSet set = read_bin_set(folder.path / "out.bin");
  EXPECT_EQ(set.picture(3), image);
  EXPECT_EQ(set.picture(0), load_image(folder.path / "a.jpg"));
  EXPECT_EQ(set.pairs[1].fold, 1);
}

TEST_F(BinPackTest, WhatIsLostIsNoted) {
  const PackedPairs packed = pack_pairs(read(
      "fold,a,b,same,group\n0,a.jpg,b.png,1,X\n0,a.jpg,c.ppm,0,X\n0,b.png,c.ppm,0,Y\n1,c.ppm,a.jpg,1,Y\n"));
  ASSERT_EQ(packed.notes.size(), 2u);
  EXPECT_NE(packed.notes[0].find("folds of the list"), std::string::npos);
  EXPECT_NE(packed.notes[1].find("2 are lost"), std::string::npos);
}

TEST_F(BinPackTest, DamagedPicturesAndVideos) {
  folder.put("bad.jpg", "junk");
  EXPECT_ERROR(data, "bad.jpg", pack_pairs(read("fold,a,b,same\n0,a.jpg,bad.jpg,1\n0,a.jpg,c.ppm,0\n")));
  PairList videos;
  videos.videos.push_back({"a", {}});
  EXPECT_THROW(pack_pairs(videos), std::invalid_argument);
}

}  // namespace
}  // namespace fr
