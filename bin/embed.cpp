// embed MODEL PICTURES... --out FILE.npy: embeddings of pictures or of all pictures below folders.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "data/npy.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/progress.h"
#include "fr/run_data.h"

using namespace fr;

int main(int argc, char** argv) {
  std::string model, out = "embeddings.npy", names;
  std::vector<std::string> inputs;
  EmbedOptions options;
  std::optional<FlipMode> flip;
  int thread_count = 0;
  bool check_only = false;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  CommandLine line("embed", "Embeds pictures: a .npy file of float32 (N,D) and a list of their names.");
  using Need = CommandLine::Need;
  line.text("model", model, "checkpoint file or run folder", Need::required);
  line.texts("pictures", inputs, "picture files, or folders that are searched for pictures", Need::required);
  line.text("--out", out, "the .npy file");
  line.text("--names", names, "the list of names; default: the .npy file's name with .txt");
  line.choice("--flip", flip, flip_or_model_words(),
              "how the mirror image joins the embedding; model: as the model's file says");
  line.choice(
      "--rows", options.kind,
      {{"points", EmbeddingKind::points}, {"distributions", EmbeddingKind::distributions}},
      "distributions: of a model with an uncertainty module, log variances behind each embedding (N,2D)");
  line.number<int64_t>("--batch", options.batch, "pictures a forward pass", 1, 65536);
  line.choice("--device", device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", thread_count, "0: all cores", 0, 1024);
  line.flag("--check", check_only, "check model and pictures, do nothing");
  return line.run(argc, argv, [&] {
    if (thread_count > 0) set_threads(thread_count);
    const Placement placement = placement_of(device, precision);
    FoundPictures found = find_pictures(inputs);
    for (const auto& reason : found.skipped) std::cerr << "skipped: " << reason << "\n";
    LoadedModel loaded = load_model(model, placement);
    options.height = loaded.config.network.height, options.width = loaded.config.network.width;
    options.patch = loaded.config.data.patch;
    options.flip = flip.value_or(loaded.info.input.flip);
    if (check_only)
      return std::cout << "ok: " << loaded.path.string() << ", " << found.paths.size() << " pictures\n", 0;
    Progress progress(int64_t(found.paths.size()));
    const Embeddings e = embed(
        *loaded.model, int64_t(found.paths.size()),
        [&](int64_t i) { return load_image(found.paths[size_t(i)]); }, options,
        [&](int64_t done) { progress.show(done, "embedding", false); });
    progress.finish();
    std::string list;
    for (const auto& path : found.paths) list += path.string() + "\n";
    if (names.empty()) names = fs::path(out).replace_extension(".txt").string();
    write_npy(out, e.values.data(), e.N, e.D);
    write_file_atomic(names, list);
    std::cout << e.N << " embeddings of size " << e.D << " in " << out << ", names in " << names << "\n";
    return 0;
  });
}
