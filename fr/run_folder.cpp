#include "fr/run_folder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include <nlohmann/json.hpp>

namespace fr {
namespace {

using nlohmann::json;

// JSON has no NaN: an unknown value is null.
json number(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }
double number(const json& j, const char* name) {
  const auto at = j.find(name);
  return at == j.end() || !at->is_number() ? std::nan("") : at->get<double>();
}

// The lines of metrics.jsonl that parse; a torn last line of a killed run does not.
std::vector<std::pair<std::string, json>> read_metrics(const fs::path& path) {
  std::vector<std::pair<std::string, json>> out;
  if (!fs::exists(path)) return out;
  std::istringstream in(read_text(path));
  for (std::string line; std::getline(in, line);) {
    json j = json::parse(line, nullptr, false);
    if (j.is_object() && j.contains("step") && j["step"].is_number_integer())
      out.emplace_back(line, std::move(j));
  }
  return out;
}

fs::path move_aside(const fs::path& path) {
  for (int n = 1;; ++n) {
    const fs::path target = path.string() + "." + std::to_string(n);
    if (fs::exists(target)) continue;
    std::error_code error;
    fs::rename(path, target, error);
    if (error)
      throw Error(ErrorKind::io,
                  cat(path.string(), ": cannot be moved aside to ", target.string(), ": ", error.message()));
    return target;
  }
}

}  // namespace

RunFolder::RunFolder(const fs::path& path, Mode mode) : path_(path) {
  std::error_code error;
  if (mode == Mode::resume && !fs::exists(path / "config.ini") && list_checkpoints(path).empty())
    throw Error(ErrorKind::state, cat(path.string(), ": no run to resume; run without --resume to start"));
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path))
    throw Error(
        ErrorKind::io,
        cat(path.string(), ": cannot be created: ", error ? error.message() : "a file is in the way"));
  lock_ = std::make_unique<FolderLock>(path);
  if (mode == Mode::resume || !fs::exists(path / "config.ini")) return;
  moved_to_ = move_aside(path).string();
  fs::create_directories(path, error);
  lock_ = std::make_unique<FolderLock>(path);
}

fs::path RunFolder::checkpoint_path(int64_t step) const {
  char name[64];
  std::snprintf(name, sizeof name, "checkpoint-%08lld.safetensors", static_cast<long long>(step));
  return path_ / name;
}

void RunFolder::keep_newest_checkpoints(size_t n) const {
  const auto files = list_checkpoints(path_);
  std::error_code ignored;  // an old checkpoint that cannot be deleted is no reason to stop
  for (size_t i = n; i < files.size(); ++i) fs::remove(files[i], ignored);
}

void RunFolder::append(const TrainPoint& p) const {
  json j = {{"kind", "train"},
            {"step", p.step},
            {"epoch", number(p.epoch)},
            {"loss", number(p.loss)},
            {"learning_rate", number(p.learning_rate)},
            {"lambda", number(p.lambda)},
            {"accuracy", number(p.accuracy)},
            {"gradient_norm", number(p.gradient_norm)},
            {"images_per_second", number(p.images_per_second)},
            {"seconds", number(p.seconds)}};
  for (const auto& [name, value] : p.terms) j["terms"][name] = number(value);
  for (const auto& [name, value] : p.figures) j["figures"][name] = number(value);
  append_file(path_ / "metrics.jsonl", j.dump() + "\n");
}

void RunFolder::append(const EvalPoint& p) const {
  const json j = {
      {"kind", "evaluation"}, {"step", p.step}, {"accuracy", number(p.accuracy)}, {"auc", number(p.auc)}};
  append_file(path_ / "metrics.jsonl", j.dump() + "\n");
}

void RunFolder::drop_metrics_after(int64_t step) const {
  std::string kept;
  for (const auto& [line, j] : read_metrics(path_ / "metrics.jsonl"))
    if (j["step"].get<int64_t>() <= step) kept += line + "\n";
  write_file_atomic(path_ / "metrics.jsonl", kept);
}

std::vector<TrainPoint> RunFolder::train_points() const { return read_train_points(path_); }
std::vector<EvalPoint> RunFolder::eval_points() const { return read_eval_points(path_); }

std::vector<TrainPoint> read_train_points(const fs::path& run_folder) {
  std::vector<TrainPoint> out;
  for (const auto& [line, j] : read_metrics(run_folder / "metrics.jsonl"))
    if (j.value("kind", "") == "train") {
      out.push_back({j["step"].get<int64_t>(), number(j, "epoch"), number(j, "loss"),
                     number(j, "learning_rate"), number(j, "lambda"), number(j, "accuracy"),
                     number(j, "gradient_norm"), number(j, "images_per_second"), number(j, "seconds")});
      const json terms = j.value("terms", json::object());
      for (const auto& [name, value] : terms.items())
        out.back().terms.emplace_back(name, number(terms, name.c_str()));
      const json figures = j.value("figures", json::object());
      for (const auto& [name, value] : figures.items())
        out.back().figures.emplace_back(name, number(figures, name.c_str()));
    }
  return out;
}

std::vector<EvalPoint> read_eval_points(const fs::path& run_folder) {
  std::vector<EvalPoint> out;
  for (const auto& [line, j] : read_metrics(run_folder / "metrics.jsonl"))
    if (j.value("kind", "") == "evaluation")
      out.push_back({j["step"].get<int64_t>(), number(j, "accuracy"), number(j, "auc")});
  return out;
}

std::vector<fs::path> list_checkpoints(const fs::path& run_folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run_folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("checkpoint-", 0) == 0 && entry.path().extension() == ".safetensors")
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end(), std::greater<>());
  return out;
}

}  // namespace fr
