// Kernels of one word each and what they must give; see test/cuda/hopper_words.h.
#include "test/cuda/hopper_words.h"

#include "cuda/hopper.h"

namespace fr::FR_GPU {
namespace {

constexpr int kDepth = 64;

template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& v) : OnDevice(v.size()) {
    copy_to_device(get(), v.data(), v.size() * sizeof(T));
  }
  explicit OnDevice(size_t n) : n_(n), memory_(int64_t(n)) {}
  T* get() const { return memory_.get(); }
  std::vector<T> download() const {
    std::vector<T> v(n_);
    copy_to_host(v.data(), get(), n_ * sizeof(T));
    return v;
  }

 private:
  size_t n_;
  Workspace<T> memory_;
};

using Failures = std::vector<std::string>;

// Whole numbers that bfloat16 holds, different at neighbouring places.
bfloat16 number(int64_t i) { return bfloat16(float((i * 37 + i / 64 * 11 + i / 4096 * 5) % 251 - 125)); }
bfloat16 small_number(int64_t i) { return bfloat16(float((i * 7 + i / 64 * 3) % 11 - 5)); }
std::vector<bfloat16> numbers(int64_t n, bfloat16 (*f)(int64_t)) {
  std::vector<bfloat16> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(f(i));
  return v;
}

// --- barriers: every warp arrives once a phase, and sees what the others wrote before they arrived ---
constexpr int kPhases = 7, kWarps = 4;
FR_KERNEL(kWarps* kWarp)
barrier_kernel(int* sums) {
  auto* const barrier = shared<Barrier>();
  auto* const values = shared<int>(64);  // of two phases
  if (thread() == 0) {
    barrier_init(barrier, kWarps);
    barriers_ready();
  }
  sync();
  barrier_wait(barrier, 1);  // of the phase before the first: has ended
  for (int phase = 0; phase < kPhases; ++phase) {
    int* const mine = values + phase % 2 * kWarps;
    warp_sync();  // no lane may fall two phases behind: their parity is the same
    if (lane() == 0) {
      mine[warp()] = (phase + 1) * (warp() + 1);
      barrier_arrive(barrier);
    }
    barrier_wait(barrier, phase % 2);
    int sum = 0;
    for (int w = 0; w < kWarps; ++w) sum += mine[w];
    sums[phase * threads() + thread()] = sum;
  }
}
void check_barriers(Failures& failures) {
  const OnDevice<int> sums(size_t{kPhases * kWarps * kWarp});
  launch({1}, kWarps * kWarp, 128, barrier_kernel, sums.get());
  const std::vector<int> got = sums.download();
  for (size_t i = 0; i < got.size(); ++i)
    if (got[i] != int(i / (kWarps * kWarp) + 1) * 10)
      return failures.push_back("barriers: thread " + std::to_string(i % (kWarps * kWarp)) + " saw " +
                                std::to_string(got[i]) + " in phase " + std::to_string(i / (kWarps * kWarp)));
}

// --- copies: shared memory as it stands after one box ---
struct From {
  int c, w, h, n, tap_w, tap_h;
};
FR_KERNEL(kGroup)
copy_kernel(FR_GRID_CONSTANT TensorMap map, bfloat16* memory, const From from, int rows, int dimensions) {
  const int bytes = rows * kRowBytes;
  auto* const barrier = shared<Barrier>(size_t(bytes));
  if (thread() == 0) {
    barrier_init(barrier, 1);
    barriers_ready();
  }
  sync();
  if (thread() == 0) {
    barrier_arrive_expecting(barrier, bytes);
    if (dimensions == 2)
      copy_matrix(shared<char>(), &map, barrier, from.c, from.h);
    else
      copy_pixels(shared<char>(), &map, barrier, from.c, from.w, from.h, from.n, from.tap_w, from.tap_h);
  }
  barrier_wait(barrier, 0);
  for (int i = thread(); i < rows * kDepth; i += kGroup) memory[i] = shared<bfloat16>()[i];
}

// Element (row, column) of the box: its place in shared memory with the 128-byte swizzle.
size_t place(int row, int column) {
  return size_t(row * kDepth + ((column / 8) ^ (row % 8)) * 8 + column % 8);
}

// want(row, column) is the element.
template <class F>
void check_box(Failures& failures, const std::string& name, const TensorMap& map, const From& from, int rows,
               int dimensions, const F& want) {
  const OnDevice<bfloat16> memory(size_t(rows) * kDepth);
  launch({1}, kGroup, size_t(rows) * kRowBytes + sizeof(Barrier), copy_kernel, map, memory.get(), from, rows,
         dimensions);
  const std::vector<bfloat16> got = memory.download();
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < kDepth; ++column)
      if (float(got[place(row, column)]) != float(want(row, column)))
        return failures.push_back(name + ": (" + std::to_string(row) + "," + std::to_string(column) +
                                  ") is " + std::to_string(float(got[place(row, column)])) + ", expected " +
                                  std::to_string(float(want(row, column))));
}

void check_matrices(Failures& failures) {
  constexpr int64_t rows = 150, columns = 192;
  const OnDevice<bfloat16> matrix(numbers(rows * columns, number));
  for (const int box : {64, 128, 256})
    for (const int row : {0, 100}) {
      const TensorMap map = map_matrix(matrix.get(), rows, columns, box);
      check_box(
          failures, "copy_matrix, box of " + std::to_string(box), map, {64, 0, row, 0, 0, 0}, box, 2,
          [&](int r, int c) { return row + r < rows ? number((row + r) * columns + 64 + c) : bfloat16(0); });
    }
}

// Box `first` of a convolution's pixels, under a tap, by the definition of the convolution.
void check_pixels_of(Failures& failures, const Conv2dShape& s, int box, int64_t first, int r, int t) {
  const OnDevice<bfloat16> map(numbers(s.N * s.H * s.W * s.C, number));
  const TensorMap walk = map_pixels(
      map.get(), {s.N, s.H, s.W, s.C, -int(s.pad_h), int(s.pad_h - s.R + 1), int(s.stride_h), box});
  const int64_t P = s.P(), Q = s.Q(), c0 = s.C - kDepth;
  const From from{int(c0),
                  int(first % Q * s.stride_w - s.pad_w),
                  int(first / Q % P * s.stride_h - s.pad_h),
                  int(first / Q / P),
                  t,
                  r};
  const std::string name = "copy_pixels, " + std::to_string(s.R) + "x" + std::to_string(s.S) + " stride " +
                           std::to_string(s.stride_h) + " on " + std::to_string(s.H) + "x" +
                           std::to_string(s.W) + ", from pixel " + std::to_string(first) + ", tap " +
                           std::to_string(r) + "," + std::to_string(t);
  check_box(failures, name, walk, from, box, 4, [&](int row, int c) {
    const int64_t m = first + row, n = m / (P * Q), h = m / Q % P * s.stride_h - s.pad_h + r,
                  w = m % Q * s.stride_w - s.pad_w + t;
    if (n >= s.N || h < 0 || h >= s.H || w < 0 || w >= s.W) return bfloat16(0);
    return number(((n * s.H + h) * s.W + w) * s.C + c0 + c);
  });
}
void check_pixels(Failures& failures) {
  Conv2dShape s{.N = 3, .H = 7, .W = 10, .C = 128, .K = 64, .R = 3, .S = 3, .pad_h = 1, .pad_w = 1};
  for (const int64_t first : {0, 64, 128})
    for (const int tap : {0, 4, 5, 8}) check_pixels_of(failures, s, 128, first, tap / 3, tap % 3);
  check_pixels_of(failures, s, 256, 13, 2, 0);
  s.stride_h = s.stride_w = 2;
  for (const int tap : {0, 4, 8}) check_pixels_of(failures, s, 128, 7, tap / 3, tap % 3);
  s.H = 8, s.W = 9;
  check_pixels_of(failures, s, 128, 3, 2, 1);
  s.R = s.S = 1, s.pad_h = s.pad_w = 0;
  check_pixels_of(failures, s, 128, 5, 0, 0);
}

// --- products: A (128,64) B (64,columns), of which each of two warp groups takes 64 rows ---
template <int columns, int depths>
FR_KERNEL(2 * kGroup)
multiply_kernel(FR_GRID_CONSTANT TensorMap a, FR_GRID_CONSTANT TensorMap b, float* sums) {
  constexpr int kBytesOfA = 128 * kRowBytes, kBytes = kBytesOfA + columns * kRowBytes;
  auto* const barrier = shared<Barrier>(size_t(kBytes));
  if (thread() == 0) {
    barrier_init(barrier, 1);
    barriers_ready();
  }
  sync();
  if (thread() == 0) {
    barrier_arrive_expecting(barrier, kBytes);
    copy_matrix(shared<char>(), &a, barrier, 0, 0);
    copy_matrix(shared<char>(kBytesOfA), &b, barrier, 0, 0);
  }
  barrier_wait(barrier, 0);
  float sum[columns / 2];
  FR_UNROLL
  for (int i = 0; i < columns / 2; ++i) sum[i] = float(i % 3);
  hold(sum);
  const int group = shuffle(thread() / kGroup, 0);
  const uint64_t of_a = operand(shared<char>(size_t(group * 64 * kRowBytes))),
                 of_b = operand(shared<char>(size_t(kBytesOfA)));
  multiply_fence();
  FR_UNROLL
  for (int k = 0; k < depths; ++k) multiply_group(sum, of_a + k * 2, of_b + k * 2);
  multiply_commit();
  multiply_wait<0>();
  hold(sum);
  FR_UNROLL
  for (int i = 0; i < columns / 2; ++i) sums[thread() * (columns / 2) + i] = sum[i];
}

template <int columns, int depths>
void check_products_of(Failures& failures) {
  const OnDevice<bfloat16> a(numbers(128 * kDepth, small_number)), b(numbers(columns * kDepth, number));
  const OnDevice<float> sums(size_t{128} * columns);
  launch({1}, 2 * kGroup, (128 + columns) * kRowBytes + sizeof(Barrier), multiply_kernel<columns, depths>,
         map_matrix(a.get(), 128, kDepth, 128), map_matrix(b.get(), columns, kDepth, columns), sums.get());
  const std::vector<float> got = sums.download();
  for (size_t j = 0; j < got.size(); ++j) {
    const int i = int(j) % (columns / 2), t = int(j) / (columns / 2);
    const int row = t / kGroup * 64 + t % kGroup / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8,
              column = i / 4 * 8 + t % 4 * 2 + i % 2;
    float want = float(i % 3);
    for (int k = 0; k < depths * 16; ++k)
      want += float(small_number(row * kDepth + k)) * float(number(column * kDepth + k));
    if (got[j] != want)
      return failures.push_back("multiply_group of " + std::to_string(columns) + " columns, depth " +
                                std::to_string(depths * 16) + ": thread " + std::to_string(t) + ", sum " +
                                std::to_string(i) + " is " + std::to_string(got[j]) + ", expected " +
                                std::to_string(want));
  }
}

// --- a barrier of some warps beside the others, which give their registers away ---
FR_KERNEL(3 * kGroup, 1)
groups_kernel(int* seen) {
  if (thread() < kGroup) {
    give_registers<40>();
    seen[thread()] = 1;
  } else {
    take_registers<232>();
    const int t = thread() - kGroup;
    shared<int>()[t] = t * t;
    sync_some(2 * kGroup);
    seen[thread()] = shared<int>()[2 * kGroup - 1 - t];
  }
}
void check_groups(Failures& failures) {
  const OnDevice<int> seen(size_t{3 * kGroup});
  launch({1}, 3 * kGroup, 2 * kGroup * sizeof(int), groups_kernel, seen.get());
  const std::vector<int> got = seen.download();
  for (int t = 0; t < 3 * kGroup; ++t) {
    const int other = 3 * kGroup - 1 - t, want = t < kGroup ? 1 : other * other;
    if (got[size_t(t)] != want)
      return failures.push_back("sync_some: thread " + std::to_string(t) + " saw " +
                                std::to_string(got[size_t(t)]));
  }
}

}  // namespace

Failures check_hopper_words() {
  Failures failures;
  check_barriers(failures);
  check_groups(failures);
  check_matrices(failures);
  check_pixels(failures);
  check_products_of<64, 1>(failures);
  check_products_of<64, 4>(failures);
  check_products_of<128, 1>(failures);
  check_products_of<128, 4>(failures);
  check_products_of<256, 1>(failures);
  check_products_of<256, 4>(failures);
  return failures;
}

}  // namespace fr::FR_GPU
