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
  int64_t kept_bytes =
      0;  // of one picture in float: what a training step keeps for the backward pass, by rule
  int64_t output_bytes() const { return elements(output) * int64_t(sizeof(float)); }
};

int64_t total_parameters(const std::vector<LayerDescription>& layers);
int64_t total_multiply_adds(const std::vector<LayerDescription>& layers);

// Aligned columns, one line a layer, a last line with the totals. "-" is 0.
std::string to_text(const std::vector<LayerDescription>& layers);

// What a step of training keeps in memory for the network alone, in float: without the class weights and scores of the
// loss, workspaces of kernels and gradients of maps, most of which lie where the maps were.
struct TrainingMemory {
  int64_t batch = 0, maps = 0;                       // pictures, bytes of all their kept maps
  int64_t weights = 0, gradients = 0, momentum = 0;  // bytes
  int64_t total() const { return maps + weights + gradients + momentum; }
};
TrainingMemory training_memory(const std::vector<LayerDescription>& layers, int64_t batch);
std::string to_text(const TrainingMemory& memory);  // a few lines

// Writes a network down from the specifications that build it, without building it. One call a layer; each
// takes `output`, what the layer before put out, and replaces it. The first line is the picture.
//
// What is kept of a step follows autograd/var.h: pictures and the outputs of convolutions, products, pooling and dropout are;
// what batch norms, activations and sums put out is formed again from these, but for every fifth sum of a chain.
class Describer {
 public:
  Describer(int64_t height, int64_t width);

  void conv(const std::string& name, const Conv2dSpec& spec);
  void linear(const std::string& name, const LinearSpec& spec);  // of the flattened input
  void batch_norm(const std::string& name);
  void prelu(const std::string& name);
  void relu(const std::string& name);
  void max_pool(const std::string& name, const Pool2dOptions& window);
  void global_average(const std::string& name);     // of each channel
  void dropout(const std::string& name, double p);  // nothing when p is 0
  void add(const std::string& name);                // the sum of two branches

  Shape output;
  std::vector<LayerDescription> layers;

 private:
  enum class Keeps {
    nothing,
    output,
    winners
  };  // winners: the output, and where each of its numbers came from
  void line(const std::string& name, std::string kind, Keeps keeps, int64_t parameters = 0,
            int64_t multiply_adds = 0);
  int sums_ = 0;  // since one was kept
};

}  // namespace fr
