// What a picture must be for a network, from configuration to model file and back.
#include "fr/preprocessing.h"

#include <gtest/gtest.h>

#include "fr/checkpoint.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

using Alignment = Preprocessing::Alignment;

TEST(Preprocessing, ComesBack) {
  const Preprocessing p = {Alignment::none, 20, 17, Patch::upper, FlipMode::mean};
  const Preprocessing back = read_preprocessing(to_metadata(p), {.height = 20, .width = 17}, "m");
  EXPECT_EQ(to_text(back), to_text(p));
  EXPECT_EQ(to_text(p), "20 x 17 RGB, (p - 127.5) / 128, not aligned, patch upper, flip mean");
}

TEST(Preprocessing, OfAConfiguration) {
  Config c;
  EXPECT_EQ(to_text(preprocessing_of(c)),
            "112 x 96 RGB, (p - 127.5) / 128, aligned to ArcFace's template, patch full, flip concatenate");
  c.data.source = DataSource::digits, c.test.flip = FlipMode::none, c.data.patch = Patch::centre;
  EXPECT_EQ(to_text(preprocessing_of(c)),
            "112 x 96 RGB, (p - 127.5) / 128, not aligned, patch centre, flip none");
}

TEST(Preprocessing, RefusesWhatItDoesNotKnow) {
  constexpr struct {
    const char *key, *value, *message;
  } kWrong[] = {
      {"input.alignment", "fivepoint",
       "m: metadata 'input.alignment': expected one of: arcface, none, found fivepoint"},
      {"input.patch", "nose", "m: metadata 'input.patch': expected one of: full, upper, centre, found nose"},
      {"input.flip", "max",
       "m: metadata 'input.flip': expected one of: none, sum, mean, concatenate, found max"},
      {"input.colours", "bgr", "m: metadata 'input.colours': expected rgb, found bgr"},
      {"input.pixels", "p / 255", "m: metadata 'input.pixels': expected (p - 127.5) / 128, found p / 255"},
      {"input.size", "96 x 112", "m: metadata 'input.size': expected 112 x 112, found 96 x 112"}};
  for (const auto& wrong : kWrong) {
    Metadata m = to_metadata({});
    ASSERT_TRUE(m.count(wrong.key));
    m[wrong.key] = wrong.value;
    EXPECT_ERROR(data, wrong.message, read_preprocessing(m, {}, "m"));
  }
  EXPECT_EQ(to_metadata({}).size(), std::size(kWrong)) << "every key has its row";
}

// A checkpoint of its own, and one from before there were these keys.
TEST(Preprocessing, StandsInTheModelFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "m.safetensors";
  const NetworkOptions network = {.depth = 4, .embedding = 8, .height = 32, .width = 20};
  FaceModel model(make_backbone(network));
  CheckpointInfo info;
  info.config =
      "[network]\ndepth = 4\nembedding = 8\nheight = 32\nwidth = 20\n[test]\nflip = sum\n[data]\nsource = "
      "idx\n";
  info.input.flip = FlipMode::none;
  save_model(path, model, info);
  EXPECT_EQ(to_text(load_model(path).info.input),
            "32 x 20 RGB, (p - 127.5) / 128, aligned to ArcFace's template, patch full, flip none");
  Safetensors file = read_safetensors(path);
  std::erase_if(file.metadata, [](const auto& entry) { return entry.first.starts_with("input."); });
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_EQ(to_text(load_model(path).info.input),
            "32 x 20 RGB, (p - 127.5) / 128, not aligned, patch full, flip sum");
  file.metadata["input.size"] = "112 x 112";
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_ERROR(data, "expected 32 x 20, found 112 x 112", load_model(path));
}

}  // namespace
}  // namespace fr
