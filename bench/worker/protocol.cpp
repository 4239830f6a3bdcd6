#include "bench/worker/protocol.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

namespace fr::bench {
namespace {

constexpr double kSample = 0.03;  // seconds, at least
constexpr double kWake =
    0.1;  // shorter calls are preceded by one that wakes sleeping threads and is not counted
constexpr double kSettled = 1e-10;  // seconds: below this the clock says nothing

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds(const std::function<void()>& f, int calls) {
  const double start = now();
  for (int i = 0; i < calls; ++i) f();
  return (now() - start) / calls;
}

struct Running {
  Case it;
  std::vector<double> results;
  double once = 0;

  explicit Running(Case c) : it(std::move(c)) {
    if (it.check) results = it.check();
    it.run();
    once = std::max(seconds(it.run, 1), kSettled);
  }
  double sample() {
    if (once < kWake) it.run();
    const double t = seconds(it.run, static_cast<int>(std::clamp(std::ceil(kSample / once), 1.0, 1e6)));
    once = std::max(t, kSettled);
    return t;
  }
};

// VmHWM: the largest resident set of this process, as the kernel counted it.
int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

std::string one_line(std::string s) {
  std::replace(s.begin(), s.end(), '\n', ' ');
  return s;
}

class Server {
 public:
  explicit Server(const std::map<std::string, MakeCase>& cases) : cases_(cases) {}

  std::string answer(const std::string& line) try {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "case") return start(in);
    if (command == "peak") return "peak " + std::to_string(peak_bytes());
    if (!running_) return "skip no case";
    std::ostringstream out;
    out.precision(9);
    if (command == "go")
      out << "time " << running_->sample();
    else if (command == "check")
      for (out << "check"; double v : running_->results) out << ' ' << v;
    else
      out << "skip unknown command " << command;
    return out.str();
  } catch (const std::exception& e) {
    return "skip " + one_line(e.what());
  }

 private:
  std::string start(std::istringstream& in) {
    running_.reset();
    const auto name = next<std::string>(in);
    const auto found = cases_.find(name);
    if (found == cases_.end()) throw Skip("no case " + name + " here");
    running_ = std::make_unique<Running>(found->second(in));
    return "ready " + running_->it.note;
  }

  const std::map<std::string, MakeCase>& cases_;
  std::unique_ptr<Running> running_;
};

}  // namespace

int serve(const std::map<std::string, MakeCase>& cases) {
  FILE* out = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  Server server(cases);
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    std::fprintf(out, "%s\n", server.answer(line).c_str());
    std::fflush(out);
  }
  return std::fclose(out) == 0 ? 0 : 1;
}

Floats values(uint32_t seed, int64_t n) {
  Floats v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = value(seed, static_cast<uint32_t>(i));
  return v;
}

std::vector<double> sampled(const float* x, int64_t n) {
  const int64_t count = std::min<int64_t>(n, 64);
  std::vector<double> v;
  for (int64_t i = 0; i < count; ++i) v.push_back(x[count > 1 ? i * (n - 1) / (count - 1) : 0]);
  return v;
}

}  // namespace fr::bench
