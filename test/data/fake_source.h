// Sources of small pictures for tests of the loader.
#pragma once
#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"
#include "data/loader.h"

namespace fr {

// Pictures made on the spot; some damaged, some slow.
struct FakeSource : Source {
  int64_t count = 50, classes = 5;
  std::set<int64_t> bad;
  bool jitter = false;
  mutable std::atomic<int64_t> loads = 0;

  int64_t size() const override { return count; }
  int64_t num_classes() const override { return classes; }
  int64_t label(int64_t index) const override {
    return index < 30 ? 0 : 1 + index % (classes - 1);
  }  // uneven
  std::string name(int64_t index) const override { return cat("picture-", index); }
  uint64_t fingerprint() const override { return 1; }
  Image load(int64_t index) const override {
    ++loads;
    if (jitter) std::this_thread::sleep_for(std::chrono::microseconds((index * 7919) % 300));
    if (bad.count(index)) throw Error(ErrorKind::data, name(index) + ": damaged");
    Image image(12, 12);
    for (size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = static_cast<uint8_t>(i * 31 + static_cast<size_t>(index) * 17);
    return image;
  }
};

inline LoaderOptions small() {
  LoaderOptions options;
  options.batch = 20, options.height = 12, options.width = 8, options.seed = 5;
  options.augment.shift = 2, options.augment.noise = 3;
  return options;
}

// 7 classes of 3, 6, 9, ... pictures; pictures of a class are not side by side.
struct PeopleSource : FakeSource {
  PeopleSource() {
    count = 84, classes = 7;
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t i = 0; i < 3 * (c + 1); ++i) label_of.push_back(c);
    for (size_t i = 0; i < label_of.size(); ++i)
      std::swap(label_of[i], label_of[(i * 37 + 11) % label_of.size()]);
  }
  int64_t label(int64_t index) const override { return label_of[size_t(index)]; }
  std::vector<int64_t> label_of;
};
}  // namespace fr
