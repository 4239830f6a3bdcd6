// Which class a picture is most easily mistaken for: the largest of its scores but for its own class's.
#pragma once
#include "tensor/tensor.h"

namespace fr {

struct LargestOther {
  Tensor index;  // int64 (N): the class, ties to the lowest; -1 where there is no other, or -infinity alone
  Tensor score;  // (N)
  double seconds = 0;  // that it took, on the CPU
};

// z (N,M), labels int64 (N), of all that lies where z lies; scale (N) > 0, if given, multiplies the rows of z.
LargestOther largest_other(const Tensor& z, const Tensor& labels, const Tensor& scale = {});

}  // namespace fr
