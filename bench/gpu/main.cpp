// build/gpu_bench [--emulated] [--quick] [--only PART] [--seconds N] [--out FOLDER]: how fast the card is with our kernels.
// Exit code 77 where there is no card, 1 where a checked value is wrong.
#include <cstring>
#include <filesystem>
#include <iostream>
#include <utility>

#include "bench/gpu/bench.h"
#include "test/emulator/device.h"

namespace {

using fr::DeviceInterface;
using namespace fr::bench::gpu;

struct Part {
  const char* name;
  void (*run)(const DeviceInterface&, const Options&, Report&);
};
constexpr Part kParts[] = {{"head", bench_head},
                           {"steps", bench_steps},
                           {"conv", bench_conv2d},
                           {"gemm", bench_gemm},
                           {"memory", bench_memory}};

int usage() {
  std::cerr << "usage: gpu_bench [--emulated] [--quick] [--only PART] [--seconds N] [--out FOLDER]\nparts:";
  for (const Part& part : kParts) std::cerr << " " << part.name;
  std::cerr << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const DeviceInterface* device = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (word == "--emulated")
      device = &fr::emulated_device();
    else if (word == "--quick")
      options.quick = true;
    else if (word == "--only" && value)
      options.only = argv[++i];
    else if (word == "--seconds" && value)
      options.seconds = std::atof(argv[++i]);
    else if (word == "--out" && value)
      options.folder = argv[++i];
    else
      return usage();
  }
  if (!device) device = fr::cuda_device();
  if (!device) {
    std::cout << "gpu_bench: skipped: " << fr::cuda_status() << "\n";
    return 77;
  }
  if (!options.folder.empty()) std::filesystem::create_directories(options.folder);
  Report report(*device, options);
  for (const Part& part : kParts) {
    if (std::string(part.name).find(options.only) == std::string::npos) continue;
    try {
      part.run(*device, options, report);
    } catch (const std::exception& e) {
      std::cerr << "gpu_bench: " << part.name << ": " << e.what() << "\n";
    }
    device->trim();
  }
  return report.wrong();
}
