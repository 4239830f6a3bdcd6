// What a block does with one stage: C += A B on its two panels, sums in registers.
//   bf16, tf32  tensor cores: a warp owns kRows x kColumns of the tile as 16 x 8 pieces, fed by ldmatrix; where k is not the
//               contiguous index ldmatrix transposes (16-bit values) or a lane reads its values singly (TF32)
//   float32     true float arithmetic: a thread owns 8 x 4, four values of k at a time by 16-byte loads
#pragma once
#include <bit>

#include "cuda/panel.h"

namespace fr::FR_GPU {

enum class Arithmetic { bf16, tf32, float32 };

FR_DEVICE void multiply_piece(std::integral_constant<Arithmetic, Arithmetic::bf16>, float (&c)[4],
                              const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiply_bf16(c, a, b0, b1);
}
FR_DEVICE void multiply_piece(std::integral_constant<Arithmetic, Arithmetic::tf32>, float (&c)[4],
                              const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const float of_a[4] = {std::bit_cast<float>(a[0]), std::bit_cast<float>(a[1]), std::bit_cast<float>(a[2]),
                         std::bit_cast<float>(a[3])};
  multiply_tf32(c, of_a, std::bit_cast<float>(b0), std::bit_cast<float>(b1));
}

// Reads four words a lane from a panel: piece i covers 16 rows (columns) of the side, step kk 32 bytes of k. The order of the
// words is that of an operand A: (side 0-7, k low), (8-15, low), (0-7, high), (8-15, high); for B the middle two are
// exchanged, so that words 0, 1 belong to the first 8 columns and 2, 3 to the others. The swizzle of a lane's lines does not
// change with i and kk, and each of these is an xor or a constant added: one integer instruction a load.
template <class Panel, bool of_b>
class FragmentReader {
  static constexpr bool by_k = Panel::contiguous == Contiguous::k,
                        words = sizeof(typename Panel::Element) == 4;

 public:
  FR_DEVICE explicit FragmentReader(int first) {  // first: where the warp begins on the side
    const int l = lane(), on_side = of_b ? l / 16 : l / 8 % 2, on_k = of_b ? l / 8 % 2 : l / 16;
    if constexpr (by_k)
      start_ = Panel::place(first + on_side * 8 + l % 8, on_k);
    else if constexpr (words)
      start_ = Panel::place(l % 4, (first + l / 4) / 4) + l / 4 % 4 * 4;
    else
      start_ = Panel::place(on_k * 8 + l % 8, first / 8 + on_side);
  }
  FR_DEVICE void read(uint32_t (&r)[4], const char* panel, int i, int kk) const {
    if constexpr (by_k)
      load_matrices(r, panel + (start_ ^ kk * 32) + i * 16 * Panel::line_bytes);
    else if constexpr (words)
      for (int w = 0; w < 4; ++w) {
        const int on_side = of_b ? w / 2 : w % 2, on_k = of_b ? w % 2 : w / 2;
        r[w] = *reinterpret_cast<const uint32_t*>(panel + (start_ ^ (i * 64 + on_side * 32)) +
                                                  (kk * 8 + on_k * 4) * Panel::line_bytes);
      }
    else
      load_matrices_transposed(r, panel + (start_ ^ i * 32) + kk * 16 * Panel::line_bytes);
  }

 private:
  int start_;
};

template <Arithmetic arithmetic, class A, class B, int warps_m, int warps_n>
class Multiplier {
  static constexpr int kRows = A::side / warps_m, kColumns = B::side / warps_n;
  static constexpr int across = kRows / 16, along = kColumns / 16;
  static_assert(kRows % 16 == 0 && kColumns % 16 == 0);

 public:
  FR_DEVICE Multiplier() : a_(row()), b_(column()) {
    for (auto& pieces : sum_)
      for (auto& piece : pieces)
        for (float& v : piece) v = 0;
  }
  FR_DEVICE void step(const char* a_panel, const char* b_panel) {
    FR_UNROLL
    for (int kk = 0; kk < 2; ++kk) {
      uint32_t a[across][4];
      FR_UNROLL
      for (int i = 0; i < across; ++i) a_.read(a[i], a_panel, i, kk);
      FR_UNROLL
      for (int j = 0; j < along; ++j) {
        uint32_t b[4];
        b_.read(b, b_panel, j, kk);
        FR_UNROLL
        for (int i = 0; i < across; ++i) {
          multiply_piece(std::integral_constant<Arithmetic, arithmetic>(), sum_[i][2 * j], a[i], b[0], b[1]);
          multiply_piece(std::integral_constant<Arithmetic, arithmetic>(), sum_[i][2 * j + 1], a[i], b[2],
                         b[3]);
        }
      }
    }
  }
  // The sums of rows [first, first + count) of the tile, a line of `pitch` floats each.
  FR_DEVICE void put(float* to, int pitch, int first, int count) const {
    const int m = row() + lane() / 4 - first;
    if (row() < first || row() >= first + count) return;
    FR_UNROLL
    for (int i = 0; i < across; ++i) FR_UNROLL
    for (int j = 0; j < 2 * along; ++j) FR_UNROLL
    for (int half = 0; half < 2; ++half)
      store<float, 2>(to + (m + i * 16 + half * 8) * pitch + column() + j * 8 + lane() % 4 * 2,
                      {sum_[i][j][half * 2], sum_[i][j][half * 2 + 1]});
  }

 private:
  FR_DEVICE static int row() { return warp() / warps_n * kRows; }
  FR_DEVICE static int column() { return warp() % warps_n * kColumns; }
  FragmentReader<A, false> a_;
  FragmentReader<B, true> b_;
  float sum_[across][2 * along][4];
};

// The same interface in float arithmetic; a warp owns 32 x 32, its lanes stand 4 x 8, and a thread owns 8 rows and 4 columns:
// 4 apart (8 apart) where k is contiguous, so that lanes read neighbouring lines, and in fours where the side is. As above, a
// place differs from the thread's first one by an xor and a sum of constants.
template <class A, class B, int warps_m, int warps_n>
class Multiplier<Arithmetic::float32, A, B, warps_m, warps_n> {
  static_assert(A::side == warps_m * 32 && B::side == warps_n * 32);
  static constexpr bool a_by_k = A::contiguous == Contiguous::k, b_by_k = B::contiguous == Contiguous::k;

 public:
  FR_DEVICE Multiplier() {
    a_ = a_by_k ? A::place(row(0), 0) : row(0) * 4;
    b_ = b_by_k ? B::place(column(0), 0) : column(0) * 4;
    for (auto& row : sum_)
      for (float& v : row) v = 0;
  }
  FR_DEVICE void step(const char* a_panel, const char* b_panel) {
    FR_ROLLED
    for (int four = 0; four < 4; ++four) {  // values of k
      float b[4][4];                        // k, column
      read_b(b, b_panel, four);
      FR_UNROLL
      for (int i = 0; i < 8; i += a_by_k ? 1 : 4) {
        FR_UNROLL
        for (int k = 0; k < 4; k += a_by_k ? 4 : 1) {
          // of row i four values of k, or of k four rows
          const Pack<float, 4> a =
              read(a_by_k ? a_panel + (a_ ^ four * 16 ^ i % 2 * 32) + i * 4 * A::line_bytes
                          : a_panel + (a_ ^ k * 32 ^ i * 16) + (four * 4 + k) * A::line_bytes);
          FR_UNROLL
          for (int e = 0; e < 4; ++e) FR_UNROLL
          for (int j = 0; j < 4; ++j) sum_[a_by_k ? i : i + e][j] += a.v[e] * b[a_by_k ? e : k][j];
        }
      }
    }
  }
  FR_DEVICE void put(float* to, int pitch, int first, int count) const {
    if (row(0) < first || row(0) >= first + count) return;
    FR_UNROLL
    for (int i = 0; i < 8; ++i) FR_UNROLL
    for (int j = 0; j < 4; ++j) to[(row(i) - first) * pitch + column(j)] = sum_[i][j];
  }

 private:
  FR_DEVICE static int row(int i) {
    const int first = warp() / warps_n * 32, l = lane() / 8;
    return a_by_k ? first + l + i * 4 : first + l * 4 + i / 4 * 16 + i % 4;
  }
  FR_DEVICE static int column(int j) {
    const int first = warp() % warps_n * 32, l = lane() % 8;
    return b_by_k ? first + l + j * 8 : first + l * 4 + j;
  }
  FR_DEVICE static Pack<float, 4> read(const char* p) {
    return load<float, 4>(reinterpret_cast<const float*>(p));
  }
  FR_DEVICE void read_b(float (&b)[4][4], const char* panel, int four) const {
    FR_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Pack<float, 4> p = read(b_by_k ? panel + (b_ ^ four * 16) + i * 8 * B::line_bytes
                                           : panel + (b_ ^ i * 32) + (four * 4 + i) * B::line_bytes);
      FR_UNROLL
      for (int e = 0; e < 4; ++e) b[b_by_k ? e : i][b_by_k ? i : e] = p.v[e];
    }
  }
  int a_, b_;
  float sum_[8][4];
};

}  // namespace fr::FR_GPU
