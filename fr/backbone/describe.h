// A network as a table: what each layer is, what comes out, what it costs. For --describe, reports and
// documents.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace fr {

struct LayerDescription {
  std::string name, kind;     // "stage1.unit0.conv1", "conv 3x3 /2"
  Shape output;               // of one picture: (H,W,C) or (D)
  int64_t parameters = 0;     // trained numbers
  int64_t multiply_adds = 0;  // of one picture, convolutions and matrix products only
};

int64_t total_parameters(const std::vector<LayerDescription>& layers);
int64_t total_multiply_adds(const std::vector<LayerDescription>& layers);

// Aligned columns, one line a layer, a last line with the totals.
std::string to_text(const std::vector<LayerDescription>& layers);

}  // namespace fr
