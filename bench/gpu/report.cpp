// Rows as JSON lines (append), as a table (written anew each time) and on the screen.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/version.h"
#include "bench/gpu/bench.h"

namespace fr::bench::gpu {
namespace {

std::string date() {
  char text[32];
  const std::time_t t = std::time(nullptr);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", std::gmtime(&t));
  return text;
}

template <class... A>
std::string print(const char* format, A... a) {
  char text[256];
  std::snprintf(text, sizeof text, format, a...);
  return text;
}

std::string time_text(const Timing& t) {
  return print("%.4g ms (%.4g to %.4g)", t.median * 1e3, t.low * 1e3, t.high * 1e3);
}
// What the time is worth.
std::string rate_text(const Row& r) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (r.images > 0) add(print("%.0f images/s", r.images / r.ours.median));
  if (r.flop > 0) add(print("%.1f TFLOP/s", r.flop / r.ours.median * 1e-12));
  if (r.bytes > 0) add(print("%.0f GB/s", r.bytes / r.ours.median * 1e-9));
  if (r.memory > 0) add(print("%.2f GB", r.memory * 1e-9));
  return text;
}
std::string check_text(const Row& r) {
  return r.error < 0       ? ""
         : !(r.error <= 1) ? print("WRONG: %.3g x the tolerance", r.error)
                           : print("%.2f", r.error);
}
std::string peer_text(const Row& r) {
  return r.peer > 0 ? print("%.4g ms, %.2f", r.peer * 1e3, r.peer / r.ours.median) : "";
}

nlohmann::json json_of(const Row& r) {
  nlohmann::json j{{"group", r.group}, {"name", r.name}, {"type", r.type}};
  if (!r.note.empty()) j["note"] = r.note;
  if (r.ours.median > 0) j.update({{"seconds", r.ours.median}, {"low", r.ours.low}, {"high", r.ours.high}});
  for (const auto& [key, value] : {std::pair{"flop", r.flop},
                                   {"bytes", r.bytes},
                                   {"images", r.images},
                                   {"cublas_seconds", r.peer},
                                   {"memory", r.memory}})
    if (value > 0) j[key] = value;
  if (!(r.error < 0)) j["error"] = r.error;
  return j;
}

}  // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Report::Report(const DeviceInterface& device, const Options& options) : options_(options), start_(now()) {
  heading_ = cat(device.describe(), "; ", commit(), "; ", date(), " UTC");
  std::cout << heading_ << std::endl;
  if (!options_.folder.empty())
    std::ofstream(lines_file()) << nlohmann::json{{"card", device.describe()},
                                                  {"commit", commit()},
                                                  {"date", date()},
                                                  {"quick", options_.quick}}
                                << std::endl;
}

bool Report::late() const { return now() - start_ > options_.seconds; }

void Report::add(const Row& r) {
  rows_.push_back(r);
  wrong_ |= !(r.error <= 1);
  std::cout << r.group << " | " << r.name << " | " << r.type << " | ";
  if (r.ours.median > 0)
    std::cout << time_text(r.ours) << " | " << rate_text(r) << " | " << peer_text(r) << " | ";
  std::cout << check_text(r) << " " << r.note << std::endl;
  if (options_.folder.empty()) return;
  std::ofstream(lines_file(), std::ios::app) << json_of(r) << std::endl;
  write_markdown();
}

void Report::write_markdown() const {
  std::ofstream out(options_.folder + "/gpu_bench.md");
  out << "# Kernels and training on a card\n\n"
      << heading_ << (options_.quick ? "; quick: no figure here means anything" : "")
      << "\n\nTime of one call, median and quartiles of replays of a recording. cuBLAS: its time on the same "
         "shape and type, and"
         " how many times ours it takes. Check: largest error of some values over its tolerance.\n";
  std::string group;
  for (const Row& r : rows_) {
    if (r.group != group)
      out << "\n## " << r.group
          << "\n\n| what | type | time | rate | cuBLAS | check |\n|---|---|---|---|---|---|\n";
    group = r.group;
    out << "| " << r.name << " | " << r.type << " | " << (r.ours.median > 0 ? time_text(r.ours) : r.note)
        << " | " << (r.ours.median > 0 ? rate_text(r) : "") << " | "
        << (r.ours.median > 0 ? peer_text(r) : "") << " | " << check_text(r) << " |\n";
  }
}

void attempt(Report& report, Row row, const std::function<void(Row& row)>& f) {
  if (report.late()) {
    row.note = "not run: out of time";
  } else {
    try {
      f(row);
    } catch (const std::exception& e) {
      row.note = cat("not run: ", e.what()), row.ours = {};
    }
  }
  report.add(row);
}

void attempt_rows(Report& report, Row row, const std::function<void()>& f) {
  try {
    if (report.late()) throw std::runtime_error("out of time");
    f();
  } catch (const std::exception& e) {
    row.note = cat("not run: ", e.what());
    report.add(row);
  }
}

}  // namespace fr::bench::gpu
