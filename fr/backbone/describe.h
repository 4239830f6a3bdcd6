// A network as a table: what each layer is, what comes out, what it costs. For --describe, reports and
// documents.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nn/layers.h"

namespace fr {

struct LayerDescription {
  std::string name, kind;     // "stage1.unit1.conv1", "conv 3x3 /2"
  Shape output;               // of one picture: (H,W,C) or (D)
  int64_t parameters = 0;     // weights, frozen ones too; running statistics are none
  int64_t multiply_adds = 0;  // of one picture, convolutions and matrix products only
};

int64_t total_parameters(const std::vector<LayerDescription>& layers);
int64_t total_multiply_adds(const std::vector<LayerDescription>& layers);

// Aligned columns, one line a layer, a last line with the totals.
std::string to_text(const std::vector<LayerDescription>& layers);

// Writes a network down from the specifications that build it, without building it. One call a layer; each
// takes `output`, what the layer before put out, and replaces it.
class Describer {
 public:
  Describer(int64_t height, int64_t width) : output{height, width, 3} {}

  void conv(const std::string& name, const Conv2dSpec& spec);
  void parallel_conv(const std::string& name,
                     const std::vector<Conv2dSpec>& branches);   // and their maps joined
  void linear(const std::string& name, const LinearSpec& spec);  // of the flattened input
  void batch_norm(const std::string& name);
  void prelu(const std::string& name);
  void arfa(const std::string& name);
  void max_pool(const std::string& name, const Pool2dOptions& window);
  void maxout(const std::string& name, int64_t group);
  void unit_length(const std::string& name);        // of the embedding, where the loss makes it
  void dropout(const std::string& name, double p);  // nothing when p is 0
  void add(const std::string& name);                // the sum of two branches

  Shape output;
  std::vector<LayerDescription> layers;
};

}  // namespace fr
