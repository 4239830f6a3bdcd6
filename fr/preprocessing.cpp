#include "fr/preprocessing.h"

#include "fr/config.h"

namespace fr {
namespace {

using Alignment = Preprocessing::Alignment;
const std::vector<std::pair<std::string, Alignment>> kAlignmentWords = {{"arcface", Alignment::arcface},
                                                                        {"none", Alignment::none}};
constexpr const char *kColours = "rgb", *kPixels = "(p - 127.5) / 128";

template <class E>
std::string word_of(const std::vector<std::pair<std::string, E>>& words, E value) {
  for (const auto& [word, meaning] : words)
    if (meaning == value) return word;
  throw std::invalid_argument(cat("preprocessing: no word for the choice ", int(value)));
}

std::string size_text(const Preprocessing& p) { return cat(p.height, " x ", p.width); }

// One after the other, the keys of a file.
struct Reader {
  const Metadata& metadata;
  const std::string& file;

  void refuse(const std::string& key, const std::string& expected, const std::string& found) const {
    throw Error(ErrorKind::data, cat(file, ": metadata '", key, "': expected ", expected, ", found ", found));
  }
  // The value is one of these words.
  template <class E>
  void choice(const std::string& key, const std::vector<std::pair<std::string, E>>& words, E& value) const {
    const auto found = metadata.find(key);
    if (found == metadata.end()) return;
    std::string all;
    for (const auto& [word, meaning] : words) {
      if (word == found->second) return void(value = meaning);
      all += (all.empty() ? "" : ", ") + word;
    }
    refuse(key, "one of: " + all, found->second);
  }
  void only(const std::string& key, const std::string& value) const {
    const auto found = metadata.find(key);
    if (found != metadata.end() && found->second != value) refuse(key, value, found->second);
  }
};

}  // namespace

Preprocessing preprocessing_of(const Config& c) {
  const bool digits = c.data.source == DataSource::idx || c.data.source == DataSource::digits;
  return {digits ? Alignment::none : Alignment::arcface, c.network.height, c.network.width, c.data.patch,
          c.test.flip};
}

Metadata to_metadata(const Preprocessing& p) {
  return {{"input.alignment", word_of(kAlignmentWords, p.alignment)},
          {"input.size", size_text(p)},
          {"input.patch", word_of(kPatchWords, p.patch)},
          {"input.flip", word_of(kFlipWords, p.flip)},
          {"input.colours", kColours},
          {"input.pixels", kPixels}};
}

Preprocessing read_preprocessing(const Metadata& metadata, const Preprocessing& otherwise,
                                 const std::string& file) {
  Preprocessing p = otherwise;
  const Reader read{metadata, file};
  read.choice("input.alignment", kAlignmentWords, p.alignment);
  read.choice("input.patch", kPatchWords, p.patch);
  read.choice("input.flip", kFlipWords, p.flip);
  read.only("input.size", size_text(otherwise));
  read.only("input.colours", kColours);
  read.only("input.pixels", kPixels);
  return p;
}

std::string flip_word(FlipMode flip) { return word_of(kFlipWords, flip); }
std::string patch_word(Patch patch) { return word_of(kPatchWords, patch); }

std::vector<std::pair<std::string, std::optional<FlipMode>>> flip_or_model_words() {
  std::vector<std::pair<std::string, std::optional<FlipMode>>> words = {{"model", std::nullopt}};
  words.insert(words.end(), kFlipWords.begin(), kFlipWords.end());
  return words;
}

std::string to_text(const Preprocessing& p) {
  const char* aligned = p.alignment == Alignment::none ? ", not aligned" : ", aligned to ArcFace's template";
  return cat(size_text(p), " RGB, ", kPixels, aligned, ", patch ", word_of(kPatchWords, p.patch), ", flip ",
             word_of(kFlipWords, p.flip));
}

}  // namespace fr
