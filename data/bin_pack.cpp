#include "data/bin_pack.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "data/bin_set.h"
#include "data/image.h"

namespace fr {
namespace {

std::vector<uint8_t> encoded(const fs::path& path) {
  std::vector<uint8_t> bytes = read_file(path, uint64_t{64} << 20);
  const Image image = decode_image(bytes, path.string());
  const bool kept = bytes[0] == 0xff || bytes[0] == 0x89;  // JPEG, PNG
  return kept ? bytes : encode_png(image);
}

std::vector<Pair> by_fold(const PairList& list) {
  std::vector<Pair> pairs = list.pairs;
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.fold < b.fold; });
  return pairs;
}

}  // namespace

PackedPairs pack_pairs(const PairList& list) {
  FR_CHECK(list.videos.empty(), "pack_pairs: a list of videos");
  PackedPairs packed;
  std::map<std::string, std::vector<uint8_t>> read;
  const auto add = [&](const std::string& name) {
    auto [at, fresh] = read.try_emplace(name);
    if (fresh) at->second = encoded(list.root / name);
    packed.pictures.push_back(at->second);
  };
  const std::vector<Pair> pairs = by_fold(list);
  const auto n = static_cast<int64_t>(pairs.size());
  bool folds_kept = list.folds == std::min<int64_t>(10, n);
  for (int64_t i = 0; i < n; ++i) {
    const Pair& p = pairs[size_t(i)];
    add(p.a), add(p.b);
    packed.same.push_back(p.same);
    folds_kept = folds_kept && p.fold == bin_fold(i, n, list.folds);
  }
  if (!folds_kept)
    packed.notes.push_back("the folds of the list are not ten equal ones: a reader of the .bin makes others");
  if (!list.groups.empty())
    packed.notes.push_back(cat("a .bin has no groups: ", list.groups.size(), " are lost"));
  return packed;
}

}  // namespace fr
