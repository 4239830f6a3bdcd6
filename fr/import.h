// Weights that others trained, as a model of ours.
// One network so far: insightface's MobileFaceNet in ncnn's names ("dconv_23_conv_sep_conv2d.weight"), filters (K,C/g,R,S). It
// differs from ours (fr/backbone/mobilefacenet.h) in two constants, which go into the weights:
//   its pixels are (p - 127.5) 0.007812, ours (p - 127.5) / 128    w of the first convolution times 128 * 0.007812
//   its batch norms have eps = 0                                   gamma times sqrt((v + eps) / v)
#pragma once
#include <memory>
#include <string>

#include "fr/model.h"
#include "fr/preprocessing.h"
#include "nn/safetensors.h"

namespace fr {

struct ImportedModel {
  NetworkOptions network;
  std::unique_ptr<FaceModel> model;  // without a loss
};

// Every tensor is used, once. Throws Error{data} that names `file` and lists the tensors that are missing, unexpected or
// misshapen, or names the one with a number that is not finite or a variance that is not positive.
ImportedModel import_mobilefacenet(const NamedTensors& weights, const std::string& file);

// The same from a safetensors file to a model file, for load_model(). `flip` is part of its preprocessing; insightface
// evaluates with the sum. Throws Error{io} too.
void import_weights(const fs::path& from, const fs::path& to, FlipMode flip = FlipMode::sum);

}  // namespace fr
