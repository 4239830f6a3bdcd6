// Random weights with the names and shapes of MTCNN's file.
#pragma once
#include <cmath>
#include <string>

#include "base/philox.h"
#include "nn/state.h"

namespace fr {

inline NamedTensors random_mtcnn(uint64_t seed) {
  Random random({seed, Purpose::test, 0, 0});
  NamedTensors all;
  const auto fill = [&](const std::string& name, Shape shape, double low, double high) {
    const Tensor t(std::move(shape));
    for (int64_t i = 0; i < t.size(); ++i) t.as<float>()[i] = static_cast<float>(random.uniform(low, high));
    all[name] = t;
  };
  const auto layer = [&](const std::string& name, Shape shape, const std::string& slope = "") {
    const int64_t K = shape[0];
    const double limit = std::sqrt(3.0 * double(K) / double(elements(shape)));
    fill(name + ".weight", std::move(shape), -limit, limit);
    fill(name + ".bias", {K}, -0.2, 0.2);
    if (!slope.empty()) fill(slope + ".slope", {K}, -0.1, 0.5);
  };
  layer("pnet.conv1", {10, 3, 3, 3}, "pnet.PReLU1"), layer("pnet.conv2", {16, 10, 3, 3}, "pnet.PReLU2");
  layer("pnet.conv3", {32, 16, 3, 3}, "pnet.PReLU3");
  layer("pnet.conv4-1", {2, 32, 1, 1}), layer("pnet.conv4-2", {4, 32, 1, 1});
  layer("rnet.conv1", {28, 3, 3, 3}, "rnet.prelu1"), layer("rnet.conv2", {48, 28, 3, 3}, "rnet.prelu2");
  layer("rnet.conv3", {64, 48, 2, 2}, "rnet.prelu3"), layer("rnet.conv4", {128, 576}, "rnet.prelu4");
  layer("rnet.conv5-1", {2, 128}), layer("rnet.conv5-2", {4, 128});
  layer("onet.conv1", {32, 3, 3, 3}, "onet.prelu1"), layer("onet.conv2", {64, 32, 3, 3}, "onet.prelu2");
  layer("onet.conv3", {64, 64, 3, 3}, "onet.prelu3"), layer("onet.conv4", {128, 64, 2, 2}, "onet.prelu4");
  layer("onet.conv5", {256, 1152}, "onet.prelu5");
  layer("onet.conv6-1", {2, 256}), layer("onet.conv6-2", {4, 256}), layer("onet.conv6-3", {10, 256});
  return all;
}

}  // namespace fr
