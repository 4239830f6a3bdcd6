#include "data/megaface.h"

#include <cmath>
#include <cstring>

#include "test/data/temporary.h"

namespace fr {
namespace {

const char* kProbes = R"({"id": ["b", "a", "b", 7], "path": ["b/1.png", "a/1.png", "b/2.png", "c/1.png"]})";
const char* kDistractors = R"({"path": ["x/1.jpg", "x/2.jpg", "y/1.jpg"], "id": ["0", "0", "1"]})";

struct MegafaceListTest : testing::Test {
  TemporaryFolder folder;
  MegafaceSet read(const std::string& probes, const std::string& distractors, MegafaceOptions options = {}) {
    const fs::path a = folder.put("probes.json", probes), b = folder.put("distractors.json", distractors);
    return read_megaface(a, folder.path / "p", b, folder.path / "d", options);
  }
  MegafaceSet blind(const std::string& probes, const std::string& distractors, MegafaceOptions options = {}) {
    options.check_files = false;
    return read(probes, distractors, options);
  }
};

TEST_F(MegafaceListTest, Lists) {
  const MegafaceSet set = blind(kProbes, kDistractors);
  EXPECT_EQ(set.probes, (std::vector<std::string>{"b/1.png", "a/1.png", "b/2.png", "c/1.png"}));
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 1, 0, 2}));
  EXPECT_EQ(set.distractors, (std::vector<std::string>{"x/1.jpg", "x/2.jpg", "y/1.jpg"}));
  EXPECT_EQ(set.places, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(set.listed, 3);
  EXPECT_EQ(blind(kProbes, kDistractors, {.distractors = 2}).distractors.size(), 2u);
  EXPECT_THROW(blind(kProbes, kDistractors, {.distractors = 0}), std::invalid_argument);
}

TEST_F(MegafaceListTest, NoiseKeepsThePlacesOfOthers) {
  MegafaceOptions options;
  options.probe_noise = folder.put("probe_noise.txt", "# comment\n\n3\tb/1.png\nothers.png\n/1.png\n");
  options.distractor_noise = folder.put("noise.txt", "2.jpg\n");
  EXPECT_ERROR(data, "probes.json: no person has two probes", blind(kProbes, kDistractors, options));
  const std::string probes =
      R"({"id": ["b", "a", "b", 7, "a"], "path": ["b/1.png", "a/1.png", "b/2.png", "c/1.png", "a/2.png"]})";
  const MegafaceSet set = blind(probes, kDistractors, options);
  EXPECT_EQ(set.probes, (std::vector<std::string>{"a/1.png", "b/2.png", "c/1.png", "a/2.png"}));
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 1, 2, 0}));
  EXPECT_EQ(set.places, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(set.listed, 3);
  ASSERT_EQ(set.notes.size(), 2u);
  EXPECT_NE(set.notes[0].find("left out: 1 pictures of"), std::string::npos) << set.notes[0];
  EXPECT_NE(set.notes[0].find("whose other 2 entries name none"), std::string::npos) << set.notes[0];
  options.distractor_noise = folder.put("noise.txt", "1.jpg\n2.jpg\n");
  EXPECT_ERROR(data, "distractors.json: no distractors are left", blind(kProbes, kDistractors, options));
  options.probe_noise = folder.put("probe_noise.txt", "1.png\n2.png\n");
  EXPECT_ERROR(data, "probes.json: no probes are left", blind(kProbes, kDistractors, options));
}

TEST_F(MegafaceListTest, MalformedLists) {
  const auto refused = [&](const std::string& list, const char* part) {
    EXPECT_ERROR(data, part, blind(list, kDistractors));
    EXPECT_ERROR(data, part, blind(kProbes, list));
  };
  refused("", "not JSON");
  refused("{\"id\": [1]", "not JSON");
  refused("[]", "an object {\"id\", \"path\"} expected");
  refused("{\"path\": [\"a\"]}", "key 'id': a list expected");
  refused("{\"id\": [\"a\"], \"path\": \"a\"}", "key 'path': a list expected");
  refused("{\"id\": [1.5], \"path\": [\"a\"]}",
          "key 'id': entry 0: text or a whole number expected, got 1.5");
  refused("{\"id\": [1, 2], \"path\": [\"a\"]}", "2 ids, but 1 paths");
  refused("{\"id\": [], \"path\": []}", "no pictures");
  EXPECT_ERROR(io, "none.json", read_megaface(folder.path / "none.json", "", folder.path / "none.json", ""));
}

TEST_F(MegafaceListTest, MissingFiles) {
  for (const char* name : {"p/b/1.png", "p/b/2.png", "p/c/1.png", "d/x/2.jpg", "d/y/1.jpg"})
    folder.put(name, "x");
  EXPECT_ERROR(data, "probes.json: 1 of 4 pictures missing", read(kProbes, kDistractors));
  const MegafaceSet set = read(kProbes, kDistractors, {.missing = Missing::drop});
  EXPECT_EQ(set.people, (std::vector<int64_t>{0, 0, 1}));
  EXPECT_EQ(set.places, (std::vector<int64_t>{1, 2}));
  folder.put("p/a/1.png", "x");
  EXPECT_ERROR(data, "distractors.json: 1 of 3 pictures missing", read(kProbes, kDistractors));
  EXPECT_ERROR(data, "b/1.png.bin", read(kProbes, kDistractors, {.suffix = ".bin"}));
}

TEST_F(MegafaceListTest, Features) {
  write_opencv_matrix(folder.path / "a.bin", {3, 1, {1, 2, 3}});
  write_opencv_matrix(folder.path / "b.bin", {1, 3, {4, 5, 6}});
  const std::vector<std::string> names = {"b", "a"};
  std::vector<float> features;
  int64_t D = 0;
  append_features(features, D, folder.path, names, ".bin");
  EXPECT_EQ(features, (std::vector<float>{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(D, 3);
  const std::vector<std::string> wrong = {"c"};
  write_opencv_matrix(folder.path / "c.bin", {2, 1, {1, 2}});
  EXPECT_ERROR(data, "c.bin: a feature of 3 numbers expected, got 2 x 1",
               append_features(features, D, folder.path, wrong, ".bin"));
  write_opencv_matrix(folder.path / "c.bin", {3, 1, {1, NAN, 2}});
  EXPECT_ERROR(data, "c.bin: a number that is not finite",
               append_features(features, D, folder.path, wrong, ".bin"));
  write_opencv_matrix(folder.path / "c.bin", {1, 65'537, std::vector<float>(65'537)});
  int64_t unknown = 0;
  EXPECT_ERROR(data, "c.bin: a feature of at most 65536 numbers expected, got 1 x 65537",
               append_features(features, unknown, folder.path, wrong, ".bin"));
  EXPECT_ERROR(io, "none.bin",
               append_features(features, D, folder.path, std::vector<std::string>{"none"}, ".bin"));
}

std::vector<uint8_t> matrix_file(std::vector<int32_t> header, size_t payload) {
  std::vector<uint8_t> bytes(header.size() * 4 + payload, 0);
  std::memcpy(bytes.data(), header.data(), header.size() * 4);
  return bytes;
}

TEST_F(MegafaceListTest, OpencvMatrices) {
  // As insightface writes a feature of two numbers: (2, 1, 4, 5), then 0.5 and -2.
  const std::vector<uint8_t> bytes = {2, 0, 0, 0, 1, 0, 0, 0,    4, 0, 0, 0,
                                      5, 0, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0, 0xc0};
  const Matrix m = read_opencv_matrix(folder.put("m.bin", bytes));
  EXPECT_TRUE(m.rows == 2 && m.columns == 1);
  EXPECT_EQ(m.values, (std::vector<float>{0.5f, -2}));
  write_opencv_matrix(folder.path / "n.bin", m);
  EXPECT_EQ(read_file(folder.path / "n.bin"), bytes);
  EXPECT_THROW(write_opencv_matrix(folder.path / "n.bin", {2, 2, {1}}), std::invalid_argument);
  std::vector<uint8_t> padded = matrix_file({2, 1, 8, 5}, 16);
  padded[16 + 3] = 0x3f, padded[16 + 11] = 0x3f;
  EXPECT_EQ(read_opencv_matrix(folder.put("m.bin", padded)).values, (std::vector<float>{0.5f, 0.5f}));
  const auto refused = [&](const std::vector<uint8_t>& file, const char* part) {
    EXPECT_ERROR(data, part, read_opencv_matrix(folder.put("m.bin", file)));
  };
  refused({}, "m.bin: not an OpenCV matrix of floats: 0 bytes");
  refused(matrix_file({1, 1, 4}, 0), "12 bytes, a header has 16");
  refused(matrix_file({1, 1, 8, 6}, 8), "type 6, expected 5");
  refused(matrix_file({0, 1, 4, 5}, 0), "a shape of 0 x 1");
  refused(matrix_file({1, -1, 4, 5}, 0), "a shape of 1 x -1");
  refused(matrix_file({1, 1 << 30, 4, 5}, 4), "a shape of 1 x 1073741824");
  refused(matrix_file({1, 2, 4, 5}, 4), "2 floats in rows of 4 bytes");
  refused(matrix_file({1, 2, -8, 5}, 8), "2 floats in rows of -8 bytes");
  refused(matrix_file({2, 2, 8, 5}, 12), "2 rows of 8 bytes, but 12 bytes");
  refused(matrix_file({1, 1, 4, 5}, 8), "1 rows of 4 bytes, but 8 bytes");
}

}  // namespace
}  // namespace fr
