#include "fr/dail/leave_out.h"

#include <algorithm>

namespace fr {
namespace {

void check(const Tensor& z, const Tensor& labels, const DatasetClasses& d) {
  const char* op = "classes of data sets";
  const auto beside = [&](const Tensor& t) { return t.dtype() == DType::int64 && t.device() == z.device(); };
  FR_CHECK(beside(d.offset) && d.offset.shape().size() == 1 && d.offset.size() >= 2, op,
           ": expected offsets int64 (datasets + 1) beside the scores, got ", to_string(d.offset.shape()),
           " of ", to_string(d.offset.dtype()), " on ", to_string(d.offset.device()));
  FR_CHECK(beside(labels) && labels.shape() == Shape{z.dim(0)}, op, ": expected labels int64 (", z.dim(0),
           ") beside the scores, got ", to_string(labels.shape()));
  FR_CHECK(d.keep >= 0 && d.keep <= 1, op, ": expected a probability to keep a class, got ", d.keep);
  FR_CHECK(!d.kept || (beside(d.kept) && d.kept.shape().size() == 2 && d.kept.dim(0) == z.dim(0)), op,
           ": expected kept classes int64 (", z.dim(0), ",L) beside the scores, got ",
           to_string(d.kept.shape()));
  if (d.offset.on_host()) check_offset(d.offset.host<int64_t>(), z.dim(1));
}

}  // namespace

void check_offset(const std::vector<int64_t>& offset, int64_t classes) {
  bool ascends = offset.size() >= 2 && offset.front() == 0 && offset.back() == classes;
  for (size_t k = 0; ascends && k + 1 < offset.size(); ++k) ascends = offset[k] < offset[k + 1];
  std::string text;
  for (const int64_t o : offset) text += cat(text.empty() ? "" : ", ", o);
  FR_CHECK(ascends, "classes of data sets: expected offsets that ascend from 0 to ", classes, ", got ", text);
}

void leave_out(const Tensor& z, const Tensor& labels, const DatasetClasses& d) {
  if (!d) return;
  check(z, labels, d);
  Crossing crossing;
  crossing.keep = d.keep, crossing.key = d.coins;
  if (d.kept && d.kept.size() > 0) crossing.list = d.kept.as<int64_t>(), crossing.list_length = d.kept.dim(1);
  if (d.kept && d.kept.size() == 0) crossing.keep = 0;
  with_kernels(z, [&](const auto& k) {
    k.leave_out_classes(z.data(), labels.data(), d.offset.data(), d.offset.size() - 1, crossing, z.dim(0),
                        z.dim(1));
  });
}

double mean_foreign_classes(const std::vector<int64_t>& offset) {
  double sum = 0;
  const double M = double(offset.back());
  for (size_t k = 0; k + 1 < offset.size(); ++k) {
    const double own = double(offset[k + 1] - offset[k]);
    sum += own / M * (M - own);
  }
  return sum;
}

double usual_keep(const std::vector<int64_t>& offset) {
  if (offset.back() > 300'000) return 1e-4;
  const double foreign = mean_foreign_classes(offset);
  return foreign > 0 ? std::min(0.1, 30 / foreign) : 0;
}

}  // namespace fr
