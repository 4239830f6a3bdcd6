// Single-precision matrix products against OpenBLAS: cubes, and the shapes that convolutions, heads and fully connected
// layers of face networks give.
#include <cblas.h>

#include <cmath>
#include <random>

#include "bench/bench.h"

extern "C" char* openblas_get_corename(void);

namespace fr::bench {
namespace {

struct Shape {
  const char* name;
  int64_t M, N, K;
  bool transpose_a = false, transpose_b = false;
  bool quick = true;
};

const Shape kShapes[] = {
    {"cube 512", 512, 512, 512},
    {"cube 1024", 1024, 1024, 1024},
    {"cube 2048", 2048, 2048, 2048, false, false, false},
    {"conv64@56 per image", 64, 3136, 576},
    {"conv128@28 per image", 128, 784, 1152},
    {"conv256@14 per image", 256, 196, 2304},
    {"conv512@7 per image", 512, 49, 4608},
    {"conv128@28 batch 16", 128, 12544, 1152},
    {"conv256@14 batch 16", 256, 3136, 2304},
    {"conv512@7 batch 16", 512, 784, 4608},
    {"conv64@56 batch 16, pixels x 64", 50176, 64, 576},
    {"filter gradient 128@28 batch 16", 128, 1152, 12544},
    {"filter gradient 512@7 batch 16", 512, 4608, 784},
    {"Winograd 256@14 tile", 256, 256, 256},
    {"Winograd 128 tile", 128, 784, 128},
    {"Winograd 64 tile", 64, 3136, 64},
    {"head forward batch 32", 32, 10575, 512},
    {"head forward batch 32, B'", 32, 10575, 512, false, true},
    {"FC batch 16", 16, 512, 21504},
    {"FC batch 64 forward, B'", 64, 512, 21504, false, true},
    {"FC batch 64 input gradient", 64, 21504, 512},
    {"FC batch 64 weight gradient, A'", 512, 21504, 64, true},
};

std::vector<float> random_vector(size_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> v(n);
  for (float& x : v) x = uniform(rng);
  return v;
}

// Largest |c - double| / tolerance over 64 sampled elements.
double sampled_error(const std::vector<float>& c, const std::vector<float>& a, const std::vector<float>& b,
                     const GemmShape& s) {
  std::mt19937_64 rng(7);
  double worst = 0;
  for (int i = 0; i < 64; ++i) {
    const int64_t m = static_cast<int64_t>(rng() % static_cast<uint64_t>(s.M)),
                  n = static_cast<int64_t>(rng() % static_cast<uint64_t>(s.N));
    double sum = 0, size = 0;
    for (int64_t k = 0; k < s.K; ++k) {
      const double p =
          static_cast<double>(a[static_cast<size_t>(s.transpose_a ? k * s.lda + m : m * s.lda + k)]) *
          b[static_cast<size_t>(s.transpose_b ? n * s.ldb + k : k * s.ldb + n)];
      sum += p, size += std::fabs(p);
    }
    const double error = std::fabs(c[static_cast<size_t>(m * s.ldc + n)] - sum) / (1e-6 * (1 + size));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

Row bench_shape(const Kernels<float>& kernels, const Shape& shape, const Options& options) {
  GemmShape s;
  s.transpose_a = shape.transpose_a, s.transpose_b = shape.transpose_b;
  s.M = shape.M, s.N = shape.N, s.K = shape.K;
  s.lda = s.transpose_a ? s.M : s.K, s.ldb = s.transpose_b ? s.K : s.N, s.ldc = s.N;
  const std::vector<float> a = random_vector(static_cast<size_t>(s.M * s.K), 1),
                           b = random_vector(static_cast<size_t>(s.K * s.N), 2);
  std::vector<float> c(static_cast<size_t>(s.M * s.N)), d(c.size());
  auto ours = [&] { kernels.gemm(c.data(), a.data(), b.data(), s, 1.0f, 0.0f); };
  auto peer = [&] {
    cblas_sgemm(CblasRowMajor, s.transpose_a ? CblasTrans : CblasNoTrans,
                s.transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(s.M), static_cast<int>(s.N),
                static_cast<int>(s.K), 1.0f, a.data(), static_cast<int>(s.lda), b.data(),
                static_cast<int>(s.ldb), 0.0f, d.data(), static_cast<int>(s.ldc));
  };
  Row row;
  row.group = "gemm", row.backend = kernels.name;
  row.name = std::string(shape.name) + " (" + std::to_string(s.M) + "," + std::to_string(s.N) + "," +
             std::to_string(s.K) + ")";
  row.flop = 2.0 * static_cast<double>(s.M) * static_cast<double>(s.N) * static_cast<double>(s.K);
  ours();
  row.error = sampled_error(c, a, b, s);
  measure(row, options, ours, peer);
  return row;
}

}  // namespace

std::string openblas_core() { return openblas_get_corename(); }

std::vector<Row> bench_gemm(const Kernels<float>& kernels, const Options& options) {
  openblas_set_num_threads(options.threads);
  std::vector<Row> rows;
  for (const Shape& shape : kShapes)
    if ((shape.quick || !options.quick) && std::string(shape.name).find(options.only) != std::string::npos)
      rows.push_back(bench_shape(kernels, shape, options));
  return rows;
}

}  // namespace fr::bench
