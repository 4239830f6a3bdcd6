#include "cuda/pool.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/error.h"

namespace fr::cuda {
namespace {

constexpr size_t kAlign = 256;
constexpr size_t kLargest = size_t{1} << 46;  // no card has more

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Pool::~Pool() {
  for (const auto& [address, piece] : pieces_)
    if (piece.first) source_.free(address);
}

bool Pool::owns(const void* p) const {
  const auto at = pieces_.find(static_cast<char*>(const_cast<void*>(p)));
  return at != pieces_.end() && !at->second.free;
}

size_t Pool::size(const void* p) const { return pieces_.at(static_cast<char*>(const_cast<void*>(p))).bytes; }

void Pool::set_free(Pieces::iterator piece, bool free) {
  piece->second.free = free;
  if (free)
    free_.emplace(piece->second.bytes, piece->first);
  else
    free_.erase({piece->second.bytes, piece->first});
}

void* Pool::alloc(size_t bytes) {
  if (bytes > kLargest) return nullptr;
  bytes = std::max(round_up(bytes, kAlign), kAlign);
  auto best = free_.lower_bound({bytes, nullptr});
  if (best == free_.end()) {
    if (!reserve(bytes)) return nullptr;
    best = free_.lower_bound({bytes, nullptr});
  }
  const auto piece = pieces_.find(best->second);
  set_free(piece, false);
  if (const size_t rest = piece->second.bytes - bytes; rest > 0) {
    piece->second.bytes = bytes;
    set_free(pieces_.emplace(piece->first + bytes, Piece{rest, false, false}).first, true);
  }
  return piece->first;
}

bool Pool::reserve(size_t bytes) {
  size_t size = std::max(round_up(bytes, source_.unit), source_.smallest);
  auto* segment = static_cast<char*>(source_.allocate(size));
  if (!segment && size > round_up(bytes, source_.unit)) {  // nearly full: only what is needed
    size = round_up(bytes, source_.unit);
    segment = static_cast<char*>(source_.allocate(size));
  }
  if (!segment) return false;
  reserved_ += size;
  set_free(pieces_.emplace(segment, Piece{size, false, true}).first, true);
  return true;
}

// Makes one free piece of two neighbours, where they are free and of one segment; returns the piece that holds `low`.
Pool::Pieces::iterator Pool::join(Pieces::iterator low, Pieces::iterator high) {
  if (high == pieces_.end() || high->second.first || !low->second.free || !high->second.free) return low;
  set_free(low, false), set_free(high, false);
  low->second.bytes += high->second.bytes;
  pieces_.erase(high);
  set_free(low, true);
  return low;
}

size_t Pool::release(void* p) {
  const auto piece = pieces_.find(static_cast<char*>(p));
  if (piece == pieces_.end() || piece->second.free)
    throw std::logic_error("device memory: a block is released that was not handed out");
  const size_t bytes = piece->second.bytes;
  set_free(piece, true);
  join(piece, std::next(piece));
  if (piece != pieces_.begin()) join(std::prev(piece), piece);
  return bytes;
}

void Pool::take(Pool& other) {
  pieces_.merge(other.pieces_), free_.merge(other.free_);
  reserved_ += std::exchange(other.reserved_, 0);
}

bool Pool::is_segment(Pieces::iterator piece) const {
  const auto next = std::next(piece);
  return piece->second.first && (next == pieces_.end() || next->second.first);
}

void Pool::trim() {
  for (auto piece = pieces_.begin(); piece != pieces_.end();) {
    const auto here = piece;
    if (!here->second.free || !is_segment(piece)) {
      ++piece;
      continue;
    }
    ++piece;
    set_free(here, false);
    reserved_ -= here->second.bytes;
    source_.free(here->first);
    pieces_.erase(here);
  }
}

// --- all pools of a device ---

void* DevicePools::alloc(size_t bytes) {
  const std::scoped_lock lock(mutex_);
  Pool& pool = active_ ? active_->pool : main_;
  void* p = pool.alloc(bytes);
  if (!p && !active_) {  // while CUDA records, nothing may be given back
    main_.trim();
    p = pool.alloc(bytes);
  }
  if (!p) fail(bytes);
  in_use_ += pool.size(p);
  peak_ = std::max(peak_, in_use_);
  return p;
}

Pool& DevicePools::owner(const void* p) {
  if (active_ && active_->pool.owns(p)) return active_->pool;
  if (main_.owns(p)) return main_;
  for (auto& [number, recording] : recordings_)
    if (recording->pool.owns(p)) return recording->pool;
  throw std::logic_error("device memory: a block is released that was not handed out");
}

void DevicePools::release(void* p) noexcept {
  if (!p) return;
  const std::scoped_lock lock(mutex_);
  Pool& pool = owner(p);
  in_use_ -= pool.size(p);
  if (active_ && &pool != &active_->pool)
    active_->kept.push_back(p);
  else
    pool.release(p);
}

void DevicePools::begin_recording() {
  const std::scoped_lock lock(mutex_);
  if (active_) throw std::logic_error("device: a recording is made already");
  auto& recording = recordings_[next_];
  recording.reset(new Recording{Pool(source_), {}});
  active_ = recording.get();
}

int DevicePools::end_recording() {
  const std::scoped_lock lock(mutex_);
  if (!active_) throw std::logic_error("device: no recording is made");
  active_ = nullptr;
  return next_++;
}

void DevicePools::drop(int recording) {
  const std::scoped_lock lock(mutex_);
  const auto at = recordings_.find(recording);
  if (at == recordings_.end() || at->second.get() == active_)
    throw std::logic_error("device: a recording is dropped that there is not");
  const std::unique_ptr<Recording> dropped = std::move(at->second);
  recordings_.erase(at);
  main_.take(dropped->pool);
  for (void* p : dropped->kept) owner(p).release(p);
}

bool DevicePools::recording() const {
  const std::scoped_lock lock(mutex_);
  return active_ != nullptr;
}

DeviceMemory DevicePools::memory() const {
  DeviceMemory m = source_.memory();
  const std::scoped_lock lock(mutex_);
  m.in_use = in_use_, m.peak = peak_, m.reserved = main_.reserved();
  for (const auto& [number, recording] : recordings_) m.reserved += recording->pool.reserved();
  return m;
}

void DevicePools::reset_peak() {
  const std::scoped_lock lock(mutex_);
  peak_ = in_use_;
}

void DevicePools::trim() {
  const std::scoped_lock lock(mutex_);
  main_.trim();
}

void DevicePools::fail(size_t bytes) const {
  size_t reserved = main_.reserved();
  for (const auto& [number, recording] : recordings_) reserved += recording->pool.reserved();
  throw Error(ErrorKind::memory, cat("out of device memory: asked for ", bytes, " bytes; ", in_use_,
                                     " in use, ", reserved, " reserved, ", source_.memory().free, " free"));
}

}  // namespace fr::cuda
