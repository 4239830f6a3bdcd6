// Windows of a picture, resized: as a crop where they lie inside, as a crop of a picture with a black frame where not.
#include "data/resample.h"

#include <gtest/gtest.h>

#include "base/philox.h"

namespace fr {
namespace {

constexpr int kFrame = 60;

TEST(Resample, AWindowIsACropOfTheFramedPicture) {
  Random random({1, Purpose::test, 0, 0});
  Image image(17, 13), framed(17 + 2 * kFrame, 13 + 2 * kFrame);
  for (int y = 0; y < 13; ++y)
    for (int x = 0; x < 17; ++x)
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] = framed.at(x + kFrame, y + kFrame)[c] = uint8_t(random.bits());
  for (int trial = 0; trial < 200; ++trial) {
    const auto draw = [&](int low, int high) { return low + int(random.uniform(0, high - low)); };
    const Window w{draw(-20, 30), draw(-20, 30), draw(1, 27), draw(1, 27)};
    const int width = draw(1, 30), height = draw(1, 30);
    const Image cut = crop(framed, w.x + kFrame, w.y + kFrame, w.width, w.height);
    const Image expected = resize(cut, width, height), found = resize_window(image, w, width, height);
    ASSERT_EQ(found.pixels.size(), expected.pixels.size());
    for (size_t i = 0; i < found.pixels.size(); ++i)
      ASSERT_NEAR(found.pixels[i], expected.pixels[i], 1)
          << w.x << " " << w.y << " " << w.width << " " << w.height;
  }
  EXPECT_THROW(resize_window(image, {0, 0, 0, 3}, 5, 5), std::invalid_argument);
  EXPECT_THROW(resize_window(image, {0, 0, 3, 3}, 5, 0), std::invalid_argument);
  EXPECT_THROW(resize_window({}, {0, 0, 3, 3}, 5, 5), std::invalid_argument);
}

}  // namespace
}  // namespace fr
