#include "fr/calibration/labelled_pictures.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "data/folder.h"
#include "data/shuffle.h"
#include "fr/calibration/cosine.h"
#include "fr/data_checks.h"

namespace fr {
namespace {

constexpr uint32_t kChosen = 3, kPicture = 4;  // streams of Purpose::sampler

LabelledPictures pictures_at(const TrainingData& data, const std::vector<int64_t>& places) {
  LabelledPictures p;
  const std::vector<std::string> names = class_names(*data.source);
  for (const int64_t i : places) {
    p.labels.push_back(data.source->label(i));
    p.people.push_back(names[size_t(p.labels.back())]);
  }
  p.picture = [source = data.source, places](int64_t i) { return source->load(places[size_t(i)]); };
  return p;
}

template <class T>
void keep(std::vector<T>& values, const std::vector<int64_t>& places) {
  if (values.empty()) return;
  std::vector<T> kept;
  for (const int64_t i : places) kept.push_back(std::move(values[size_t(i)]));
  values = std::move(kept);
}
std::vector<int64_t> places_of(int64_t n) {
  std::vector<int64_t> places(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) places[size_t(i)] = i;
  return places;
}

// Leaves `count` random ones, in their order; 0: all.
void choose(std::vector<int64_t>& places, int64_t count, uint64_t seed) {
  FR_CHECK(count >= 0, "anchors: count = ", count);
  if (count == 0 || count >= int64_t(places.size())) return;
  Random random({seed, Purpose::sampler, 0, kChosen});
  shuffle(places, random);
  places.resize(size_t(count));
  std::sort(places.begin(), places.end());
}

}  // namespace

TrainingData training_data_of(const LoadedModel& model, const std::vector<std::string>& settings) {
  Config config = model.config;
  Schema schema = describe(config);
  for (const std::string& setting : settings) schema.override_with(setting);
  const auto names = [&](const char* key) {
    return std::any_of(settings.begin(), settings.end(),
                       [&](const std::string& s) { return s.starts_with(key); });
  };
  if (model.info.config.find("[data]") == std::string::npos && !names("data.source="))
    throw Error(ErrorKind::usage, cat(model.path.string(),
                                      ": was imported, and says nothing of training pictures; name some, "
                                      "as data.source=folder data.root=FOLDER"));
  if (names("data.root=") && config.data.source == DataSource::synthetic)
    throw Error(ErrorKind::usage,
                "data.root: pictures of data.source = synthetic are rendered; for those of a folder say "
                "data.source=folder");
  check_data(config);
  config.data.patch = Patch::full;  // whoever embeds cuts
  return training_data(config);
}

std::vector<std::string> class_names(const Source& source) {
  std::vector<std::string> names(size_t(source.num_classes()));
  std::map<std::string, int64_t> class_of;
  for (int64_t i = 0; i < source.size(); ++i) {
    const std::string person = folder::person_of(source.name(i));
    const auto [at, fresh] = class_of.emplace(person, source.label(i));
    std::string& name = names[size_t(source.label(i))];
    if (at->second != source.label(i) || (!name.empty() && name != person)) {
      for (size_t c = 0; c < names.size(); ++c) names[c] = cat("class ", c);
      return names;
    }
    name = person;
  }
  return names;
}

std::vector<std::string> names_of_weights(const LoadedModel& model,
                                          const std::vector<std::string>& settings) {
  if (!model.info.people.empty()) return model.info.people;
  const DataSource source = model.config.data.source;
  const bool rendered = source == DataSource::synthetic || source == DataSource::digits;
  if (settings.empty() && (!rendered || model.info.data == 0)) return {};
  const TrainingData data = training_data_of(model, settings);
  if (data.source->fingerprint() != model.info.data)
    throw Error(ErrorKind::state, cat(model.path.string(), ": was trained on other pictures than ",
                                      data.description, ", so that these do not name its class weights"));
  return class_names(*data.source);
}

LabelledPictures all_pictures(const TrainingData& data) {
  LabelledPictures p = pictures_at(data, places_of(data.pictures()));
  p.from = data.description;
  return p;
}

LabelledPictures one_of_each_person(const TrainingData& data, int64_t count, uint64_t seed) {
  std::vector<std::vector<int64_t>> of_class(size_t(data.classes()));
  for (int64_t i = 0; i < data.pictures(); ++i) of_class[size_t(data.source->label(i))].push_back(i);
  std::vector<int64_t> people;
  for (int64_t c = 0; c < data.classes(); ++c)
    if (!of_class[size_t(c)].empty()) people.push_back(c);
  choose(people, count, seed);
  std::vector<int64_t> places;
  for (const int64_t c : people) {
    Random random({seed, Purpose::sampler, uint64_t(c), kPicture});
    places.push_back(of_class[size_t(c)][random.below(uint32_t(of_class[size_t(c)].size()))]);
  }
  LabelledPictures p = pictures_at(data, places);
  p.from = cat("one picture each of ", people.size(), " people, seed ", seed, ": ", data.description);
  return p;
}

LabelledPictures found_pictures(const FoundPictures& found, const std::vector<std::string>& inputs) {
  LabelledPictures p;
  std::set<fs::path> roots;
  for (const std::string& input : inputs) roots.insert((fs::path(input) / "").parent_path());
  for (const fs::path& path : found.paths)
    p.people.push_back(roots.contains(path.parent_path()) ? folder::without_number(path)
                                                          : folder::person_of(path));
  p.picture = [paths = found.paths](int64_t i) { return load_image(paths[size_t(i)]); };
  p.from = cat(found.paths.size(), " pictures");
  return p;
}

void keep_pictures(LabelledPictures& p, const std::vector<int64_t>& places) {
  keep(p.people, places), keep(p.labels, places);
  p.picture = [all = p.picture, places](int64_t i) { return all(places[size_t(i)]); };
}

LabelledPictures random_pictures(LabelledPictures p, int64_t count, uint64_t seed) {
  std::vector<int64_t> places = places_of(p.size());
  choose(places, count, seed);
  if (int64_t(places.size()) < p.size())
    p.from = cat(places.size(), " random ones, seed ", seed, ": ", p.from), keep_pictures(p, places);
  return p;
}

Cohort random_rows(Cohort c, int64_t count, uint64_t seed) {
  std::vector<int64_t> places = places_of(c.M);
  choose(places, count, seed);
  if (int64_t(places.size()) == c.M) return c;
  std::vector<float> rows;
  for (const int64_t i : places)
    rows.insert(rows.end(), c.rows.begin() + i * c.D, c.rows.begin() + (i + 1) * c.D);
  c.rows = std::move(rows), c.M = int64_t(places.size());
  keep(c.people, places);
  c.from = cat(c.M, " random ones, seed ", seed, ": ", c.from);
  return c;
}

EmbeddingOrigin origin_of(const LoadedModel& m, FlipMode flip) {
  return {network_keys(m.info.config), weights_fingerprint(m.model->network()), flip_word(flip),
          patch_word(m.config.data.patch)};
}

EmbeddedPictures embed_pictures(const LoadedModel& m, LabelledPictures& pictures, FlipMode flip,
                                int64_t batch) {
  const auto& network = m.config.network;
  EmbeddedPictures out;
  std::vector<int64_t> kept;
  const auto load =
      [&](int64_t i) {  // an unreadable picture is embedded as an empty one, and its row left out below
        try {
          Image image = pictures.picture(i);
          kept.push_back(i);
          return image;
        } catch (const Error& e) {
          out.skipped.emplace_back(e.what());
          return Image(int(network.width), int(network.height));
        }
      };
  Progress progress(pictures.size());
  const Embeddings e = embed(*m.model, pictures.size(), load,
                             {network.height, network.width, flip, batch, m.config.data.patch},
                             [&](int64_t done) { progress.show(done, "embedding", false); });
  progress.finish();
  if (kept.empty()) throw Error(ErrorKind::data, cat("none of ", e.N, " pictures can be read"));
  std::vector<float> values;
  for (const int64_t i : kept)
    values.insert(values.end(), e.values.begin() + i * e.D, e.values.begin() + (i + 1) * e.D);
  out.rows = unit_rows({values, int64_t(kept.size()), e.D});
  keep_pictures(pictures, kept);
  return out;
}

Cohort class_weights(const LoadedModel& m, FlipMode flip, const std::vector<std::string>& names) {
  if (flip == FlipMode::concatenate)
    throw Error(
        ErrorKind::usage,
        "class weights stand for embeddings without mirror images side by side; take --flip sum or none");
  for (const auto& [name, parameter] : m.model->parameters())
    if (name == "head.weight") {
      const Tensor w = parameter->var.value();
      const int64_t M = w.dim(0), D = w.dim(1);
      Cohort c;
      c.origin = origin_of(m, flip), c.M = M, c.D = D, c.rows = unit_rows({w.host<float>(), M, D}).rows;
      c.people = names;
      if (int64_t(c.people.size()) != M) c.people.clear();
      c.from = cat("class weights of ", M, " people");
      return c;
    }
  throw Error(ErrorKind::usage, cat(m.path.string(), ": has no class weights"));
}

}  // namespace fr
