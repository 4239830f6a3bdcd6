#include "fr/loss/center_loss.h"

#include <algorithm>

namespace fr {

CenterTerm::CenterTerm(const CenterOptions& options, int64_t classes, int64_t D)
    : options_(options),
      centers_(
          add_buffer("centers", Tensor::zeros({std::max<int64_t>(classes, 0), std::max<int64_t>(D, 0)}))) {
  FR_CHECK(classes > 0 && D > 0, "center loss: expected classes and D > 0, got ", classes, " and ", D);
  FR_CHECK(options.rate >= 0 && options.rate <= 1, "center loss: expected a rate in [0, 1], got ",
           options.rate);
}

void CenterTerm::check(const Var& embedding, const Tensor& labels) const {
  const char* op = "center loss";
  const int64_t M = centers_.dim(0), D = centers_.dim(1);
  FR_CHECK(embedding && embedding.shape().size() == 2 && embedding.dim(1) == D, op,
           ": expected embeddings (N,", D, "), got ", embedding ? to_string(embedding.shape()) : "nothing");
  FR_CHECK(embedding.dtype() == centers_.dtype() && embedding.device() == centers_.device(), op,
           ": the embeddings are ", to_string(embedding.dtype()), " on ", to_string(embedding.device()),
           ", the centers ", to_string(centers_.dtype()), " on ", to_string(centers_.device()));
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{embedding.dim(0)} &&
               labels.device() == embedding.device(),
           op, ": expected labels int64 (", embedding.dim(0), ") beside the embeddings, got ",
           to_string(labels.shape()));
  if (!labels.on_host()) return;  // who uploaded them has looked
  for (int64_t label : labels.host<int64_t>())
    FR_CHECK(label >= 0 && label < M, op, ": label ", label, " of ", M, " classes");
}

// The centres are constants to the gradient: dL/dx_n = (x_n - c_yn), divided by N in the mean.
Var CenterTerm::loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  check(embedding, labels);
  if (training()) features_ = embedding.value(), labels_ = labels, state_ = at.state;
  const int64_t N = embedding.dim(0);
  const Tensor own = like(centers_, embedding.shape());
  with_kernels(own, [&](const auto& k) {
    k.gather_rows(own.data(), centers_.data(), labels.data(), N, centers_.dim(1));
  });
  const Var squares = sum(unary(sub(embedding, Var(own)), Unary::square));
  return affine(squares,
                options_.form == CenterOptions::Form::mean ? 0.5 / double(std::max<int64_t>(N, 1)) : 0.5, 0);
}

void CenterTerm::keep_in_bounds() {
  if (!features_) return;
  with_kernels(centers_, [&](const auto& k) {
    k.center_update(centers_.data(), features_.data(), labels_.data(),
                    state_ ? &state_->squared_norm : nullptr, options_.rate, features_.dim(0),
                    features_.dim(1));
  });
  forget();
}

}  // namespace fr
