// Alignment: the similarity transform that brings the landmarks of a face onto a template, and the picture warped by it.
#pragma once
#include <array>
#include <span>

#include "data/resample.h"

namespace fr {

struct Point {
  double x = 0, y = 0;  // pixels; the centre of the top left pixel is (0, 0)
};
// The eyes, the tip of the nose, the corners of the mouth; left is left in the picture.
using Landmarks = std::array<Point, 5>;

// Where the landmarks of an aligned face lie: 112 x 112 (Deng et al. 2019, "ArcFace") or 112 x 96 (Liu et al. 2017,
// "SphereFace"), which is the same without 8 columns on each side. std::invalid_argument for another size.
const Landmarks& alignment_template(int height, int width);

enum class SimilarityFit {
  umeyama,  // sum |q - (s R p + t)|^2 is least over rotations R, scales s and shifts t: Umeyama 1991
  // The fit of MATLAB's cp2tform, with which SphereFace and PFE were aligned: sum |p - (s R q + t)|^2 is least, and that is
  // inverted; of that and the same with a mirror image, the one that brings p nearer to q.
  cp2tform,
};

// p -> q, as many of each, two or more. std::invalid_argument when they are not, or when the points whose fit is taken all but
// coincide (sum of squared distances from their mean below 1e-6).
Affine fit_similarity(std::span<const Point> p, std::span<const Point> q,
                      SimilarityFit how = SimilarityFit::umeyama);
// sqrt(mean |q - map(p)|^2), pixels
double alignment_error(std::span<const Point> p, std::span<const Point> q, const Affine& map);

// height x width pixels (a size of alignment_template()) with the landmarks on the template; bilinear, black beyond the
// picture. Landmarks that give no direction (they all but coincide, or no turn
// fits better than another): then the centre of the picture, fitted to the size.
Image align_face(const Image& image, const Landmarks& landmarks, int height, int width,
                 SimilarityFit how = SimilarityFit::umeyama);

}  // namespace fr
