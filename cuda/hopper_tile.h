// The main loop of the convolution for Hopper (cuda/conv2d_sm90a.cu): where operands stand in shared memory, how one warp
// group orders their copies and two others multiply.
//
// A slot of shared memory is `full` when its two boxes have arrived and `empty` when the eight multiplying warps have given
// it back; slot and parity of both barriers follow from the number of steps so far.
#pragma once
#include "cuda/hopper.h"
#include "cuda/statistics.h"

namespace fr::FR_GPU {

constexpr int kHopperDepth = 64;  // of a step
constexpr int kHopperThreads = 3 * kGroup, kMultiplyingWarps = 8;
constexpr int kKeptRegisters = 40, kTakenRegisters = 232;  // a thread; 168 each at the start

// `columns` filters; each of the two multiplying groups has `pieces` times 64 pixels.
template <int columns, int pieces>
struct HopperTile {
  static constexpr int kColumns = columns, kPieces = pieces, kRows = 2 * pieces * 64;
  static constexpr int kOfPixels = kRows * kRowBytes, kOfFilters = columns * kRowBytes,
                       kStep = kOfPixels + kOfFilters;        // bytes
  static constexpr int kStrips = kMultiplyingWarps * pieces;  // of 16 pixels, in the order of the pixels
  static constexpr int kOfMoments = kStrips * columns * int(sizeof(Moments));
  static constexpr int kMost = 227 * 1024,
                       kStages = (kMost - kOfMoments) / (kStep + 2 * int(sizeof(Barrier)));
  static constexpr int kBarriers = kStages * kStep, kMoments = kBarriers + 2 * kStages * int(sizeof(Barrier));
  static constexpr int kBytes = kMoments, kBytesWithMoments = kMoments + kOfMoments;

  FR_DEVICE static char* pixels(int slot) { return shared<char>(size_t(slot) * kStep); }
  FR_DEVICE static char* filters(int slot) { return pixels(slot) + kOfPixels; }
  FR_DEVICE static Barrier* full(int slot) { return shared<Barrier>(size_t(kBarriers)) + slot; }
  FR_DEVICE static Barrier* empty(int slot) { return full(kStages + slot); }
  FR_DEVICE static Moments* moments(int strip) { return shared<Moments>(size_t(kMoments)) + strip * columns; }
};

// Where step after step finds its slot. parity: of the phase in which `full` ends for it.
template <int stages>
struct HopperRing {
  int slot = 0, parity = 0;
  FR_DEVICE void next() {
    if (++slot == stages) slot = 0, parity ^= 1;
  }
};

enum class HopperEpilogue { plain, line, moments };
struct HopperConvolution {
  int64_t tiles, pixels;  // tiles: of filters first, then of pixels
  int filter_tiles, filters, rows, columns, taps, chunks, stride, pad, dilation;
  bfloat16* y;
  Moments* moments;  // (tiles of pixels, filters), with HopperEpilogue::moments
  Conv2dFinish<bfloat16> finish;
};

// one thread orders every copy of the block
template <class T>
FR_DEVICE void copy_tiles(const TensorMap* x, const TensorMap* w, const HopperConvolution& c) {
  HopperRing<T::kStages> ring;
  for (int64_t tile = block_x(); tile < c.tiles; tile += blocks_x()) {
    const int64_t pixel = tile / c.filter_tiles * T::kRows, line = pixel / c.columns;
    const int first_w = int(pixel - line * c.columns) * c.stride - c.pad, image = int(line / c.rows),
              first_h = int(line - int64_t(image) * c.rows) * c.stride - c.pad,
              filter = int(tile % c.filter_tiles) * T::kColumns;
    int k = 0;
    for (int r = 0; r < c.taps; ++r)
      for (int s = 0; s < c.taps; ++s)
        for (int chunk = 0; chunk < c.chunks; ++chunk, k += kHopperDepth, ring.next()) {
          Barrier* const full = T::full(ring.slot);
          barrier_wait(T::empty(ring.slot), ring.parity ^ 1);
          barrier_arrive_expecting(full, T::kStep);
          copy_pixels(T::pixels(ring.slot), x, full, chunk * kHopperDepth, first_w, first_h, image,
                      s * c.dilation, r * c.dilation);
          copy_matrix(T::filters(ring.slot), w, full, k, filter);
        }
  }
}

template <class T>
FR_DEVICE void give_back(int slot) {
  if (lane() == 0) barrier_arrive(T::empty(slot));
}

// The sums of the warp group's pixels. The tensor cores have two steps at hand: a slot goes back one step late.
template <class T>
FR_DEVICE void multiply_steps(float (&sum)[T::kPieces][T::kColumns / 2], HopperRing<T::kStages>& ring,
                              int steps) {
  const int first = shuffle(thread() / kGroup - 1, 0) * T::kPieces;  // a shuffle: one value for the warp
  int last = 0;
  FR_UNROLL
  for (int piece = 0; piece < T::kPieces; ++piece) {
    FR_UNROLL
    for (int i = 0; i < T::kColumns / 2; ++i) sum[piece][i] = 0;
    hold(sum[piece]);
  }
  FR_ROLLED
  for (int step = 0; step < steps; ++step) {
    barrier_wait(T::full(ring.slot), ring.parity);
    const uint64_t a = operand(T::pixels(ring.slot) + first * 64 * kRowBytes),
                   b = operand(T::filters(ring.slot));
    multiply_fence();
    FR_UNROLL
    for (int k = 0; k < kHopperDepth / 16; ++k) FR_UNROLL
    for (int piece = 0; piece < T::kPieces; ++piece)
      multiply_group(sum[piece], a + piece * (64 * kRowBytes / 16) + k * 2, b + k * 2);
    multiply_commit();
    multiply_wait<1>();
    if (step > 0) give_back<T>(last);
    last = ring.slot;
    ring.next();
  }
  multiply_wait<0>();
  FR_UNROLL
  for (int piece = 0; piece < T::kPieces; ++piece) hold(sum[piece]);
  give_back<T>(last);
}

}  // namespace fr::FR_GPU
