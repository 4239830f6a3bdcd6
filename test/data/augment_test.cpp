#include "data/augment.h"

#include <cmath>

#include "data/canvas.h"
#include "data/patch.h"
#include "data/resample.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

Image noise_picture(int width, int height, uint64_t seed = 1) {
  Image image(width, height);
  Random random({seed, Purpose::test});
  for (uint8_t& p : image.pixels) p = static_cast<uint8_t>(random.bits());
  return image;
}
Image flat_picture(int width, int height, uint8_t value) {
  Image image(width, height);
  image.pixels.assign(image.pixels.size(), value);
  return image;
}
float network_value(uint8_t p) { return (static_cast<float>(p) - 127.5f) / 128.0f; }

struct Output {
  int height, width;
  std::vector<float> values;
  Output(int h, int w) : height(h), width(w), values(size_t(3 * h * w), std::nanf("")) {}
  float operator()(int x, int y, int c) const { return values[size_t((y * width + x) * 3 + c)]; }
};
Output augmented(const Image& image, const Augment& augment, uint64_t seed = 1, int h = 112, int w = 96) {
  Output out(h, w);
  Random random({seed, Purpose::augment});
  augment_to_float(out.values.data(), image, h, w, augment, random);
  return out;
}
Output plain(const Image& image, Mirror mirror = Mirror::no, int h = 112, int w = 96) {
  Output out(h, w);
  to_float(out.values.data(), image, h, w, mirror);
  return out;
}

TEST(Resample, CropAndFlip) {
  const Image image = noise_picture(9, 7);
  const Image part = crop(image, 2, 3, 4, 4);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x)
      for (int c = 0; c < 3; ++c) ASSERT_EQ(part.at(x, y)[c], image.at(x + 2, y + 3)[c]);
  EXPECT_EQ(flip_horizontal(flip_horizontal(image)), image);
  EXPECT_EQ(flip_horizontal(image).at(0, 2)[1], image.at(8, 2)[1]);
  EXPECT_THROW(crop(image, 6, 0, 4, 4), std::invalid_argument);
  EXPECT_THROW(crop(image, -1, 0, 4, 4), std::invalid_argument);
}

TEST(Resample, ShrinkingIsTheMean) {
  Image image(4, 2, 1);
  image.pixels = {0, 10, 20, 30, 40, 50, 60, 70};
  EXPECT_EQ(resize(image, 2, 1).pixels, (std::vector<uint8_t>{25, 45}));
  EXPECT_EQ(resize(image, 1, 1).pixels, (std::vector<uint8_t>{35}));
  image.width = 8, image.height = 1;  // 8 -> 3: the first is (0 + 10 + 2/3 20) / (8/3) = 8.75
  EXPECT_EQ(resize(image, 3, 1).pixels, (std::vector<uint8_t>{9, 35, 61}));
}

TEST(Resample, GrowingIsLinear) {
  Image image(2, 1, 1);
  image.pixels = {0, 100};
  EXPECT_EQ(resize(image, 4, 1).pixels, (std::vector<uint8_t>{0, 25, 75, 100}));
  EXPECT_EQ(resize(image, 4, 3).pixels,
            (std::vector<uint8_t>{0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100}));
  EXPECT_EQ(resize(flat_picture(1, 1, 7), 5, 3), flat_picture(5, 3, 7));
  EXPECT_EQ(resize(flat_picture(33, 21, 255), 100, 7), flat_picture(100, 7, 255));
}

TEST(Resample, WarpMovesPixels) {
  const Image image = noise_picture(10, 8);
  EXPECT_EQ(warp(image, {}, 10, 8), image);
  EXPECT_EQ(warp(image, {-1, 0, 9, 0, 1, 0}, 10, 8), flip_horizontal(image));
  EXPECT_EQ(warp(image, {1, 0, 3, 0, 1, 2}, 5, 5), crop(image, 3, 2, 5, 5));
  const Image half = warp(image, {1, 0, 0.5, 0, 1, 0}, 9, 8);
  EXPECT_NEAR(half.at(3, 4)[0], (image.at(3, 4)[0] + image.at(4, 4)[0]) / 2.0, 0.51);
  EXPECT_EQ(warp(image, {1, 0, -100, 0, 1, 0}, 4, 8).at(0, 5)[2], image.at(0, 5)[2]);
  EXPECT_EQ(warp(image, {1, 0, -100, 0, 1, 0}, 4, 8, Border::constant, 9), flat_picture(4, 8, 9));
}

TEST(Resample, InverseMap) {
  const Affine map{1.1, -0.3, 5, 0.4, 0.9, -7}, unit = compose(inverse(map), map);
  for (const auto& [got, expected] :
       {std::pair{unit.a, 1.0}, {unit.b, 0.0}, {unit.tx, 0.0}, {unit.c, 0.0}, {unit.d, 1.0}, {unit.ty, 0.0}})
    EXPECT_TRUE(std::abs(got - expected) <= 1e-12);
  EXPECT_THROW(inverse({1, 2, 0, 2, 4, 0}), std::invalid_argument);
}

TEST(Resample, FitCovers) {
  const auto size = [](int w, int h) {
    const Image image = fit(Image(w, h), 112, 96);
    return std::pair{image.width, image.height};
  };
  EXPECT_EQ(size(112, 112), (std::pair{112, 112}));
  EXPECT_EQ(size(96, 112), (std::pair{96, 112}));
  EXPECT_EQ(size(250, 250), (std::pair{112, 112}));
  EXPECT_EQ(size(92, 112), (std::pair{96, 117}));
  EXPECT_EQ(size(30, 40), (std::pair{96, 128}));
  EXPECT_ERROR(data, "too narrow", fit(Image(1, 8000), 112, 96));
}

TEST(Augment, CentreCropOfSphereFace) {
  const Image image = noise_picture(112, 112);
  const Output out = plain(image), mirrored = plain(image, Mirror::yes);
  for (int y = 0; y < 112; ++y)
    for (int x = 0; x < 96; ++x)
      for (int c = 0; c < 3; ++c) {
        ASSERT_EQ(out(x, y, c), network_value(image.at(x + 8, y)[c]));
        ASSERT_EQ(mirrored(x, y, c), out(95 - x, y, c));
      }
}

TEST(Augment, NothingOnIsTheCentreCrop) {
  const Image image = noise_picture(112, 112);
  Augment augment;
  augment.flip = 0;
  EXPECT_EQ(augmented(image, augment).values, plain(image).values);
  augment.flip = 1;
  EXPECT_EQ(augmented(image, augment).values, plain(image, Mirror::yes).values);
}

TEST(Augment, FlipHappensAtItsRate) {
  const Image image = noise_picture(112, 112);
  const std::vector<float> straight = plain(image).values, mirrored = plain(image, Mirror::yes).values;
  int flips = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const std::vector<float> out = augmented(image, {}, seed).values;
    ASSERT_TRUE(out == straight || out == mirrored);
    flips += out == mirrored;
  }
  EXPECT_TRUE(std::abs(flips - 200) <= 60) << flips;  // six standard deviations
}

TEST(Augment, ShiftIsExactAndRepeatsTheEdge) {
  const Image image = noise_picture(112, 112);
  Augment augment;
  augment.flip = 0, augment.shift = 10;
  bool beyond = false;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Output out = augmented(image, augment, seed);
    int found = 0;
    for (int dy = -10; dy <= 10; ++dy)
      for (int dx = -10; dx <= 10; ++dx) {
        bool same = true;
        for (int y = 0; same && y < 112; ++y)
          for (int x = 0; same && x < 96; ++x)
            same = out(x, y, 0) ==
                   network_value(image.at(std::clamp(x + 8 + dx, 0, 111), std::clamp(y + dy, 0, 111))[0]);
        found += same;
        beyond = beyond || (same && std::abs(dx) > 8);
      }
    ASSERT_EQ(found, 1);
  }
  EXPECT_TRUE(beyond);
}

// The warp with a scale of almost one must do what the exact path does, mirrored and shifted or not.
TEST(Augment, WarpAgreesWithWholePixels) {
  const Image image = noise_picture(112, 112);
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Augment exact;
    exact.shift = 12;
    Augment almost = exact;
    almost.rotation = 1e-9;
    const Output a = augmented(image, exact, seed), b = augmented(image, almost, seed);
    for (size_t i = 0; i < a.values.size(); ++i)
      ASSERT_TRUE(std::abs(a.values[i] - b.values[i]) <= 1e-3) << i;
  }
}

TEST(Augment, ScaleEnlargesTheFace) {
  Image image = flat_picture(112, 112, 0);
  for (int y = 36; y < 76; ++y)
    for (int x = 36; x < 76; ++x) std::fill_n(image.at(x, y), 3, uint8_t{255});  // 40 x 40, centred
  Augment augment;
  augment.flip = 0, augment.scale_min = augment.scale_max = 1.5;
  double white = 0;
  for (const float v : augmented(image, augment).values) white += (v * 128 + 127.5) / 255 / 3;
  EXPECT_TRUE(std::abs(white - 60 * 60) <= 10) << white;
  augment.scale_min = augment.scale_max = 1, augment.rotation = 45;
  white = 0;
  for (const float v : augmented(image, augment).values) white += (v * 128 + 127.5) / 255 / 3;
  EXPECT_TRUE(std::abs(white - 40 * 40) <= 15) << white;
}

TEST(Augment, Colour) {
  Image image = flat_picture(112, 112, 0);
  for (size_t i = 0; i < image.pixels.size(); i += 3) image.pixels[i] = 200, image.pixels[i + 1] = 100;
  Augment augment;
  augment.grayscale = 1;
  const Output gray = augmented(image, augment);
  for (int c = 0; c < 3; ++c)
    EXPECT_TRUE(std::abs(gray(5, 5, c) - (0.299f * 200 + 0.587f * 100 - 127.5f) / 128) <= 1e-5);
  augment = {};
  augment.brightness = 0.5;
  float low = 1, high = -1;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Output out = augmented(image, augment, seed);
    low = std::min(low, out(0, 0, 1)), high = std::max(high, out(0, 0, 1));
    ASSERT_TRUE(out(0, 0, 0) <= network_value(255));
  }
  EXPECT_TRUE(low >= network_value(50) - 1e-6f && low <= network_value(55)) << low;
  EXPECT_TRUE(high <= network_value(150) + 1e-6f && high >= network_value(145)) << high;
  augment = {};
  augment.contrast = 0.5;
  for (uint64_t seed = 0; seed < 50; ++seed)  // 127.5 is the fixed point
    EXPECT_TRUE(std::abs(augmented(flat_picture(112, 112, 127), augment, seed)(1, 1, 1)) <=
                0.5f * 1.5f / 128 + 1e-6f);
}

TEST(Augment, NoiseHasItsDeviation) {
  Augment augment;
  augment.noise = 10;
  double largest = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    double sum = 0, squares = 0;
    const std::vector<float> out = augmented(flat_picture(112, 112, 128), augment, seed).values;
    for (const float v : out) sum += v * 128 - 0.5, squares += (v * 128 - 0.5) * (v * 128 - 0.5);
    const double n = static_cast<double>(out.size());
    EXPECT_TRUE(std::abs(sum / n) <= 0.3) << sum / n;
    largest = std::max(largest, std::sqrt(squares / n));
  }
  EXPECT_TRUE(largest <= 10.2 && largest >= 9) << largest;
}

TEST(Augment, BlurKeepsTheMeanAndSmooths) {
  const Image image = noise_picture(112, 112);
  const auto variance = [](const std::vector<float>& values) {
    double sum = 0, squares = 0;
    for (const float v : values) sum += v, squares += double(v) * v;
    const double n = static_cast<double>(values.size());
    return std::pair{sum / n, squares / n - sum / n * sum / n};
  };
  Augment augment;
  augment.blur = 3, augment.flip = 0;
  const auto before = variance(plain(image).values);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto after = variance(augmented(image, augment, seed).values);
    EXPECT_TRUE(std::abs(after.first - before.first) <= 0.01);
    EXPECT_TRUE(after.second <= before.second * 1.0001);
    const std::vector<float> flat = augmented(flat_picture(112, 112, 90), augment, seed).values;
    for (const float v : flat) ASSERT_TRUE(std::abs(v - network_value(90)) <= 1e-5);
  }
}

TEST(Augment, EraseSetsOneRectangle) {
  Augment augment;
  augment.erase = 1, augment.erase_area_min = 0.1, augment.erase_area_max = 0.1;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Output out = augmented(flat_picture(112, 112, 255), augment, seed);
    const auto zeros = std::count(out.values.begin(), out.values.end(), 0.0f);
    EXPECT_TRUE(std::abs(static_cast<double>(zeros) / static_cast<double>(out.values.size()) - 0.1) <= 0.01);
  }
}

// A run that is older than channel_shift, crop and cutout keeps its pictures: its draws are words 0..15 of the stream, the
// noise's seeds are words 16..19.
TEST(Augment, OldStreamsKeepTheirBits) {
  const Image image = noise_picture(112, 112);
  Augment augment;
  augment.flip = 0, augment.noise = 10;
  Random random({7, Purpose::augment});
  for (int i = 0; i < 10; ++i) random.bits();
  const double sigma = random.uniform(0, 10);
  for (int i = 0; i < 5; ++i) random.bits();
  Canvas x;
  x.resize(112, 96);
  copy_window(x, image, 8, 0, false);
  add_noise(x, sigma, random);
  Output expected(112, 96);
  write_normalised(expected.values.data(), x);
  EXPECT_EQ(augmented(image, augment, 7).values, expected.values);
}

// New changes, too, leave each other and the old ones as they were.
TEST(Augment, EachChangeKeepsTheDrawsOfTheOthers) {
  const Image image = flat_picture(112, 112, 100);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Augment cut, both;
    cut.cutout = 30, both = cut, both.channel_shift = 10, both.crop = 8;
    const Output a = augmented(image, cut, seed), b = augmented(image, both, seed);
    for (size_t i = 0; i < a.values.size(); ++i) ASSERT_EQ(a.values[i] == 0, b.values[i] == 0);
  }
}

TEST(Augment, ChannelsAreShiftedEachByItself) {
  Augment augment;
  augment.channel_shift = 10;
  double least = 0, most = 0;
  bool apart = false;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Output out = augmented(flat_picture(112, 112, 128), augment, seed);
    for (int c = 0; c < 3; ++c) {
      const double shift = out(0, 0, c) * 128.0 - 0.5;
      least = std::min(least, shift), most = std::max(most, shift);
      ASSERT_EQ(out(95, 111, c), out(0, 0, c));
    }
    apart = apart || std::abs(out(0, 0, 0) - out(0, 0, 1)) > 0.05;
  }
  EXPECT_TRUE(apart);
  EXPECT_TRUE(least >= -10 && least <= -9.5 && most <= 10 && most >= 9.5) << least << " " << most;
  augment.grayscale = 1;  // comes after: a gray picture stays gray
  const Output gray = augmented(flat_picture(112, 112, 128), augment);
  EXPECT_NEAR(gray(3, 3, 0), gray(3, 3, 2), 1e-6);
  augment.grayscale = 0;
  EXPECT_LE(augmented(flat_picture(112, 112, 255), augment)(0, 0, 0), network_value(255));
}

// A ramp of slope 1 tells where the window was taken: y_out / f + offset, f = 120 / 112.
TEST(Augment, RandomCropIsAWindowOfTheEnlargedPicture) {
  Image ramp(112, 112);
  for (int y = 0; y < 112; ++y)
    for (int x = 0; x < 112; ++x) ramp.at(x, y)[0] = uint8_t(x), ramp.at(x, y)[1] = uint8_t(y);
  Augment augment;
  augment.flip = 0, augment.crop = 8;
  double lowest = 1e9, highest = -1e9;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Output out = augmented(ramp, augment, seed);
    const auto at = [&](int x, int y, int c) { return out(x, y, c) * 128.0 + 127.5; };
    EXPECT_NEAR(at(50, 60, 1) - at(50, 50, 1), 10 * 112 / 120.0, 1e-3);
    EXPECT_NEAR(at(60, 50, 0) - at(50, 50, 0), 10 * 112 / 120.0, 1e-3);
    const double middle = (at(10, 55, 1) + at(10, 56, 1)) / 2, across = (at(47, 9, 0) + at(48, 9, 0)) / 2;
    EXPECT_LE(std::abs(across - 55.5), 96 * (8 / 112.0) / 2 * 112 / 120 + 1e-3);
    lowest = std::min(lowest, middle), highest = std::max(highest, middle);
  }
  const double reach = 4 * 112 / 120.0;
  EXPECT_TRUE(lowest >= 55.5 - reach - 1e-3 && lowest <= 55.5 - 0.9 * reach) << lowest;
  EXPECT_TRUE(highest <= 55.5 + reach + 1e-3 && highest >= 55.5 + 0.9 * reach) << highest;
}

TEST(Augment, CutoutIsASquareThatMayLieOutside) {
  Augment augment;
  augment.cutout = 24;
  int whole = 0, smallest = 1 << 20;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Output out = augmented(flat_picture(112, 112, 255), augment, seed);
    int left = 96, right = -1, top = 112, bottom = -1, zeros = 0;
    for (int y = 0; y < 112; ++y)
      for (int x = 0; x < 96; ++x)
        if (out(x, y, 1) == 0)
          ++zeros, left = std::min(left, x), right = std::max(right, x), top = std::min(top, y),
                   bottom = std::max(bottom, y);
    ASSERT_EQ(zeros, (right - left + 1) * (bottom - top + 1));
    ASSERT_LE(std::max(right - left, bottom - top), 23);
    ASSERT_TRUE(left == 0 || right == 95 || right - left == 23);
    whole += zeros == 24 * 24, smallest = std::min(smallest, zeros);
  }
  EXPECT_TRUE(whole >= 35 && whole <= 80) << whole;  // (73 / 96) (89 / 112) = 0.60 of 100
  EXPECT_LT(smallest, 24 * 24 * 2 / 3);
  augment.cutout = 400;
  const std::vector<float> all = augmented(flat_picture(112, 112, 255), augment).values;
  EXPECT_EQ(std::count(all.begin(), all.end(), 0.0f), std::ptrdiff_t(all.size()));
}

TEST(Patch, TheThreePatches) {
  const Image image = noise_picture(112, 112);
  EXPECT_EQ(cut_patch(image, Patch::full, 112, 96), image);
  EXPECT_EQ(cut_patch(image, Patch::upper, 112, 96), resize(crop(image, 8, 0, 96, 75), 96, 112));
  EXPECT_EQ(cut_patch(image, Patch::centre, 112, 96), resize(crop(image, 8 + 9, 11, 77, 90), 96, 112));
  const Image large = noise_picture(300, 200);
  EXPECT_EQ(cut_patch(large, Patch::upper, 112, 96), cut_patch(fit(large, 112, 96), Patch::upper, 112, 96));
  EXPECT_EQ(cut_patch(flat_picture(50, 40, 9), Patch::centre, 56, 48), flat_picture(48, 56, 9));
  EXPECT_THROW(cut_patch(image, Patch::upper, 4, 4), std::invalid_argument);
}

TEST(Augment, OtherSizesAreFitted) {
  for (const auto& [w, h] : {std::pair{250, 250}, {92, 112}, {30, 40}, {1, 1}, {97, 113}}) {
    Augment augment;
    augment.shift = 3, augment.rotation = 5;
    for (const float v : augmented(flat_picture(w, h, 200), augment).values)
      ASSERT_TRUE(std::abs(v - network_value(200)) <= 1e-5);
    for (const float v : plain(flat_picture(w, h, 200)).values) ASSERT_EQ(v, network_value(200));
  }
}

TEST(Augment, WrongOptionsAreNamed) {
  const auto refused = [](const Augment& augment, const char* field) {
    try {
      check(augment);
      ADD_FAILURE() << field << " accepted";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(field), std::string::npos) << e.what();
    }
  };
  Augment a;
  a.flip = 1.5, refused(a, "flip");
  a = {}, a.shift = -1, refused(a, "shift");
  a = {}, a.scale_min = 0, refused(a, "scale_min");
  a = {}, a.scale_max = 0.5, refused(a, "scale_max");
  a = {}, a.blur = std::nan(""), refused(a, "blur");
  a = {}, a.channel_shift = -1, refused(a, "channel_shift");
  a = {}, a.crop = -1, refused(a, "crop");
  a = {}, a.cutout = -1, refused(a, "cutout");
}

}  // namespace
}  // namespace fr
