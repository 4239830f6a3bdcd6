// Rows of the optimiser's step.
#include "test/tensor/rows.h"

namespace fr::test {

std::vector<Row> sgd_rows() {
  std::vector<Row> rows;
  for (const MomentumForm form : {MomentumForm::caffe, MomentumForm::torch})
    for (const bool nesterov : {false, true})
      for (const int64_t n : {0, 1, 37, 150001}) {
        const SgdStep step{.lr = 0.1,
                           .momentum = 0.9,
                           .decay = 5e-4,
                           .gradient_scale = 0.25,
                           .form = form,
                           .nesterov = nesterov};
        rows.push_back(
            Row(cat("sgd ", form == MomentumForm::caffe ? "caffe " : "torch ", nesterov ? "nesterov " : "",
                    n))
                .covers(&K::sgd_update)
                .state("p", numbers(n, 1))
                .state("v", numbers(n, 2))
                .constant("g", numbers(n, 3))
                .forward([=](const auto& k, const auto& v) { k.sgd_update(v["p"], v["v"], v["g"], step, n); })
                .tolerance(5e-7, "a handful of float roundings per element"));
      }
  return rows;
}

}  // namespace fr::test
