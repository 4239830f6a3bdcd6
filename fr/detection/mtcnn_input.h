// Pictures as MTCNN's networks read them.
#pragma once
#include "data/image.h"
#include "fr/detection/boxes.h"
#include "tensor/tensor.h"

namespace fr {

// The picture at falling sizes: the first shrunk so that a face of `smallest_face` pixels has those of a cell of the proposal
// network, each further one by `pyramid`, as long as a cell fits in. Sides are even; the largest first.
std::vector<Image> mtcnn_pyramid(const Image& image, double smallest_face, double pyramid);

// Rows [first, first + rows) of the picture -> (1,rows,width,3): (p - 127.5) / 128
Tensor mtcnn_rows(const Image& image, int first, int rows);

// Squares of the picture, each resized to side x side and turned by 180 degrees -> (N,side,side,3). Black beyond the picture.
Tensor mtcnn_squares(const Image& image, std::span<const Square> squares, int side);

}  // namespace fr
