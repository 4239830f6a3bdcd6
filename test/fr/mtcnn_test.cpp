// The cascade: real faces where the data are there, and with random weights everything that must hold for any picture.
#include "fr/detection/mtcnn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "data/landmark_list.h"
#include "data/resample.h"
#include "fr/detection/mtcnn_input.h"
#include "nn/safetensors.h"
#include "test/data/temporary.h"
#include "test/fr/mtcnn_weights.h"

namespace fr {
namespace {

const fs::path kData = "../shared/data";

Image random_picture(uint64_t seed, int width, int height) {
  Random random({seed, Purpose::test, 0, 0});
  Image image(width, height);
  for (uint8_t& p : image.pixels) p = uint8_t(random.bits());
  return image;
}

struct RandomDetector {
  TemporaryFolder folder;
  fs::path file = folder.path / "random.safetensors";
  explicit RandomDetector(uint64_t seed) { write_safetensors(file, random_mtcnn(seed)); }
};

void expect_sound(const std::vector<Face>& faces) {
  for (size_t i = 0; i < faces.size(); ++i) {
    EXPECT_TRUE(faces[i].score > 0 && faces[i].score <= 1);
    EXPECT_LE(faces[i].score, i ? faces[i - 1].score : 1);
    EXPECT_TRUE(
        std::isfinite(faces[i].box.left + faces[i].box.right + faces[i].box.top + faces[i].box.bottom));
    for (const Point& p : faces[i].landmarks) EXPECT_TRUE(std::isfinite(p.x + p.y));
    for (size_t j = 0; j < i; ++j) EXPECT_LE(overlap(faces[i].box, faces[j].box, Overlap::of_smaller), 0.7);
  }
}

TEST(Mtcnn, AnyPictureIsTaken) {
  const RandomDetector weights(5);
  const Mtcnn detector(weights.file, {12, 0.709, {0.6, 0.5, 0.5}});
  Random random({6, Purpose::test, 0, 0});
  size_t found = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const int width = 1 + int(random.uniform(0, 36)), height = 1 + int(random.uniform(0, 36));
    const std::vector<Face> faces = detector.detect(random_picture(i, width, height));
    expect_sound(faces);
    found += faces.size();
  }
  EXPECT_GT(found, 20u);  // the whole cascade has run
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 300}, {300, 11}, {8, 8}})
    EXPECT_TRUE(detector.detect(random_picture(1, width, height)).empty()) << width << " x " << height;
  EXPECT_TRUE(detector.detect(Image()).empty());
  EXPECT_THROW(detector.detect(Image(40, 40, 1)), std::invalid_argument);
  EXPECT_NO_THROW(detector.detect(random_picture(1, 8192, 12)));
  EXPECT_TRUE(Mtcnn(weights.file, {500}).detect(random_picture(1, 90, 90)).empty());
}

TEST(Mtcnn, DoesNotDependOnTheThreads) {
  const RandomDetector weights(5);
  const Mtcnn detector(weights.file, {12, 0.8, {0.5, 0.5, 0.5}});
  const Image image = random_picture(3, 90, 70);
  const int before = threads();
  set_threads(1);
  const std::vector<Face> one = detector.detect(image);
  ASSERT_FALSE(one.empty());
  for (int n : {2, 3, 5}) {
    set_threads(n);
    const std::vector<Face> more = detector.detect(image);
    ASSERT_EQ(more.size(), one.size());
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(more[i].score, one[i].score);
      EXPECT_EQ(more[i].box.left, one[i].box.left);
      EXPECT_EQ(more[i].box.bottom, one[i].box.bottom);
      for (size_t k = 0; k < 5; ++k) EXPECT_EQ(more[i].landmarks[k].x, one[i].landmarks[k].x);
    }
  }
  set_threads(before);
}

TEST(Mtcnn, NamesWhatIsWrong) {
  const RandomDetector weights(7);
  const TemporaryFolder folder;
  EXPECT_ERROR(io, "none.safetensors", Mtcnn(folder.path / "none.safetensors"));
  const fs::path other = folder.path / "other.safetensors";
  write_safetensors(other, {{"conv.weight", Tensor::zeros({3})}});
  EXPECT_ERROR(
      data, "other.safetensors: pnet.conv1.weight: expected (10,3,3,3), found no such tensor; is this MTCNN?",
      Mtcnn{other});
  for (const MtcnnOptions& o : {MtcnnOptions{11}, MtcnnOptions{NAN}, MtcnnOptions{20, 1}, MtcnnOptions{20, 0},
                                MtcnnOptions{20, 0.7, {0.6, 1.5, 0.7}}, MtcnnOptions{20, 0.7, {0, 0.7, 0.7}}})
    EXPECT_THROW(Mtcnn(weights.file, o), std::invalid_argument);
}

TEST(Mtcnn, ThePyramidFallsFromTheSmallestFace) {
  const std::vector<Image> levels = mtcnn_pyramid(random_picture(1, 320, 240), 24, 0.5);
  ASSERT_EQ(levels.size(), 4u);  // 240 / 2 = 120, 60, 30, 15 rows, to even numbers
  for (size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(levels[i].width % 2 + levels[i].height % 2, 0);
    EXPECT_NEAR(levels[i].width, 160 * std::pow(0.5, i), 1);
    EXPECT_NEAR(levels[i].height, 120 * std::pow(0.5, i), 1);
  }
  EXPECT_EQ(levels[0], resize(random_picture(1, 320, 240), 160, 120));
  EXPECT_TRUE(mtcnn_pyramid(random_picture(1, 200, 19), 24, 0.7).empty());
}

TEST(Mtcnn, SquaresAreTurned) {
  Image image(48, 30);
  *image.at(3, 5) = 255;
  const std::vector<Square> squares = {{0, 0, 24}, {-2, 4, 24}, {40, 20, 24}};
  const Tensor x = mtcnn_squares(image, squares, 24);
  ASSERT_EQ(x.shape(), (Shape{3, 24, 24, 3}));
  const auto red = [&](int64_t n, int64_t column, int64_t row) {
    return x.as<float>()[((n * 24 + 23 - row) * 24 + 23 - column) * 3];
  };
  EXPECT_EQ(red(0, 3, 5), 127.5f / 128);
  EXPECT_EQ(red(0, 4, 5), -127.5f / 128);
  EXPECT_EQ(red(1, 5, 1), 127.5f / 128);
  EXPECT_EQ(red(2, 20, 20), -127.5f / 128);  // beyond the picture it is black
}

TEST(Mtcnn, TheMainFaceIsTheLargest) {
  const std::vector<Face> faces = {{{0, 0, 10, 10}, 0.99}, {{0, 0, 30, 30}, 0.8}, {{0, 0, 20, 20}, 0.9}};
  EXPECT_EQ(main_face(faces), &faces[1]);
  EXPECT_EQ(main_face(faces, 0.9), &faces[2]);
  EXPECT_EQ(main_face(faces, 0.995), nullptr);
  EXPECT_EQ(main_face({}), nullptr);
}

double distance(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

// Mean distance of the landmarks over that of the eyes, after the similarity that fits them best. The list gives the places
// in the pictures before they were funnelled, which turned, moved and scaled each by an amount nobody recorded.
double error_up_to_similarity(const Landmarks& found, const Landmarks& listed) {
  const Affine m = fit_similarity(listed, found);
  const double scale = std::hypot(m.a, m.c);
  double sum = 0;
  for (size_t i = 0; i < 5; ++i)
    sum += distance(found[i], {m.a * listed[i].x + m.b * listed[i].y + m.tx,
                               m.c * listed[i].x + m.d * listed[i].y + m.ty});
  return sum / 5 / (scale * distance(listed[0], listed[1]));
}

TEST(Mtcnn, FindsTheFacesOfLfw) {
  const fs::path weights = kData / "weights/mtcnn.safetensors", root = kData / "lfw-250-sample";
  if (!fs::exists(weights) || !fs::exists(root)) GTEST_SKIP() << "needs " << weights << " and " << root;
  const Mtcnn detector(weights);
  const LandmarkList list = read_landmarks(kData / "lists/lfw_landmarks.txt");
  int pictures = 0, found = 0;
  std::vector<double> errors;
  for (const auto& [name, listed] : list) {
    if (!fs::exists(root / name)) continue;
    ++pictures;
    const std::vector<Face> faces = detector.detect(load_image(root / name));
    const Face* face = main_face(faces);
    // The face of such a picture is in its middle.
    if (!face || distance(face->landmarks[2], {125, 125}) > 40) continue;
    ++found;
    errors.push_back(error_up_to_similarity(face->landmarks, listed));
  }
  EXPECT_EQ(pictures, 73);
  EXPECT_GE(found, 0.99 * pictures);
  std::sort(errors.begin(), errors.end());
  EXPECT_LT(errors[errors.size() / 2], 0.035);  // measured: 0.026
  EXPECT_LT(errors.back(), 0.15);
}

}  // namespace
}  // namespace fr
