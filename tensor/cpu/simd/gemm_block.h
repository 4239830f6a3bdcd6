// The blocked matrix product C = alpha op(A) op(B) + beta C as a template over where A and B come from, so that a
// convolution is the same code with other packers (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015).
//   PackA::pack(dst, batch, m0, m, k0, k, rows)   panels of `rows` rows, [panel][k][rows], missing rows are zero;
//                                                 may spill kWidth floats past the last panel
//   PackB::pack(dst, batch, n0, n, k0, k)         panels of kPanel columns, [panel][k][kPanel], missing columns are
//                                                 zero; a last panel of at most kWidth columns is [k][kWidth]
//   PackB::kShare                                 B may be packed once for all row tiles (it is read more than once);
//                                                 when not, A is, and a piece takes all rows
//   Out::row(batch, m)                            address of column 0 of a row of C
// C is cut into pieces by the problem alone; when there are few, K is cut too and partial products are added in order.
// The block sizes are constants rather than read from the machine, so that equal problems give equal bits everywhere.
#pragma once
#include "tensor/cpu/simd/gemm_vector.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kBlockK = kWidth == 16 ? 384 : 256, kBlockN = 256, kBlockM = 140;
constexpr int64_t kPieces = 16;                             // aim for at least so many
constexpr int64_t kSplitK = 512;                            // a slice of K is at least so long
constexpr int64_t kShareLimit = int64_t{1} << 25;           // floats of B packed at once
constexpr int64_t kDeepest = kWidth == 16 ? kBlockK : 768;  // of K that anyone packs at a time
alignas(64) constexpr float kZeros[kDeepest + 64] = {};     // in place of missing rows

struct Product {
  int64_t M = 0, N = 0, K = 0, batch = 1;
  float alpha = 1, beta = 0;
};

struct Plan {
  int64_t block_k;          // depth of a block
  int64_t tile_m, tiles_m;  // rows of a piece, how many
  int64_t panels, tiles_n;  // of columns; pieces that share them
  int64_t slice_k, slices;  // length of a slice of K, how many
  bool share_a, share_b;    // packed before the pieces start
  int64_t packed_n;         // columns of packed B
  int64_t first_column(int64_t piece) const { return panels * piece / tiles_n * kPanel; }
};

FR_INLINE int64_t packed_columns(int64_t n) {
  const int64_t full = n / kPanel * kPanel, rest = n - full;
  return full + (rest == 0 ? 0 : rest <= kWidth ? kWidth : kPanel);
}

inline Plan make_plan(const Product& s, bool may_share, bool prepared = false) {
  Plan p;
  p.tile_m = ceil_div(s.M, ceil_div(s.M, kBlockM));
  p.tiles_m = ceil_div(s.M, p.tile_m);
  p.panels = ceil_div(s.N, kPanel);
  // The smaller operand is packed for all, the other by each piece into its own cache.
  const bool wide = !prepared && s.M >= 32 && s.M < s.N && s.batch * p.panels >= kPieces;
  p.share_a = (wide || (!may_share && p.tiles_m > 1)) && s.batch * s.M * s.K <= kShareLimit;
  const int64_t row_pieces = p.share_a ? 1 : p.tiles_m;
  // Columns: as few pieces as keep everyone busy, since each packs its rows of A again, or reads all of A.
  const int64_t most_n = ceil_div(s.N, kBlockN), wanted_n = ceil_div(kPieces, row_pieces * s.batch);
  p.tiles_n = least(most_n, wanted_n);
  if (wide && p.share_a) p.tiles_n = most_n > wanted_n ? round_up(most_n, 2) : most_n;
  const int64_t pieces = row_pieces * p.tiles_n * s.batch;
  p.slices = pieces >= kPieces / 2 ? 1 : most(1, least(ceil_div(kPieces, pieces), s.K / kSplitK));
  if (wide && p.share_a) p.tiles_n = least(p.panels, most(p.tiles_n, ceil_div(wanted_n, p.slices)));
  p.slice_k = ceil_div(s.K, p.slices);
  p.block_k = ceil_div(p.slice_k, ceil_div(p.slice_k, kBlockK));
  p.slice_k = round_up(p.slice_k, p.block_k);
  p.slices = ceil_div(s.K, p.slice_k);
  p.packed_n = packed_columns(s.N);
  p.share_b =
      prepared || (may_share && !p.share_a && p.tiles_m > 1 && s.batch * p.packed_n * s.K <= kShareLimit);
  return p;
}

// f(worker, piece) for every piece; a worker is one thread at a time and owns its workspace.
template <class F>
void for_each_piece(int64_t workers, int64_t pieces, const F& f) {
  int64_t next = 0;
  parallel_for(workers, [&](int64_t worker) {
    for (int64_t i; (i = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < pieces;) f(worker, i);
  });
}

// A tile of m rows as panels of A: `tall` of them with `rows` rows, the others with one less.
struct Panels {
  int rows;
  int64_t count, tall;
  explicit Panels(int64_t m)
      : rows(static_cast<int>(ceil_div(m, ceil_div(m, kMaxRows)))),
        count(ceil_div(m, kMaxRows)),
        tall(m - count * (rows - 1)) {}
  int64_t first(int64_t panel) const { return panel * rows - most(0, panel - tall); }
  int height(int64_t panel) const { return panel < tall ? rows : rows - 1; }
};

// A rectangle of memory that will be packed next: `rows` rows, `step` bytes apart, `width` bytes of each. AVX2 asks for it during
// the product before: on a Zen 3 a packed line of 64 bytes costs 8 cycles alone and 17 to 40 between two products, when it
// comes from memory. 128 x 1152 x 12544 1.03 to 1.07 times, others 1.0 to 1.07.
struct Source {
  const char* first = nullptr;
  int64_t step = 0, width = 0, rows = 0;
};
// Where a packer knows its source.
template <class Pack>
concept Stored = requires(const Pack& p) {
  p.source(0, 0, 0, 0, 0);
};

// Deals the lines of a source out to the tile products before it is packed: `tiles` of them, `steps` lines at most to each.
class Fetch {
 public:
  Fetch(const Source& s, int64_t tiles, int64_t steps) : source_(s), tiles_(tiles), steps_(most(1, steps)) {
    runs_in_column_ = ceil_div(s.rows, steps_);
    runs_ = ceil_div(s.width + 63, 64) * runs_in_column_;
  }
  bool empty() const { return source_.rows == 0; }
  Ahead next(const char* near) {
    ++tile_;
    if (run_ >= runs_ || run_ * tiles_ >= tile_ * runs_) return {near, 0};
    const int64_t column = run_ / runs_in_column_, row = run_ % runs_in_column_ * steps_;
    ++run_;
    return {source_.first + row * source_.step + column * 64, source_.step};
  }

 private:
  Source source_;
  int64_t tiles_, steps_, runs_in_column_, runs_, tile_ = 0, run_ = 0;
};

// One block: m rows of C and n columns from `column` on, a [m panels][k][rows], b [n panels][k][kPanel].
// The panel that is used again and again stays in L1, the other operand streams from L2. With 16 x 6 tiles a panel of A
// is the lighter stream; with 32 x 14 tiles, or few panels of A, B is. far: b may be no nearer than the last cache.
inline void block_product(float* const* c, int64_t column, const float* a, const float* b, int64_t m,
                          int64_t n, int64_t k, float alpha, float beta, const Source& later = {},
                          bool far = true) {
  const Panels panels(m);
  Fetch fetch(later, panels.count * ceil_div(n, kPanel), k / kAheadEvery);
  auto one = [&](int64_t p, int64_t j) __attribute__((always_inline)) {
    const int64_t i = panels.first(p);
    const Tile tile{c + i, column + j, panels.height(p), static_cast<int>(least(kPanel, n - j)), alpha, beta};
    if (fetch.empty())
      micro_of(tile.m, tile.n > kWidth)(k, a + i * k, b + j * k, tile);
    else
      ahead_micro_of(tile.m, tile.n > kWidth)(k, a + i * k, b + j * k, tile,
                                              fetch.next(reinterpret_cast<const char*>(b + j * k)));
  };
  if (kWidth == 16 || panels.count <= 8)
    for (int64_t p = 0; p < panels.count; ++p)
      for (int64_t j = 0; j < n; j += kPanel) one(p, j);
  else
    for (int64_t j = 0; j < n; j += kPanel) {
      const float* next = b + (j + kPanel) * k;
      const int64_t share =
          ceil_div(k, panels.count) * kPanel;  // of the next panel, fetched before each tile
      for (int64_t p = 0; p < panels.count; ++p, next += share) {
        if (far)
          for (int64_t line = 0; line < share; line += 16)
            _mm_prefetch(reinterpret_cast<const char*>(next + line), _MM_HINT_T1);
        one(p, j);
      }
    }
}

template <class PackA, class PackB, class Out>
struct Multiply {
  const Product& s;
  const Plan plan;
  const PackA& pack_a;
  const PackB& pack_b;
  const Out& out;
  float* shared_a = nullptr;  // [batch][k block][row tile], each in a_floats()
  float* shared_b = nullptr;  // [batch][k block][packed_n]
  float* partial = nullptr;   // [slice][batch][M][N]
  float* prepared = nullptr;  // stands for shared_b, and is full

  int64_t blocks_k() const { return ceil_div(s.K, plan.block_k); }
  int64_t a_floats() const { return round_up(plan.tile_m * plan.block_k + 64, 16); }
  int64_t shared_b_floats() const { return round_up(s.batch * s.K * plan.packed_n, 16); }
  int64_t b_floats() const { return round_up(kBlockN * plan.block_k, 16); }

  // f(batch, first of K, length in K, i) for i < n.
  template <class F>
  void for_blocks_of_k(int64_t n, const F& f) const {
    parallel_for(s.batch * blocks_k() * n, [&](int64_t i) {
      const int64_t k0 = i / n % blocks_k() * plan.block_k;
      f(i / n / blocks_k(), k0, least(plan.block_k, s.K - k0), i % n);
    });
  }
  void pack_shared_a() const {
    for_blocks_of_k(plan.tiles_m, [&](int64_t batch, int64_t k0, int64_t k, int64_t tm) {
      pack_tile(a_at(batch, k0, tm), batch, tm, k0, k);
    });
  }
  void pack_tile(float* a, int64_t batch, int64_t tm, int64_t k0, int64_t k) const {
    const int64_t m0 = tm * plan.tile_m, m = least(plan.tile_m, s.M - m0);
    const Panels panels(m);
    const int64_t tall = panels.first(panels.tall);
    pack_a.pack(a, batch, m0, tall, k0, k, panels.rows);
    if (tall < m) pack_a.pack(a + tall * k, batch, m0 + tall, m - tall, k0, k, panels.rows - 1);
  }
  void pack_shared_b() const {
    // Long strips read memory best, and there must be enough of them for everyone.
    int64_t columns = kBlockN;
    while (columns > 2 * kPanel && s.batch * blocks_k() * ceil_div(s.N, columns) < kPieces) columns /= 2;
    for_blocks_of_k(ceil_div(s.N, columns), [&](int64_t batch, int64_t k0, int64_t k, int64_t i) {
      const int64_t n0 = i * columns;
      pack_b.pack(b_at(batch, k0, k, n0), batch, n0, least(columns, s.N - n0), k0, k);
    });
  }
  float* a_at(int64_t batch, int64_t k0, int64_t tm) const {
    return shared_a + ((batch * blocks_k() + k0 / plan.block_k) * plan.tiles_m + tm) * a_floats();
  }
  float* b_at(int64_t batch, int64_t k0, int64_t k, int64_t n0) const {
    return shared_b + (batch * s.K + k0) * plan.packed_n + n0 * k;
  }

  struct Range {
    int64_t begin, end;
  };
  // The share of one slice of K and some columns in one tile of rows.
  struct Piece {
    int64_t batch, slice;
    Range k, n;
  };

  void piece(int64_t index, float* a_own, float* b_own) const {
    const int64_t tn = index % plan.tiles_n, rest = index / plan.tiles_n, slice = rest % plan.slices;
    const int64_t row_pieces = plan.share_a ? 1 : plan.tiles_m, tm = rest / plan.slices % row_pieces;
    const Piece p{rest / plan.slices / row_pieces,
                  slice,
                  {slice * plan.slice_k, least(s.K, (slice + 1) * plan.slice_k)},
                  {plan.first_column(tn), least(s.N, plan.first_column(tn + 1))}};
    if (plan.share_a)
      columns(p, b_own);
    else
      tile(p, tm, a_own, b_own);
  }

  // One tile of rows: A is packed once a block of K, B too unless it is shared.
  void tile(const Piece& p, int64_t tm, float* a, float* b_own) const {
    float* rows[kBlockM];
    find_rows(p, tm, rows);
    for (int64_t k0 = p.k.begin; k0 < p.k.end; k0 += plan.block_k) {
      const int64_t k = least(plan.block_k, p.k.end - k0);
      pack_tile(a, p.batch, tm, k0, k);
      for (int64_t n0 = p.n.begin; n0 < p.n.end; n0 += kBlockN) {
        const int64_t n = least(kBlockN, p.n.end - n0);
        if (!plan.share_b) pack_b.pack(b_own, p.batch, n0, n, k0, k);
        block(p, rows, tm, {k0, k0 + k}, {n0, n0 + n}, a, plan.share_b ? b_at(p.batch, k0, k, n0) : b_own);
      }
    }
  }

  // All rows, from the shared A: B is packed once.
  void columns(const Piece& p, float* b) const {
    for (int64_t n0 = p.n.begin; n0 < p.n.end; n0 += kBlockN) {
      const int64_t n = least(kBlockN, p.n.end - n0);
      for (int64_t k0 = p.k.begin; k0 < p.k.end; k0 += plan.block_k) {
        const int64_t k = least(plan.block_k, p.k.end - k0);
        pack_b.pack(b, p.batch, n0, n, k0, k);
        const Source later = k0 + k < p.k.end ? source_b(p, n0, k0 + k) : source_b(p, n0 + n, p.k.begin);
        for (int64_t tm = 0; tm < plan.tiles_m; ++tm) {
          float* rows[kBlockM];
          find_rows(p, tm, rows);
          block(p, rows, tm, {k0, k0 + k}, {n0, n0 + n}, a_at(p.batch, k0, tm), b,
                tm == plan.tiles_m - 1 ? later : Source{});
        }
      }
    }
  }
  Source source_b(const Piece& p, int64_t n0, int64_t k0) const {
    if constexpr (kWidth == 8 && Stored<PackB>)
      if (n0 < p.n.end)
        return pack_b.source(p.batch, n0, least(kBlockN, p.n.end - n0), k0,
                             least(plan.block_k, p.k.end - k0));
    return {};
  }

  void find_rows(const Piece& p, int64_t tm, float** rows) const {
    const int64_t m0 = tm * plan.tile_m;
    for (int64_t i = 0; i < least(plan.tile_m, s.M - m0); ++i)
      rows[i] = plan.slices == 1 ? out.row(p.batch, m0 + i)
                                 : partial + ((p.slice * s.batch + p.batch) * s.M + m0 + i) * s.N;
  }

  void block(const Piece& p, float* const* rows, int64_t tm, Range k, Range n, const float* a, const float* b,
             const Source& later = {}) const {
    const bool whole = plan.slices == 1, first = k.begin == p.k.begin;
    block_product(rows, n.begin, a, b, least(plan.tile_m, s.M - tm * plan.tile_m), n.end - n.begin,
                  k.end - k.begin, whole ? s.alpha : 1, first ? (whole ? s.beta : 0) : 1, later,
                  plan.share_b);
  }

  // C = alpha (partial_0 + partial_1 + ...) + beta C
  void add_slices() const {
    parallel_for(s.batch * s.M, [&](int64_t i) {
      float* y = out.row(i / s.M, i % s.M);
      const float* x = partial + i * s.N;
      const int64_t step = s.batch * s.M * s.N;
      auto sum = [&](int64_t j, auto... mask) __attribute__((always_inline)) {
        Vec acc = vec_load(x + j, mask...);
        for (int64_t t = 1; t < plan.slices; ++t) acc = vec_add(acc, vec_load(x + t * step + j, mask...));
        acc = vec_mul(acc, vec_set(s.alpha));
        if (s.beta != 0) acc = vec_fma(vec_set(s.beta), vec_load(y + j, mask...), acc);
        vec_store(y + j, acc, mask...);
      };
      int64_t j = 0;
      for (; j + kWidth <= s.N; j += kWidth) sum(j);
      if (j < s.N) sum(j, first_lanes(static_cast<int>(s.N - j)));
    });
  }

  void run() {
    const int64_t pieces = s.batch * (plan.share_a ? 1 : plan.tiles_m) * plan.slices * plan.tiles_n;
    const int64_t workers = least(pieces, threads());
    const int64_t own_a = plan.share_a ? 0 : a_floats(), own_b = plan.share_b ? 0 : b_floats();
    const int64_t all_a = plan.share_a ? s.batch * blocks_k() * plan.tiles_m * a_floats() : 0;
    const int64_t all_b = plan.share_b && !prepared ? shared_b_floats() : 0;
    const int64_t partials = plan.slices > 1 ? plan.slices * s.batch * s.M * s.N : 0;
    Scratch<float> memory(static_cast<size_t>(workers * (own_a + own_b) + all_a + all_b + partials));
    shared_a = memory.get() + workers * (own_a + own_b), shared_b = shared_a + all_a,
    partial = shared_b + all_b;
    if (prepared) shared_b = prepared;
    if (plan.share_a) pack_shared_a();
    if (plan.share_b && !prepared) pack_shared_b();
    for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
      float* own = memory.get() + worker * (own_a + own_b);
      piece(i, own, own + own_a);
    });
    if (plan.slices > 1) add_slices();
  }
};

// The right operand packed once for many products with it: its floats, and the packing.
inline int64_t packed_b_floats(const Product& s) {
  return round_up(s.batch * s.K * make_plan(s, true, true).packed_n, 16);
}
template <class PackB>
void pack_b_once(float* packed, const Product& s, const PackB& b) {
  struct Nothing {
  } none;
  Multiply<Nothing, PackB, Nothing> m{s, make_plan(s, true, true), none, b, none};
  m.shared_b = packed;
  m.pack_shared_b();
}

// packed: what pack_b_once made of b, or null.
template <class PackA, class PackB, class Out>
void multiply(const Product& s, const PackA& a, const PackB& b, const Out& out,
              const float* packed = nullptr) {
  if (s.M <= 0 || s.N <= 0 || s.batch <= 0) return;
  if (s.K <= 0) {
    return parallel_ranges(s.batch * s.M, 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* y = out.row(i / s.M, i % s.M);
        for (int64_t j = 0; j < s.N; ++j) y[j] = s.beta == 0 ? 0 : s.beta * y[j];
      }
    });
  }
  Multiply<PackA, PackB, Out> m{s, make_plan(s, PackB::kShare, packed), a, b, out};
  m.prepared = const_cast<float*>(packed);  // only read
  m.run();
}

// --- packers of stored matrices: element (i, k) of op at x[i ld + k] (rows), or at x[k ld + i] (columns) ---

// Panels of `panel` from pointers to rows: dst[panel][k][panel], rows beyond n are zero.
template <class Row>
FR_INLINE void pack_rows(float* dst, int64_t n, int64_t k, int panel, const Row& row) {
  const float* rows[kWidth];
  for (int i = 0; i < kWidth; ++i) rows[i] = i < panel && i < n ? row(i) : kZeros;
  transpose_rows(dst, panel, rows, k);
}

// f(begin, end) for strips of a few rows of a stored matrix: read across, they are a few streams from memory.
constexpr int64_t kStrip = 8;
template <class F>
FR_INLINE void for_strips(int64_t rows, const F& f) {
  for (int64_t i = 0; i < rows; i += kStrip) f(i, least(rows, i + kStrip));
}

struct MatrixA {
  const float* x;
  int64_t ld, step;
  bool transposed;  // stored (K, M)

  void pack(float* dst, int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, int panel) const {
    const float* p = x + batch * step;
    if (transposed) return copy_columns(dst, p + k0 * ld + m0, m, k, panel);
    for (int64_t i = 0; i < m; i += panel, dst += panel * k) {
      const float* first = p + (m0 + i) * ld + k0;
      pack_rows(dst, least(panel, m - i), k, panel, [&](int64_t r) { return first + r * ld; });
    }
  }
  void copy_columns(float* dst, const float* src, int64_t m, int64_t k, int panel) const {
    const Mask whole = first_lanes(panel);
    for_strips(k, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < m; i += panel) {
        const Mask mask = first_lanes(static_cast<int>(least(panel, m - i)));
        float* y = dst + i * k;
        for (int64_t j = begin; j < end; ++j) {
          const Vec row = vec_load(src + j * ld + i, mask);
          _mm_prefetch(reinterpret_cast<const char*>(src + (j + kStrip) * ld + i),
                       _MM_HINT_T0);  // the next strip
          if (j + 1 < k)
            vec_store(y + j * panel, row);  // spills into the next column, which comes after
          else
            vec_store(y + j * panel, row, whole);
        }
      }
    });
  }
};

struct MatrixB {
  static constexpr bool kShare = true;
  const float* x;
  int64_t ld, step;
  bool transposed;  // stored (N, K)

  void pack(float* dst, int64_t batch, int64_t n0, int64_t n, int64_t k0, int64_t k) const {
    const float* p = x + batch * step;
    if (!transposed) return copy_columns(dst, p + k0 * ld + n0, n, k);
    for (int64_t j = 0; j < n; j += kPanel, dst += kPanel * k)
      from_rows(dst, p + (n0 + j) * ld + k0, least(kPanel, n - j), k);
  }
  Source source(int64_t batch, int64_t n0, int64_t n, int64_t k0, int64_t k) const {
    const float* p = x + batch * step + (transposed ? n0 * ld + k0 : k0 * ld + n0);
    return {reinterpret_cast<const char*>(p), 4 * ld, 4 * (transposed ? k : n), transposed ? n : k};
  }
  void from_rows(float* dst, const float* src, int64_t columns, int64_t k) const {
    const int64_t width = packed_columns(columns);
    for (int64_t v = 0; v < width; v += kWidth) {
      const float* rows[kWidth];
      for (int i = 0; i < kWidth; ++i) rows[i] = v + i < columns ? src + (v + i) * ld : kZeros;
      transpose_rows(dst + v, width, rows, k);
    }
  }
  void copy_columns(float* dst, const float* src, int64_t n, int64_t k) const {
    for_strips(k, [&](int64_t begin, int64_t end) {
      for (int64_t j = 0; j < n; j += kPanel) {
        const int64_t columns = least(kPanel, n - j), width = packed_columns(columns);
        const Mask first = first_lanes(static_cast<int>(least(kWidth, columns))),
                   second = first_lanes(static_cast<int>(most(0, columns - kWidth)));
        float* y = dst + j * k;
        for (int64_t i = begin; i < end; ++i) {
          const float* row = src + i * ld + j;
          for (int t = 0; t < kPanel; t += 16)  // the next strip, a cache line at a time
            _mm_prefetch(reinterpret_cast<const char*>(row + kStrip * ld + t), _MM_HINT_T0);
          if (columns == kPanel) {
            vec_store(y + i * width, vec_load(row));
            vec_store(y + i * width + kWidth, vec_load(row + kWidth));
          } else {
            vec_store(y + i * width, vec_load(row, first));
            if (width > kWidth) vec_store(y + i * width + kWidth, vec_load(row + kWidth, second));
          }
        }
      }
    });
  }
};

struct MatrixC {
  float* x;
  int64_t ld, step;
  float* row(int64_t batch, int64_t m) const { return x + batch * step + m * ld; }
};

}  // namespace
}  // namespace fr::FR_ISA
