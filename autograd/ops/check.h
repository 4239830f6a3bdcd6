// What every op checks before it computes. Throws std::invalid_argument: "op: expected ..., got ...".
#pragma once
#include <initializer_list>

#include "autograd/var.h"

namespace fr {

// Inputs of an op: maps of one type, and parameters, which are never rounded: float32 beside bfloat16 maps.
enum class Is { map, wide };
struct Input {
  const char* name;
  const Var& x;
  Is is = Is::map;
};

// All non-empty Vars lie on one device and hold the same floating-point type, or its wide one.
inline void check_inputs(const char* op, std::initializer_list<Input> inputs) {
  const Input& first = *inputs.begin();
  FR_CHECK(first.x, op, ": expected a value, got an empty Var");
  const DType type = first.x.dtype();
  FR_CHECK(type != DType::int64, op, ": expected float32 or float64, got int64");
  for (const Input& i : inputs) {
    if (!i.x) continue;
    const DType expected = i.is == Is::wide ? wide(type) : type;
    FR_CHECK(i.x.dtype() == expected, op, ": expected one element type, got ", to_string(expected), " and ",
             to_string(i.x.dtype()));
    FR_CHECK(i.x.device() == first.x.device(), op, ": ", first.name, " is on ", to_string(first.x.device()),
             ", ", i.name, " on ", to_string(i.x.device()));
  }
}

// The same of a tensor beside them: labels, statistics.
inline void check_device(const char* op, const Var& x, const char* name, const Tensor& t) {
  FR_CHECK(!t || t.device() == x.device(), op, ": the input is on ", to_string(x.device()), ", ", name,
           " on ", to_string(t.device()));
}

// What a product with maps of this type reads of a weight: its value, or that rounded to bfloat16.
inline Tensor factor_of(const Var& w, DType maps) {
  if (w.dtype() == maps) return w.value();
  return w.low() ? w.low() : w.value().to(maps);
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
