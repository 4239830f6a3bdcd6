// What only moves memory: residual sum, PReLU, batch norm with what follows it, the optimiser. Verified against the
// reference; measured in bytes that must be read or written once, beside a copy.
#include <algorithm>
#include <cmath>
#include <functional>

#include "bench/bench.h"
#include "bench/worker/protocol.h"

namespace fr::bench {
namespace {

constexpr int64_t kRows = 16 * 56 * 56, kC = 64,
                  kSize = kRows * kC;  // a map of 64 channels at 56 x 56, batch 16

struct Maps {
  Floats x = values(1, kSize), dy = values(2, kSize), r = values(3, kSize);
  Floats a = values(4, kC), gamma = values(5, kC), beta = values(6, kC);
  Floats mean = Floats(kC), rstd = mean, running = mean, sums = mean;
  Floats out = Floats(kSize);  // what is compared

  BatchNormLine<float> line() const {
    return {mean.data(), rstd.data(), gamma.data(), beta.data(), a.data()};
  }
};

using Kernel = const Kernels<float>&;

struct Pass {
  const char* name;
  double maps;  // read or written
  void (*run)(Kernel, Maps&);
};

void sum(Kernel k, Maps& m) {
  const BroadcastShape s{{1, 1, 1, kSize}, {0, 0, 0, 1}, {0, 0, 0, 1}};
  k.binary_forward(m.out.data(), m.x.data(), m.r.data(), Binary::add, s);
}
void prelu_and_sum(Kernel k, Maps& m) {
  k.prelu_forward(m.out.data(), m.x.data(), m.a.data(), m.r.data(), kRows, kC);
}
void prelu_gradient(Kernel k, Maps& m) {
  k.prelu_backward(m.out.data(), m.sums.data(), m.dy.data(), m.x.data(), m.a.data(), kRows, kC,
                   Gradient::overwrite);
}
void statistics(Kernel k, Maps& m) {
  k.batch_norm_statistics(m.mean.data(), m.rstd.data(), m.running.data(), m.running.data(), m.x.data(), kRows,
                          kC, 1e-5f, 0.1f);
  std::copy(m.rstd.begin(), m.rstd.end(), m.out.begin());
}
void apply(Kernel k, Maps& m) {
  k.batch_norm_apply(m.out.data(), m.x.data(), m.line(), m.r.data(), kRows, kC);
}
void batch_norm_gradient(Kernel k, Maps& m) {  // reads x and dy for the sums, and again for dx
  k.batch_norm_backward(m.out.data(), m.sums.data(), m.sums.data(), m.sums.data(), m.dy.data(), m.x.data(),
                        m.line(), kRows, kC, Gradient::overwrite);
}
void sgd(Kernel k, Maps& m) {
  SgdStep step;
  step.lr = 1e-6, step.momentum = 0.9, step.decay = 5e-4;
  k.sgd_update(m.out.data(), m.r.data(), m.dy.data(), step, kSize);
}

const Pass kPasses[] = {{"residual sum", 3, sum},
                        {"PReLU and residual sum", 3, prelu_and_sum},
                        {"PReLU, gradient", 3, prelu_gradient},
                        {"batch norm, statistics", 1, statistics},
                        {"batch norm, PReLU and residual sum", 3, apply},
                        {"batch norm and PReLU, gradient", 5, batch_norm_gradient},
                        {"SGD with momentum and decay", 5, sgd}};

// In units of 1e-5 of the largest value.
double error_of(const Pass& pass, Kernel kernels) {
  Maps found, expected;
  for (auto [m, k] : {std::pair{&found, &kernels}, {&expected, &ref_kernels<float>()}})
    statistics(*k, *m), pass.run(*k, *m);
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < found.out.size(); ++i) {
    largest = std::max<double>(largest, std::fabs(expected.out[i]));
    const double difference = std::fabs(double(found.out[i]) - expected.out[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst / largest / 1e-5;
}

}  // namespace

std::vector<Row> bench_memory(const Kernels<float>& kernels, const Options& options) {
  std::vector<Row> rows;
  for (const Pass& pass : kPasses) {
    if (std::string(pass.name).find(options.only) == std::string::npos) continue;
    Row row;
    row.group = "passes over memory, 64@56, batch 16", row.name = pass.name, row.backend = kernels.name;
    row.flop = pass.maps * 4 * kSize, row.memory = true;
    row.error = error_of(pass, kernels);
    Maps maps;
    statistics(kernels, maps);
    measure(row, options, [&] { pass.run(kernels, maps); }, {});
    rows.push_back(row);
  }
  return rows;
}

}  // namespace fr::bench
