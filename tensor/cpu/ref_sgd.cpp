// Stochastic gradient descent with momentum and coupled weight decay; the two forms are written out in
// kernels.h.
#include "tensor/cpu/ref.h"
#include "tensor/cpu/sgd_many.h"

namespace fr::ref {
namespace {

template <class T>
void sgd_update(T* p, T* v, const T* g, const SgdStep& step, int64_t n) {
  const T lr = T(step.lr), momentum = T(step.momentum), decay = T(step.decay), scale = T(step.gradient_scale);
  const bool caffe = step.form == MomentumForm::caffe;
  const T inside = caffe ? lr : T(1), outside = caffe ? T(1) : lr;  // where the learning rate enters
  for (int64_t i = 0; i < n; ++i) {
    const T gradient = scale * g[i] + decay * p[i];
    v[i] = momentum * v[i] + inside * gradient;
    const T direction = step.nesterov ? momentum * v[i] + inside * gradient : v[i];
    p[i] -= outside * direction;
  }
}

template <class T>
void squared_norm_many(double* squared_norm, const SgdParameter<T>* parameters, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double own = 0;
    for (int64_t j = 0; j < parameters[i].n; ++j) own += double(parameters[i].g[j]) * parameters[i].g[j];
    sum += own;
  }
  *squared_norm = sum;
}

}  // namespace

template <class T>
void install_sgd(Kernels<T>& k) {
  k.sgd_update = sgd_update;
  k.squared_norm_many = squared_norm_many;
  k.sgd_update_many = sgd_update_many<T, sgd_update<T>>;
}

template void install_sgd(Kernels<float>&);
template void install_sgd(Kernels<double>&);

}  // namespace fr::ref
