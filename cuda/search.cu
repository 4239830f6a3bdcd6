// The k nearest of a gallery to each query, by inner product, in float.
//   The gallery goes by in chunks: one kernel writes the scores of a chunk (a product of matrices), another picks from them
//   the k best of each query together with those of the chunks before. A score and its row are one 64-bit key, made so
//   that the larger key is the better place: keys are never equal, and any order of the work gives the same answer.
#include "base/error.h"
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

// Scores of a chunk (64 MiB), queries that share a pass over the gallery, and scores worth a block of their own.
#ifdef PROSOPON_EMULATED  // small, so that the tests need several chunks and several groups of queries
constexpr int64_t kScores = 64 << 10, kQueries = 512, kPart = 512;
#else
constexpr int64_t kScores = 16 << 20, kQueries = 2048, kPart = 8192;
#endif

// Scores s (Q,n) of q (Q,D) and of the n rows of g, rows of s `ld` apart, a multiple of 4.
template <class T>
struct Product {
  float* s;
  const T *q, *g;
  int64_t Q, n, D, ld;
};

// 4 values of row `row` from d on, zeros outside (rows, D). pack 4: D and the places allow to take them at once.
template <int pack, class T>
FR_DEVICE Pack<float, 4> take(const T* x, int64_t row, int64_t rows, int64_t d, int64_t D) {
  Pack<float, 4> to{};
  if (row >= rows || d >= D) return to;
  if constexpr (pack == 4) {
    const Pack<T, 4> from = load<T, 4>(x + row * D + d);
    for (int i = 0; i < 4; ++i) to.v[i] = float(from.v[i]);
  } else {
    for (int i = 0; i < 4 && d + i < D; ++i) to.v[i] = float(x[row * D + d + i]);
  }
  return to;
}

// --- few queries: bound by reading the gallery ---

constexpr int kFewThreads = 128, kFewRows = 4;
constexpr int64_t kFew =
    16;  // queries; from there on the tiles below take less time than passes of 4 queries

// The sums of n <= 32 values over the warp: lane i receives that of v[i / (32 / n)]. Each step halves the values and the
// lanes that share one, so 16 values take 16 shuffles.
template <int n>
FR_DEVICE float warp_sums(float (&v)[n]) {
  int bit = kWarp / 2;
  for (int half = n / 2; half > 0; half /= 2, bit /= 2)
    for (int i = 0; i < half; ++i) {
      const bool upper = lane() & bit;
      const float kept = upper ? v[i + half] : v[i];
      v[i] = kept + shuffle_xor(upper ? v[i] : v[i + half], bit);
    }
  for (; bit > 0; bit /= 2) v[0] += shuffle_xor(v[0], bit);
  return v[0];
}

// One warp per 4 rows of the gallery, lanes stride over d; block y takes `queries` queries. A warp has 4 loads of the
// gallery in flight and uses what it reads of the queries, which lie in the first cache, for 4 rows.
template <class T, int pack, int queries>
FR_KERNEL(kFewThreads, 6)
few_kernel(Product<T> p) {
  const int64_t q0 = block_y() * queries, step = blocks_x() * (kFewThreads / kWarp) * kFewRows;
  for (int64_t n = (block_x() * (kFewThreads / kWarp) + warp()) * kFewRows; n < p.n; n += step) {
    float sum[queries * kFewRows] = {};
    for (int64_t d = lane() * 4; d < p.D; d += kWarp * 4) {
      Pack<float, 4> g[kFewRows];
      for (int r = 0; r < kFewRows; ++r) g[r] = take<pack>(p.g, n + r, p.n, d, p.D);
      for (int i = 0; i < queries; ++i) {
        const Pack<float, 4> q = take<pack>(p.q, q0 + i, p.Q, d, p.D);
        for (int r = 0; r < kFewRows; ++r)
          for (int j = 0; j < 4; ++j) sum[i * kFewRows + r] += q.v[j] * g[r].v[j];
      }
    }
    constexpr int kShare = kWarp / (queries * kFewRows);  // lanes that end with the same sum
    const float total = warp_sums(sum);
    const int64_t q = q0 + lane() / kShare / kFewRows, row = n + lane() / kShare % kFewRows;
    if (lane() % kShare == 0 && q < p.Q && row < p.n) p.s[q * p.ld + row] = total;
  }
}

// --- many queries: bound by arithmetic ---

constexpr int kTileThreads = 256, kTileRows = 128, kTileQueries = 64, kTileDepth = 16;
constexpr int kRowsStride = kTileRows + 4, kQueriesStride = kTileQueries + 4;  // of shared memory, per d
constexpr int kTileFloats = kTileDepth * (kRowsStride + kQueriesStride);

// What a thread carries from global to shared memory: 4 values of d of two rows and of one query.
struct Carried {
  Pack<float, 4> rows[2], queries;
};
template <int pack, class T>
FR_DEVICE Carried carry(const Product<T>& p, int64_t n0, int64_t q0, int64_t d0) {
  const int row = thread() / 4;
  const int64_t d = d0 + thread() % 4 * 4;
  return {{take<pack>(p.g, n0 + row, p.n, d, p.D), take<pack>(p.g, n0 + row + 64, p.n, d, p.D)},
          take<pack>(p.q, q0 + row, p.Q, d, p.D)};
}
FR_DEVICE void put(float* tile, const Carried& c) {
  const int row = thread() / 4, d = thread() % 4 * 4;
  float* queries = tile + kTileDepth * kRowsStride;
  for (int i = 0; i < 4; ++i) {
    tile[(d + i) * kRowsStride + row] = c.rows[0].v[i];
    tile[(d + i) * kRowsStride + row + 64] = c.rows[1].v[i];
    queries[(d + i) * kQueriesStride + row] = c.queries.v[i];
  }
}
FR_DEVICE void multiply(float (&sum)[4][8], const float* tile) {
  const int row = thread() % 16 * 4, query = thread() / 16 * 4;
  const float* queries = tile + kTileDepth * kRowsStride;
  for (int d = 0; d < kTileDepth; ++d) {
    const Pack<float, 4> low = load<float, 4>(tile + d * kRowsStride + row),
                         high = load<float, 4>(tile + d * kRowsStride + row + 64),
                         q = load<float, 4>(queries + d * kQueriesStride + query);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) sum[i][j] += q.v[i] * low.v[j], sum[i][j + 4] += q.v[i] * high.v[j];
  }
}
FR_DEVICE void put_scores(float* s, int64_t n, int64_t end, const float* sum) {
  if (n + 4 <= end) return store<float, 4>(s + n, {sum[0], sum[1], sum[2], sum[3]});
  for (int j = 0; j < 4 && n + j < end; ++j) s[n + j] = sum[j];
}

// One block per 128 rows of the gallery and 64 queries, one thread per 4 + 4 rows and 4 queries: 3 reads of 16 bytes from
// shared memory serve 32 multiplications. While one step of 16 d is multiplied the next is on its way.
template <class T, int pack>
FR_KERNEL(kTileThreads)
tile_kernel(Product<T> p) {
  const int64_t n0 = block_x() * kTileRows, q0 = block_y() * kTileQueries;
  float* tiles = shared<float>();
  float sum[4][8] = {};
  put(tiles, carry<pack>(p, n0, q0, 0));
  sync();
  for (int64_t d = 0, turn = 0; d < p.D; d += kTileDepth, turn ^= 1) {
    const Carried next = carry<pack>(p, n0, q0, d + kTileDepth);
    multiply(sum, tiles + turn * kTileFloats);
    put(tiles + (turn ^ 1) * kTileFloats, next);
    sync();
  }
  for (int i = 0; i < 4; ++i) {
    const int64_t query = q0 + thread() / 16 * 4 + i, n = n0 + thread() % 16 * 4;
    if (query >= p.Q) break;
    put_scores(p.s + query * p.ld, n, p.n, sum[i]);
    put_scores(p.s + query * p.ld, n + 64, p.n, sum[i] + 4);
  }
}

template <class T, int pack>
void multiply(const Product<T>& p) {
  if (p.Q > kFew) {
    launch({divide_up(p.n, kTileRows), divide_up(p.Q, kTileQueries)}, kTileThreads,
           2 * kTileFloats * sizeof(float), tile_kernel<T, pack>, p);
    return;
  }
  const int64_t blocks = grid_for(divide_up(p.n, kFewThreads / kWarp * kFewRows)).x;
  if (p.Q == 1)
    launch({blocks}, kFewThreads, 0, few_kernel<T, pack, 1>, p);
  else
    launch({blocks, divide_up(p.Q, 4)}, kFewThreads, 0, few_kernel<T, pack, 4>, p);
}

// --- the best of them ---

// Keys: the upper half grows with the score, above 1 for a NaN; the lower falls with the row. 0: nothing there.
FR_DEVICE uint64_t key_of(float score, int64_t row) {
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 is 0
  uint32_t place = bits >> 31 ? ~bits : bits | 0x80000000u;
  if (score != score) place = 1;
  return uint64_t(place) << 32 | uint32_t(~uint32_t(row));
}
FR_DEVICE float score_of(uint64_t key) {
  const auto place = uint32_t(key >> 32);
  if (place == 1) return NAN;
  return std::bit_cast<float>(place >> 31 ? place & 0x7fffffffu : ~place);
}

// Sorts keys[0..size), size a power of two, largest first (Batcher's bitonic sort). Barriers before and after.
FR_DEVICE void sort(uint64_t* keys, int size) {
  for (int width = 2; width <= size; width *= 2)
    for (int gap = width / 2; gap > 0; gap /= 2) {
      sync();
      for (int i = thread(); i < size / 2; i += threads()) {
        const int a = (i & -gap) * 2 + (i & (gap - 1)), b = a + gap;
        const uint64_t key_a = keys[a], key_b = keys[b];
        if ((key_a < key_b) == ((a & width) == 0)) keys[a] = key_b, keys[b] = key_a;
      }
    }
  sync();
}
FR_DEVICE void sort_padded(uint64_t* keys, int held) {
  int size = 2;
  while (size < held) size *= 2;
  for (int i = held + thread(); i < size; i += threads()) keys[i] = 0;
  sort(keys, size);
}

// The sum of `mine` over the threads before this one, and over all; `scratch`: one int a warp. One barrier.
struct Counted {
  int before, all;
};
FR_DEVICE Counted count(int mine, int* scratch) {
  int upto = mine;
  for (int step = 1; step < kWarp; step *= 2) {
    const int other = shuffle(upto, lane() - step);
    if (lane() >= step) upto += other;
  }
  if (lane() == kWarp - 1) scratch[warp()] = upto;
  sync();
  Counted c{upto - mine, 0};
  for (int w = 0; w < threads() / kWarp; ++w) {
    if (w < warp()) c.before += scratch[w];
    c.all += scratch[w];
  }
  return c;
}

constexpr int kSelectThreads = 512, kPerThread = 4;
constexpr size_t kScratchBytes = 2 * kSelectThreads / kWarp * sizeof(int);

// From the scores or keys (Q,n) of each query, in `parts` of `width`, the k best of each part. Room is for the keys that a
// block holds: a power of two, at least 2 k and a round of its threads.
struct Selection {
  uint64_t* best;         // (Q,parts,k) keys, best first
  const uint64_t* known;  // (Q,k) what the first part starts with, in order; may be `best`; null: nothing
  const uint64_t* keys;   // rows ld apart; null: the scores
  const float* scores;    // rows ld apart
  int64_t Q, n, ld, first_row, parts, width;
  int k, room;
  uint64_t* spill;  // room for every block; null: it is in shared memory
};
FR_DEVICE uint64_t candidate(const Selection& s, int64_t query, int64_t i) {
  return s.keys ? s.keys[query * s.ld + i] : key_of(s.scores[query * s.ld + i], s.first_row + i);
}

// Appends the candidates [begin, end) that beat the k-th best to keys[held..), threads stride over them; sorts when room
// ends.
FR_DEVICE int gather(uint64_t* keys, const Selection& s, int64_t query, int64_t begin, int64_t end,
                     int* scratch) {
  const int round = threads() * kPerThread;
  int held = s.k, turn = 0;
  while (begin < end) {
    if (s.room - held < round / 2 && s.room - held < end - begin) {
      sort_padded(keys, held);
      held = s.k;
    }
    const int taken = int(min<int64_t>(min(round, s.room - held), end - begin));
    const uint64_t bar = keys[s.k - 1];
    uint64_t mine[kPerThread];
    int passed = 0;
    for (int j = 0; j < kPerThread; ++j) {
      const int i = j * threads() + thread();
      mine[j] = i < taken ? candidate(s, query, begin + i) : 0;
      passed += mine[j] > bar;
    }
    const Counted c = count(passed, scratch + turn * (kSelectThreads / kWarp));
    int to = held + c.before;
    for (const uint64_t key : mine)
      if (key > bar) keys[to++] = key;
    held += c.all, begin += taken, turn ^= 1;
  }
  return held;
}

// One block per part of a query. Once k scores are known few others pass, so the work is to read the scores once; a sort
// runs when the room is full, and once at the end.
FR_KERNEL(kSelectThreads)
select_kernel(Selection s) {
  uint64_t* keys = s.spill ? s.spill + block_x() * s.room : shared<uint64_t>(kScratchBytes);
  for (int64_t i = block_x(); i < s.Q * s.parts; i += blocks_x()) {
    const int64_t query = i / s.parts, part = i % s.parts;
    const bool starts = part > 0 || !s.known;
    for (int j = thread(); j < s.k; j += threads()) keys[j] = starts ? 0 : s.known[query * s.k + j];
    sync();
    const int held = gather(keys, s, query, part * s.width, min((part + 1) * s.width, s.n), shared<int>());
    if (held > s.k) sort_padded(keys, held);
    for (int j = thread(); j < s.k; j += threads()) s.best[i * s.k + j] = keys[j];
    sync();
  }
}

// one thread per place of the result; of k places a query the first `found` have a key
FR_KERNEL(kSelectThreads)
write_kernel(int64_t* index, float* score, const uint64_t* best, int64_t Q, int64_t k, int64_t found) {
  for (int64_t i = block_x() * threads() + thread(); i < Q * k; i += blocks_x() * threads()) {
    const int64_t q = i / k, j = i % k;
    const uint64_t key = j < found ? best[q * found + j] : 0;
    index[i] = key ? int64_t(uint32_t(~uint32_t(key))) : -1;
    score[i] = key ? score_of(key) : -INFINITY;
  }
}

void launch_select(Selection s) {
  constexpr int kShared = 4096;        // keys: 32 KiB
  constexpr int64_t kSpill = 8 << 20;  // keys of all blocks: 64 MiB
  const int threads = s.width > 1024 ? kSelectThreads : s.width > 128 ? 128 : kWarp;
  s.room = threads * kPerThread;
  while (s.room < 2 * s.k) s.room *= 2;
  const bool spills = s.room > kShared;
  const Grid grid = grid_for(s.Q * s.parts, spills ? max<int64_t>(kSpill / s.room, 1) : 132 * 16);
  const Workspace<uint64_t> spill(spills ? grid.x * s.room : 1);
  if (spills) s.spill = spill.get();
  launch(grid, threads, kScratchBytes + (spills ? 0 : size_t(s.room) * sizeof(uint64_t)), select_kernel, s);
}

// best (Q,k) with the scores (Q,n) of the rows from first_row on. Few queries are cut into parts, so that the card is busy.
void select(uint64_t* best, const float* scores, int64_t Q, int64_t n, int64_t ld, int64_t first_row, int k) {
  const int64_t parts = max<int64_t>(min(2 * 132 / Q, n / max<int64_t>(kPart, 8 * k)), 1);
  Selection s{};
  s.best = best, s.known = first_row ? best : nullptr, s.scores = scores;
  s.Q = Q, s.n = n, s.ld = ld, s.first_row = first_row, s.parts = parts, s.width = divide_up(n, parts),
  s.k = k;
  if (parts == 1) return launch_select(s);
  const Workspace<uint64_t> of_parts(Q * parts * k);
  s.best = of_parts.get();
  launch_select(s);
  s.best = best, s.known = nullptr, s.keys = of_parts.get();
  s.n = s.ld = s.width = parts * k, s.parts = 1;
  launch_select(s);
}

// All of the gallery for the queries of one group.
template <class T>
void search(int64_t* index, float* score, const T* q, const T* g, int64_t Q, int64_t N, int64_t D,
            int64_t k) {
  const int64_t found = min(k, N), rows = min(N, max<int64_t>(kScores / Q / 4 * 4, 4)),
                ld = divide_up(rows, 4) * 4;
  const Workspace<float> scores(Q * ld);
  const Workspace<uint64_t> best(Q * found);
  for (int64_t n = 0; n < N; n += rows) {
    const Product<T> p{scores.get(), q, g + n * D, Q, min(rows, N - n), D, ld};
    packs_fit<4>(D, q, g) ? multiply<T, 4>(p) : multiply<T, 1>(p);
    select(best.get(), scores.get(), Q, p.n, ld, n, int(found));
  }
  launch(grid_for(divide_up(Q * k, kSelectThreads)), kSelectThreads, 0, write_kernel, index, score,
         best.get(), Q, k, found);
}

template <class T>
void top_k(int64_t* index, float* score, const T* q, const T* g, int64_t Q, int64_t N, int64_t D, int64_t k) {
  FR_CHECK(N < 0xffffffff && min(k, N) <= 1 << 28,
           "top_k on the card: at most 2^32 - 2 rows and 2^28 places, got ", N, " and ", k);
  if (k == 0) return;
  for (int64_t i = 0; i < Q; i += kQueries)
    search(index + i * k, score + i * k, q + i * D, g, min(kQueries, Q - i), N, D, k);
}

}  // namespace

template <class T>
void install_search(Kernels<T>& k) {
  k.top_k = top_k<T>;
}

template void install_search(Kernels<float>&);
template void install_search(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
