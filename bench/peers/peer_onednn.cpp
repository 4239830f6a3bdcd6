// Convolutions and matrix products by oneDNN, every tensor in the layout that the library chooses: moving data into that
// layout and out of it is not timed.
//   gemm M N K A B        conv C H W K R STRIDE PAD PASS BATCH        as in bench/worker/cases.h
#include <dnnl.hpp>
#include <memory>
#include <unordered_map>

#include "bench/worker/protocol.h"

using namespace fr::bench;
using dnnl::memory;
using Tag = memory::format_tag;

namespace {

constexpr auto kFloat = memory::data_type::f32;
constexpr auto kTraining = dnnl::prop_kind::forward_training;
constexpr auto kDirect = dnnl::algorithm::convolution_direct;

struct Library {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};
Library& library() {
  static Library l;
  return l;
}

struct Operand {
  int argument;
  memory::desc plain, chosen;
};

// One primitive with its memory. The result is the last operand.
struct Work {
  dnnl::primitive primitive;
  std::vector<Operand> operands;
  std::vector<Floats> floats;  // of the memories
  std::unordered_map<int, memory> memories;

  Work(dnnl::primitive p, std::vector<Operand> o) : primitive(std::move(p)), operands(std::move(o)) {
    for (uint32_t i = 0; i < operands.size(); ++i) {
      floats.emplace_back(operands[i].chosen.get_size() / 4);
      memory m(operands[i].chosen, library().engine, floats.back().data());
      if (i + 1 < operands.size()) {
        memory from(operands[i].plain, library().engine);
        const auto v = values(operand_seed(i), static_cast<int64_t>(operands[i].plain.get_size() / 4));
        std::copy(v.begin(), v.end(), static_cast<float*>(from.get_data_handle()));
        move(from, m);
      }
      memories.emplace(operands[i].argument, m);
    }
  }
  // x 1, w 2, y 3, in bench_worker's numbering.
  uint32_t operand_seed(uint32_t i) const {
    switch (operands[i].argument) {
      case DNNL_ARG_SRC:
        return 1;
      case DNNL_ARG_WEIGHTS:
        return 2;
      default:
        return 3;
    }
  }
  static void move(memory from, memory to) {
    dnnl::reorder(from, to).execute(library().stream, from, to);
    library().stream.wait();
  }
  void run() {
    primitive.execute(library().stream, memories);
    library().stream.wait();
  }
  std::vector<double> check() {
    run();
    const Operand& result = operands.back();
    memory plain(result.plain, library().engine);
    move(memories.at(result.argument), plain);
    return sampled(static_cast<const float*>(plain.get_data_handle()),
                   static_cast<int64_t>(result.plain.get_size() / 4));
  }
};

Case case_of(dnnl::primitive p, std::vector<Operand> operands, const char* kernel) {
  auto w = std::make_shared<Work>(std::move(p), std::move(operands));
  return {[w] { w->run(); }, [w] { return w->check(); }, kernel};
}

Case gemm(std::istringstream& in) {
  const auto M = next<int64_t>(in), N = next<int64_t>(in), K = next<int64_t>(in);
  const Tag a_tag = next<char>(in) == 't' ? Tag::ba : Tag::ab,
            b_tag = next<char>(in) == 't' ? Tag::ba : Tag::ab;
  const memory::desc a({M, K}, kFloat, a_tag), b({K, N}, kFloat, b_tag), c({M, N}, kFloat, Tag::ab);
  const dnnl::matmul::primitive_desc d(library().engine, a, b, c);
  return case_of(dnnl::matmul(d), {{DNNL_ARG_SRC, a, a}, {DNNL_ARG_WEIGHTS, b, b}, {DNNL_ARG_DST, c, c}},
                 d.impl_info_str());
}

Case conv(std::istringstream& in) {
  const auto C = next<int64_t>(in), H = next<int64_t>(in), W = next<int64_t>(in), K = next<int64_t>(in),
             R = next<int64_t>(in), stride = next<int64_t>(in), pad = next<int64_t>(in);
  const auto pass = next<std::string>(in);
  const auto N = next<int64_t>(in);
  const int64_t P = (H + 2 * pad - R) / stride + 1, Q = (W + 2 * pad - R) / stride + 1;
  const memory::dims x_size{N, C, H, W}, w_size{K, C, R, R}, y_size{N, K, P, Q}, s{stride, stride},
      p{pad, pad};
  const memory::desc x(x_size, kFloat, Tag::nhwc), w(w_size, kFloat, Tag::ohwi), y(y_size, kFloat, Tag::nhwc);
  const memory::desc any_x(x_size, kFloat, Tag::any), any_w(w_size, kFloat, Tag::any),
      any_y(y_size, kFloat, Tag::any);
  const dnnl::engine& e = library().engine;
  const dnnl::convolution_forward::primitive_desc forward(e, kTraining, kDirect, any_x, any_w, any_y, s, p,
                                                          p);
  if (pass == "dx") {
    const dnnl::convolution_backward_data::primitive_desc d(e, kDirect, any_x, any_w, any_y, s, p, p,
                                                            forward);
    return case_of(dnnl::convolution_backward_data(d),
                   {{DNNL_ARG_DIFF_DST, y, d.diff_dst_desc()},
                    {DNNL_ARG_WEIGHTS, w, d.weights_desc()},
                    {DNNL_ARG_DIFF_SRC, x, d.diff_src_desc()}},
                   d.impl_info_str());
  }
  if (pass == "dw") {
    const dnnl::convolution_backward_weights::primitive_desc d(e, kDirect, any_x, any_w, any_y, s, p, p,
                                                               forward);
    return case_of(dnnl::convolution_backward_weights(d),
                   {{DNNL_ARG_DIFF_DST, y, d.diff_dst_desc()},
                    {DNNL_ARG_SRC, x, d.src_desc()},
                    {DNNL_ARG_DIFF_WEIGHTS, w, d.diff_weights_desc()}},
                   d.impl_info_str());
  }
  return case_of(dnnl::convolution_forward(forward),
                 {{DNNL_ARG_SRC, x, forward.src_desc()},
                  {DNNL_ARG_WEIGHTS, w, forward.weights_desc()},
                  {DNNL_ARG_DST, y, forward.dst_desc()}},
                 forward.impl_info_str());
}

}  // namespace

int main() { return serve({{"gemm", gemm}, {"conv", conv}}); }
