#include "fr/loss/bounds.h"

#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

void check(const char* op, int64_t M, int64_t least, double p = 0.5) {
  FR_CHECK(M >= least, op, ": expected at least ", least, " classes, got ", M);
  FR_CHECK(p > 0 && p < 1, op, ": expected a probability in (0, 1), got ", p);
}

}  // namespace

double a_softmax_margin_bound(int64_t M) {
  check("a_softmax_margin_bound", M, 2);
  return M == 2 ? 2 + std::sqrt(3.0) : 3;
}

double a_softmax_angular_margin(double m, double angle) {
  FR_CHECK(m >= 1, "a_softmax_angular_margin: expected m >= 1, got ", m);
  return (m - 1) / (m + 1) * angle;
}

double l2_softmax_scale_bound(int64_t M, double p) {
  check("l2_softmax_scale_bound", M, 3, p);
  return std::log(p * double(M - 2) / (1 - p));
}

double cosface_scale_bound(int64_t M, double p) {
  check("cosface_scale_bound", M, 2, p);
  return double(M - 1) / double(M) * std::log(double(M - 1) * p / (1 - p));
}

// The best there is: each embedding on its class, the classes as far from each other as M directions can be, cosine
// -1 / (M - 1).
double normface_loss_floor(int64_t M, double s) {
  check("normface_loss_floor", M, 2);
  FR_CHECK(s > 0, "normface_loss_floor: expected s > 0, got ", s);
  const double others = double(M - 1);
  return std::log1p(others * std::exp(-s * double(M) / others));
}

}  // namespace fr
