// Handwritten digits that nobody wrote: strokes with a shaky hand, for examples that need no files. Ten classes.
#pragma once
#include "data/source.h"

namespace fr {

// Picture i shows the digit i % 10: light strokes on black, 28x28 pixels, turned, slanted, stretched, of varying thickness;
// a pure function of (seed, i).
Image render_digit(uint64_t seed, int64_t index);

class DigitSource : public Source {
 public:
  DigitSource(uint64_t seed, int64_t size) : seed_(seed), size_(size) {}
  int64_t size() const override { return size_; }
  int64_t num_classes() const override { return 10; }
  int64_t label(int64_t index) const override { return index % 10; }
  std::string name(int64_t index) const override;
  Image load(int64_t index) const override { return render_digit(seed_, index); }
  uint64_t fingerprint() const override;

 private:
  uint64_t seed_;
  int64_t size_;
};

}  // namespace fr
