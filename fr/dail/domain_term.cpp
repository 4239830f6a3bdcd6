#include "fr/dail/domain_term.h"

#include <cmath>

#include "fr/dail/domain_loss.h"
#include "fr/dail/leave_out.h"

namespace fr {
namespace {

void check(const DomainOptions& o) {
  const ReversalSchedule& r = o.reversal;
  FR_CHECK(r.lambda >= 0 && std::isfinite(r.lambda), "domain: expected lambda >= 0, got ", r.lambda);
  FR_CHECK(r.stage_one >= 0 && r.stage_one <= 1, "domain: expected a first stage in [0, 1], got ",
           r.stage_one);
  FR_CHECK(r.ramp >= 0 && r.ramp <= 1, "domain: expected a ramp in [0, 1], got ", r.ramp);
  FR_CHECK(r.gamma > 0 && std::isfinite(r.gamma), "domain: expected gamma > 0, got ", r.gamma);
  FR_CHECK(o.hidden > 0, "domain: expected hidden units, got ", o.hidden);
}

std::vector<double> inverse_sqrt_weights(const std::vector<double>& share) {
  std::vector<double> w;
  double mean = 0;
  for (const double p : share) w.push_back(1 / std::sqrt(p)), mean += p * w.back();
  for (double& v : w) v /= mean;
  return w;
}

// The entropy in nats of the shares (K) of a batch, from rows of 0 and 1 (N,K): ().
Tensor entropy_of(const Tensor& one_hot) {
  const int64_t N = one_hot.dim(0), K = one_hot.dim(1);
  const Tensor share = like(one_hot, {K}), log = like(one_hot, {K}), entropy = like(one_hot, {});
  with_kernels(share, [&](const auto& k) {
    k.reduce_forward(share.data(), one_hot.data(), Reduce::mean, 1, N, K);
    k.clamp(log.data(), share.data(), 1e-30, 1, K);  // nothing counts as 0 log 1e-30
    k.unary_forward(log.data(), log.data(), Unary::log, K);
    k.dot(entropy.data(), share.data(), log.data(), K);
    k.affine_forward(entropy.data(), entropy.data(), -1, 0, 1);
  });
  return entropy;
}

// Rows i_n of a table (R,C): (N,C).
Tensor rows_of(const Tensor& table, const Tensor& i) {
  const Tensor rows = like(table, {i.size(), table.dim(1)});
  with_kernels(rows, [&](const auto& k) {
    k.gather_rows(rows.data(), table.data(), i.data(), i.size(), table.dim(1));
  });
  return rows;
}
// The column of the largest element of each row: int64 (N).
Tensor largest_of(const Tensor& rows) {
  const Tensor index({rows.dim(0)}, DType::int64, rows.device());
  with_kernels(rows,
               [&](const auto& k) { k.argmax_rows(index.data(), rows.data(), rows.dim(0), rows.dim(1)); });
  return index;
}

// The share of rows of 0 and 1 (N,K) that are the same in both: ().
Tensor share_of_equal(const Tensor& a, const Tensor& b) {
  const Tensor share = like(a, {});
  with_kernels(share, [&](const auto& k) {
    k.dot(share.data(), a.data(), b.data(), a.size());
    k.affine_forward(share.data(), share.data(), 1.0 / double(a.dim(0)), 0, 1);
  });
  return share;
}

// (rows,K) with a 1 in column column_of(row)
template <class F>
Tensor indicator(int64_t rows, int64_t K, const Tensor& beside, const F& column_of) {
  std::vector<double> table(size_t(rows * K), 0);
  for (int64_t r = 0; r < rows; ++r) table[size_t(r * K + column_of(r))] = 1;
  return Tensor::from(table, {rows, K}, beside.dtype(), beside.device());
}

}  // namespace

DomainTerm::DomainTerm(const DomainOptions& options, const TrainingClasses& classes, int64_t D, uint64_t seed)
    : options_(options), offset_(classes.offset), classifier_(add_child<Sequential>("classifier")) {
  check(options);
  FR_CHECK(D > 0, "domain: expected D > 0, got ", D);
  check_offset(offset_, classes.count);
  const int64_t K = classes.dataset_count();
  weight_ = options.weights == DomainOptions::Weights::none ? std::vector<double>(size_t(K), 1)
                                                            : inverse_sqrt_weights(classes.dataset_share());
  const auto linear = [](int64_t in, int64_t out) { return LinearSpec{in, out, Bias::with, Init::msra()}; };
  classifier_.add<Linear>("hidden", linear(D, options.hidden));
  classifier_.add<BatchNorm>("norm", options.hidden);
  classifier_.add<ReLU>("relu");
  classifier_.add<Linear>("output", linear(options.hidden, K));
  initialise(seed);
}

void DomainTerm::place_tables(const Tensor& x) {
  if (tables_.weight && tables_.weight.device() == x.device() && tables_.weight.dtype() == x.dtype()) return;
  const int64_t K = int64_t(weight_.size());
  const auto own = [&](int64_t m) { return dataset_of(offset_.data(), K, m); };
  tables_ = {indicator(offset_.back(), K, x, own), indicator(K, K, x, [](int64_t k) { return k; }),
             Tensor::from(weight_, {K, 1}, x.dtype(), x.device())};
}

Tensor DomainTerm::lambda_at(const Tensor& x, const StepAt& at) const {
  if (!at.state) return Tensor::full({1}, options_.reversal.at(at.step), x.dtype(), x.device());
  const Tensor lambda = like(x, {1});
  with_kernels(lambda, [&](const auto& k) { k.copy(lambda.data(), &at.state->reversal, sizeof(float)); });
  return lambda;
}

void DomainTerm::set_numbers(StepState& numbers, int64_t step) const {
  numbers.reversal = float(options_.reversal.at(step));
}

Var DomainTerm::loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{embedding.dim(0)},
           "domain: expected labels int64 (", embedding.dim(0), "), got ", to_string(labels.shape()));
  const Tensor& x = embedding.value();
  place_tables(x);
  const Tensor lambda = lambda_at(x, at), own = rows_of(tables_.of_class, labels), k = largest_of(own);
  const Var z = forward(reverse_gradient(embedding, lambda));
  const Tensor found = rows_of(tables_.identity, largest_of(z.value()));
  figures_ = {share_of_equal(found, own), entropy_of(own), lambda.reshape({})};
  return weighted_cross_entropy(z, k, rows_of(tables_.weight, k).reshape({x.dim(0)}));
}

}  // namespace fr
