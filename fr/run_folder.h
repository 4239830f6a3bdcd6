// The folder of one run: resolved configuration, metrics, checkpoints, report. One process at a time
// (locked).
//   config.ini  run.json  metrics.jsonl  checkpoint-00000500.safetensors (the last two)  scores.csv
//   report.html
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "fr/report/report.h"

namespace fr {

class RunFolder {
 public:
  enum class Mode {
    fresh,   // an older run of that name is kept as NAME.1, NAME.2, ...
    resume,  // goes on in the folder as it is; Error{state} when no run began there
  };
  // Creates the folder and locks it. Throws Error{locked} when another process runs there, Error{io}.
  RunFolder(const fs::path& path, Mode mode);

  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }
  const std::string& moved_to() const { return moved_to_; }  // where an older run was put, or ""

  fs::path checkpoint_path(int64_t step) const;
  void keep_newest_checkpoints(size_t n) const;

  // metrics.jsonl: one JSON object a line, written whole.
  void append(const TrainPoint& point) const;
  void append(const EvalPoint& point) const;
  void drop_metrics_after(int64_t step) const;  // what a killed run wrote past its last checkpoint
  std::vector<TrainPoint> train_points() const;
  std::vector<EvalPoint> eval_points() const;

 private:
  fs::path path_;
  std::string moved_to_;
  std::unique_ptr<FolderLock> lock_;
};

// metrics.jsonl of any run folder, running or not; none without the file. A torn last line is passed over. Throws Error{io}.
std::vector<TrainPoint> read_train_points(const fs::path& run_folder);
std::vector<EvalPoint> read_eval_points(const fs::path& run_folder);

// checkpoint-*.safetensors of a run folder, newest first.
std::vector<fs::path> list_checkpoints(const fs::path& run_folder);

}  // namespace fr
