// Where the data of every contender in C++ lies: at cache lines and in pages of 2 MiB where the system has them, as the tensors of
// the library do. With rows across cache lines and small pages a benchmark would measure its own vectors.
#pragma once
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace fr::bench {

template <class T>
struct Pages {
  using value_type = T;
  static constexpr size_t kLine = 64, kHuge = size_t{2} << 20;

  Pages() = default;
  template <class U>
  Pages(const Pages<U>&) {}
  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T) + kSpare, page = bytes < kHuge ? kLine : kHuge;
    char* p = static_cast<char*>(std::aligned_alloc(page, (bytes + page - 1) / page * page));
    if (!p) throw std::bad_alloc();
    if (page == kHuge) (void)madvise(p, bytes, MADV_HUGEPAGE);  // a wish
    // Not all at the same place of a page: equal rows of several operands would share the sets of a cache.
    static size_t count = 0;
    char* first = p + kLine + count++ % 7 * kStep;
    reinterpret_cast<char**>(first)[-1] = p;
    return reinterpret_cast<T*>(first);
  }
  void deallocate(T* p, size_t) { std::free(reinterpret_cast<char**>(p)[-1]); }
  template <class U>
  bool operator==(const Pages<U>&) const {
    return true;
  }

 private:
  static constexpr size_t kStep = 37 * 1024 + 3 * kLine, kSpare = 7 * kStep + kLine;
};

using Floats = std::vector<float, Pages<float>>;

}  // namespace fr::bench
