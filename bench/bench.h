// What the benchmarks share: options, timing of two contenders in alternation, rows of results and the reports.
#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tensor/kernels.h"

namespace fr::bench {

struct Options {
  bool quick = false;  // fewer samples, smaller set of shapes
  bool busy = false;   // other work on the machine: one thread, and its processor time instead of the clock's
  int threads = 0;     // 0: all
  std::string only;    // rows whose name contains this
  std::string json, markdown;  // files to write; empty: none
};

// Seconds of one call.
struct Timing {
  double median = 0, low = 0, high = 0, best = 0;  // low and high: the quartiles
};

struct Row {
  std::string group;    // "gemm", "conv forward", ...
  std::string name;     // the shape in words
  std::string backend;  // "avx2", "avx512"
  double flop = 0;      // of one call; where memory is the limit, bytes read and written
  bool memory = false;  // it is
  double peak =
      0;  // flop/s of the FMA probe next to this row, same instruction set and threads; or bytes/s of a copy
  Timing ours, peer;  // peer.median 0: there is none
  double ratio = 0;   // median over the pairs of peer seconds / our seconds
  double error = 0;   // largest |difference| / tolerance of the sampled outputs: verified when <= 1
};

// Runs ours and peer alternately (peer may be empty) after a warm-up, with a probe of the FMA peak in between.
void measure(Row& row, const Options& options, const std::function<void()>& ours,
             const std::function<void()>& peer);

std::vector<Row> bench_gemm(const Kernels<float>& kernels, const Options& options);
std::vector<Row> bench_conv2d(const Kernels<float>& kernels, const Options& options);
std::vector<Row> bench_memory(const Kernels<float>& kernels, const Options& options);
std::vector<Row> bench_steps(const Kernels<float>& kernels, const Options& options);

// Measures one convolution from the reference's loops to the last step and writes the table between the markers of a
// document. Returns the exit code.
int write_ladder(const std::string& document);

// Which OpenBLAS kernels the process has loaded.
std::string openblas_core();

void print_table(std::ostream& out, const std::vector<Row>& rows);
void write_markdown(std::ostream& out, const std::vector<Row>& rows, const std::string& machine);
void write_json(std::ostream& out, const std::vector<Row>& rows, const std::string& machine);

// Rows as lines of tab-separated fields, from a child process to its parent.
void write_lines(std::ostream& out, const std::vector<Row>& rows);
std::vector<Row> read_lines(std::istream& in);

}  // namespace fr::bench
