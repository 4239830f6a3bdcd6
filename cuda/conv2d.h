// The parts of the convolution beside cuda/conv2d.cu: narrow groups (depthwise ones above all), too thin for tiles, in
// cuda/conv2d_groups.cu; statistics of the result in cuda/conv2d_statistics.cu.
#pragma once
#include "cuda/gpu.h"

namespace fr::FR_GPU {

inline bool narrow_groups(const Conv2dShape& s) {
  return s.groups > 1 && (s.C / s.groups) * (s.K / s.groups) < 256;
}
template <class T>
void conv2d_groups_forward(T* y, const T* x, const T* w, const Conv2dFinish<T>& finish, const Conv2dShape& s);
template <class T>
void conv2d_groups_backward_input(T* dx, const T* dy, const T* w, const Conv2dShape& s, Gradient into);
template <class T>
void conv2d_groups_backward_filter(Wide<T>* dw, const T* dy, const T* x, const Conv2dShape& s, Gradient into);
template <class T>
void conv2d_forward_statistics(T* y, Wide<T>* mean, Wide<T>* rstd, Wide<T>* running_mean,
                               Wide<T>* running_var, const T* x, const T* w, const Conv2dShape& s,
                               Wide<T> eps, Wide<T> momentum);

}  // namespace fr::FR_GPU
