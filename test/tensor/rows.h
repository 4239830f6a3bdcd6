// The rows of every kernel, by family. One row says what a kernel takes and gives; test/harness.h does the rest.
#pragma once
#include <vector>

#include "base/error.h"
#include "test/harness.h"

namespace fr::test {

using K = Kernels<float>;

std::vector<Row> memory_rows();
std::vector<Row> elementwise_rows();
std::vector<Row> reduce_rows();
std::vector<Row> gemm_rows();
std::vector<Row> conv2d_rows();
std::vector<Row> channel_rows();
std::vector<Row> pool2d_rows();
std::vector<Row> row_rows();
std::vector<Row> search_rows();
std::vector<Row> sgd_rows();

}  // namespace fr::test
