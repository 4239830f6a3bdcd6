// Pictures of a source, decoded and fitted once, kept while they fit into a budget. Damage found once stays
// damage. Internal to the loader; thread-safe without locks on the path of a hit.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/source.h"

namespace fr {

class PictureCache {
 public:
  PictureCache(const Source& source, int height, int width, int64_t budget_bytes);
  ~PictureCache();
  PictureCache(const PictureCache&) = delete;
  PictureCache& operator=(const PictureCache&) = delete;

  // The picture, or null when it is damaged. `own` keeps it alive when it did not fit into the cache.
  const Image* get(int64_t index, Image& own);
  std::string reason(int64_t index) const;  // of the damage

 private:
  const Source& source_;
  const int height_, width_;
  std::atomic<int64_t> budget_;
  std::vector<std::atomic<const Image*>> kept_;  // null: not here; kDamaged: see reasons_
  mutable std::mutex mutex_;
  std::map<int64_t, std::string> reasons_;
};

}  // namespace fr
