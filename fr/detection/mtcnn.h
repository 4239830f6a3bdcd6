// MTCNN: three small networks in a cascade find faces and five landmarks each.
// Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks".
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "data/image.h"
#include "fr/detection/face.h"

namespace fr {

struct MtcnnOptions {
  double smallest_face = 20;               // pixels, the side of the smallest box looked for; 12 or more
  double pyramid = 0.709;                  // scale from one level of the pyramid to the next, 0.1 .. 0.95
  double thresholds[3] = {0.6, 0.7, 0.7};  // of the P-, R- and O-net
};

// Weights: a safetensors file with pnet.*, rnet.* and onet.* (filters OIHW, as the authors' Caffe models have them).
class Mtcnn {
 public:
  // Throws Error{io}, Error{data} naming the tensor that is missing or misshapen, std::invalid_argument for the options.
  explicit Mtcnn(const std::filesystem::path& weights, const MtcnnOptions& options = {});
  ~Mtcnn();
  // All faces, the most confident first; none is no error. Not safe to call from several threads at once. Throws
  // std::invalid_argument for a picture that has not three channels (a decoded one has, gray or not).
  std::vector<Face> detect(const Image& image) const;

 private:
  struct Nets;
  std::unique_ptr<Nets> nets_;
};

// The face a picture is about: the one with the largest box of those whose score is at least `least`; null when there is none.
// By default of all that detect() found: what passed the O-net's threshold is a face, and chance finds are small.
const Face* main_face(const std::vector<Face>& faces, double least = 0);

}  // namespace fr
