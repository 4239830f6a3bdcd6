// Convolution in bfloat16 for compute capability 9.0: pixels of y x filters, k = (r, s, c), as a product of tiles. A step of
// k is one tap and 64 channels: one box of pixels, which the copy engine walks as the convolution does (im2col, zeros beyond
// the edges), and one box of the filters. The input gradient with stride 1 is the same convolution of dy with w mirrored
// and transposed.
//
// Why it is fast: no thread computes an address in the main loop. One warp group orders copies, up to four steps ahead; two
// others multiply, 64 or 128 pixels each, operands read from shared memory by the tensor cores, sums in registers (which the
// first group gives away). A block takes tile after tile, so that copies for the next are on their way while results are
// written. A tile of 128 pixels x 256 filters or 256 x 128 reads 48 KB for 4.2 MFLOP a step, one of 256 x 64 40 KB for 2.1.
//
// A slot of shared memory is `full` when its two boxes have arrived and `empty` when the eight multiplying warps have given
// it back; slot and parity of both barriers follow from the number of steps so far.
#include <algorithm>
#include <initializer_list>

#include "cuda/conv2d_hopper.h"
#include "cuda/hopper.h"

namespace fr::FR_GPU {
namespace {

constexpr int kDepth = 64;  // of a step
constexpr int kThreads = 3 * kGroup, kMultiplyingWarps = 8;
constexpr int kKeptRegisters = 40, kTakenRegisters = 232;  // a thread; 168 each at the start

// `columns` filters; each of the two multiplying groups has `pieces` times 64 pixels.
template <int columns, int pieces>
struct Tile {
  static constexpr int kColumns = columns, kPieces = pieces, kRows = 2 * pieces * 64;
  static constexpr int kOfPixels = kRows * kRowBytes, kOfFilters = columns * kRowBytes,
                       kStep = kOfPixels + kOfFilters;  // bytes
  static constexpr int kStages = 192 * 1024 / kStep;
  static constexpr int kBarriers = kStages * kStep, kMoments = kBarriers + 2 * kStages * int(sizeof(Barrier));
  static constexpr int kStrips = kMultiplyingWarps * pieces;  // of 16 pixels, in the order of the pixels
  static constexpr int kBytes = kMoments,
                       kBytesWithMoments = kMoments + kStrips * columns * int(sizeof(Moments));
  static_assert(kBytesWithMoments <= 227 * 1024);

  FR_DEVICE static char* pixels(int slot) { return shared<char>(size_t(slot) * kStep); }
  FR_DEVICE static char* filters(int slot) { return pixels(slot) + kOfPixels; }
  FR_DEVICE static Barrier* full(int slot) { return shared<Barrier>(size_t(kBarriers)) + slot; }
  FR_DEVICE static Barrier* empty(int slot) { return full(kStages + slot); }
  FR_DEVICE static Moments* moments(int strip) { return shared<Moments>(size_t(kMoments)) + strip * columns; }
};

// Where step after step finds its slot. parity: of the phase in which `full` ends for it.
template <int stages>
struct Ring {
  int slot = 0, parity = 0;
  FR_DEVICE void next() {
    if (++slot == stages) slot = 0, parity ^= 1;
  }
};

enum class Epilogue { plain, line, moments };
struct Convolution {
  int64_t tiles, pixels;  // tiles: of filters first, then of pixels
  int filter_tiles, filters, rows, columns, taps, chunks, stride, pad, dilation;
  bfloat16* y;
  Moments* moments;  // (tiles of pixels, filters), with Epilogue::moments
  Conv2dFinish<bfloat16> finish;
};

// one thread orders every copy of the block
template <class T>
FR_DEVICE void copy_tiles(const TensorMap* x, const TensorMap* w, const Convolution& c) {
  Ring<T::kStages> ring;
  for (int64_t tile = block_x(); tile < c.tiles; tile += blocks_x()) {
    const int64_t pixel = tile / c.filter_tiles * T::kRows, line = pixel / c.columns;
    const int first_w = int(pixel - line * c.columns) * c.stride - c.pad, image = int(line / c.rows),
              first_h = int(line - int64_t(image) * c.rows) * c.stride - c.pad,
              filter = int(tile % c.filter_tiles) * T::kColumns;
    int k = 0;
    for (int r = 0; r < c.taps; ++r)
      for (int s = 0; s < c.taps; ++s)
        for (int chunk = 0; chunk < c.chunks; ++chunk, k += kDepth, ring.next()) {
          Barrier* const full = T::full(ring.slot);
          barrier_wait(T::empty(ring.slot), ring.parity ^ 1);
          barrier_arrive_expecting(full, T::kStep);
          copy_pixels(T::pixels(ring.slot), x, full, chunk * kDepth, first_w, first_h, image, s * c.dilation,
                      r * c.dilation);
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
FR_DEVICE void multiply_steps(float (&sum)[T::kPieces][T::kColumns / 2], Ring<T::kStages>& ring, int steps) {
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
    for (int k = 0; k < kDepth / 16; ++k) FR_UNROLL
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

// Lane t of each four has pair t of blocks 0 to 3; afterwards pairs 0 to 3 of block t.
FR_DEVICE void exchange_pairs(uint32_t& low, uint32_t& high, int mask) {
  const bool upper = lane() & mask;
  const uint32_t other = shuffle_xor(upper ? low : high, mask);
  (upper ? low : high) = other;
}
FR_DEVICE void gather_block(uint32_t (&word)[4]) {
  exchange_pairs(word[0], word[1], 1);
  exchange_pairs(word[2], word[3], 1);
  exchange_pairs(word[0], word[2], 2);
  exchange_pairs(word[1], word[3], 2);
}

// Two neighbouring filters k of a pixel.
FR_DEVICE void finish_pair(float (&v)[2], const Conv2dFinish<bfloat16>& finish, int64_t pixel, int k,
                           int filters, bool inside) {
  const auto of_filter = [k](const float* p) { return load<float, 2>(p + k); };
  if (finish.scale) {
    const auto scale = of_filter(finish.scale);
    v[0] *= scale.v[0], v[1] *= scale.v[1];
  }
  if (finish.shift) {
    const auto shift = of_filter(finish.shift);
    v[0] += shift.v[0], v[1] += shift.v[1];
  }
  if (finish.slope) {
    const auto slope = of_filter(finish.slope);
    for (int e = 0; e < 2; ++e)
      if (!(v[e] > 0)) v[e] *= slope.v[e];
  }
  if (finish.residual && inside) {
    const auto residual = load<bfloat16, 2>(finish.residual + pixel * filters + k);
    v[0] += float(residual.v[0]), v[1] += float(residual.v[1]);
  }
}

// A thread has two pixels, 8 apart, and of every 8 filters two; four lanes exchange them so that each writes 16 bytes.
template <bool finished, int half_columns>
FR_DEVICE void write(const float (&sum)[half_columns], const Convolution& c, int64_t first_pixel,
                     int first_filter) {
  const int row = warp() % 4 * 16 + lane() / 4;
  FR_UNROLL
  for (int part = 0; part < half_columns / 16; ++part) {
    const int k = first_filter + part * 32;
    if (k >= c.filters) break;
    FR_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int64_t pixel = first_pixel + row + half * 8;
      uint32_t word[4];
      FR_UNROLL
      for (int block = 0; block < 4; ++block) {
        const int i = part * 16 + block * 4 + half * 2;
        float v[2] = {sum[i], sum[i + 1]};
        if constexpr (finished)
          finish_pair(v, c.finish, pixel, k + block * 8 + lane() % 4 * 2, c.filters, pixel < c.pixels);
        word[block] = pack_bf16(v[0], v[1]);
      }
      gather_block(word);
      if (pixel < c.pixels)
        store<uint32_t, 4>(reinterpret_cast<uint32_t*>(c.y + pixel * c.filters + k + lane() % 4 * 8),
                           {word[0], word[1], word[2], word[3]});
    }
  }
}

// --- moments of the columns, by Chan, Golub and LeVeque's formula (cuda/statistics.h) ---

// How those of n rows and of m other ones are joined. No rows at all: anything finite.
struct Joining {
  float share, weight;
  FR_DEVICE Joining(float n, float m) : share(n + m > 0 ? m / (n + m) : 0), weight(n * share) {}
  FR_DEVICE void join(float& mean, float& m2, float other_mean, float other_m2) const {
    const float away = other_mean - mean;
    mean += away * share, m2 += other_m2 + away * away * weight;
  }
};
FR_DEVICE float rows_below(int64_t pixels, int rows) {
  return float(min(max(pixels, int64_t(0)), int64_t(rows)));
}

// The places of a lane's columns in `sum`: mean of column j, above it, 8 rows further, m2.
FR_DEVICE constexpr int place_of(int j) { return j / 2 * 4 + j % 2; }

// One round of a reduction over the warp: of its first `count` columns a lane keeps half, and gives the others to the lane
// `mask` away, for which it has as many rows.
template <int count, int half_columns>
FR_DEVICE void halve(float (&sum)[half_columns], int mask, const Joining& joining) {
  const bool upper = lane() & mask;
  FR_UNROLL
  for (int j = 0; j < count / 2; ++j) {
    const int low = place_of(j), high = place_of(j + count / 2);
    float mine[2], other[2];
    FR_UNROLL
    for (int e = 0; e < 2; ++e) {
      const float a = sum[low + 2 * e], b = sum[high + 2 * e];
      mine[e] = upper ? b : a, other[e] = shuffle_xor(upper ? a : b, mask);
    }
    joining.join(mine[0], mine[1], other[0], other[1]);
    sum[low] = mine[0], sum[low + 2] = mine[1];
  }
}

// The columns of a strip of 16 pixels, of which `rows` are there: three rounds over the eight rows of lanes.
template <int half_columns>
FR_DEVICE void strip_moments(Moments* to, float (&sum)[half_columns], int64_t pixels) {
  constexpr int columns = half_columns / 2;  // of a lane
  const auto rows = [&](int first,
                        int count) {  // of lanes [first, first + count): each has one row and one 8 further
    return rows_below(pixels - first, count) + rows_below(pixels - 8 - first, count);
  };
  const int row = lane() / 4;
  const Joining own(rows_below(pixels - row, 1), rows_below(pixels - 8 - row, 1));
  FR_UNROLL
  for (int j = 0; j < columns; ++j) {
    float mean = sum[place_of(j)], m2 = 0;
    own.join(mean, m2, sum[place_of(j) + 2], 0);
    sum[place_of(j)] = mean, sum[place_of(j) + 2] = m2;
  }
  halve<columns>(sum, 4, Joining(rows(row, 1), rows(row ^ 1, 1)));
  halve<columns / 2>(sum, 8, Joining(rows(row / 2 * 2, 2), rows((row / 2 ^ 1) * 2, 2)));
  halve<columns / 4>(sum, 16, Joining(rows(row / 4 * 4, 4), rows((row / 4 ^ 1) * 4, 4)));
  const int first = row % 2 * (columns / 2) + row / 2 % 2 * (columns / 4) + row / 4 * (columns / 8);
  FR_UNROLL
  for (int j = 0; j < columns / 8; ++j) {
    const int column = (first + j) / 2 * 8 + lane() % 4 * 2 + (first + j) % 2;
    to[column] = {sum[place_of(j)], sum[place_of(j) + 2]};
  }
}

// one thread of the two groups per column
template <class T>
FR_DEVICE void keep_moments(float (&sum)[T::kPieces][T::kColumns / 2], const Convolution& c, int64_t tile,
                            int filter) {
  constexpr int kMultiplying = 2 * kGroup;
  const int64_t pixels = c.pixels - tile * T::kRows;  // from the tile's first on
  const int group = thread() / kGroup - 1, column = thread() - kGroup;
  sync_some(kMultiplying);
  FR_UNROLL
  for (int piece = 0; piece < T::kPieces; ++piece) {
    const int strip = (group * T::kPieces + piece) * 4 + warp() % 4;
    strip_moments(T::moments(strip), sum[piece], pixels - strip * 16);
  }
  sync_some(kMultiplying);
  if (column >= T::kColumns || filter + column >= c.filters) return;
  Moments all = T::moments(0)[column];
  for (int strip = 1; strip < T::kStrips; ++strip) {
    const Moments m = T::moments(strip)[column];
    Joining(rows_below(pixels, strip * 16), rows_below(pixels - strip * 16, 16))
        .join(all.mean, all.m2, m.mean, m.m2);
  }
  c.moments[tile * c.filters + filter + column] = all;
}

// one block per multiprocessor, a tile at a time; its first warp group copies, the two others multiply half the pixels each
template <int columns, int pieces, Epilogue epilogue>
FR_KERNEL(kThreads, 1)
convolution_kernel(FR_GRID_CONSTANT TensorMap x, FR_GRID_CONSTANT TensorMap w, const Convolution c) {
  using T = Tile<columns, pieces>;
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
    Ring<T::kStages> ring;
    for (int64_t tile = block_x(); tile < c.tiles; tile += blocks_x()) {
      float sum[pieces][columns / 2];
      multiply_steps<T>(sum, ring, c.taps * c.taps * c.chunks);
      const int64_t tile_of_pixels = tile / c.filter_tiles,
                    pixel = tile_of_pixels * T::kRows + (thread() / kGroup - 1) * (T::kRows / 2);
      const int filter = int(tile % c.filter_tiles) * columns;
      FR_UNROLL
      for (int piece = 0; piece < pieces; ++piece)
        write<epilogue == Epilogue::line>(sum[piece], c, pixel + piece * 64, filter);
      if constexpr (epilogue == Epilogue::moments) keep_moments<T>(sum, c, tile_of_pixels, filter);
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
         upper >= -128 && upper < 128 && s.dilation_h * (s.R - 1) < 256 && min(min(s.N, s.H), s.W) > 0 &&
         min(min(s.C, s.K), min(s.P(), s.Q())) > 0 && s.N < far && s.H < far && s.W < far &&
         s.R * s.S * max(s.C, s.K) < far;
}
template <class P>
bool aligned_to(size_t bytes, std::initializer_list<const P*> all) {
  return std::all_of(all.begin(), all.end(),
                     [=](const P* p) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; });
}
bool chosen() { return hopper_selected() && compute_capability() == 90; }

template <int columns, int pieces>
int64_t run(Convolution c, const bfloat16* x, const bfloat16* w, const Conv2dShape& s) {
  using T = Tile<columns, pieces>;
  c.filter_tiles = int(divide_up(s.K, columns));
  c.tiles = divide_up(c.pixels, T::kRows) * c.filter_tiles;
  const TensorMap of_x = map_pixels(x, {s.N, s.H, s.W, s.C, -int(s.pad_h),
                                        int(s.pad_h - s.dilation_h * (s.R - 1)), int(s.stride_h), T::kRows});
  const TensorMap of_w = map_matrix(w, s.K, s.R * s.S * s.C, columns);
  const Conv2dFinish<bfloat16>& f = c.finish;
  const Grid blocks{min(c.tiles, int64_t(multiprocessors()))};
  if (c.moments)
    launch(blocks, kThreads, T::kBytesWithMoments, convolution_kernel<columns, pieces, Epilogue::moments>,
           of_x, of_w, c);
  else if (f.scale || f.shift || f.slope || f.residual)
    launch(blocks, kThreads, T::kBytes, convolution_kernel<columns, pieces, Epilogue::line>, of_x, of_w, c);
  else
    launch(blocks, kThreads, T::kBytes, convolution_kernel<columns, pieces, Epilogue::plain>, of_x, of_w, c);
  return T::kRows;
}

// Returns the rows of a tile.
int64_t convolve(bfloat16* y, Moments* moments, const bfloat16* x, const bfloat16* w,
                 const Conv2dFinish<bfloat16>& finish, const Conv2dShape& s) {
  const Convolution c{.tiles = 0,
                      .pixels = s.N * s.P() * s.Q(),
                      .filter_tiles = 0,
                      .filters = int(s.K),
                      .rows = int(s.P()),
                      .columns = int(s.Q()),
                      .taps = int(s.R),
                      .chunks = int(s.C / kDepth),
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
