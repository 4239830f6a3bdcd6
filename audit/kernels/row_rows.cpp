// Rows of the kernels on rows: unit length, rows by number, softmax cross-entropy, margin softmax.
#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

const std::set<std::string> kMarginWide = {"c",      "dc",      "g",      "scale",       "dscale",
                                           "loss",   "dloss",   "lse",    "h",           "dh",
                                           "factor", "d_label", "radial", "class_scale", "class_margin"};

Row l2_normalize(int64_t N, int64_t D, bool norm_gradient) {
  return Row(cat("l2_normalize ", N, "x", D, norm_gradient ? " with dnorm" : ""))
      .wide({"x", "dx", "dy", "norm", "dnorm", "length"})
      .covers(&K::l2_normalize_forward, &K::l2_normalize_backward)
      .input("x", numbers(N * D, 1))
      .output("y", N * D)
      .output("norm", norm_gradient ? N : 0)
      .saved("length", norm_gradient ? 0 : N)
      .forward([=](const auto& k, const auto& v) {
        k.l2_normalize_forward(v["y"], norm_gradient ? v["norm"] : v["length"], v["x"], N, D, 1e-12);
      })
      .backward([=](const auto& k, const auto& v) {
        k.l2_normalize_backward(v["dx"], v["dy"], norm_gradient ? v["dnorm"] : nullptr, v["y"],
                                norm_gradient ? v["norm"] : v["length"], N, D, 1e-12);
      })
      .tolerance(5e-6, "products of rounded y and 1 / norm; a row of one element has norm as small as 0.02");
}

Row zero_rows(int64_t N, int64_t D) {
  return Row(cat("l2_normalize of zeros ", N, "x", D))
      .wide({"x", "dx", "dy", "norm"})
      .covers(&K::l2_normalize_forward, &K::l2_normalize_backward)
      .constant("x", std::vector<double>(static_cast<size_t>(N * D), 0))
      .saved("y", N * D)
      .saved("norm", N)
      .constant("dy", numbers(N * D, 2))
      .state("dx", numbers(N * D, 3))
      .forward([=](const auto& k, const auto& v) {
        k.l2_normalize_forward(v["y"], v["norm"], v["x"], N, D, 1e-12);
        k.l2_normalize_backward(v["dx"], v["dy"], v["norm"], v["y"], v["norm"], N, D, 1e-12);
      })
      .tolerance(0, "a row shorter than eps gives 0 and no gradient");
}

Row softmax_cross_entropy(int64_t N, int64_t M, double range) {
  return Row(cat("softmax_cross_entropy ", N, "x", M, " in +-", range))
      .wide({"z", "dz", "loss", "dloss", "lse"})
      .covers(&K::softmax_cross_entropy_forward, &K::softmax_cross_entropy_backward)
      .input("z", numbers(N * M, 1, -range, range))
      .index_input("label", indices(N, 2, M))
      .output("loss", N)
      .saved("lse", N)
      .forward([=](const auto& k, const auto& v) {
        k.softmax_cross_entropy_forward(v["loss"], v["lse"], v["z"], v.index("label"), N, M);
      })
      .backward([=](const auto& k, const auto& v) {
        k.softmax_cross_entropy_backward(v["dz"], v["dloss"], v["z"], v["lse"], v.index("label"), N, M,
                                         fr::Gradient::add);
      })
      .tolerance(2e-6 + 6e-8 * range, "z - lse is rounded to an ulp of the largest logit before exp");
}

// What a row of margin softmax has beside its margin: a factor in the place of h', scales and margins of the classes.
struct Extras {
  bool factor = false, class_scale = false, class_margin = false;
};

Row margin_softmax(const char* name, const Margin& margin, int64_t N, int64_t M, double scale,
                   const Extras& extras = {}) {
  const bool factor = extras.factor;
  const auto optional = [](bool there, const auto& v, const char* what) { return there ? v[what] : nullptr; };
  const std::string with = cat(factor ? " with factor" : "", extras.class_scale ? " with class scales" : "",
                               extras.class_margin ? " with class margins" : "");
  return Row(cat("margin_softmax ", name, " ", N, "x", M, " scale ", scale, with))
      .wide(kMarginWide)
      .covers(&K::margin_softmax_forward, &K::margin_softmax_backward)
      .state("c", numbers(N * M, 1, -0.95, 0.95), factor ? Gradient::none : Gradient::overwritten)
      .saved("g", factor ? N * M : 0)
      .input("scale", numbers(N, 2, 0.5 * scale, 1.5 * scale))
      .constant("class_scale", numbers(extras.class_scale ? M : 0, 5, 0.5, 1.5))
      .constant("class_margin", numbers(extras.class_margin ? M : 0, 6, 0, 2))
      .constant("factor", numbers(N, 3))
      .index_input("label", indices(N, 4, M))
      .output("loss", N)
      .saved("lse", N)
      .saved("h", N)
      .saved("dh", N)
      .saved("d_label", N)
      .saved("radial", N)
      .forward([=](const auto& k, const auto& v) {
        k.margin_softmax_forward(v["loss"], v["lse"], v["h"], v["dh"], v["c"], v["scale"],
                                 optional(extras.class_scale, v, "class_scale"), v.index("label"), margin,
                                 optional(extras.class_margin, v, "class_margin"), N, M);
      })
      .backward([=](const auto& k, const auto& v) {
        k.margin_softmax_backward(factor ? v["g"] : v["dc"], v["dscale"], v["d_label"], v["radial"],
                                  v["dloss"], v["c"], v["scale"],
                                  optional(extras.class_scale, v, "class_scale"), v["lse"], v["h"], v["dh"],
                                  factor ? v["factor"] : nullptr, v.index("label"), N, M);
      })
      .may_be_null({"dscale"})
      .tolerance(5e-6 + 6e-7 * scale,
                 "scale c - lse is rounded to an ulp of |scale h|, up to 7 scale, before exp");
}

// Cosines that rounding pushed beyond +-1 are clamped; g may be c.
Row clamped(int64_t N, int64_t M) {
  return Row(cat("margin_softmax clamped, g in place of c ", N, "x", M))
      .wide(kMarginWide)
      .covers(&K::margin_softmax_forward, &K::margin_softmax_backward)
      .state("c", numbers(N * M, 1, -1.5, 1.5))
      .constant("scale", numbers(N, 2, 5, 15))
      .constant("dloss", numbers(N, 3))
      .index_input("label", indices(N, 4, M))
      .saved("loss", N)
      .saved("lse", N)
      .saved("h", N)
      .saved("dh", N)
      .saved("d_label", N)
      .forward([=](const auto& k, const auto& v) {
        const Margin margin{Margin::Kind::cosface, 0.35, 0};
        k.margin_softmax_forward(v["loss"], v["lse"], v["h"], v["dh"], v["c"], v["scale"], nullptr,
                                 v.index("label"), margin, nullptr, N, M);
        k.margin_softmax_backward(v["c"], nullptr, v["d_label"], nullptr, v["dloss"], v["c"], v["scale"],
                                  nullptr, v["lse"], v["h"], v["dh"], nullptr, v.index("label"), N, M);
      })
      .tolerance(1e-5, "scale c - lse is rounded to an ulp of scale = 15 before exp");
}

// scatter_add_rows is the adjoint of gather_rows.
Row gather_rows(int64_t N, int64_t rows, int64_t D) {
  return Row(cat("gather_rows ", N, " of ", rows, "x", D))
      .wide({"x", "dx", "y", "dy"})
      .covers(&K::gather_rows, &K::scatter_add_rows)
      .input("x", numbers(rows * D, 1))
      .index_input("i", indices(N, 2, rows))
      .output("y", N * D)
      .forward([=](const auto& k, const auto& v) { k.gather_rows(v["y"], v["x"], v.index("i"), N, D); })
      .backward([=](const auto& k, const auto& v) {
        k.scatter_add_rows(v["dx"], v["dy"], nullptr, v.index("i"), N, rows, D);
      })
      .tolerance(1e-6 + 2e-8 * double(N) / double(rows), "sums of N / rows numbers");
}

Row scatter_add_rows(int64_t N, int64_t rows, int64_t D) {
  return Row(cat("scatter_add_rows ", N, " to ", rows, "x", D))
      .wide({"x", "y", "a"})
      .covers(&K::scatter_add_rows)
      .state("y", numbers(rows * D, 1))
      .constant("x", numbers(N * D, 2))
      .constant("a", numbers(N, 3))
      .index_input("i", indices(N, 4, rows))
      .forward([=](const auto& k, const auto& v) {
        k.scatter_add_rows(v["y"], v["x"], v["a"], v.index("i"), N, rows, D);
      })
      .tolerance(2e-6, "sums of up to 80 products");
}

const std::vector<std::pair<const char*, Margin>>& angular_margins() {
  using Kind = Margin::Kind;
  static const std::vector<std::pair<const char*, Margin>> all = {
      {"arcface", {.kind = Kind::arcface, .m = 0.5}},
      {"arcface, easy", {.kind = Kind::arcface, .m = 0.5, .rule = Margin::Rule::easy_margin}},
      {"arcface, no rule", {.kind = Kind::arcface, .m = 0.8, .rule = Margin::Rule::none}},
      {"combined", {.kind = Kind::combined, .m1 = 0.9, .m2 = 0.4, .m3 = 0.15}},
      {"combined, m1 = 1", {.kind = Kind::combined, .m2 = 0.4, .m3 = 0.15}},
      {"combined, guarded", {.kind = Kind::combined, .m1 = 1.35, .guard = Margin::Guard::monotone}}};
  return all;
}

}  // namespace

// The gradient of the scores in their own place.
Row softmax_cross_entropy_in_place(const std::string& of, int64_t N, int64_t M, std::vector<double> z) {
  return Row(cat("softmax_cross_entropy", of, ", dz in place of z ", N, "x", M))
      .wide({"z", "loss", "dloss", "lse"})
      .covers(&K::softmax_cross_entropy_forward, &K::softmax_cross_entropy_backward)
      .state("z", std::move(z))
      .constant("dloss", numbers(N, 3))
      .index_input("label", indices(N, 2, M))
      .saved("loss", N)
      .saved("lse", N)
      .forward([=](const auto& k, const auto& v) {
        k.softmax_cross_entropy_forward(v["loss"], v["lse"], v["z"], v.index("label"), N, M);
        k.softmax_cross_entropy_backward(v["z"], v["dloss"], v["z"], v["lse"], v.index("label"), N, M,
                                         fr::Gradient::overwrite);
      })
      .tolerance(2e-6, "z - lse is rounded to an ulp of the largest logit before exp");
}

std::vector<Row> row_rows() {
  std::vector<Row> rows;
  struct Size {
    int64_t N, columns;
  };
  for (const Size& s : {Size{1, 1}, {1, 8}, {3, 13}, {5, 33}, {0, 4}, {301, 512}}) {
    rows.push_back(l2_normalize(s.N, s.columns, false));
    rows.push_back(l2_normalize(s.N, s.columns, true));
    rows.push_back(softmax_cross_entropy(s.N, s.columns, 2));
    rows.push_back(margin_softmax("none", {}, s.N, s.columns, 3));
    rows.push_back(margin_softmax("none", {}, s.N, s.columns, 3, {.factor = true}));
    rows.push_back(margin_softmax("none", {}, s.N, s.columns, 3, {.class_scale = true}));
    rows.push_back(gather_rows(s.N, s.columns, 7));
    rows.push_back(scatter_add_rows(s.N, s.columns, 33));
  }
  rows.push_back(softmax_cross_entropy(2, 5000, 5));
  rows.push_back(softmax_cross_entropy_in_place("", 4, 37, numbers(4 * 37, 1, -3, 3)));
  rows.push_back(softmax_cross_entropy_in_place("", 3, 4100, numbers(3 * 4100, 1, -3, 3)));
  rows.push_back(margin_softmax("cosface", {Margin::Kind::cosface, 0.35, 0}, 2, 5000, 16, {.factor = true}));
  // Longer than a warp's row on the card; more rows than its blocks, which go round.
  rows.push_back(l2_normalize(3, 1201, false));
  rows.push_back(l2_normalize(2, 2048, true));
  rows.push_back(margin_softmax("none", {}, 2201, 3, 3));
  rows.push_back(zero_rows(3, 17));
  rows.push_back(softmax_cross_entropy(3, 21, 60));
  rows.push_back(softmax_cross_entropy(33, 10572, 10));
  for (const double m : {1, 2, 3, 4}) {
    rows.push_back(margin_softmax("a_softmax", {Margin::Kind::a_softmax, m, 0}, 5, 19, 4));
    rows.push_back(margin_softmax("a_softmax annealed", {Margin::Kind::a_softmax, m, 5}, 3, 35, 4));
  }
  rows.push_back(margin_softmax("cosface", {Margin::Kind::cosface, 0.35, 0}, 4, 17, 8));
  rows.push_back(margin_softmax("cosface", {Margin::Kind::cosface, 0.35, 0}, 33, 10572, 64));
  rows.push_back(
      margin_softmax("a_softmax", {Margin::Kind::a_softmax, 4, 5}, 33, 10572, 30, {.factor = true}));
  rows.push_back(
      margin_softmax("a_softmax", {Margin::Kind::a_softmax, 4, 5}, 3, 4100, 4, {.class_scale = true}));
  for (const auto& [name, margin] : angular_margins()) {
    rows.push_back(margin_softmax(name, margin, 7, 18, 8));
    rows.push_back(margin_softmax(name, margin, 6, 21, 8, {.class_margin = true}));
  }
  rows.push_back(margin_softmax("cosface", {Margin::Kind::cosface, 0.35, 0}, 5, 36, 8,
                                {.factor = true, .class_scale = true, .class_margin = true}));
  rows.push_back(gather_rows(2201, 5, 3));
  rows.push_back(clamped(4, 37));
  return rows;
}

}  // namespace fr::audit
