#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "data/cache.h"
#include "data/part_order.h"
#include "data/pk_order.h"
#include "data/shuffle.h"

namespace fr {
namespace {

// 32 bits of position and 32 bits of epoch, spread over the key's 48-bit step and 16-bit stream.
Random augment_random(uint64_t seed, int64_t epoch, int64_t position) {
  const auto e = static_cast<uint64_t>(epoch), k = static_cast<uint64_t>(position);
  return Random({seed, Purpose::augment, (e & 0xffff) << 32 | k, static_cast<uint32_t>(e >> 16)});
}

void check_pk(const Source& source, const LoaderOptions& o) {
  FR_CHECK(o.per_identity > 0 && o.batch % o.per_identity == 0, "loader: a batch of ", o.batch,
           " is no multiple of ", o.per_identity, " pictures of a class");
  const int64_t P = o.batch / o.per_identity, classes = classes_with_images(source);
  FR_CHECK(P <= classes, "loader: a batch of ", P, " classes from ", classes);
  FR_CHECK(o.tail == Tail::drop, "loader: the order pk has no smaller last batch");
}

void check_parts(const Source& source, const LoaderOptions& o) {
  FR_CHECK(o.parts.empty() || o.order == Order::uniform || o.order == Order::balanced,
           "loader: the orders pk and doppelganger have no shares of data sets");
  for (const LoaderPart& p : o.parts) {
    FR_CHECK(p.first >= 0 && p.first < p.last && p.last <= source.size(), "loader: a part of the pictures ",
             p.first, " to ", p.last, " of ", source.size());
    FR_CHECK(p.share > 0 && p.share < 1e9, "loader: expected a share > 0, got ", p.share);
  }
}

void check_doppelganger(const Source& source, const LoaderOptions& o) {
  check(o.doppelganger, o.batch, classes_with_images(source));
  FR_CHECK(o.tail == Tail::drop, "loader: the order doppelganger has no smaller last batch");
  const DoppelgangerList* list = o.doppelgangers;
  FR_CHECK(list && list->classes() == source.num_classes() && list->lag() == o.doppelganger.lag,
           "loader: the order doppelganger needs a list of ", source.num_classes(), " classes with lag ",
           o.doppelganger.lag);
  const int64_t first = o.start_epoch * (source.size() / o.batch) + o.start_batch;
  FR_CHECK(list->steps() == first, "loader: starts at batch ", first, " with the results of ", list->steps(),
           " steps");
}

void check(const Source& source, const LoaderOptions& o) {
  FR_CHECK(source.size() > 0 && source.size() <= UINT32_MAX, "loader: 1..2^32 - 1 pictures, got ",
           source.size());
  FR_CHECK(o.batch > 0, "loader: batch ", o.batch);
  FR_CHECK(o.tail == Tail::keep || o.batch <= source.size(), "loader: a batch of ", o.batch, " from ",
           source.size(), " pictures, and the smaller last batch is dropped");
  FR_CHECK(o.height > 0 && o.width > 0 && o.height <= 4096 && o.width <= 4096, "loader: a size of ", o.width,
           " x ", o.height);
  FR_CHECK(o.threads > 0 && o.threads <= 1024, "loader: 1..1024 threads, got ", o.threads);
  FR_CHECK(o.prefetch > 0 && o.prefetch <= 1024, "loader: 1..1024 batches of prefetch, got ", o.prefetch);
  FR_CHECK(o.max_damaged >= 0 && o.max_damaged <= 1, "loader: max_damaged 0..1, got ", o.max_damaged);
  FR_CHECK(o.cache_mb >= 0, "loader: cache_mb ", o.cache_mb);
  FR_CHECK(o.start_epoch >= 0 && o.start_batch >= 0, "loader: starts at epoch ", o.start_epoch, ", batch ",
           o.start_batch);
  check(o.augment);
  check_parts(source, o);
  if (o.order == Order::pk) check_pk(source, o);
  if (o.order == Order::doppelganger) check_doppelganger(source, o);
}

}  // namespace

std::vector<int64_t> epoch_order(const Source& source, Order order, uint64_t seed, int64_t epoch) {
  const auto step = static_cast<uint64_t>(epoch);
  FR_CHECK(order == Order::uniform || order == Order::balanced,
           "epoch_order: the orders pk and doppelganger depend on the batch");
  if (order == Order::balanced) {
    Random draws({seed, Purpose::sampler, step});
    return balanced_order(source, 0, source.size(), source.size(), draws);
  }
  std::vector<int64_t> indices(static_cast<size_t>(source.size()));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  Random random({seed, Purpose::shuffle, step});
  shuffle(indices, random);
  return indices;
}

std::vector<int64_t> epoch_order(const Source& source, const LoaderOptions& o, int64_t epoch) {
  const auto step = static_cast<uint64_t>(epoch);
  if (!o.parts.empty())
    return part_order(source, o.parts, o.order, source.size(), Random({o.seed, Purpose::sampler, step, 2}));
  if (o.order != Order::pk) return epoch_order(source, o.order, o.seed, epoch);
  return pk_order(source, o.batch / o.per_identity, o.per_identity, source.size() / o.batch,
                  Random({o.seed, Purpose::sampler, step, 1}));
}

// Batches are numbered from 0 over all epochs; batch t uses slot t mod (prefetch + 1) of a ring: one slot is
// with the caller. Workers take pieces of 16 pictures in order, so that a batch is finished by all threads
// together.
class Loader::Workers {
 public:
  Workers(const Source& source, const LoaderOptions& options);
  ~Workers() { stop(); }
  const Batch& next();
  void learn(std::vector<Doppelganger> found);

  int64_t per_epoch() const { return per_epoch_; }
  const std::vector<Damage>& damaged() const { return damaged_; }

 private:
  using OrderPointer = std::shared_ptr<const std::vector<int64_t>>;
  static constexpr int64_t kPiece = 16;
  struct Slot {
    Batch batch;
    OrderPointer order;
    int64_t first = 0;  // place in the order of the batch's first picture
    int64_t unfinished = 0;
    std::vector<std::vector<int64_t>> damaged;  // of each picture: the samples passed over
    std::exception_ptr error;
  };
  struct Piece {
    Slot* slot;
    int64_t begin, end;
  };

  void run();
  bool take(Piece& piece);  // with the lock; false: nothing to do at the moment
  void prepare(Slot& slot, int64_t t);
  std::exception_ptr fill(const Piece& piece);
  void fill_one(Slot& slot, int64_t n);
  int64_t candidate(const Slot& slot, int64_t k, int64_t attempt) const;
  void collect(const Slot& slot);
  void stop();

  Slot& slot(int64_t t) { return ring_[static_cast<size_t>(t % static_cast<int64_t>(ring_.size()))]; }
  bool decided(int64_t t) const { return !by_doppelgangers_ || options_.doppelgangers->decides(t); }
  // Whether a picture that cannot be read is replaced by one of its class.
  bool keeps_classes() const { return options_.order == Order::pk || by_doppelgangers_; }
  int64_t batch_size(int64_t number) const {
    return std::min(options_.batch, source_.size() - number * options_.batch);
  }

  const Source& source_;
  const LoaderOptions options_;
  const int64_t per_epoch_, allowed_;
  PictureCache cache_;
  std::optional<DoppelgangerOrder> by_doppelgangers_;

  std::mutex mutex_;
  std::condition_variable work_, ready_;
  std::vector<Slot> ring_;
  bool stop_ = false;
  std::exception_ptr failure_;  // of a worker outside any batch
  int64_t taking_, taken_ = 0;  // the batch and the picture at which the next piece begins
  int64_t delivered_;           // batches before this one are the caller's or gone
  bool delivering_ = false;     // the caller holds batch delivered_ - 1
  int64_t order_epoch_ = -1;
  OrderPointer order_;

  std::vector<Damage> damaged_;  // the caller's
  std::unordered_set<int64_t> known_;
  std::vector<std::thread> threads_;
};

Loader::Workers::Workers(const Source& source, const LoaderOptions& options)
    : source_(source),
      options_(options),
      per_epoch_(options.tail == Tail::drop ? source.size() / options.batch
                                            : (source.size() + options.batch - 1) / options.batch),
      allowed_(static_cast<int64_t>(options.max_damaged * static_cast<double>(source.size()))),
      cache_(source, options.height, options.width, options.cache_mb << 20),
      ring_(static_cast<size_t>(options.prefetch) + 1),
      taking_(options.start_epoch * per_epoch_ + options.start_batch),
      delivered_(taking_) {
  if (options.order == Order::doppelganger)
    by_doppelgangers_.emplace(source, options.doppelganger, options.batch, options.seed);
  try {
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { run(); });
  } catch (...) {
    stop();
    throw;
  }
}

void Loader::Workers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Loader::Workers::run() {
  std::unique_lock lock(mutex_);
  try {
    while (true) {
      Piece piece;
      work_.wait(lock, [&] { return stop_ || take(piece); });
      if (stop_) return;
      lock.unlock();
      std::exception_ptr error = fill(piece);
      lock.lock();
      if (error && !piece.slot->error) piece.slot->error = std::move(error);
      if ((piece.slot->unfinished -= piece.end - piece.begin) == 0) ready_.notify_one();
    }
  } catch (...) {  // from take(): no memory, or a label out of range
    failure_ = std::current_exception();
    ready_.notify_one();
  }
}

bool Loader::Workers::take(Piece& piece) {
  const int64_t held = delivered_ - (delivering_ ? 1 : 0);
  if (taking_ >= held + static_cast<int64_t>(ring_.size()) || !decided(taking_)) return false;
  Slot& s = slot(taking_);
  if (taken_ == 0) prepare(s, taking_);
  const int64_t size = s.batch.size();
  piece = {&s, taken_, std::min(taken_ + kPiece, size)};
  taken_ = piece.end;
  if (taken_ == size) ++taking_, taken_ = 0;
  return true;
}

void Loader::Workers::prepare(Slot& s, int64_t t) {
  Batch& b = s.batch;
  b.epoch = t / per_epoch_, b.number = t % per_epoch_;
  b.height = options_.height, b.width = options_.width;
  s.first = b.number * options_.batch;
  if (by_doppelgangers_) {
    order_ =
        std::make_shared<const std::vector<int64_t>>(by_doppelgangers_->batch(t, *options_.doppelgangers));
    s.first = 0;
  } else if (b.epoch != order_epoch_) {
    order_ = std::make_shared<const std::vector<int64_t>>(epoch_order(source_, options_, b.epoch));
    order_epoch_ = b.epoch;
  }
  const auto size = static_cast<size_t>(batch_size(b.number));
  b.images.resize(size * static_cast<size_t>(b.height * b.width * 3));
  b.labels.resize(size), b.indices.resize(size);
  s.damaged.assign(size, {});
  s.order = order_;
  s.unfinished = static_cast<int64_t>(size), s.error = nullptr;
}

std::exception_ptr Loader::Workers::fill(const Piece& piece) {
  try {
    for (int64_t n = piece.begin; n < piece.end; ++n) fill_one(*piece.slot, n);
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

// What stands at place k of the order in the attempts 0, 1, ..., -1 for nothing. Attempts 0 .. count - 1 are the order from k
// on; pk and doppelganger put between the first two of them those of the same class behind the batch.
int64_t Loader::Workers::candidate(const Slot& s, int64_t k, int64_t attempt) const {
  const std::vector<int64_t>& order = *s.order;
  const auto count = static_cast<int64_t>(order.size());
  const auto at = [&](int64_t position) { return order[static_cast<size_t>(position % count)]; };
  if (!keeps_classes() || attempt == 0) return at(k + attempt);
  if (attempt > count) return at(k + attempt - count);
  const int64_t index = at(s.first + options_.batch + attempt - 1);
  return source_.label(index) == source_.label(at(k)) ? index : -1;
}

// Place k, or the next readable one after it. The search ends when it alone has passed over more than is
// allowed: the caller will learn that from the list.
void Loader::Workers::fill_one(Slot& s, int64_t n) {
  const std::vector<int64_t>& order = *s.order;
  const auto count = static_cast<int64_t>(order.size());
  const int64_t k = s.first + n;
  std::vector<int64_t>& passed = s.damaged[static_cast<size_t>(n)];
  Image own;
  const int64_t attempts = keeps_classes() ? 2 * count : count;
  for (int64_t attempt = 0; attempt < attempts; ++attempt) {
    const int64_t index = candidate(s, k, attempt);
    if (index < 0) continue;
    const Image* image = cache_.get(index, own);
    if (!image) {
      if (std::find(passed.begin(), passed.end(), index) == passed.end()) passed.push_back(index);
      if (static_cast<int64_t>(passed.size()) > allowed_) return;
      continue;
    }
    Batch& b = s.batch;
    b.indices[static_cast<size_t>(n)] = index;
    b.labels[static_cast<size_t>(n)] = source_.label(index);
    Random random = augment_random(options_.seed, b.epoch, b.number * options_.batch + n);
    augment_to_float(&b.images[static_cast<size_t>(n * b.height * b.width * 3)], *image, options_.height,
                     options_.width, options_.augment, random);
    return;
  }
  throw Error(ErrorKind::data, cat("none of the ", count, " pictures of an epoch can be read; the first: ",
                                   source_.name(order[0]), ": ", cache_.reason(order[0])));
}

const Batch& Loader::Workers::next() {
  std::unique_lock lock(mutex_);
  FR_CHECK(decided(delivered_), "loader: batch ", delivered_,
           " is decided by the results of a step that learn() was not told");
  delivering_ = false;
  work_.notify_all();
  Slot& s = slot(delivered_);
  ready_.wait(lock, [&] { return failure_ || (taking_ > delivered_ && s.unfinished == 0); });
  if (failure_) std::rethrow_exception(failure_);
  delivering_ = true, ++delivered_;
  lock.unlock();
  collect(s);
  if (s.error) std::rethrow_exception(s.error);
  return s.batch;
}

void Loader::Workers::learn(std::vector<Doppelganger> found) {
  FR_CHECK(by_doppelgangers_, "loader: only the order doppelganger learns");
  {
    const std::lock_guard lock(mutex_);
    FR_CHECK(options_.doppelgangers->steps() < delivered_, "loader: results of batch ", delivered_,
             ", which was not delivered");
    options_.doppelgangers->learn(std::move(found));
  }
  work_.notify_all();
}

// In the order of batches and positions, so that list and moment of the error do not depend on timing.
void Loader::Workers::collect(const Slot& s) {
  for (const std::vector<int64_t>& passed : s.damaged)
    for (const int64_t index : passed)
      if (known_.insert(index).second) damaged_.push_back({index, source_.name(index), cache_.reason(index)});
  if (static_cast<int64_t>(damaged_.size()) <= allowed_) return;
  std::string message = cat("more than ", allowed_, " of ", source_.size(), " pictures cannot be read:");
  for (size_t i = 0; i < std::min<size_t>(damaged_.size(), 10); ++i) message += "\n  " + damaged_[i].reason;
  throw Error(ErrorKind::data, message);
}

Loader::Loader(const Source& source, const LoaderOptions& options) {
  check(source, options);
  workers_ = std::make_unique<Workers>(source, options);
}
Loader::~Loader() = default;
const Batch& Loader::next() { return workers_->next(); }
void Loader::learn(std::vector<Doppelganger> found) { workers_->learn(std::move(found)); }
int64_t Loader::batches_per_epoch() const { return workers_->per_epoch(); }
const std::vector<Damage>& Loader::damaged() const { return workers_->damaged(); }

}  // namespace fr
