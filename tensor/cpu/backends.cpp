// Which tables this CPU can run, and which one tensors use. Compiled without ISA flags: it runs on every
// x86-64.
#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/kernels.h"

namespace fr {

namespace avx2 {
const Kernels<float>& table();  // simd/table.cpp
}
namespace avx512 {
const Kernels<float>& table();
}

namespace {

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const Kernels<float>& find_backend(std::string_view name) {
  std::string available;
  for (const Kernels<float>* k : all_backends()) {
    if (name == k->name) return *k;
    available += std::string(" ") + k->name;
  }
  throw std::invalid_argument(cat("backend \"", name, "\" is not available here; available:", available));
}

const Kernels<float>& default_backend() {
  const char* name = std::getenv("PROSOPON_BACKEND");
  return name && *name ? find_backend(name) : *all_backends().back();
}

std::atomic<const Kernels<float>*>& selected() {
  static std::atomic<const Kernels<float>*> table{&default_backend()};
  return table;
}

std::atomic<bool>& winograd() {
  static std::atomic<bool> on{true};
  return on;
}

std::atomic<bool>& cublas() {
  static std::atomic<bool> on{false};
  return on;
}

std::atomic<bool>& tf32() {
  static std::atomic<bool> on{false};
  return on;
}
std::atomic<bool>& hopper() {
  static std::atomic<bool> on{false};
  return on;
}

}  // namespace

const Kernels<float>* avx2_kernels() { return has_avx2() ? &avx2::table() : nullptr; }
const Kernels<float>* avx512_kernels() { return has_avx512() ? &avx512::table() : nullptr; }

std::span<const Kernels<float>* const> all_backends() {
  static const std::vector<const Kernels<float>*> backends = [] {
    std::vector<const Kernels<float>*> found{&ref_kernels<float>()};
    for (const Kernels<float>* k : {avx2_kernels(), avx512_kernels()})
      if (k) found.push_back(k);
    return found;
  }();
  return backends;
}

template <>
const Kernels<float>& kernels<float>() {
  return *selected().load(std::memory_order_relaxed);
}

template <>
const Kernels<double>& kernels<double>() {
  return ref_kernels<double>();
}

void select_backend(std::string_view name) { selected() = &find_backend(name); }

void select_winograd(bool on) { winograd().store(on, std::memory_order_relaxed); }
bool winograd_selected() { return winograd().load(std::memory_order_relaxed); }
void select_tf32(bool on) { tf32().store(on, std::memory_order_relaxed); }
void select_cublas(bool on) { cublas().store(on, std::memory_order_relaxed); }
bool cublas_selected() { return cublas().load(std::memory_order_relaxed); }
bool tf32_selected() { return tf32().load(std::memory_order_relaxed); }
void select_hopper(bool on) { hopper().store(on, std::memory_order_relaxed); }
bool hopper_selected() { return hopper().load(std::memory_order_relaxed); }

}  // namespace fr
