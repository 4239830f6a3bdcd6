// The caching arena: a freed block waits in the list of its size class and is handed out again to the next
// request of that class. Classes grow by an eighth of a power of two, so a block is at most 12.5 % (or 64
// bytes) larger than asked. A block is a 64-byte header followed by the user's bytes; free blocks are linked
// through their headers, so a request that the cache can serve allocates nothing at all.
#include "tensor/arena.h"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define FR_ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FR_ARENA_POISON 1
#endif
#endif
#ifdef FR_ARENA_POISON
#include <sanitizer/asan_interface.h>
#define FR_POISON(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#define FR_UNPOISON(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#else
#define FR_POISON(p, bytes) (void)(p)
#define FR_UNPOISON(p, bytes) (void)(p)
#endif

namespace fr {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kHugePage = size_t{2} << 20;
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

// Large blocks lie on pages of 2 MiB where the system has them: the kernels walk through many streams at once, and
// would spend their time on address translation.
void* take_from_system(size_t total) {
  if (total < kHugePage) return std::aligned_alloc(kAlign, total);
  void* memory = nullptr;
  if (posix_memalign(&memory, kHugePage, total) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  (void)madvise(memory, total, MADV_HUGEPAGE);  // a wish: the answer does not matter
#endif
  return memory;
}

class Arena {
 public:
  void* alloc(size_t bytes) {
    if (bytes > kLargest) fail(bytes);
    const SizeClass wanted = size_class(bytes);
    const std::scoped_lock lock(mutex_);
    Block*& head = free_[static_cast<size_t>(wanted.index)];
    Block* block = head;
    if (block)
      head = block->next;
    else
      block = ask_system(bytes, wanted);
    stats_.in_use += block->capacity;
    if (stats_.in_use > stats_.peak) stats_.peak = stats_.in_use;
    FR_UNPOISON(block->user(), bytes);
    return block->user();
  }

  void release(void* p) {
    if (!p) return;
    Block* block = Block::of(p);
    const std::scoped_lock lock(mutex_);
    Block*& head = free_[static_cast<size_t>(block->size_class)];
    block->next = head;
    head = block;
    stats_.in_use -= block->capacity;
    FR_POISON(p, block->capacity);
  }

  void trim() {
    const std::scoped_lock lock(mutex_);
    free_all();
  }

  ArenaStats stats() {
    const std::scoped_lock lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    const std::scoped_lock lock(mutex_);
    stats_.peak = stats_.in_use;
  }

 private:
  Block* ask_system(size_t bytes, const SizeClass& wanted) {
    const size_t total = sizeof(Block) + wanted.capacity;
    void* memory = take_from_system(total);
    if (!memory) {
      free_all();
      memory = take_from_system(total);
    }
    if (!memory) fail(bytes);
    Block* block = new (memory) Block{nullptr, wanted.capacity, wanted.index};
    stats_.reserved += wanted.capacity;
    ++stats_.system_allocations;
    FR_POISON(block->user(), block->capacity);
    return block;
  }

  void free_all() {
    for (Block*& head : free_)
      while (Block* block = head) {
        head = block->next;
        stats_.reserved -= block->capacity;
        FR_UNPOISON(block->user(), block->capacity);
        std::free(block);
      }
  }

  [[noreturn]] void fail(size_t bytes) const {
    throw Error(ErrorKind::memory, cat("out of memory: asked for ", bytes, " bytes, ", stats_.in_use,
                                       " in use, ", stats_.reserved, " held from the system"));
  }

  std::mutex mutex_;
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
