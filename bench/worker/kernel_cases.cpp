// Single kernels: matrix product, the three passes of a convolution, and the search for the nearest embeddings.
#include <algorithm>

#include "bench/worker/cases.h"
#include "bench/worker/probe.h"

namespace fr::bench {
namespace {

struct Convolution {
  Conv2dShape s;
  Floats x, w, y;  // (N,H,W,C), (K,R,S,C), (N,P,Q,K); each doubles as its gradient
};

}  // namespace

Case gemm_case(std::istringstream& in) {
  GemmShape s;
  s.M = next<int64_t>(in), s.N = next<int64_t>(in), s.K = next<int64_t>(in);
  s.transpose_a = next<char>(in) == 't', s.transpose_b = next<char>(in) == 't';
  s.lda = s.transpose_a ? s.M : s.K, s.ldb = s.transpose_b ? s.K : s.N, s.ldc = s.N;
  const Kernels<float>& k = kernels<float>();
  auto run = [&k, s, a = values(1, s.M * s.K), b = values(2, s.K * s.N),
              c = std::make_shared<Floats>(static_cast<size_t>(s.M * s.N))] {
    k.gemm(c->data(), a.data(), b.data(), s, 1.0f, 0.0f);
    return c;
  };
  return {[run] { run(); },
          [run] {
            const auto c = run();
            return sampled(c->data(), static_cast<int64_t>(c->size()));
          },
          k.name};
}

Case conv_case(std::istringstream& in) {
  auto d = std::make_shared<Convolution>();
  Conv2dShape& s = d->s;
  s.C = next<int64_t>(in), s.H = next<int64_t>(in), s.W = next<int64_t>(in), s.K = next<int64_t>(in);
  s.R = s.S = next<int64_t>(in), s.stride_h = s.stride_w = next<int64_t>(in);
  s.pad_h = s.pad_w = next<int64_t>(in);
  const auto pass = next<std::string>(in);
  s.N = next<int64_t>(in);
  d->x = values(1, s.N * s.H * s.W * s.C), d->w = values(2, s.K * s.R * s.S * s.C);
  d->y = values(3, s.N * s.P() * s.Q() * s.K);
  Floats& result = pass == "fwd" ? d->y : pass == "dx" ? d->x : d->w;
  const Kernels<float>& k = kernels<float>();
  auto run = [d, pass, &k] {
    if (pass == "fwd")
      k.conv2d_forward(d->y.data(), d->x.data(), d->w.data(), d->s);
    else if (pass == "dx")
      k.conv2d_backward_input(d->x.data(), d->y.data(), d->w.data(), d->s, Gradient::overwrite);
    else if (pass == "dw")
      k.conv2d_backward_filter(d->w.data(), d->y.data(), d->x.data(), d->s, Gradient::overwrite);
    else
      throw Skip("no pass " + pass);
  };
  return {run,
          [run, &result] {
            std::fill(result.begin(), result.end(), 0.0f);  // gradients are added to what is there
            run();
            return sampled(result.data(), static_cast<int64_t>(result.size()));
          },
          k.name};
}

Case topk_case(std::istringstream& in) {
  const auto Q = next<int64_t>(in), N = next<int64_t>(in), D = next<int64_t>(in), k = next<int64_t>(in);
  const auto places = static_cast<size_t>(Q * k);
  const Kernels<float>& table = kernels<float>();
  auto run = [&table, Q, N, D, k, gallery = values(1, N * D), q = values(2, Q * D),
              score = std::make_shared<Floats>(places),
              index = std::make_shared<std::vector<int64_t>>(places)] {
    table.top_k(index->data(), score->data(), q.data(), gallery.data(), Q, N, D, k);
    return score;
  };
  return {[run] { run(); }, [run, Q, k] { return sampled(run()->data(), Q * k); }, table.name};
}

Case peak_case(std::istringstream&) {
  const std::string backend = kernels<float>().name;
  return {[backend] { fma_peak(backend); }, [] { return std::vector<double>{}; },
          std::to_string(fma_flop(backend))};
}

}  // namespace fr::bench
