// The caching arena. Large blocks are the heap's (tensor/heap.h). Of the others a freed block waits in the list of its
// size class and is handed out again to the next request of that class: in constant time, for many threads' workspaces.
// Classes grow by an eighth of a power of two, so a block is at most 12.5 % (or 64 bytes) larger than asked. A block is a
// 64-byte header followed by the user's bytes; free blocks are linked through their headers, so a request that the cache
// can serve allocates nothing at all.
#include "tensor/arena.h"

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#include "base/error.h"
#include "tensor/heap.h"
#include "tensor/poison.h"

namespace fr {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kLarge = size_t{1} << 20;    // from here on a block is the heap's
constexpr size_t kLargest = size_t{1} << 46;  // half of a 47-bit address space: no machine has more

struct alignas(kAlign) Block {
  Block* next;      // in the free list
  size_t capacity;  // bytes behind the header
  int size_class;
  void* user() { return this + 1; }
  static Block* of(void* p) { return static_cast<Block*>(p) - 1; }
};
static_assert(sizeof(Block) == kAlign);

struct SizeClass {
  int index;
  size_t capacity;
};

// Capacities in units of 64 bytes: 1, 2, ..., 8, then 9, 10, ..., 16, 18, 20, ..., 32, 36, ...: eight per
// octave.
SizeClass size_class(size_t bytes) {
  const size_t units = bytes <= kAlign ? 1 : (bytes + kAlign - 1) / kAlign;
  if (units <= 8) return {static_cast<int>(units) - 1, units * kAlign};
  const int octave = std::bit_width(units - 1) - 4;  // units in (8 << octave, 16 << octave]
  const size_t step = size_t{1} << octave, count = (units + step - 1) >> octave;  // 9..16
  return {8 * octave + static_cast<int>(count) - 1, (count << octave) * kAlign};
}

class Arena {
 public:
  void* alloc(size_t bytes) {
    if (bytes > kLargest) fail(bytes);
    const std::scoped_lock lock(mutex_);
    void* p = bytes >= kLarge ? heap_.alloc(bytes) : nullptr;
    if (!p) p = of_class(bytes);
    stats_.in_use += taken(p);
    if (stats_.in_use > stats_.peak) stats_.peak = stats_.in_use;
    FR_UNPOISON(p, bytes);
    return p;
  }

  void release(void* p) {
    if (!p) return;
    const std::scoped_lock lock(mutex_);
    stats_.in_use -= taken(p);
    if (heap_.owns(p)) return heap_.release(p);
    Block* block = Block::of(p);
    FR_POISON(p, block->capacity);
    Block*& head = free_[static_cast<size_t>(block->size_class)];
    block->next = head;
    head = block;
  }

  void trim() {
    const std::scoped_lock lock(mutex_);
    free_all();
  }

  ArenaStats stats() {
    const std::scoped_lock lock(mutex_);
    ArenaStats s = stats_;
    s.reserved += heap_.reserved(), s.system_allocations += heap_.system_calls();
    return s;
  }

  void reset_peak() {
    const std::scoped_lock lock(mutex_);
    stats_.peak = stats_.in_use;
  }

 private:
  // Bytes that a block takes.
  size_t taken(const void* p) const {
    return heap_.owns(p) ? Heap::size(p) : Block::of(const_cast<void*>(p))->capacity;
  }

  void* of_class(size_t bytes) {
    const SizeClass wanted = size_class(bytes);
    Block*& head = free_[static_cast<size_t>(wanted.index)];
    Block* block = head ? head : ask_system(bytes, wanted);
    head = block->next;
    return block->user();
  }

  Block* ask_system(size_t bytes, const SizeClass& wanted) {
    const size_t total = sizeof(Block) + wanted.capacity;
    void* memory = std::aligned_alloc(kAlign, total);
    if (!memory) {
      free_all();
      memory = std::aligned_alloc(kAlign, total);
    }
    if (!memory) fail(bytes);
    Block* block = new (memory) Block{nullptr, wanted.capacity, wanted.index};
    stats_.reserved += wanted.capacity;
    ++stats_.system_allocations;
    FR_POISON(block->user(), block->capacity);
    return block;
  }

  void free_all() {
    heap_.trim();
    for (Block*& head : free_)
      while (Block* block = head) {
        head = block->next;
        stats_.reserved -= block->capacity;
        FR_UNPOISON(block->user(), block->capacity);
        std::free(block);
      }
  }

  [[noreturn]] void fail(size_t bytes) const {
    throw Error(ErrorKind::memory,
                cat("out of memory: asked for ", bytes, " bytes, ", stats_.in_use, " in use, ",
                    stats_.reserved + heap_.reserved(), " held from the system"));
  }

  std::mutex mutex_;
  Heap heap_;
  std::array<Block*, 8 * 48> free_{};
  ArenaStats stats_;
};

// Never destroyed: tensors with static lifetime may outlive every other object.
Arena& arena() {
  static Arena* const instance = new Arena;
  return *instance;
}

}  // namespace

void* arena_alloc(size_t bytes) { return arena().alloc(bytes); }
void arena_release(void* p) noexcept { arena().release(p); }
ArenaStats arena_stats() { return arena().stats(); }
void arena_reset_peak() { arena().reset_peak(); }
void arena_trim() { arena().trim(); }

}  // namespace fr
