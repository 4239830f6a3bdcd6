// Whole steps: training, embedding, search. GFLOP/s count the multiplications of the definition, so Winograd can pass the
// peak. Verified first: a network with Winograd against the same without, the search against the reference.
#include <cmath>

#include "bench/bench.h"
#include "bench/worker/cases.h"

namespace fr::bench {
namespace {

struct Work {
  const char* group;
  const char* name;
  const char* parameters;  // of the case
  Case (*make)(std::istringstream&);
  double flop;
  double tolerance;  // largest difference / largest result
  bool quick;
  bool memory = false;  // flop counts bytes
};

double forward_flop(const std::string& network) {
  return 2 * static_cast<double>(total_multiply_adds(backbone_of(network)->describe()));
}

constexpr double kHead = 2.0 * 512 * 10575;

std::vector<Work> works() {
  const double sphere = forward_flop("sphereface20"), residual = forward_flop("iresnet50");
  const char *train = "training step, 10,575 classes", *embed = "inference, weights prepared";
  return {
      {train, "SphereFace-20, batch 16", "sphereface20 16 -", train_case, 48 * (sphere + kHead), 1e-3, true},
      {train, "IResNet-50, batch 16", "iresnet50 16 -", train_case, 48 * (residual + kHead), 1e-3, false},
      {embed, "SphereFace-20, batch 1", "sphereface20 1 -", infer_case, sphere, 1e-3, true},
      {embed, "SphereFace-20, batch 16", "sphereface20 16 -", infer_case, 16 * sphere, 1e-3, true},
      {embed, "IResNet-50, batch 1", "iresnet50 1 -", infer_case, residual, 1e-3, false},
      {embed, "IResNet-50, batch 16", "iresnet50 16 -", infer_case, 16 * residual, 1e-3, false},
      {"top 10 of 50,000 x 512, one query", "1 query", "1 50000 512 10", topk_case, 4.0 * 50000 * 512, 1e-5,
       true, true},
      {"top 10 of 50,000 x 512", "64 queries", "64 50000 512 10", topk_case, 64 * 2.0 * 50000 * 512, 1e-5,
       true}};
}

Case make(const Work& w) {
  std::istringstream parameters(w.parameters);
  return w.make(parameters);
}

// In units of the tolerance, against the plainer way of computing the same.
double error_of(const Work& w, const Case& fast, const Kernels<float>& kernels) {
  const std::vector<double> found = fast.check();
  const bool search = w.make == topk_case;
  if (search) select_backend("ref");
  select_winograd(false);
  const std::vector<double> expected = make(w).check();
  select_winograd(true);
  select_backend(kernels.name);
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    const double difference = std::fabs(found[i] - expected[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst / largest / w.tolerance;
}

}  // namespace

std::vector<Row> bench_steps(const Kernels<float>& kernels, const Options& options) {
  select_backend(kernels.name);
  std::vector<Row> rows;
  for (const Work& w : works()) {
    if ((options.quick && !w.quick) || std::string(w.name).find(options.only) == std::string::npos) continue;
    const Case work = make(w);
    Row row;
    row.group = w.group, row.name = w.name, row.backend = kernels.name;
    row.flop = w.flop, row.memory = w.memory;
    row.error = error_of(w, work, kernels);
    measure(row, options, work.run, {});
    rows.push_back(row);
  }
  return rows;
}

}  // namespace fr::bench
