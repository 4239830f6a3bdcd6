#include "fr/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace fr {
namespace {

constexpr int kBarWidth = 24;

std::string bar(double share) {
  static const char* const kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  for (int used = eighths / 8 + (eighths % 8 != 0); used < kBarWidth; ++used) out += "·";
  return out;
}

// Keeps the line within the terminal (the bar's characters are one column each).
std::string clip(const std::string& line, int columns) {
  int used = 0;
  size_t i = 0;
  for (; i < line.size(); ++i)
    if ((line[i] & 0xC0) != 0x80 && used++ == columns) break;
  return line.substr(0, i);
}

int columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

}  // namespace

std::string duration_text(double seconds) {
  const int64_t s = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  char text[32];
  if (s < 3600)
    std::snprintf(text, sizeof text, "%d:%02d", int(s / 60), int(s % 60));
  else
    std::snprintf(text, sizeof text, "%d:%02d:%02d", int(s / 3600), int(s / 60 % 60), int(s % 60));
  return text;
}

Progress::Progress(int64_t total_steps, int64_t first_step)
    : total_(total_steps), first_(first_step), terminal_(isatty(STDERR_FILENO)), start_(Clock::now()) {}

Progress::~Progress() { finish(); }

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::show(int64_t done, const std::string& line, bool important) {
  const auto now = Clock::now();
  const bool last = done == total_;
  if (terminal_ ? !last && now - drawn_ < std::chrono::milliseconds(100) : !important && !last) return;
  drawn_ = now;
  const double share = total_ > 0 ? double(done) / double(total_) : 1;
  const double left = done > first_ ? seconds() / double(done - first_) * double(total_ - done) : 0;
  const std::string text = line + "  left " + duration_text(left);
  if (terminal_) {
    char percent[16];
    std::snprintf(percent, sizeof percent, " %3d%% ", int(share * 100));
    std::fprintf(stderr, "\r\033[K%s", clip(bar(share) + percent + text, columns() - 1).c_str());
    open_ = true;
  } else {
    std::fprintf(stderr, "step %lld/%lld  %s\n", static_cast<long long>(done), static_cast<long long>(total_),
                 text.c_str());
  }
  std::fflush(stderr);
}

void Progress::finish() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace fr
