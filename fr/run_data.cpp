#include "fr/run_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "data/idx.h"
#include "data/pairs.h"
#include "data/synthetic/dataset.h"
#include "data/synthetic/digits.h"
#include "fr/joined_data.h"
#include "fr/protocol/verification_set.h"

namespace fr {
namespace {

SyntheticOptions training_people(const Config& c) {
  SyntheticOptions o;
  o.seed = uint64_t(c.run.seed), o.identities = c.synthetic.identities, o.difficulty = c.synthetic.difficulty;
  o.min_samples = c.synthetic.min_samples, o.max_samples = c.synthetic.max_samples;
  std::copy_n(c.synthetic.group_shares.begin(), kGroups, o.group_share.begin());
  std::copy_n(c.synthetic.group_pictures.begin(), kGroups, o.group_pictures.begin());
  return o;
}

// Of the people of a rendered data set, how many are in all of them.
int64_t shared_people(const Config& c) {
  return std::llround(c.synthetic.shared * double(c.synthetic.identities));
}

// People behind those of training: nobody is in both.
SyntheticOptions test_people(const Config& c) {
  SyntheticOptions o = training_people(c);
  const int64_t shared = shared_people(c);
  o.first_identity = shared + c.synthetic.datasets * (c.synthetic.identities - shared);
  o.identities = c.synthetic.test_identities;
  o.min_samples = o.max_samples = c.synthetic.test_samples, o.group_pictures = {1, 1, 1, 1};
  if (c.synthetic.test_groups == TestGroups::balanced)
    o.group_share = {1, 1, 1, 1}, o.group_draw = GroupDraw::in_turn, o.pairs_of = PairsOf::groups;
  return o;
}

std::vector<std::string> synthetic_groups() {
  std::vector<std::string> names;
  for (int g = 0; g < kGroups; ++g) names.push_back(cat("g", g));
  return names;
}

// Renders a picture whenever one is asked for; the loader's cache keeps it.
class SyntheticSource : public Source {
 public:
  // The people from the first one of the options on; before them `shared` people who are in other data sets too, the
  // first of all: so many less of the others.
  SyntheticSource(const SyntheticOptions& options, int64_t shared) : options_(options), shared_(shared) {
    SyntheticOptions part = options;
    part.first_identity = 0, part.identities = shared;
    if (shared > 0) samples_ = list_samples(part);
    part.first_identity = options.first_identity, part.identities = options.identities - shared;
    if (part.identities == 0) return;
    const std::vector<SyntheticSample> own = list_samples(part);
    samples_.insert(samples_.end(), own.begin(), own.end());
  }
  int64_t size() const override { return int64_t(samples_.size()); }
  int64_t label(int64_t i) const override {
    const int64_t person = samples_[size_t(i)].identity;
    return person < shared_ ? person : person - options_.first_identity + shared_;
  }
  std::string name(int64_t i) const override { return picture_path(samples_[size_t(i)]); }
  Image load(int64_t i) const override { return render_face(options_, samples_[size_t(i)]); }

  int64_t num_classes() const override { return options_.identities; }
  uint64_t fingerprint() const override {
    std::string text = cat(options_.seed, " ", options_.first_identity, " ", options_.difficulty);
    if (options_.style != 0) text += cat(" style ", options_.style);
    if (options_.group_share != kLongTail)
      for (const double share : options_.group_share) text += cat(" share ", share);
    for (const auto& s : samples_) text += cat(" ", s.identity, ":", s.sample);
    return fr::fingerprint(text);
  }
  std::vector<std::string> class_names() const override {
    std::vector<std::string> names;
    for (const SyntheticSample& s : samples_)
      if (s.sample == 0) names.push_back(class_name(s));
    return names;
  }
  std::vector<std::string> groups() const override { return synthetic_groups(); }
  std::vector<int> class_groups() const override {
    std::vector<int> of;
    for (const SyntheticSample& s : samples_)
      if (s.sample == 0) of.push_back(s.group);
    return of;
  }

 private:
  SyntheticOptions options_;
  int64_t shared_;
  std::vector<SyntheticSample> samples_;
};

// Rendered data set number k: its own people behind the shared ones and those of the data sets before it, in style k.
std::shared_ptr<const Source> synthetic_dataset(const Config& c, int64_t k) {
  SyntheticOptions o = training_people(c);
  const int64_t shared = shared_people(c);
  o.first_identity = shared + k * (o.identities - shared), o.style = int(k);
  return std::make_shared<SyntheticSource>(o, shared);
}

// The part of each picture that the configuration names.
class PatchSource : public Source {
 public:
  PatchSource(std::shared_ptr<const Source> whole, const Config& c)
      : whole_(std::move(whole)),
        patch_(c.data.patch),
        height_(int(c.network.height)),
        width_(int(c.network.width)) {}
  int64_t size() const override { return whole_->size(); }
  int64_t num_classes() const override { return whole_->num_classes(); }
  int64_t label(int64_t i) const override { return whole_->label(i); }
  std::string name(int64_t i) const override { return whole_->name(i); }
  Image load(int64_t i) const override { return cut_patch(whole_->load(i), patch_, height_, width_); }
  uint64_t fingerprint() const override { return whole_->fingerprint(); }
  std::vector<std::string> class_names() const override { return whole_->class_names(); }
  std::vector<std::string> groups() const override { return whole_->groups(); }
  std::vector<int> class_groups() const override { return whole_->class_groups(); }

 private:
  std::shared_ptr<const Source> whole_;
  Patch patch_;
  int height_, width_;
};

TestData synthetic_test(const Config& config) {
  const SyntheticOptions options = test_people(config);
  TestData test;
  std::vector<SyntheticSample> pictures;
  std::map<std::string, int64_t> row_of;
  const auto row = [&](const SyntheticSample& s) {
    const auto [at, fresh] = row_of.emplace(picture_path(s), int64_t(pictures.size()));
    if (fresh) pictures.push_back(s), test.names.push_back(at->first);
    return at->second;
  };
  const auto styles = styles_of_pairs(config.synthetic.test_styles, int(config.synthetic.datasets));
  size_t number[2] = {0, 0};  // of impostor and genuine pairs
  for (SyntheticPair pair : draw_pairs(options, config.synthetic.test_pairs)) {
    std::tie(pair.a.style, pair.b.style) = styles[number[pair.same()]++ % styles.size()];
    const int64_t a = row(pair.a), b = row(pair.b);
    test.pairs.push_back({a, b, pair.same(), pair.fold});
    test.group.push_back(pair.a.group == pair.b.group ? pair.a.group : -1);
  }
  test.groups = synthetic_groups();
  test.people = people_of_names(test.names, test.pairs);
  test.picture = [options, pictures](int64_t i) { return render_face(options, pictures[size_t(i)]); };
  test.description =
      cat(test.pairs.size(), options.pairs_of == PairsOf::groups ? " pairs within groups of " : " pairs of ",
          options.identities, " synthetic people who were not trained on");
  return test;
}

std::string describe_source(const Source& source, const std::string& what) {
  return cat(source.size(), " pictures of ", source.num_classes(), " people ", what);
}

// Data set number k of the configuration, by itself.
TrainingData one_dataset(const Config& c, size_t k) {
  if (c.data.source == DataSource::synthetic) {
    const auto source = synthetic_dataset(c, int64_t(k));
    const std::string style = k > 0 ? cat(", style ", style_name(int(k))) : "";
    return {source, describe_source(*source, "who do not exist" + style), ""};
  }
  if (c.data.source == DataSource::digits) {
    auto source = std::make_shared<DigitSource>(uint64_t(c.run.seed), c.data.digits);
    return {source, cat(source->size(), " rendered digits"), ""};
  }
  const std::string root = c.data.roots.at(k), list = c.data.list(k);
  if (c.data.source == DataSource::idx) {
    auto source = std::make_shared<IdxSource>(root);
    return {source,
            cat(source->size(), " pictures of ", source->num_classes(), " classes from ",
                source->images().filename().string()),
            ""};
  }
  DatasetOptions options;
  options.min_images = c.data.min_images, options.largest = c.data.largest;
  options.min_classes = c.data.roots.size() > 1 ? 1 : 2;
  Dataset dataset = c.data.source == DataSource::folder ? read_image_folder(root, options)
                    : c.data.source == DataSource::list ? read_list(find_list(list, root), root, options)
                                                        : read_people(find_list(list, root), root, options);
  std::string notes;
  for (const auto& note : dataset.notes) notes += note + "\n";
  const fs::path from = c.data.source == DataSource::folder ? root : list;
  auto source = std::make_shared<FileSource>(std::move(dataset));
  return {source, describe_source(*source, "from " + from.filename().string()), notes};
}

size_t dataset_count(const Config& c) {
  if (c.data.source == DataSource::synthetic) return size_t(c.synthetic.datasets);
  return c.data.source == DataSource::digits ? 1 : c.data.roots.size();
}
std::string dataset_name(const Config& c, size_t k) {
  return c.data.source == DataSource::synthetic ? style_name(int(k)) : c.data.roots[k];
}

TrainingData whole_pictures(const Config& c) {
  const size_t datasets = dataset_count(c);
  if (datasets == 1) {
    TrainingData data = one_dataset(c, 0);
    if (c.loss.dail.classes == DailOptions::Classes::dataset)
      data.notes += "dail.classes = dataset: there is one data set, whose classes all take part\n";
    return data;
  }
  std::vector<TrainingData> parts;
  std::vector<std::string> names;
  for (size_t k = 0; k < datasets; ++k)
    parts.push_back(one_dataset(c, k)), names.push_back(dataset_name(c, k));
  return join_datasets(parts, names, c);
}

std::optional<TestData> whole_test_pictures(const Config& c) {
  if (!c.data.test_pairs.empty())
    return pair_list(find_list(c.data.test_pairs, c.data.root()),
                     c.data.test_root.empty() ? c.data.root() : c.data.test_root);
  if (c.data.source == DataSource::synthetic) return synthetic_test(c);
  return std::nullopt;
}

}  // namespace

TrainingClasses TrainingData::training_classes() const {
  TrainingClasses of = classes();
  of.pictures.resize(size_t(of.count));
  for (int64_t i = 0; i < pictures(); ++i) ++of.pictures[size_t(source->label(i))];
  if (!ranges.names.empty()) of.offset = ranges.classes, of.datasets = ranges.names, of.share = ranges.shares;
  of.names = source->class_names(), of.groups = source->groups(), of.group = source->class_groups();
  return of;
}

TrainingData training_data(const Config& c) {
  TrainingData data = whole_pictures(c);
  if (c.data.patch != Patch::full) data.source = std::make_shared<PatchSource>(std::move(data.source), c);
  return data;
}

namespace {

// Of the list, where it has groups, or of the group file of the root: the groups of the folders that the pictures lie in.
void find_groups(TestData& test, const VerificationSet& set, const fs::path& root) {
  test.groups = set.groups, test.group.assign(set.group.begin(), set.group.end());
  if (!test.groups.empty()) return;
  Dataset folders;
  folders.root = root;
  std::map<std::string, int64_t> label_of;
  const auto folder = [&](int64_t row) { return fs::path(test.names[size_t(row)]).parent_path().string(); };
  for (size_t i = 0; i < test.names.size(); ++i)
    if (label_of.emplace(folder(int64_t(i)), folders.num_classes()).second)
      folders.classes.push_back(folder(int64_t(i)));
  read_groups_beside(folders);
  if (folders.groups.empty()) return;
  test.groups = folders.groups;
  const auto group = [&](int64_t row) { return folders.class_group[size_t(label_of.at(folder(row)))]; };
  for (const VerificationPair& p : test.pairs)
    test.group.push_back(group(p.a) == group(p.b) ? group(p.a) : -1);
}

}  // namespace

TestData pair_list(const fs::path& list, const fs::path& root) {
  const VerificationSet set = verification_set(read_pairs(list, root), list.filename().string());
  const bool named = set.people_from == PeopleFrom::names;
  TestData test{set.pairs, set.pictures.names, named ? set.people : std::vector<int64_t>{},
                set.pictures.picture, set.description};
  find_groups(test, set, root);
  return test;
}

std::optional<TestData> test_data(const Config& c) {
  std::optional<TestData> test = whole_test_pictures(c);
  if (test && c.data.patch != Patch::full)
    test->picture = [whole = test->picture, patch = c.data.patch, h = int(c.network.height),
                     w = int(c.network.width)](int64_t i) { return cut_patch(whole(i), patch, h, w); };
  return test;
}

NetworkOptions network_options(const Config& c) {
  NetworkOptions o = c.network;
  o.seed = uint64_t(c.run.seed);
  return o;
}

int64_t batches_per_epoch(const Config& c, const TrainingData& data) {
  return std::max<int64_t>(1, data.pictures() / c.train.batch);
}

int64_t total_steps(const Config& c, const TrainingData& data) {
  return c.train.steps > 0 ? c.train.steps : c.train.epochs * batches_per_epoch(c, data);
}

SupervisionOptions loss_options(const Config& c, const TrainingData& data) {
  SupervisionOptions o = c.loss;
  o.balancing.frequency.epoch_steps = batches_per_epoch(c, data);
  o.domain.reversal.steps = total_steps(c, data);
  return o;
}

void check_batches(const Config& c, const TrainingData& data) {
  const int64_t batch = c.train.batch, per_identity = c.data.per_identity;
  if (batch > data.pictures())
    throw Error(ErrorKind::usage,
                cat("train.batch = ", batch, " exceeds the ", data.pictures(), " training pictures"));
  const int64_t people = c.data.order == Order::pk ? batch / per_identity : 0;
  if (people > data.classes())
    throw Error(ErrorKind::usage, cat("train.batch = ", batch, " with data.per_identity = ", per_identity,
                                      " needs ", people, " people; the training data have ", data.classes()));
  if (c.data.order == Order::doppelganger) check_mining(c, data.classes());
}

std::unique_ptr<Loader> make_loader(const Config& c, const TrainingData& data, int64_t epoch, int64_t batch,
                                    DoppelgangerList* doppelgangers) {
  LoaderOptions o;
  o.batch = c.train.batch, o.height = int(c.network.height), o.width = int(c.network.width);
  o.augment = c.augment, o.seed = uint64_t(c.run.seed), o.order = c.data.order,
  o.per_identity = c.data.per_identity;
  o.threads = int(c.data.workers), o.prefetch = int(c.data.prefetch), o.cache_mb = c.data.cache_mb;
  o.max_damaged = c.data.max_damaged, o.start_epoch = epoch, o.start_batch = batch;
  if (c.data.weights.by != DatasetWeights::By::pictures)
    for (size_t k = 0; k < data.ranges.shares.size(); ++k)
      o.parts.push_back({data.ranges.pictures[k], data.ranges.pictures[k + 1], data.ranges.shares[k]});
  o.doppelganger = c.mining, o.doppelgangers = doppelgangers;
  check_batches(c, data);
  return std::make_unique<Loader>(*data.source, o);
}

FoundPictures find_pictures(const std::vector<std::string>& inputs) {
  std::vector<fs::path> candidates;
  for (const fs::path input : inputs) {
    if (std::error_code error; !fs::is_directory(input, error)) {
      candidates.push_back(input);
      continue;
    }
    const std::vector<fs::path> below = picture_files(input);
    candidates.insert(candidates.end(), below.begin(), below.end());
  }
  FoundPictures found;
  for (auto& path : candidates) {
    try {
      load_image(path);
      found.paths.push_back(std::move(path));
    } catch (const Error& e) {
      found.skipped.push_back(e.what());
    }
  }
  if (found.paths.empty())
    throw Error(ErrorKind::data, cat("no readable picture among ", candidates.size(), " candidates",
                                     found.skipped.empty() ? "" : "; the first: " + found.skipped.front()));
  return found;
}

}  // namespace fr
