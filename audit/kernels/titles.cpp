// What a reader sees of each entry of the contract, family by family.
#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

template <class... M>
std::set<size_t> entries(M... member) {
  return {entry(member).offset...};
}

constexpr const char* kNorm = "Ioffe and Szegedy 2015";

std::vector<KernelTitle> memory_titles() {
  return {
      {{"alloc, release", "memory", "", ""}, entries(&K::alloc, &K::release)},
      {{"upload, download, copy", "y = x", "", ""}, entries(&K::upload, &K::download, &K::copy)},
      {{"fill", "y = value", "", ""}, entries(&K::fill)},
      {{"narrow, widen", "y = x in the other type", "", ""}, entries(&K::narrow, &K::widen)},
      {{"pictures", "y = (u - 127.5) / 128", "Liu et al. 2017, Sec. 4.1", ""}, entries(&K::pictures)},
  };
}

std::vector<KernelTitle> elementwise_titles() {
  return {
      {{"add_scaled", "y += a x", "", ""}, entries(&K::add_scaled)},
      {{"affine", "y = a x + b", "", ""}, entries(&K::affine_forward)},
      {{"clamp", "y = x within [low, high]", "", ""}, entries(&K::clamp)},
      {{"unary", "y = f(x)", "", ""}, entries(&K::unary_forward, &K::unary_backward)},
      {{"binary", "y = f(a, b)", "", ""}, entries(&K::binary_forward, &K::binary_backward)},
      {{"dropout", "y = x / (1 - p) or 0", "Srivastava et al. 2014", ""},
       entries(&K::dropout_forward, &K::dropout_backward)},
  };
}

std::vector<KernelTitle> reduction_titles() {
  return {
      {{"reduce", "y = sum, mean or max", "", ""}, entries(&K::reduce_forward, &K::reduce_backward)},
      {{"dot", "y = sum a b", "", ""}, entries(&K::dot)},
      {{"argmax_rows", "index of the largest", "", ""}, entries(&K::argmax_rows)},
      {{"largest_other", "max of z but for the label", "Smirnov et al. 2017, Sec. 3.2", ""},
       entries(&K::largest_other)},
      {{"find_nonfinite", "index of the first", "", ""}, entries(&K::find_nonfinite)},
  };
}

std::vector<KernelTitle> product_titles() {
  return {
      {{"gemm", "C = alpha op(A) op(B) + beta C", "", ""}, entries(&K::gemm)},
      {{"gemm_wide", "the same, C in float", "", ""}, entries(&K::gemm_wide)},
      {{"conv2d", "y = w * x", "", ""},
       entries(&K::conv2d_forward, &K::conv2d_backward_input, &K::conv2d_backward_filter)},
      {{"conv2d_fused", "y = act(scale w * x + shift) + residual", "", ""},
       entries(&K::conv2d_fused_forward, &K::conv2d_prepare, &K::conv2d_prepared_size)},
      {{"conv2d_forward_statistics", "y = w * x, mean, variance", kNorm, ""},
       entries(&K::conv2d_forward_statistics)},
  };
}

std::vector<KernelTitle> channel_titles() {
  return {
      {{"bias", "y = x + b", "", ""}, entries(&K::bias_forward, &K::bias_backward)},
      {{"prelu", "y = x or a x, + residual", "He et al. 2015, Eq. 1", ""},
       entries(&K::prelu_forward, &K::prelu_backward)},
      {{"arfa", "y = k x or k x / (a - x)", "Smirnov et al. 2017, Eq. 1", "arfa"},
       entries(&K::arfa_forward, &K::arfa_backward)},
      {{"batch_norm", "y = act(gamma xh + beta) + residual", kNorm, ""},
       entries(&K::batch_norm_statistics, &K::batch_norm_apply, &K::batch_norm_backward)},
      {{"batch_norm_line", "scale, shift", kNorm, ""}, entries(&K::batch_norm_line)},
      {{"batch_norm_inference", "y = scale x + shift", kNorm, ""},
       entries(&K::batch_norm_inference_forward, &K::batch_norm_inference_backward)},
      {{"max_pool", "y = max of the window", "", ""}, entries(&K::max_pool_forward, &K::max_pool_backward)},
      {{"average_pool", "y = mean of the window", "", ""},
       entries(&K::average_pool_forward, &K::average_pool_backward)},
  };
}

std::vector<KernelTitle> row_titles() {
  return {
      {{"l2_normalize", "y = x / |x|", "Wang et al. 2017, Eq. 5", "margin"},
       entries(&K::l2_normalize_forward, &K::l2_normalize_backward)},
      {{"softmax_cross_entropy", "log sum exp z - z_label", "Liu et al. 2017, Eq. 3", "softmax"},
       entries(&K::softmax_cross_entropy_forward, &K::softmax_cross_entropy_backward)},
      {{"margin_softmax", "log sum exp z - s h(c_label)", "Liu et al. 2017, Eq. 7", "margin"},
       entries(&K::margin_softmax_forward, &K::margin_softmax_backward)},
      {{"leave_out_classes", "z = -infinity", "arXiv 2101.05419", "dail"}, entries(&K::leave_out_classes)},
      {{"reverse_gradient", "dx -= lambda dy", "Ganin and Lempitsky 2015, Eq. 4", "dail"},
       entries(&K::reverse_gradient)},
      {{"gather_rows", "y_n = x_(i_n)", "", ""}, entries(&K::gather_rows)},
      {{"scatter_add_rows", "y_(i_n) += a_n x_n", "", ""}, entries(&K::scatter_add_rows)},
      {{"top_k", "the k largest <q, g>", "", ""}, entries(&K::top_k)},
      {{"domain_frequency", "eps / log sum exp(s g)", "Cao et al. 2020, Eq. 1-2", "domain_balancing"},
       entries(&K::domain_frequency)},
  };
}

std::vector<KernelTitle> pair_titles() {
  return {
      {{"squared_distances", "d2_ij = |x_i - x_j|^2", "", ""},
       entries(&K::squared_distances_forward, &K::squared_distances_backward)},
      {{"contrastive", "d^2 or max(m - d, 0)^2", "Hadsell et al. 2006, Eq. 4", "contrastive"},
       entries(&K::contrastive)},
      {{"triplet", "max(0, d2_ap - d2_an + m)", "Schroff et al. 2015, Eq. 3", "triplet"},
       entries(&K::triplet)},
      {{"lifted_distance", "max(0, J_ij)^2 of distances", "Song et al. 2016, Eq. 4", "lifted"},
       entries(&K::lifted_distance)},
      {{"lifted_cosine", "max(0, J_ij)^2 of similarities", "Song et al. 2016, Eq. 4", "lifted"},
       entries(&K::lifted_cosine)},
      {{"margin_pairs", "(m - y (s_ij - beta))_+", "Smirnov et al. 2017, Eq. 2-5", "margin_based"},
       entries(&K::margin_pairs)},
      {{"likelihood_pairs", "(mu_i - mu_j)^2 / v + log v", "Shi and Jain 2019, Eq. 3", "pfe"},
       entries(&K::likelihood_pairs)},
      {{"center_update", "c_j -= rate mean(c_j - x_i)", "Wen et al. 2016, Eq. 4", "center"},
       entries(&K::center_update)},
  };
}

std::vector<KernelTitle> optimiser_titles() {
  return {
      {{"sgd_update", "v = mu v + g, p -= lr v", "Sutskever et al. 2013, Eq. 1-4", "optimisers"},
       entries(&K::sgd_update)},
      {{"sgd_update_many", "the same of all parameters", "Sutskever et al. 2013, Eq. 1-4", "optimisers"},
       entries(&K::sgd_update_many)},
      {{"squared_norm_many", "sum g^2", "Pascanu et al. 2013", "optimisers"}, entries(&K::squared_norm_many)},
      {{"adam_update_many", "p -= lr m / (sqrt(v) + eps)", "Kingma and Ba 2015, Alg. 1", "optimisers"},
       entries(&K::adam_update_many)},
  };
}

}  // namespace

std::vector<KernelFamily> kernel_families() {
  return {{"memory", memory_titles()},
          {"elementwise", elementwise_titles()},
          {"reductions", reduction_titles()},
          {"products and convolutions", product_titles()},
          {"channels and windows", channel_titles()},
          {"rows", row_titles()},
          {"pairs", pair_titles()},
          {"optimisers", optimiser_titles()}};
}

std::vector<Row> kernel_rows() {
  std::vector<Row> all;
  for (auto rows :
       {memory_rows, elementwise_rows, reduce_rows, gemm_rows, conv2d_rows, channel_rows, pool2d_rows,
        row_rows, pair_rows, mined_rows, dataset_rows, likelihood_rows, search_rows, domain_rows, sgd_rows})
    for (Row& row : rows()) all.push_back(std::move(row));
  return all;
}

}  // namespace fr::audit
