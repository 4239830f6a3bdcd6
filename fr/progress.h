// Progress on stderr: a bar that redraws itself on a terminal, plain lines otherwise.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace fr {

class Progress {
 public:
  explicit Progress(int64_t total_steps, int64_t first_step = 0);
  ~Progress();
  // `line` is drawn at most ten times a second on a terminal; elsewhere only when `important`.
  void show(int64_t done, const std::string& line, bool important);
  void finish();  // ends the bar's line
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  int64_t total_, first_;
  bool terminal_, open_ = false;
  Clock::time_point start_, drawn_{};
};

std::string duration_text(double seconds);  // "3:07", "1:02:45"

}  // namespace fr
