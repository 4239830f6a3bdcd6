// Element i is drawn from word i % 4 of Philox block i / 4; the stream is the fingerprint of the name.
#include "nn/init.h"

#include <algorithm>
#include <bit>
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

// Numbers are drawn kLanes blocks at a time, side by side, in plain arithmetic without branches or libm: the compiler makes
// vector code of it, and the bits do not depend on the version of a library.
constexpr int kLanes = 16;
struct Draws {
  double x[4][kLanes];  // [element of the block][block]
};
struct Words {
  uint32_t w[4][kLanes];
};

// Blocks block .. block + kLanes - 1, as philox4x32 makes them.
Words words_of(const PhiloxKey& key, uint64_t block) {
  Words c;
  const PhiloxStart start(key);
  for (int i = 0; i < kLanes; ++i) {
    c.w[0][i] = static_cast<uint32_t>(block + i), c.w[1][i] = static_cast<uint32_t>((block + i) >> 32);
    c.w[2][i] = start.c2, c.w[3][i] = start.c3;
  }
  uint32_t k0 = start.k0, k1 = start.k1;
  for (int round = 0; round < kPhiloxRounds; ++round) {
#pragma omp simd
    for (int i = 0; i < kLanes; ++i) philox_round(c.w[0][i], c.w[1][i], c.w[2][i], c.w[3][i], k0, k1);
    philox_next(k0, k1);
  }
  return c;
}

// (bits + 1/2) / 2^32, in (0, 1); vector units convert signed numbers
double open_uniform(uint32_t bits) {
  return (static_cast<double>(static_cast<int32_t>(bits ^ 0x80000000u)) + (0x1p31 + 0.5)) * 0x1p-32;
}

// Four of U(-1, 1) a block.
void uniforms(Draws& draws, const Words& words) {
  for (int j = 0; j < 4; ++j)
#pragma omp simd
    for (int i = 0; i < kLanes; ++i) draws.x[j][i] = 2 * open_uniform(words.w[j][i]) - 1;
}

// log u, u > 0 and normal: u = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh s, s = (m - 1) / (m + 1), to s^17.
double log_of(double u) {
  constexpr uint64_t half_root = 0x3fe6a09e667f3bcd;  // sqrt(1/2)
  const uint64_t above = std::bit_cast<uint64_t>(u) - half_root;
  const double m = std::bit_cast<double>((above & 0x000fffffffffffff) + half_root);
  // e + 2048 as the last bits of 2^52 + e + 2048
  const double e =
      std::bit_cast<double>((((above >> 52) + 2048) & 0xfff) | 0x4330000000000000) - (0x1p52 + 2048);
  const double s = (m - 1) / (m + 1), z = s * s;
  double sum = 1.0 / 17;
#pragma GCC unroll 8
  for (int k = 15; k > 0; k -= 2) sum = sum * z + 1.0 / k;
  return 2 * s * sum + e * std::numbers::ln2;
}

struct SinCos {
  double sin, cos;
};
// Of 2 pi turn, 0 <= turn <= 1: quarter turns and a rest in [-pi/4, pi/4], there the Taylor series to t^15 and t^16.
SinCos sin_cos(double turn) {
  constexpr double round = 0x1.8p52;  // adding it leaves a whole number in the last bits
  const double quarters = 4 * turn + round;
  const uint64_t q = std::bit_cast<uint64_t>(quarters);
  const double t = (4 * turn - (quarters - round)) * (std::numbers::pi / 2), z = t * t;
  double s = 1, c = 1;  // Horner's scheme with the quotients of the series
#pragma GCC unroll 8
  for (int k = 15; k > 1; k -= 2) s = 1 - s * z * (1.0 / (k * (k - 1)));
#pragma GCC unroll 8
  for (int k = 16; k > 0; k -= 2) c = 1 - c * z * (1.0 / (k * (k - 1)));
  const uint64_t a = std::bit_cast<uint64_t>(s * t), b = std::bit_cast<uint64_t>(c), odd = 0 - (q & 1);
  return {std::bit_cast<double>(((a & ~odd) | (b & odd)) ^ ((q & 2) << 62)),
          std::bit_cast<double>(((b & ~odd) | (a & odd)) ^ (((q + 1) & 2) << 62))};
}

// Four of N(0, 1) a block: both branches of Box and Muller (1958) for two pairs of words.
void normals(Draws& draws, const Words& words) {
  for (int j = 0; j < 4; j += 2)
#pragma omp simd
    for (int i = 0; i < kLanes; ++i) {
      const double radius = std::sqrt(-2 * log_of(open_uniform(words.w[j][i])));
      const SinCos angle = sin_cos(open_uniform(words.w[j + 1][i]));
      draws.x[j][i] = radius * angle.cos, draws.x[j + 1][i] = radius * angle.sin;
    }
}

using Draw = void (*)(Draws&, const Words&);

// w is elements [start, start + n) of what is drawn.
template <class T>
void fill(T* w, int64_t start, int64_t n, const PhiloxKey& key, Draw draw, double scale) {
  constexpr int64_t kBlocks = 4096;  // Philox blocks in one piece of work
  const int64_t before = start / 4, skip = start % 4;
  parallel_ranges((skip + n + 3) / 4, kBlocks, [&](int64_t begin, int64_t end) {
    Draws draws;
    for (int64_t block = begin; block < end; block += kLanes) {
      draw(draws, words_of(key, static_cast<uint64_t>(before + block)));
      const int64_t first = 4 * block - skip;  // may lie before w
      const int64_t count = std::min<int64_t>(4 * kLanes, std::min(4 * end - skip, n) - first);
      for (int64_t i = std::max<int64_t>(0, -first); i < count; ++i)
        w[first + i] = T(scale * draws.x[i % 4][i / 4]);
    }
  });
}

// Normal numbers made orthonormal. Columns are worked on as the rows of the transpose.
template <class T>
void fill_orthogonal(T* w, int64_t K, int64_t fan_in, const PhiloxKey& key) {
  const bool upright = K > fan_in;
  const int64_t n = upright ? fan_in : K, length = upright ? K : fan_in;
  std::vector<double> v(static_cast<size_t>(n * length));
  fill(v.data(), 0, n * length, key, normals, 1);
  orthonormalise(v.data(), n, length);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < length; ++j)
      w[upright ? j * n + i : i * length + j] = T(v[static_cast<size_t>(i * length + j)]);
}

}  // namespace

void initialise(const Tensor& w, const Init& how, uint64_t seed, std::string_view name) {
  if (how.kind == Init::Kind::keep) return;
  if (how.kind == Init::Kind::constant) return w.fill(how.value);
  FR_CHECK(w.dtype() == DType::float32 || w.dtype() == DType::float64, "initialise: '", name, "' is ",
           to_string(w.dtype()));
  if (w.size() == 0) return;
  if (!w.on_host()) {
    const Tensor drawn(w.shape(), w.dtype());
    initialise(drawn, how, seed, name);
    return w.copy_from(drawn);
  }
  FR_CHECK(w.rank() >= 1, "initialise: '", name, "' has no fan-in, its shape is ", to_string(w.shape()));
  const double fan_in = double(w.size()) / double(w.dim(0));
  double scale = how.value;
  if (how.kind == Init::Kind::caffe_xavier) scale = std::sqrt(3 / fan_in);
  if (how.kind == Init::Kind::msra) scale = std::sqrt(2 / fan_in);
  if (how.kind == Init::Kind::orthogonal) {
    const auto orthogonal = [&](auto* values) {
      fill_orthogonal(values, w.dim(0), w.size() / w.dim(0), key_of(seed, name));
    };
    return w.dtype() == DType::float64 ? orthogonal(w.as<double>()) : orthogonal(w.as<float>());
  }
  const bool gaussian = how.kind == Init::Kind::normal || how.kind == Init::Kind::msra;
  const Draw draw = gaussian ? normals : uniforms;
  if (w.dtype() == DType::float64)
    fill(w.as<double>(), how.start, w.size(), key_of(seed, name), draw, scale);
  else
    fill(w.as<float>(), how.start, w.size(), key_of(seed, name), draw, scale);
}

}  // namespace fr
