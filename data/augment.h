// From a picture to the network's input: (p - 127.5) / 128 as floats (H,W,3), after SphereFace (Liu et al.
// 2017), with random changes in training.
#pragma once
#include "base/philox.h"
#include "data/image.h"

namespace fr {

// Zero switches a change off; only the mirror is on by default. Applied in the order of the fields.
struct Augment {
  double flip = 0.5;     // probability of a mirror image
  int shift = 0;         // pixels: both offsets are integers drawn from -shift..shift
  int crop = 0;          // pixels: enlarged until that much higher than the input, of which a window of the
                         //   input's size is taken anywhere (resize, then random crop)
  double scale_min = 1;  // size of the face, times a factor drawn from scale_min..scale_max
  double scale_max = 1;  //   (logarithmically even)
  double rotation = 0;   // degrees: an angle from -rotation..rotation about the centre
  double channel_shift = 0;  // gray levels: to each channel its own draw from -channel_shift..channel_shift
  double brightness = 0;     // p times a factor from 1 - brightness..1 + brightness
  double contrast = 0;       // distance of p from 127.5, times 1 - contrast..1 + contrast
  double saturation = 0;     // distance of p from its gray value, times 1 - saturation..1 + saturation
  double grayscale = 0;      // probability of a gray picture: luma of Rec. 601 in all channels
  double blur = 0;           // Gaussian, standard deviation from 0..blur pixels (at most 3)
  double noise = 0;          // Gaussian, one standard deviation for the picture from 0..noise gray levels
  double erase = 0;  // probability of one rectangle set to 127.5 (Zhong et al. 2020, "Random erasing")
  double erase_area_min = 0.02;  //   its share of the picture, from erase_area_min..erase_area_max
  double erase_area_max = 0.2;   //   (its shape is drawn from 1:3..3:1)
  int cutout = 0;  // pixels: side of a square set to 127.5, its centre anywhere, so that some of it may lie
                   //   outside (DeVries and Taylor 2017, "Cutout"); 0: none
};

// std::invalid_argument naming the field that is out of range.
void check(const Augment& augment);

// Pictures of another size are fitted first (data/resample.h), then the centre is taken: 112x112 -> 112x96
// keeps columns 8..103. Geometry is one bilinear sampling; a mirror and whole-pixel shifts move pixels
// without any. All parameters are drawn first and always, so that switching one change on leaves the others
// as they were; changes that joined later are drawn behind the rest, so that older runs keep their pictures.
void augment_to_float(float* out_hwc, const Image& image, int height, int width, const Augment& augment,
                      Random& random);

enum class Mirror { no, yes };
// Tests and evaluation: the centre, nothing random.
void to_float(float* out_hwc, const Image& image, int height, int width, Mirror mirror = Mirror::no);

}  // namespace fr
