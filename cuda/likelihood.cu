// The likelihood that two rows of one class, each a normal distribution, are of one point. A row meets only the few of its
// class in the batch, so all is done in double, as the reference does it.
#include "cuda/gpu.h"
#include "tensor/likelihood_function.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarp;

struct LikelihoodRow {
  double sum;
  int64_t pairs;
};
struct LikelihoodInput {
  const float *m, *s;
  const int64_t* label;
  int64_t N, D;
};

// one block per row i, threads stride over d; derivatives of the row's own sum, twice
FR_KERNEL(kThreads)
likelihood_kernel(LikelihoodRow* rows, float* dm, float* ds, LikelihoodInput in) {
  for (int64_t i = block_x(); i < in.N; i += blocks_x()) {
    double sum = 0;
    int64_t pairs = 0;
    for (int64_t j = 0; j < in.N; ++j) pairs += j != i && in.label[j] == in.label[i];
    for (int64_t d = thread(); d < in.D; d += threads()) {
      double dm_id = 0, ds_id = 0;
      for (int64_t j = 0; j < in.N; ++j) {
        if (j == i || in.label[j] != in.label[i]) continue;
        const int64_t p = i * in.D + d, q = j * in.D + d;
        const LikelihoodPart part = likelihood_part(in.m[p], in.s[p], in.m[q], in.s[q]);
        sum += part.l, dm_id += part.dm, ds_id += part.ds;
      }
      if (dm) dm[i * in.D + d] = float(2 * dm_id);
      if (ds) ds[i * in.D + d] = float(2 * ds_id);
    }
    sum = block_sum(sum, shared<double>());
    if (thread() == 0) rows[i] = {sum, pairs};
  }
}

// one block, threads stride over the rows
FR_KERNEL(kThreads)
likelihood_total_kernel(float* loss, float* share, const LikelihoodRow* rows, int64_t N) {
  double sum = 0, pairs = 0;
  for (int64_t i = thread(); i < N; i += threads()) sum += rows[i].sum, pairs += double(rows[i].pairs);
  double* scratch = shared<double>();
  sum = block_sum(sum, scratch), pairs = block_sum(pairs, scratch);
  if (thread() > 0) return;
  *share = pairs > 0 ? float(1 / pairs) : 0.0f;
  *loss = pairs > 0 ? float(sum / pairs) : 0.0f;
}

// one thread per element
FR_KERNEL(kThreads)
likelihood_share_kernel(float* dm, float* ds, const float* share, int64_t n) {
  for (int64_t i = block_x() * threads() + thread(); i < n; i += blocks_x() * threads()) {
    if (dm) dm[i] *= *share;
    if (ds) ds[i] *= *share;
  }
}

void likelihood_pairs(float* loss, float* dm, float* ds, const float* m, const float* s, const int64_t* label,
                      int64_t N, int64_t D) {
  const Workspace<LikelihoodRow> rows(N);
  const Workspace<float> share(1);
  const size_t scratch = kWarps * sizeof(double);
  launch(grid_for(N), kThreads, scratch, likelihood_kernel, rows.get(), dm, ds,
         LikelihoodInput{m, s, label, N, D});
  launch({}, kThreads, scratch, likelihood_total_kernel, loss, share.get(), rows.get(), N);
  launch(grid_for(divide_up(N * D, kThreads)), kThreads, 0, likelihood_share_kernel, dm, ds, share.get(),
         N * D);
}

}  // namespace

template <class T>
void install_likelihood(Kernels<T>& k) {
  k.likelihood_pairs = likelihood_pairs;
}

template void install_likelihood(Kernels<float>&);
template void install_likelihood(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
