// Runs the kernels of cuda/ on the CPU, from the same source that nvcc compiles: cuda/gpu.h takes this in place of
// cuda/nvidia.h. Every thread of a block is a fiber of one OS thread; a fiber runs until it must wait for others.
//
// It is made to find faults. The order in which threads run, and the moment at which a copy ahead arrives, are a Schedule:
// a kernel must give the same bits under all of them. Shared memory and device memory start as NaN (0xff), what a copy on
// its way will overwrite is NaN until it has arrived, guards lie around the shared memory of a block; a misaligned address,
// a barrier that some threads never reach and an access outside shared memory are errors that name the kernel's block.
// Fault plants one error in every kernel that runs, to see that the tests notice.
//
// What it cannot show: speed, bank conflicts, registers, weak memory order, and a wrong reading of NVIDIA's manual.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fr::emulator {

enum class Order {
  forward,
  reverse,
  random,         // another order in each round
  greedy,         // one warp runs as far as it can before the next
  greedy_reverse  // and the last warp comes first
};
enum class Landing { eager, lazy };  // a copy ahead arrives at once, or when it is waited for
struct Schedule {
  Order order = Order::forward;
  Landing landing = Landing::eager;
  std::string name() const;
};
constexpr int kSchedules = 10;
Schedule schedule_of(int i);  // 0 <= i < kSchedules
void set_schedule(const Schedule& schedule);

enum class Fault {
  none,
  missing_barrier,  // every second sync() is not there, and every second sync_some()
  short_wait,       // copy_wait<n> lets one group more be on its way
  wrong_tail,       // a copy ahead that is not ok brings what stands at the address's start instead of zeros
  wrong_swizzle,    // ldmatrix reads every second row 16 bytes away, where another swizzle would have put it
  // of Hopper's words (words_hopper.h)
  early_release,  // multiply_wait<n>, n > 0, lets one group more be on its way: its operands are given back too early
  unawaited_bytes,     // a wait for copies is satisfied by the phase before
  unawaited_arrivals,  // a wait for threads is satisfied by the phase before
  missing_arrival,     // one warp of each block never arrives
};
void set_fault(Fault fault);
Fault fault();

// The compute capability that the host's code sees, major x 10 + minor; 80 at the start.
void set_capability(int capability);
int capability();

struct Statistics {
  int64_t launches = 0, blocks = 0, switches = 0;
};
Statistics statistics();  // since the program's start

// --- what cuda/gpu.h's words are made of ---
struct Place {
  int thread, threads;
  int64_t block[3], blocks[3];
};
const Place& here();
void block_barrier();
void warp_barrier();
void partial_barrier(int threads);  // of so many; the others of the block must not come to one
unsigned char* shared_memory();
void check_shared(const void* p, size_t bytes, const char* what);
[[noreturn]] void fail(const std::string& what);
// 8 bytes of each lane, seen by the others between two warp_barrier()s.
uint64_t* exchange();  // of this thread's warp, kWarp of them
void** pointers();

// `valid`: how many of the bytes are read where ok; zeros stand for the rest.
void copy_ahead(void* to, const void* from, size_t bytes, bool ok, size_t valid = 16);
void commit();
void wait(int groups);

// For what works beside the threads (hopper.cpp).
Landing landing();
int64_t block_number();  // counts blocks; what was kept for another number is of a block that has ended
void wait_for_change(const int* generation);
void give_way();  // with lazy landing: goes on when no other thread can
// At once; with lazy landing when no thread can go on.
void happens_later(const std::function<void()>& event);

void run(const int64_t (&blocks)[3], int threads, size_t shared_bytes, const std::function<void()>& body);

// --- work that is asked for: done at once, or appended to a list while a recording is made ---
using Work = std::function<void()>;
void record_into(std::vector<Work>* list);  // null: done at once
void ask(Work work);
void copy_on_device(void* to, const void* from, size_t bytes);
void copy_across(void* to, const void* from,
                 size_t bytes);  // host and device; std::logic_error while recording

// --- memory, in device.cpp ---
void* device_alloc(size_t bytes);  // full of NaN; Error{memory} beyond the limit
void device_release(void* p) noexcept;
size_t device_memory_in_use();

}  // namespace fr::emulator
