// The benchmark of a card: what the parts share. A part measures calls of the contract (or of fr/) on a DeviceInterface and
// hands rows to the Report, which writes them as they come: a run that is cut off leaves what it has.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "bench/gpu/methods.h"
#include "tensor/device.h"

namespace fr::bench::gpu {

struct Options {
  bool quick = false;    // tiny sizes, one sample: to see that it runs (the emulator)
  std::string only;      // parts whose name contains this
  std::string folder;    // where gpu_bench.jsonl and gpu_bench.md go; empty: nowhere
  double seconds = 1e9;  // no new row after this many
};

struct Timing {                          // seconds of one call
  double median = 0, low = 0, high = 0;  // low and high: the quartiles
};

struct Row {
  std::string group = {};  // "conv forward", "copy", ...
  std::string name = {};   // the shape in words
  std::string type = {};   // "float", "float, TF32", "bfloat16"
  double flop = 0;         // of one call
  double bytes = 0;        // that one call must read and write at least
  double images = 0;       // of one call
  Timing ours = {};
  double peer = 0;        // seconds of cuBLAS on the same; 0: none
  double error = -1;      // largest error / tolerance of the checked values; -1: not checked
  double memory = 0;      // bytes of the card at the peak, where it matters
  std::string note = {};  // "not run: why"
};

class Report {
 public:
  Report(const DeviceInterface& device, const Options& options);
  void add(const Row& row);
  bool late() const;                     // the time is used up
  bool wrong() const { return wrong_; }  // a checked value was wrong

 private:
  void write_markdown() const;
  std::string lines_file() const { return options_.folder + "/gpu_bench.jsonl"; }

  const Options options_;
  std::string heading_;
  std::vector<Row> rows_;
  double start_ = 0;
  bool wrong_ = false;
};

double now();  // seconds

// f(i) asks for call number i: the i decides which of several sets of buffers it uses, so that no call finds its inputs in
// the cache because the one before left them there. Calls are recorded and replayed, as in training.
Timing measure(const DeviceInterface& device, const Options& options,
               const std::function<void(int64_t i)>& f);
constexpr double kBeyondCache =
    256e6;  // bytes that the sets of buffers should fill together, several times the L2 cache
int64_t sets_for(double bytes);  // 1..8

// Each adds its rows. What throws is reported as a row with a note.
void bench_memory(const DeviceInterface& device, const Options& options, Report& report);
void bench_gemm(const DeviceInterface& device, const Options& options, Report& report);
void bench_conv2d(const DeviceInterface& device, const Options& options, Report& report);
void bench_head(const DeviceInterface& device, const Options& options, Report& report);
void bench_steps(const DeviceInterface& device, const Options& options, Report& report);

// f(row), and what it throws as the row's note.
void attempt(Report& report, Row row, const std::function<void(Row& row)>& f);
// f(), which adds rows of its own; where there is no time or memory for it, `row` with a note instead.
void attempt_rows(Report& report, Row row, const std::function<void()>& f);

template <class T>
const Kernels<T>* table_of(const DeviceInterface& device) {
  if constexpr (std::is_same_v<T, bfloat16>)
    return device.half;
  else
    return device.single;
}
template <class T>
const char* type_name() {
  if (std::is_same_v<T, bfloat16>) return hopper_selected() ? "bfloat16, Hopper" : "bfloat16";
  return tf32_selected() ? "float, TF32" : "float";
}

}  // namespace fr::bench::gpu
