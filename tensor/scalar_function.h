// The functions of one and two numbers behind Unary and Binary, and the order of every maximum: one small function each, shared
// by the reference and the card.
#pragma once
#include <cmath>

#include "tensor/kernels.h"

namespace fr {

// A NaN is larger than any number, and equal values keep the first.
template <class T>
FR_HOST_DEVICE static inline bool larger(T a, T b) {
  return a > b || (a != a && b == b);
}

// relu is written so that a NaN passes.
template <class T>
FR_HOST_DEVICE static inline T unary(Unary f, T x) {
  switch (f) {
    case Unary::relu:
      return x <= 0 ? T(0) : x;
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return std::log(x);
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::square:
      return x * x;
    case Unary::abs:
      return std::abs(x);
    case Unary::tanh:
      return std::tanh(x);
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return x;
}

// f'(x), from x or from y = f(x), whichever is shorter.
template <class T>
FR_HOST_DEVICE static inline T unary_slope(Unary f, T x, T y) {
  switch (f) {
    case Unary::relu:
      return x > 0 ? T(1) : T(0);
    case Unary::exp:
      return y;
    case Unary::log:
      return 1 / x;
    case Unary::sqrt:
      return 1 / (2 * y);
    case Unary::square:
      return 2 * x;
    case Unary::abs:
      return T((x > 0) - (x < 0));
    case Unary::tanh:
      return 1 - y * y;
    case Unary::sigmoid:
      return y * (1 - y);
  }
  return 1;
}

template <class T>
FR_HOST_DEVICE static inline T binary(Binary f, T a, T b) {
  switch (f) {
    case Binary::add:
      return a + b;
    case Binary::sub:
      return a - b;
    case Binary::mul:
      return a * b;
    case Binary::div:
      return a / b;
    case Binary::max:
      return larger(b, a) ? b : a;
  }
  return a;
}

template <class T>
FR_HOST_DEVICE static inline T slope_a(Binary f, T a, T b) {
  switch (f) {
    case Binary::add:
      return 1;
    case Binary::sub:
      return 1;
    case Binary::mul:
      return b;
    case Binary::div:
      return 1 / b;
    case Binary::max:
      return larger(b, a) ? T(0) : T(1);
  }
  return 1;
}

template <class T>
FR_HOST_DEVICE static inline T slope_b(Binary f, T a, T b) {
  switch (f) {
    case Binary::add:
      return 1;
    case Binary::sub:
      return -1;
    case Binary::mul:
      return a;
    case Binary::div:
      return -a / (b * b);
    case Binary::max:
      return larger(b, a) ? T(1) : T(0);
  }
  return 1;
}

}  // namespace fr
