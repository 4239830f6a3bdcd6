// How weights begin. Every element is a pure function of (seed, name of the parameter, shape, index): adding a
// layer, changing the order or the number of threads does not move the others.
#pragma once
#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace fr {

// fan_in = elements / first dimension: R S C/groups of a filter (K,R,S,C/groups), D of a matrix (M,D).
struct Init {
  enum class Kind {
    keep,          // leave what is there
    constant,      // value
    uniform,       // U(-value, value)
    normal,        // N(0, value^2)
    caffe_xavier,  // U(-sqrt(3 / fan_in), sqrt(3 / fan_in))        Caffe's "xavier" filler, variance 1 /
                   // fan_in
    msra,          // N(0, 2 / fan_in)                              He et al. 2015, Eq. 10
    orthogonal,    // (K, fan_in) with orthonormal rows, or columns where K > fan_in; Saxe et al. 2014
  };
  Kind kind = Kind::keep;
  double value = 0;
  int64_t start = 0;  // of a part of something larger: how many elements lie before it

  static Init constant(double value) { return {Kind::constant, value}; }
  static Init uniform(double bound) { return {Kind::uniform, bound}; }
  static Init normal(double std) { return {Kind::normal, std}; }
  static Init caffe_xavier() { return {Kind::caffe_xavier, 0}; }
  static Init msra() { return {Kind::msra, 0}; }
  static Init orthogonal() { return {Kind::orthogonal, 0}; }
};

// Overwrites w (float or double; the float values are the rounded double ones).
void initialise(const Tensor& w, const Init& how, uint64_t seed, std::string_view name);

// The n vectors of `length` numbers in v (n, length), n <= length, made orthonormal one after the other: Gram and Schmidt,
// each vector freed of those before it. They must be independent. nn/orthogonal.cpp
void orthonormalise(double* v, int64_t n, int64_t length);

}  // namespace fr
