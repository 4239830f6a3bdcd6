// Four pixels at once: arithmetic on four floats side by side, in SSE2, which every x86-64 has. Nothing here rounds or
// approximates differently from one machine to another, so a picture is the same everywhere.
//
// Painters written with Lanes have no branch per pixel: they compute for all four and multiply or select. They return
// early where none of the four is concerned.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "data/synthetic/scene.h"

namespace fr::synthetic {

using Floats = float __attribute__((vector_size(16)));
using Ints = int32_t __attribute__((vector_size(16)));

struct Lanes {
  Floats v{};
  Lanes() = default;
  Lanes(float s) : v{s, s, s, s} {}
  Lanes(Floats values) : v(values) {}
};
inline Lanes operator+(Lanes a, Lanes b) { return a.v + b.v; }
inline Lanes operator-(Lanes a, Lanes b) { return a.v - b.v; }
inline Lanes operator*(Lanes a, Lanes b) { return a.v * b.v; }
inline Lanes operator/(Lanes a, Lanes b) { return a.v / b.v; }
inline Lanes operator-(Lanes a) { return -a.v; }

// All bits of a lane are set where the comparison holds, none where it does not.
struct Mask {
  Ints bits{};
};
inline Mask operator<(Lanes a, Lanes b) { return {a.v < b.v}; }
inline Mask operator>(Lanes a, Lanes b) { return {a.v > b.v}; }
inline Mask operator<=(Lanes a, Lanes b) { return {a.v <= b.v}; }
inline Mask operator>=(Lanes a, Lanes b) { return {a.v >= b.v}; }
inline Mask operator&(Mask a, Mask b) { return {a.bits & b.bits}; }
inline Mask operator|(Mask a, Mask b) { return {a.bits | b.bits}; }
inline Mask operator!(Mask a) { return {~a.bits}; }

inline Ints select(Mask m, Ints a, Ints b) { return (m.bits & a) | (~m.bits & b); }
inline Lanes select(Mask m, Lanes a, Lanes b) {
  return reinterpret_cast<Floats>(select(m, reinterpret_cast<Ints>(a.v), reinterpret_cast<Ints>(b.v)));
}
inline Lanes only(Mask m, Lanes a) {
  return reinterpret_cast<Floats>(m.bits & reinterpret_cast<Ints>(a.v));
}  // else 0
inline Lanes abs(Lanes a) { return reinterpret_cast<Floats>(reinterpret_cast<Ints>(a.v) & 0x7fffffff); }
#if defined(__SSE2__)  // min and max by name: gcc 12 finds them only for some orders of the operands
inline Lanes min(Lanes a, Lanes b) { return _mm_min_ps(a.v, b.v); }
inline Lanes max(Lanes a, Lanes b) { return _mm_max_ps(a.v, b.v); }
inline Lanes sqrt(Lanes a) { return _mm_sqrt_ps(a.v); }
inline int which(Mask m) { return _mm_movemask_ps(reinterpret_cast<Floats>(m.bits)); }  // bit i: lane i
#else
inline Lanes min(Lanes a, Lanes b) { return select(a < b, a, b); }
inline Lanes max(Lanes a, Lanes b) { return select(a > b, a, b); }
inline Lanes sqrt(Lanes a) {
  return Floats{std::sqrt(a.v[0]), std::sqrt(a.v[1]), std::sqrt(a.v[2]), std::sqrt(a.v[3])};
}
inline int which(Mask m) { return (m.bits[0] & 1) | (m.bits[1] & 2) | (m.bits[2] & 4) | (m.bits[3] & 8); }
#endif
inline bool any(Mask m) { return which(m) != 0; }
inline bool all(Mask m) { return which(m) == 15; }

inline Lanes clamp01(Lanes a) { return min(max(a, 0), 1); }
inline Lanes mix(Lanes a, Lanes b, Lanes t) { return a + (b - a) * t; }
inline Lanes square(Lanes a) { return a * a; }
inline Lanes positive(Lanes a) { return max(a, 0); }

inline Ints to_int(Lanes a) { return __builtin_convertvector(a.v, Ints); }  // towards zero
inline Lanes to_float(Ints a) { return __builtin_convertvector(a, Floats); }

inline Lanes steps() { return Floats{0, 1, 2, 3}; }

// Pointers need no alignment.
inline Lanes load(const float* from) {
  Lanes a;
  std::memcpy(&a.v, from, sizeof a.v);
  return a;
}
inline void store(float* to, Lanes a) { std::memcpy(to, &a.v, sizeof a.v); }
inline void store_where(Mask m, float* to, Lanes a) { store(to, select(m, a, load(to))); }

// t between 0 and 1, eased at both ends.
inline Lanes smooth(Lanes t) {
  t = clamp01(t);
  return t * t * (3 - 2 * t);
}
// (1 - q)^2 inside an ellipse, 0 outside.
inline Lanes hill(Lanes dx, Lanes dy, float rx, float ry) {
  return square(positive(1 - square(dx * (1 / rx)) - square(dy * (1 / ry))));
}

// Four points or colours.
struct Lanes3 {
  Lanes x, y, z;
  Lanes3() = default;
  Lanes3(Vec3 v) : x(v.x), y(v.y), z(v.z) {}
  Lanes3(Lanes x_, Lanes y_, Lanes z_) : x(x_), y(y_), z(z_) {}
};
inline Lanes3 operator+(const Lanes3& a, const Lanes3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Lanes3 operator-(const Lanes3& a, const Lanes3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Lanes3 operator*(const Lanes3& a, const Lanes3& b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Lanes3 operator*(const Lanes3& a, Lanes s) { return {a.x * s, a.y * s, a.z * s}; }
inline Lanes dot(const Lanes3& a, const Lanes3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Lanes3 mix(const Lanes3& a, const Lanes3& b, Lanes t) { return a + (b - a) * t; }
inline Lanes3 normalised(const Lanes3& v) { return v * (1 / sqrt(max(dot(v, v), 1e-20f))); }
inline Lanes3 select(Mask m, const Lanes3& a, const Lanes3& b) {
  return {select(m, a.x, b.x), select(m, a.y, b.y), select(m, a.z, b.z)};
}

}  // namespace fr::synthetic
