#include "test/emulator/device.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "cuda/pool.h"
#include "test/emulator/emulator.h"

namespace fr::emulated {
template <class T>
const Kernels<T>& table();
}

namespace fr::emulator {
namespace {

constexpr size_t kAlign = 256;

struct Recording {
  explicit Recording(const cuda::SegmentSource& source) : pool(source) {}
  std::vector<Work> work;
  cuda::Pool pool;
  std::vector<void*> kept;  // released while it was made: its work may use them
};

struct Ahead {
  const char* source;
  size_t bytes;
  uint64_t fingerprint;
};

struct Card {
  std::recursive_mutex mutex;
  size_t total = size_t{16} << 30, held = 0, in_use = 0, peak = 0;
  std::map<void*, size_t> blocks;  // outside recordings
  cuda::SegmentSource source{
      [this](size_t bytes) { return segment(bytes); }, [](void* p) { std::free(p); }, {}};
  std::map<void*, std::unique_ptr<Recording>> recordings;
  cuda::Pool orphans{source};  // what is left of dropped recordings
  Recording* active = nullptr;
  std::map<char*, size_t> pinned;
  std::vector<Ahead> ahead;

  void* segment(size_t bytes) const {
    return held + bytes > total ? nullptr : std::aligned_alloc(kAlign, bytes);
  }
  size_t reserved() const {
    size_t sum = held + orphans.reserved();
    for (const auto& [key, recording] : recordings) sum += recording->pool.reserved();
    return sum;
  }
  cuda::Pool* pool_of(const void* p) {
    if (orphans.owns(p)) return &orphans;
    for (auto& [key, recording] : recordings)
      if (recording->pool.owns(p)) return &recording->pool;
    return nullptr;
  }
  void* alloc(size_t bytes);
  size_t give_back(void* p);
  void release(void* p);
};
// Never destroyed: tensors with static lifetime may outlive it.
Card& card() {
  static Card* const one = new Card;
  return *one;
}

void* Card::alloc(size_t bytes) {
  const size_t size = std::max((bytes + kAlign - 1) / kAlign * kAlign, kAlign);
  void* p = nullptr;
  if (active) {
    p = active->pool.alloc(size);
  } else if (reserved() + size <= total && (p = std::aligned_alloc(kAlign, size))) {
    blocks[p] = size, held += size;
  }
  if (!p)
    throw Error(ErrorKind::memory, cat("out of device memory: asked for ", bytes, " bytes; ", in_use,
                                       " in use, ", reserved(), " reserved, ", total - reserved(), " free"));
  in_use += size, peak = std::max(peak, in_use);
  std::memset(p, 0xff, size);
  if (active) ask([p, size] { std::memset(p, 0xff, size); });
  return p;
}

// Bytes of the block, which is free now.
size_t Card::give_back(void* p) {
  if (const auto at = blocks.find(p); at != blocks.end()) {
    const size_t size = at->second;
    held -= size;
    blocks.erase(at);
    std::free(p);
    return size;
  }
  cuda::Pool* pool = pool_of(p);
  if (!pool) throw std::logic_error("emulator: a block is released that was not handed out");
  return pool->release(p);
}

void Card::release(void* p) {
  if (!active || active->pool.owns(p)) {
    in_use -= give_back(p);
    return;
  }
  const auto at = blocks.find(p);
  cuda::Pool* pool = at == blocks.end() ? pool_of(p) : nullptr;
  if (at == blocks.end() && !pool)
    throw std::logic_error("emulator: a block is released that was not handed out");
  in_use -= pool ? pool->size(p) : at->second;
  active->kept.push_back(p);
}

void refuse_while_recording(const char* what) {
  if (card().active) throw std::logic_error(cat("emulator: ", what, " while recording"));
}

Recording& recording_of(void* handle) {
  const auto at = card().recordings.find(handle);
  if (at == card().recordings.end()) throw std::logic_error("emulator: no such recording");
  return *at->second;
}

void begin_recording() {
  Card& c = card();
  refuse_while_recording("begin_recording()");
  auto recording = std::make_unique<Recording>(c.source);
  c.active = recording.get();
  record_into(&recording->work);
  c.recordings[recording.get()] = std::move(recording);
}

void* end_recording() {
  if (!card().active) throw std::logic_error("emulator: no recording is made");
  record_into(nullptr);
  return std::exchange(card().active, nullptr);
}

void replay(void* handle) {
  refuse_while_recording("replay()");
  for (const Work& work : recording_of(handle).work) work();
}

void drop(void* handle) {
  Card& c = card();
  Recording& recording = recording_of(handle);
  c.orphans.take(recording.pool);
  const std::vector<void*> kept = std::move(recording.kept);
  c.recordings.erase(handle);
  for (void* p : kept) c.give_back(p);
  c.orphans.trim();
}

void* alloc_pinned(size_t bytes) {
  const size_t size = std::max((bytes + 4095) / 4096 * 4096, size_t{4096});
  auto* p = static_cast<char*>(std::aligned_alloc(4096, size));
  if (!p) throw std::bad_alloc();
  card().pinned[p] = size;
  return p;
}

void release_pinned(void* p) {
  Card& c = card();
  if (!p) return;
  const auto at = c.pinned.find(static_cast<char*>(p));
  if (at == c.pinned.end())
    throw std::logic_error("emulator: pinned memory is released that was not handed out");
  for (const Ahead& copy : c.ahead)
    if (copy.source >= at->first && copy.source < at->first + at->second)
      throw std::logic_error("emulator: pinned memory is released before copied()");
  c.pinned.erase(at);
  std::free(p);
}

void upload_ahead(void* to, const void* pinned, size_t bytes) {
  Card& c = card();
  refuse_while_recording("upload_ahead()");
  const auto* source = static_cast<const char*>(pinned);
  auto at = c.pinned.upper_bound(const_cast<char*>(source));
  if (at == c.pinned.begin() || source + bytes > std::prev(at)->first + std::prev(at)->second)
    throw std::logic_error("emulator: upload_ahead() from memory that is not pinned");
  copy_across(to, pinned, bytes);
  c.ahead.push_back({source, bytes, fingerprint({source, bytes})});
}

void copied() {
  for (const Ahead& copy : std::exchange(card().ahead, {}))
    if (fingerprint({copy.source, copy.bytes}) != copy.fingerprint)
      throw std::logic_error("emulator: the source of upload_ahead() was changed before copied()");
}

DeviceMemory memory() {
  const Card& c = card();
  DeviceMemory m;
  m.in_use = c.in_use, m.peak = c.peak, m.reserved = c.reserved(), m.total = c.total;
  m.free = c.total - std::min(c.total, m.reserved);
  return m;
}

}  // namespace

void* device_alloc(size_t bytes) {
  const std::scoped_lock lock(card().mutex);
  return card().alloc(bytes);
}
void device_release(void* p) noexcept {
  const std::scoped_lock lock(card().mutex);
  if (p) card().release(p);
}
size_t device_memory_in_use() { return card().in_use; }
void set_device_memory(size_t total) { card().total = total; }

}  // namespace fr::emulator

const fr::DeviceInterface& fr::emulated_device() {
  using namespace emulator;
  static const DeviceInterface device{
      .single = &emulated::table<float>(),
      .half = &emulated::table<bfloat16>(),
      .describe = [] { return std::string("emulated card, compute capability 8.0"); },
      .synchronize = [] { refuse_while_recording("synchronize()"); },
      .begin_recording = begin_recording,
      .end_recording = end_recording,
      .replay = replay,
      .drop = drop,
      .alloc_pinned = alloc_pinned,
      .release_pinned = release_pinned,
      .upload_ahead = upload_ahead,
      .copied = copied,
      .memory = memory,
      .reset_peak = [] { card().peak = card().in_use; },
      .trim = [] { card().orphans.trim(); },
  };
  return device;
}
