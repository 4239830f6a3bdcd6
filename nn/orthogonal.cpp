// Gram and Schmidt's method in the modified form, right-looking: as soon as a group of vectors is orthonormal, all later
// ones are freed of it, each by itself. Every sum has one order, whatever the number of threads.
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "nn/init.h"

namespace fr {

namespace {

constexpr int kGroup = 4;   // vectors whose products with another are summed in one pass over it
constexpr int kLanes = 4;   // partial sums side by side
constexpr int kBlock = 16;  // vectors that all later ones are freed of while they are in the cache

using Products = double[kGroup];

// c_g = <q_g, x>, q_g = q + g length
void products(Products& c, const double* q, const double* x, int64_t length) {
  double sum[kGroup][kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes)
    for (int g = 0; g < kGroup; ++g)
#pragma omp simd
      for (int l = 0; l < kLanes; ++l) sum[g][l] += q[g * length + i + l] * x[i + l];
  for (int g = 0; g < kGroup; ++g) {
    c[g] = (sum[g][0] + sum[g][2]) + (sum[g][1] + sum[g][3]);
    for (int64_t j = i; j < length; ++j) c[g] += q[g * length + j] * x[j];
  }
}

// x -= sum_g <q_g, x> q_g for orthonormal q
void free_of_group(double* x, const double* q, int64_t length) {
  Products c;
  products(c, q, x, length);
#pragma omp simd
  for (int64_t i = 0; i < length; ++i)
    x[i] -= c[0] * q[i] + c[1] * q[length + i] + c[2] * q[2 * length + i] + c[3] * q[3 * length + i];
}

void free_of_one(double* x, const double* q, int64_t length) {
  double c = 0;
  for (int64_t i = 0; i < length; ++i) c += q[i] * x[i];
  for (int64_t i = 0; i < length; ++i) x[i] -= c * q[i];
}

void free_of(double* x, const double* q, int64_t count, int64_t length) {
  int64_t j = 0;
  for (; j + kGroup <= count; j += kGroup) free_of_group(x, q + j * length, length);
  for (; j < count; ++j) free_of_one(x, q + j * length, length);
}

void normalise(double* x, int64_t length) {
  double squares = 0;
  for (int64_t i = 0; i < length; ++i) squares += x[i] * x[i];
  const double scale = 1 / std::sqrt(squares);
  for (int64_t i = 0; i < length; ++i) x[i] *= scale;
}

}  // namespace

void orthonormalise(double* v, int64_t n, int64_t length) {
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min<int64_t>(kBlock, n - first);
    double* block = v + first * length;
    for (int64_t j = 0; j < count; ++j) {
      free_of(block + j * length, block, j, length);
      normalise(block + j * length, length);
    }
    parallel_for(n - first - count,
                 [&](int64_t i) { free_of(block + (count + i) * length, block, count, length); });
  }
}

}  // namespace fr
