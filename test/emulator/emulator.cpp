// The emulator's scheduler, shared memory, copies ahead and tensor core instructions.
#define PROSOPON_EMULATED
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include "cuda/gpu.h"

#ifdef __has_feature  // clang
#define FR_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define FR_ASAN 1
#else
#define FR_ASAN 0
#endif
#if FR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fr::emulator {
namespace {

constexpr size_t kStack = 64 << 10, kGuard = 1024;
constexpr int kMostThreads = 1024;

// --- fibers ---
// Saves the callee's registers on the stack of the fiber that leaves and takes those of the one that comes.
#if defined(__x86_64__)
extern "C" void prosopon_switch(void** leaving, void* coming);
asm(R"(
.text
.globl prosopon_switch
.type prosopon_switch,@function
prosopon_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size prosopon_switch,.-prosopon_switch
)");
#else
#error "the emulator knows the stack of x86-64 only"
#endif

// AddressSanitizer must know on which stack the program goes on: said before a switch (kept null: this stack is left for
// good) and after it; and that nothing stands on the stack of a fiber that starts.
void leaving_for([[maybe_unused]] void** kept, [[maybe_unused]] const void* stack,
                 [[maybe_unused]] size_t size) {
#if FR_ASAN
  __sanitizer_start_switch_fiber(kept, stack, size);
#endif
}
void arrived([[maybe_unused]] void* kept, [[maybe_unused]] const void** from, [[maybe_unused]] size_t* size) {
#if FR_ASAN
  __sanitizer_finish_switch_fiber(kept, from, size);
#endif
}
void forget([[maybe_unused]] void* stack) {
#if FR_ASAN
  ASAN_UNPOISON_MEMORY_REGION(stack, kStack);
#endif
}

struct Copy {
  void* to;
  unsigned char bytes[16];
  size_t size;
};

struct Fiber {
  void* stack_pointer = nullptr;
  void* kept = nullptr;  // AddressSanitizer's
  std::unique_ptr<char[]> stack;
  bool done = false;
  bool gives_way = false;
  const int* generation = nullptr;  // waits until this is no longer `seen`
  int seen = 0;
  int barriers = 0, partial_barriers = 0;
  std::vector<std::vector<Copy>> groups;
  std::vector<Copy> open;
};

struct Meeting {  // of all threads of a block or of a warp
  int arrived = 0, generation = 0;
};

Schedule schedule;
Fault planted = Fault::none;
int card = 80;
Statistics counted;
std::vector<Work>* recorded = nullptr;

struct Block {
  Place place{};
  std::vector<Fiber> fibers;
  void* scheduler = nullptr;
  void* kept = nullptr;  // AddressSanitizer's, and the stack of the scheduler
  const void* stack = nullptr;
  size_t stack_size = 0;
  std::vector<unsigned char> arena;
  unsigned char* shared = nullptr;
  size_t shared_bytes = 0;
  Meeting all, part, warps[kMostThreads / 32];
  uint64_t slots[kMostThreads];
  void* pointers[kMostThreads];
  const std::function<void()>* body = nullptr;
  std::vector<std::function<void()>> events;  // lazy: not happened yet
  std::exception_ptr error;

  Fiber& fiber() { return fibers[size_t(place.thread)]; }
};
Block& block() {
  static Block one;
  return one;
}

void leave() {
  Block& b = block();
  ++counted.switches;
  leaving_for(b.fiber().done ? nullptr : &b.fiber().kept, b.stack, b.stack_size);
  prosopon_switch(&b.fiber().stack_pointer, b.scheduler);
  arrived(b.fiber().kept, &b.stack, &b.stack_size);
}

void meet(Meeting& meeting, int everybody) {
  if (++meeting.arrived == everybody) {
    meeting.arrived = 0, ++meeting.generation;
    return;
  }
  wait_for_change(&meeting.generation);
}

void fiber_main() {
  Block& b = block();
  arrived(nullptr, &b.stack, &b.stack_size);
  try {
    (*b.body)();
  } catch (...) {
    b.error = std::current_exception();
  }
  b.fiber().done = true;
  leave();
  std::abort();  // a finished fiber is never resumed
}

void prepare(Fiber& f) {
  if (!f.stack) f.stack.reset(new char[kStack]);
  forget(f.stack.get());
  auto** top =
      reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(f.stack.get()) + kStack) & ~uintptr_t{15});
  *--top = nullptr;  // fiber_main's return address: it never returns
  *--top = reinterpret_cast<void*>(&fiber_main);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  f.stack_pointer = top, f.done = f.gives_way = false, f.generation = nullptr,
  f.barriers = f.partial_barriers = 0;
  f.groups.clear(), f.open.clear();
}

// Lets thread i run until it waits; false when it cannot.
bool step(Block& b, int i, int& living) {
  Fiber& f = b.fibers[size_t(i)];
  if (f.done || f.gives_way || (f.generation && *f.generation == f.seen)) return false;
  f.generation = nullptr;
  b.place.thread = i;
  leaving_for(&b.kept, f.stack.get(), kStack);
  prosopon_switch(&b.scheduler, f.stack_pointer);
  arrived(b.kept, nullptr, nullptr);
  if (b.error) std::rethrow_exception(b.error);
  living -= f.done;
  return true;
}

// When no thread can go on: the first that gave way does, and where there is none, one event happens.
bool unblock(Block& b, const std::vector<int>& order, bool reverse) {
  for (const int i : order)
    if (b.fibers[size_t(i)].gives_way) {
      b.fibers[size_t(i)].gives_way = false;
      return true;
    }
  if (b.events.empty()) return false;
  const auto at = reverse ? b.events.end() - 1 : b.events.begin();
  const std::function<void()> event = std::move(*at);
  b.events.erase(at);
  event();
  return true;
}

void run_threads(Block& b, uint64_t seed) {
  const int n = b.place.threads;
  const bool reverse = schedule.order == Order::reverse || schedule.order == Order::greedy_reverse;
  const bool greedy = schedule.order == Order::greedy || schedule.order == Order::greedy_reverse;
  std::vector<int> order(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) order[size_t(i)] = reverse ? n - 1 - i : i;
  Random random({.seed = seed, .purpose = Purpose::test});
  int living = n;
  while (living > 0) {
    bool moved = false;
    if (schedule.order == Order::random)
      for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(uint32_t(i))]);
    if (greedy) {
      for (int w = 0; w < n && !moved; w += emulated::kWarp)
        for (bool again = true; again; moved |= again) {
          again = false;
          for (int i = w; i < std::min(w + emulated::kWarp, n); ++i)
            again |= step(b, order[size_t(i)], living);
        }
    } else {
      for (const int i : order) moved |= step(b, i, living);
    }
    if (!moved && !unblock(b, order, reverse))
      fail("deadlock: a barrier that some threads never reach, or a wait that nothing ends");
  }
  if (!b.events.empty()) fail("the end of a block to which copies are still on their way");
}

bool poisoned(const unsigned char* p, size_t n) {
  return std::all_of(p, p + n, [](unsigned char c) { return c == 0xff; });
}

void run_blocks(const std::array<int64_t, 3>& blocks, int threads, size_t shared_bytes,
                const std::function<void()>& body);

void land(Fiber& f) {
  for (const Copy& c : f.groups.front()) std::memcpy(c.to, c.bytes, c.size);
  f.groups.erase(f.groups.begin());
}

}  // namespace

std::string Schedule::name() const {
  static const char* const names[] = {"forward", "reverse", "random", "greedy", "greedy reverse"};
  return std::string(names[int(order)]) + (landing == Landing::lazy ? ", lazy copies" : "");
}
Schedule schedule_of(int i) { return {Order(i / 2), Landing(i % 2)}; }
void set_schedule(const Schedule& s) { schedule = s; }
void set_fault(Fault f) { planted = f; }
Fault fault() { return planted; }
void set_capability(int capability) { card = capability; }
int capability() { return card; }
Statistics statistics() { return counted; }
Landing landing() { return schedule.landing; }
int64_t block_number() { return counted.blocks; }

void wait_for_change(const int* generation) {
  Fiber& f = block().fiber();
  f.generation = generation, f.seen = *generation;
  leave();
}
void give_way() {
  if (schedule.landing == Landing::eager) return;
  block().fiber().gives_way = true;
  leave();
}
void happens_later(const std::function<void()>& event) {
  if (schedule.landing == Landing::eager)
    event();
  else
    block().events.push_back(event);
}

const Place& here() { return block().place; }
unsigned char* shared_memory() { return block().shared; }
uint64_t* exchange() { return block().slots + block().place.thread / emulated::kWarp * emulated::kWarp; }
void** pointers() { return block().pointers + block().place.thread / emulated::kWarp * emulated::kWarp; }

void fail(const std::string& what) {
  const Place& p = block().place;
  throw std::runtime_error("emulator: " + what + ", in thread " + std::to_string(p.thread) + " of block (" +
                           std::to_string(p.block[0]) + "," + std::to_string(p.block[1]) + "," +
                           std::to_string(p.block[2]) + ")");
}

void check_shared(const void* p, size_t bytes, const char* what) {
  const auto* q = static_cast<const unsigned char*>(p);
  const Block& b = block();
  if (q < b.shared || q + bytes > b.shared + b.shared_bytes)
    fail(std::string(what) + " outside shared memory");
  if (reinterpret_cast<uintptr_t>(p) % bytes)
    fail(std::string(what) + " at an address that is not a multiple of its size");
}

void block_barrier() {
  Block& b = block();
  if (planted == Fault::missing_barrier && b.fiber().barriers++ % 2 == 1) return;
  meet(b.all, b.place.threads);
}
void partial_barrier(int threads) {
  Block& b = block();
  if (planted == Fault::missing_barrier && b.fiber().partial_barriers++ % 2 == 1) return;
  meet(b.part, threads);
}
void warp_barrier() {
  Block& b = block();
  const int w = b.place.thread / emulated::kWarp;
  meet(b.warps[w], std::min(emulated::kWarp, b.place.threads - w * emulated::kWarp));
}

void copy_ahead(void* to, const void* from, size_t bytes, bool ok, size_t valid) {
  check_shared(to, bytes, "a copy ahead");
  if (ok && reinterpret_cast<uintptr_t>(from) % bytes)
    fail("a copy ahead from an address that is not a multiple of its size");
  Copy copy{to, {}, bytes};
  const size_t read = ok ? std::min(bytes, valid) : 0;
  if (read) std::memcpy(copy.bytes, from, read);
  if (planted == Fault::wrong_tail) std::memset(copy.bytes + read, 0x3f, bytes - read);
  if (schedule.landing == Landing::eager) {
    std::memcpy(to, copy.bytes, bytes);
  } else {
    std::memset(to, 0xff, bytes);
    block().fiber().open.push_back(copy);
  }
}
void commit() {
  Fiber& f = block().fiber();
  f.groups.push_back(std::move(f.open));
  f.open.clear();
}
void wait(int groups) {
  Fiber& f = block().fiber();
  if (planted == Fault::short_wait) ++groups;
  while (int(f.groups.size()) > groups) land(f);
}

void run(const int64_t (&blocks)[3], int threads, size_t shared_bytes, const std::function<void()>& body) {
  if (threads < 1 || threads > kMostThreads || threads % emulated::kWarp)
    throw std::invalid_argument("emulator: a block of " + std::to_string(threads) + " threads");
  if (shared_bytes > 227 * 1024)
    throw std::invalid_argument("emulator: " + std::to_string(shared_bytes) + " bytes of shared memory");
  if (blocks[0] > 0x7fffffff || blocks[1] > 65535 || blocks[2] > 65535)
    throw std::invalid_argument("emulator: a grid larger than a card takes");
  ask([grid = std::array{blocks[0], blocks[1], blocks[2]}, threads, shared_bytes, body] {
    run_blocks(grid, threads, shared_bytes, body);
  });
}

namespace {
void run_blocks(const std::array<int64_t, 3>& blocks, int threads, size_t shared_bytes,
                const std::function<void()>& body) {
  Block& b = block();
  b.body = &body, b.place.threads = threads, b.shared_bytes = shared_bytes;
  std::copy(blocks.begin(), blocks.end(), b.place.blocks);
  if (b.fibers.size() < size_t(threads)) b.fibers.resize(size_t(threads));
  b.arena.resize(shared_bytes + 3 * kGuard);
  b.shared = b.arena.data() + kGuard;
  b.shared += kGuard - reinterpret_cast<uintptr_t>(b.shared) % kGuard;
  ++counted.launches;

  const int64_t n = blocks[0] * blocks[1] * blocks[2];
  const bool reverse = schedule.order == Order::reverse || schedule.order == Order::greedy_reverse;
  for (int64_t j = 0; j < n; ++j) {
    const int64_t i = reverse ? n - 1 - j : j;
    b.place.block[0] = i % blocks[0], b.place.block[1] = i / blocks[0] % blocks[1],
    b.place.block[2] = i / (blocks[0] * blocks[1]);
    std::fill(b.arena.begin(), b.arena.end(), 0xff);
    b.all = b.part = {}, std::fill(std::begin(b.warps), std::end(b.warps), Meeting{});
    b.error = nullptr;
    b.events.clear();
    for (int t = 0; t < threads; ++t) prepare(b.fibers[size_t(t)]);
    ++counted.blocks;
    run_threads(b, uint64_t(i));
    const auto before = size_t(b.shared - b.arena.data());
    if (!poisoned(b.arena.data(), before) ||
        !poisoned(b.shared + shared_bytes, b.arena.size() - before - shared_bytes))
      fail("a write outside shared memory");
  }
}
}  // namespace

// --- recordings ---
void record_into(std::vector<Work>* list) { recorded = list; }
void ask(Work work) {
  if (recorded)
    recorded->push_back(std::move(work));
  else
    work();
}
void copy_on_device(void* to, const void* from, size_t bytes) {
  if (bytes) ask([=] { std::memmove(to, from, bytes); });
}
void copy_across(void* to, const void* from, size_t bytes) {
  if (recorded) throw std::logic_error("emulator: a copy between host and device while recording");
  if (bytes) std::memcpy(to, from, bytes);
}

}  // namespace fr::emulator

namespace fr::emulated {
namespace {

float from_bits(uint32_t pair, int half) { return bfloat16::of_bits(uint16_t(half ? pair >> 16 : pair)); }

// The operands of every lane, seen by the warp.
struct Operands {
  const void* a;
  const void* b;
};

template <class F>
void with_operands(const Operands& mine, const F& f) {
  void** p = emulator::pointers();
  p[thread() % kWarp] = const_cast<Operands*>(&mine);
  warp_sync();
  f([p](int lane) -> const Operands& { return *static_cast<const Operands*>(p[lane]); });
  warp_sync();
}

float to_tf32(float x) {  // to the nearest, ties away from zero
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7f800000u) == 0x7f800000u) return x;
  return std::bit_cast<float>((u + 0x1000u) & ~0x1fffu);
}

}  // namespace

void detail::load_matrices(uint32_t (&r)[4], const void* row, Transposed transposed) {
  emulator::check_shared(row, 16, "ldmatrix");
  void** rows = emulator::pointers();
  const int l = thread() % kWarp;
  const uintptr_t away = emulator::fault() == emulator::Fault::wrong_swizzle && l % 2 ? 16 : 0;
  rows[l] = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(row) ^ away);
  warp_sync();
  for (int m = 0; m < 4; ++m) {
    uint16_t two[2];
    for (int j = 0; j < 2; ++j) {
      const int i = l / 4, k = l % 4 * 2 + j;  // of the matrix that the lane receives
      const int from = transposed == Transposed::yes ? k : i, at = transposed == Transposed::yes ? i : k;
      std::memcpy(&two[j], static_cast<const unsigned char*>(rows[m * 8 + from]) + 2 * at, 2);
    }
    r[m] = uint32_t(two[0]) | uint32_t(two[1]) << 16;
  }
  warp_sync();
}

void multiply_bf16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  float sum[4];
  with_operands({a, b}, [&](const auto& lane) {
    const int l = thread() % kWarp;
    float rows[2][16], columns[2][16];  // the two of A and of B that meet in this lane
    for (int half = 0; half < 2; ++half)
      for (int k = 0; k < 16; k += 2) {
        const uint32_t of_a = static_cast<const uint32_t*>(lane(l / 4 * 4 + k % 8 / 2).a)[half + k / 8 * 2];
        const uint32_t of_b = static_cast<const uint32_t*>(lane((l % 4 * 2 + half) * 4 + k % 8 / 2).b)[k / 8];
        for (int j = 0; j < 2; ++j) {
          rows[half][k + j] = from_bits(of_a, j);
          columns[half][k + j] = from_bits(of_b, j);
        }
      }
    std::copy(c, c + 4, sum);
    for (int k = 0; k < 16; ++k)
      for (int i = 0; i < 4; ++i) sum[i] += rows[i / 2][k] * columns[i % 2][k];
  });
  std::copy(sum, sum + 4, c);
}

void multiply_tf32(float (&c)[4], const float (&a)[4], float b0, float b1) {
  const float b[2] = {b0, b1};
  float sum[4];
  with_operands({a, b}, [&](const auto& lane) {
    const int l = thread() % kWarp;
    for (int i = 0; i < 4; ++i) {
      const int row = l / 4 + i / 2 * 8, column = l % 4 * 2 + i % 2;
      sum[i] = c[i];
      for (int k = 0; k < 8; ++k)
        sum[i] += to_tf32(static_cast<const float*>(lane(row % 8 * 4 + k % 4).a)[row / 8 + k / 4 * 2]) *
                  to_tf32(static_cast<const float*>(lane(column * 4 + k % 4).b)[k / 4]);
    }
  });
  std::copy(sum, sum + 4, c);
}

}  // namespace fr::emulated
