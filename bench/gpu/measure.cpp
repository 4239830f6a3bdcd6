#include <algorithm>
#include <cmath>
#include <exception>
#include <iostream>

#include "bench/gpu/bench.h"

namespace fr::bench::gpu {
namespace {

constexpr double kSample = 0.02;  // seconds at least
constexpr int kSamples = 7;

struct Recording {
  const DeviceInterface& device;
  void* handle;
  ~Recording() {
    try {
      device.drop(handle);
    } catch (const std::exception& e) {  // after a fault of the card every call fails
      std::cerr << e.what() << "\n";
    }
  }
};

double seconds(const DeviceInterface& device, const std::function<void()>& f) {
  const double start = now();
  f();
  device.synchronize();
  return now() - start;
}

}  // namespace

int64_t sets_for(double bytes) {
  return std::clamp(static_cast<int64_t>(std::ceil(kBeyondCache / std::max(bytes, 1.0))), int64_t{1},
                    int64_t{8});
}

Timing measure(const DeviceInterface& device, const Options& options, const std::function<void(int64_t)>& f) {
  f(0);
  device.synchronize();
  const double once = std::max(seconds(device, [&] { f(0); }), 1e-6);
  const int64_t calls =
      options.quick ? 2 : std::clamp(static_cast<int64_t>(kSample / once), int64_t{1}, int64_t{64});
  device.begin_recording();
  try {
    for (int64_t i = 0; i < calls; ++i) f(i);
  } catch (...) {
    const std::exception_ptr first = std::current_exception();
    try {
      device.drop(device.end_recording());
    } catch (const std::exception&) {  // what went wrong first says more
    }
    std::rethrow_exception(first);
  }
  const Recording recording{device, device.end_recording()};
  const double all = seconds(device, [&] { device.replay(recording.handle); });
  const int replays = options.quick ? 1 : static_cast<int>(std::clamp(std::ceil(kSample / all), 1.0, 1e4));
  std::vector<double> samples;
  for (int sample = 0; sample < (options.quick ? 1 : kSamples); ++sample)
    samples.push_back(seconds(device,
                              [&] {
                                for (int i = 0; i < replays; ++i) device.replay(recording.handle);
                              }) /
                      double(replays) / double(calls));
  std::sort(samples.begin(), samples.end());
  const size_t n = samples.size();
  return {samples[n / 2], samples[n / 4], samples[n - 1 - n / 4]};
}

}  // namespace fr::bench::gpu
