// The bookkeeping of device memory, on the host and without CUDA: segments come from two functions, so that the tests run
// it on any memory. A segment is a multiple of 2 MiB and 64 MiB at least; a request takes the smallest free piece that
// holds it, and a released piece joins its free neighbours. Nothing is written into the memory itself.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "tensor/device.h"

namespace fr::cuda {

struct SegmentSource {
  std::function<void*(size_t bytes)> allocate;  // null: there is no more
  std::function<void(void* segment)> free;
  std::function<DeviceMemory()> memory;                        // its free and total
  size_t unit = size_t{2} << 20, smallest = size_t{64} << 20;  // sizes of segments
};

// Segments and their pieces. Not for several threads.
class Pool {
 public:
  explicit Pool(const SegmentSource& source) : source_(source) {}
  ~Pool();  // frees every segment
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void* alloc(size_t bytes);       // 256-byte aligned; null: neither here nor at the source
  size_t release(void* p);         // bytes of the piece
  bool owns(const void* p) const;  // p was handed out here
  size_t size(const void* p) const;
  void take(Pool& other);  // all its segments, with what is handed out of them
  void trim();             // segments that are free as a whole go back
  size_t reserved() const { return reserved_; }

 private:
  struct Piece {
    size_t bytes;
    bool free, first;  // first: a segment starts here
  };
  using Pieces = std::map<char*, Piece>;

  bool reserve(size_t bytes);
  void set_free(Pieces::iterator piece, bool free);
  Pieces::iterator join(Pieces::iterator low, Pieces::iterator high);
  bool is_segment(Pieces::iterator piece) const;

  const SegmentSource& source_;
  Pieces pieces_;                            // by address
  std::set<std::pair<size_t, char*>> free_;  // by size, the lowest address first
  size_t reserved_ = 0;
};

// The memory of a device: one pool for everybody, and one of its own for each recording (tensor/device.h). What is
// released while a recording is made may be in use by the recorded work: it is kept until the recording is dropped.
// Thread-safe.
class DevicePools {
 public:
  explicit DevicePools(SegmentSource source) : source_(std::move(source)), main_(source_) {}

  // Error{memory} naming the bytes asked, in use, reserved and free, after an attempt with the cached segments given back.
  void* alloc(size_t bytes);
  void release(void* p) noexcept;  // null: nothing; a block that is not ours ends the program
  DeviceMemory memory() const;
  void reset_peak();
  void trim();

  void begin_recording();
  int end_recording();  // its number
  void drop(int recording);
  bool recording() const;

 private:
  struct Recording {
    Pool pool;
    std::vector<void*> kept;
  };
  Pool& owner(const void* p);
  [[noreturn]] void fail(size_t bytes) const;

  mutable std::mutex mutex_;
  const SegmentSource source_;
  Pool main_;
  std::map<int, std::unique_ptr<Recording>> recordings_;
  Recording* active_ = nullptr;
  int next_ = 1;
  size_t in_use_ = 0, peak_ = 0;
};

}  // namespace fr::cuda
