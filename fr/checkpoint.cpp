#include "fr/checkpoint.h"

#include <charconv>
#include <iostream>
#include <sstream>

#include "fr/run_folder.h"
#include "nn/safetensors.h"

namespace fr {
namespace {

constexpr const char* kFormat = "prosopon-checkpoint-1";
constexpr const char* kFrozen = "uncertainty.network";

template <class N>
N parse_number(const std::map<std::string, std::string>& metadata, const std::string& key,
               const fs::path& path) {
  const auto at = metadata.find(key);
  N value{};
  if (at != metadata.end()) {
    const char *begin = at->second.data(), *end = begin + at->second.size();
    if (const auto [stop, error] = std::from_chars(begin, end, value); error == std::errc() && stop == end)
      return value;
  }
  throw Error(ErrorKind::data, cat(path.string(), ": metadata '", key, "' is ",
                                   at == metadata.end() ? "missing" : "not a number: " + at->second));
}

// One name a line.
std::vector<std::string> parse_people(const std::string& lines, int64_t classes, const fs::path& path) {
  std::vector<std::string> people;
  std::istringstream in(lines);
  for (std::string name; std::getline(in, name);) people.push_back(name);
  if (int64_t(people.size()) != classes)
    throw Error(ErrorKind::data, cat(path.string(), ": metadata 'people' has ", people.size(), " names of ",
                                     classes, " classes"));
  return people;
}

CheckpointInfo parse_info(const std::map<std::string, std::string>& m, const fs::path& path) {
  const auto format = m.find("format");
  if (format == m.end() || format->second != kFormat)
    throw Error(
        ErrorKind::state,
        cat(path.string(), ": expected metadata format = ", kFormat, ", found ",
            format == m.end()
                ? "none: not a checkpoint of this program; of others' weights bin/import makes a model"
                : format->second));
  CheckpointInfo info;
  info.step = parse_number<int64_t>(m, "step", path);
  info.epoch = parse_number<int64_t>(m, "epoch", path);
  info.batch = parse_number<int64_t>(m, "batch", path);
  info.classes = parse_number<int64_t>(m, "classes", path);
  info.data = parse_number<uint64_t>(m, "data", path);
  info.config = m.count("config") ? m.at("config") : "";
  if (m.count("people")) info.people = parse_people(m.at("people"), info.classes, path);
  info.frozen = m.count(kFrozen) ? m.at(kFrozen) : "";
  return info;
}

Metadata to_metadata(const CheckpointInfo& info, const Backbone& network) {
  Metadata m = {{"format", kFormat},
                {"step", std::to_string(info.step)},
                {"epoch", std::to_string(info.epoch)},
                {"batch", std::to_string(info.batch)},
                {"classes", std::to_string(info.classes)},
                {"data", std::to_string(info.data)},
                {"config", info.config}};
  for (const std::string& name : info.people) m["people"] += name + "\n";
  if (!info.frozen.empty()) m[kFrozen] = info.frozen;
  Preprocessing input = info.input;
  input.height = network.height(), input.width = network.width();
  m.merge(to_metadata(input));
  return m;
}

// "section.key = value" of every line, for comparing.
std::map<std::string, std::string> flatten(const std::string& ini) {
  std::map<std::string, std::string> out;
  std::istringstream in(ini);
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    if (line[0] == '[')
      section = line.substr(1, line.size() - 2);
    else
      out[section + "." + line.substr(0, line.find(" = "))] = line.substr(line.find(" = ") + 3);
  }
  return out;
}

std::string differences(const CheckpointInfo& found, const CheckpointInfo& expected) {
  std::string out;
  int count = 0;
  const auto differ = [&](const std::string& what, const std::string& then, const std::string& now) {
    if (then != now && ++count <= 10)
      out += cat("\n  ", what, ": ", then, " in the checkpoint, ", now, " now");
  };
  const auto then = flatten(found.config), now = flatten(expected.config);
  Config defaults;  // what a checkpoint older than a key was trained with
  const auto before = flatten(describe(defaults).to_ini(true));
  for (const auto& [key, value] : now)
    differ(key, then.count(key) ? then.at(key) : before.count(key) ? before.at(key) : "(absent)", value);
  for (const auto& [key, value] : then)
    if (!now.count(key)) differ(key, value, "(absent)");
  differ("number of classes", std::to_string(found.classes), std::to_string(expected.classes));
  differ("fingerprint of the frozen network", found.frozen, expected.frozen);
  differ("fingerprint of the training list", std::to_string(found.data), std::to_string(expected.data));
  return out;
}

// What belongs to the order of the batches, taken out of `tensors`.
NamedTensors take_mining(NamedTensors& tensors) {
  NamedTensors mining;
  for (auto at = tensors.lower_bound("mining."); at != tensors.end() && at->first.starts_with("mining.");)
    mining.insert(tensors.extract(at++));
  return mining;
}

}  // namespace

void save_checkpoint(const fs::path& path, FaceModel& model, const Optimizer& optimizer,
                     const CheckpointInfo& info, const NamedTensors& mining) {
  NamedTensors state = collect_state(model, &optimizer);
  state.insert(mining.begin(), mining.end());
  write_safetensors(path, state, to_metadata(info, model.network()));
}

void save_model(const fs::path& path, FaceModel& model, const CheckpointInfo& info) {
  write_safetensors(path, collect_state(model), to_metadata(info, model.network()));
}

CheckpointInfo load_checkpoint(const fs::path& path, FaceModel& model, const Optimizer* optimizer) {
  auto file = read_safetensors(path);
  take_mining(file.tensors);
  load_state(file.tensors, model, optimizer);
  return parse_info(file.metadata, path);
}

CheckpointInfo resume_newest(const fs::path& run_folder, FaceModel& model, const Optimizer& optimizer,
                             const CheckpointInfo& expected, NamedTensors* mining) {
  std::string damage;
  for (const fs::path& path : list_checkpoints(run_folder)) {
    try {
      Safetensors file = read_safetensors(path);
      const CheckpointInfo info = parse_info(file.metadata, path);
      if (const std::string different = differences(info, expected); !different.empty())
        throw Error(ErrorKind::state, cat(path.string(), " does not belong to this run:", different));
      NamedTensors found = take_mining(file.tensors);
      load_state(file.tensors, model, &optimizer);
      if (mining) *mining = std::move(found);
      return info;
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::data) throw;
      damage += cat("\n  ", e.what());
      std::cerr << "warning: damaged checkpoint passed over: " << e.what() << std::endl;
    }
  }
  throw Error(ErrorKind::state, cat(run_folder.string(), ": no checkpoint can be read:", damage));
}

VarianceOrigin variances_of(const LoadedModel& loaded) {
  Uncertainty* module = loaded.model->uncertainty();
  return module ? VarianceOrigin{weights_fingerprint(*module), module->typical_variance()} : VarianceOrigin{};
}

namespace {

// The file does not say where the classes of its data sets begin; how many a domain classifier told apart, its weights do.
TrainingClasses classes_of(const LoadedModel& loaded, const NamedTensors& tensors) {
  TrainingClasses classes(loaded.info.classes);
  const auto bias = tensors.find("domain.classifier.output.bias");
  const int64_t datasets = bias == tensors.end() ? 1 : bias->second.size();
  for (int64_t k = 1; k < datasets && k < classes.count; ++k)
    classes.offset.insert(classes.offset.end() - 1, k);
  return classes;
}

std::unique_ptr<FaceModel> model_of(const LoadedModel& loaded, const NamedTensors& tensors) {
  const Config& c = loaded.config;
  if (!loaded.info.frozen.empty())
    return std::make_unique<FaceModel>(make_backbone(c.network), uncertainty_options(c), loaded.info.classes);
  if (loaded.info.classes > 0)
    return std::make_unique<FaceModel>(c.network, c.loss, classes_of(loaded, tensors));
  return std::make_unique<FaceModel>(make_backbone(c.network));
}

// An uncertainty module says nothing of the embeddings of another network.
void check_frozen(const LoadedModel& loaded) {
  if (loaded.info.frozen.empty()) return;
  if (const std::string found = weights_fingerprint(loaded.model->network()); found != loaded.info.frozen)
    throw Error(ErrorKind::state,
                cat(loaded.path.string(), ": its uncertainty module was trained on the network ",
                    loaded.info.frozen, ", but the network in the file is ", found));
}

}  // namespace

LoadedModel load_model(const fs::path& given, const Placement& placement) {
  LoadedModel out;
  out.path = given;
  if (fs::is_directory(given)) {
    const auto files = list_checkpoints(given);
    if (files.empty()) throw Error(ErrorKind::state, cat(given.string(), ": no checkpoint in this folder"));
    out.path = files.front();
  }
  auto file = read_safetensors(out.path);
  take_mining(file.tensors);
  out.info = parse_info(file.metadata, out.path);
  describe(out.config).read_ini_text(out.info.config, out.path.string() + " (metadata config)");
  select_methods(out.config.run);
  out.info.input = read_preprocessing(file.metadata, preprocessing_of(out.config), out.path.string());
  out.model = model_of(out, file.tensors);
  load_state(file.tensors, *out.model);
  check_frozen(out);
  out.model->place(placement.device, placement.maps);
  out.model->train(false);
  return out;
}

}  // namespace fr
