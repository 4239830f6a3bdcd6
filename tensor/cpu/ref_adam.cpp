// Adam (Kingma and Ba 2015); the equations are written out in tensor/kernels.h and tensor/adam_rule.h.
#include "tensor/cpu/adam_many.h"
#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void adam_update(T* p, T* m, T* v, const T* g, const AdamFactors<T>& factors, int64_t n) {
  for (int64_t i = 0; i < n; ++i) adam_element(p[i], m[i], v[i], g[i], factors);
}

}  // namespace

template <class T>
void install_adam(Kernels<T>& k) {
  k.adam_update_many = adam_update_many<T, adam_update<T>>;
}

template void install_adam(Kernels<float>&);
template void install_adam(Kernels<double>&);

}  // namespace fr::ref
