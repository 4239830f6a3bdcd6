// bench_worker [--threads N]: our side of bench/peers/compare.py. PROSOPON_BACKEND chooses the kernels.
#include <cstdlib>
#include <iostream>

#include "base/parallel.h"
#include "bench/worker/cases.h"

int main(int argc, char** argv) {
  using namespace fr::bench;
  if (argc == 3 && std::string(argv[1]) == "--threads" && std::atoi(argv[2]) > 0) {
    fr::set_threads(std::atoi(argv[2]));
  } else if (argc != 1) {
    std::cerr << "usage: bench_worker [--threads N]\n";
    return 2;
  }
  return serve({{"train", train_case},
                {"infer", infer_case},
                {"gemm", gemm_case},
                {"conv", conv_case},
                {"topk", topk_case},
                {"pipeline", pipeline_case},
                {"peak", peak_case}});
}
