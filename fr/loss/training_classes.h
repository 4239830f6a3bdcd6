// What the loss may know of the classes it is trained on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fr {

// Classes 0 .. count - 1. Those of one data set stand side by side: data set k has [offset[k], offset[k + 1]).
struct TrainingClasses {
  TrainingClasses(int64_t classes) : count(classes), offset{0, classes} {}

  int64_t count;
  std::vector<int64_t> offset;        // (data sets + 1)
  std::vector<std::string> datasets;  // a name each; empty: unknown
  std::vector<double> share;          // of each data set, of what is drawn; empty: that of its pictures
  std::vector<std::string> names;     // of each class; empty: unknown
  std::vector<int64_t> pictures;      // of each class; empty: unknown
  std::vector<int> group;             // of each class; empty: unknown
  std::vector<std::string> groups;    // a name each

  int64_t dataset_count() const { return int64_t(offset.size()) - 1; }
  // `share`; of the pictures where it is empty, of the classes where these are unknown too.
  std::vector<double> dataset_share() const {
    if (!share.empty()) return share;
    std::vector<double> of(size_t(dataset_count()), 0);
    double all = 0;
    for (int64_t k = 0; k < dataset_count(); ++k)
      for (int64_t m = offset[size_t(k)]; m < offset[size_t(k + 1)]; ++m) {
        const double n = pictures.empty() ? 1 : double(pictures[size_t(m)]);
        of[size_t(k)] += n, all += n;
      }
    for (double& s : of) s /= all;
    return of;
  }
};

}  // namespace fr
