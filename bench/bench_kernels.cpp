// bench_kernels [--quick] [--busy] [--threads N] [--only TEXT] [--json FILE] [--markdown FILE]
// bench_kernels --ladder docs/performance.md
// Measures the vector backends against OpenBLAS. OpenBLAS chooses its kernels when it is loaded, so the AVX2 rows come
// from a second process in which it is told to use its AVX2 kernels (OPENBLAS_CORETYPE=Haswell).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/parallel.h"
#include "bench/bench.h"
#include "bench/worker/probe.h"

namespace fr::bench {
namespace {

struct Arguments {
  Options options;
  std::string child;   // file for the rows of the AVX2 process
  std::string ladder;  // document to write the ladder into; nothing else is measured
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    auto value = [&]() -> std::string {
      if (i + 1 < argc) return argv[++i];
      std::cerr << "bench_kernels: " << arg << " needs a value\n";
      std::exit(2);
    };
    if (arg == "--quick")
      a.options.quick = true;
    else if (arg == "--busy")
      a.options.busy = true;
    else if (arg == "--threads")
      a.options.threads = std::atoi(value().c_str());
    else if (arg == "--only")
      a.options.only = value();
    else if (arg == "--json")
      a.options.json = value();
    else if (arg == "--markdown")
      a.options.markdown = value();
    else if (arg == "--ladder")
      a.ladder = value();
    else if (arg == "--child")
      a.child = value();
    else {
      std::cerr << "usage: bench_kernels [--quick] [--busy] [--threads N] [--only TEXT] [--json FILE] "
                   "[--markdown FILE] [--ladder DOCUMENT]\n";
      std::exit(arg == "--help" ? 0 : 2);
    }
  }
  if (a.options.busy) a.options.threads = 1;
  if (a.options.threads <= 0) a.options.threads = threads();
  return a;
}

std::vector<Row> run(const Kernels<float>* kernels, const Options& options) {
  if (!kernels) return {};
  std::cerr << "measuring " << kernels->name << " beside OpenBLAS " << openblas_core() << "\n";
  std::vector<Row> rows = bench_gemm(*kernels, options);
  for (const auto bench : {bench_conv2d, bench_memory, bench_steps})
    for (Row& r : bench(*kernels, options)) rows.push_back(r);
  return rows;
}

// This program again, with OpenBLAS held to AVX2.
std::vector<Row> run_avx2_process(const Options& o) {
  char file[] = "/tmp/bench_kernels_XXXXXX";
  const int fd = mkstemp(file);
  if (fd < 0) return std::perror("bench_kernels: mkstemp"), std::vector<Row>{};
  close(fd);
  const std::string count = std::to_string(o.threads);
  std::vector<const char*> args = {"bench_kernels", "--child", file,          "--threads",
                                   count.c_str(),   "--only",  o.only.c_str()};
  if (o.quick) args.push_back("--quick");
  if (o.busy) args.push_back("--busy");
  args.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    execv("/proc/self/exe", const_cast<char* const*>(args.data()));
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
    std::cerr << "bench_kernels: the AVX2 process failed\n";
  std::ifstream in(file);
  std::vector<Row> rows = read_lines(in);
  std::remove(file);
  return rows;
}

double best_peak(std::string_view backend, bool busy) {
  double best = 0;
  for (int i = 0; i < 9; ++i) best = std::max(best, fma_peak(backend, busy));
  return best;
}

std::string machine(const Options& o) {
  std::string model = "unknown CPU";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  std::ostringstream s;
  s << model << ", " << o.threads << " threads, copy " << static_cast<int>(copy_bandwidth() * 1e-9)
    << " GB/s, FMA peak";
  if (avx2_kernels()) s << " AVX2 " << static_cast<int>(best_peak("avx2", o.busy) * 1e-9);
  if (avx512_kernels()) s << ", AVX-512 " << static_cast<int>(best_peak("avx512", o.busy) * 1e-9);
  s << " GFLOP/s, OpenBLAS " << openblas_core() << " (AVX2 rows: Haswell)";
  return s.str();
}

int main_of(int argc, char** argv) {
  const Arguments a = parse(argc, argv);
  const Options& o = a.options;
  set_threads(o.threads);
  if (!a.child.empty()) {
    std::ofstream out(a.child);
    write_lines(out, run(avx2_kernels(), o));
    return out.flush() ? 0 : 5;
  }
  if (!a.ladder.empty()) return write_ladder(a.ladder);
  const std::string description = machine(o);
  std::cout << description << "\n";
  std::vector<Row> rows = run_avx2_process(o);
  for (Row& r : run(avx512_kernels(), o)) rows.push_back(r);
  print_table(std::cout, rows);
  if (!o.json.empty()) {
    std::ofstream out(o.json);
    write_json(out, rows, description);
  }
  if (!o.markdown.empty()) {
    std::ofstream out(o.markdown);
    write_markdown(out, rows, description);
  }
  for (const Row& r : rows)
    if (!(r.error <= 1))
      return std::cerr << "bench_kernels: wrong result in " << r.group << " " << r.name << "\n", 1;
  return 0;
}

}  // namespace
}  // namespace fr::bench

int main(int argc, char** argv) {
  // OpenBLAS reads this when it is loaded: its idle threads shall sleep, not spin against ours.
  if (!std::getenv("PROSOPON_BENCH_READY")) {
    setenv("OPENBLAS_THREAD_TIMEOUT", "4", 0);
    setenv("PROSOPON_BENCH_READY", "1", 1);
    execv("/proc/self/exe", argv);
  }
  return fr::bench::main_of(argc, argv);
}
