// Large blocks, side by side in one range of addresses: freed neighbours become one, and a request takes the smallest
// free piece that holds it. So the memory of the maps that a backward pass is done with serves the gradients of the
// weights, whatever their sizes. Not thread-safe: the arena locks.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fr {

class Heap {
 public:
  void* alloc(size_t bytes);  // null: no memory. 64-byte aligned, contents undefined
  void release(void* p);      // a block of this heap
  void trim();                // gives the pages of all free pieces back to the system
  bool owns(const void* p) const { return p >= base_ && p < top_; }
  static size_t size(const void* p);  // bytes that a block of a heap takes

  size_t reserved() const { return reserved_; }            // bytes held from the system
  uint64_t system_calls() const { return system_calls_; }  // how often it was asked for more

 private:
  // Starts every piece, free or not. A piece ends where the next one, or the end of the heap, begins.
  struct alignas(64) Piece {
    size_t bytes;            // this header included
    Piece* below;            // the neighbour at lower addresses
    Piece *next, *previous;  // of the free list
    bool free, given_back;   // given_back: free, and its pages are the system's
  };

  bool reserve();
  bool grow(size_t bytes);
  Piece* above(Piece* p) const;
  Piece* best_fit(size_t bytes) const;
  Piece* merge(Piece* low, Piece* high);
  void split(Piece* p, size_t bytes);
  void add_free(Piece* p);
  void remove_free(Piece* p);
  void touch(Piece* p);

  char *base_ = nullptr, *top_ = nullptr, *limit_ = nullptr;  // in use up to top_, addresses up to limit_
  Piece *last_ = nullptr, *free_ = nullptr;
  size_t reserved_ = 0;
  uint64_t system_calls_ = 0;
  bool tried_ = false;
};

}  // namespace fr
