// Calibrators for tests of protocols: any scores from a table, and the plain cosine.
#pragma once
#include <cmath>
#include <utility>
#include <vector>

#include "fr/calibration/calibrator.h"

namespace fr {

// A row is one number: its place in the table (rows of the gallery x columns of the probes).
class TableCalibrator : public Calibrator {
 public:
  TableCalibrator(std::vector<float> table, int64_t columns) : table_(std::move(table)), columns_(columns) {}
  std::string name() const override { return "table"; }
  std::string score() const override { return "a number of the table"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    return {{e.values.begin(), e.values.end()}, {}, e.N, e.D, 0};
  }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < m; ++c) out[r * m + c] = at(a, i + r, b, j + c);
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    return double(at(a, i, b, j));
  }
  // Rows first .. first + n - 1 of the table.
  static CalibratedRows places(int64_t first, int64_t n) {
    CalibratedRows rows{{}, {}, n, 1, 0};
    for (int64_t i = 0; i < n; ++i) rows.rows.push_back(float(first + i));
    return rows;
  }

 private:
  float at(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
    return table_[size_t(a.rows[size_t(i)]) * size_t(columns_) + size_t(b.rows[size_t(j)])];
  }
  std::vector<float> table_;
  int64_t columns_;
};

}  // namespace fr
