// Float products on tensor cores, operands rounded to TF32, for a scope; where the library can.
#pragma once
#include "tensor/kernels.h"

namespace fr::bench::gpu {

template <class B>  // a template, so that it compiles beside a contract without the switch
auto choose_tf32(B on, int) -> decltype(select_tf32(on), true) {
  select_tf32(on);
  return true;
}
template <class B>
bool choose_tf32(B, long) {
  return false;
}

inline bool tf32_chosen = false;  // for the names of rows
struct WithTf32 {
  WithTf32() { tf32_chosen = choose_tf32(true, 0); }
  ~WithTf32() { choose_tf32(false, 0), tf32_chosen = false; }
  explicit operator bool() const { return tf32_chosen; }
};

}  // namespace fr::bench::gpu
