// A face in a picture, as a detector finds it.
#pragma once
#include "data/align.h"

namespace fr {

struct Box {  // pixels; the centre of the top left pixel is (0, 0)
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

struct Face {
  Box box;
  double score = 0;  // the detector's confidence, 0..1
  Landmarks landmarks = {};
};

}  // namespace fr
