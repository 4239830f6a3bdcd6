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
  // Of one picture in float, by the rules above Describer: what a step keeps of the forward pass for the backward pass, and what
  // the layer's own backward pass needs beside that.
  int64_t kept_bytes = 0, passing_bytes = 0;
  int64_t output_bytes() const { return elements(output) * int64_t(sizeof(float)); }
};

int64_t total_parameters(const std::vector<LayerDescription>& layers);
int64_t total_multiply_adds(const std::vector<LayerDescription>& layers);

// Aligned columns, one line a layer, a last line with the totals. "-" is 0.
std::string to_text(const std::vector<LayerDescription>& layers);

// What a step of training needs in memory for the network alone, in float: without the class weights and scores of the loss,
// and without workspaces of kernels.
struct TrainingMemory {
  int64_t batch = 0;    // pictures
  int64_t maps = 0;     // bytes of what their forward pass keeps
  int64_t weights = 0;  // bytes; their gradients and the momentum have as many
  int64_t peak = 0;     // bytes at the fullest moment of the backward pass
};
TrainingMemory training_memory(const std::vector<LayerDescription>& layers, int64_t batch);
std::string to_text(const TrainingMemory& memory);  // a few lines

// Writes a network down from the specifications that build it, without building it. One call a layer; each
// takes `output`, what the layer before put out, and replaces it. The first line is the picture.
//
// What a step keeps follows autograd/var.h: a layer that saves its input marks the line which that input is formed from. Batch
// norms and activations form theirs from what they read themselves, sums from what their branches keep, and every fifth sum of
// a chain is kept. In the backward pass a product has its input, formed again where it was not kept, and the input's gradient;
// while it is in one branch, the gradient from the other one waits. Other gradients take the places of kept maps.
class Describer {
 public:
  Describer(int64_t height, int64_t width);
  explicit Describer(std::vector<LayerDescription> begun);  // goes on behind the last of these lines

  void conv(const std::string& name, const Conv2dSpec& spec);
  void parallel_conv(const std::string& name,
                     const std::vector<Conv2dSpec>& branches);   // and their maps joined
  void linear(const std::string& name, const LinearSpec& spec);  // of the flattened input
  void batch_norm(const std::string& name);
  void prelu(const std::string& name);
  void relu(const std::string& name);
  void max_pool(const std::string& name, const Pool2dOptions& window);
  void global_average(const std::string& name);  // of each channel
  void arfa(const std::string& name);
  void maxout(const std::string& name, int64_t group);
  void unit_length(const std::string& name);        // of the embedding, where the loss makes it
  void dropout(const std::string& name, double p);  // nothing when p is 0
  void branch();                                    // two ways lead from here to the next add()
  void second_branch();                             // back there
  void add(const std::string& name);                // the sum of the two

  Shape output;
  std::vector<LayerDescription> layers;

 private:
  void line(const std::string& name, std::string kind, int64_t parameters = 0, int64_t multiply_adds = 0);
  void start_line(const std::string& name, std::string kind, int64_t parameters = 0,
                  int64_t multiply_adds = 0);
  void product(const std::string& name, std::string kind, const Shape& result, int64_t weights, Bias bias);
  void keep_input();

  size_t source_ = 0;  // the line to keep for the value of `output`
  int sums_ = 0;       // formed since one was kept
  struct {
    Shape output;
    size_t source = 0;
    int64_t waiting_bytes = 0;
  } branch_;
};

}  // namespace fr
