// The rows of every kernel, by family. One row says what a kernel takes and gives; audit/harness.h does the rest.
#pragma once
#include <vector>

#include "audit/harness.h"
#include "audit/title.h"
#include "base/error.h"

namespace fr::audit {

using K = Kernels<float>;

std::vector<Row> memory_rows();
std::vector<Row> elementwise_rows();
std::vector<Row> reduce_rows();
std::vector<Row> gemm_rows();
std::vector<Row> conv2d_rows();
std::vector<Row> channel_rows();
std::vector<Row> pool2d_rows();
std::vector<Row> row_rows();
std::vector<Row> pair_rows();
std::vector<Row> mined_rows();
std::vector<Row> dataset_rows();
std::vector<Row> likelihood_rows();
std::vector<Row> search_rows();
std::vector<Row> domain_rows();
std::vector<Row> sgd_rows();

// All of them.
std::vector<Row> kernel_rows();

// The entries of the contract as a reader knows them: forward and backward are one line.
struct KernelTitle {
  Title title;
  std::set<size_t> entries;  // their offsets, see Entry
};
struct KernelFamily {
  std::string name;
  std::vector<KernelTitle> titles;
};
std::vector<KernelFamily> kernel_families();

// With the labels indices(N, 2, M).
Row softmax_cross_entropy_in_place(const std::string& of, int64_t N, int64_t M, std::vector<double> z);
// For rows of convolutions elsewhere.
Conv2dShape conv2d_shape(int64_t N, int64_t H, int64_t W, int64_t C, int64_t filters, int64_t R, int64_t S,
                         int64_t stride, int64_t pad, int64_t dilation = 1, int64_t groups = 1);
Row conv2d_statistics_row(const char* name, const Conv2dShape& s, double low = -1);

}  // namespace fr::audit
