// A dense row-major array with shared storage. Copying a Tensor shares the memory; clone() copies it.
// Images and feature maps (N,H,W,C), filters (K,R,S,C), embeddings (N,D), class weights (M,D).
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "tensor/device.h"
#include "tensor/kernels.h"

namespace fr {

using Shape = std::vector<int64_t>;
int64_t elements(const Shape& shape);       // product; 1 for rank 0
std::string to_string(const Shape& shape);  // "(2,3,4)"

// float32 is everywhere, float64 on the CPU alone, bfloat16 on a device alone: there it is what maps are made of.
enum class DType { float32, float64, int64, bfloat16 };
enum class Device { cpu, cuda };  // cuda: what device() gives, a card or an emulator
const char* to_string(DType type);
const char* to_string(Device device);
size_t element_size(DType type);
// The type of what is never rounded to bfloat16 (Wide<T>): float32 for bfloat16, otherwise the type itself.
inline DType wide(DType type) { return type == DType::bfloat16 ? DType::float32 : type; }

template <class T>
constexpr DType dtype_of() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, int64_t> ||
                std::is_same_v<T, bfloat16>);
  return std::is_same_v<T, float>     ? DType::float32
         : std::is_same_v<T, double>  ? DType::float64
         : std::is_same_v<T, int64_t> ? DType::int64
                                      : DType::bfloat16;
}

// An untyped pointer that turns into T* and checks that T is the tensor's element type. Lets one generic call
// `k.entry(y.data(), x.data(), ...)` serve the tables of all element types.
class Pointer {
 public:
  Pointer(void* p, DType type) : p_(p), type_(type) {}
  template <class T>
  operator T*() const {
    using Element = std::remove_const_t<T>;
    if constexpr (!std::is_void_v<Element>)
      FR_CHECK(!p_ || dtype_of<Element>() == type_, "tensor: asked for ", to_string(dtype_of<Element>()),
               ", holds ", to_string(type_));
    return static_cast<T*>(p_);
  }

 private:
  void* p_;
  DType type_;
};

class Tensor {
 public:
  Tensor() = default;  // empty: no storage, converts to false
  explicit Tensor(Shape shape, DType type = DType::float32,
                  Device device = Device::cpu);  // contents undefined

  static Tensor zeros(Shape shape, DType type = DType::float32, Device device = Device::cpu);
  static Tensor full(Shape shape, double value, DType type = DType::float32, Device device = Device::cpu);
  template <class T>
  static Tensor from(const std::vector<T>& values, Shape shape,
                     DType type = dtype_of<T>(),  // converts if asked
                     Device device = Device::cpu);

  explicit operator bool() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int i) const {
    return i < 0 ? shape_.at(shape_.size() + i) : shape_.at(i);
  }  // dim(-1) is the last
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t size() const { return elements(shape_); }
  size_t bytes() const { return size_t(size()) * element_size(type_); }
  DType dtype() const { return type_; }
  Device device() const { return device_; }
  bool on_host() const { return device_ == Device::cpu; }  // the host may read it at any moment

  Pointer data() const { return {storage_.get(), type_}; }  // null for an empty tensor
  template <class T>
  T* as() const {
    return data();
  }

  Tensor reshape(Shape shape) const;  // shares the storage; one size may be -1. Throws if the counts differ.
  Tensor clone() const;
  void fill(double value) const;
  // The same shape and type, or the one float32 and the other bfloat16; from any device.
  void copy_from(const Tensor& other) const;
  Tensor to(DType type) const;     // converted copy; itself when the type is the same
  Tensor to(Device device) const;  // copy on the device; itself when it lies there

  template <class T>
  std::vector<T> host() const;  // a copy, converted to T; from a device: waits for all work asked for before
  double item() const;          // the only element; alike

  // No other Tensor shares the storage: nobody else will see what is written there.
  bool sole_owner() const { return storage_.use_count() == 1; }

 private:
  friend class WeakTensor;
  Shape shape_;
  DType type_ = DType::float32;
  Device device_ = Device::cpu;
  std::shared_ptr<void> storage_;
};

// Sees a tensor without keeping its storage alive.
class WeakTensor {
 public:
  WeakTensor() = default;
  explicit WeakTensor(const Tensor& t) : like_(t), storage_(t.storage_) { like_.storage_ = nullptr; }
  Tensor lock() const {  // empty once the storage is gone
    Tensor t = like_;
    t.storage_ = storage_.lock();
    return t;
  }

 private:
  Tensor like_;  // shape and type alone
  std::weak_ptr<void> storage_;
};

// Where results of an op on x go: another shape, the same device, and the type of x or its wide one.
inline Tensor like(const Tensor& x, Shape shape) { return Tensor(std::move(shape), x.dtype(), x.device()); }
inline Tensor wide_like(const Tensor& x, Shape shape) {
  return Tensor(std::move(shape), wide(x.dtype()), x.device());
}

// The device's table for T; Error{memory} when there is no device, std::invalid_argument when it cannot do T.
template <class T>
const Kernels<T>& device_kernels();
[[noreturn]] void throw_no_kernels(DType type, Device device);

// f(table of kernels) for an element type and a device: float32 and float64 on the CPU, float32 and bfloat16 on cuda.
//   with_kernels(x, [&](const auto& k) { k.l2_normalize_forward(y.data(), norm.data(), x.data(), N, D, eps);
//   });
template <class F>
void with_kernels(DType type, Device device, const F& f) {
  if (device == Device::cuda && type == DType::float32) return f(device_kernels<float>());
  if (device == Device::cuda && type == DType::bfloat16) return f(device_kernels<bfloat16>());
  if (device == Device::cpu && type == DType::float32) return f(kernels<float>());
  if (device == Device::cpu && type == DType::float64) return f(kernels<double>());
  throw_no_kernels(type, device);
}
template <class F>
void with_kernels(const Tensor& x, const F& f) {
  with_kernels(x.dtype(), x.device(), f);
}

}  // namespace fr
