// What a picture must be for a network. The contract stands in the model file (docs/formats.md), and whoever aligns and
// embeds pictures keeps to it.
//   Always: colours R, G, B, and pixels (p - 127.5) / 128. The file says so too, and one that says anything else is refused.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/patch.h"
#include "fr/protocol/verification.h"
#include "nn/safetensors.h"

namespace fr {

struct Config;

struct Preprocessing {
  enum class Alignment {
    arcface,  // landmarks on alignment_template(112, 112); a network of another size sees the centre of that, as embed() cuts it
    none,     // the picture as it is
  };
  Alignment alignment = Alignment::arcface;
  int64_t height = 112, width = 112;  // of the network's input
  Patch patch = Patch::full;
  FlipMode flip = FlipMode::concatenate;  // how the mirror image joins the embedding
};

// Of a network that is trained by this configuration: digits (idx, digits) are not aligned, pictures of people are taken to be.
Preprocessing preprocessing_of(const Config& config);

// Keys "input.*". A key that is missing is as in `otherwise`, and so must the size be: the network's. Throws Error{data} naming
// the file and the key for a value that is unknown.
Metadata to_metadata(const Preprocessing& input);
Preprocessing read_preprocessing(const Metadata& metadata, const Preprocessing& otherwise,
                                 const std::string& file);

std::string flip_word(FlipMode flip);  // of kFlipWords
std::string patch_word(Patch patch);   // of kPatchWords
// kFlipWords, and before them "model": none, as the model's file says.
std::vector<std::pair<std::string, std::optional<FlipMode>>> flip_or_model_words();

// For people, one line: "112 x 112 RGB, (p - 127.5) / 128, aligned to ArcFace's template, patch full, flip sum".
std::string to_text(const Preprocessing& input);

}  // namespace fr
