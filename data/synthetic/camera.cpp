#include "data/synthetic/camera.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr::synthetic {
namespace {

// The inner loops over a row carry `omp simd`, because -O2 alone does not vectorise loops of unknown length. None of
// them sums over lanes, so the result does not depend on the width.

std::vector<float> gaussian(float sigma) {
  std::vector<float> weight(1 + static_cast<int>(std::ceil(2.2f * sigma)));
  float total = 0;
  for (size_t k = 0; k < weight.size(); ++k) {
    weight[k] = std::exp(-0.5f * static_cast<float>(k * k) / (sigma * sigma));
    total += k == 0 ? weight[k] : 2 * weight[k];
  }
  for (float& w : weight) w /= total;
  return weight;
}

// out = sum_k weight[k] (before_k + after_k): five taps at once, the rest (strong blur) one pair at a time.
// tap(k) points to the input moved by k. The input is not the output.
template <class Tap>
void weigh(float* out, int n, const std::vector<float>& weight, const Tap& tap) {
  const int reach = static_cast<int>(weight.size()) - 1;
  const float w0 = weight[0], w1 = weight[1], w2 = reach > 1 ? weight[2] : 0;
  const float *a2 = tap(-2), *a1 = tap(-1), *centre = tap(0), *b1 = tap(1), *b2 = tap(2);
#pragma omp simd
  for (int x = 0; x < n; ++x) out[x] = w0 * centre[x] + w1 * (a1[x] + b1[x]) + w2 * (a2[x] + b2[x]);
  for (int k = 3; k <= reach; ++k) {
    const float w = weight[k], *a = tap(-k), *b = tap(k);
#pragma omp simd
    for (int x = 0; x < n; ++x) out[x] += w * (a[x] + b[x]);
  }
}

// The ends of rows and columns are extended.
void blur_plane(std::vector<float>& plane, int size, const std::vector<float>& weight) {
  thread_local std::vector<float> line, between;
  const int reach = std::max(2, static_cast<int>(weight.size()) - 1);
  line.resize(size + 2 * reach), between.resize(plane.size());
  for (int y = 0; y < size; ++y) {
    const float* row = &plane[y * size];
    std::copy_n(row, size, line.begin() + reach);
    std::fill_n(line.begin(), reach, row[0]);
    std::fill_n(line.begin() + reach + size, reach, row[size - 1]);
    weigh(&between[y * size], size, weight, [&](int k) { return line.data() + reach + k; });
  }
  for (int y = 0; y < size; ++y) {
    weigh(&plane[y * size], size, weight,
          [&](int k) { return &between[std::clamp(y + k, 0, size - 1) * size]; });
  }
}

void blur(Picture& picture, float sigma) {
  if (sigma < 0.2f) return;
  const std::vector<float> weight = gaussian(sigma);
  for (auto& plane : picture.plane) blur_plane(plane, picture.size, weight);
}

// Linear light 0..kMaxLight to sRGB 0..1. Highlights roll off instead of clipping: v below 0.7, then towards 1.
constexpr int kToneSteps = 8192;
constexpr float kMaxLight = 2.5f;
const std::vector<float>& tone_curve() {
  static const std::vector<float> table = [] {
    std::vector<float> t(kToneSteps + 1);
    for (int i = 0; i <= kToneSteps; ++i) {
      const float light = kMaxLight * static_cast<float>(i) / kToneSteps;
      const float v = light <= 0.7f ? light : 0.7f + 0.3f * (light - 0.7f) / (light - 0.4f);
      t[i] = v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f;
    }
    return t;
  }();
  return table;
}

// Normal numbers, drawn once; a row of a picture starts at a random place of the table.
constexpr int kGrain = 8192;
const std::vector<float>& grain() {
  static const std::vector<float> table = [] {
    std::vector<float> t(kGrain + 1024);
    Random random({0, Purpose::sample, 0, 0});
    for (float& v : t) v = static_cast<float>(random.normal());
    return t;
  }();
  return table;
}

// Of one picture.
struct Development {
  Lanes3 gain;             // to steps of the tone curve
  Lanes red, green, blue;  // their weights in grey
  Lanes saturation, slope, offset, common, own;

  explicit Development(const Scene& s) {
    gain = s.white_balance * (kToneSteps / kMaxLight * s.exposure), saturation = s.saturation;
    red = s.grey.x, green = s.grey.y, blue = s.grey.z;
    slope = 255 * (s.contrast - s.lift), offset = 255 * (0.45f * (1 - s.contrast) + s.lift) + 0.5f;
    common = s.noise, own = 0.35f * s.noise * std::min(1.0f, s.saturation);
  }
  // Exposure, white balance and saturation. The results are indices into the tone curve.
  void expose(const Lanes3& light, Ints index[3]) const {
    const Lanes3 c = light * gain;
    const Lanes grey = red * c.x + green * c.y + blue * c.z;
    const auto step = [&](Lanes v) { return to_int(min(positive(mix(grey, v, saturation)), kToneSteps)); };
    index[0] = step(c.x), index[1] = step(c.y), index[2] = step(c.z);
  }
  // Tone curve, contrast about middle grey, lifted blacks, noise: 0..255. The noise is mostly common to the three
  // channels, as in a picture whose colour was smoothed.
  Ints level(Ints index, const float* tone, Lanes common_noise, Lanes own_noise) const {
    const Lanes v = Floats{tone[index[0]], tone[index[1]], tone[index[2]], tone[index[3]]};
    return to_int(min(positive(v * slope + offset + common_noise + own * own_noise), 255));
  }
};

// Four pixels 0x00BBGGRR become twelve bytes, lowest first.
void store_rgb(Ints pixels, uint8_t* out) {
  const uint32_t a = pixels[0], b = pixels[1], c = pixels[2], d = pixels[3];
  const uint32_t first = a | b << 24, second = b >> 8 | c << 16, third = c >> 16 | d << 8;
  std::memcpy(out, &first, 4), std::memcpy(out + 4, &second, 4), std::memcpy(out + 8, &third, 4);
}

// Four pixels at a time; the last group may overlap the one before it. noise: common, red, green, blue.
void develop_row(const Picture& picture, int y, const Development& by, const float* const noise[4],
                 uint8_t* out) {
  const float* tone = tone_curve().data();
  const float* plane[3];
  for (int c = 0; c < 3; ++c) plane[c] = &picture.plane[c][y * picture.size];
  for (int x = 0; x < picture.size; x += 4) {
    const int i = std::min(x, picture.size - 4);
    Ints index[3];
    by.expose({load(plane[0] + i), load(plane[1] + i), load(plane[2] + i)}, index);
    const Lanes common = by.common * load(noise[0] + i);
    const Ints red = by.level(index[0], tone, common, load(noise[1] + i));
    const Ints green = by.level(index[1], tone, common, load(noise[2] + i));
    const Ints blue = by.level(index[2], tone, common, load(noise[3] + i));
    store_rgb(red | green << 8 | blue << 16, out + 3 * i);
  }
}

}  // namespace

void Picture::reset(int pixels_a_side) {
  size = pixels_a_side;
  for (auto& p : plane) p.resize(static_cast<size_t>(size) * size);
}

void soften_edges(const Layers& layers, Picture& picture) {
  thread_local std::vector<std::pair<int, Vec3>> changed;
  changed.clear();
  const int n = picture.size;
  for (int y = 1; y + 1 < n; ++y) {
    for (int x = 1; x + 1 < n; x += 4) {
      const int group = std::min(x, n - 5), first = y * n + group;
      const Ints m = layers.materials(first);
      const Mask inside{(m == layers.materials(first - 1)) & (m == layers.materials(first + 1)) &
                        (m == layers.materials(first - n)) & (m == layers.materials(first + n))};
      if (all(inside)) continue;
      for (int k = x - group; k < 4; ++k) {
        const int i = first + k;
        if (inside.bits[k] != 0) continue;
        const Vec3 near = picture.get(i - 1) + picture.get(i + 1) + picture.get(i - n) + picture.get(i + n);
        const Vec3 far =
            picture.get(i - n - 1) + picture.get(i - n + 1) + picture.get(i + n - 1) + picture.get(i + n + 1);
        changed.push_back({i, picture.get(i) * 0.25f + near * 0.125f + far * 0.0625f});
      }
    }
  }
  for (const auto& [i, c] : changed) picture.set(i, c);
}

Image photograph(Picture& picture, const Scene& s) {
  const int n = picture.size;
  blur(picture, s.blur * n / 112);
  uint32_t state = s.noise_seed;
  const auto grain_row = [&] {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;  // xorshift32 (Marsaglia 2003)
    return grain().data() + state % kGrain;
  };
  const Development by(s);
  Image image(n, n);
  for (int y = 0; y < n; ++y) {
    const float* noise[4];
    for (const float*& row : noise) row = grain_row();
    develop_row(picture, y, by, noise, image.at(0, y));
  }
  return decode_image(encode_jpeg(image, s.quality), "synthetic face");
}

}  // namespace fr::synthetic
