// A network and its description say the same.
#pragma once
#include <gtest/gtest.h>

#include "fr/backbone/backbone.h"

namespace fr::test {

// The same layers with weights, in the same order, with the same counts.
inline void expect_described(Backbone& net, const std::string& which = "") {
  std::vector<std::pair<std::string, int64_t>> built, described;
  for (const auto& [name, p] : net.parameters()) {
    const std::string layer = name.substr(0, name.rfind('.'));
    if (built.empty() || built.back().first != layer) built.emplace_back(layer, 0);
    built.back().second += p->var.value().size();
  }
  for (const LayerDescription& l : net.describe())
    if (l.parameters > 0) described.emplace_back(l.name, l.parameters);
  EXPECT_EQ(built, described) << which;
}

}  // namespace fr::test
