// Matrix products: square ones for the card's ceiling, and those of training (IResNet's last layer, the head), beside cuBLAS.
#include <memory>

#include "base/error.h"
#include "bench/gpu/bench.h"
#include "bench/gpu/buffer.h"
#include "bench/gpu/cublas.h"

namespace fr::bench::gpu {
namespace {

struct Product {
  const char* what;
  int64_t M, N, K;
  bool transpose_a, transpose_b;
  bool wide;  // gemm_wide
};

GemmShape shape_of(const Product& p) {
  GemmShape s;
  s.transpose_a = p.transpose_a, s.transpose_b = p.transpose_b;
  s.M = p.M, s.N = p.N, s.K = p.K;
  s.lda = p.transpose_a ? p.M : p.K, s.ldb = p.transpose_b ? p.K : p.N, s.ldc = p.N;
  return s;
}

template <class T>
double check(const Product& p, const GemmShape& s, const Buffer<T>& a, const Buffer<T>& b, const auto& c,
             double rounding) {
  Checked checked;
  for (int64_t i = 0; i < 16; ++i) {
    const int64_t m = i * (p.M - 1) / 15, n = (15 - i) * (p.N - 1) / 15;
    double want = 0, squares = 0;
    for (int64_t k = 0; k < p.K; ++k) {
      const double term = a.at(p.transpose_a ? k * s.lda + m : m * s.lda + k) *
                          b.at(p.transpose_b ? n * s.ldb + k : k * s.ldb + n);
      want += term, squares += term * term;
    }
    checked.look(c.now_at(m * s.ldc + n), want, squares, rounding);
  }
  return checked.worst;
}

template <class T, class To>
void run(const DeviceInterface& d, const Options& options, Report& report, const Product& p) {
  const Kernels<T>& k = *table_of<T>(d);
  const GemmShape s = shape_of(p);
  Row row{.group = "products",
          .name = cat(p.what, " ", p.M, "x", p.N, "x", p.K, p.transpose_a ? " A^T" : "",
                      p.transpose_b ? " B^T" : "", p.wide ? ", C wide" : ""),
          .type = type_name<T>()};
  row.flop = 2.0 * double(p.M) * double(p.N) * double(p.K);
  attempt(report, row, [&](Row& r) {
    const auto entry = [&] {
      if constexpr (std::is_same_v<T, To>)
        return k.gemm;
      else
        return k.gemm_wide;
    }();
    if (!entry) throw std::runtime_error("the entry is missing");
    const int64_t sets = sets_for(double((p.M + p.N) * p.K) * sizeof(T) + double(p.M * p.N) * sizeof(To));
    std::vector<std::unique_ptr<Buffer<T>>> a, b;
    std::vector<std::unique_ptr<Buffer<To>>> c;
    for (int64_t i = 0; i < sets; ++i) {
      a.push_back(std::make_unique<Buffer<T>>(d, p.M * p.K, 1, i));
      b.push_back(std::make_unique<Buffer<T>>(d, p.N * p.K, 1, i + 1000));
      c.push_back(std::make_unique<Buffer<To>>(d, p.M * p.N, 1));
    }
    const auto ours = [&](int64_t i) {
      const auto j = size_t(i % sets);
      entry(c[j]->data(), a[j]->data(), b[j]->data(), s, 1, 0);
    };
    ours(0);
    r.error = check<T>(p, s, *a[0], *b[0], *c[0], kRounding<To>);
    r.ours = measure(d, options, ours);
    if (const auto peer = cublas_product<T, To>(d); peer)
      r.peer = measure(d, options, [&](int64_t i) {
                 const auto j = size_t(i % sets);
                 peer(c[j]->data(), a[j]->data(), b[j]->data(), s);
               }).median;
  });
}

template <class T>
void all(const DeviceInterface& d, const Options& options, Report& report) {
  if (!table_of<T>(d)) return;
  const int64_t B = options.quick ? 8 : 512, D = options.quick ? 16 : 512, M = options.quick ? 40 : 93000;
  const int64_t map = options.quick ? 98 : 25088, square = options.quick ? 48 : 8192;
  const Product products[] = {{"square", square, square, square, false, false, false},
                              {"square", square / 2, square / 2, square / 2, false, true, false},
                              {"last layer", B, D, map, false, true, false},
                              {"last layer, dx", B, map, D, false, false, false},
                              {"last layer, dw", D, map, B, true, false, true},
                              {"head, scores", B, M, D, false, true, true},
                              {"head, dx", B, D, M, false, false, false},
                              {"head, dw", M, D, B, true, false, true}};
  for (const Product& p : products)
    if (p.wide)
      run<T, Wide<T>>(d, options, report, p);
    else
      run<T, T>(d, options, report, p);
}

}  // namespace

void bench_gemm(const DeviceInterface& device, const Options& options, Report& report) {
  all<bfloat16>(device, options, report);
  all<float>(device, options, report);
  const WithTf32 tf32;
  all<float>(device, options, report);
}

}  // namespace fr::bench::gpu
