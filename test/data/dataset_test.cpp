#include "data/dataset.h"

#include <algorithm>

#include "test/data/temporary.h"

namespace fr {
namespace {

std::string paths(const Dataset& data) {
  std::string all;
  for (const Sample& s : data.samples) all += cat(s.path, "=", s.label, " ");
  return all;
}
std::string notes(const Dataset& data) {
  std::string all;
  for (const std::string& note : data.notes) all += note + "\n";
  return all;
}

TEST(Dataset, ImageFolder) {
  const TemporaryFolder folder;
  for (const char* file :
       {"b/2.jpg", "b/1.PNG", "a/x y.ppm", "B/1.jpeg", "a/z.webp", "a/readme", "classes.txt", "loose.jpg"})
    folder.put(file, "x");
  fs::create_directories(folder.path / "empty");
  fs::create_directories(folder.path / "a" / "inner");
  fs::create_symlink(folder.path / "loop", folder.path / "loop");
  const Dataset data = read_image_folder(folder.path);
  EXPECT_EQ(paths(data), "B/1.jpeg=0 a/x y.ppm=1 b/1.PNG=2 b/2.jpg=2 ");
  EXPECT_EQ(data.classes, (std::vector<std::string>{"B", "a", "b"}));
  for (const char* note : {"skipped: empty", "1 entries skipped in class folders: '.webp'",
                           "1 pictures outside", "folders", "broken link"})
    EXPECT_NE(notes(data).find(note), std::string::npos) << note << "\n" << notes(data);
  EXPECT_TRUE(data.groups.empty());
}

TEST(Dataset, ImageFolderWithoutPeople) {
  const TemporaryFolder folder;
  EXPECT_ERROR(io, "not a folder", read_image_folder(folder.path / "none"));
  EXPECT_ERROR(data, "no pictures", read_image_folder(folder.path));
  folder.put("a/1.jpg", "x");
  EXPECT_ERROR(data, "1 classes, at least 2", read_image_folder(folder.path));
  EXPECT_EQ(read_image_folder(folder.path, {.min_classes = 1}).samples.size(), 1u);
}

TEST(Dataset, Selection) {
  const TemporaryFolder folder;
  for (const char* file : {"a/1.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg", "c/1.jpg", "c/2.jpg"})
    folder.put(file, "x");
  const Dataset data = read_image_folder(folder.path, {.min_images = 2, .max_images = 2});
  EXPECT_EQ(paths(data), "b/1.jpg=0 b/2.jpg=0 c/1.jpg=1 c/2.jpg=1 ");
  EXPECT_EQ(data.classes, (std::vector<std::string>{"b", "c"}));
  EXPECT_NE(notes(data).find("1 classes with fewer than 2"), std::string::npos);
}

TEST(Dataset, FingerprintSeesEveryChange) {
  const TemporaryFolder folder;
  for (const char* file : {"a/1.jpg", "b/1.jpg", "b/2.jpg"}) folder.put(file, "x");
  const uint64_t before = read_image_folder(folder.path).fingerprint();
  EXPECT_EQ(read_image_folder(folder.path).fingerprint(), before);
  folder.put("a/1.jpg", "another content");
  EXPECT_EQ(read_image_folder(folder.path).fingerprint(), before);
  fs::rename(folder.path / "b/2.jpg", folder.path / "a/2.jpg");
  EXPECT_NE(read_image_folder(folder.path).fingerprint(), before);
}

TEST(Dataset, List) {
  const TemporaryFolder folder;
  const fs::path list = folder.put("list.txt",
                                   "\xef\xbb\xbf"
                                   "a b/1.jpg 0\r\n\r\nc.png\t1\na b/2.jpg   1  \n\n");
  const Dataset data = read_list(list, folder.path);
  EXPECT_EQ(paths(data), "a b/1.jpg=0 c.png=1 a b/2.jpg=1 ");
  EXPECT_TRUE(data.notes.empty()) << notes(data);
}

TEST(Dataset, ListWithGaps) {
  const TemporaryFolder folder;
  const Dataset data = read_list(folder.put("list.txt", "a 5\nb 0\nc 2\nd 5\n"), folder.path);
  EXPECT_EQ(paths(data), "a=2 b=0 c=1 d=2 ");
  EXPECT_EQ(data.classes, (std::vector<std::string>{"0", "2", "5"}));
  EXPECT_NE(notes(data).find("labels 0..5 have gaps: 3 classes"), std::string::npos) << notes(data);
}

TEST(Dataset, MalformedListLines) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& line, const char* part) {
    const fs::path list = folder.put("list.txt", "a 0\n" + line + "\nb 1\n");
    EXPECT_ERROR(data, "list.txt:2: ", read_list(list, folder.path));
    EXPECT_ERROR(data, part, read_list(list, folder.path));
  };
  refused("x.jpg -1", "'-1'");
  refused("x.jpg 1.5", "'1.5'");
  refused("x.jpg 2147483648", "0..2147483647");
  refused("x.jpg 99999999999999999999", "label");
  refused("x.jpg 1x", "'1x'");
  refused("x.jpg", "'path label' expected");
  refused("   7", "'path label' expected");
  refused(std::string("x\0.jpg 1", 8), "zero byte");
  EXPECT_EQ(read_list(folder.put("l", "a 0\nb 2147483647"), folder.path).num_classes(), 2);
  EXPECT_ERROR(data, "no pictures", read_list(folder.put("l", "\n\n"), folder.path));
  EXPECT_ERROR(io, "none", read_list(folder.path / "none", folder.path));
  EXPECT_ERROR(io, "nowhere", read_list(folder.put("l", "a 0\nb 1"), folder.path / "nowhere"));
}

TEST(Dataset, People) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text, const DatasetOptions& options = {}) {
    return read_people(folder.put("people.txt", text), folder.path, options);
  };
  const std::string expected = "Ann_B/Ann_B_0001.jpg=0 Ann_B/Ann_B_0002.jpg=0 C/C_0001.jpg=1 ";
  EXPECT_EQ(paths(read("Ann_B\t2\nC\t1\n")), expected);
  EXPECT_EQ(paths(read("2\nAnn_B\t2\r\nC\t1")), expected);
  EXPECT_EQ(paths(read("2\n1\nAnn_B\t2\n1\nC\t1\n")), expected);
  EXPECT_EQ(paths(read("C\t1\nD\t1\n", {.extension = ".ppm"})), "C/C_0001.ppm=0 D/D_0001.ppm=1 ");
  EXPECT_EQ(read("C\t12345\nD\t1\n").samples[12344].path, "C/C_12345.jpg");
  EXPECT_EQ(paths(read("A\t1\nB\t2\nC\t1\nD\t3\n", {.min_images = 2, .max_images = 2})),
            "B/B_0001.jpg=0 B/B_0002.jpg=0 D/D_0001.jpg=1 D/D_0002.jpg=1 ");
}

TEST(Dataset, MalformedPeople) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const char* part) {
    EXPECT_ERROR(data, part, read_people(folder.put("people.txt", text), folder.path));
  };
  refused("A\t1\nB\t0\n", "people.txt:2: count");
  refused("A\t1\nB\tx\n", "people.txt:2: count");
  refused("A\t1\nB\t9999999\n", "people.txt:2: count");
  refused("A\t1\tB\t2\n", "people.txt:1: 'name<TAB>count'");
  refused("A\t1\nA\t2\n", "people.txt:2: a second time");
  refused("3\nA\t1\nB\t1\n", "people.txt:3: the list ends early: 1 people");
  refused("1\nA\t1\nB\t1\n", "people.txt:3: more people");
  refused("2\n1\nA\t1\n", "1 folds missing");
  refused("2\n2\nA\t1\n1\nB\t1\n", "people.txt:4: a fold ends with 1");
  refused("1\n1\nA\t1\n1\nB\t1\n", "people.txt:4: an unexpected fold");
}

TEST(Dataset, Groups) {
  const TemporaryFolder folder;
  for (const char* file : {"a/1.jpg", "b/1.jpg", "c/1.jpg"}) folder.put(file, "x");
  folder.put("groups.txt", "c\tnorth\na\tsouth\r\nother\teast\nb\tnorth\n");
  const Dataset data = read_image_folder(folder.path);
  EXPECT_EQ(data.groups, (std::vector<std::string>{"north", "south"}));
  EXPECT_EQ(data.class_group, (std::vector<int>{1, 0, 0}));
  fs::remove(folder.path / "groups.txt");
  folder.put("groups.csv", "class,group\na,x\nb,y\nc,x\n");
  EXPECT_EQ(read_image_folder(folder.path).class_group, (std::vector<int>{0, 1, 0}));
  folder.put("groups.csv", "a,x\nb,y\n");
  EXPECT_ERROR(data, "no group for class c", read_image_folder(folder.path));
  folder.put("groups.csv", "a,x\na,y\n");
  EXPECT_ERROR(data, "groups.csv:2: a second time", read_image_folder(folder.path));
  folder.put("groups.csv", "a,x\nb\n");
  EXPECT_ERROR(data, "groups.csv:2: 'class,group'", read_image_folder(folder.path));
}

TEST(Dataset, LabeledFacesInTheWild) {
  const fs::path data = "../shared/data";
  if (!fs::exists(data))
    GTEST_SKIP() << "no ../shared/data: run from the project's root, with the pictures of LFW there";
  const Dataset train = read_people(data / "lists/peopleDevTrain.txt", data / "lfw-112");
  EXPECT_EQ(train.num_classes(), 4038);
  EXPECT_EQ(train.samples.size(), 9525u);
  const Dataset all = read_people(data / "lists/people.txt", data / "lfw-112");
  EXPECT_EQ(all.num_classes(), 5749);
  EXPECT_EQ(all.samples.size(), 13233u);
  const Dataset folder = read_image_folder(data / "lfw-112");
  EXPECT_EQ(folder.num_classes(), 5749);
  EXPECT_EQ(folder.samples.size(), 13233u);
  EXPECT_EQ(read_people(data / "lists/people.txt", data / "lfw-112", {.min_images = 2}).num_classes(), 1680);
}

}  // namespace
}  // namespace fr
