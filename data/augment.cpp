#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/canvas.h"
#include "data/resample.h"

namespace fr {
namespace {

constexpr double kDegree = 3.14159265358979323846 / 180;

// What was drawn for one picture.
struct Drawn {
  bool flip, gray, erase;
  int shift_x, shift_y;
  double scale, angle, brightness, contrast, saturation, sigma, noise;
  double erase_area, erase_shape, erase_x, erase_y;
  Random noise_words;
  std::array<double, 3> channel_shift;
  double crop_x, crop_y;  // -1..1: from one end of the enlarged picture to the other
  double cutout_x, cutout_y;

  Drawn(const Augment& a, Random& random) : noise_words(random) {
    const auto offset = [&] { return static_cast<int>(random.below(2 * uint32_t(a.shift) + 1)) - a.shift; };
    const auto around_one = [&](double range) { return 1 + random.uniform(-range, range); };
    flip = random.chance(a.flip);
    shift_x = offset(), shift_y = offset();
    scale = a.scale_min * std::pow(a.scale_max / a.scale_min, random.uniform());
    angle = random.uniform(-a.rotation, a.rotation) * kDegree;
    brightness = around_one(a.brightness), contrast = around_one(a.contrast);
    saturation = around_one(a.saturation), gray = random.chance(a.grayscale);
    sigma = random.uniform(0, a.blur), noise = random.uniform(0, a.noise);
    erase = random.chance(a.erase), erase_area = random.uniform(a.erase_area_min, a.erase_area_max);
    erase_shape = std::pow(3.0, random.uniform(-1, 1));
    erase_x = random.uniform(), erase_y = random.uniform();
    noise_words = random;
    for (int i = 0; i < kNoiseWords; ++i) random.bits();
    for (double& s : channel_shift) s = random.uniform(-a.channel_shift, a.channel_shift);
    crop_x = random.uniform(-1, 1), crop_y = random.uniform(-1, 1);
    cutout_x = random.uniform(), cutout_y = random.uniform();
  }
};

// Output pixel -> source pixel. Seen: the mirror is taken first, then the face is scaled, turned and moved. A random crop is
// a face that is larger by `crop` rows and moved by up to half of what is too much.
Affine geometry(const Drawn& d, int crop, const Image& image, int height, int width) {
  const double out_x = (width - 1) / 2.0, out_y = (height - 1) / 2.0;
  const double in_x = (image.width - width) / 2 + out_x, in_y = (image.height - height) / 2 + out_y;
  const double excess = static_cast<double>(crop) / height, scale = d.scale * (1 + excess);
  const double move_x = d.shift_x + d.crop_x * excess * width / 2, move_y = d.shift_y + d.crop_y * crop / 2;
  const double c = std::cos(d.angle) / scale, s = std::sin(d.angle) / scale, m = d.flip ? -1 : 1;
  const Affine to_centre{1, 0, -out_x - move_x, 0, 1, -out_y - move_y};
  return compose({m * c, m * s, in_x, -s, c, in_y}, to_centre);
}

void erase_rectangle(float* x, int height, int width, const Drawn& d) {
  const double area = d.erase_area * height * width;
  const int w = std::clamp(static_cast<int>(std::lround(std::sqrt(area * d.erase_shape))), 1, width);
  const int h = std::clamp(static_cast<int>(std::lround(std::sqrt(area / d.erase_shape))), 1, height);
  const int x0 = static_cast<int>(d.erase_x * (width - w + 1)),
            y0 = static_cast<int>(d.erase_y * (height - h + 1));
  for (int y = y0; y < y0 + h; ++y) std::fill_n(x + 3 * (y * width + x0), 3 * w, 0.0f);
}

void cut_out(float* x, int height, int width, int side, const Drawn& d) {
  const int left = static_cast<int>(d.cutout_x * width) - side / 2,
            top = static_cast<int>(d.cutout_y * height) - side / 2;
  const int begin = std::max(left, 0), end = std::min(left + side, width);
  for (int y = std::max(top, 0); y < std::min(top + side, height); ++y)
    std::fill_n(x + 3 * (y * width + begin), 3 * (end - begin), 0.0f);
}

// The working picture of the thread: nothing is allocated from the second picture on.
Canvas& canvas(int height, int width) {
  thread_local Canvas canvas;
  canvas.resize(height, width);
  return canvas;
}

void check_call(const char* op, const Image& image, int height, int width) {
  FR_CHECK(image.channels == 3, op, ": 3 channels, got ", image.channels);
  FR_CHECK(height > 0 && width > 0, op, ": a size of ", width, " x ", height);
}

}  // namespace

void check(const Augment& a) {
  const auto in = [](const char* field, double value, double low, double high) {
    FR_CHECK(value >= low && value <= high, "augment.", field, ": ", low, "..", high, ", got ", value);
  };
  in("flip", a.flip, 0, 1), in("shift", a.shift, 0, 1024), in("crop", a.crop, 0, 1024);
  in("scale_min", a.scale_min, 0.1, 10), in("scale_max", a.scale_max, a.scale_min, 10);
  in("rotation", a.rotation, 0, 180), in("channel_shift", a.channel_shift, 0, 255);
  in("brightness", a.brightness, 0, 1), in("contrast", a.contrast, 0, 1),
      in("saturation", a.saturation, 0, 1);
  in("grayscale", a.grayscale, 0, 1), in("blur", a.blur, 0, 3), in("noise", a.noise, 0, 128);
  in("erase", a.erase, 0, 1), in("erase_area_min", a.erase_area_min, 0, 1);
  in("erase_area_max", a.erase_area_max, a.erase_area_min, 1);
  in("cutout", a.cutout, 0, 4096);
}

void augment_to_float(float* out, const Image& image, int height, int width, const Augment& augment,
                      Random& random) {
  check_call("augment_to_float", image, height, width);
  if (!fits(image, height, width))
    return augment_to_float(out, fit(image, height, width), height, width, augment, random);
  check(augment);
  Drawn d(augment, random);
  // The face moves to the right by shift_x whether mirrored or not, as in geometry().
  const int left = (image.width - width) / 2 + (d.flip ? d.shift_x : -d.shift_x),
            top = (image.height - height) / 2 - d.shift_y;
  const bool moved_only = d.scale == 1 && d.angle == 0 && augment.crop == 0,
             soft = d.sigma > 0.2;  // below, neighbours weigh under 1e-5
  const bool colored = d.brightness != 1 || d.contrast != 1 || d.saturation != 1 || d.gray;
  const bool tinted = augment.channel_shift > 0;
  if (moved_only && !tinted && !colored && !soft && d.noise == 0) {
    write_window(out, image, left, top, height, width, d.flip);
  } else {
    Canvas& x = canvas(height, width);
    if (moved_only)
      copy_window(x, image, left, top, d.flip);
    else
      warp_window(x, image, geometry(d, augment.crop, image, height, width));
    if (tinted) shift_channels(x, d.channel_shift);
    if (colored) change_color(x, d.brightness, d.contrast, d.gray ? 0 : d.saturation);
    if (soft) blur(x, d.sigma);
    if (d.noise > 0) add_noise(x, d.noise, d.noise_words);
    write_normalised(out, x);
  }
  if (d.erase) erase_rectangle(out, height, width, d);
  if (augment.cutout > 0) cut_out(out, height, width, augment.cutout, d);
}

void to_float(float* out, const Image& image, int height, int width, Mirror mirror) {
  check_call("to_float", image, height, width);
  if (!fits(image, height, width)) return to_float(out, fit(image, height, width), height, width, mirror);
  write_window(out, image, (image.width - width) / 2, (image.height - height) / 2, height, width,
               mirror == Mirror::yes);
}

}  // namespace fr
