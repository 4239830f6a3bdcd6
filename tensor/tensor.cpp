// Tensor: shape, element type and shared storage, from the arena or from the device. No arithmetic here.
#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "tensor/arena.h"

namespace fr {

template <>
const Kernels<float>& device_kernels<float>() {
  return *needed_device().single;
}
template <>
const Kernels<bfloat16>& device_kernels<bfloat16>() {
  const DeviceInterface& device = needed_device();
  FR_CHECK(device.half, "bfloat16: ", device.describe(), " has no arithmetic for it");
  return *device.half;
}

namespace {

// f(pointer of the element type)
template <class F>
void visit(DType type, void* p, const F& f) {
  switch (type) {
    case DType::float32:
      return f(static_cast<float*>(p));
    case DType::float64:
      return f(static_cast<double*>(p));
    case DType::int64:
      return f(static_cast<int64_t*>(p));
    case DType::bfloat16:
      return f(static_cast<bfloat16*>(p));
  }
}

// to_i = from_i, both n elements of host memory
void convert(void* to, DType to_type, const void* from, DType from_type, int64_t n) {
  if (to_type == from_type) {
    if (n) std::memcpy(to, from, static_cast<size_t>(n) * element_size(to_type));
    return;
  }
  visit(to_type, to, [&](auto* y) {
    visit(from_type, const_cast<void*>(from), [&](auto* x) {
      std::transform(x, x + n, y, [](auto v) { return static_cast<std::remove_pointer_t<decltype(y)>>(v); });
    });
  });
}

std::shared_ptr<void> allocate(size_t bytes, Device device) {
  if (device == Device::cpu) return {arena_alloc(bytes), arena_release};
  const Kernels<float>& k = *needed_device().single;
  return {k.alloc(std::max<size_t>(bytes, 1)), k.release};
}

// Bytes from one device to another, or within one.
void move_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  if (to_device == Device::cpu && from_device == Device::cpu) return kernels<float>().copy(to, from, bytes);
  const Kernels<float>& k = *needed_device().single;
  if (bytes == 0) return;
  (to_device == from_device ? k.copy : to_device == Device::cuda ? k.upload : k.download)(to, from, bytes);
}

// float32 and bfloat16 on the device, one the other rounded.
bool both_floats(DType a, DType b) { return wide(a) == DType::float32 && wide(b) == DType::float32; }
void round_on_device(const Tensor& to, const Tensor& from) {
  const int64_t n = to.size();
  const Kernels<bfloat16>& k = device_kernels<bfloat16>();
  if (to.dtype() == DType::bfloat16)
    k.narrow(to.data(), from.data(), 1, n, n, n);
  else
    k.widen(to.data(), from.data(), 1, n, n, n);
}

// The shape with its -1 replaced so that the product is n.
Shape complete(Shape shape, int64_t n) {
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown == shape.end()) return shape;
  *unknown = 1;
  const int64_t rest = elements(shape);
  FR_CHECK(rest > 0 && n % rest == 0, "reshape: ", n, " elements do not fill ", to_string(shape),
           " times a whole number");
  *unknown = n / rest;
  return shape;
}

}  // namespace

int64_t elements(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) {
    FR_CHECK(size >= 0, "shape: a size is negative in ", to_string(shape));
    FR_CHECK(!__builtin_mul_overflow(n, size, &n), "shape: more than 2^63 elements in ", to_string(shape));
  }
  return n;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + ")";
}

const char* to_string(DType type) {
  switch (type) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::int64:
      return "int64";
    case DType::bfloat16:
      return "bfloat16";
  }
  return "unknown";
}

const char* to_string(Device device) { return device == Device::cpu ? "cpu" : "cuda"; }

size_t element_size(DType type) { return type == DType::bfloat16 ? 2 : type == DType::float32 ? 4 : 8; }

void throw_no_kernels(DType type, Device device) {
  throw std::invalid_argument(cat("tensor: no arithmetic on ", to_string(type), " on ", to_string(device)));
}

Tensor::Tensor(Shape shape, DType type, Device device)
    : shape_(std::move(shape)), type_(type), device_(device) {
  const auto n = static_cast<size_t>(elements(shape_));
  size_t bytes = 0;
  FR_CHECK(!__builtin_mul_overflow(n, element_size(type), &bytes), "tensor: too large: ", to_string(shape_));
  storage_ = allocate(bytes, device);
}

Tensor Tensor::zeros(Shape shape, DType type, Device device) {
  return full(std::move(shape), 0, type, device);
}

Tensor Tensor::full(Shape shape, double value, DType type, Device device) {
  Tensor t(std::move(shape), type, device);
  t.fill(value);
  return t;
}

template <class T>
Tensor Tensor::from(const std::vector<T>& values, Shape shape, DType type, Device device) {
  FR_CHECK(elements(shape) == static_cast<int64_t>(values.size()), "tensor: shape ", fr::to_string(shape),
           " needs ", elements(shape), " values, got ", values.size());
  Tensor t(std::move(shape), type);
  convert(t.storage_.get(), type, values.data(), dtype_of<T>(), t.size());
  return t.to(device);
}

Tensor Tensor::reshape(Shape shape) const {
  Tensor t = *this;
  t.shape_ = complete(std::move(shape), size());
  FR_CHECK(elements(t.shape_) == size(), "reshape: ", fr::to_string(shape_), " has ", size(), " elements, ",
           fr::to_string(t.shape_), " has ", elements(t.shape_));
  return t;
}

Tensor Tensor::clone() const {
  if (!*this) return {};
  Tensor t(shape_, type_, device_);
  t.copy_from(*this);
  return t;
}

void Tensor::fill(double value) const {
  if (!*this) return;
  if (type_ != DType::int64)
    return with_kernels(*this, [&]<class T>(const Kernels<T>& k) { k.fill(data(), Wide<T>(value), size()); });
  const auto integer = static_cast<int64_t>(value);
  if (device_ == Device::cpu) return void(std::fill_n(as<int64_t>(), size(), integer));
  copy_from(Tensor::from(std::vector<int64_t>(size_t(size()), integer), shape_));
}

void Tensor::copy_from(const Tensor& other) const {
  FR_CHECK(shape_ == other.shape_ && (type_ == other.type_ || both_floats(type_, other.type_)),
           "copy_from: ", fr::to_string(shape_), " ", fr::to_string(type_), " from ",
           fr::to_string(other.shape_), " ", fr::to_string(other.type_));
  if (!*this || storage_ == other.storage_) return;
  if (type_ == other.type_)
    return move_bytes(storage_.get(), device_, other.storage_.get(), other.device_, bytes());
  if (device_ == Device::cuda && other.device_ == Device::cuda) return round_on_device(*this, other);
  copy_from(other.to(Device::cpu).to(type_));
}

Tensor Tensor::to(DType type) const {
  if (type == type_ || !*this) return *this;
  Tensor t(shape_, type, device_);
  if (device_ == Device::cpu) {
    convert(t.storage_.get(), type, storage_.get(), type_, size());
    return t;
  }
  FR_CHECK(both_floats(type, type_), "tensor: no conversion from ", fr::to_string(type_), " to ",
           fr::to_string(type), " on ", fr::to_string(device_));
  if (size() > 0) round_on_device(t, *this);
  return t;
}

Tensor Tensor::to(Device device) const {
  if (device == device_ || !*this) return *this;
  Tensor t(shape_, type_, device);
  t.copy_from(*this);
  return t;
}

template <class T>
std::vector<T> Tensor::host() const {
  if (!*this) return {};
  if (device_ != Device::cpu) return to(Device::cpu).host<T>();
  std::vector<T> values(static_cast<size_t>(size()));
  convert(values.data(), dtype_of<T>(), storage_.get(), type_, size());
  return values;
}

double Tensor::item() const {
  FR_CHECK(*this && size() == 1, "item: one element expected, shape is ", fr::to_string(shape_));
  if (device_ != Device::cpu) return to(Device::cpu).item();
  double value = 0;
  convert(&value, DType::float64, storage_.get(), type_, 1);
  return value;
}

template Tensor Tensor::from(const std::vector<float>&, Shape, DType, Device);
template Tensor Tensor::from(const std::vector<double>&, Shape, DType, Device);
template Tensor Tensor::from(const std::vector<int64_t>&, Shape, DType, Device);
template std::vector<float> Tensor::host() const;
template std::vector<double> Tensor::host() const;
template std::vector<int64_t> Tensor::host() const;

}  // namespace fr
