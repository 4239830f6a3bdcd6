// Each entry of a table is the reference's, called with every argument translated: pointers made real, bfloat16 made float
// and back, and the pointers inside structures alike.
#include "test/stand_in.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"

namespace fr::test {
namespace {

constexpr uintptr_t kTag = uintptr_t{1} << 62;  // no address of x86-64 or ARM has it

struct Block {
  size_t bytes = 0;
  bool recorded = false, released = false;
};
struct Recording {
  std::vector<std::function<void()>> work;
  std::vector<char*> blocks;
};
struct CopyAhead {
  void* to;
  const void* from;
  size_t bytes;
};

struct State {
  std::map<char*, Block> blocks;
  Recording* recording = nullptr;
  std::vector<CopyAhead> ahead;
  DeviceMemory memory;
  size_t limit = 0;
  StandInCounts counts;
};
State& state() {
  static State s;
  return s;
}

void fail(const std::string& what) { throw std::logic_error("stand-in device: " + what); }

char* real(const void* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  if (address >> 62 != 1) fail("a kernel was given a pointer to host memory");
  return reinterpret_cast<char*>(address - kTag);
}

// The block in which the address lies, or behind whose end it lies by nothing.
const std::pair<char* const, Block>& block_of(char* p) {
  auto at = state().blocks.upper_bound(p);
  if (at == state().blocks.begin() || p > (--at)->first + at->second.bytes)
    fail("memory that was released or never given");
  return *at;
}

template <class P>
P host_pointer(P p) {
  if (!p) return p;
  char* address = real(p);
  block_of(address);
  return reinterpret_cast<P>(address);
}

// --- arguments: what is kept of one until the call, and what the reference gets ---

template <class A>
struct Argument {
  A value;
  explicit Argument(const A& a) : value(a) {}
  A get() const { return value; }
};
template <class X>
struct Argument<X*> {
  X* p;
  explicit Argument(X* a) : p(a) {}
  X* get() const { return host_pointer(p); }
};

// Floats in the place of the block's rest.
struct Floats {
  explicit Floats(const bfloat16* p) {
    if (!p) return;
    place = const_cast<bfloat16*>(host_pointer(p));
    const auto& [start, block] = block_of(reinterpret_cast<char*>(place));
    values.resize((block.bytes - size_t(reinterpret_cast<char*>(place) - start)) / sizeof(bfloat16));
    for (size_t i = 0; i < values.size(); ++i) values[i] = place[i];
  }
  float* data() { return place ? values.data() : nullptr; }
  void write_back() const {
    for (size_t i = 0; i < values.size(); ++i) place[i] = values[i];
  }
  bfloat16* place = nullptr;
  std::vector<float> values;
};
template <>
struct Argument<const bfloat16*> {
  const bfloat16* p;
  mutable std::unique_ptr<Floats> floats;
  explicit Argument(const bfloat16* a) : p(a) {}
  Argument(const Argument& other) : p(other.p) {}
  const float* get() const {
    floats = std::make_unique<Floats>(p);
    return floats->values.empty() && !p ? nullptr : floats->data();
  }
};
template <>
struct Argument<bfloat16*> {
  bfloat16* p;
  mutable std::shared_ptr<Floats> floats;
  explicit Argument(bfloat16* a) : p(a) {}
  float* get() const {
    // written back when the call is over and the tuple of floats goes
    floats = std::shared_ptr<Floats>(new Floats(p), [](Floats* f) { f->write_back(), delete f; });
    return floats->data();
  }
};
template <>
struct Argument<PhiloxKey> {
  PhiloxKey key;
  explicit Argument(const PhiloxKey& a) : key(a) {}
  PhiloxKey get() const {
    PhiloxKey k = key;
    k.step_at = host_pointer(key.step_at);
    return k;
  }
};
template <>
struct Argument<Margin> {
  Margin margin;
  explicit Argument(const Margin& a) : margin(a) {}
  Margin get() const {
    Margin m = margin;
    m.lambda_at = host_pointer(margin.lambda_at);
    return m;
  }
};
template <>
struct Argument<MarginPairs> {
  MarginPairs options;
  explicit Argument(const MarginPairs& a) : options(a) {}
  MarginPairs get() const {
    MarginPairs o = options;
    o.key.step_at = host_pointer(o.key.step_at);
    return o;
  }
};
template <>
struct Argument<Crossing> {
  Crossing crossing;
  explicit Argument(const Crossing& a) : crossing(a) {}
  Crossing get() const {
    Crossing c = crossing;
    c.key.step_at = host_pointer(c.key.step_at), c.list = host_pointer(c.list);
    return c;
  }
};
template <>
struct Argument<DomainFrequency> {
  DomainFrequency options;
  explicit Argument(const DomainFrequency& a) : options(a) {}
  DomainFrequency get() const {
    DomainFrequency o = options;
    o.step_at = host_pointer(o.step_at);
    return o;
  }
};
template <class T>
struct Argument<BatchNormLine<T>> {
  BatchNormLine<T> line;
  explicit Argument(const BatchNormLine<T>& a) : line(a) {}
  BatchNormLine<float> get() const {
    return {host_pointer(line.mean), host_pointer(line.rstd), host_pointer(line.gamma),
            host_pointer(line.beta), host_pointer(line.slope)};
  }
};
template <class T>
struct Argument<Conv2dFinish<T>> {
  Conv2dFinish<T> finish;
  mutable std::unique_ptr<Argument<const T*>> residual;
  explicit Argument(const Conv2dFinish<T>& a) : finish(a) {}
  Argument(const Argument& other) : finish(other.finish) {}
  Conv2dFinish<float> get() const {
    residual = std::make_unique<Argument<const T*>>(finish.residual);
    return {host_pointer(finish.scale), host_pointer(finish.shift), host_pointer(finish.slope),
            residual->get()};
  }
};

// Lets go of the floats after a call, in which those that were written go back.
template <class A>
void let_go(Argument<A>& a) {
  if constexpr (std::is_same_v<A, bfloat16*>) a.floats.reset();
}

// --- asking for work ---

void land() {
  for (const CopyAhead& c : std::exchange(state().ahead, {}))
    std::memcpy(host_pointer(c.to), c.from, c.bytes);
}

void ask(std::function<void()> work) {
  State& s = state();
  ++s.counts.kernels;
  if (s.recording) return s.recording->work.push_back(std::move(work));
  land();
  work();
}

template <auto reference, class... A>
void call(A... a) {
  ask([kept = std::make_tuple(Argument<std::decay_t<A>>(a)...)]() mutable {
    std::apply(
        [](auto&... argument) {
          (ref_kernels<float>().*reference)(argument.get()...);
          (let_go(argument), ...);
        },
        kept);
  });
}
template <auto member, auto reference, class T, class... A>
void wrap(Kernels<T>& k, void (*Kernels<T>::*)(A...)) {
  k.*member = [](A... a) { call<reference, A...>(a...); };
}

// --- memory ---

void* alloc(size_t bytes) {
  State& s = state();
  if (s.limit && s.memory.in_use + bytes > s.limit)
    throw Error(ErrorKind::memory, cat("stand-in device: asked for ", bytes, " bytes, ",
                                       s.limit - std::min(s.limit, s.memory.in_use), " free"));
  s.memory.in_use += bytes, s.memory.peak = std::max(s.memory.peak, s.memory.in_use);
  char* p = nullptr;
  if (s.recording)  // what the recording has released may be given again, to the recording alone
    for (char* old : s.recording->blocks)
      if (Block& b = s.blocks[old]; !p && b.released && b.bytes == bytes) p = old, b.released = false;
  if (!p) {
    p = static_cast<char*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
    s.blocks[p] = {bytes, s.recording != nullptr, false};
    if (s.recording) s.recording->blocks.push_back(p);
  }
  if (s.recording)
    s.recording->work.push_back([p, bytes] { std::memset(p, 0xff, bytes); });
  else
    std::memset(p, 0xff, bytes);
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(p) + kTag);
}

void release(void* tagged) {
  State& s = state();
  char* p = real(tagged);
  const auto at = s.blocks.find(p);
  if (at == s.blocks.end() || at->second.released) fail("memory released twice");
  s.memory.in_use -= at->second.bytes;
  if (at->second.recorded) return void(at->second.released = true);
  s.blocks.erase(at);
  std::free(p);
}

void not_while_recording(const char* what) {
  if (state().recording) fail(cat(what, " while recording"));
}

template <class T>
void install_by_hand(Kernels<T>& k) {
  k.name = "stand-in";
  k.alloc = alloc, k.release = release;
  k.upload = [](void* to, const void* from, size_t bytes) {
    not_while_recording("upload"), land(), ++state().counts.uploads;
    std::memcpy(host_pointer(to), from, bytes);
  };
  k.download = [](void* to, const void* from, size_t bytes) {
    not_while_recording("download"), land(), ++state().counts.downloads;
    std::memcpy(to, host_pointer(from), bytes);
  };
  k.copy = [](void* to, const void* from, size_t bytes) {
    ask([=] { std::memcpy(host_pointer(to), host_pointer(from), bytes); });
  };
  k.conv2d_prepared_size = [](const Conv2dShape&) { return int64_t{0}; };
  k.squared_norm_many = [](double* norm, const SgdParameter<T>* list, int64_t count) {
    ask([norm, own = std::vector(list, list + count)] {
      std::vector<SgdParameter<float>> all;
      for (const auto& p : own) all.push_back({nullptr, nullptr, host_pointer(p.g), nullptr, p.n, 1, 1});
      ref_kernels<float>().squared_norm_many(host_pointer(norm), all.data(), int64_t(all.size()));
    });
  };
  k.sgd_update_many = [](const SgdParameter<T>* list, int64_t count, const SgdStep& step, const double* lr,
                         const double* norm, double clip) {
    ask([own = std::vector(list, list + count), step, lr, norm, clip] {
      std::vector<SgdParameter<float>> all;
      for (const auto& p : own)
        all.push_back({host_pointer(p.p), host_pointer(p.v), host_pointer(p.g), nullptr, p.n, p.lr_multiplier,
                       p.decay_multiplier});
      ref_kernels<float>().sgd_update_many(all.data(), int64_t(all.size()), step, host_pointer(lr),
                                           host_pointer(norm), clip);
      for (size_t i = 0; i < own.size(); ++i)
        for (int64_t j = 0; own[i].low && j < own[i].n; ++j) host_pointer(own[i].low)[j] = T(all[i].p[j]);
    });
  };
  k.adam_update_many = [](const AdamParameter<T>* list, int64_t count, const AdamStep& step,
                          const StepState* at, double clip) {
    ask([own = std::vector(list, list + count), step, at, clip] {
      std::vector<AdamParameter<float>> all;
      for (const auto& p : own)
        all.push_back({host_pointer(p.p), host_pointer(p.m), host_pointer(p.v), host_pointer(p.g), nullptr,
                       p.n, p.lr_multiplier, p.decay_multiplier});
      ref_kernels<float>().adam_update_many(all.data(), int64_t(all.size()), step, host_pointer(at), clip);
      for (size_t i = 0; i < own.size(); ++i)
        for (int64_t j = 0; own[i].low && j < own[i].n; ++j) host_pointer(own[i].low)[j] = T(all[i].p[j]);
    });
  };
}

template <class T>
Kernels<T> make_table() {
  using K = Kernels<T>;
  using F = Kernels<float>;
  K k{};
  install_by_hand(k);
  const auto add = [&]<auto member, auto reference>() { wrap<member, reference>(k, member); };
  add.template operator()<&K::fill, &F::fill>();
  add.template operator()<&K::narrow, &F::narrow>();
  add.template operator()<&K::widen, &F::widen>();
  add.template operator()<&K::pictures, &F::pictures>();
  add.template operator()<&K::add_scaled, &F::add_scaled>();
  add.template operator()<&K::affine_forward, &F::affine_forward>();
  add.template operator()<&K::clamp, &F::clamp>();
  add.template operator()<&K::unary_forward, &F::unary_forward>();
  add.template operator()<&K::unary_backward, &F::unary_backward>();
  add.template operator()<&K::binary_forward, &F::binary_forward>();
  add.template operator()<&K::binary_backward, &F::binary_backward>();
  add.template operator()<&K::reduce_forward, &F::reduce_forward>();
  add.template operator()<&K::reduce_backward, &F::reduce_backward>();
  add.template operator()<&K::dot, &F::dot>();
  add.template operator()<&K::argmax_rows, &F::argmax_rows>();
  add.template operator()<&K::largest_other, &F::largest_other>();
  add.template operator()<&K::find_nonfinite, &F::find_nonfinite>();
  add.template operator()<&K::gemm, &F::gemm>();
  add.template operator()<&K::gemm_wide, &F::gemm_wide>();
  add.template operator()<&K::conv2d_forward, &F::conv2d_forward>();
  add.template operator()<&K::conv2d_forward_statistics, &F::conv2d_forward_statistics>();
  add.template operator()<&K::conv2d_prepare, &F::conv2d_prepare>();
  add.template operator()<&K::conv2d_fused_forward, &F::conv2d_fused_forward>();
  add.template operator()<&K::conv2d_backward_input, &F::conv2d_backward_input>();
  add.template operator()<&K::conv2d_backward_filter, &F::conv2d_backward_filter>();
  add.template operator()<&K::bias_forward, &F::bias_forward>();
  add.template operator()<&K::bias_backward, &F::bias_backward>();
  add.template operator()<&K::prelu_forward, &F::prelu_forward>();
  add.template operator()<&K::prelu_backward, &F::prelu_backward>();
  add.template operator()<&K::arfa_forward, &F::arfa_forward>();
  add.template operator()<&K::arfa_backward, &F::arfa_backward>();
  add.template operator()<&K::batch_norm_statistics, &F::batch_norm_statistics>();
  add.template operator()<&K::batch_norm_apply, &F::batch_norm_apply>();
  add.template operator()<&K::batch_norm_backward, &F::batch_norm_backward>();
  add.template operator()<&K::batch_norm_line, &F::batch_norm_line>();
  add.template operator()<&K::batch_norm_inference_forward, &F::batch_norm_inference_forward>();
  add.template operator()<&K::batch_norm_inference_backward, &F::batch_norm_inference_backward>();
  add.template operator()<&K::max_pool_forward, &F::max_pool_forward>();
  add.template operator()<&K::max_pool_backward, &F::max_pool_backward>();
  add.template operator()<&K::average_pool_forward, &F::average_pool_forward>();
  add.template operator()<&K::average_pool_backward, &F::average_pool_backward>();
  add.template operator()<&K::dropout_forward, &F::dropout_forward>();
  add.template operator()<&K::dropout_backward, &F::dropout_backward>();
  add.template operator()<&K::l2_normalize_forward, &F::l2_normalize_forward>();
  add.template operator()<&K::l2_normalize_backward, &F::l2_normalize_backward>();
  add.template operator()<&K::squared_distances_forward, &F::squared_distances_forward>();
  add.template operator()<&K::squared_distances_backward, &F::squared_distances_backward>();
  add.template operator()<&K::contrastive, &F::contrastive>();
  add.template operator()<&K::triplet, &F::triplet>();
  add.template operator()<&K::center_update, &F::center_update>();
  add.template operator()<&K::lifted_distance, &F::lifted_distance>();
  add.template operator()<&K::lifted_cosine, &F::lifted_cosine>();
  add.template operator()<&K::margin_pairs, &F::margin_pairs>();
  add.template operator()<&K::leave_out_classes, &F::leave_out_classes>();
  add.template operator()<&K::reverse_gradient, &F::reverse_gradient>();
  add.template operator()<&K::likelihood_pairs, &F::likelihood_pairs>();
  add.template operator()<&K::softmax_cross_entropy_forward, &F::softmax_cross_entropy_forward>();
  add.template operator()<&K::softmax_cross_entropy_backward, &F::softmax_cross_entropy_backward>();
  add.template operator()<&K::margin_softmax_forward, &F::margin_softmax_forward>();
  add.template operator()<&K::margin_softmax_backward, &F::margin_softmax_backward>();
  add.template operator()<&K::gather_rows, &F::gather_rows>();
  add.template operator()<&K::scatter_add_rows, &F::scatter_add_rows>();
  add.template operator()<&K::top_k, &F::top_k>();
  add.template operator()<&K::domain_frequency, &F::domain_frequency>();
  add.template operator()<&K::sgd_update, &F::sgd_update>();
  for (size_t i = 0; i < sizeof k / sizeof(void*); ++i)
    if (!reinterpret_cast<void* const*>(&k)[i])
      throw std::logic_error(cat("the stand-in lacks entry ", i, " of the contract"));
  return k;
}

const Kernels<float>& single() {
  static const Kernels<float> table = make_table<float>();
  return table;
}
const Kernels<bfloat16>& half() {
  static const Kernels<bfloat16> table = make_table<bfloat16>();
  return table;
}

// --- recordings ---

void begin_recording() {
  not_while_recording("begin_recording");
  state().recording = new Recording;
}
void* end_recording() { return std::exchange(state().recording, nullptr); }
void replay(void* recording) {
  land(), ++state().counts.replays;
  for (const auto& work : static_cast<Recording*>(recording)->work) work();
}
void drop(void* recording) {
  auto* r = static_cast<Recording*>(recording);
  for (char* p : r->blocks) {
    if (!state().blocks.at(p).released) fail("a recording was dropped while its memory was in use");
    state().blocks.erase(p);
    std::free(p);
  }
  delete r;
}

DeviceInterface make_device() {
  DeviceInterface d{};
  d.single = &single(), d.half = &half();
  d.describe = [] { return std::string("stand-in device"); };
  d.synchronize = land;
  d.begin_recording = begin_recording, d.end_recording = end_recording, d.replay = replay, d.drop = drop;
  d.alloc_pinned = [](size_t bytes) { return std::malloc(bytes); };
  d.release_pinned = [](void* p) { std::free(p); };
  d.upload_ahead = [](void* to, const void* from, size_t bytes) {
    state().ahead.push_back({to, from, bytes});
  };
  d.copied = land;
  d.memory = [] {
    State& s = state();
    s.memory.reserved = s.memory.in_use, s.memory.total = s.limit ? s.limit : size_t{1} << 40;
    s.memory.free = s.memory.total - std::min(s.memory.total, s.memory.in_use);
    return s.memory;
  };
  d.reset_peak = [] { state().memory.peak = state().memory.in_use; };
  d.trim = [] {};
  return d;
}

}  // namespace

const DeviceInterface& stand_in() {
  static const DeviceInterface device = make_device();
  return device;
}
void limit_stand_in(size_t bytes) { state().limit = bytes; }
StandInCounts stand_in_counts() { return state().counts; }

}  // namespace fr::test
