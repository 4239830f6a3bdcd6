// relearn MODEL --root FOLDER --gallery LIST --out FILE: a classifier of everybody in the gallery on top of a trained network.
#include <iostream>
#include <numeric>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "data/gallery_list.h"
#include "fr/embed.h"
#include "fr/mining/relearn.h"
#include "fr/progress.h"

using namespace fr;

namespace {

struct Arguments {
  std::string model, root, gallery, out;
  RelearnOptions options;
  FlipMode flip = FlipMode::mean;
  int64_t batch = EmbedOptions().batch;
  int threads = 0;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
};

void declare(CommandLine& line, Arguments& a) {
  using Need = CommandLine::Need;
  RelearnOptions& o = a.options;
  line.text("model", a.model, "checkpoint file or run folder", Need::required);
  line.text("--root", a.root, "folder of the pictures", Need::required);
  line.text("--gallery", a.gallery, "list of who is learned: lines `person path`, or CSV picture,person",
            Need::required);
  line.text("--out", a.out, "the model file to write", Need::required);
  line.number<int64_t>("--steps", o.steps, "of the class weights", 0);
  line.number<int64_t>("--people", o.batch, "of a step, a picture of each", 1, 65536);
  line.number("--lr", o.lr, "first learning rate", 0.0);
  line.number("--last-lr", o.last_lr, "last learning rate, down a cosine", 0.0);
  line.number("--scale", o.scale, "alpha of L2-Softmax at the start", 0.001);
  line.number("--momentum", o.momentum, "Nesterov's", 0.0, 0.9999);
  line.number("--weight-decay", o.weight_decay, "of the class weights", 0.0, 1.0);
  line.number("--seed", o.seed, "of the pictures that are drawn");
  line.choice("--flip", a.flip, {{"none", FlipMode::none}, {"mean", FlipMode::mean}},
              "how the mirror image joins the embedding");
  line.number<int64_t>("--batch", a.batch, "pictures a forward pass", 1, 65536);
  line.choice("--device", a.device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", a.precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", a.threads, "0: all cores", 0, 1024);
}

Embeddings embed_gallery(LoadedModel& loaded, const GalleryProbes& set, const Arguments& a) {
  const auto& network = loaded.config.network;
  Progress progress(set.enrolled);
  const Embeddings e = embed(
      *loaded.model, set.enrolled, [&](int64_t i) { return load_image(set.root / set.pictures[size_t(i)]); },
      {network.height, network.width, a.flip, a.batch, loaded.config.data.patch},
      [&](int64_t done) { progress.show(done, "embedding", false); });
  progress.finish();
  return e;
}

// People without a picture (all missing) are no class.
std::vector<int64_t> labels_of(const GalleryProbes& set, std::vector<std::string>& names) {
  std::vector<int64_t> class_of(set.names.size(), -1), labels;
  for (const int64_t person : set.people) {
    if (class_of[size_t(person)] < 0)
      class_of[size_t(person)] = int64_t(names.size()), names.push_back(set.names[size_t(person)]);
    labels.push_back(class_of[size_t(person)]);
  }
  return labels;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

int run(const Arguments& a) {
  if (a.options.last_lr > a.options.lr)
    throw Error(ErrorKind::usage, cat("--last-lr ", a.options.last_lr, " is above --lr ", a.options.lr,
                                      ", from which the learning rate falls to it"));
  const GalleryProbes set = read_enrolled(find_list(a.gallery, a.root), a.root);
  LoadedModel loaded = load_model(a.model, placement_of(a.device, a.precision));
  const Embeddings e = embed_gallery(loaded, set, a);
  std::vector<std::string> people;
  const std::vector<int64_t> labels = labels_of(set, people);
  const size_t classes = people.size();
  RelearnOptions options = a.options;
  options.device = loaded.model->network().device();
  Relearned learned = relearn(e.view(), labels, options);
  const RelearnedModel model = with_head(loaded, *learned.head, std::move(people), a.flip, options);
  save_model(a.out, *model.model, model.info);
  std::cout << a.out << ": a classifier of " << classes << " people from " << e.N << " pictures\n";
  if (const auto& loss = learned.loss; !loss.empty()) {
    const size_t tenth = (loss.size() + 9) / 10;
    std::cout << "loss  " << mean_of(std::span(loss).first(tenth)) << " -> "
              << mean_of(std::span(loss).last(tenth)) << " in " << loss.size() << " steps\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line(
      "relearn",
      "Keeps a trained network and learns a new classifier on top of it: a class for everybody in a "
      "gallery, of many pictures or one. bin/evaluate protocol=coverage coverage.scores=classes tests it.");
  declare(line, a);
  return line.run(argc, argv, [&] {
    if (a.threads > 0) set_threads(a.threads);
    return run(a);
  });
}
