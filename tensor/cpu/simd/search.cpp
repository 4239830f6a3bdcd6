// Exact nearest neighbours by inner product. The gallery is cut into blocks; a worker keeps the best rows over the blocks
// it takes, and the workers' lists are merged at the end. What is kept are the first k of a total order (score, then
// row), and the order in which a score is summed depends on Q alone: the result is the same however the blocks fall.
//   up to 4 queries   dot products with lanes along d; limited by reading the gallery once from memory
//   more              tiles of search_tile.h; limited by the FMA ports. A block of the gallery and a group of queries
//                     fit L2 together; while they are multiplied, the next block is fetched.
#include "tensor/cpu/simd/search_tile.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kFew = 4;          // up to so many queries are dot products
constexpr int64_t kChunk = 1024;     // queries searched at once: 2 MiB of L3 for D = 512
constexpr int64_t kLists = 1 << 20;  // places in the lists of a chunk, per worker
constexpr int64_t kBlock = 1 << 15;  // floats of the gallery in a block: 128 KiB of L2
constexpr int64_t kGroup = 1 << 16;  // floats of the queries in a group of panels: 256 KiB of L2
constexpr int64_t kWork = 1 << 20;   // gallery floats x panels per thread: 0.2 ms; waking one takes up to 0.1

struct Gallery {
  const float* x;  // (N,D)
  int64_t N, D;

  const float* row(int64_t n) const { return x + n * D; }
  int64_t block_rows() const { return round_up(most(1, kBlock / most(D, 1)), kRows); }
  int64_t blocks() const { return ceil_div(N, block_rows()); }
};

struct Range {
  int64_t begin, end;
};

// --- few queries ---

// s[r B + b] = <row r of g, query b>. Prefetches `ahead` floats ahead.
template <int R, int B>
FR_VEC void dots(float* s, const float* g, const float* q, int64_t D, int64_t ahead) {
  Vec sum[R][B];
  unroll<R>(FR_LAMBDA(r) { unroll<B>(FR_LAMBDA(b) { sum[r.value][b.value] = Vec::set(0); }); });
  const auto step = [&](int64_t d, auto lanes) __attribute__((always_inline)) {
    unroll<R>(FR_LAMBDA(r) {
      const float* p = g + r.value * D + d;
      const Vec x = Vec::load(p, lanes);
      _mm_prefetch(reinterpret_cast<const char*>(p + ahead), _MM_HINT_T0);
      unroll<B>(FR_LAMBDA(b) {
        sum[r.value][b.value] = fma(x, Vec::load(q + b.value * D + d, lanes), sum[r.value][b.value]);
      });
    });
  };
  for_vectors(D, step);
  unroll<R>(FR_LAMBDA(r) {
    unroll<B>(FR_LAMBDA(b) { s[r.value * B + b.value] = sum_lanes(sum[r.value][b.value]); });
  });
}

template <int B>
void scan(const Kept& kept, const Gallery& g, const float* q, Range rows) {
  constexpr int R = 4;
  float s[R * B];
  const auto admit_rows = [&](int64_t n, int64_t count) {
    for (int64_t i = 0; i < count * B; ++i)
      if (!(s[i] <= kept.threshold[i % B])) kept.offer(i % B, s[i], n + i / B);
  };
  int64_t n = rows.begin;
  for (; n + R <= rows.end; n += R) dots<R, B>(s, g.row(n), q, g.D, 2 * R * g.D), admit_rows(n, R);
  for (; n < rows.end; ++n) dots<1, B>(s, g.row(n), q, g.D, 0), admit_rows(n, 1);
}

void scan_few(const Kept& kept, const Gallery& g, const float* q, int64_t Q, Range rows) {
  switch (Q) {
    case 1:
      return scan<1>(kept, g, q, rows);
    case 2:
      return scan<2>(kept, g, q, rows);
    case 3:
      return scan<3>(kept, g, q, rows);
    default:
      return scan<4>(kept, g, q, rows);
  }
}

// --- many queries ---

// Panels of queries [panel][d][kPanel], 0 beyond Q.
void pack_queries(float* dst, const float* q, int64_t Q, int64_t D) {
  parallel_ranges(ceil_div(Q, kPanel), rows_per_piece(kPanel * D), [&](int64_t begin, int64_t end) {
    for (int64_t first = begin * kPanel; first < end * kPanel; first += kPanel) {
      float* y = dst + first * D;
      for (int64_t d = 0; d < D; ++d)
        for (int64_t i = first; i < first + kPanel; ++i) *y++ = i < Q ? q[i * D + d] : 0;
    }
  });
}

// Copies rows to dst, `stride` apart, and fills up with 0 to whole tiles.
void copy_rows(float* dst, const Gallery& g, Range rows, int64_t stride) {
  for (int64_t n = rows.begin; n < rows.begin + round_up(rows.end - rows.begin, kRows); ++n, dst += stride)
    for_vectors(g.D, [&](int64_t d, auto lanes) {
      (n < rows.end ? Vec::load(g.row(n) + d, lanes) : Vec::set(0)).store(dst + d, lanes);
    });
}

// A block of the gallery with some panels of queries. Meanwhile the rows from `next` on are fetched. A block is copied
// when its last tile is not whole, or when more than 8 rows of a tile are 4 KiB apart: these have one place of 8 lines
// in L1 and would push each other out.
void scan_many(const Kept& kept, const Gallery& g, const float* packed, int64_t Q, Range panels, Range rows,
               int64_t next) {
  const int64_t count = rows.end - rows.begin;
  const bool copy = count % kRows != 0 || (kRows > 8 && g.D % 1024 == 0);
  const int64_t stride = copy ? g.D + 16 : g.D, lines = ceil_div(kRows, panels.end - panels.begin);
  const Scratch<float> copied(static_cast<size_t>(copy ? round_up(count, kRows) * stride : 0));
  if (copy) copy_rows(copied.get(), g, rows, stride);
  const float* x = copy ? copied.get() : g.row(rows.begin);
  for (int64_t i = panels.begin; i < panels.end; ++i) {
    const Panel panel{packed + i * kPanel * g.D, i * kPanel, least(kPanel, Q - i * kPanel)};
    const auto multiply = panel.queries > kWidth ? tile<2> : tile<1>;
    const int64_t skip = (i - panels.begin) * lines;  // each panel fetches its share of the next tile
    for (int64_t n = 0; n < count; n += kRows) {
      const auto* line = reinterpret_cast<const char*>(g.row(least(next + n, g.N)) + skip * (g.D / 16 * 16));
      multiply(kept, panel, {x + n * stride, stride, rows.begin + n, least(kRows, count - n)}, g.D,
               {line, next != rows.begin && skip < kRows ? lines : 0});
    }
  }
}

// --- both ---

// Merges the workers' heaps into the first, sorts it and writes it.
void write(int64_t* index, float* score, const Kept* kept, int64_t workers, int64_t Q, int64_t k) {
  const int64_t n = kept[0].k;
  parallel_ranges(Q, rows_per_piece(8 * k), [&](int64_t begin, int64_t end) {
    for (int64_t query = begin; query < end; ++query) {
      Entry* best = kept[0].heap_of(query);
      for (int64_t w = 1; w < workers; ++w)
        for (int64_t i = 0; i < n; ++i) {
          const Entry e = kept[w].heap_of(query)[i];
          if (e > best[0]) replace_root(best, n, e);
        }
      for (int64_t last = n - 1; last > 0; --last) {  // the least goes behind the heap that is left
        const Entry e = best[last];
        best[last] = best[0];
        replace_root(best, last, e);
      }
      for (int64_t i = 0; i < k; ++i) {
        index[query * k + i] = i < n ? row_of(best[i]) : -1;
        score[query * k + i] = i < n ? score_of(best[i]) : -__builtin_inff();
      }
    }
  });
}

// f(worker, piece, the worker's next piece). A worker takes its pieces in increasing order.
template <class F>
void for_each_piece(int64_t workers, int64_t pieces, const F& f) {
  int64_t shared = 0;
  parallel_for(workers, [&](int64_t worker) {
    const auto claim = [&] { return __atomic_fetch_add(&shared, 1, __ATOMIC_RELAXED); };
    for (int64_t piece = claim(), next; piece < pieces; piece = next) {
      next = claim();
      f(worker, piece, least(next, pieces - 1));
    }
  });
}

// Q queries at once. A piece is a block of the gallery with a group of panels, which stays in L2 from block to block.
void search(int64_t* index, float* score, const float* q, const Gallery& g, int64_t Q, int64_t k, bool few) {
  const int64_t panels = ceil_div(Q, kPanel), padded = panels * kPanel, kept_k = least(k, g.N);
  const int64_t group = most(1, kGroup / most(1, kPanel * g.D)), blocks = g.blocks();
  const int64_t pieces = blocks * ceil_div(panels, group);
  const int64_t workers = most(1, least(threads(), least(pieces, g.N * g.D * panels / kWork)));
  const Scratch<float> packed(static_cast<size_t>(few ? 0 : padded * g.D));
  const Scratch<float> thresholds(static_cast<size_t>(workers * padded));
  const Scratch<Entry> heaps(static_cast<size_t>(workers * Q * kept_k));
  const Scratch<Kept> kept(static_cast<size_t>(workers));
  for (int64_t w = 0; w < workers; ++w) {
    kept.get()[w] = {thresholds.get() + w * padded, heaps.get() + w * Q * kept_k, kept_k};
    kept.get()[w].clear(Q, padded);
  }
  if (!few) pack_queries(packed.get(), q, Q, g.D);
  for_each_piece(workers, pieces, [&](int64_t worker, int64_t piece, int64_t next) {
    const int64_t rows = g.block_rows(), begin = piece % blocks * rows, first = piece / blocks * group;
    const Range block{begin, least(g.N, begin + rows)};
    if (few)
      scan_few(kept.get()[worker], g, q, Q, block);
    else
      scan_many(kept.get()[worker], g, packed.get(), Q, {first, least(panels, first + group)}, block,
                next % blocks * rows);
  });
  write(index, score, kept.get(), workers, Q, k);
}

void top_k(int64_t* index, float* score, const float* q, const float* g, int64_t Q, int64_t N, int64_t D,
           int64_t k) {
  if (k <= 0) return;
  if (N >= UINT32_MAX) return ref_kernels<float>().top_k(index, score, q, g, Q, N, D, k);
  const int64_t chunk = most(kPanel, least(kChunk, kLists / most(1, least(k, N))) / kPanel * kPanel);
  for (int64_t first = 0; first < Q; first += chunk)
    search(index + first * k, score + first * k, q + first * D, {g, N, D}, least(chunk, Q - first), k,
           Q <= kFew);
}

}  // namespace

void install_search(Kernels<float>& k) { k.top_k = top_k; }

}  // namespace fr::FR_ISA
