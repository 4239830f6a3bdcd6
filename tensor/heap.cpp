// Best fit with merging of neighbours (Knuth 1968, "The Art of Computer Programming" 1, 2.5). The addresses are reserved
// at once, without memory behind them; the heap grows by making more of them readable.
#include "tensor/heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "tensor/poison.h"

namespace fr {
namespace {

constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;
constexpr size_t kSmallestRest = size_t{64} << 10;  // what is left of a piece stays with it below this

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

// As many addresses as the machine has memory, fewer where a limit says so.
bool Heap::reserve() {
  if (tried_) return base_ != nullptr;
  tried_ = true;
  const size_t memory =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (size_t size = round_up(memory, kHugePage); size >= 64 * kHugePage;
       size = round_up(size / 2, kHugePage)) {
    void* p = mmap(nullptr, size + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) continue;
    base_ = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(p), kHugePage));
    top_ = base_, limit_ = base_ + size;
    return true;
  }
  return false;
}

Heap::Piece* Heap::above(Piece* p) const {
  char* end = reinterpret_cast<char*>(p) + p->bytes;
  return end < top_ ? reinterpret_cast<Piece*>(end) : nullptr;
}

void Heap::add_free(Piece* p) {
  p->free = true, p->previous = nullptr, p->next = free_;
  if (free_) free_->previous = p;
  free_ = p;
}

void Heap::remove_free(Piece* p) {
  (p->previous ? p->previous->next : free_) = p->next;
  if (p->next) p->next->previous = p->previous;
  p->free = false;
}

// Of equals the lowest: the order of the list does not decide.
Heap::Piece* Heap::best_fit(size_t bytes) const {
  Piece* best = nullptr;
  for (Piece* p = free_; p; p = p->next)
    if (p->bytes >= bytes && (!best || p->bytes < best->bytes || (p->bytes == best->bytes && p < best)))
      best = p;
  return best;
}

// Its pages will be used: they count again.
void Heap::touch(Piece* p) {
  if (!p->given_back) return;
  p->given_back = false;
  reserved_ += p->bytes, ++system_calls_;
}

// Two neighbours outside of the free list become one.
Heap::Piece* Heap::merge(Piece* low, Piece* high) {
  touch(low), touch(high);
  if (Piece* next = above(high)) next->below = low;
  if (last_ == high) last_ = low;
  low->bytes += high->bytes;
  FR_POISON(high, sizeof(Piece));
  return low;
}

void Heap::split(Piece* p, size_t bytes) {
  if (p->bytes - bytes < kSmallestRest) return;
  void* place = reinterpret_cast<char*>(p) + bytes;
  FR_UNPOISON(place, sizeof(Piece));
  Piece* rest = new (place) Piece{p->bytes - bytes, p, nullptr, nullptr, false, false};
  if (Piece* next = above(p)) next->below = rest;
  if (last_ == p) last_ = rest;
  p->bytes = bytes;
  add_free(rest);
}

// The last piece becomes a free one of at least this size. Huge pages where the system has them: kernels walk through many
// streams at once, and would spend their time on address translation.
bool Heap::grow(size_t bytes) {
  if (!reserve()) return false;
  const size_t have = last_ && last_->free ? last_->bytes : 0;
  const size_t more = round_up(bytes - have, kHugePage);
  if (more > static_cast<size_t>(limit_ - top_) || mprotect(top_, more, PROT_READ | PROT_WRITE) != 0)
    return false;
#ifdef MADV_HUGEPAGE
  (void)madvise(top_, more, MADV_HUGEPAGE);  // a wish: the answer does not matter
#endif
  Piece* added = new (top_) Piece{more, last_, nullptr, nullptr, false, false};
  FR_POISON(added + 1, more - sizeof(Piece));
  top_ += more, reserved_ += more, ++system_calls_;
  Piece* before = last_;
  last_ = added;
  if (have) remove_free(before), added = merge(before, added);
  add_free(added);
  return true;
}

void* Heap::alloc(size_t bytes) {
  const size_t wanted = round_up(bytes + sizeof(Piece), kPage);
  Piece* p = best_fit(wanted);
  if (!p) p = grow(wanted) ? last_ : nullptr;
  if (!p) return nullptr;
  remove_free(p);
  touch(p);
  split(p, wanted);
  return p + 1;
}

void Heap::release(void* user) {
  Piece* p = static_cast<Piece*>(user) - 1;
  FR_POISON(user, p->bytes - sizeof(Piece));
  if (Piece* next = above(p); next && next->free) remove_free(next), p = merge(p, next);
  if (Piece* low = p->below; low && low->free) remove_free(low), p = merge(low, p);
  add_free(p);
}

// The header stays, and so does its page; small pages, since a huge one may be shared with a neighbour.
void Heap::trim() {
  for (Piece* p = free_; p; p = p->next) {
    if (p->given_back) continue;
    char* first = reinterpret_cast<char*>(p) + kPage;
    (void)madvise(first, p->bytes - kPage, MADV_DONTNEED);
    p->given_back = true;
    reserved_ -= p->bytes;
  }
}

size_t Heap::size(const void* p) { return (static_cast<const Piece*>(p) - 1)->bytes; }

}  // namespace fr
