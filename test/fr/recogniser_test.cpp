// The recogniser: search among people with many rows, enrolment and identification of aligned
// pictures by a small network.
#include "fr/recogniser/recogniser.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"
#include "fr/recogniser/compare.h"
#include "fr/recogniser/enroll.h"
#include "fr/recogniser/identify_pictures.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

// ---- search

struct Set {
  std::vector<float> values;
  std::vector<std::string> people, pictures;
  int64_t D = 8;
  EmbeddingView view() const { return {values, int64_t(values.size()) / D, D}; }
};

Set random_set(int64_t N, uint64_t seed, int64_t rows_a_person) {
  Random random({seed, Purpose::test, 0, 0});
  Set s;
  for (int64_t i = 0; i < N * s.D; ++i) s.values.push_back(float(random.normal()));
  for (int64_t n = 0; n < N; ++n)
    s.people.push_back(cat("p", n < 40 ? 0 : n / rows_a_person)), s.pictures.push_back(cat(n, ".jpg"));
  return s;
}

// An other calibrator than cosine that ranks as it does, so that both paths of the search meet.
class Shifted : public Calibrator {
 public:
  std::string name() const override { return "shifted"; }
  std::string score() const override { return "cosine + 1"; }
  CalibratedRows prepare(const EmbeddingView& e) const override { return cosine_->prepare(e); }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    cosine_->scores(out, a, i, n, b, j, m);
    for (int64_t k = 0; k < n * m; ++k) out[k] += 1;
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    return 1 + cosine_->score(a, i, b, j);
  }

 private:
  std::unique_ptr<Calibrator> cosine_ = make_calibrator({});
};

std::vector<Candidate> brute_force(const Set& gallery, const float* probe, int64_t k) {
  std::map<std::string, double> best;
  for (size_t n = 0; n < gallery.people.size(); ++n) {
    double dot = 0, g = 0, p = 0;
    for (int64_t d = 0; d < gallery.D; ++d) {
      const double x = gallery.values[n * size_t(gallery.D) + size_t(d)], y = probe[d];
      dot += x * y, g += x * x, p += y * y;
    }
    const double score = dot / std::sqrt(g * p);
    const auto [at, fresh] = best.emplace(gallery.people[n], score);
    if (!fresh) at->second = std::max(at->second, score);
  }
  std::vector<Candidate> all;
  for (const auto& [person, score] : best) all.push_back({person, "", score});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), size_t(k)));
  return all;
}

TEST(Identifier, FindsThePeopleThatBruteForceFinds) {
  const TemporaryFolder folder;
  const Set gallery = random_set(5000, 3, 3),
            probes = random_set(9, 4, 1);  // 40 rows of one person crowd the others
  write_gallery(folder.path / "g", gallery.view(), gallery.people, gallery.pictures, {});
  const GalleryFile file(folder.path / "g");
  const auto cosine = make_calibrator({});
  const Shifted shifted;
  for (const int64_t k : {1, 5, 1653, 2000})
    for (const Calibrator* calibrator : std::vector<const Calibrator*>{cosine.get(), &shifted}) {
      const auto found = Identifier(file, *calibrator).search(probes.view(), k);
      for (int64_t p = 0; p < 9; ++p) {
        const auto expected = brute_force(gallery, &probes.values[size_t(p * probes.D)], k);
        ASSERT_EQ(found[size_t(p)].size(), expected.size());
        for (size_t i = 0; i < expected.size(); ++i) {
          EXPECT_NEAR(found[size_t(p)][i].score - (calibrator == &shifted), expected[i].score, 1e-6);
          if (i < 5) {
            EXPECT_EQ(found[size_t(p)][i].person, expected[i].person);
          }
        }
      }
    }
}

TEST(Identifier, SomeoneWithManyRowsDoesNotHideTheNext) {
  const TemporaryFolder folder;
  Set s;
  for (int n = 0; n < 50; ++n) {  // forty rows of one person before all others
    const float angle = n < 40 ? 0.01f * float(n) : 1.0f;
    for (int d = 0; d < 8; ++d) s.values.push_back(d == 0 ? std::cos(angle) : d == 1 ? std::sin(angle) : 0);
    s.people.push_back(n < 40 ? "many" : cat("other ", n)), s.pictures.push_back(cat(n));
  }
  write_gallery(folder.path / "g", s.view(), s.people, s.pictures, {});
  const GalleryFile file(folder.path / "g");
  const auto cosine = make_calibrator({});
  const Identifier identifier(file, *cosine);
  const std::vector<float> probe = {1, 0, 0, 0, 0, 0, 0, 0};
  const auto found = identifier.search({probe, 1, 8}, 3)[0];
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].person, "many");
  EXPECT_EQ(found[0].picture, "0");
  EXPECT_EQ(found[1].person, "other 40");  // of equals the earlier row
  EXPECT_EQ(identifier.search({probe, 1, 8}, 100)[0].size(), 11u);
  EXPECT_THROW(identifier.search({probe, 2, 4}, 1), std::invalid_argument);
  EXPECT_THROW(identifier.search({probe, 1, 8}, 0), std::invalid_argument);
}

TEST(Identifier, AnEmptyGalleryIsRefused) {
  const TemporaryFolder folder;
  write_gallery(folder.path / "g", {{}, 0, 4}, {}, {}, {});
  const GalleryFile file(folder.path / "g");
  const auto cosine = make_calibrator({});
  EXPECT_ERROR(data, "nobody is enrolled", Identifier(file, *cosine));
}

// ---- from pictures to names

fs::path small_model(const TemporaryFolder& folder, uint64_t seed, const std::string& name) {
  Config config;
  config.network.depth = 4, config.network.embedding = 16, config.network.height = 32,
  config.network.width = 32;
  config.network.seed = seed;
  FaceModel model(make_backbone(config.network));
  model.initialise(seed);
  Schema schema = describe(config);
  CheckpointInfo info;
  info.config = schema.to_ini();
  info.input = preprocessing_of(config);
  save_model(folder.path / name, model, info);
  return folder.path / name;
}

Image noise(uint64_t seed, int side = 32) {
  Random random({seed, Purpose::test, 1, 0});
  Image image(side, side);
  for (uint8_t& p : image.pixels) p = uint8_t(random.below(256));
  return image;
}

struct People {
  TemporaryFolder folder;
  fs::path model = small_model(folder, 1, "model.safetensors");
  fs::path root = folder.path / "people";
  Recogniser recogniser{RecogniserOptions{model.string(), ""}};
  std::unique_ptr<Calibrator> cosine = make_calibrator({});
  People() {
    save_image(root / "ann" / "1.png", noise(1));
    save_image(root / "ann" / "2.png", noise(2));
    save_image(root / "bob.png", noise(3));
  }
};

TEST(Recogniser, EnrolsAndIdentifies) {
  const People p;
  save_image(p.root / "cyd" / "small.png", noise(4, 8));
  write_file_atomic(p.root / "bob2.jpg", std::string_view("no picture"));
  const Enrolment e = enroll(p.recogniser, p.root, GalleryRows::pictures);
  EXPECT_EQ(e.people, (std::vector<std::string>{"ann", "ann", "bob"}));
  EXPECT_EQ(e.pictures.back(), "bob.png");
  EXPECT_EQ(e.left_out, (std::vector<std::string>{"bob2", "cyd"}));
  ASSERT_EQ(e.skipped.size(), 2u);
  EXPECT_NE(e.skipped[1].find("cyd/small.png: expected an aligned picture of at least 32 x 32"),
            std::string::npos);
  write_gallery(p.folder.path / "g", e.embeddings.view(), e.people, e.pictures, p.recogniser.identity());

  const GalleryFile file(p.folder.path / "g");
  check_identity(file.about(), p.recogniser, "g");
  const Identifier identifier(file, *p.cosine);
  const auto result =
      identify(p.recogniser, identifier, {p.root / "ann/2.png", p.root / "cyd/small.png", p.root / "bob.png"},
               Faces::all, 2, KeepFaces::yes);
  EXPECT_EQ(result.skipped.size(), 1u);
  ASSERT_EQ(result.faces.size(), 2u);
  EXPECT_EQ(result.faces[0].candidates[0].picture, "ann/2.png");
  EXPECT_NEAR(result.faces[0].candidates[0].score, 1, 1e-5);
  EXPECT_EQ(result.faces[1].candidates[0].person, "bob");
  const Decision strict{2};
  EXPECT_NE(to_lines(result.faces, strict).find("bob.png\tunknown\tbob\t1.0000"), std::string::npos)
      << to_lines(result.faces, strict);
  EXPECT_NE(to_lines(result.faces, std::nullopt).find("bob.png\tbob\t1.0000"), std::string::npos);
  EXPECT_EQ(to_csv(result.faces, strict).substr(0, 43),
            "probe,rank,person,picture,score,accepted\n" + p.root.string().substr(0, 2));
  EXPECT_NE(to_html(result.faces, strict, {}).find("<b>unknown</b>"), std::string::npos);
}

TEST(Recogniser, MeansOfUnitRows) {
  const People p;
  const Enrolment rows = enroll(p.recogniser, p.root, GalleryRows::pictures);
  const Enrolment means = enroll(p.recogniser, p.root, GalleryRows::means);
  EXPECT_EQ(means.people, (std::vector<std::string>{"ann", "bob"}));
  const size_t D = size_t(means.embeddings.D);
  double length[2] = {};
  for (size_t n = 0; n < 2; ++n)
    for (size_t d = 0; d < D; ++d) length[n] += std::pow(double(rows.embeddings.values[n * D + d]), 2);
  for (size_t d = 0; d < D; ++d)
    EXPECT_NEAR(means.embeddings.values[d],
                rows.embeddings.values[d] / std::sqrt(length[0]) +
                    rows.embeddings.values[D + d] / std::sqrt(length[1]),
                1e-6);
}

TEST(Recogniser, LinkedPicturesBelongToTheirFolder) {
  const People p;
  const fs::path links = p.folder.path / "links";
  fs::create_directories(links / "cyd");
  fs::create_symlink(p.root / "bob.png", links / "cyd" / "1.png");
  EXPECT_EQ(enroll(p.recogniser, links, GalleryRows::pictures).people, std::vector<std::string>{"cyd"});
}

TEST(Recogniser, WithoutADetectorAPhotographIsRefused) {
  const People p;
  EXPECT_ERROR(
      data,
      "a.png: expected an aligned picture of at most 112 x 112 pixels, got 250 x 250 pixels; --detector",
      p.recogniser.find(noise(9, 250), "a.png"));
}

TEST(Recogniser, NobodyToEnrolIsAnError) {
  const People p;
  EXPECT_ERROR(io, "expected a folder", enroll(p.recogniser, p.root / "bob.png", GalleryRows::pictures));
  fs::create_directories(p.folder.path / "empty");
  EXPECT_ERROR(data, "nobody to enrol: 0 pictures",
               enroll(p.recogniser, p.folder.path / "empty", GalleryRows::means));
}

TEST(Recogniser, ComparesAPictureWithItself) {
  const People p;
  const Comparison c = compare(p.recogniser, *p.cosine, p.root / "bob.png", p.root / "bob.png");
  EXPECT_NEAR(c.score, 1, 1e-6);
  EXPECT_NE(to_text(c, *p.cosine, std::nullopt).find("none: give --card"), std::string::npos);
  EXPECT_NE(to_text(c, *p.cosine, Decision{0.5, 1e-3, false, "LFW", "few"}).find("same person"),
            std::string::npos);
  EXPECT_NE(to_html(c, *p.cosine, Decision{0.5, 1e-3, false, "LFW"}, p.root / "bob.png", p.root / "bob.png",
                    p.recogniser)
                .find("data:image/jpeg"),
            std::string::npos);
  EXPECT_ERROR(io, "nobody.png", compare(p.recogniser, *p.cosine, p.root / "nobody.png", p.root / "bob.png"));
}

TEST(Recogniser, AnotherModelsGalleryIsRefused) {
  const People p;
  const Recogniser other(RecogniserOptions{small_model(p.folder, 2, "other.safetensors").string(), ""});
  EXPECT_ERROR(state, "was made otherwise: ", check_identity(p.recogniser.identity(), other, "g"));
  EXPECT_ERROR(state, "is missing", check_identity({}, other, "g"));
}

}  // namespace
}  // namespace fr
