// Rows of the per-channel kernels: bias, PReLU, ARFA, batch normalisation.
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

const char* const kSums =
    "float sums of 32 terms, blocks of 32 in double; up to 2401 rows of numbers below 1";

const std::set<std::string> kWide = {"gamma",  "beta",         "slope",       "mean",   "rstd",
                                     "var",    "running_mean", "running_var", "scale",  "shift",
                                     "dgamma", "dbeta",        "dslope",      "dscale", "dshift"};

Row bias(int64_t rows, int64_t C) {
  return Row(cat("bias ", rows, "x", C))
      .covers(&K::bias_forward, &K::bias_backward)
      .wide({"b", "db"})
      .constant("x", numbers(rows * C, 1))
      .input("b", numbers(C, 2))
      .output("y", rows * C)
      .forward([=](const auto& k, const auto& v) { k.bias_forward(v["y"], v["x"], v["b"], rows, C); })
      .backward([=](const auto& k, const auto& v) { k.bias_backward(v["db"], v["dy"], rows, C); })
      .tolerance(1e-5, kSums);
}

Row bias_in_place(int64_t rows, int64_t C) {
  return Row(cat("bias in place ", rows, "x", C))
      .covers(&K::bias_forward)
      .wide({"b"})
      .state("x", numbers(rows * C, 1))
      .constant("b", numbers(C, 2))
      .forward([=](const auto& k, const auto& v) { k.bias_forward(v["x"], v["x"], v["b"], rows, C); })
      .tolerance(2e-7, "one addition");
}

enum class Residual { without, with };

Row prelu(int64_t rows, int64_t C, Residual joined) {
  Row row(cat("prelu ", rows, "x", C, joined == Residual::with ? " + residual" : ""));
  row.covers(&K::prelu_forward, &K::prelu_backward)
      .wide({"a", "da"})
      .input("x", numbers(rows * C, 1))
      .input("a", numbers(C, 2))
      .output("y", rows * C)
      .forward([=](const auto& k, const auto& v) {
        k.prelu_forward(v["y"], v["x"], v["a"], joined == Residual::with ? v["residual"] : nullptr, rows, C);
      })
      .backward([=](const auto& k, const auto& v) {
        k.prelu_backward(v["dx"], v["da"], v["dy"], v["x"], v["a"], rows, C, fr::Gradient::add);
      })
      .may_be_null({"dx", "da"})
      .tolerance(1e-5, kSums);
  if (joined == Residual::with) row.constant("residual", numbers(rows * C, 3));
  return row;
}

std::vector<double> nans(int64_t n) {
  return std::vector<double>(static_cast<size_t>(n), std::numeric_limits<double>::quiet_NaN());
}

// What backward passes do with fr::Gradient::overwrite: what stood in dx, here NaN, is not read. Or dx lies in x's place.
enum class Place { own, of_x };

const char* name(Place p) { return p == Place::own ? "overwriting, " : "in place, "; }

// A row with the place of the gradient, "dx" or "x".
Row backward_row(const std::string& title, Place place, int64_t rows, int64_t C) {
  Row row(cat(title, " backward, ", name(place), rows, "x", C));
  row.constant("dy", numbers(rows * C, 3));
  if (place == Place::of_x) return row.state("x", numbers(rows * C, 1));
  return row.constant("x", numbers(rows * C, 1)).state("dx", nans(rows * C));
}

Row prelu_overwritten(int64_t rows, int64_t C, Place place) {
  const char* dx = place == Place::own ? "dx" : "x";
  return backward_row("prelu", place, rows, C)
      .covers(&K::prelu_backward)
      .wide({"a", "da"})
      .constant("a", numbers(C, 2))
      .state("da", numbers(C, 4))
      .forward([=](const auto& k, const auto& v) {
        k.prelu_backward(v[dx], v["da"], v["dy"], v["x"], v["a"], rows, C, fr::Gradient::overwrite);
      })
      .tolerance(1e-5, kSums);
}

Row arfa(int64_t rows, int64_t C) {
  return Row(cat("arfa ", rows, "x", C))
      .covers(&K::arfa_forward, &K::arfa_backward)
      .wide({"a", "da", "k"})
      .input("x", numbers(rows * C, 1, -3, 3))
      .input("a", numbers(C, 2, 0.4, 2))
      .constant("k", {1.75})
      .output("y", rows * C)
      .forward([=](const auto& k, const auto& v) { k.arfa_forward(v["y"], v["x"], v["a"], v["k"], rows, C); })
      .backward([=](const auto& k, const auto& v) {
        k.arfa_backward(v["dx"], v["da"], v["dy"], v["x"], v["a"], v["k"], rows, C, fr::Gradient::add);
      })
      .may_be_null({"dx", "da"})
      .tolerance(2e-5, kSums);
}

Row arfa_overwritten(int64_t rows, int64_t C, Place place) {
  const char* dx = place == Place::own ? "dx" : "x";
  return backward_row("arfa", place, rows, C)
      .covers(&K::arfa_backward)
      .wide({"a", "da", "k"})
      .constant("a", numbers(C, 2, 0.4, 2))
      .constant("k", {1.75})
      .state("da", numbers(C, 4))
      .forward([=](const auto& k, const auto& v) {
        k.arfa_backward(v[dx], v["da"], v["dy"], v["x"], v["a"], v["k"], rows, C, fr::Gradient::overwrite);
      })
      .tolerance(2e-5, kSums);
}

Row batch_norm_overwritten(int64_t rows, int64_t C, Place place) {
  const char* dx = place == Place::own ? "dx" : "x";
  return backward_row("batch_norm", place, rows, C)
      .covers(&K::batch_norm_backward)
      .wide(kWide)
      .constant("gamma", numbers(C, 2))
      .constant("mean", numbers(C, 3))
      .constant("rstd", numbers(C, 4, 0.5, 2))
      .constant("beta", numbers(C, 5))
      .constant("slope", numbers(C, 6))
      .state("dgamma", numbers(C, 7))
      .state("dbeta", numbers(C, 8))
      .state("dslope", numbers(C, 9))
      .forward([=](const auto& k, const auto& v) {
        k.batch_norm_backward(v[dx], v["dgamma"], v["dbeta"], v["dslope"], v["dy"], v["x"],
                              {v["mean"], v["rstd"], v["gamma"], v["beta"], v["slope"]}, rows, C,
                              fr::Gradient::overwrite);
      })
      .tolerance(1e-4, kSums);
}

// Alone, or with what may be joined to it.
struct Joined {
  bool slope, residual;
};

// Channels with means far from 0 show a variance that cancels.
Row batch_norm(int64_t rows, int64_t C, double low, double high, double tolerance, Joined joined = {}) {
  Row row(cat("batch_norm ", rows, "x", C, " in [", low, ", ", high, ")", joined.slope ? " + prelu" : "",
              joined.residual ? " + residual" : ""));
  const auto line = [=](const auto& v) {
    using T = typename std::remove_cvref_t<decltype(v)>::type;
    return BatchNormLine<T>{v["mean"], v["rstd"], v["gamma"], v["beta"], joined.slope ? v["slope"] : nullptr};
  };
  row.covers(&K::batch_norm_statistics, &K::batch_norm_apply, &K::batch_norm_backward)
      .wide(kWide)
      .input("x", numbers(rows * C, 1, low, high))
      .input("gamma", numbers(C, 2))
      .input("beta", numbers(C, 3))
      .output("y", rows * C)
      .saved("mean", C)
      .saved("rstd", C)
      .state("running_mean", numbers(C, 4))
      .state("running_var", numbers(C, 5, 0.5, 2))
      .forward([=](const auto& k, const auto& v) {
        k.batch_norm_statistics(v["mean"], v["rstd"], v["running_mean"], v["running_var"], v["x"], rows, C,
                                1e-3, 0.1);
        k.batch_norm_apply(v["y"], v["x"], line(v), joined.residual ? v["residual"] : nullptr, rows, C);
      })
      .backward([=](const auto& k, const auto& v) {
        k.batch_norm_backward(v["dx"], v["dgamma"], v["dbeta"], joined.slope ? v["dslope"] : nullptr, v["dy"],
                              v["x"], line(v), rows, C, fr::Gradient::add);
      })
      .tolerance(tolerance,
                 "the mean is rounded to float: an ulp of |mean| divided by the deviation, and float sums");
  if (joined.residual) row.constant("residual", numbers(rows * C, 6));
  if (joined.slope)
    row.input("slope", numbers(C, 7)).may_be_null({"dx", "dgamma", "dbeta", "dslope"});
  else
    row.may_be_null({"dx", "dgamma", "dbeta"});
  return row;
}

Row batch_norm_inference(int64_t rows, int64_t C) {
  return Row(cat("batch_norm_inference ", rows, "x", C))
      .covers(&K::batch_norm_inference_forward, &K::batch_norm_inference_backward)
      .wide(kWide)
      .input("x", numbers(rows * C, 1))
      .input("gamma", numbers(C, 2))
      .input("beta", numbers(C, 3))
      .constant("mean", numbers(C, 4))
      .constant("var", numbers(C, 5, 0.5, 2))
      .output("y", rows * C)
      .forward([=](const auto& k, const auto& v) {
        k.batch_norm_inference_forward(v["y"], v["x"], v["gamma"], v["beta"], v["mean"], v["var"], rows, C,
                                       1e-3);
      })
      .backward([=](const auto& k, const auto& v) {
        k.batch_norm_inference_backward(v["dx"], v["dgamma"], v["dbeta"], v["dy"], v["x"], v["gamma"],
                                        v["mean"], v["var"], rows, C, 1e-3);
      })
      .may_be_null({"dx", "dgamma", "dbeta"})
      .tolerance(1e-5, kSums);
}

Row batch_norm_line(int64_t C) {
  return Row(cat("batch_norm_line ", C))
      .covers(&K::batch_norm_line)
      .wide(kWide)
      .input("gamma", numbers(C, 2))
      .input("beta", numbers(C, 3))
      .constant("mean", numbers(C, 4))
      .constant("var", numbers(C, 5, 0.5, 2))
      .output("scale", C)
      .output("shift", C)
      .forward([=](const auto& k, const auto& v) {
        k.batch_norm_line(v["scale"], v["shift"], v["gamma"], v["beta"], v["mean"], v["var"], C, 1e-3);
      })
      .tolerance(1e-6, "a handful of roundings of numbers below 2");
}

}  // namespace

std::vector<Row> channel_rows() {
  std::vector<Row> rows;
  struct Size {
    int64_t rows, C;
  };
  for (const Size& s : {Size{1, 1}, {5, 7}, {37, 3}, {9, 33}, {3, 64}, {0, 5}, {2401, 64}, {300, 513}}) {
    rows.push_back(bias(s.rows, s.C));
    rows.push_back(bias_in_place(s.rows, s.C));
    for (Residual joined : {Residual::without, Residual::with}) rows.push_back(prelu(s.rows, s.C, joined));
    rows.push_back(arfa(s.rows, s.C));
    rows.push_back(batch_norm_inference(s.rows, s.C));
    rows.push_back(batch_norm_line(s.C));
    for (Place place : {Place::own, Place::of_x}) {
      rows.push_back(prelu_overwritten(s.rows, s.C, place));
      rows.push_back(arfa_overwritten(s.rows, s.C, place));
      if (s.rows > 0) rows.push_back(batch_norm_overwritten(s.rows, s.C, place));
    }
    if (s.rows == 1) continue;
    for (bool slope : {false, true})
      for (bool residual : {false, true})
        rows.push_back(batch_norm(s.rows, s.C, -1, 1, 2e-5, {slope, residual}));
  }
  // A single row has no variance: rstd = 1 / sqrt(eps) and dx = 0.
  rows.push_back(batch_norm(1, 17, -1, 1, 2e-5));
  rows.push_back(batch_norm(2401, 64, 100, 101, 1e-3));
  return rows;
}

}  // namespace fr::audit
