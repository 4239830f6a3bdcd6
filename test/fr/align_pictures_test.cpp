// Folders of pictures aligned: where the copies go, what is named as failed, and that nothing is lost.
#include "fr/detection/align_pictures.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/data/temporary.h"

namespace fr {
namespace {

constexpr Landmarks kFace = {{{40, 50}, {75, 50}, {57, 70}, {43, 92}, {72, 92}}};

Image gray_picture(uint8_t value) {
  Image image(120, 130);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return image;
}

struct AlignPictures : testing::Test {
  TemporaryFolder folder;
  AlignOptions options;
  AlignPictures() {
    options.out = folder.path / "out";
    save_image(folder.path / "in/ann/1.png", gray_picture(50));
    save_image(folder.path / "in/bob/x/2.jpg", gray_picture(90));
    save_image(folder.path / "in/bob/3.ppm", gray_picture(130));
    folder.put("in/bob/notes.txt", "no picture");
  }
  std::vector<PictureToAlign> pictures() const {
    return pictures_to_align({(folder.path / "in").string()}, options.out);
  }
  AlignResult align(const std::vector<PictureToAlign>& which) const {
    AlignResult result;
    align_into(result, which);
    return result;
  }
  void align_into(AlignResult& result, const std::vector<PictureToAlign>& which) const {
    align_pictures(
        which, [](const PictureToAlign&, const Image&) { return kFace; }, "no face", options, result);
  }
};

TEST_F(AlignPictures, MirrorTheTree) {
  const AlignResult result = align(pictures());
  EXPECT_TRUE(result.failed.empty());
  ASSERT_EQ(result.used.size(), 3u);
  for (const auto& [name, value] : {std::pair{"ann/1.png", 50}, {"bob/3.ppm", 130}, {"bob/x/2.jpg", 90}}) {
    const Image aligned = load_image(options.out / name);
    EXPECT_EQ(std::pair(aligned.width, aligned.height), std::pair(112, 112));
    EXPECT_NEAR(*aligned.at(56, 56), value, 2) << name;
  }
  EXPECT_EQ(to_text(read_landmarks(options.out / "landmarks.txt")), to_text(result.used));
}

TEST_F(AlignPictures, TakeSingleFilesAndTheNarrowSize) {
  options.width = 96;
  fs::rename(folder.path / "in/bob/3.ppm", folder.path / "in/bob/3.bmp");  // known by content, not by name
  const auto which = pictures_to_align({(folder.path / "in/bob/3.bmp").string()}, options.out);
  EXPECT_EQ(align(which).used.count("3.bmp"), 1u);
  EXPECT_EQ(load_image(options.out / "3.png").width, 96);
  options.height = 96;
  EXPECT_THROW(align(which), std::invalid_argument);
}

TEST_F(AlignPictures, NameWhatFailedAndDoTheRest) {
  folder.put("in/ann/broken.jpg", "no picture at all");
  const auto find = [](const PictureToAlign& picture, const Image&) {
    return picture.name == "bob/3.ppm" ? std::nullopt : std::optional(kFace);
  };
  std::vector<int64_t> counts;
  AlignResult result;
  align_pictures(pictures(), find, "no face found", options, result, [&](int64_t n) { counts.push_back(n); });
  EXPECT_EQ(counts, (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(result.used.size(), 2u);
  ASSERT_EQ(result.failed.size(), 2u);
  EXPECT_NE(result.failed[0].find("ann/broken.jpg: not a picture"), std::string::npos) << result.failed[0];
  EXPECT_NE(result.failed[1].find("bob/3.ppm: no face found"), std::string::npos) << result.failed[1];
  EXPECT_FALSE(fs::exists(options.out / "bob/3.ppm"));
}

TEST_F(AlignPictures, ReplaceNothingUnlessTold) {
  align(pictures());
  const std::string before = read_text(options.out / "landmarks.txt");
  EXPECT_ERROR(usage, "out/ann/1.png exists already, one of 4: give another folder or --overwrite",
               align(pictures()));
  options.existing = Existing::overwrite;
  EXPECT_EQ(align(pictures()).used.size(), 3u);
  EXPECT_EQ(read_text(options.out / "landmarks.txt"), before);
}

TEST_F(AlignPictures, LeaveTheOriginalsAlone) {
  options.existing = Existing::overwrite;
  options.out = folder.path / "in/aligned";
  EXPECT_EQ(align(pictures()).used.size(), 3u);
  EXPECT_EQ(pictures().size(), 3u);  // without the copies
  options.out = folder.path / "in/bob";
  const auto one = pictures_to_align({(folder.path / "in/bob/3.ppm").string()}, options.out);
  EXPECT_ERROR(usage, "in/bob/3.ppm is one of the pictures to align", align(one));
}

TEST_F(AlignPictures, RefuseWhatCannotBeSorted) {
  save_image(folder.path / "more/1.png", gray_picture(1));
  const std::string a = (folder.path / "in/ann").string(), b = (folder.path / "more").string();
  EXPECT_ERROR(usage, "would both become", align(pictures_to_align({a, b}, options.out)));
  EXPECT_ERROR(io, "none: No such file or directory", pictures_to_align({b + "/none"}, options.out));
  EXPECT_ERROR(io, "File name too long", pictures_to_align({b + "/" + std::string(300, 'x')}, options.out));
  fs::create_directories(folder.path / "empty");
  EXPECT_ERROR(data, "no picture in", pictures_to_align({(folder.path / "empty").string()}, options.out));
}

TEST_F(AlignPictures, RefuseAnInputInTheFolderToWrite) {
  for (const fs::path& out : {folder.path / "in", folder.path}) {
    options.out = out;
    EXPECT_ERROR(usage, "/in lies in the folder to write, " + out.string(), pictures());
  }
}

TEST_F(AlignPictures, NameLinksThatLeadNowhere) {
  fs::create_symlink("loop.png", folder.path / "in/loop.png");
  fs::create_symlink("none.png", folder.path / "in/broken.png");
  const AlignResult result = align(pictures());
  EXPECT_EQ(result.used.size(), 3u);
  ASSERT_EQ(result.failed.size(), 2u);
  EXPECT_NE(result.failed[0].find("in/broken.png"), std::string::npos) << result.failed[0];
  EXPECT_NE(result.failed[1].find("in/loop.png"), std::string::npos) << result.failed[1];
}

TEST_F(AlignPictures, TellWhatWasDoneBeforeAnError) {
  folder.put("in/ann/broken.jpg", "no picture at all");
  folder.put("out/bob", "where a folder should be");
  AlignResult result;
  EXPECT_ERROR(io, "out/bob", align_into(result, pictures()));
  EXPECT_EQ(result.failed.size(), 1u);
  ASSERT_EQ(result.used.count("ann/1.png"), 1u);
  EXPECT_EQ(to_text(read_landmarks(options.out / "landmarks.txt")), to_text(result.used));
}

}  // namespace
}  // namespace fr
