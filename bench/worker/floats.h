// Where the data of every contender in C++ lies: at page boundaries, in pages of 2 MiB where the system has them, as the tensors
// of the library do. With rows across cache lines and small pages a benchmark would measure its own vectors.
#pragma once
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace fr::bench {

template <class T>
struct Pages {
  using value_type = T;
  static constexpr size_t kPage = 4096, kHuge = size_t{2} << 20;

  Pages() = default;
  template <class U>
  Pages(const Pages<U>&) {}
  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T), page = bytes < kHuge ? kPage : kHuge;
    void* p = std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!p) throw std::bad_alloc();
    if (page == kHuge) (void)madvise(p, bytes, MADV_HUGEPAGE);  // a wish
    return static_cast<T*>(p);
  }
  void deallocate(T* p, size_t) { std::free(p); }
  template <class U>
  bool operator==(const Pages<U>&) const {
    return true;
  }
};

using Floats = std::vector<float, Pages<float>>;

}  // namespace fr::bench
