#include "fr/run_data.h"

#include <algorithm>
#include <map>

#include "data/idx.h"
#include "data/pairs.h"
#include "data/synthetic/dataset.h"
#include "data/synthetic/digits.h"
#include "fr/protocol/verification_set.h"

namespace fr {
namespace {

SyntheticOptions training_people(const Config& c) {
  SyntheticOptions o;
  o.seed = uint64_t(c.run.seed), o.identities = c.synthetic.identities, o.difficulty = c.synthetic.difficulty;
  o.min_samples = c.synthetic.min_samples, o.max_samples = c.synthetic.max_samples;
  return o;
}

// People behind those of training: nobody is in both.
SyntheticOptions test_people(const Config& c) {
  SyntheticOptions o = training_people(c);
  o.first_identity = c.synthetic.identities, o.identities = c.synthetic.test_identities;
  o.min_samples = o.max_samples = c.synthetic.test_samples;
  if (c.synthetic.test_groups == Config::Synthetic::TestGroups::equal) {
    o.group_share.fill(1);
    o.pairs = SyntheticOptions::Pairs::within_groups;
  }
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
  explicit SyntheticSource(const SyntheticOptions& options)
      : options_(options), samples_(list_samples(options)) {}
  int64_t size() const override { return int64_t(samples_.size()); }
  int64_t label(int64_t i) const override { return samples_[size_t(i)].identity - options_.first_identity; }
  std::string name(int64_t i) const override { return picture_path(samples_[size_t(i)]); }
  Image load(int64_t i) const override { return render_face(options_, samples_[size_t(i)]); }

  int64_t num_classes() const override { return options_.identities; }
  uint64_t fingerprint() const override {
    std::string text = cat(options_.seed, " ", options_.first_identity, " ", options_.difficulty);
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
  std::vector<SyntheticSample> samples_;
};

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
  for (const SyntheticPair& pair : draw_pairs(options, config.synthetic.test_pairs)) {
    const int64_t a = row(pair.a), b = row(pair.b);
    test.pairs.push_back({a, b, pair.same(), pair.fold});
    test.group.push_back(pair.a.group == pair.b.group ? pair.a.group : -1);
  }
  test.groups = synthetic_groups();
  test.people = people_of_names(test.names, test.pairs);
  test.picture = [options, pictures](int64_t i) { return render_face(options, pictures[size_t(i)]); };
  test.description =
      cat(test.pairs.size(), " pairs of ", options.identities, " synthetic people who were not trained on");
  return test;
}

std::string describe_source(const Source& source, const std::string& what) {
  return cat(source.size(), " pictures of ", source.num_classes(), " people ", what);
}

}  // namespace

namespace {

TrainingData whole_pictures(const Config& c) {
  if (c.data.source == DataSource::synthetic) {
    auto source = std::make_shared<SyntheticSource>(training_people(c));
    return {source, describe_source(*source, "who do not exist"), ""};
  }
  if (c.data.source == DataSource::digits) {
    auto source = std::make_shared<DigitSource>(uint64_t(c.run.seed), c.data.digits);
    return {source, cat(source->size(), " rendered digits"), ""};
  }
  if (c.data.source == DataSource::idx) {
    auto source = std::make_shared<IdxSource>(c.data.root);
    return {source,
            cat(source->size(), " pictures of ", source->num_classes(), " classes from ",
                source->images().filename().string()),
            ""};
  }
  DatasetOptions options;
  options.min_images = c.data.min_images, options.largest = c.data.largest;
  Dataset dataset = c.data.source == DataSource::folder ? read_image_folder(c.data.root, options)
                    : c.data.source == DataSource::list
                        ? read_list(find_list(c.data.list, c.data.root), c.data.root, options)
                        : read_people(find_list(c.data.list, c.data.root), c.data.root, options);
  std::string notes;
  for (const auto& note : dataset.notes) notes += note + "\n";
  const fs::path from = c.data.source == DataSource::folder ? c.data.root : c.data.list;
  auto source = std::make_shared<FileSource>(std::move(dataset));
  return {source, describe_source(*source, "from " + from.filename().string()), notes};
}

std::optional<TestData> whole_test_pictures(const Config& c) {
  if (!c.data.test_pairs.empty())
    return pair_list(find_list(c.data.test_pairs, c.data.root),
                     c.data.test_root.empty() ? c.data.root : c.data.test_root);
  if (c.data.source == DataSource::synthetic) return synthetic_test(c);
  return std::nullopt;
}

}  // namespace

TrainingClasses TrainingData::training_classes() const {
  TrainingClasses of = classes();
  of.pictures.resize(size_t(of.count));
  for (int64_t i = 0; i < pictures(); ++i) ++of.pictures[size_t(source->label(i))];
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

SupervisionOptions loss_options(const Config& c, const TrainingData& data) {
  SupervisionOptions o = c.loss;
  o.balancing.frequency.epoch_steps = batches_per_epoch(c, data);
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
}

std::unique_ptr<Loader> make_loader(const Config& c, const TrainingData& data, int64_t epoch, int64_t batch) {
  LoaderOptions o;
  o.batch = c.train.batch, o.height = int(c.network.height), o.width = int(c.network.width);
  o.augment = c.augment, o.seed = uint64_t(c.run.seed), o.order = c.data.order,
  o.per_identity = c.data.per_identity;
  o.threads = int(c.data.workers), o.prefetch = int(c.data.prefetch), o.cache_mb = c.data.cache_mb;
  o.max_damaged = c.data.max_damaged, o.start_epoch = epoch, o.start_batch = batch;
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
