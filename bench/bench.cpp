#include "bench/bench.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <istream>
#include <ostream>
#include <sstream>
#include <thread>

#include "base/parallel.h"
#include "bench/worker/probe.h"

namespace fr::bench {
namespace {

double now(bool busy) {
  timespec t;
  clock_gettime(busy ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

Timing summary(std::vector<double> s) {
  std::sort(s.begin(), s.end());
  const size_t n = s.size();
  return {s[n / 2], s[n / 4], s[n - 1 - n / 4], s[0]};
}

// Both thread pools spin for a while after their work and would steal cores from the other: let them fall asleep,
// then wake the one to be measured by a call that is not counted.
double sample(const std::function<void()>& f, int calls, bool busy) {
  if (threads() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(40));
  f();
  const double start = now(busy);
  for (int i = 0; i < calls; ++i) f();
  return (now(busy) - start) / calls;
}

double giga(const Row& r, const Timing& t) { return r.flop / t.median * 1e-9; }
const char* unit(const Row& r) { return r.memory ? "GB/s" : "GFLOP/s"; }

}  // namespace

void measure(Row& row, const Options& options, const std::function<void()>& ours,
             const std::function<void()>& peer) {
  const bool busy = options.busy;
  ours();
  if (peer) peer();
  const double start = now(busy);
  ours();
  const double once = now(busy) - start;
  const int calls = std::clamp(static_cast<int>(2e-3 / once), 1, 50);
  const int samples = std::clamp(static_cast<int>((options.quick ? 0.3 : 1.5) / (once * (calls + 1))), 5,
                                 options.quick ? 7 : 15);
  std::vector<double> mine, theirs, ratios;
  // Idle workers of either library spin for a while and would take a core from the other: let them fall asleep.
  const auto settle = [] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); };
  if (row.memory) row.peak = copy_bandwidth();
  for (int i = 0; i < samples; ++i) {
    if (!row.memory) row.peak = std::max(row.peak, fma_peak(row.backend, busy));
    settle();
    mine.push_back(sample(ours, calls, busy));
    if (!peer) continue;
    settle();
    theirs.push_back(sample(peer, calls, busy));
    ratios.push_back(theirs.back() / mine.back());
  }
  row.ours = summary(mine);
  if (!peer) return;
  row.peer = summary(theirs);
  row.ratio = summary(ratios).median;
}

void print_table(std::ostream& out, const std::vector<Row>& rows) {
  std::string group;
  for (const Row& r : rows) {
    if (r.group + r.backend != group) {
      group = r.group + r.backend;
      out << "\n"
          << r.group << ", " << r.backend << "\n"
          << std::left << std::setw(44) << "  shape" << std::right << std::setw(9) << unit(r) << std::setw(17)
          << "quartiles" << std::setw(8) << "% peak" << std::setw(10) << "OpenBLAS" << std::setw(8) << "ratio"
          << std::setw(8) << "best"
          << "\n";
    }
    std::ostringstream spread;
    spread << std::fixed << std::setprecision(1) << r.flop / r.ours.high * 1e-9 << "-"
           << r.flop / r.ours.low * 1e-9;
    out << std::fixed << std::setprecision(1) << "  " << std::left << std::setw(42) << r.name << std::right
        << std::setw(9) << giga(r, r.ours) << std::setw(17) << spread.str() << std::setw(8)
        << 100 * r.flop / r.ours.median / r.peak;
    if (r.peer.median > 0)
      out << std::setw(10) << giga(r, r.peer) << std::setprecision(2) << std::setw(8) << r.ratio
          << std::setw(8) << r.peer.best / r.ours.best;
    out << (r.error <= 1 ? "" : "   WRONG RESULT") << "\n";
  }
}

void write_markdown(std::ostream& out, const std::vector<Row>& rows, const std::string& machine) {
  out << "# Kernel benchmarks\n\n"
      << machine << "\n\nRatio: seconds of OpenBLAS / ours, alternated in one run, median of the pairs. "
      << "Peak: an FMA loop in registers, measured beside each row; where a row counts bytes, a copy of 64 "
         "MiB a thread.\n";
  std::string group;
  for (const Row& r : rows) {
    if (r.group + r.backend != group) {
      group = r.group + r.backend;
      out << "\n## " << r.group << ", " << r.backend << "\n\n| work | " << unit(r)
          << " | quartiles | % of peak | OpenBLAS | ratio |\n|---|---|---|---|---|---|\n";
    }
    out << std::fixed << std::setprecision(1) << "| " << r.name << " | " << giga(r, r.ours) << " | "
        << r.flop / r.ours.high * 1e-9 << "-" << r.flop / r.ours.low * 1e-9 << " | "
        << 100 * r.flop / r.ours.median / r.peak << " | ";
    if (r.peer.median > 0)
      out << giga(r, r.peer) << " | " << std::setprecision(2) << r.ratio << " |\n";
    else
      out << "- | - |\n";
  }
}

void write_json(std::ostream& out, const std::vector<Row>& rows, const std::string& machine) {
  auto timing = [](const Timing& t) {
    std::ostringstream s;
    s << "{\"median\": " << t.median << ", \"low\": " << t.low << ", \"high\": " << t.high
      << ", \"best\": " << t.best << "}";
    return s.str();
  };
  out << "{\n  \"machine\": \"" << machine << "\",\n  \"rows\": [";
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    out << (i ? "," : "") << "\n    {\"group\": \"" << r.group << "\", \"name\": \"" << r.name
        << "\", \"backend\": \"" << r.backend << "\", \"" << (r.memory ? "bytes" : "flop") << "\": " << r.flop
        << ", \"peak\": " << r.peak << ", \"seconds\": " << timing(r.ours)
        << ", \"peer_seconds\": " << (r.peer.median > 0 ? timing(r.peer) : "null")
        << ", \"ratio\": " << r.ratio << ", \"error\": " << r.error << "}";
  }
  out << "\n  ]\n}\n";
}

void write_lines(std::ostream& out, const std::vector<Row>& rows) {
  out << std::setprecision(17);
  for (const Row& r : rows) {
    out << r.group << '\t' << r.name << '\t' << r.backend << '\t' << r.flop << '\t' << r.memory << '\t'
        << r.peak << '\t' << r.ratio << '\t' << r.error;
    for (const Timing* t : {&r.ours, &r.peer})
      out << '\t' << t->median << '\t' << t->low << '\t' << t->high << '\t' << t->best;
    out << '\n';
  }
}

std::vector<Row> read_lines(std::istream& in) {
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    Row r;
    std::getline(fields, r.group, '\t');
    std::getline(fields, r.name, '\t');
    std::getline(fields, r.backend, '\t');
    fields >> r.flop >> r.memory >> r.peak >> r.ratio >> r.error;
    for (Timing* t : {&r.ours, &r.peer}) fields >> t->median >> t->low >> t->high >> t->best;
    if (fields) rows.push_back(r);
  }
  return rows;
}

}  // namespace fr::bench
