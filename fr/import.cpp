#include "fr/import.h"

#include <cmath>

#include "fr/backbone/mobilefacenet.h"
#include "fr/checkpoint.h"

namespace fr {
namespace {

constexpr double kTheirPixelScale = 0.007812, kOurPixelScale = 1.0 / 128;
constexpr const char *kFirstFilter = "network.stem.conv1.weight", *kEmbedding = "pre_fc1.bias";

// Our name -> theirs.
using Names = std::map<std::string, std::string>;

void add_norm(Names& names, const std::string& ours, const std::string& theirs) {
  names[ours + ".weight"] = theirs + ".gamma";
  names[ours + ".bias"] = theirs + ".beta";
  for (const char* statistics : {".running_mean", ".running_var"})
    names[ours + statistics] = theirs + statistics;
}

// conv, bn, prelu number i of a block. Where a block is linear, the last prelu's name is of no tensor of ours.
void add_layer(Names& names, const std::string& block, int i, const std::string& theirs) {
  names[cat(block, ".conv", i, ".weight")] = theirs + "_conv2d.weight";
  add_norm(names, cat(block, ".bn", i), theirs + "_batchnorm");
  names[cat(block, ".prelu", i, ".weight")] = theirs + "_relu.slope";
}

// Their stages are called 3, 4 and 5, ours 2, 3 and 4.
std::string their_unit(int stage, int unit) {
  return unit == 0 ? cat("dconv_", stage, stage + 1) : cat("res_", stage + 1, "_block", unit - 1);
}

Names all_names(const StageUnits& table) {
  Names names;
  add_layer(names, "network.stem", 1, "conv_1");
  add_layer(names, "network.stem", 2, "conv_2_dw");
  for (size_t s = 0; s < table.units.size(); ++s)
    for (int u = 0; u < table.units[s]; ++u) {
      const std::string ours = cat("network.", stage_name(s), ".", unit_name(u));
      const std::string theirs = their_unit(int(s) + 1, u) + "_conv_";
      add_layer(names, ours, 1, theirs + "sep");
      add_layer(names, ours, 2, theirs + "dw");
      add_layer(names, ours, 3, theirs + "proj");
    }
  add_layer(names, "network.last", 1, "conv_6sep");
  names["network.output.conv.weight"] = "conv_6dw7_7_conv2d.weight";
  add_norm(names, "network.output.bn1", "conv_6dw7_7_batchnorm");
  names["network.output.fc.weight"] = "pre_fc1.weight";
  names["network.output.fc.bias"] = kEmbedding;
  add_norm(names, "network.output.bn2", "fc1");
  return names;
}

// (K,R,S,C) -> (K,C,R,S)
Shape their_shape(const Shape& ours) {
  return ours.size() == 4 ? Shape{ours[0], ours[3], ours[1], ours[2]} : ours;
}

// w (K,R,S,C) <- (K,C,R,S), times a factor
void take_filter(const Tensor& w, const Tensor& theirs, double factor) {
  const int64_t K = w.dim(0), places = w.dim(1) * w.dim(2), C = w.dim(3);
  const float* from = theirs.as<float>();
  float* to = w.as<float>();
  for (int64_t k = 0; k < K; ++k)
    for (int64_t c = 0; c < C; ++c)
      for (int64_t place = 0; place < places; ++place)
        to[(k * places + place) * C + c] = float(factor * from[(k * C + c) * places + place]);
}

// gamma / sqrt(v) of eps = 0 is gamma sqrt((v + eps) / v) / sqrt(v + eps)
void fold_eps(const Tensor& gamma, const Tensor& variance) {
  constexpr double eps = BatchNormSpec{}.eps;
  float* g = gamma.as<float>();
  const float* v = variance.as<float>();
  for (int64_t c = 0; c < gamma.size(); ++c) g[c] = float(g[c] * std::sqrt((double(v[c]) + eps) / v[c]));
}

void check_values(const NamedTensors& weights, const std::string& file) {
  if (const std::string name = first_nonfinite(weights); !name.empty())
    throw Error(ErrorKind::data, cat(file, ": tensor '", name, "' holds a number that is not finite"));
  for (const auto& [name, tensor] : weights) {
    if (!name.ends_with(".running_var")) continue;
    for (const float v : tensor.host<float>())
      if (!(v > 0))
        throw Error(ErrorKind::data,
                    cat(file, ": tensor '", name, "': expected variances above 0, found ", v));
  }
}

NetworkOptions network_of(const NamedTensors& weights) {
  const auto embedding = weights.find(kEmbedding);
  const bool known = embedding != weights.end() && embedding->second.size() > 0;
  return {.architecture = Architecture::mobilefacenet,
          .depth = mobilefacenet_tables()[0].depth,
          .embedding = known ? embedding->second.size() : 128,
          .height = 112,
          .width = 112};
}

std::string config_text(const NetworkOptions& o) {
  return cat("[network]\narchitecture = mobilefacenet\ndepth = ", o.depth, "\nembedding = ", o.embedding,
             "\nheight = ", o.height, "\nwidth = ", o.width, "\n");
}

}  // namespace

ImportedModel import_mobilefacenet(const NamedTensors& weights, const std::string& file) {
  const NetworkOptions network = network_of(weights);
  auto model = std::make_unique<FaceModel>(make_backbone(network));
  const NamedTensors state = collect_state(*model);  // shares memory
  const Names names = all_names(mobilefacenet_tables()[0]);
  NamedTensors expected;
  for (const auto& [ours, tensor] : state)
    expected[names.at(ours)] = Tensor(their_shape(tensor.shape()), tensor.dtype());
  if (const std::string found = misfit(weights, expected); !found.empty())
    throw Error(ErrorKind::data, cat(file, ": not insightface's MobileFaceNet: ", found));
  check_values(weights, file);
  for (const auto& [ours, tensor] : state) {
    const Tensor& theirs = weights.at(names.at(ours));
    if (tensor.rank() == 4)
      take_filter(tensor, theirs, ours == kFirstFilter ? kTheirPixelScale / kOurPixelScale : 1);
    else
      tensor.copy_from(theirs);
  }
  for (const auto& [ours, variance] : state)
    if (const size_t at = ours.rfind(".running_var"); at != std::string::npos)
      fold_eps(state.at(ours.substr(0, at) + ".weight"), variance);
  return {network, std::move(model)};
}

void import_weights(const fs::path& from, const fs::path& to, FlipMode flip) {
  const ImportedModel imported = import_mobilefacenet(read_safetensors(from).tensors, from.string());
  CheckpointInfo info;
  info.config = config_text(imported.network);
  info.input.flip = flip;
  save_model(to, *imported.model, info);
}

}  // namespace fr
