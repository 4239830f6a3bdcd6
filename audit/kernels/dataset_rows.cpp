// Rows of what several data sets in one loss need: classes left out of the scores, softmax without them, the reversed gradient.
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

constexpr double kLeftOut = -std::numeric_limits<double>::infinity();

Crossing coins(double keep) {
  Crossing crossing;
  crossing.keep = keep;
  crossing.key = {0x1234567890abcdefu, Purpose::crossing, 0x123456789abcu, 3};
  return crossing;
}

Row leave_out(const std::string& what, int64_t N, std::vector<int64_t> offset, const Crossing& crossing,
              std::vector<int64_t> list = {}) {
  const int64_t M = offset.back(), datasets = int64_t(offset.size()) - 1;
  const bool listed = !list.empty();
  const int64_t length = listed ? int64_t(list.size()) / N : 0;
  return Row(cat("leave_out_classes ", N, "x", M, " of ", datasets, " data sets, ", what))
      .wide({"z"})
      .covers(&K::leave_out_classes)
      .state("z", numbers(N * M, 1))
      .index_input("label", indices(N, 2, M))
      .index_input("offset", std::move(offset))
      .index_input("list", std::move(list))
      .forward([=](const auto& k, const auto& v) {
        Crossing own = crossing;
        if (listed) own.list = v.index("list"), own.list_length = length;
        k.leave_out_classes(v["z"], v.index("label"), v.index("offset"), datasets, own, N, M);
      })
      .tolerance(0, "no arithmetic");
}

// Scores (N,M) of which a third is no class, but never the label's.
std::vector<double> scores(int64_t N, int64_t M, const std::vector<int64_t>& label) {
  std::vector<double> c = numbers(N * M, 1, -1.2, 1.2);
  for (int64_t i = 0; i < N * M; ++i)
    if ((i * 7 + i / 5) % 3 == 0 && i % M != label[size_t(i / M)]) c[size_t(i)] = kLeftOut;
  return c;
}

// The scale of the first row is 0, and so is that of the first class.
Row margin_without(int64_t N, int64_t M, bool class_scales) {
  const std::vector<int64_t> label = indices(N, 4, M);
  std::vector<double> scale = numbers(N, 2, 5, 15), class_scale = numbers(class_scales ? M : 0, 5, 0.5, 1.5);
  scale[0] = 0;
  if (class_scales) class_scale[0] = 0;
  return Row(cat("margin_softmax of fewer classes ", N, "x", M, class_scales ? " with class scales" : ""))
      .wide({"c", "scale", "class_scale", "dloss", "dscale", "loss", "lse", "h", "dh", "d_label", "radial"})
      .covers(&K::margin_softmax_forward, &K::margin_softmax_backward)
      .state("c", scores(N, M, label))
      .constant("scale", std::move(scale))
      .constant("class_scale", std::move(class_scale))
      .constant("dloss", numbers(N, 3))
      .state("dscale", numbers(N, 6))
      .index_input("label", label)
      .saved("loss", N)
      .saved("lse", N)
      .saved("h", N)
      .saved("dh", N)
      .saved("d_label", N)
      .saved("radial", N)
      .forward([=](const auto& k, const auto& v) {
        const Margin margin{Margin::Kind::a_softmax, 2, 1};
        const auto a = class_scales ? v["class_scale"] : nullptr;
        k.margin_softmax_forward(v["loss"], v["lse"], v["h"], v["dh"], v["c"], v["scale"], a,
                                 v.index("label"), margin, nullptr, N, M);
        k.margin_softmax_backward(v["c"], v["dscale"], v["d_label"], v["radial"], v["dloss"], v["c"],
                                  v["scale"], a, v["lse"], v["h"], v["dh"], nullptr, v.index("label"), N, M);
      })
      .tolerance(2e-5, "scale c - lse is rounded to an ulp of scale = 15 before exp");
}

Row reverse_gradient(int64_t n, double lambda) {
  std::vector<double> dy = numbers(n, 2);
  if (lambda == 0 && n > 1) dy[0] = std::numeric_limits<double>::quiet_NaN(), dy[1] = kLeftOut;
  return Row(cat("reverse_gradient ", n, ", lambda ", lambda))
      .wide({"dx", "dy", "lambda"})
      .covers(&K::reverse_gradient)
      .state("dx", numbers(n, 1))
      .constant("dy", std::move(dy))
      .constant("lambda", {lambda})
      .forward([=](const auto& k, const auto& v) { k.reverse_gradient(v["dx"], v["dy"], v["lambda"], n); })
      .tolerance(lambda == 0 ? 0 : 3e-7, "one product and one sum, each rounded");
}

}  // namespace

std::vector<Row> dataset_rows() {
  std::vector<Row> rows;
  const std::vector<int64_t> uneven = {0, 1, 14, 37};
  for (const double keep : {0.0, 0.1, 1.0})
    rows.push_back(leave_out(cat("keep ", keep), 9, uneven, coins(keep)));
  rows.push_back(leave_out("keep 0.5", 1, {0, 1}, coins(0.5)));
  rows.push_back(leave_out("keep 0.5", 0, {0, 2, 4}, coins(0.5)));
  rows.push_back(leave_out("listed", 3, uneven, coins(0.5), {0, 1, 36, 13, 37, 37, 37, 37, 37}));
  // Several pieces a row, one of which lies inside a data set; more pieces than a small launch has warps.
  rows.push_back(leave_out("keep 0.01", 5, {0, 300, 9000, 13001}, coins(0.01)));
  rows.push_back(leave_out("keep 0.001", 40, {0, 4096, 8192, 12288}, coins(0.001)));
  for (const auto& [N, M] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {4, 37}, {3, 4100}, {6, 64}}) {
    rows.push_back(margin_without(N, M, false));
    rows.push_back(margin_without(N, M, true));
    rows.push_back(softmax_cross_entropy_in_place(" of fewer classes", N, M, scores(N, M, indices(N, 2, M))));
  }
  for (const double lambda : {0.0, 0.1, 1.5}) rows.push_back(reverse_gradient(77, lambda));
  rows.push_back(reverse_gradient(0, 0.1));
  rows.push_back(reverse_gradient(70'001, 0.1));
  return rows;
}

}  // namespace fr::audit
