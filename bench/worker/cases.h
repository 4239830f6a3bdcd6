// The work of bench_worker. Parameters follow the case's name; FILE is written here and read by the peers, or - for none.
#pragma once
#include <memory>
#include <string>

#include "bench/worker/protocol.h"
#include "fr/backbone/network.h"

namespace fr::bench {

Case train_case(std::istringstream&);     // train NET BATCH FILE
Case infer_case(std::istringstream&);     // infer NET BATCH FILE
Case gemm_case(std::istringstream&);      // gemm M N K A B               A, B: n or t (as stored)
Case conv_case(std::istringstream&);      // conv C H W K R STRIDE PAD PASS BATCH        PASS: fwd, dx, dw
Case topk_case(std::istringstream&);      // topk QUERIES N D K
Case pipeline_case(std::istringstream&);  // pipeline FOLDER
Case peak_case(std::istringstream&);  // peak: fused multiply-adds in registers; its note is the flop of a run

inline constexpr int64_t kEmbedding = 512;

// sphereface4 .. sphereface64, iresnet18 .. iresnet100, with embeddings of 512 numbers.
std::unique_ptr<Backbone> backbone_of(const std::string& name);

}  // namespace fr::bench
