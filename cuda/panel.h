// The shared memory of a tile product, and how a chunk of 16 bytes comes there.
//   A stage holds a panel of A and one of B: `side` rows of A (columns of B) times 64 bytes of the inner index k. A panel
//   keeps the order of global memory, its lines contiguous in k or in the side, so that nothing is transposed on the way:
//   the fragments are (cuda/fragments.h).
#pragma once
#include "cuda/gpu.h"

namespace fr::FR_GPU {

enum class Contiguous { k, side };
enum class Access { vector, scalar };  // copies ahead of 16 aligned bytes, or plain loads of single values

// Lines are moved as chunks of 16 bytes, and a chunk stands at its number xor something of its line, so that the 8 lines that
// one instruction reads at the same chunk lie in 8 different groups of 4 banks:
//   k     4 chunks a line, 2 lines in 128 bytes: xor with line / 2
//   side  bfloat16: xor with line;  float, read one value at a time by 4 lines of 8 neighbours: xor with 2 line
template <class T, Contiguous contiguous_, int side_, int threads>
struct Panel {
  using Element = T;
  static constexpr Contiguous contiguous = contiguous_;
  static constexpr int side = side_;
  static constexpr int values = kPack<T>;       // of a chunk
  static constexpr int depth = 64 / sizeof(T);  // values of k
  static constexpr int lines = contiguous == Contiguous::k ? side : depth;
  static constexpr int chunks = (contiguous == Contiguous::k ? depth : side) / values;  // of a line
  static constexpr int line_bytes = chunks * 16;
  static constexpr int bytes = lines * line_bytes;
  // A thread copies one chunk of each of `copies` lines, line_step apart.
  static constexpr int line_step = threads / chunks;
  static constexpr int copies = lines / line_step;
  static_assert(lines % line_step == 0 && line_step % 8 == 0);

  FR_DEVICE static constexpr int swizzle(int line) {
    return contiguous == Contiguous::k ? line / 2 % 4 : sizeof(T) == 2 ? line % 8 : line % 4 * 2;
  }
  FR_DEVICE static constexpr int place(int line, int chunk) {  // in bytes
    return line * line_bytes + (chunk ^ swizzle(line)) * 16;
  }
  FR_DEVICE static int my_line() { return thread() / chunks; }
  FR_DEVICE static int my_chunk() { return thread() % chunks; }
  FR_DEVICE static int my_place() { return place(my_line(), my_chunk()); }
  FR_DEVICE static T* copy_place(char* panel, int mine, int i) {
    return reinterpret_cast<T*>(panel + mine + i * line_step * line_bytes);
  }
};

// The first `valid` values of a chunk, neighbours in memory; zeros for the rest.
template <Access access, class T>
FR_DEVICE void copy_chunk(T* to, const T* from, int valid) {
  if constexpr (access == Access::vector) {
    copy_async16_part(to, from, valid * int(sizeof(T)));
  } else {
    Pack<T, kPack<T>> chunk;
    for (int e = 0; e < kPack<T>; ++e) chunk.v[e] = e < valid ? from[e] : T(0.0f);
    store<T, kPack<T>>(to, chunk);
  }
}

// Eight neighbours of a row of the result; `vector`: aligned, so that a full eight is moved by 16 bytes at a time.
template <class T>
FR_DEVICE void read_eight(float (&v)[8], const T* p, int count, bool vector) {
  constexpr int n = kPack<T>;
  if (vector && count == 8) {
    for (int i = 0; i < 8; i += n) {
      const Pack<T, n> part = load<T, n>(p + i);
      for (int e = 0; e < n; ++e) v[i + e] = float(part.v[e]);
    }
  } else {
    for (int e = 0; e < 8; ++e) v[e] = e < count ? float(p[e]) : 0;
  }
}
template <class T>
FR_DEVICE void write_eight(T* p, const float (&v)[8], int count, bool vector) {
  constexpr int n = kPack<T>;
  if (vector && count == 8) {
    for (int i = 0; i < 8; i += n) {
      Pack<T, n> part;
      for (int e = 0; e < n; ++e) part.v[e] = T(v[i + e]);
      store<T, n>(p + i, part);
    }
  } else {
    for (int e = 0; e < 8; ++e)
      if (e < count) p[e] = T(v[e]);
  }
}

template <class T>
FR_DEVICE void add_into(T* p, float (&v)[8], int count, Gradient into, bool vector) {
  if (into == Gradient::add) {
    float before[8];
    read_eight(before, p, count, vector);
    for (int e = 0; e < 8; ++e) v[e] += before[e];
  }
  write_eight(p, v, count, vector);
}

// a / b for sizes that nearly always fit 32 bits, where a division is a third of the price.
FR_HOST_DEVICE inline int64_t divide(int64_t a, int64_t b) {
  return (uint64_t(a) | uint64_t(b)) >> 32 ? a / b : int64_t(uint32_t(a) / uint32_t(b));
}
inline bool aligned16(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

}  // namespace fr::FR_GPU
