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
  std::vector<std::string> names;     // of each class; empty: unknown
  std::vector<int64_t> pictures;      // of each class; empty: unknown
  std::vector<int> group;             // of each class; empty: unknown
  std::vector<std::string> groups;    // a name each

  int64_t dataset_count() const { return int64_t(offset.size()) - 1; }
};

}  // namespace fr
