#include "data/cache.h"

#include <utility>

#include "base/error.h"
#include "data/resample.h"

namespace fr {
namespace {

const Image kDamagedPicture;
const Image* const kDamaged = &kDamagedPicture;

}  // namespace

PictureCache::PictureCache(const Source& source, int height, int width, int64_t budget_bytes)
    : source_(source),
      height_(height),
      width_(width),
      budget_(budget_bytes),
      kept_(static_cast<size_t>(source.size())) {}

PictureCache::~PictureCache() {
  for (const auto& entry : kept_)
    if (const Image* image = entry.load(); image != kDamaged) delete image;
}

const Image* PictureCache::get(int64_t index, Image& own) {
  std::atomic<const Image*>& entry = kept_[static_cast<size_t>(index)];
  if (const Image* image = entry.load(std::memory_order_acquire)) return image == kDamaged ? nullptr : image;
  try {
    own = fit(source_.load(index), height_, width_);
    FR_CHECK(own.channels == 3, "loader: 3 channels, got ", own.channels, " from ", source_.name(index));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data && error.kind() != ErrorKind::io) throw;
    {
      const std::lock_guard lock(mutex_);
      reasons_.emplace(index, error.what());
    }
    const Image* before = nullptr;  // another thread may have read it a moment earlier
    const bool first = entry.compare_exchange_strong(before, kDamaged, std::memory_order_acq_rel);
    return first || before == kDamaged ? nullptr : before;
  }
  const auto size = static_cast<int64_t>(own.pixels.size() + sizeof(Image));
  if (budget_.fetch_sub(size) < size) return budget_.fetch_add(size), &own;
  auto copy = std::make_unique<const Image>(std::move(own));
  const Image* before = nullptr;
  if (entry.compare_exchange_strong(before, copy.get(), std::memory_order_acq_rel)) return copy.release();
  budget_.fetch_add(size);  // another thread was faster
  return before == kDamaged ? nullptr : before;
}

std::string PictureCache::reason(int64_t index) const {
  const std::lock_guard lock(mutex_);
  return reasons_.at(index);
}

}  // namespace fr
