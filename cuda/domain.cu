// The domain frequency of classes from the scores of their neighbours, in double like the reference: a batch has few rows.
#include <cfloat>

#include "cuda/gpu.h"
#include "tensor/domain_function.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 128;
constexpr int kTeams = kThreads / kWarp;

FR_DEVICE bool is_first(const int64_t* label, int64_t q) {
  int earlier = 0;
  for (int64_t i = lane(); i < q; i += kWarp) earlier |= label[i] == label[q];
  return !warp_max(earlier);
}

// The place that row q leaves out: its own class, or the last.
FR_DEVICE int64_t left_out(const int64_t* index, int64_t label, int64_t k) {
  int64_t place = -1;
  for (int64_t l = lane(); l < k; l += kWarp)
    if (index[l] == label) place = l;
  place = warp_max(place);
  return place < 0 ? k - 1 : place;
}

// One warp per row q, lanes stride over its places. of_row (Q): the compactness of a row that is the first of its class, of
// others -1. warp_max passes a NaN over, but the sum has it too.
FR_KERNEL(kThreads)
compactness_kernel(double* of_row, const int64_t* index, const float* score, const int64_t* label,
                   DomainFrequency o, int64_t Q, int64_t k) {
  for (int64_t q = block_x() * kTeams + warp(); q < Q; q += blocks_x() * kTeams) {
    const bool first = is_first(label, q);
    const int64_t skipped = left_out(index + q * k, label[q], k);
    double largest = -DBL_MAX, sum = 0;
    for (int64_t l = lane(); l < k; l += kWarp)
      if (l != skipped) largest = max(largest, o.scale * double(score[q * k + l]));
    largest = warp_max(largest);
    for (int64_t l = lane(); l < k; l += kWarp)
      if (l != skipped) sum += exp(o.scale * double(score[q * k + l]) - largest);
    sum = warp_sum(sum);
    if (lane() == 0) of_row[q] = first ? held_compactness(o, largest + log(sum)) : -1;
  }
}

// one warp, lanes stride over the rows
FR_KERNEL(kWarp)
eps_kernel(float* eps, const double* of_row, DomainFrequency o, int64_t Q) {
  double sum = 0, classes = 0;
  for (int64_t q = lane(); q < Q; q += kWarp)
    if (of_row[q] != -1) sum += of_row[q], classes += 1;
  sum = warp_sum(sum), classes = warp_sum(classes);
  if (lane() == 0) *eps = float(next_eps(o, double(*eps), sum / classes));
}

// one thread per row
FR_KERNEL(kThreads)
indicator_kernel(float* dfi, float* ic, const float* eps, const double* of_row, const int64_t* label,
                 DomainFrequency o, int64_t Q) {
  for (int64_t q = block_x() * kThreads + thread(); q < Q; q += blocks_x() * kThreads)
    if (of_row[q] != -1)
      ic[label[q]] = float(of_row[q]), dfi[label[q]] = float(indicator(o, double(*eps), of_row[q]));
}

void domain_frequency(float* dfi, float* ic, float* eps, const int64_t* index, const float* score,
                      const int64_t* label, const DomainFrequency& options, int64_t Q, int64_t k) {
  if (Q == 0) return;
  const Workspace<double> of_row(Q);
  launch(grid_for(divide_up(Q, kTeams)), kThreads, 0, compactness_kernel, of_row.get(), index, score, label,
         options, Q, k);
  launch({1}, kWarp, 0, eps_kernel, eps, of_row.get(), options, Q);
  launch(grid_for(divide_up(Q, kThreads)), kThreads, 0, indicator_kernel, dfi, ic, eps, of_row.get(), label,
         options, Q);
}

}  // namespace

template <class T>
void install_domain(Kernels<T>& k) {
  k.domain_frequency = domain_frequency;
}

template void install_domain(Kernels<float>&);
template void install_domain(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
