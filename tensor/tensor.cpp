// Tensor: shape, element type and shared storage from the arena. No arithmetic here.
#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "tensor/arena.h"

namespace fr {
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
  }
}

// to_i = from_i, both n elements
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
  }
  return "unknown";
}

size_t element_size(DType type) { return type == DType::float32 ? 4 : 8; }

Tensor::Tensor(Shape shape, DType type, Device device)
    : shape_(std::move(shape)), type_(type), device_(device) {
  const auto n = static_cast<size_t>(elements(shape_));
  size_t bytes = 0;
  FR_CHECK(!__builtin_mul_overflow(n, element_size(type), &bytes), "tensor: too large: ", to_string(shape_));
  storage_ = std::shared_ptr<void>(arena_alloc(bytes), arena_release);
}

Tensor Tensor::zeros(Shape shape, DType type) { return full(std::move(shape), 0, type); }

Tensor Tensor::full(Shape shape, double value, DType type) {
  Tensor t(std::move(shape), type);
  t.fill(value);
  return t;
}

template <class T>
Tensor Tensor::from(const std::vector<T>& values, Shape shape, DType type) {
  FR_CHECK(elements(shape) == static_cast<int64_t>(values.size()), "tensor: shape ", fr::to_string(shape),
           " needs ", elements(shape), " values, got ", values.size());
  Tensor t(std::move(shape), type);
  convert(t.storage_.get(), type, values.data(), dtype_of<T>(), t.size());
  return t;
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
  switch (type_) {
    case DType::float32:
      return kernels<float>().fill(data(), static_cast<float>(value), size());
    case DType::float64:
      return kernels<double>().fill(data(), value, size());
    case DType::int64:
      std::fill_n(as<int64_t>(), size(), static_cast<int64_t>(value));
  }
}

void Tensor::copy_from(const Tensor& other) const {
  FR_CHECK(shape_ == other.shape_ && type_ == other.type_, "copy_from: ", fr::to_string(shape_), " ",
           fr::to_string(type_), " from ", fr::to_string(other.shape_), " ", fr::to_string(other.type_));
  if (*this && storage_ != other.storage_)
    kernels<float>().copy(storage_.get(), other.storage_.get(), bytes());
}

Tensor Tensor::to(DType type) const {
  if (type == type_ || !*this) return *this;
  Tensor t(shape_, type, device_);
  convert(t.storage_.get(), type, storage_.get(), type_, size());
  return t;
}

template <class T>
std::vector<T> Tensor::host() const {
  if (!*this) return {};
  std::vector<T> values(static_cast<size_t>(size()));
  convert(values.data(), dtype_of<T>(), storage_.get(), type_, size());
  return values;
}

double Tensor::item() const {
  FR_CHECK(*this && size() == 1, "item: one element expected, shape is ", fr::to_string(shape_));
  double value = 0;
  convert(&value, DType::float64, storage_.get(), type_, 1);
  return value;
}

template Tensor Tensor::from(const std::vector<float>&, Shape, DType);
template Tensor Tensor::from(const std::vector<double>&, Shape, DType);
template Tensor Tensor::from(const std::vector<int64_t>&, Shape, DType);
template std::vector<float> Tensor::host() const;
template std::vector<double> Tensor::host() const;
template std::vector<int64_t> Tensor::host() const;

}  // namespace fr
