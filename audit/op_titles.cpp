// What a reader sees of each op.
#include "audit/ops.h"

namespace fr::audit {

std::vector<Title> op_titles() {
  const char* norm = "Ioffe and Szegedy 2015";
  return {
      {"add", "y = a + b", "", ""},
      {"sub", "y = a - b", "", ""},
      {"mul", "y = a b", "", ""},
      {"div", "y = a / b", "", ""},
      {"maximum", "y = max(a, b)", "", ""},
      {"relu", "y = max(x, 0)", "", ""},
      {"exp", "y = exp(x)", "", ""},
      {"log", "y = log(x)", "", ""},
      {"sqrt", "y = sqrt(x)", "", ""},
      {"square", "y = x^2", "", ""},
      {"abs", "y = |x|", "", ""},
      {"tanh", "y = tanh(x)", "", ""},
      {"sigmoid", "y = 1 / (1 + exp(-x))", "", ""},
      {"affine", "y = a x + b", "", ""},
      {"dropout", "y = x / (1 - p) or 0", "Srivastava et al. 2014", ""},
      {"reshape", "y = x", "", ""},
      {"flatten", "y = x", "", ""},
      {"concat_columns", "y = [a, b]", "", ""},
      {"concat_channels", "y = [a, b, ...]", "", ""},
      {"maxout", "y = max of the group", "Goodfellow et al. 2013", ""},
      {"reduce", "y = sum, mean or max over an axis", "", ""},
      {"sum", "y = sum x", "", ""},
      {"mean", "y = mean x", "", ""},
      {"matmul", "y = op(a) op(b)", "", ""},
      {"linear", "y = x w^T + b", "", ""},
      {"conv2d", "y = w * x + b", "", ""},
      {"conv2d_with_statistics", "y = w * x, mean, variance", norm, ""},
      {"max_pool2d", "y = max of the window", "", ""},
      {"average_pool2d", "y = mean of the window", "", ""},
      {"prelu", "y = x or a x, + residual", "He et al. 2015, Eq. 1", ""},
      {"arfa", "y = k x or k x / (a - x)", "Smirnov et al. 2017, Eq. 1", ""},
      {"batch_norm", "y = act(gamma xh + beta) + residual", norm, ""},
      {"l2_normalize", "y = x / |x|", "Wang et al. 2017, Eq. 5", ""},
      {"softmax_cross_entropy", "y = log sum exp z - z_label", "Liu et al. 2017, Eq. 3", ""},
  };
}

}  // namespace fr::audit
