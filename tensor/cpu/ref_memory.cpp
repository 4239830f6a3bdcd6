// Memory of the host: device and host are the same, so upload and download are copies.
#include <algorithm>
#include <cstring>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

void copy(void* dst, const void* src, size_t bytes) {
  if (bytes) std::memcpy(dst, src, bytes);
}

template <class T>
void fill(T* y, T value, int64_t n) {
  std::fill_n(y, n, value);
}

}  // namespace

template <class T>
void install_memory(Kernels<T>& k) {
  k.alloc = arena_alloc;
  k.release = [](void* p) { arena_release(p); };
  k.upload = copy;
  k.download = copy;
  k.copy = copy;
  k.fill = fill;
}

template void install_memory(Kernels<float>&);
template void install_memory(Kernels<double>&);

}  // namespace fr::ref
