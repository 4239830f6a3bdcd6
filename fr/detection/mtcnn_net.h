// One of MTCNN's three networks (Zhang et al. 2016, Fig. 2), made of our own layers. Inference only.
//
// How the file's filters become ours. The authors' networks see a picture whose columns are rows: their axis H is the
// picture's x. Exchanging both axes of every filter lets us feed pictures as they are, with the same results at exchanged
// places. Their pools also round up: a window may hang over the right and lower edge. Ours may hang over the left and upper
// edge (padding), so the refining and the output network, where that happens, see their picture turned by 180 degrees with
// filters turned alike. The proposal network is only given sizes at which its pool divides evenly.
#pragma once
#include <string>

#include "nn/layers.h"
#include "nn/state.h"

namespace fr {

enum class MtcnnStage { proposal, refine, output };  // P-net, R-net, O-net

class MtcnnNet {
 public:
  static constexpr int kCell = 12,
                       kStride =
                           2;  // pixels: what a place of the proposal network's map sees, and their distance
  static int input_side(MtcnnStage stage);  // 12, 24, 48

  // Takes pnet.*, rnet.* or onet.* from `weights`; `file` names their file in errors. Throws Error{data} naming the tensor
  // that is missing, misshapen or not finite.
  MtcnnNet(MtcnnStage stage, const NamedTensors& weights, const std::string& file);

  // proposal: x (1,H,W,3), H and W even and 12 or more -> y (1, H/2 - 5, W/2 - 5, 6)
  // refine:   x (N,24,24,3), turned -> y (N,6);    output: x (N,48,48,3), turned -> y (N,16)
  // x is RGB as (p - 127.5) / 128. The columns of y: logits of "no face" and "face", the correction of the box (left, top,
  // right, bottom), then the landmarks' x and their y, five each, as shares of the box.
  Tensor run(const Tensor& x) const;
  int64_t columns() const { return columns_; }

 private:
  mutable Sequential layers_;
  int64_t columns_ = 0;
};

}  // namespace fr
