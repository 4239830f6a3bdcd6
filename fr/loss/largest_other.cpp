#include "fr/loss/largest_other.h"

#include <chrono>

#include "tensor/kernels.h"

namespace fr {

LargestOther largest_other(const Tensor& z, const Tensor& labels, const Tensor& scale) {
  const int64_t N = z.dim(0);
  const auto start = std::chrono::steady_clock::now();
  LargestOther other{Tensor({N}, DType::int64, z.device()), like(z, {N})};
  with_kernels(z, [&](const auto& k) {
    k.largest_other(other.index.data(), other.score.data(), z.data(), labels.data(), N, z.dim(1));
    const BroadcastShape each{{1, 1, 1, N}, {0, 0, 0, 1}, {0, 0, 0, 1}};
    if (scale) k.binary_forward(other.score.data(), other.score.data(), scale.data(), Binary::mul, each);
  });
  if (z.on_host())
    other.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return other;
}

}  // namespace fr
