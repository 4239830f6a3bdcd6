// The file of a gallery: what was written comes back, in unit length, and every damage is refused by name.
#include "fr/gallery_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct Rows {
  std::vector<float> values;
  std::vector<std::string> people, pictures;
  int64_t D;
  EmbeddingView view() const { return {values, int64_t(people.size()), D}; }
};

Rows random_rows(int64_t N, int64_t D) {
  Random random({5, Purpose::test, 0, 0});
  Rows r{{}, {}, {}, D};
  for (int64_t i = 0; i < N * D; ++i) r.values.push_back(float(random.normal()));
  for (int64_t n = 0; n < N; ++n)
    r.people.push_back(cat("person ", n / 2)), r.pictures.push_back(n % 3 ? cat("p/", n, ".jpg") : "");
  return r;
}

TEST(GalleryFile, ComesBackInUnitLength) {
  const TemporaryFolder folder;
  const Rows r = random_rows(7, 5);
  write_gallery(folder.path / "g", r.view(), r.people, r.pictures, {{"network", "a net"}});
  const GalleryFile g(folder.path / "g");
  g.verify();
  ASSERT_EQ(g.size(), 7);
  ASSERT_EQ(g.embeddings().D, 5);
  EXPECT_EQ(g.about().at("network"), "a net");
  for (int64_t n = 0; n < 7; ++n) {
    EXPECT_EQ(g.row(n).person, r.people[size_t(n)]);
    EXPECT_EQ(g.row(n).picture, r.pictures[size_t(n)]);
    double dot = 0, square = 0, length = 0;
    for (int64_t d = 0; d < 5; ++d) {
      const double x = r.values[size_t(n * 5 + d)], y = g.embeddings().values[size_t(n * 5 + d)];
      dot += x * y, square += y * y, length += x * x;
    }
    EXPECT_NEAR(square, 1, 1e-6);
    EXPECT_NEAR(dot, std::sqrt(length), 1e-6);
  }
  EXPECT_THROW(g.row(7), std::invalid_argument);
}

TEST(GalleryFile, MayBeEmpty) {
  const TemporaryFolder folder;
  write_gallery(folder.path / "g", {{}, 0, 4}, {}, {}, {});
  EXPECT_EQ(GalleryFile(folder.path / "g").size(), 0);
}

TEST(GalleryFile, RefusesRowsWithoutDirection) {
  const TemporaryFolder folder;
  Rows r = random_rows(3, 2);
  r.values[2] = r.values[3] = 0;
  EXPECT_ERROR(data, "the embedding of p/1.jpg has length 0",
               write_gallery(folder.path / "g", r.view(), r.people, r.pictures, {}));
  r.values[2] = NAN;
  EXPECT_ERROR(data, "p/1.jpg", write_gallery(folder.path / "g", r.view(), r.people, r.pictures, {}));
  EXPECT_FALSE(fs::exists(folder.path / "g"));
  r.people.pop_back();
  EXPECT_THROW(write_gallery(folder.path / "g", r.view(), r.people, r.pictures, {}), std::invalid_argument);
}

TEST(GalleryFile, RefusesWhatIsNoGallery) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "g";
  const auto words = [](std::vector<int64_t> values) {
    const Tensor t({int64_t(values.size())}, DType::int64);
    std::copy(values.begin(), values.end(), t.as<int64_t>());
    return t;
  };
  NamedTensors tensors = {{"embeddings", Tensor::zeros({2, 3})},
                          {"people", words({0})},
                          {"people.ends", words({3, 5})},
                          {"pictures", words({})},
                          {"pictures.ends", words({0, 0})}};
  const auto write = [&](const Metadata& about) { write_safetensors(path, tensors, about); };
  const Metadata right = {{"format", "prosopon-gallery"}, {"version", "1"}};
  write(right);
  EXPECT_EQ(GalleryFile(path).row(1).person.size(), 2u);
  write({});
  EXPECT_ERROR(data, "not a gallery", GalleryFile{path});
  write({{"format", "prosopon-gallery"}, {"version", "2"}});
  EXPECT_ERROR(data, "version \"2\"", GalleryFile{path});
  for (const auto& [ends, found] :
       std::vector<std::pair<std::vector<int64_t>, std::string>>{{{3, 9}, "got 9 behind 3"},
                                                                 {{3, 2}, "got 2 behind 3"},
                                                                 {{-1, 2}, "got -1 behind 0"},
                                                                 {{3}, "(1)"}}) {
    tensors["people.ends"] = words(ends), write(right);
    EXPECT_ERROR(data, found, GalleryFile{path});
  }
  tensors.erase("people.ends"), write(right);
  EXPECT_ERROR(data, "tensor \"people.ends\" is missing", GalleryFile{path});
}

}  // namespace
}  // namespace fr
