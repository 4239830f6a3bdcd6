// From JPEG files in memory to a batch of floats, on the calling thread alone: decode, mirror, shift, scale to [-1,1].
#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "bench/worker/cases.h"
#include "data/augment.h"

namespace fr::bench {
namespace {

constexpr int kBatch = 64, kSide = 112;

struct Pictures {
  std::vector<std::vector<uint8_t>> files;
  std::vector<float> batch = std::vector<float>(size_t{kBatch} * kSide * kSide * 3);
  Augment augment;
  uint64_t step = 0;

  float* row(int n) { return &batch[static_cast<size_t>(n) * kSide * kSide * 3]; }
  Image decode(int n) { return decode_image(files[static_cast<size_t>(n)], "picture"); }

  void run() {
    augment.flip = 0.5, augment.shift = 4;
    for (int n = 0; n < kBatch; ++n) {
      Random random({1, Purpose::augment, step << 8 | static_cast<uint64_t>(n)});
      augment_to_float(row(n), decode(n), kSide, kSide, augment, random);
    }
    ++step;
  }
};

}  // namespace

Case pipeline_case(std::istringstream& in) {
  auto p = std::make_shared<Pictures>();
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(next<std::string>(in)))
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  if (paths.size() < kBatch) throw Skip("the folder has too few JPEG files");
  std::sort(paths.begin(), paths.end());
  for (int n = 0; n < kBatch; ++n) p->files.push_back(read_file(paths[static_cast<size_t>(n)]));
  return {[p] { p->run(); },
          [p] {  // without any change: what the decoder says
            for (int n = 0; n < kBatch; ++n) to_float(p->row(n), p->decode(n), kSide, kSide);
            return sampled(p->batch.data(), static_cast<int64_t>(p->batch.size()));
          },
          "1 thread"};
}

}  // namespace fr::bench
