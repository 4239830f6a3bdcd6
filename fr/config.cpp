#include "fr/config.h"

#include <algorithm>
#include <cmath>

#include "data/synthetic/identity.h"
#include "data/synthetic/style.h"
#include "fr/data_checks.h"
#include "fr/loss_keys.h"

namespace fr {
namespace {

constexpr int64_t kMany = 1'000'000'000;

void describe_data(Schema& s, Config& c) {
  s.choice("data.source", c.data.source,
           {{"synthetic", DataSource::synthetic},
            {"folder", DataSource::folder},
            {"list", DataSource::list},
            {"people", DataSource::people},
            {"idx", DataSource::idx},
            {"digits", DataSource::digits}},
           "rendered faces; root/CLASS/PICTURE; a file of `path label`; LFW's people list; MNIST's files in "
           "root; rendered "
           "digits");
  s.texts("data.root", c.data.roots,
          "folder of the training pictures; several, separated by commas, are data sets with classes of "
          "their own",
          Affects::speed);
  s.texts("data.list", c.data.lists,
          "the list, for source = list or people; relative to here or to data.root. One for each folder, or "
          "one for all");
  s.entries("data.weights", c.data.weights, parse_dataset_weights, dataset_weights_text,
            "pictures, sqrt, or a list of reals > 0",
            "how often data sets are drawn: every picture once an epoch; in proportion to the root of their "
            "pictures; "
            "as the numbers, one for each, say. Not for order = pk");
  s.integer("data.min_images", c.data.min_images, 1, kMany, "classes with fewer pictures are left out");
  s.integer("data.largest", c.data.largest, 0, kMany,
            "of files: only so many classes, those with the most pictures; 0: all");
  s.integer("data.digits", c.data.digits, 10, kMany, "source = digits: how many pictures");
  s.choice(
      "data.order", c.data.order,
      {{"uniform", Order::uniform},
       {"balanced", Order::balanced},
       {"pk", Order::pk},
       {"doppelganger", Order::doppelganger}},
      "every picture once an epoch; every person equally often; batches of P people with data.per_identity "
      "pictures each; random people and those they are mistaken for (doppelganger mining, Smirnov et al. "
      "2017)");
  s.integer(
      "data.per_identity", c.data.per_identity, 1, 65536,
      "pk: pictures of a person in a batch, all different if there are so many; train.batch is a multiple");
  s.choice(
      "data.patch", c.data.patch, kPatchWords,
      "the part of each picture that the network sees, resized to its input: the upper 2/3, the middle 80 %");
  s.text("data.test_root", c.data.test_root, "folder of the test pictures; empty: data.root", Affects::speed);
  s.text("data.test_pairs", c.data.test_pairs,
         "pair list, relative to here or to data.root; empty: no test (synthetic makes its own)",
         Affects::speed);
  s.real("data.max_damaged", c.data.max_damaged, 0, 1,
         "stop when more than this share of the pictures is damaged");
  s.integer("data.workers", c.data.workers, 1, 64, "threads that decode and augment", Affects::speed);
  s.integer("data.prefetch", c.data.prefetch, 1, 256, "batches prepared ahead", Affects::speed);
  s.integer("data.cache_mb", c.data.cache_mb, 0, 1 << 20, "MiB of decoded pictures kept in memory",
            Affects::speed);

  s.integer("synthetic.identities", c.synthetic.identities, 2, kMany, "training people");
  s.integer("synthetic.min_samples", c.synthetic.min_samples, 1, kMany, "fewest pictures of a person");
  s.integer("synthetic.max_samples", c.synthetic.max_samples, 1, kMany,
            "most pictures of a person (a long tail)");
  s.integer("synthetic.test_identities", c.synthetic.test_identities, 2, kMany,
            "test people, none of them trained on");
  s.integer("synthetic.test_samples", c.synthetic.test_samples, 2, kMany, "pictures of a test person");
  s.integer("synthetic.test_pairs", c.synthetic.test_pairs, 20, kMany, "test pairs, half of them genuine");
  s.real("synthetic.difficulty", c.synthetic.difficulty, 0, 3, "strength of pose, light, background, noise");
  s.reals("synthetic.group_shares", c.synthetic.group_shares, 0, 1,
          "shares of the four groups of training people");
  s.reals("synthetic.group_pictures", c.synthetic.group_pictures, 0, 1000,
          "pictures of a training person of each group, as a multiple of the above, at least 1");
  s.choice("synthetic.test_groups", c.synthetic.test_groups,
           {{"as_training", TestGroups::as_training}, {"balanced", TestGroups::balanced}},
           "shares of the groups among the test people, pairs of all; as many people of each, pairs within a "
           "group, so that every group has an accuracy of its own");
  s.integer("synthetic.datasets", c.synthetic.datasets, 1, kStyles,
            "so many data sets of as many people each, number k rendered in style k: snapshot, studio, "
            "surveillance, infrared, stage");
  s.real("synthetic.shared", c.synthetic.shared, 0, 1,
         "share of the people of a data set who are in all of them, as another class in each");
  s.choice("synthetic.test_styles", c.synthetic.test_styles,
           {{"within", TestStyles::within}, {"across", TestStyles::across}, {"mixed", TestStyles::mixed}},
           "several data sets: both pictures of a test pair in one style, in two, every other pair in two");
}

void describe_mining(Schema& s, DoppelgangerOptions& m) {
  s.integer("mining.smallest", m.smallest, 1, 65536,
            "order = doppelganger: fewest pictures of a person in a batch");
  s.integer("mining.largest", m.largest, 1, 65536,
            "most pictures of a person; their number is drawn between the two");
  s.integer("mining.random_classes", m.random_classes, 0, 65536,
            "people of a batch who are drawn at random, N_r; the others are doppelgangers; 0: "
            "mining.random_share says how many");
  s.real("mining.random_share", m.random_share, 0, 1,
         "their share of the people of a batch, N_r / N_c; the paper's: 9 / 27; at least one, 1: all");
  s.integer("mining.lag", m.lag, 0, 1024,
            "steps whose results a batch does not wait for: 0 is exact; more lets pictures be decoded ahead");
}

void describe_augment(Schema& s, Augment& a) {
  s.real("augment.flip", a.flip, 0, 1, "probability of a mirror image");
  s.integer("augment.shift", a.shift, 0, 56, "pixels, each way");
  s.integer("augment.crop", a.crop, 0, 56,
            "pixels: enlarged until that much higher, then a window of the input's size anywhere");
  s.real("augment.scale_min", a.scale_min, 0.25, 4, "smallest factor of the face's size");
  s.real("augment.scale_max", a.scale_max, 0.25, 4, "largest factor of the face's size");
  s.real("augment.rotation", a.rotation, 0, 180, "degrees, each way");
  s.real("augment.channel_shift", a.channel_shift, 0, 255,
         "gray levels, each way, added to each channel by itself");
  s.real("augment.brightness", a.brightness, 0, 1, "factor drawn from 1 - b .. 1 + b");
  s.real("augment.contrast", a.contrast, 0, 1, "factor drawn from 1 - c .. 1 + c");
  s.real("augment.saturation", a.saturation, 0, 1, "factor drawn from 1 - s .. 1 + s");
  s.real("augment.grayscale", a.grayscale, 0, 1, "probability of a gray picture");
  s.real("augment.blur", a.blur, 0, 3, "largest standard deviation in pixels");
  s.real("augment.noise", a.noise, 0, 128, "largest standard deviation in gray levels");
  s.real("augment.erase", a.erase, 0, 1, "probability of an erased rectangle (random erasing)");
  s.real("augment.erase_area_min", a.erase_area_min, 0, 1, "its smallest share of the picture");
  s.real("augment.erase_area_max", a.erase_area_max, 0, 1, "its largest share of the picture");
  s.integer("augment.cutout", a.cutout, 0, 4096,
            "pixels: side of an erased square in every picture (cutout)");
}

// "4, 10, 20, 36, 64"
std::string depth_words(Architecture architecture) {
  std::string words;
  for (int depth : depths_of(architecture)) words += cat(words.empty() ? "" : ", ", depth);
  return words;
}

// f(word, architecture) for each, joined: "sphereface: f; iresnet: f"
template <class F>
std::string for_each_architecture(const F& f) {
  std::string words;
  for (const auto& [word, architecture] : architecture_words())
    words += cat(words.empty() ? "" : "; ", word, ": ", f(architecture));
  return words;
}

void describe_network(Schema& s, NetworkOptions& n) {
  s.choice("network.architecture", n.architecture, architecture_words(), for_each_architecture(source_of));
  s.integer("network.depth", n.depth, 1, 1000, "layers; " + for_each_architecture(depth_words));
  s.integer("network.embedding", n.embedding, 1, 65536, "size of the embedding");
  s.integer("network.height", n.height, 16, 4096, "input height in pixels");
  s.integer("network.width", n.width, 16, 4096, "input width in pixels");
  s.real("network.dropout", n.dropout, 0, 0.99, "before the layer that makes the embedding; ArcFace: 0.4");
  using Balancing = ResidualBalancingForm;
  s.choice("network.residual_balancing", n.residual_balancing,
           {{"none", Balancing::none}, {"gated", Balancing::gated}, {"ungated", Balancing::ungated}},
           "x + f(x) R(x) behind the last layer (Cao et al. 2020), in training and afterwards; ungated: f = "
           "1. The gate f "
           "is taught by the loss domain_frequency");
  s.flag("network.last_relu", n.last_relu,
         "sphereface: a ReLU on the embedding, as networks had before (Liu et al. 2017, Table 6, row A)");
  s.flag("network.bias", n.bias,
         "sphereface: biases of the convolutions with stride 2 and of the layer that makes the embedding");
  s.integer("network.narrow", n.narrow, 1, 64,
            "doppelganger: channels are divided by it, for trials on a small machine; 1: the paper's");
}

void describe_optimizer(Schema& s, Config& c) {
  s.real("optimizer.lr", c.lr, 0, 1000, "learning rate");
  s.choice("optimizer.name", c.optimizer.kind,
           {{"sgd", OptimizerKind::sgd}, {"adam", OptimizerKind::adam}, {"adamw", OptimizerKind::adamw}},
           "momentum; Kingma and Ba 2015; the same with its decay apart from the gradient (Loshchilov and "
           "Hutter 2019)");
  s.real("optimizer.momentum", c.optimizer.momentum, 0, 0.9999, "of SGD");
  s.choice("optimizer.form", c.optimizer.form,
           {{"caffe", MomentumForm::caffe}, {"torch", MomentumForm::torch}},
           "learning rate inside or outside the velocity");
  s.flag("optimizer.nesterov", c.optimizer.nesterov, "look ahead along the velocity");
  s.real("optimizer.weight_decay", c.optimizer.weight_decay, 0, 1,
         "times the weight: added to the gradient; adamw: lr times it taken from the weight");
  s.real("optimizer.clip_norm", c.optimizer.clip_norm, 0, 1e9, "largest norm of the whole gradient; 0: any");
  s.real("optimizer.beta1", c.optimizer.beta1, 0, 0.9999, "adam, adamw: decay of the mean of the gradients");
  s.real("optimizer.beta2", c.optimizer.beta2, 0, 0.999999,
         "adam, adamw: decay of the mean of their squares");
  s.real("optimizer.eps", c.optimizer.eps, 1e-16, 1, "adam, adamw: added to the root of the mean square");
  s.real("optimizer.slope_decay", c.slope_decay, 0, 1000,
         "weight decay multiplier of PReLU slopes: 1 as in Caffe; many recipes: 0");
  s.entries(
      "optimizer.multipliers", c.multipliers, parse_multipliers, multipliers_text,
      "NAME lr X decay Y, ... or none",
      "what parameters have instead of their own multipliers of lr and weight decay; * in a name stands for "
      "any "
      "letters, a later entry is stronger, lr 0 leaves the parameter as it is: `head.weight lr 10 decay 1, "
      "network.stage1.* lr 0`");
}

void describe_schedule(Schema& s, Config& c) {
  s.choice("schedule.kind", c.schedule.kind,
           {{"constant", Schedule::Kind::constant},
            {"steps", Schedule::Kind::steps},
            {"cosine", Schedule::Kind::cosine},
            {"polynomial", Schedule::Kind::polynomial},
            {"sgdr", Schedule::Kind::sgdr}},
           "of the learning rate; sgdr: a cosine that starts again after every period (Loshchilov and Hutter "
           "2017)");
  s.integer("schedule.warmup", c.schedule.warmup, 0, kMany, "steps of linear rise");
  s.reals("schedule.milestones", c.schedule.milestones, 0, 1,
          "steps: shares of the run after which lr is cut");
  s.real("schedule.factor", c.schedule.factor, 0, 1, "steps: the cut");
  s.real("schedule.floor", c.schedule.floor, 0, 1000,
         "cosine, polynomial: the last learning rate; sgdr: the last of a period");
  s.real("schedule.power", c.schedule.power, 0.1, 10, "polynomial: the exponent");
  s.real("schedule.period", c.schedule.period, 1e-6, 1, "sgdr: the first period, as a share of the run");
  s.real("schedule.multiplier", c.schedule.multiplier, 1, 100, "sgdr: how much longer each next period is");
}

void describe_train(Schema& s, Config& c) {
  s.choice(
      "train.device", c.train.device, kDeviceWords,
      "where the network and the loss are computed; auto: on the card if there is one. Another device rounds "
      "differently",
      Affects::speed);
  s.choice("train.precision", c.train.precision, kPrecisionWords,
           "of the maps; bf16: half the memory, weights and scores stay float; on a card only. It rounds "
           "differently",
           Affects::speed);
  s.flag("train.record", c.train.record,
         "on a card: record a step once and repeat it (a CUDA graph); the numbers are the same",
         Affects::speed);
  s.integer("train.batch", c.train.batch, 1, 65536, "pictures a step");
  s.integer("train.steps", c.train.steps, 0, kMany, "0: train.epochs decides");
  s.integer("train.epochs", c.train.epochs, 1, 1000000, "passes over the training pictures");
  s.integer("train.log_every", c.train.log_every, 1, kMany, "steps between lines of metrics.jsonl",
            Affects::speed);
  s.integer("train.checkpoint_every", c.train.checkpoint_every, 1, kMany, "steps", Affects::speed);
  s.integer("train.evaluate_every", c.train.evaluate_every, 0, kMany, "steps; 0: at the end only",
            Affects::speed);
}

void describe_test(Schema& s, Config& c) {
  s.choice("test.flip", c.test.flip, kFlipWords,
           "how the mirror image joins the embedding; mean is half of sum: the same scores", Affects::speed);
  s.choice("test.threshold", c.test.threshold, kThresholdWords,
           "how a fold's threshold is chosen on the other nine", Affects::speed);
  s.flag("test.centre", c.test.centre, "subtract the mean embedding of the other folds first",
         Affects::speed);
  s.integer("test.batch", c.test.batch, 1, 65536, "pictures a forward pass", Affects::speed);
}

void describe_report(Schema& s, Config& c) {
  s.integer("report.features", c.report.features, 0, 100000,
            "training pictures whose angles the report shows, and whose embeddings it draws when they have 2 "
            "or 3 numbers; "
            "0: none",
            Affects::speed);
}

void describe_pfe(Schema& s, Config& c) {
  s.text(
      "pfe.model", c.pfe.model,
      "checkpoint file or run folder: an uncertainty module is trained on its network, which stays as it is; "
      "[network] and the pictures' preprocessing are then the model's, [loss] is not used; empty: a network "
      "is "
      "trained",
      Affects::speed);
  s.real("pfe.decay", c.pfe.decay, 0, 0.9999,
         "what is left of the module's running statistics after a step; short runs need less");
}

void check_network(const Config& c) {
  const NetworkOptions& n = c.network;
  const std::vector<int> depths = depths_of(n.architecture);
  require(std::find(depths.begin(), depths.end(), n.depth) != depths.end(),
          cat("network.depth = ", n.depth, ": ", name_of(n.architecture),
              " has no such depth; allowed: one of: ", depth_words(n.architecture)));
  try {
    describe(n);
  } catch (const std::invalid_argument& e) {
    require(false, e.what());
  }
  require(c.train.batch > 1 || !normalises_embeddings(n),
          cat("train.batch = ", c.train.batch, ": ", name_of(n.architecture),
              " normalises over the batch; allowed: 2 or more"));
}

}  // namespace

Schema describe(Config& c) {
  Schema s;
  s.text("run.name", c.run.name, "name of the run; empty: that of the configuration file", Affects::speed);
  s.text("run.folder", c.run.folder, "runs are written to folder/name", Affects::speed);
  s.integer("run.seed", c.run.seed, 0, int64_t{1} << 53, "of all random numbers");
  s.integer("run.threads", c.run.threads, 0, 1024, "0: all cores", Affects::speed);
  s.flag("run.winograd", c.run.winograd,
         "3x3 convolutions by Winograd's method: fewer multiplications, a little more rounding");
  s.flag(
      "run.tf32", c.run.tf32,
      "on a card, products of floats round their operands to TF32: errors up to 2e-3 of the largest value");
  s.flag("run.hopper", c.run.hopper,
         "on an H100 or H200, convolutions of bfloat16 by the kernel for these cards alone");
  s.flag("run.cublas", c.run.cublas, "on a card, matrix products by cuBLAS, which must be installed");
  describe_data(s, c);
  describe_mining(s, c.mining);
  describe_augment(s, c.augment);
  describe_network(s, c.network);
  describe_loss(s, c.loss);
  describe_optimizer(s, c);
  describe_schedule(s, c);
  describe_train(s, c);
  describe_test(s, c);
  describe_report(s, c);
  describe_pfe(s, c);
  return s;
}

void select_methods(const Config::Run& run) {
  select_winograd(run.winograd);
  select_tf32(run.tf32);
  select_hopper(run.hopper);
  select_cublas(run.cublas);
}

std::filesystem::path find_list(const std::string& list, const std::string& root) {
  const std::filesystem::path below_root = std::filesystem::path(root) / list;
  return !std::filesystem::exists(list) && std::filesystem::exists(below_root) ? below_root
                                                                               : std::filesystem::path(list);
}

std::string configuration_document(const Schema& schema) {
  return "# Configuration\n\nWritten by `make docs` from the schema in `fr/config.cpp`. A configuration is "
         "an INI file; every key can "
         "also be given on the\ncommand line as `section.key=value`, which is stronger. `bin/train CONFIG "
         "--check` checks "
         "without running.\nKeys marked * change no more of the result than its rounding: a resumed run may "
         "have "
         "other values.\n" +
         schema.to_markdown();
}

void check_mining(const Config& c, int64_t classes) {
  require(class_loss(c.loss) != nullptr,
          "data.order = doppelganger needs a loss that scores classes: who is "
          "mistaken for whom is read from its scores; loss.name has none");
  try {
    check(c.mining, c.train.batch, classes);
  } catch (const std::invalid_argument& e) {
    require(false, e.what());
  }
}

void check(const Config& c) {
  check_data(c);
  require(c.data.source != DataSource::idx || (c.data.min_images == 1 && c.data.largest == 0),
          "data.min_images and data.largest exist for data.source = folder, list and people; got idx");
  require(c.data.test_root.empty() || std::filesystem::is_directory(c.data.test_root),
          "data.test_root = " + c.data.test_root + ": no such folder");
  require(
      c.data.order != Order::pk || c.train.batch % c.data.per_identity == 0,
      cat("train.batch = ", c.train.batch, " is no multiple of data.per_identity = ", c.data.per_identity));
  if (c.data.order == Order::doppelganger) check_mining(c, kMany);
  check_network(c);
  require(c.pfe.model.empty() || (c.data.order == Order::pk && c.data.per_identity > 1),
          "pfe.model: the likelihood is of pairs of one person, and needs data.order = pk with "
          "data.per_identity of 2 "
          "or more");
  require(c.synthetic.min_samples <= c.synthetic.max_samples,
          "synthetic.min_samples exceeds synthetic.max_samples");
  for (const auto& [key, list] : {std::pair{"synthetic.group_shares", &c.synthetic.group_shares},
                                  {"synthetic.group_pictures", &c.synthetic.group_pictures}})
    require(list->size() == size_t(kGroups), cat(key, " takes ", kGroups, " numbers, got ", list->size()));
  require(*std::max_element(c.synthetic.group_shares.begin(), c.synthetic.group_shares.end()) > 0,
          "synthetic.group_shares are all 0");
  require(std::is_sorted(c.schedule.milestones.begin(), c.schedule.milestones.end()),
          "schedule.milestones must ascend");
  require(c.schedule.floor <= c.lr, "schedule.floor exceeds optimizer.lr");
  check_loss(c.loss);
  require(c.network.residual_balancing == ResidualBalancingForm::gated || !teaches_gate(c.loss),
          "loss.name has domain_frequency: expected network.residual_balancing = gated");
  require(c.train.precision != DType::bfloat16 || c.train.device != DeviceChoice::cpu,
          "train.precision = bf16 needs a card; with train.device = cpu the precision is float");
  require(!c.optimizer.nesterov || c.optimizer.kind == OptimizerKind::sgd,
          "optimizer.nesterov exists for optimizer.name = sgd only");
  require(!c.optimizer.nesterov || c.optimizer.momentum > 0,
          "optimizer.nesterov needs optimizer.momentum > 0");
  try {
    check(c.augment);
  } catch (const std::invalid_argument& e) {
    require(false, e.what());
  }
}

UncertaintyOptions uncertainty_options(const Config& c) {
  UncertaintyOptions o;
  o.decay = c.pfe.decay, o.seed = uint64_t(c.run.seed);
  return o;
}

Placement placement_of(const Config& c) { return placement_of(c.train.device, c.train.precision); }

Schedule schedule_of(const Config& c, int64_t total_steps) {
  Schedule s;
  s.kind = c.schedule.kind, s.base = c.lr, s.total_steps = total_steps;
  s.warmup_steps = std::min(c.schedule.warmup, std::max<int64_t>(0, total_steps - 1));
  for (double share : c.schedule.milestones)
    s.milestones.push_back(std::llround(share * double(total_steps)));
  s.factor = c.schedule.factor, s.floor = c.schedule.floor, s.power = c.schedule.power;
  s.period = std::max(1.0, std::round(c.schedule.period * double(total_steps)));
  s.multiplier = c.schedule.multiplier;
  return s;
}

}  // namespace fr
