// How bench/peers/compare.py talks with a contender, line by line, so that contenders alternate sample by sample.
//   case NAME PARAMETERS   sets up, warms up                   ready NOTE   or   skip REASON
//   check                  a few results, for comparison       check V1 V2 ...
//   go                     one sample of at least 30 ms        time SECONDS_PER_CALL
//   peak                   largest resident memory so far      peak BYTES
//   quit
// bench/peers/protocol.py is the same in Python.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/worker/floats.h"

namespace fr::bench {

struct Case {
  std::function<void()> run;                   // the work, once
  std::function<std::vector<double>()> check;  // called once, before the first run
  std::string note = {};                       // which variant it is
};

// Thrown by what makes a case: this contender cannot take part.
struct Skip : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using MakeCase = std::function<Case(std::istringstream& parameters)>;

// Answers until `quit` or the end of the input. What libraries print on stdout goes to stderr.
int serve(const std::map<std::string, MakeCase>& cases);

// Element i of test data number `seed`, in [-1,1): the same in every contender and language.
inline float value(uint32_t seed, uint32_t i) {
  uint32_t x = i * 0x9E3779B9u + seed * 0x85EBCA6Bu;
  x = (x ^ (x >> 15)) * 0x2C1B3C6Du;
  x = (x ^ (x >> 12)) * 0x297A2D39u;
  x ^= x >> 15;
  return static_cast<float>(x >> 8) * 0x1p-23f - 1;
}
Floats values(uint32_t seed, int64_t n);

// 64 elements spread evenly over x (all, where there are fewer).
std::vector<double> sampled(const float* x, int64_t n);

template <class T>
T next(std::istringstream& in) {
  T x{};
  if (!(in >> x)) throw std::invalid_argument("a parameter is missing or malformed");
  return x;
}

}  // namespace fr::bench
