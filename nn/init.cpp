// Element i is drawn from word i % 4 of Philox block i / 4; the stream is the fingerprint of the name.
#include "nn/init.h"

#include <cmath>
#include <numbers>

#include "base/file.h"
#include "base/parallel.h"
#include "base/philox.h"

namespace fr {

namespace {

// 48 bits of the fingerprint go where a step would, 16 to the stream: together all 64.
PhiloxKey key_of(uint64_t seed, std::string_view name) {
  const uint64_t f = fingerprint(name);
  return {seed, Purpose::initialise, f & ((uint64_t{1} << 48) - 1), uint32_t(f >> 48)};
}

double open_uniform(uint32_t bits) { return (bits + 0.5) * 0x1p-32; }  // in (0, 1)

struct Four {
  double x[4];
};

// Four of U(-1, 1).
Four uniforms(const PhiloxKey& key, int64_t block) {
  const auto words = philox4x32(key, uint64_t(block));
  Four r;
  for (int i = 0; i < 4; ++i) r.x[i] = 2 * open_uniform(words[i]) - 1;
  return r;
}

// Four of N(0, 1): both branches of Box and Muller (1958) for two pairs of words.
Four normals(const PhiloxKey& key, int64_t block) {
  const auto words = philox4x32(key, uint64_t(block));
  Four r;
  for (int i = 0; i < 4; i += 2) {
    const double radius = std::sqrt(-2 * std::log(open_uniform(words[i])));
    const double angle = 2 * std::numbers::pi * open_uniform(words[i + 1]);
    r.x[i] = radius * std::cos(angle);
    r.x[i + 1] = radius * std::sin(angle);
  }
  return r;
}

using Draw = Four (*)(const PhiloxKey&, int64_t);

template <class T>
void fill(T* w, int64_t n, const PhiloxKey& key, Draw draw, double scale) {
  constexpr int64_t kBlocks = 4096;  // Philox blocks in one piece of work
  parallel_ranges((n + 3) / 4, kBlocks, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const Four four = draw(key, block);
      for (int64_t i = 0; i < 4 && 4 * block + i < n; ++i) w[4 * block + i] = T(scale * four.x[i]);
    }
  });
}

}  // namespace

void initialise(const Tensor& w, const Init& how, uint64_t seed, std::string_view name) {
  if (how.kind == Init::Kind::keep) return;
  if (how.kind == Init::Kind::constant) return w.fill(how.value);
  FR_CHECK(w.dtype() != DType::int64, "initialise: '", name, "' is int64");
  if (w.size() == 0) return;
  FR_CHECK(w.rank() >= 1, "initialise: '", name, "' has no fan-in, its shape is ", to_string(w.shape()));
  const double fan_in = double(w.size()) / double(w.dim(0));
  double scale = how.value;
  if (how.kind == Init::Kind::caffe_xavier) scale = std::sqrt(3 / fan_in);
  if (how.kind == Init::Kind::msra) scale = std::sqrt(2 / fan_in);
  const bool gaussian = how.kind == Init::Kind::normal || how.kind == Init::Kind::msra;
  const Draw draw = gaussian ? normals : uniforms;
  if (w.dtype() == DType::float64)
    fill(w.as<double>(), w.size(), key_of(seed, name), draw, scale);
  else
    fill(w.as<float>(), w.size(), key_of(seed, name), draw, scale);
}

}  // namespace fr
