// import WEIGHTS --out MODEL: weights that others trained, as a model file for bin/evaluate and bin/embed.
#include <iostream>

#include "bin/common/command_line.h"
#include "fr/checkpoint.h"
#include "fr/import.h"

using namespace fr;

int main(int argc, char** argv) {
  std::string weights, out = "model.safetensors";
  FlipMode flip = FlipMode::sum;
  CommandLine line(
      "import",
      "Makes a model file of weights that others trained: insightface's MobileFaceNet as safetensors, "
      "in ncnn's names.");
  line.text("weights", weights, "safetensors file", CommandLine::Need::required);
  line.text("--out", out, "the model file");
  line.choice("--flip", flip, kFlipWords,
              "how the mirror image joins the embedding, for whoever asks the model file; insightface: sum");
  return line.run(argc, argv, [&] {
    import_weights(weights, out, flip);
    const LoadedModel loaded = load_model(out);
    std::cout << out << ": " << name_of(loaded.config.network.architecture) << ", "
              << loaded.model->network().parameter_count() << " parameters, embeddings of size "
              << loaded.model->network().embedding() << "; pictures " << to_text(loaded.info.input) << "\n";
    return 0;
  });
}
