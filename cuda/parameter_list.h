// One launch for many parameters of very different sizes: their list travels by value with the kernel, so that a recorded
// step needs no copy from the host, and blocks take chunks of 4096 elements of them. For the kernels of the optimisers.
#pragma once
#include "cuda/gpu.h"
#include "tensor/adam_rule.h"

namespace fr::FR_GPU {

constexpr int64_t kChunk = 4096;
constexpr int kBatch = 48;  // parameters a launch: a kernel's arguments take 4 KiB

inline int64_t chunks_of(int64_t n) { return divide_up(n, kChunk); }

// Some parameters; chunk c of all belongs to the last one with first <= c, and starts (c - first) kChunk elements into it.
template <class Item>
struct Batch {
  Item item[kBatch];
  int64_t first[kBatch];
  int64_t chunks = 0;
  int count = 0;

  void push(const Item& it) {
    item[count] = it, first[count++] = chunks;
    chunks += chunks_of(it.n);
  }
  FR_HOST_DEVICE int owner(int64_t chunk) const {
    int low = 0, high = count;  // first[low] <= chunk < first[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first[middle] <= chunk ? low : high) = middle;
    }
    return low;
  }
};

// f(batch) for the parameters, as many at a time as a launch takes; item_of makes a batch's item of a parameter.
template <class P, class Make, class F>
void for_batches(const P* parameters, int64_t count, const Make& item_of, const F& f) {
  Batch<decltype(item_of(*parameters))> batch{};
  for (int64_t i = 0; i < count; ++i) {
    if (parameters[i].n > 0) batch.push(item_of(parameters[i]));
    if (batch.count == kBatch || (i + 1 == count && batch.count > 0)) {
      f(batch);
      batch.count = 0, batch.chunks = 0;
    }
  }
}

}  // namespace fr::FR_GPU
