// Looks for the card, once, and owns what there is one of: the stream and the pools of its memory.
#include "cuda/device.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string_view>

#include "base/error.h"
#include "cuda/interface.h"

#ifndef PROSOPON_CUDA_ARCH
#define PROSOPON_CUDA_ARCH "?"
#endif

namespace fr::cuda {
namespace {

constexpr int kOldest = 75, kBfloat16 = 80;  // compute capabilities, major x 10 + minor

void* segment(size_t bytes) {
  void* p = nullptr;
  const cudaError_t result = cudaMalloc(&p, bytes);
  if (result == cudaSuccess) return p;
  cudaGetLastError();  // so that the next call does not report it
  if (result != cudaErrorMemoryAllocation) check_call(result, "memory of the card");
  return nullptr;
}

DeviceMemory memory() {
  DeviceMemory m;
  check_call(cudaMemGetInfo(&m.free, &m.total), "free memory of the card");
  return m;
}

// PROSOPON_CUDA_POOL=0: every block is an allocation of its own, so that compute-sanitizer sees an access past its end.
bool pooled() {
  const char* value = std::getenv("PROSOPON_CUDA_POOL");
  return !value || std::string_view(value) != "0";
}
SegmentSource source() {
  SegmentSource s{segment, [](void* p) { cudaFree(p); }, memory};
  if (!pooled()) s.unit = s.smallest = 256;
  return s;
}

struct Card {
  int capability = 0;
  std::string name, description;
  cudaStream_t stream = nullptr;
  DevicePools pools{source()};
};

// Never destroyed: tensors with static lifetime release their memory after everything else.
Card* current = nullptr;
std::string status;

std::string version(int v) { return cat(v / 1000, ".", v % 1000 / 10); }  // 13020 -> "13.2"
std::string capability_text(int c) { return cat("compute capability ", c / 10, ".", c % 10); }

// 13000 for a driver of CUDA 13.0; 0: none. CUDA's runtime says 0 for one that is much too old, too.
int driver_version() {
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess && version > 0) return version;
  void* library = dlopen("libcuda.so.1", RTLD_LAZY);
  const auto ask = library ? reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDriverGetVersion")) : nullptr;
  return ask && ask(&version) == 0 ? version : 0;
}

// Why there is no card that could be used; empty: there is one, described in `found`.
std::string look(Card& found) {
  const int driver = driver_version();
  if (driver == 0) return "no NVIDIA driver";
  int runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  const cudaError_t result = cudaGetDeviceCount(&count);
  if (result == cudaErrorInsufficientDriver)
    return cat("driver ", version(driver), " is older than CUDA ", version(runtime), " needs");
  if (result == cudaErrorNoDevice || (result == cudaSuccess && count == 0)) return "no CUDA card";
  check_call(result, "looking for a CUDA card");
  cudaDeviceProp properties{};
  check_call(cudaGetDeviceProperties(&properties, 0), "properties of the card");
  found.name = properties.name;
  found.capability = properties.major * 10 + properties.minor;
  found.description = cat(found.name, ", ", capability_text(found.capability), ", driver ", version(driver),
                          ", ", (properties.totalGlobalMem + (size_t{1} << 29)) >> 30, " GiB");
  if (found.capability < kOldest)
    return cat(found.name, ", ", capability_text(found.capability), ": the kernels need 7.5 or later");
  check_call(cudaStreamCreateWithFlags(&found.stream, cudaStreamNonBlocking), "a stream");
  return {};
}

// One kernel and back: it fails where the program holds none for this card.
std::string try_out(const Card& card) try {
  const Kernels<float>& k = table<float>();
  float got = 0;
  void* p = k.alloc(sizeof got);
  k.fill(static_cast<float*>(p), 3, 1);
  k.download(&got, p, sizeof got);
  k.release(p);
  return got == 3 ? "" : cat(card.name, ": a kernel gave ", got, " instead of 3");
} catch (const std::exception& e) {
  return cat(card.name, ", ", capability_text(card.capability),
             ": kernels built for " PROSOPON_CUDA_ARCH " do not run on it (", e.what(), ")");
}

void find() try {
  auto* card = new Card;
  status = look(*card);
  if (!status.empty()) {
    delete card;
    return;
  }
  current = card;
  status = try_out(*card);
  if (status.empty())
    status = card->description;
  else
    current = nullptr;
} catch (const std::exception& e) {
  current = nullptr, status = e.what();
}

std::once_flag looked;
thread_local bool looking = false;

Card* card_or_null() {
  if (!looking) {
    looking = true;
    std::call_once(looked, find);
    looking = false;
  }
  return current;
}
Card& card() {
  if (Card* c = card_or_null()) return *c;
  throw Error(ErrorKind::memory, "no CUDA card can be used: " + status);
}

}  // namespace

bool usable() { return card_or_null(); }
bool has_bfloat16() { return card().capability >= kBfloat16; }
std::string found() {
  card_or_null();
  return status;
}

cudaStream_t stream() { return card().stream; }
int compute_capability() { return card().capability; }
DevicePools& pools() { return card().pools; }

void check_call(cudaError_t result, const char* what) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  const bool full = result == cudaErrorMemoryAllocation;
  throw Error(full ? ErrorKind::memory : ErrorKind::internal,
              cat("CUDA: ", what, ": ", cudaGetErrorString(result)));
}

void* device_alloc(size_t bytes) { return card().pools.alloc(bytes); }
void device_release(void* p) noexcept {
  if (!p) return;
  static const bool keep = pooled();
  card().pools.release(p);
  if (!keep && !card().pools.recording()) card().pools.trim();
}

void refuse_while_recording(const char* what) {
  if (card().pools.recording()) throw std::logic_error(cat("CUDA: ", what, " while recording"));
}

void copy_to_device(void* to, const void* from, size_t bytes) {
  refuse_while_recording("upload()");
  if (!bytes) return;
  check_call(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "copying to the card");
  check_call(cudaStreamSynchronize(stream()), "copying to the card");
}
void copy_to_host(void* to, const void* from, size_t bytes) {
  refuse_while_recording("download()");
  if (!bytes) return;
  check_call(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "copying from the card");
  check_call(cudaStreamSynchronize(stream()), "copying from the card");
}
void copy_on_device(void* to, const void* from, size_t bytes) {
  if (bytes)
    check_call(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copying on the card");
}

}  // namespace fr::cuda
