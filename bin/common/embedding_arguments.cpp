#include "bin/common/embedding_arguments.h"

#include "base/parallel.h"

namespace fr {

void EmbeddingArguments::declare_model(CommandLine& line) {
  line.text("model", model, "checkpoint file or run folder", CommandLine::Need::required);
}

void EmbeddingArguments::declare_computation(CommandLine& line) {
  line.number<int64_t>("--batch", batch, "pictures a forward pass", 1, 65536);
  line.choice("--device", device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", threads, "0: all cores", 0, 1024);
}

void EmbeddingArguments::declare_flip(CommandLine& line) {
  line.choice("--flip", flip, flip_or_model_words(),
              "how the mirror image joins the embedding: as in the test");
}

LoadedModel EmbeddingArguments::load() const {
  if (threads > 0) set_threads(threads);
  return load_model(model, placement_of(device, precision));
}

}  // namespace fr
