// The connected components of a graph, by union and find: who is one person when only pairs are known.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace fr {

class Components {
 public:
  explicit Components(int64_t nodes) : parent_(static_cast<size_t>(nodes)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  void join(int64_t a, int64_t b) {
    const auto [low, high] = std::minmax({root(a), root(b)});
    parent_[size_t(high)] = low;  // so a root is its component's first node
  }
  // The component of each node: numbers from 0, in the order of their first nodes.
  std::vector<int64_t> numbers() {
    std::vector<int64_t> of_node(parent_.size());
    int64_t count = 0;
    for (int64_t i = 0; i < int64_t(parent_.size()); ++i)
      of_node[size_t(i)] = root(i) == i ? count++ : of_node[size_t(root(i))];
    return of_node;
  }

 private:
  int64_t root(int64_t i) {
    while (parent_[size_t(i)] != i) i = parent_[size_t(i)] = parent_[size_t(parent_[size_t(i)])];
    return i;
  }
  std::vector<int64_t> parent_;
};

}  // namespace fr
