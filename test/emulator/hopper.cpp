// The words of cuda/hopper.h in the emulator: barriers with phases, copies of boxes, products of warp groups.
#define PROSOPON_EMULATED
#include "cuda/hopper.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/emulator/emulator.h"

namespace fr::emulated {
namespace {

using emulator::fail;
using emulator::Fault;

constexpr int kMostWarps = 32, kDepth = 16, kMostColumns = 256;
constexpr int64_t kMostBytes = (1 << 20) - 1;  // that a barrier counts

struct BarrierState {
  int arrivals = 0, pending = 0;
  int64_t bytes =
      0;  // expected and not there yet; copies that are there before they are expected count below 0
  int phase = 0;
  bool of_copies = false;
};

struct Product {
  float* sums[kWarp];  // of each lane
  int columns;
  uint64_t a, b;
};
struct WarpState {
  std::vector<std::vector<Product>> groups;
  std::vector<Product> open;
  bool fenced = false;
  size_t products = 0;
};

// Of the block that runs.
struct State {
  int64_t block = -1;
  std::map<const Barrier*, BarrierState> barriers;
  WarpState warps[kMostWarps];
  std::vector<uint64_t> products[kMostWarps / 4];  // of each group: the operands that its first warp named
};
State& state() {
  static State s;
  if (s.block != emulator::block_number())
    s = {.block = emulator::block_number(), .barriers = {}, .warps = {}, .products = {}};
  return s;
}

BarrierState& at(const Barrier* b) {
  const auto found = state().barriers.find(b);
  if (found == state().barriers.end()) fail("a barrier before its barrier_init");
  return found->second;
}
void end_phase_if_complete(BarrierState& b) {
  if (b.pending > 0 || b.bytes != 0) return;
  b.pending = b.arrivals, ++b.phase;
}
void arrive(BarrierState& b) {
  if (b.pending == 0) fail("more arrivals at a barrier than it was given");
  --b.pending;
  end_phase_if_complete(b);
}
void bring(BarrierState& b, int64_t bytes) {
  b.bytes -= bytes;
  if (-b.bytes > kMostBytes) fail("more bytes at a barrier than it counts");
  end_phase_if_complete(b);
}

// A box of `rows` rows of 128 bytes; from(row) is where a row comes from, null for zeros.
template <class F>
void copy_box(void* to, int rows, Barrier* barrier, const F& from) {
  auto* const start = static_cast<unsigned char*>(to);
  const int bytes = rows * kRowBytes;
  emulator::check_shared(start, 16, "a copy of a box");
  emulator::check_shared(start + bytes - 16, 16, "a copy of a box");
  if ((start - emulator::shared_memory()) % kSwizzleBytes)
    fail("a copy of a box to an address that is not a multiple of 1024");
  at(barrier);
  std::vector<unsigned char> box(static_cast<size_t>(bytes));
  for (int row = 0; row < rows; ++row) {
    const bfloat16* line = from(row);
    for (int part = 0; part < 8; ++part) {
      unsigned char* const place = box.data() + row * kRowBytes + (part ^ row % 8) * 16;
      if (line)
        std::memcpy(place, line + part * 8, 16);
      else
        std::memset(place, 0, 16);
    }
  }
  std::memset(start, 0xff, size_t(bytes));
  emulator::happens_later([start, barrier, box = std::move(box)] {
    std::memcpy(start, box.data(), box.size());
    bring(at(barrier), int64_t(box.size()));
  });
}

// Row by row of an operand, 16 columns.
void read_operand(float* to, int row_step, int column_step, uint64_t operand, int first, int rows) {
  const uint32_t start = uint32_t(operand & 0x3fff) << 4, stride = uint32_t(operand >> 32 & 0x3fff) << 4;
  if (operand >> 62 != 1 || (operand >> 49 & 7) != 0) fail("an operand without the 128-byte swizzle");
  for (int r = 0; r < rows; ++r) {
    const uint32_t line = start + uint32_t((first + r) % 8 * kRowBytes) + uint32_t((first + r) / 8) * stride;
    for (int half = 0; half < 2; ++half) {
      const uint32_t plain = line + uint32_t(half) * 16, place = plain ^ (plain / kRowBytes % 8 * 16);
      const unsigned char* p = emulator::shared_memory() + place;
      emulator::check_shared(p, 16, "an operand");
      bfloat16 values[8];
      std::memcpy(static_cast<void*>(values), p, 16);
      for (int k = 0; k < 8; ++k) to[r * row_step + (half * 8 + k) * column_step] = float(values[k]);
    }
  }
}

// The 16 rows of a warp.
void compute(const Product& p, int warp_of_group) {
  float a[16 * kDepth], b[kDepth * kMostColumns], sum[kMostColumns];
  read_operand(a, kDepth, 1, p.a, warp_of_group * 16, 16);
  read_operand(b, 1, p.columns, p.b, 0, p.columns);
  for (int row = 0; row < 16; ++row) {
    const auto place = [&](int column) -> float& {
      return p.sums[row % 8 * 4 + column % 8 / 2][column / 8 * 4 + row / 8 * 2 + column % 2];
    };
    for (int c = 0; c < p.columns; ++c) sum[c] = place(c);
    for (int k = 0; k < kDepth; ++k) {
      const float factor = a[row * kDepth + k];
      const float* line = b + k * p.columns;
#pragma omp simd
      for (int c = 0; c < p.columns; ++c) sum[c] += factor * line[c];
    }
    for (int c = 0; c < p.columns; ++c) place(c) = sum[c];
  }
}

WarpState& my_warp() { return state().warps[thread() / kWarp]; }

// f() once a warp, when all its lanes are here.
template <class F>
void once_a_warp(const F& f) {
  warp_sync();
  if (thread() % kWarp == 0) f(my_warp());
  warp_sync();
}

}  // namespace

// --- barriers ---
void barrier_init(Barrier* b, int arrivals) {
  emulator::check_shared(b, sizeof *b, "a barrier");
  if (arrivals < 1) fail("a barrier for no arrivals");
  state().barriers[b] = {.arrivals = arrivals, .pending = arrivals};
}
void barrier_arrive(Barrier* b) {
  if (emulator::fault() == Fault::missing_arrival && thread() / kWarp == threads() / kWarp - 1) return;
  arrive(at(b));
  emulator::give_way();  // what this allows others to do, they do first
}
void barrier_arrive_expecting(Barrier* b, int bytes) {
  BarrierState& s = at(b);
  s.of_copies = true;
  s.bytes += bytes;
  if (s.bytes > kMostBytes) fail("more bytes at a barrier than it counts");
  arrive(s);
}
void barrier_wait(Barrier* b, int parity) {
  const BarrierState& s = at(b);
  const Fault fault = emulator::fault();
  if (parity != 0 && parity != 1) fail("a parity that is neither 0 nor 1");
  if (fault == (s.of_copies ? Fault::unawaited_bytes : Fault::unawaited_arrivals)) return;
  while (s.phase % 2 == parity) emulator::wait_for_change(&s.phase);
}

// --- copies ---
void copy_matrix(void* to, const TensorMap* map, Barrier* b, int column, int row) {
  if (column < 0 || column + 64 > map->size[0])
    fail("a box with columns outside its matrix");  // not needed here
  copy_box(to, map->rows, b, [&](int i) -> const bfloat16* {
    const int64_t r = int64_t(row) + i;
    return r >= 0 && r < map->size[1] ? map->p + r * map->distance[1] + column : nullptr;
  });
}
void copy_pixels(void* to, const TensorMap* map, Barrier* b, int c, int w, int h, int n, int tap_w,
                 int tap_h) {
  if (c < 0 || c + 64 > map->size[0]) fail("a box with channels outside its map");
  if (tap_w < 0 || tap_h < 0 || tap_w > 255 || tap_h > 255) fail("a tap outside [0, 255]");
  const auto inside = [&](int64_t i, int axis) { return i >= 0 && i < map->size[axis]; };
  copy_box(to, map->rows, b, [&](int) -> const bfloat16* {
    const int64_t column = w + tap_w, line = h + tap_h;
    const bfloat16* const from =
        inside(column, 1) && inside(line, 2) && inside(n, 3)
            ? map->p + n * map->distance[3] + line * map->distance[2] + column * map->distance[1] + c
            : nullptr;
    if ((w += map->step) > map->size[1] - 1 + map->upper) {
      w = map->lower;
      if ((h += map->step) > map->size[2] - 1 + map->upper) h = map->lower, ++n;
    }
    return from;
  });
}

// --- products ---
uint64_t operand(const void* p) {
  const auto place = uint64_t(static_cast<const unsigned char*>(p) - emulator::shared_memory());
  if (place % kSwizzleBytes) fail("an operand at an address that is not a multiple of 1024");
  return (place & 0x3ffff) >> 4 | uint64_t{1} << 16 | uint64_t{kSwizzleBytes / 16} << 32 | uint64_t{1} << 62;
}
void multiply_fence() {
  once_a_warp([](WarpState& w) { w.fenced = true; });
}
void multiply_commit() {
  once_a_warp([](WarpState& w) {
    w.groups.push_back(std::move(w.open));
    w.open.clear();
  });
}
void detail::multiply_wait(int groups) {
  if (emulator::fault() == Fault::early_release && groups > 0) ++groups;
  once_a_warp([groups](WarpState& w) {
    w.fenced = false;
    while (int(w.groups.size()) > groups) {
      for (const Product& p : w.groups.front()) compute(p, thread() / kWarp % 4);
      w.groups.erase(w.groups.begin());
    }
  });
}
void detail::multiply_group(float* sum, int columns, uint64_t a, uint64_t b) {
  emulator::pointers()[thread() % kWarp] = sum;
  emulator::exchange()[thread() % kWarp] = a ^ b << 32 ^ b >> 32;
  once_a_warp([=](WarpState& w) {
    if (!w.fenced) fail("a product without multiply_fence()");
    const uint64_t* seen = emulator::exchange();
    if (std::any_of(seen, seen + kWarp, [&](uint64_t other) { return other != seen[0]; }))
      fail("a product of a warp whose lanes name different operands");
    Product p{.sums = {}, .columns = columns, .a = a, .b = b};
    for (int l = 0; l < kWarp; ++l) p.sums[l] = static_cast<float*>(emulator::pointers()[l]);
    std::vector<uint64_t>& of_group = state().products[thread() / kGroup];
    if (w.products == of_group.size()) of_group.push_back(seen[0]);
    if (of_group[w.products++] != seen[0]) fail("a product of a group whose warps name different operands");
    if (emulator::landing() == emulator::Landing::eager)
      compute(p, thread() / kWarp % 4);
    else
      w.open.push_back(p);
  });
}

// --- the host's part: what the driver demands ---
namespace {
void demand(bool ok, const char* what) {
  if (!ok) throw std::invalid_argument(std::string("emulator: a tensor map with ") + what);
}
}  // namespace

TensorMap map_matrix(const bfloat16* p, int64_t rows, int64_t columns, int box_rows) {
  demand(reinterpret_cast<uintptr_t>(p) % 16 == 0, "an address that is not a multiple of 16");
  demand(rows > 0 && columns > 0 && columns % 8 == 0, "rows that are not a multiple of 16 bytes");
  demand(box_rows > 0 && box_rows <= 256, "more than 256 rows in a box");
  return {.p = p,
          .size = {columns, rows, 1, 1},
          .distance = {1, columns, 0, 0},
          .lower = 0,
          .upper = 0,
          .step = 1,
          .rows = box_rows};
}
TensorMap map_pixels(const bfloat16* p, const PixelWalk& s) {
  demand(reinterpret_cast<uintptr_t>(p) % 16 == 0, "an address that is not a multiple of 16");
  demand(s.N > 0 && s.H > 0 && s.W > 0 && s.C > 0 && s.C % 8 == 0,
         "pixels that are not a multiple of 16 bytes");
  demand(s.lower >= -128 && s.lower < 128 && s.upper >= -128 && s.upper < 128, "corners outside [-128, 127]");
  demand(s.lower <= s.H - 1 + s.upper && s.lower <= s.W - 1 + s.upper, "an empty bounding box");
  demand(s.step >= 1 && s.step <= 8, "a step outside [1, 8]");
  demand(s.pixels >= 1 && s.pixels <= 1024, "more than 1024 pixels in a box");
  return {.p = p,
          .size = {s.C, s.W, s.H, s.N},
          .distance = {1, s.C, s.W * s.C, s.H * s.W * s.C},
          .lower = s.lower,
          .upper = s.upper,
          .step = s.step,
          .rows = s.pixels};
}

}  // namespace fr::emulated
