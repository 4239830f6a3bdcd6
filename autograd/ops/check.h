// What every op checks before it computes. Throws std::invalid_argument: "op: expected ..., got ...".
#pragma once
#include <initializer_list>

#include "autograd/var.h"

namespace fr {

// All non-empty Vars hold the same floating-point type.
inline void check_types(const char* op, std::initializer_list<const Var*> inputs) {
  const Var* first = *inputs.begin();
  FR_CHECK(*first, op, ": expected a value, got an empty Var");
  FR_CHECK(first->dtype() != DType::int64, op, ": expected float32 or float64, got int64");
  for (const Var* x : inputs)
    FR_CHECK(!*x || x->dtype() == first->dtype(), op, ": expected one element type, got ",
             to_string(first->dtype()), " and ", to_string(x->dtype()));
}

inline void check_rank(const char* op, const char* name, const Var& x, int rank) {
  FR_CHECK(x, op, ": expected ", name, " of rank ", rank, ", got an empty Var");
  FR_CHECK(static_cast<int>(x.shape().size()) == rank, op, ": expected ", name, " of rank ", rank, ", got ",
           to_string(x.shape()));
}

inline void check_shape(const char* op, const char* name, const Var& x, const Shape& expected) {
  FR_CHECK(x, op, ": expected ", name, " ", to_string(expected), ", got an empty Var");
  FR_CHECK(x.shape() == expected, op, ": expected ", name, " ", to_string(expected), ", got ",
           to_string(x.shape()));
}

}  // namespace fr
