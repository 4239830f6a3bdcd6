// The dataset-aware loss: a picture is told from the people of its own data set alone, since the same person may be another
// class in another data set. Crossing dropout lets a few of the other classes in.
//   keep_nm = 1 where class m belongs to the data set of label_n, else an independent coin with P(1) = keep
//   L = (1/N) sum_n [log sum_{m: keep_nm} exp z_nm - z_n,label]
// "DAIL: Dataset-Aware and Invariant Learning for Face Recognition", arXiv 2101.05419. keep = 0: dataset-aware; 1: the naive
// combination of the data sets.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace fr {

// Which classes take part in a softmax over the classes of several data sets.
struct DatasetClasses {
  Tensor
      offset;  // int64 (datasets + 1) beside the scores, from 0 to M, ascending: see TrainingClasses. Empty: all classes
  double keep = 0;
  PhiloxKey coins = {.purpose = Purpose::crossing};  // each step has its own
  Tensor
      kept;  // int64 (N,L) in place of the coins: classes of each row, ascending and filled up with M. Empty: coins
  explicit operator bool() const { return bool(offset); }
};

// z_nm <- -infinity for each class that takes no part. z (N,M), labels int64 (N). Without an offset nothing is done.
// Throws std::invalid_argument for shapes, types, devices or a keep outside [0, 1]. Offsets on a device are not looked at.
void leave_out(const Tensor& z, const Tensor& labels, const DatasetClasses& datasets);

// Of a picture's label, how many classes belong to other data sets, as a mean over the classes.
double mean_foreign_classes(const std::vector<int64_t>& offset);
// A keep for which about 30 foreign classes take part, and no more than a tenth of them: min(0.1, 30 / mean_foreign_classes).
// With more than 300,000 classes that of the authors: 1e-4.
double usual_keep(const std::vector<int64_t>& offset);

// Throws std::invalid_argument unless the offsets ascend from 0 to `classes`.
void check_offset(const std::vector<int64_t>& offset, int64_t classes);

}  // namespace fr
