// The kernel contract: one entry per kernel, one table per backend.
//   ref          the equation as loops, float and double: the arbiter          tensor/cpu/ref_*.cpp
//   avx2 avx512  the same numbers to rounding, faster                          tensor/cpu/simd/*.cpp,
//   compiled per ISA
// Rules for every entry
//   - row-major dense pointers, no aliasing between an output and an input unless the entry says so;
//   - arguments in the order: outputs, gradients, inputs, saved values, sizes, scalars;
//   - *_forward overwrites its outputs, *_backward adds into its gradients; a null gradient is not computed. Entries
//   with a Gradient argument can also overwrite: the first gradient that flows into a map need not find zeros there;
//   - sizes are int64_t and may be 0 or 1; kernels do not check, ops do;
//   - the result does not depend on the number of threads.
// Letters: N batch, H W C input height, width, channels, K filters, R S filter height, width, P Q output
// height, width, D embedding size, M classes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bfloat16.h"
#include "base/philox.h"
#include "tensor/crossing.h"
#include "tensor/margin_function.h"
#include "tensor/pair_loss.h"

namespace fr {

// y (N,P,Q,K) from x (N,H,W,C) and w (K,R,S,C/groups).   P = (H + 2 pad_h - dilation_h (R-1) - 1) / stride_h
// + 1
struct Conv2dShape {
  int64_t N = 1, H = 1, W = 1, C = 1, K = 1, R = 1, S = 1;
  int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;
  constexpr int64_t P() const { return (H + 2 * pad_h - dilation_h * (R - 1) - 1) / stride_h + 1; }
  constexpr int64_t Q() const { return (W + 2 * pad_w - dilation_w * (S - 1) - 1) / stride_w + 1; }
};

// What is done to each element before a convolution writes it, for inference:
//   y_npqk = act(scale_k z_npqk + shift_k) + residual_npqk,   act(u) = u > 0 ? u : slope_k u
// Null pointers leave their part out.
template <class T>
struct Conv2dFinish {
  const Wide<T>* scale = nullptr;  // (K)
  const Wide<T>* shift = nullptr;  // (K)
  const Wide<T>* slope = nullptr;  // (K)
  const T* residual = nullptr;     // (N,P,Q,K)
};

// What batch normalisation makes of x (rows, C) once the statistics are known:
//   u_rc = gamma_c xh_rc + beta_c,   xh_rc = (x_rc - mean_c) rstd_c,   act(u) = u > 0 ? u : slope_c u
// All (C). A null slope leaves act out.
template <class T>
struct BatchNormLine {
  const Wide<T>* mean = nullptr;
  const Wide<T>* rstd = nullptr;
  const Wide<T>* gamma = nullptr;
  const Wide<T>* beta = nullptr;
  const Wide<T>* slope = nullptr;
};

// y (N,P,Q,C) from x (N,H,W,C); windows outside the map are ignored (average: divided by the cells inside).
struct Pool2dShape {
  int64_t N = 1, H = 1, W = 1, C = 1, R = 2, S = 2;
  int64_t stride_h = 2, stride_w = 2, pad_h = 0, pad_w = 0;
  int64_t P() const { return (H + 2 * pad_h - R) / stride_h + 1; }
  int64_t Q() const { return (W + 2 * pad_w - S) / stride_w + 1; }
};

// For each b < batch: C_b (M,N) = alpha op(A_b) op(B_b) + beta C_b, op(A) (M,K), op(B) (K,N).
// ld* is the distance between rows as stored, *_step the distance between matrices of the batch, in elements.
// beta = 0 overwrites C without reading it.
struct GemmShape {
  bool transpose_a = false, transpose_b = false;
  int64_t M = 0, N = 0, K = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  int64_t batch = 1, a_step = 0, b_step = 0, c_step = 0;
};

// Element (i0..i3) of y is at its row-major place; of a at sum_d i_d a_stride_d. Stride 0 repeats
// (broadcast).
struct BroadcastShape {
  int64_t size[4] = {1, 1, 1, 1};
  int64_t a_stride[4] = {0, 0, 0, 0}, b_stride[4] = {0, 0, 0, 0};
  int64_t elements() const { return size[0] * size[1] * size[2] * size[3]; }
};

// What becomes of dx, or of dw in an entry that has no dx: replaced or added to.
enum class Gradient { overwrite, add };
enum class Unary { relu, exp, log, sqrt, square, abs, tanh, sigmoid };  // at 0: relu' = 0, abs' = 0
enum class Binary { add, sub, mul, div, max };                          // max: a tie belongs to a
enum class Reduce { sum, mean, max };  // max: a tie belongs to the lowest index

// v <- momentum v + lr g, p <- p - v (Caffe); v <- momentum v + g, p <- p - lr v (Torch). With Nesterov the
// step is taken along the looked-ahead velocity: p <- p - (momentum v + lr g) (Caffe), p <- p - lr (g +
// momentum v) (Torch). They differ exactly when lr changes. g includes decay * p (coupled weight decay).
enum class MomentumForm { caffe, torch };
struct SgdStep {
  double lr = 0, momentum = 0, decay = 0;
  double gradient_scale = 1;  // multiplies the gradient before the decay is added (norm clipping)
  MomentumForm form = MomentumForm::torch;
  bool nesterov = false;
};

// One parameter of sgd_update_many, all n elements long; pointers in the backend's memory.
template <class T>
struct SgdParameter {
  Wide<T>* p = nullptr;        // weights
  Wide<T>* v = nullptr;        // velocity
  const Wide<T>* g = nullptr;  // gradient
  T* low = nullptr;            // receives the new weights rounded to T; null: nobody wants them
  int64_t n = 0;
  double lr_multiplier = 1, decay_multiplier = 1;
};

// Adam (Kingma and Ba 2015, Algorithm 1), t = 1, 2, ... counting steps:
//   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2
//   p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// g includes decay * p, unless decoupled: then p <- p - lr decay p first (Loshchilov and Hutter 2019, AdamW).
struct AdamStep {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0;
  bool decoupled = false;
};
// One parameter of adam_update_many, all n elements long; see SgdParameter.
template <class T>
struct AdamParameter {
  Wide<T>* p = nullptr;
  Wide<T>*m = nullptr, *v = nullptr;  // first and second moment
  const Wide<T>* g = nullptr;
  T* low = nullptr;
  int64_t n = 0;
  double lr_multiplier = 1, decay_multiplier = 1;
};

// What domain_frequency makes of the scores of neighbours.
struct DomainFrequency {
  double scale = 64;                  // of the cosines
  double eps = 0;                     // 0: a moving mean of the inter-class compactness
  double decay = 0.99;                // of that mean
  double least_compactness = 0.1;     // where a class has neighbours far away
  double least = 0.1, most = 10;      // of the indicator
  uint64_t step = 0, warmup = 0;      // in the steps before `warmup` the indicator is 1
  const uint64_t* step_at = nullptr;  // where the step lies in the backend's memory, instead
};

// Numbers that change from step to step, in the backend's memory. Work that is recorded once and replayed (a CUDA graph)
// finds them there: PhiloxKey, Margin and sgd_update_many take a pointer to one of them in place of a value.
struct StepState {
  uint64_t step = 0;  // of the Philox keys
  double learning_rate = 0;
  double lambda = 0;        // of the A-Softmax annealing
  double squared_norm = 0;  // of all gradients; written by squared_norm_many
  float reversal = 0;       // lambda of the gradient reversal
};

// The part of a picture that becomes the network's input: (h, w) of the input is (top + h, left + w) of the picture, and
// beyond its edges the nearest pixel; mirrored after that.
struct PictureWindow {
  int32_t left = 0, top = 0;
  int32_t mirror = 0;  // 0 or 1
};

template <class T>
struct Kernels {
  const char* name;

  // --- memory (host pointers in upload/download; alloc is the caching arena, 64-byte aligned, contents
  // undefined) ---
  void* (*alloc)(size_t bytes);
  void (*release)(void* p);
  void (*upload)(void* dst, const void* src, size_t bytes);
  void (*download)(void* dst, const void* src, size_t bytes);
  void (*copy)(void* dst, const void* src, size_t bytes);
  void (*fill)(T* y, Wide<T> value, int64_t n);
  // y_rc = x_rc in the other type, rounded to the nearest; ld* elements between rows
  void (*narrow)(T* y, const Wide<T>* x, int64_t rows, int64_t C, int64_t ldy, int64_t ldx);
  void (*widen)(Wide<T>* y, const T* x, int64_t rows, int64_t C, int64_t ldy, int64_t ldx);
  // y_nhwc = (u - 127.5) / 128 with u the window of picture n: x (N,H0,W0,3) bytes, y (N,H,W,3)
  void (*pictures)(T* y, const uint8_t* x, const PictureWindow* windows, int64_t N, int64_t H, int64_t W,
                   int64_t H0, int64_t W0);

  // --- elementwise ---
  // y_i += a x_i
  void (*add_scaled)(T* y, const T* x, Wide<T> a, int64_t n);
  // y_i = a x_i + b                              y may be x
  void (*affine_forward)(T* y, const T* x, Wide<T> a, Wide<T> b, int64_t n);
  // y_i = x_i held within [low, high]            y may be x
  void (*clamp)(Wide<T>* y, const Wide<T>* x, Wide<T> low, Wide<T> high, int64_t n);
  // y = f(x);  dx += dy f'(x)                    backward is given both x and y
  void (*unary_forward)(T* y, const T* x, Unary f, int64_t n);
  void (*unary_backward)(T* dx, const T* dy, const T* x, const T* y, Unary f, int64_t n);
  // y = f(a, b) with broadcasting;  da += dy df/da, db += dy df/db, summed over the repeated axes
  void (*binary_forward)(T* y, const T* a, const T* b, Binary f, const BroadcastShape& s);
  void (*binary_backward)(T* da, T* db, const T* dy, const T* a, const T* b, Binary f,
                          const BroadcastShape& s);

  // --- reductions ---
  // x (outer, n, inner) -> y (outer, inner)
  void (*reduce_forward)(T* y, const T* x, Reduce f, int64_t outer, int64_t n, int64_t inner);
  void (*reduce_backward)(T* dx, const T* dy, const T* x, const T* y, Reduce f, int64_t outer, int64_t n,
                          int64_t inner);
  // y[0] = sum_i a_i b_i, accumulated in double
  void (*dot)(Wide<T>* y, const T* a, const T* b, int64_t n);
  // index_r = the lowest column of the largest value of row r; a NaN counts as the largest
  void (*argmax_rows)(int64_t* index, const T* x, int64_t rows, int64_t columns);
  // index[0] = the first i with x_i not finite, -1 when there is none
  void (*find_nonfinite)(int64_t* index, const T* x, int64_t n);

  // --- matrix product ---
  void (*gemm)(T* c, const T* a, const T* b, const GemmShape& s, Wide<T> alpha, Wide<T> beta);
  // the same with C kept wide: scores and gradients of weights
  void (*gemm_wide)(Wide<T>* c, const T* a, const T* b, const GemmShape& s, Wide<T> alpha, Wide<T> beta);

  // --- convolution ---                          (Conv2dShape; cross-correlation, zero padding)
  // y_npqk = sum_rsc x_n,(p stride - pad + r dilation),(...),(g C/G + c) w_krsc,   g = k / (K/G)
  void (*conv2d_forward)(T* y, const T* x, const T* w, const Conv2dShape& s);
  // For weights that do not change: floats to keep (0: none), and w arranged for convolutions of this very shape.
  int64_t (*conv2d_prepared_size)(const Conv2dShape& s);
  void (*conv2d_prepare)(T* prepared, const T* w, const Conv2dShape& s);
  // the same sum, finished as Conv2dFinish says; no adjoint. prepared: of w and s, or null
  void (*conv2d_fused_forward)(T* y, const T* x, const T* w, const T* prepared, const Conv2dFinish<T>& finish,
                               const Conv2dShape& s);
  // conv2d_forward, and batch_norm_statistics of its rows (N P Q, K), perhaps taken before they are rounded to T
  void (*conv2d_forward_statistics)(T* y, Wide<T>* mean, Wide<T>* rstd, Wide<T>* running_mean,
                                    Wide<T>* running_var, const T* x, const T* w, const Conv2dShape& s,
                                    Wide<T> eps, Wide<T> momentum);
  // dx and dw: the adjoints of conv2d_forward
  void (*conv2d_backward_input)(T* dx, const T* dy, const T* w, const Conv2dShape& s, Gradient into);
  void (*conv2d_backward_filter)(Wide<T>* dw, const T* dy, const T* x, const Conv2dShape& s, Gradient into);
  // y_rc = x_rc + b_c                            y may be x
  void (*bias_forward)(T* y, const T* x, const Wide<T>* b, int64_t rows, int64_t C);
  // db_c += sum_r dy_rc
  void (*bias_backward)(Wide<T>* db, const T* dy, int64_t rows, int64_t C);

  // --- activation ---                           the sum joined on: a residual connection in the same pass
  // y_rc = act(x_rc) + residual_rc,  act(x) = x > 0 ? x : a_c x                 residual may be null
  // dx_rc += dy_rc (x_rc > 0 ? 1 : a_c);  da_c += sum_r dy_rc min(x_rc, 0)      dx may be x when it is overwritten
  void (*prelu_forward)(T* y, const T* x, const Wide<T>* a, const T* residual, int64_t rows, int64_t C);
  void (*prelu_backward)(T* dx, Wide<T>* da, const T* dy, const T* x, const Wide<T>* a, int64_t rows,
                         int64_t C, Gradient into);

  // F(x) = k x (x > 0),  k x / (a_c - x) (x <= 0): y_rc = F(x_rc)              a > 0 (C), k (1)
  // dx_rc += dy_rc (x_rc > 0 ? k : k a_c / (a_c - x_rc)^2);  da_c += sum_r dy_rc (x_rc > 0 ? 0 : -k x_rc / (a_c - x_rc)^2)
  // (Smirnov et al. 2017, "Doppelganger Mining", Eq. 1)                         dx may be x when it is overwritten
  void (*arfa_forward)(T* y, const T* x, const Wide<T>* a, const Wide<T>* k, int64_t rows, int64_t C);
  void (*arfa_backward)(T* dx, Wide<T>* da, const T* dy, const T* x, const Wide<T>* a, const Wide<T>* k,
                        int64_t rows, int64_t C, Gradient into);

  // --- batch normalisation over the rows of x (rows, C)                            (Ioffe and Szegedy 2015)
  // mean_c = sum_r x_rc / rows,  var_c = sum_r (x_rc - mean_c)^2 / rows (biased),  rstd_c = 1 / sqrt(var_c + eps)
  // running_mean <- (1 - momentum) running_mean + momentum mean; running_var likewise with var rows / (rows - 1)
  void (*batch_norm_statistics)(Wide<T>* mean, Wide<T>* rstd, Wide<T>* running_mean, Wide<T>* running_var,
                                const T* x, int64_t rows, int64_t C, Wide<T> eps, Wide<T> momentum);
  // y = act(u) + residual                                    (BatchNormLine)    residual may be null
  void (*batch_norm_apply)(T* y, const T* x, const BatchNormLine<T>& line, const T* residual, int64_t rows,
                           int64_t C);
  // The adjoint of both, where mean and rstd are functions of x. With du = dy (u > 0 ? 1 : slope):
  // dslope += sum dy min(u, 0),  dgamma += sum du xh,  dbeta += sum du,
  // dx += gamma rstd (du - mean_r(du) - xh mean_r(du xh))                       dx may be x when it is overwritten
  void (*batch_norm_backward)(T* dx, Wide<T>* dgamma, Wide<T>* dbeta, Wide<T>* dslope, const T* dy,
                              const T* x, const BatchNormLine<T>& line, int64_t rows, int64_t C,
                              Gradient into);
  // scale = gamma / sqrt(var + eps),  shift = beta - mean scale: fixed statistics as a straight line
  void (*batch_norm_line)(Wide<T>* scale, Wide<T>* shift, const Wide<T>* gamma, const Wide<T>* beta,
                          const Wide<T>* mean, const Wide<T>* var, int64_t C, Wide<T> eps);
  // y = gamma (x - mean) / sqrt(var + eps) + beta with fixed statistics, and its adjoint
  void (*batch_norm_inference_forward)(T* y, const T* x, const Wide<T>* gamma, const Wide<T>* beta,
                                       const Wide<T>* mean, const Wide<T>* var, int64_t rows, int64_t C,
                                       Wide<T> eps);
  void (*batch_norm_inference_backward)(T* dx, Wide<T>* dgamma, Wide<T>* dbeta, const T* dy, const T* x,
                                        const Wide<T>* gamma, const Wide<T>* mean, const Wide<T>* var,
                                        int64_t rows, int64_t C, Wide<T> eps);

  // --- pooling ---
  // y = largest of the window, index = its place in x of image n (h W + w), ties to the first; dx at index +=
  // dy
  void (*max_pool_forward)(T* y, int64_t* index, const T* x, const Pool2dShape& s);
  void (*max_pool_backward)(T* dx, const T* dy, const int64_t* index, const Pool2dShape& s);
  void (*average_pool_forward)(T* y, const T* x, const Pool2dShape& s);
  void (*average_pool_backward)(T* dx, const T* dy, const Pool2dShape& s);

  // --- dropout (inverted) ---
  // u_i = uniform_from_bits(word i % 4 of philox4x32(key, i / 4));  y_i = u_i < p ? 0 : x_i / (1 - p);  dx
  // alike
  void (*dropout_forward)(T* y, const T* x, const PhiloxKey& key, double p, int64_t n);
  void (*dropout_backward)(T* dx, const T* dy, const PhiloxKey& key, double p, int64_t n);

  // --- rows of unit length ---
  // norm_n = sqrt(sum_d x_nd^2),  y_nd = x_nd / max(norm_n, eps); a row with norm < eps: y = 0 and no gradient
  void (*l2_normalize_forward)(T* y, Wide<T>* norm, const Wide<T>* x, int64_t N, int64_t D, Wide<T> eps);
  // dx_nd += (dy_nd - y_nd sum_k y_nk dy_nk) / norm_n + dnorm_n y_nd            dnorm may be null
  void (*l2_normalize_backward)(Wide<T>* dx, const Wide<T>* dy, const Wide<T>* dnorm, const T* y,
                                const Wide<T>* norm, int64_t N, int64_t D, Wide<T> eps);

  // --- rows by number ---                        i (N), 0 <= i < rows
  // y_nd = x_(i_n)d                              x (rows,D), y (N,D)
  void (*gather_rows)(Wide<T>* y, const Wide<T>* x, const int64_t* i, int64_t N, int64_t D);
  // y_(i_n)d += a_n x_nd, n ascending            x (N,D), y (rows,D), a (N), null: 1
  void (*scatter_add_rows)(Wide<T>* y, const Wide<T>* x, const Wide<T>* a, const int64_t* i, int64_t N,
                           int64_t rows, int64_t D);

  // --- pairs of a batch ---
  // d2_ij = sum_d (x_id - x_jd)^2                x (N,D), d2 (N,N)
  // dx_id += sum_j 2 (dd2_ij + dd2_ji) (x_id - x_jd)
  void (*squared_distances_forward)(Wide<T>* d2, const Wide<T>* x, int64_t N, int64_t D);
  void (*squared_distances_backward)(Wide<T>* dx, const Wide<T>* dd2, const Wide<T>* x, int64_t N, int64_t D);
  // The losses on pairs: each overwrites loss (1), which is a mean and 0 when nothing takes part, and its derivative with
  // respect to every element of d2 or of the similarities s (N,N), and to the trained scalar (1). Equations: pair_loss.h.
  void (*contrastive)(Wide<T>* loss, Wide<T>* dd2, const Wide<T>* d2, const int64_t* label,
                      const Contrastive& options, int64_t N);
  void (*triplet)(Wide<T>* loss, Wide<T>* dd2, const Wide<T>* d2, const int64_t* label,
                  const Triplet& options, int64_t N);
  void (*lifted_distance)(Wide<T>* loss, Wide<T>* dd2, const Wide<T>* d2, const int64_t* label, double margin,
                          int64_t N);
  void (*lifted_cosine)(Wide<T>* loss, Wide<T>* ds, Wide<T>* dscale, const Wide<T>* s, const Wide<T>* scale,
                        const int64_t* label, double margin, int64_t N);
  // chosen (N,N): how often anchor i has chosen the pair (i,j)
  void (*margin_pairs)(Wide<T>* loss, Wide<T>* ds, Wide<T>* dboundary, int64_t* chosen, const Wide<T>* s,
                       const Wide<T>* boundary, const int64_t* label, const MarginPairs& options, int64_t N);
  // Of the P ordered pairs (i,j), i != j, of one class, v_d = exp(s_id) + exp(s_jd):
  //   loss = 1/P sum_ij sum_d [(m_id - m_jd)^2 / (v_d + 1e-10) + log v_d], 0 when P = 0
  // m, s (N,D) means and log variances; dm, ds the derivatives, overwritten; null: not computed  (Shi and Jain 2019, Eq. 3, 6)
  void (*likelihood_pairs)(Wide<T>* loss, Wide<T>* dm, Wide<T>* ds, const Wide<T>* m, const Wide<T>* s,
                           const int64_t* label, int64_t N, int64_t D);
  // c_j <- c_j - rate sum_{i: label_i = j} (c_j - x_i) / (1 + n_j), n_j rows of class j  c (M,D), x (N,D)
  // *squared_norm not finite: nothing changes, as in sgd_update_many. Null: always.
  void (*center_update)(Wide<T>* c, const Wide<T>* x, const int64_t* label, const double* squared_norm,
                        double rate, int64_t N, int64_t D);

  // --- softmax cross-entropy per row ---         a score of -infinity, which no label has, is no class
  // lse_n = log sum_m exp z_nm (largest subtracted),  loss_n = lse_n - z_n,label_n
  // dz_nm += dloss_n (exp(z_nm - lse_n) - [m = label_n])                        dz may be z when it is overwritten
  void (*softmax_cross_entropy_forward)(Wide<T>* loss, Wide<T>* lse, const Wide<T>* z, const int64_t* label,
                                        int64_t N, int64_t M);
  void (*softmax_cross_entropy_backward)(Wide<T>* dz, const Wide<T>* dloss, const Wide<T>* z,
                                         const Wide<T>* lse, const int64_t* label, int64_t N, int64_t M,
                                         Gradient into);

  // --- margin softmax: cross-entropy of z_nm = scale_n a_m c_nm (m not the label), z_n,label = scale_n a_label h(c) ---
  // a = class_scale (M), null: 1. c (N,M) cosines; clamped to [-1, 1] and then multiplied by a_m in place. A cosine of
  // -infinity, which no label has, is no class: it stays what it is, and its z, whatever scale_n and a_m are.
  // h_n, dh_n: target function and derivative at the label's cosine, of the margin times class_margin_label (M), null: 1.
  void (*margin_softmax_forward)(Wide<T>* loss, Wide<T>* lse, Wide<T>* h, Wide<T>* dh, Wide<T>* c,
                                 const Wide<T>* scale, const Wide<T>* class_scale, const int64_t* label,
                                 const Margin& margin, const Wide<T>* class_margin, int64_t N, int64_t M);
  // d_nm = dloss_n (softmax(z_n)_m - [m = label_n]);  with the target's factor f_n (null: f_n = dh_n):
  // g_nm = scale_n a_m d_nm (m not the label),  g_n,label = scale_n a_label f_n d_n,label;   g may be c (in place)
  // d_label_n = d_n,label;  radial_n = scale_n d_n,label (h_n - f_n cosine_n,label) (null: not computed)
  // dscale_n += sum_m d_nm z_nm / scale_n                                           (null: not computed)
  // What is no class has g = 0 and no part in dscale.
  void (*margin_softmax_backward)(Wide<T>* g, Wide<T>* dscale, Wide<T>* d_label, Wide<T>* radial,
                                  const Wide<T>* dloss, const Wide<T>* c, const Wide<T>* scale,
                                  const Wide<T>* class_scale, const Wide<T>* lse, const Wide<T>* h,
                                  const Wide<T>* dh, const Wide<T>* f, const int64_t* label, int64_t N,
                                  int64_t M);

  // --- nearest neighbours ---
  // score s_qn = sum_d q_qd g_nd of queries q (Q,D) and gallery g (N,D). Row of index, score (Q,k): the k rows n of the
  // gallery with the largest score, best first; ties go to the lower n; a NaN comes after every number. Places
  // that N < k leaves empty hold index -1 and score -infinity.
  void (*top_k)(int64_t* index, Wide<T>* score, const T* q, const T* g, int64_t Q, int64_t N, int64_t D,
                int64_t k);

  // --- optimiser ---                                                           (MomentumForm; one fused
  // pass)
  void (*sgd_update)(Wide<T>* p, Wide<T>* v, const Wide<T>* g, const SgdStep& step, int64_t n);
  // *squared_norm = sum of g_i^2 over all parameters, accumulated in double in a fixed order
  void (*squared_norm_many)(double* squared_norm, const SgdParameter<T>* parameters, int64_t count);
  // sgd_update of every parameter with lr and decay times its multipliers. lr and squared_norm lie in the backend's memory
  // (null lr: step.lr). With the norm given, nothing changes when it is not finite, and gradients are scaled down to
  // clip_norm where they exceed it (0: never). The list itself is the host's, and may go after the call.
  void (*sgd_update_many)(const SgdParameter<T>* parameters, int64_t count, const SgdStep& step,
                          const double* lr, const double* squared_norm, double clip_norm);
  // The same for Adam; the step t is that of the state plus 1. state holds step, learning_rate and squared_norm.
  void (*adam_update_many)(const AdamParameter<T>* parameters, int64_t count, const AdamStep& step,
                           const StepState* state, double clip_norm);

  // --- several data sets in one loss ---        data set k has the classes [offset_k, offset_k+1)
  // z_nm <- -infinity for each m of another data set than label_n, unless `crossing` keeps it.   offset (datasets + 1)
  void (*leave_out_classes)(Wide<T>* z, const int64_t* label, const int64_t* offset, int64_t datasets,
                            const Crossing& crossing, int64_t N, int64_t M);
  // dx_i -= lambda dy_i, lambda (1). With lambda = 0 nothing changes, whatever dy is.
  void (*reverse_gradient)(Wide<T>* dx, const Wide<T>* dy, const Wide<T>* lambda, int64_t n);
  // --- what a row is mistaken for ---
  // score_n = max_{m != label_n} z_nm, index_n = the lowest such m; a NaN counts as the largest. -1 and -infinity where
  // nothing else is larger than -infinity.
  void (*largest_other)(int64_t* index, Wide<T>* score, const Wide<T>* z, const int64_t* label, int64_t N,
                        int64_t M);
  // --- domain frequency of classes ---                    (Cao et al. 2020, "Domain Balancing", Eq. 1 and 2; DomainFrequency)
  // index, score (Q,k), k >= 2: top_k of the unit weights of classes label (Q) among those of all classes. A class is no
  // neighbour of itself: left out of row q is label_q, or the last place where ties have pushed it out.
  // ic_j = max(log sum_l exp(scale g_ql), least_compactness) over the k - 1 others l, j = label_q
  // mean = that of ic over the classes of label, each once;  eps[0] <- the literal eps, or from the warm-up's end on
  // decay eps[0] + (1 - decay) mean, the mean itself where eps[0] was 0
  // dfi_j = eps[0] / ic_j held within [least, most], in the warm-up 1.   Only the places j of dfi and ic are written.
  void (*domain_frequency)(Wide<T>* dfi, Wide<T>* ic, Wide<T>* eps, const int64_t* index,
                           const Wide<T>* score, const int64_t* label, const DomainFrequency& options,
                           int64_t Q, int64_t k);
};

template <class T>
const Kernels<T>& ref_kernels();
const Kernels<float>* avx2_kernels();    // null: this CPU lacks AVX2 + FMA
const Kernels<float>* avx512_kernels();  // null: this CPU lacks AVX-512 F, BW, DQ, VL

// ref first, then what this machine has, fastest last.
std::span<const Kernels<float>* const> all_backends();

// The table that tensors of this element type use on the CPU. float: the fastest of all_backends(), unless
// select_backend() or the environment variable PROSOPON_BACKEND names another; double: always ref.
template <class T>
const Kernels<T>& kernels();
void select_backend(std::string_view name);  // throws std::invalid_argument listing the available names

// Whether the vector backends may use Winograd's method for 3x3 convolutions with stride 1: down to a quarter of the
// multiplications, for errors of 1e-6 to 5e-6 of the largest value instead of 5e-7. On at the start; to be changed
// only while no kernel runs.
void select_winograd(bool on);
bool winograd_selected();

// Whether matrix products and convolutions of floats on a card may round their operands to TF32, 10 bits after the point:
// errors up to 2e-3 of the largest value, for about eight times the speed. Off at the start; to be changed only while no
// kernel runs.
void select_tf32(bool on);
bool tf32_selected();

// Whether gemm and gemm_wide on a card are cuBLAS's instead of ours (cuda/cublas.cpp). Off at the start, and until a card has
// measured where it is faster; to be changed only while no kernel runs.
void select_cublas(bool on);
bool cublas_selected();

// Whether convolutions of bfloat16 on a card of compute capability 9.0 may take the kernel for that card alone (copies by
// the tensor memory accelerator, wgmma). Off at the start until a card has measured it; to be changed only while no kernel
// runs.
void select_hopper(bool on);
bool hopper_selected();

}  // namespace fr
