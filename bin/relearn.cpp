// relearn MODEL --root FOLDER --gallery LIST --out FILE: a classifier of everybody in the gallery on top of a trained network.
#include <iostream>
#include <map>
#include <numeric>

#include "bin/common/embedding_arguments.h"
#include "data/gallery_list.h"
#include "fr/calibration/labelled_pictures.h"
#include "fr/mining/relearn.h"

using namespace fr;

namespace {

struct Arguments {
  EmbeddingArguments embedding;
  std::string root, gallery, out;
  RelearnOptions options;
  FlipMode flip = FlipMode::mean;
  bool allow_skipped = false;
};

void declare(CommandLine& line, Arguments& a) {
  using Need = CommandLine::Need;
  RelearnOptions& o = a.options;
  a.embedding.declare_model(line);
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
  line.flag("--allow-skipped", a.allow_skipped, "exit with 0 although pictures were skipped");
  a.embedding.declare_computation(line);
}

LabelledPictures pictures_of(const GalleryProbes& set) {
  LabelledPictures p;
  for (const int64_t person : set.people) p.people.push_back(set.names[size_t(person)]);
  p.picture = [&set](int64_t i) { return load_image(set.root / set.pictures[size_t(i)]); };
  return p;
}

// Classes in the order of their first pictures -> their names, and the class of each picture.
std::vector<std::string> number_people(const std::vector<std::string>& people, std::vector<int64_t>& labels) {
  std::map<std::string, int64_t> class_of;
  std::vector<std::string> names;
  for (const std::string& person : people) {
    const auto [at, fresh] = class_of.emplace(person, int64_t(names.size()));
    if (fresh) names.push_back(person);
    labels.push_back(at->second);
  }
  return names;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

int run(const Arguments& a) {
  if (a.options.last_lr > a.options.lr)
    throw Error(ErrorKind::usage, cat("--last-lr ", a.options.last_lr, " is above --lr ", a.options.lr,
                                      ", from which the learning rate falls to it"));
  const GalleryProbes set = read_enrolled(find_list(a.gallery, a.root), a.root);
  LoadedModel loaded = a.embedding.load();
  LabelledPictures pictures = pictures_of(set);
  const EmbeddedPictures e = embed_pictures(loaded, pictures, a.flip, a.embedding.batch);
  for (const auto& reason : e.skipped) std::cerr << "skipped: " << reason << "\n";
  std::vector<int64_t> labels;
  std::vector<std::string> people = number_people(pictures.people, labels);
  const size_t classes = people.size();
  RelearnOptions options = a.options;
  options.device = loaded.model->network().device();
  Relearned learned = relearn({e.rows.rows, e.rows.N, e.rows.D}, labels, options);
  const RelearnedModel model = with_head(loaded, *learned.head, std::move(people), a.flip, options);
  save_model(a.out, *model.model, model.info);
  std::cout << a.out << ": a classifier of " << classes << " people from " << e.rows.N << " pictures\n";
  if (const auto& loss = learned.loss; !loss.empty()) {
    const size_t tenth = (loss.size() + 9) / 10;
    std::cout << "loss  " << mean_of(std::span(loss).first(tenth)) << " -> "
              << mean_of(std::span(loss).last(tenth)) << " in " << loss.size() << " steps\n";
  }
  return e.skipped.empty() || a.allow_skipped ? 0 : int(ErrorKind::data);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CommandLine line(
      "relearn",
      "Keeps a trained network and learns a new classifier on top of it: a class for everybody in a "
      "gallery, of many pictures or one. bin/evaluate protocol=coverage coverage.scores=classes tests it.");
  declare(line, a);
  return line.run(argc, argv, [&] { return run(a); });
}
