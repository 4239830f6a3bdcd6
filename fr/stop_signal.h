// The first SIGINT, SIGTERM or SIGHUP asks the training loop to finish its step, save and leave; the second
// leaves at once.
#pragma once

namespace fr {

void watch_stop_signals();
int stop_signal();  // the signal received, 0 while there is none

}  // namespace fr
