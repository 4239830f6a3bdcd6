// Galleries and probes from lists and from a folder: forms, splits, every fault.
#include "data/gallery_list.h"

#include "test/data/temporary.h"

namespace fr {
namespace {

using Names = std::vector<std::string>;

struct GalleryListTest : testing::Test {
  TemporaryFolder folder;
  void SetUp() override {
    for (const char* name : {"ann/1.jpg", "ann/2.jpg", "ann/3.jpg", "bob/1.jpg", "bob/2.jpg", "eve/1.jpg"}) {
      fs::create_directories((folder.path / name).parent_path());
      folder.put(name, "P5\n1 1\n255\nx");
    }
  }
  GalleryProbes read(const std::string& gallery, const std::string& probes, Enrolled enrolled = Enrolled::any,
                     Missing missing = Missing::error) const {
    return read_gallery(folder.put("gallery.txt", gallery), folder.put("probes.txt", probes), folder.path,
                        enrolled, missing);
  }
  static Names enrolled(const GalleryProbes& set) {
    return {set.pictures.begin(), set.pictures.begin() + set.enrolled};
  }
  static Names probes(const GalleryProbes& set) {
    return {set.pictures.begin() + set.enrolled, set.pictures.end()};
  }
};

TEST_F(GalleryListTest, BothForms) {
  const GalleryProbes set = read("ann ann/1.jpg\r\nBob B\tbob/1.jpg\n\nann ann/2.jpg\n",
                                 "picture,person\nann/3.jpg,ann\neve/1.jpg,\"Eve, E\"\n");
  EXPECT_EQ(enrolled(set), (Names{"ann/1.jpg", "bob/1.jpg", "ann/2.jpg"}));
  EXPECT_EQ(probes(set), (Names{"ann/3.jpg", "eve/1.jpg"}));
  EXPECT_EQ(set.names, (Names{"ann", "Bob B", "Eve, E"}));
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 1, 0, 0, 2}));
}

TEST_F(GalleryListTest, Faults) {
  EXPECT_ERROR(data, "gallery.txt:2: 'person path' expected, got 'bob'",
               read("ann ann/1.jpg\nbob\n", "ann ann/2.jpg"));
  EXPECT_ERROR(data, "probes.txt:2: 'picture,person' expected, got 'ann/2.jpg'",
               read("ann ann/1.jpg", "picture,person\nann/2.jpg\n"));
  EXPECT_ERROR(data, "probes.txt:2: ann/2.jpg is named a second time",
               read("ann ann/1.jpg", "ann ann/2.jpg\nbob ann/2.jpg"));
  EXPECT_ERROR(data, "probes.txt:1: ann/1.jpg is in the gallery too", read("ann ann/1.jpg", "ann ann/1.jpg"));
  EXPECT_ERROR(data, "gallery.txt: no pictures", read("picture,person\n", "ann ann/1.jpg"));
  EXPECT_ERROR(data, "probes.txt: no pictures", read("ann ann/1.jpg", "\n"));
  EXPECT_ERROR(data, "gallery.txt:3: ann is enrolled a second time, first in line 1",
               read("ann ann/1.jpg\nbob bob/1.jpg\nann ann/2.jpg\n", "ann ann/3.jpg", Enrolled::one));
  EXPECT_ERROR(io, "nowhere", read_gallery(folder.path / "nowhere", folder.path / "nowhere", folder.path));
}

TEST_F(GalleryListTest, MissingPictures) {
  const std::string gallery = "ann ann/1.jpg\nbob bob/9.jpg\n",
                    probes = "ann ann/2.jpg\nbob bob/1.jpg\nann ann/8.jpg\n";
  EXPECT_ERROR(data, "gallery.txt: 1 of 2 pictures missing", read(gallery, probes));
  const GalleryProbes set = read(gallery, probes, Enrolled::any, Missing::drop);
  EXPECT_EQ(enrolled(set), (Names{"ann/1.jpg"}));
  EXPECT_EQ(GalleryListTest::probes(set), (Names{"ann/2.jpg", "bob/1.jpg"}));
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 0, 1}));
  EXPECT_EQ(set.notes.size(), 2u);
  EXPECT_NE(set.notes[1].find("probes.txt: left out: 1 of 3 pictures missing"), std::string::npos);
  const GalleryProbes gone = read(gallery + "dan dan/1.jpg\n", probes, Enrolled::any, Missing::drop);
  EXPECT_EQ(gone.names, (Names{"ann", "bob", "dan"}));
  EXPECT_EQ(listed_people(folder.put("novel.txt", "dan\n"), gone), (std::vector<uint8_t>{0, 0, 1}));
  EXPECT_ERROR(data, "1 of 1 pictures missing", read("ann ann/7.jpg", probes, Enrolled::any, Missing::drop));
}

TEST_F(GalleryListTest, Folders) {
  GalleryProbes set = split_folder(folder.path);
  EXPECT_EQ(enrolled(set), (Names{"ann/1.jpg", "bob/1.jpg"}));
  EXPECT_EQ(probes(set), (Names{"ann/2.jpg", "ann/3.jpg", "bob/2.jpg", "eve/1.jpg"}));
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 1, 0, 0, 1, 2}));
  set = split_folder(folder.path, {Singles::gallery, 0});
  EXPECT_EQ(enrolled(set), (Names{"ann/1.jpg", "bob/1.jpg", "eve/1.jpg"}));
  set = split_folder(folder.path, {Singles::leave_out, 0});
  EXPECT_EQ(set.pictures.size(), 5u);
  set = split_folder(folder.path, {Singles::gallery, 2});
  EXPECT_EQ(enrolled(set), (Names{"ann/1.jpg"}));
  EXPECT_EQ(probes(set), (Names{"ann/2.jpg", "ann/3.jpg", "bob/1.jpg", "bob/2.jpg", "eve/1.jpg"}));
  EXPECT_ERROR(usage, "4 strangers among 3 people", split_folder(folder.path, {Singles::probe, 4}));
  EXPECT_ERROR(data, "no picture is left for the gallery", split_folder(folder.path, {Singles::probe, 3}));
  fs::remove(folder.path / "ann/2.jpg"), fs::remove(folder.path / "ann/3.jpg"),
      fs::remove(folder.path / "bob/2.jpg");
  EXPECT_ERROR(data, "no picture is left for the probes", split_folder(folder.path, {Singles::gallery, 0}));
}

TEST_F(GalleryListTest, ListedPeople) {
  const GalleryProbes set = split_folder(folder.path);
  EXPECT_EQ(listed_people(folder.put("novel.txt", "eve\n\nann\n"), set), (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_ERROR(data, "novel.txt:2: nobody in gallery or probes is called 'dan'",
               listed_people(folder.put("novel.txt", "eve\ndan\n"), set));
  EXPECT_ERROR(data, "novel.txt: no names", listed_people(folder.put("novel.txt", ""), set));
}

}  // namespace
}  // namespace fr
