#include "fr/stop_signal.h"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace fr {
namespace {

volatile std::sig_atomic_t received = 0;

void handle(int signal) {
  if (received) _exit(128 + signal);
  received = signal;
}

}  // namespace

void watch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int stop_signal() { return received; }

}  // namespace fr
