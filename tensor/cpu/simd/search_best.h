// The k best rows of the gallery so far, for each query. Private to search.cpp.
#pragma once
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// The order of the contract: larger scores first, equal scores by row, NaN behind every number.
FR_VEC bool before(float s, int64_t row_s, float t, int64_t row_t) {
  if (s != t && (s == s || t == t)) return s > t || t != t;
  return row_s < row_t;
}

// A binary heap with the worst of the kept rows at its root, in storage of others.
struct Best {
  float* score;
  int64_t* row;
  int64_t size;

  void offer(int64_t k, float s, int64_t n) {
    if (size < k)
      rise(size++, s, n);
    else if (before(s, n, score[0], row[0]))
      sink(s, n);
  }
  // Best first.
  void sort() {
    while (size > 1) {
      const float s = score[--size];
      const int64_t n = row[size];
      score[size] = score[0], row[size] = row[0];
      sink(s, n);
    }
  }

 private:
  // (s, n) from place i towards the root, past all that come before it.
  void rise(int64_t i, float s, int64_t n) const {
    while (i > 0) {
      const int64_t parent = (i - 1) / 2;
      if (!before(score[parent], row[parent], s, n)) break;
      score[i] = score[parent], row[i] = row[parent];
      i = parent;
    }
    score[i] = s, row[i] = n;
  }
  // (s, n) from the root, which is overwritten, towards the leaves, until both children come before it.
  void sink(float s, int64_t n) const {
    int64_t i = 0;
    for (int64_t child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && before(score[child], row[child], score[child + 1], row[child + 1])) ++child;
      if (before(score[child], row[child], s, n)) break;
      score[i] = score[child], row[i] = row[child];
      i = child;
    }
    score[i] = s, row[i] = n;
  }
};

// What one worker has kept for the queries of a chunk. It must be offered the rows in increasing order: then a score at
// or below a full list's worst cannot enter, which is what the threshold says. NaN, which nothing is at or below, until
// the list is full.
struct Kept {
  float *threshold, *score;  // (queries, padded to whole panels), (queries, k)
  int64_t *size, *row;       // (queries), (queries, k)
  int64_t k;

  Best best(int64_t query) const { return {score + query * k, row + query * k, size[query]}; }
  void offer(int64_t query, float s, int64_t n) const {
    Best b = best(query);
    b.offer(k, s, n);
    size[query] = b.size;
    threshold[query] = b.size < k ? __builtin_nanf("") : b.score[0];
  }
  void clear(int64_t queries, int64_t padded) const {
    for (int64_t i = 0; i < queries; ++i) size[i] = 0;
    for (int64_t i = 0; i < padded; ++i) threshold[i] = i < queries ? __builtin_nanf("") : __builtin_inff();
  }
};

}  // namespace
}  // namespace fr::FR_ISA
