// Weights that others trained.
#include "fr/import.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/image.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

using Shapes = std::map<std::string, Shape>;

void add_layer(Shapes& shapes, const std::string& name, const Shape& filter) {
  const int64_t K = filter[0];
  shapes[name + "_conv2d.weight"] = filter;
  for (const char* field : {"gamma", "beta", "running_mean", "running_var"})
    shapes[name + "_batchnorm." + field] = {K};
  if (!name.ends_with("proj") && !name.ends_with("7_7")) shapes[name + "_relu.slope"] = {K};
}

void add_unit(Shapes& shapes, const std::string& name, int64_t C, int64_t inner, int64_t K) {
  add_layer(shapes, name + "_conv_sep", {inner, C, 1, 1});
  add_layer(shapes, name + "_conv_dw", {inner, 1, 3, 3});
  add_layer(shapes, name + "_conv_proj", {K, inner, 1, 1});
}

// insightface's file, as its graph has it.
Shapes their_shapes() {
  Shapes shapes = {{"pre_fc1.weight", {128, 512}}, {"pre_fc1.bias", {128}}};
  for (const char* field : {"fc1.gamma", "fc1.beta", "fc1.running_mean", "fc1.running_var"})
    shapes[field] = {128};
  add_layer(shapes, "conv_1", {64, 3, 3, 3});
  add_layer(shapes, "conv_2_dw", {64, 1, 3, 3});
  add_unit(shapes, "dconv_23", 64, 128, 64);
  for (int i = 0; i < 4; ++i) add_unit(shapes, cat("res_3_block", i), 64, 128, 64);
  add_unit(shapes, "dconv_34", 64, 256, 128);
  for (int i = 0; i < 6; ++i) add_unit(shapes, cat("res_4_block", i), 128, 256, 128);
  add_unit(shapes, "dconv_45", 128, 512, 128);
  for (int i = 0; i < 2; ++i) add_unit(shapes, cat("res_5_block", i), 128, 256, 128);
  add_layer(shapes, "conv_6sep", {512, 128, 1, 1});
  add_layer(shapes, "conv_6dw7_7", {512, 1, 7, 7});
  return shapes;
}

// Every number different from its neighbours, variances small enough for eps to matter.
NamedTensors their_weights() {
  NamedTensors weights;
  for (const auto& [name, shape] : their_shapes()) {
    const Tensor t(shape);
    initialise(t, Init::uniform(1), 7, name);
    if (name.ends_with("running_var"))
      for (int64_t i = 0; i < t.size(); ++i) t.as<float>()[i] = 1e-3f + 1e-3f * std::abs(t.as<float>()[i]);
    weights.emplace(name, t);
  }
  return weights;
}

TEST(Import, PutsEveryNumberWhereItBelongs) {
  const NamedTensors theirs = their_weights();
  EXPECT_EQ(theirs.size(), 285u);
  const ImportedModel imported = import_mobilefacenet(theirs, "weights");
  const NamedTensors ours = collect_state(*imported.model);
  EXPECT_EQ(ours.size(), theirs.size());
  const auto at = [](const NamedTensors& t, const std::string& name) { return t.at(name).host<float>(); };
  // (k, c, r, s) of theirs, (k, r, s, c) of ours
  const auto stem = at(ours, "network.stem.conv1.weight"), conv_1 = at(theirs, "conv_1_conv2d.weight");
  EXPECT_FLOAT_EQ(stem[((5 * 3 + 2) * 3 + 1) * 3 + 2],
                  float(128 * 0.007812) * conv_1[((5 * 3 + 2) * 3 + 2) * 3 + 1]);
  const auto wide = at(ours, "network.stage3.unit7.conv1.weight"),
             block5 = at(theirs, "res_4_block5_conv_sep_conv2d.weight");
  EXPECT_EQ(wide, block5) << "1 x 1: the same order";
  const auto deep = at(ours, "network.output.conv.weight"), dw7 = at(theirs, "conv_6dw7_7_conv2d.weight");
  EXPECT_EQ(deep, dw7) << "one channel a filter: the same order";
  EXPECT_EQ(at(ours, "network.stage4.unit1.prelu2.weight"), at(theirs, "dconv_45_conv_dw_relu.slope"));
  EXPECT_EQ(at(ours, "network.stage2.unit2.bn3.bias"), at(theirs, "res_3_block0_conv_proj_batchnorm.beta"));
  EXPECT_EQ(at(ours, "network.output.bn1.running_mean"), at(theirs, "conv_6dw7_7_batchnorm.running_mean"));
  EXPECT_EQ(at(ours, "network.output.fc.bias"), at(theirs, "pre_fc1.bias"));
}

// gamma / sqrt(v + 1e-5) of ours is gamma / sqrt(v) of theirs.
TEST(Import, FoldsTheEpsOfBatchNorms) {
  const NamedTensors theirs = their_weights();
  const ImportedModel imported = import_mobilefacenet(theirs, "weights");
  const NamedTensors ours = collect_state(*imported.model);
  for (const auto& [our, their] : {std::pair{"network.stem.bn1", "conv_1_batchnorm"},
                                   {"network.output.bn2", "fc1"},
                                   {"network.stage3.unit1.bn2", "dconv_34_conv_dw_batchnorm"}}) {
    const auto gamma = ours.at(cat(our, ".weight")).host<double>(),
               var = ours.at(cat(our, ".running_var")).host<double>();
    const auto their_gamma = theirs.at(cat(their, ".gamma")).host<double>(),
               their_var = theirs.at(cat(their, ".running_var")).host<double>();
    for (size_t c = 0; c < gamma.size(); ++c)
      EXPECT_NEAR(gamma[c] / std::sqrt(var[c] + 1e-5), their_gamma[c] / std::sqrt(their_var[c]),
                  1e-6 * std::abs(their_gamma[c] / std::sqrt(their_var[c])));
  }
}

TEST(Import, RefusesWhatDoesNotFit) {
  const NamedTensors whole = their_weights();
  const auto refused = [](NamedTensors weights) {
    return error_of([&] { import_mobilefacenet(weights, "w.safetensors"); });
  };
  EXPECT_EQ(refused(whole), "");
  NamedTensors w = whole;
  w["extra"] = Tensor({3});
  w.erase("res_5_block1_conv_sep_relu.slope");
  w["fc1.beta"] = Tensor({64});
  const std::string message = refused(w);
  EXPECT_EQ(message[0], char('0' + static_cast<int>(ErrorKind::data)));
  for (const char* part :
       {"w.safetensors: not insightface's MobileFaceNet: 3 mismatches",
        "missing: 'res_5_block1_conv_sep_relu.slope' (256) float32",
        "different: 'fc1.beta' expected (128) float32, got (64) float32", "unexpected: 'extra' (3) float32"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  w = whole, w["conv_1_conv2d.weight"] = Tensor::zeros({64, 3, 3, 3});
  w["conv_1_conv2d.weight"].as<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(data, "w.safetensors: tensor 'conv_1_conv2d.weight' holds a number that is not finite",
               import_mobilefacenet(w, "w.safetensors"));
  w = whole, w["fc1.running_var"] = Tensor::zeros({128});
  EXPECT_ERROR(data, "w.safetensors: tensor 'fc1.running_var': expected variances above 0, found 0",
               import_mobilefacenet(w, "w.safetensors"));
  w = whole, w.erase("pre_fc1.bias");
  EXPECT_ERROR(data, "1 mismatches\n  missing: 'pre_fc1.bias' (128) float32",
               import_mobilefacenet(w, "w.safetensors"));
}

TEST(Import, MakesAModelFile) {
  const TemporaryFolder folder;
  const fs::path weights = folder.path / "w.safetensors", out = folder.path / "model.safetensors";
  write_safetensors(weights, their_weights(), {}, Integrity::none);
  EXPECT_ERROR(state, "not a checkpoint of this program; of others' weights bin/import makes a model",
               load_model(weights));
  import_weights(weights, out);
  const LoadedModel loaded = load_model(out);
  EXPECT_EQ(loaded.info.input.flip, FlipMode::sum);
  EXPECT_EQ(loaded.model->network().embedding(), 128);
  EXPECT_EQ(loaded.config.network.architecture, Architecture::mobilefacenet);
  const Var x(Tensor::full({2, 112, 112, 3}, 0.5));
  ImportedModel direct = import_mobilefacenet(their_weights(), "w");
  direct.model->train(false);
  EXPECT_EQ(loaded.model->forward(x).value().host<float>(), direct.model->forward(x).value().host<float>());
  EXPECT_THROW(loaded.model->loss(x, Tensor::from(std::vector<int64_t>{0, 1}, {2}), int64_t{0}),
               std::invalid_argument);
}

// Embeddings of 16 pictures by an independent float32 implementation. Largest difference of a number: 1.1e-6.
TEST(Import, EmbeddingsOfTheGoldenPictures) {
  const fs::path data = "../shared/data";
  if (!fs::exists(data / "weights/mobilefacenet.safetensors"))
    GTEST_SKIP()
        << "no ../shared/data/weights: run from the project's root, with MobileFaceNet's weights there";
  std::ifstream in(data / "weights/mobilefacenet.golden.json");
  const auto golden =
      nlohmann::json::parse(in).at("embeddings").get<std::map<std::string, std::vector<double>>>();
  const TemporaryFolder folder;
  import_weights(data / "weights/mobilefacenet.safetensors", folder.path / "model.safetensors");
  const LoadedModel loaded = load_model(folder.path / "model.safetensors");
  double largest = 0;
  for (const auto& [name, expected] : golden) {
    const Image picture = load_image(data / "lfw-112" / name);
    const Embeddings e = embed(*loaded.model, 1, [&](int64_t) { return picture; },
                               {.height = 112, .width = 112, .flip = FlipMode::none});
    double length = 0;
    for (const float v : e.values) length += double(v) * v;
    ASSERT_EQ(e.values.size(), expected.size());
    for (size_t d = 0; d < expected.size(); ++d)
      largest = std::max(largest, std::abs(e.values[d] / std::sqrt(length) - expected[d]));
  }
  EXPECT_EQ(golden.size(), 16u);
  EXPECT_LT(largest, 1e-4);
  RecordProperty("largest_difference", cat(largest));
}

}  // namespace
}  // namespace fr
