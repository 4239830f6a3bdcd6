// Matrix products by a library with the CBLAS interface. compare.py links it with OpenBLAS and with BLIS.
//   gemm M N K A B        A, B: n or t (as stored), row-major
#include <cblas.h>

#include <memory>

#include "bench/worker/protocol.h"

#ifdef PREFIX  // PyPI's OpenBLAS calls its functions scipy_cblas_sgemm, ...
#define cblas_sgemm scipy_cblas_sgemm
#endif

using namespace fr::bench;

static Case gemm(std::istringstream& in) {
  const int M = next<int>(in), N = next<int>(in), K = next<int>(in);
  const bool ta = next<char>(in) == 't', tb = next<char>(in) == 't';
  auto run = [=, a = values(1, int64_t{M} * K), b = values(2, int64_t{K} * N),
              c = std::make_shared<Floats>(static_cast<size_t>(M) * static_cast<size_t>(N))] {
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, M, N, K, 1.0f,
                a.data(), ta ? M : K, b.data(), tb ? K : N, 0.0f, c->data(), N);
    return c;
  };
  return {[run] { run(); },
          [run] {
            const auto c = run();
            return sampled(c->data(), static_cast<int64_t>(c->size()));
          }};
}

int main() { return serve({{"gemm", gemm}}); }
