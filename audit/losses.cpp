#include "audit/losses.h"

#include "audit/losses/rows.h"
#include "base/error.h"

namespace fr::audit {
namespace {

Function function_of(const LossRow& row, Size size, uint32_t seed) {
  Function function{
      cat(row.title.name, " (", size.N, " of ", size.D, ", ", size.M, " classes)"), row.loss, {}, {}};
  for (const Input& input : row.inputs(size)) {
    function.inputs.push_back(input.name);
    function.values.push_back(drawn(input.shape, input.low, input.high, ++seed));
  }
  return function;
}

Finding measure_gradient(const LossRow& row, Size size) {
  const Function function = function_of(row, size, 100);
  Finding found{function.name, {}, "central differences", {}};
  found.checks.push_back(row.formula ? measure_formula(function, row.formula, found.failures)
                                     : measure_differences(function, found.failures));
  return found;
}

Finding measure_in_float(const LossRow& row, Size size, std::span<const Place> places) {
  const Function function = function_of(row, size, 200);
  Finding found{function.name, {}, "float", {}};
  found.checks = measure_float(function, places, row.float_tolerance, found.failures);
  return found;
}

Finding measure_value(const LossRow& row, const Stated& stated) {
  Function function{row.title.name + " at a stated value", row.loss, {}, stated.inputs};
  Finding found{function.name, {}, "printed digits", {}};
  found.checks.push_back(measure_stated(function, stated.value, stated.allowed, found.failures));
  return found;
}

}  // namespace

std::vector<LossRow> loss_rows() {
  std::vector<LossRow> all;
  for (auto rows : {class_rows, batch_rows})
    for (LossRow& row : rows()) all.push_back(std::move(row));
  return all;
}

std::vector<Finding> measure_loss(const LossRow& row, std::span<const Place> places) {
  std::vector<Finding> found{measure_gradient(row, {1, 3, 2}), measure_gradient(row, {19, 7, 5}),
                             measure_in_float(row, {33, 403, 512}, places)};
  for (const Stated& stated : row.stated) found.push_back(measure_value(row, stated));
  return found;
}

}  // namespace fr::audit
