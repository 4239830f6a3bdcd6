// Convolution in bfloat16 for compute capability 9.0: pixels of y x filters, k = (r, s, c), as a product of tiles. A step of
// k is one tap and 64 channels: one box of pixels, which the copy engine walks as the convolution does (im2col, zeros beyond
// the edges), and one box of the filters. The input gradient with stride 1 is the same convolution of dy with w mirrored
// and transposed.
//
// Why it is fast: no thread computes an address in the main loop. One warp group orders copies, four or five steps ahead; two
// others multiply, 64 or 128 pixels each, operands read from shared memory by the tensor cores, sums in registers (which the
// first group gives away). A block takes tile after tile, so that copies for the next are on their way while results are
// written. A tile of 128 pixels x 256 filters or 256 x 128 reads 48 KB for 4.2 MFLOP a step, one of 256 x 64 40 KB for 2.1.
// The main loop: cuda/hopper_tile.h; what becomes of the sums: cuda/hopper_finish.h.
#include <algorithm>
#include <initializer_list>

#include "cuda/conv2d_hopper.h"
#include "cuda/hopper_finish.h"

namespace fr::FR_GPU {
namespace {

// one block per multiprocessor, a tile at a time; its first warp group copies, the two others multiply half the pixels each
template <int columns, int pieces, HopperEpilogue epilogue>
FR_KERNEL(kHopperThreads, 1)
convolution_kernel(FR_GRID_CONSTANT TensorMap x, FR_GRID_CONSTANT TensorMap w, const HopperConvolution c) {
  using T = HopperTile<columns, pieces>;
  if (thread() == 0) {
    for (int slot = 0; slot < T::kStages; ++slot) {
      barrier_init(T::full(slot), 1);
      barrier_init(T::empty(slot), kMultiplyingWarps);
    }
    barriers_ready();
  }
  sync();
  if (thread() < kGroup) {
    give_registers<kKeptRegisters>();
    if (thread() == 0) copy_tiles<T>(&x, &w, c);
  } else {
    take_registers<kTakenRegisters>();
    HopperRing<T::kStages> ring;
    for (int64_t tile = block_x(); tile < c.tiles; tile += blocks_x()) {
      float sum[pieces][columns / 2];
      multiply_steps<T>(sum, ring, c.taps * c.taps * c.chunks);
      const int64_t tile_of_pixels = tile / c.filter_tiles,
                    pixel = tile_of_pixels * T::kRows + (thread() / kGroup - 1) * (T::kRows / 2);
      const int filter = int(tile % c.filter_tiles) * columns;
      FR_UNROLL
      for (int piece = 0; piece < pieces; ++piece)
        write_sums<epilogue == HopperEpilogue::line>(sum[piece], c, pixel + piece * 64, filter);
      if constexpr (epilogue == HopperEpilogue::moments) keep_moments<T>(sum, c, tile_of_pixels, filter);
    }
  }
}

// mirrored_c,rs,k = w_k,(R-1-r)(R-1-s),c. One block per tap and 32 x 32 of (c, k), 8 rows at a time, turned in shared memory.
constexpr int kTurn = 32;
FR_KERNEL(kTurn * 8)
mirror_kernel(bfloat16* mirrored, const bfloat16* w, int K, int taps, int C) {
  auto* const square = shared<bfloat16>();
  const int c0 = int(block_x()) * kTurn, k0 = int(block_y()) * kTurn, tap = int(block_z());
  for (int i = warp(); i < kTurn; i += 8)
    square[i * (kTurn + 2) + lane()] = w[(int64_t(k0 + i) * taps + taps - 1 - tap) * C + c0 + lane()];
  sync();
  for (int i = warp(); i < kTurn; i += 8)
    mirrored[(int64_t(c0 + i) * taps + tap) * K + k0 + lane()] = square[lane() * (kTurn + 2) + i];
}

// --- the host's part ---

bool suits(const Conv2dShape& s) {
  const int64_t lower = -s.pad_h, upper = s.pad_h - s.dilation_h * (s.R - 1), far = int64_t{1} << 31;
  return s.groups == 1 && s.C % 64 == 0 && s.K % 64 == 0 && s.R == s.S && s.pad_h == s.pad_w &&
         s.stride_h == s.stride_w && s.dilation_h == s.dilation_w && s.stride_h <= 8 && lower >= -128 &&
         upper >= -128 && upper < 128 && lower < 128 && s.dilation_h * (s.R - 1) < 256 &&
         min(min(s.N, s.H), s.W) > 0 && min(min(s.C, s.K), min(s.P(), s.Q())) > 0 && s.N < far && s.H < far &&
         s.W < far && s.R * s.S * max(s.C, s.K) < far;
}
template <class P>
bool aligned_to(size_t bytes, std::initializer_list<const P*> all) {
  return std::all_of(all.begin(), all.end(),
                     [=](const P* p) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; });
}
int64_t most_blocks = 0;
bool chosen() { return hopper_selected() && compute_capability() == 90; }

template <int columns, int pieces>
int64_t run(HopperConvolution c, const bfloat16* x, const bfloat16* w, const Conv2dShape& s) {
  using T = HopperTile<columns, pieces>;
  c.filter_tiles = int(divide_up(s.K, columns));
  c.tiles = divide_up(c.pixels, T::kRows) * c.filter_tiles;
  const TensorMap of_x = map_pixels(x, {s.N, s.H, s.W, s.C, -int(s.pad_h),
                                        int(s.pad_h - s.dilation_h * (s.R - 1)), int(s.stride_h), T::kRows});
  const TensorMap of_w = map_matrix(w, s.K, s.R * s.S * s.C, columns);
  const Conv2dFinish<bfloat16>& f = c.finish;
  const Grid blocks{min(c.tiles, most_blocks ? most_blocks : int64_t(multiprocessors()))};
  if (c.moments)
    launch(blocks, kHopperThreads, T::kBytesWithMoments,
           convolution_kernel<columns, pieces, HopperEpilogue::moments>, of_x, of_w, c);
  else if (f.scale || f.shift || f.slope || f.residual)
    launch(blocks, kHopperThreads, T::kBytes, convolution_kernel<columns, pieces, HopperEpilogue::line>, of_x,
           of_w, c);
  else
    launch(blocks, kHopperThreads, T::kBytes, convolution_kernel<columns, pieces, HopperEpilogue::plain>,
           of_x, of_w, c);
  return T::kRows;
}

// Returns the rows of a tile.
int64_t convolve(bfloat16* y, Moments* moments, const bfloat16* x, const bfloat16* w,
                 const Conv2dFinish<bfloat16>& finish, const Conv2dShape& s) {
  const HopperConvolution c{.tiles = 0,
                            .pixels = s.N * s.P() * s.Q(),
                            .filter_tiles = 0,
                            .filters = int(s.K),
                            .rows = int(s.P()),
                            .columns = int(s.Q()),
                            .taps = int(s.R),
                            .chunks = int(s.C / kHopperDepth),
                            .stride = int(s.stride_h),
                            .pad = int(s.pad_h),
                            .dilation = int(s.dilation_h),
                            .y = y,
                            .moments = moments,
                            .finish = finish};
  if (s.K == 64) return run<64, 2>(c, x, w, s);
  const int64_t over =
      s.K % 256;  // what a last tile of 256 filters would hold; up to half of it: narrower tiles
  if (over > 0 && over <= 128) return run<128, 2>(c, x, w, s);
  return run<256, 1>(c, x, w, s);
}

}  // namespace

void limit_hopper_blocks(int64_t most) { most_blocks = most; }

bool hopper_convolution(bfloat16* y, const bfloat16* x, const bfloat16* w,
                        const Conv2dFinish<bfloat16>& finish, const Conv2dShape& s) {
  if (!chosen() || !suits(s) || !aligned_to(16, {x, w, static_cast<const bfloat16*>(y), finish.residual}) ||
      !aligned_to(8, {finish.scale, finish.shift, finish.slope}))
    return false;
  convolve(y, nullptr, x, w, finish, s);
  return true;
}

int64_t hopper_convolution_moments(bfloat16* y, Moments* moments, const bfloat16* x, const bfloat16* w,
                                   const Conv2dShape& s) {
  if (!chosen() || !suits(s) || !aligned_to(16, {x, w, static_cast<const bfloat16*>(y)})) return 0;
  return convolve(y, moments, x, w, {}, s);
}

bool hopper_input_gradient(bfloat16* dx, const bfloat16* dy, const bfloat16* w, const Conv2dShape& s,
                           Gradient into) {
  const Conv2dShape back{.N = s.N,
                         .H = s.P(),
                         .W = s.Q(),
                         .C = s.K,
                         .K = s.C,
                         .R = s.R,
                         .S = s.S,
                         .pad_h = s.dilation_h * (s.R - 1) - s.pad_h,
                         .pad_w = s.dilation_w * (s.S - 1) - s.pad_w,
                         .dilation_h = s.dilation_h,
                         .dilation_w = s.dilation_w};
  if (!chosen() || s.stride_h != 1 || s.stride_w != 1 || s.groups != 1 || !suits(back) ||
      !aligned_to(16, {dy, static_cast<const bfloat16*>(dx)}))
    return false;
  const int64_t taps = s.R * s.S;
  const Workspace<bfloat16> mirrored(s.K * taps * s.C);
  launch({s.C / kTurn, s.K / kTurn, taps}, kTurn * 8, kTurn * (kTurn + 2) * sizeof(bfloat16), mirror_kernel,
         mirrored.get(), w, int(s.K), int(taps), int(s.C));
  convolve(dx, nullptr, dy, mirrored.get(), {.residual = into == Gradient::add ? dx : nullptr}, back);
  return true;
}

}  // namespace fr::FR_GPU
