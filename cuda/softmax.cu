// Softmax cross-entropy and margin softmax over the columns of a row, always in float.
//   A row is cut into pieces, as many as a large card needs to be busy, depending on (N, M) alone; a block passes once
//   over a piece. Forward: (largest, sum of exponentials) of each piece, then a warp per row joins them in order.
//   Backward: one pass; the gradient of the scale is a sum per piece, then a sum over pieces.
// Bound by memory: forward reads the logits once, backward reads and writes once.
#include <cfloat>

#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kBlocks = 132 * 16;

// How the rows are cut; count pieces a row, of `width` columns but for the last.
struct Pieces {
  int64_t N, M, width, count;
  int threads() const { return width > 1024 ? kThreads : kWarp; }
};
Pieces cut(int64_t N, int64_t M) {
  const int64_t most = max<int64_t>(M / (4 * kThreads), 1);  // a pack for every thread
  const int64_t wanted = min(max<int64_t>(kBlocks / N, 1), most);
  const int64_t width = max<int64_t>(divide_up(divide_up(M, wanted), 4) * 4, 4);
  return {N, M, width, max<int64_t>(divide_up(M, width), 1)};
}

// f(piece, n, begin, end) for each piece of this block: columns [begin, end) of row n.
template <class F>
FR_DEVICE void for_pieces(const Pieces& p, const F& f) {
  for (int64_t piece = block_x(); piece < p.N * p.count; piece += blocks_x()) {
    const int64_t n = piece / p.count, begin = (piece - n * p.count) * p.width;
    f(piece, n, begin, min(begin + p.width, p.M));
  }
}

// exp(z - largest), or exp(z - lse). Where z is a product, fused into the difference it is not rounded, and of huge numbers
// that difference may lie far above 0: it counts as 0. A NaN passes.
FR_DEVICE float exp_below(float z, float top) {
  const float x = z - top;
  return expf(x > 0 ? 0.0f : x);
}

// sum exp(z - largest) over some z. Nothing yet: a finite `largest`, so that z of -infinity counts as 0.
struct LogSum {
  float largest = -FLT_MAX, sum = 0;
};
template <int pack>
FR_DEVICE void add(LogSum& s, const Pack<float, pack>& z) {
  float top = s.largest, more = 0;
  for (const float v : z.v) top = v > top ? v : top;
  if (top > s.largest) s.sum *= expf(s.largest - top), s.largest = top;
  for (const float v : z.v) more += exp_below(v, top);
  s.sum += more;
}
FR_DEVICE LogSum join(const LogSum& a, const LogSum& b) {
  const float top = a.largest > b.largest ? a.largest : b.largest;
  return {top, a.sum * exp_below(a.largest, top) + b.sum * exp_below(b.largest, top)};
}
FR_DEVICE LogSum warp_join(const LogSum& s) {  // in every lane
  const float top = warp_max(s.largest);
  return {top, warp_sum(s.sum * expf(s.largest - top))};
}
FR_DEVICE LogSum block_join(LogSum s) {  // in thread 0
  LogSum* scratch = shared<LogSum>();
  s = warp_join(s);
  sync();
  if (lane() == 0) scratch[warp()] = s;
  sync();
  if (thread() == 0)
    for (int w = 1; w < threads() / kWarp; ++w) s = join(s, scratch[w]);
  return s;
}

// one block per piece, threads stride over its columns in packs
template <int pack>
FR_KERNEL(kThreads)
logits_kernel(LogSum* partial, const float* z, Pieces pieces) {
  for_pieces(pieces, [&](int64_t piece, int64_t n, int64_t begin, int64_t end) {
    LogSum s;
    for (int64_t m = begin + thread() * pack; m < end; m += threads() * pack)
      add(s, load<float, pack>(z + n * pieces.M + m));
    s = block_join(s);
    if (thread() == 0) partial[piece] = s;
  });
}

// a_m of a pack of columns, 1 where there is none.
template <int pack>
FR_DEVICE Pack<float, pack> class_scales(const float* class_scale, int64_t m) {
  if (class_scale) return load<float, pack>(class_scale + m);
  Pack<float, pack> ones;
  for (float& v : ones.v) v = 1;
  return ones;
}

// A cosine of -infinity: no class.
FR_DEVICE bool left_out(float c) { return c == -INFINITY; }

// The same over scale a c, all but the label's column, which is only clamped; c is written only where it changes.
template <int pack>
FR_KERNEL(kThreads)
cosines_kernel(LogSum* partial, float* c, const float* scale, const float* class_scale, const int64_t* label,
               Pieces pieces) {
  for_pieces(pieces, [&](int64_t piece, int64_t n, int64_t begin, int64_t end) {
    LogSum s;
    const float scale_n = scale[n];
    const int64_t label_n = label[n];
    for (int64_t m = begin + thread() * pack; m < end; m += threads() * pack) {
      Pack<float, pack> z = load<float, pack>(c + n * pieces.M + m);
      const Pack<float, pack> a = class_scales<pack>(class_scale, m);
      bool changed = class_scale != nullptr;
      for (int i = 0; i < pack; ++i) {
        float& v = z.v[i];
        if (left_out(v)) continue;
        changed |= v < -1 || v > 1;
        v = v < -1 ? -1.0f : v > 1 ? 1.0f : v;  // a NaN passes
        if (m + i != label_n) v *= a.v[i];
      }
      if (changed) store<float, pack>(c + n * pieces.M + m, z);
      for (int i = 0; i < pack; ++i)
        z.v[i] = m + i == label_n || left_out(z.v[i]) ? -INFINITY : z.v[i] * scale_n;
      add(s, z);
    }
    s = block_join(s);
    if (thread() == 0) partial[piece] = s;
  });
}

FR_DEVICE LogSum join_pieces(const LogSum* partial, int64_t n, int64_t count) {
  LogSum s;
  for (int64_t i = lane(); i < count; i += kWarp) s = join(s, partial[n * count + i]);
  return warp_join(s);
}
// The largest is subtracted from the target before the logarithm is added: neither is small beside the other then.
FR_DEVICE void finish(float* loss, float* lse, const LogSum& s, float target) {
  const float rest = logf(s.sum);
  *lse = s.largest + rest;
  *loss = s.largest - target + rest;
}

// one warp per row n, lanes stride over its pieces
FR_KERNEL(kThreads)
cross_entropy_kernel(float* loss, float* lse, const LogSum* partial, const float* z, const int64_t* label,
                     Pieces pieces) {
  for (int64_t n = block_x() * (threads() / kWarp) + warp(); n < pieces.N;
       n += blocks_x() * (threads() / kWarp)) {
    const LogSum s = join_pieces(partial, n, pieces.count);
    if (lane() == 0) finish(loss + n, lse + n, s, z[n * pieces.M + label[n]]);
  }
}

// The target functions of a batch: class_scale and class_margin (M) may be null.
struct Targets {
  Margin margin;
  const float *scale, *class_scale, *class_margin;
  const int64_t* label;
};

// one warp per row n, lanes stride over its pieces; the label's logit joins last
FR_KERNEL(kThreads)
margin_kernel(float* loss, float* lse, float* h, float* dh, float* c, const LogSum* partial, Targets targets,
              Pieces pieces) {
  for (int64_t n = block_x() * (threads() / kWarp) + warp(); n < pieces.N;
       n += blocks_x() * (threads() / kWarp)) {
    const LogSum others = join_pieces(partial, n, pieces.count);
    if (lane() != 0) continue;
    const int64_t label = targets.label[n];
    const float a = targets.class_scale ? targets.class_scale[label] : 1;
    float& cosine = c[n * pieces.M + label];
    const Margin own =
        targets.class_margin ? scaled_margin(targets.margin, targets.class_margin[label]) : targets.margin;
    const MarginValue<float> value = margin_value(own, cosine);
    const float target = targets.scale[n] * (a * value.h);
    h[n] = value.h, dh[n] = value.dh;
    cosine *= a;
    finish(loss + n, lse + n, join(others, {target, 1}), target);
  }
}

// one block per piece, threads stride over its columns in packs; dz may be z when it is overwritten
template <int pack>
FR_KERNEL(kThreads)
cross_entropy_backward_kernel(float* dz, const float* dloss, const float* z, const float* lse,
                              const int64_t* label, Gradient into, Pieces pieces) {
  for_pieces(pieces, [&](int64_t, int64_t n, int64_t begin, int64_t end) {
    const float dloss_n = dloss[n], lse_n = lse[n];
    const int64_t label_n = label[n];
    for (int64_t m = begin + thread() * pack; m < end; m += threads() * pack) {
      const Pack<float, pack> from = load<float, pack>(z + n * pieces.M + m);
      Pack<float, pack> to = {};
      if (into == Gradient::add) to = load<float, pack>(dz + n * pieces.M + m);
      for (int i = 0; i < pack; ++i)
        to.v[i] += dloss_n * (exp_below(from.v[i], lse_n) - (m + i == label_n ? 1.0f : 0.0f));
      store<float, pack>(dz + n * pieces.M + m, to);
    }
  });
}

// What margin softmax knows of each row (N), and class_scale (M) or null.
struct MarginRows {
  const float *dloss, *scale, *lse, *h, *factor, *class_scale;
  const int64_t* label;
};

// one block per piece, threads stride over its columns in packs; g may be c
template <int pack>
FR_KERNEL(kThreads)
margin_backward_kernel(float* g, float* partial, float* d_label, float* radial, const float* c,
                       MarginRows rows, Pieces pieces) {
  for_pieces(pieces, [&](int64_t piece, int64_t n, int64_t begin, int64_t end) {
    const float dloss = rows.dloss[n], scale = rows.scale[n], lse = rows.lse[n];
    const int64_t label = rows.label[n];
    float sum = 0;
    for (int64_t m = begin + thread() * pack; m < end; m += threads() * pack) {
      const Pack<float, pack> from = load<float, pack>(c + n * pieces.M + m);
      const Pack<float, pack> scales = class_scales<pack>(rows.class_scale, m);
      Pack<float, pack> to;
      for (int i = 0; i < pack; ++i) {
        const bool target = m + i == label;
        if (!target && left_out(from.v[i])) {
          to.v[i] = 0;
          continue;
        }
        const float a = scales.v[i], value = target ? a * rows.h[n] : from.v[i];
        const float factor = target ? rows.factor[n] : 1.0f;
        const float d = dloss * (exp_below(scale * value, lse) - (target ? 1.0f : 0.0f));
        if (target) d_label[n] = d;
        if (target && radial) radial[n] = scale * d * (rows.h[n] - factor * (a != 0 ? from.v[i] / a : 0.0f));
        sum += d * value;
        to.v[i] = scale * a * factor * d;
      }
      store<float, pack>(g + n * pieces.M + m, to);
    }
    if (!partial) return;
    sum = block_sum(sum, shared<float>());
    if (thread() == 0) partial[piece] = sum;
  });
}

// one warp per row n, lanes stride over its pieces
FR_KERNEL(kThreads)
scale_gradient_kernel(float* dscale, const float* partial, Pieces pieces) {
  for (int64_t n = block_x() * (threads() / kWarp) + warp(); n < pieces.N;
       n += blocks_x() * (threads() / kWarp)) {
    float sum = 0;
    for (int64_t i = lane(); i < pieces.count; i += kWarp) sum += partial[n * pieces.count + i];
    sum = warp_sum(sum);
    if (lane() == 0) dscale[n] += sum;
  }
}

template <class... P, class... A>
void launch_pieces(const Pieces& p, void (*kernel)(P...), const A&... arguments) {
  launch(grid_for(p.N * p.count, kBlocks), p.threads(), kThreads / kWarp * sizeof(LogSum), kernel,
         arguments..., p);
}
template <class... P, class... A>
void launch_rows(const Pieces& p, void (*kernel)(P...), const A&... arguments) {
  launch(grid_for(divide_up(p.N, kThreads / kWarp)), kThreads, 0, kernel, arguments..., p);
}

void softmax_cross_entropy_forward(float* loss, float* lse, const float* z, const int64_t* label, int64_t N,
                                   int64_t M) {
  if (N == 0) return;
  const Pieces p = cut(N, M);
  const Workspace<LogSum> partial(p.N * p.count);
  launch_pieces(p, packs_fit<4>(M, z) ? logits_kernel<4> : logits_kernel<1>, partial.get(), z);
  launch_rows(p, cross_entropy_kernel, loss, lse, partial.get(), z, label);
}

void softmax_cross_entropy_backward(float* dz, const float* dloss, const float* z, const float* lse,
                                    const int64_t* label, int64_t N, int64_t M, Gradient into) {
  if (N == 0) return;
  launch_pieces(cut(N, M),
                packs_fit<4>(M, dz, z) ? cross_entropy_backward_kernel<4> : cross_entropy_backward_kernel<1>,
                dz, dloss, z, lse, label, into);
}

void margin_softmax_forward(float* loss, float* lse, float* h, float* dh, float* c, const float* scale,
                            const float* class_scale, const int64_t* label, const Margin& margin,
                            const float* class_margin, int64_t N, int64_t M) {
  if (N == 0) return;
  const Pieces p = cut(N, M);
  const Workspace<LogSum> partial(p.N * p.count);
  launch_pieces(p, packs_fit<4>(M, c, class_scale) ? cosines_kernel<4> : cosines_kernel<1>, partial.get(), c,
                scale, class_scale, label);
  launch_rows(p, margin_kernel, loss, lse, h, dh, c, partial.get(),
              Targets{margin, scale, class_scale, class_margin, label});
}

void margin_softmax_backward(float* g, float* dscale, float* d_label, float* radial, const float* dloss,
                             const float* c, const float* scale, const float* class_scale, const float* lse,
                             const float* h, const float* dh, const float* f, const int64_t* label, int64_t N,
                             int64_t M) {
  if (N == 0) return;
  const Pieces p = cut(N, M);
  const Workspace<float> partial(p.N * p.count);
  const MarginRows rows{dloss, scale, lse, h, f ? f : dh, class_scale, label};
  launch_pieces(p, packs_fit<4>(M, g, c, class_scale) ? margin_backward_kernel<4> : margin_backward_kernel<1>,
                g, dscale ? partial.get() : nullptr, d_label, radial, c, rows);
  if (dscale) launch_rows(p, scale_gradient_kernel, dscale, partial.get());
}

}  // namespace

template <class T>
void install_softmax(Kernels<T>& k) {
  k.softmax_cross_entropy_forward = softmax_cross_entropy_forward;
  k.softmax_cross_entropy_backward = softmax_cross_entropy_backward;
  k.margin_softmax_forward = margin_softmax_forward;
  k.margin_softmax_backward = margin_softmax_backward;
}

template void install_softmax(Kernels<float>&);
template void install_softmax(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
