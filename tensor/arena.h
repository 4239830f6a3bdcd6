// The caching arena behind every host tensor: freed blocks are kept and handed out again, small ones by size, large ones
// merged with their neighbours (tensor/heap.h), so a training step with stable shapes asks the system for nothing after
// its second iteration. Thread-safe. 64-byte aligned.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fr {

void* arena_alloc(
    size_t bytes);  // contents undefined; throws Error{memory} naming the bytes asked and in use
void arena_release(void* p) noexcept;

struct ArenaStats {
  size_t in_use = 0;                // bytes handed out now
  size_t peak = 0;                  // largest in_use since the last arena_reset_peak()
  size_t reserved = 0;              // bytes held from the system
  uint64_t system_allocations = 0;  // how often the system was asked
};
ArenaStats arena_stats();
void arena_reset_peak();
void arena_trim();  // gives every cached block back to the system

// A block for the length of a scope: workspaces inside kernels.
template <class T>
class Scratch {
 public:
  explicit Scratch(size_t n) : p_(static_cast<T*>(arena_alloc(n * sizeof(T)))) {}
  ~Scratch() { arena_release(p_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return p_; }
  T& operator[](size_t i) const { return p_[i]; }

 private:
  T* p_;
};

}  // namespace fr
