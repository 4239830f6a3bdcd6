// The kernel harness: a Row says once what a kernel takes and gives and how it is called; check_row does the rest on
// every backend.
//   - outputs start as NaN, gradients as numbers (backward must add), inputs must come back unchanged;
//   - before and behind each buffer lies a guard of NaN: a write there is seen, a read there poisons the result;
//   - the gradients of ref<double> against central differences, on small sizes (1e-7);
//   - every backend against ref<double> on the same (float) inputs, within the row's tolerance;
//   - 1, 2 and 3 threads give the same bits; a gradient that may be null can be left out without changing the others.
// A failure is a sentence in the returned list, so that the tests can plant errors and look for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "audit/finding.h"
#include "tensor/kernels.h"

namespace fr::audit {

// n numbers in [low, high) that a float holds exactly, at least a hundredth of the range away from 0 so that finite
// differences do not step over a kink. Depends only on the arguments.
std::vector<double> numbers(int64_t n, uint32_t seed, double low = -1, double high = 1);
std::vector<int64_t> indices(int64_t n, uint32_t seed, int64_t below);

enum class Gradient { none, added, overwritten };

// One buffer of a row.
struct Argument {
  enum class Role {
    input,            // read only
    output,           // starts as NaN
    state,            // read and written
    output_gradient,  // dLoss/dy, read only
    gradient,         // dLoss/dx
    index_input,
    index_output,
  };
  Role role{};
  std::string name;
  std::vector<double> values;     // what it holds at the start
  std::vector<int64_t> integers;  // the same for the index roles
  std::string of;                 // gradients: the name of x or y
  Gradient gradient = Gradient::none;
  bool wide = false;  // Wide<T> in a table whose T is bfloat16
  bool unit = false;  // an output whose dLoss/dy is 1
};

// The buffers of one run by name; null for a gradient that is left out.
template <class T>
class Values {
 public:
  using type = T;
  T* operator[](const std::string& name) const { return static_cast<T*>(find(name)); }
  int64_t* index(const std::string& name) const { return static_cast<int64_t*>(find(name)); }
  std::map<std::string, void*> place;

 private:
  void* find(const std::string& name) const { return place.at(name); }
};

// For bfloat16 a buffer is one or the other: a pointer that turns into the type that it holds, and into nothing else.
class MixedPointer {
 public:
  MixedPointer(std::nullptr_t = nullptr) {}
  MixedPointer(void* p, bool wide) : p_(p), wide_(wide) {}
  operator bfloat16*() const { return static_cast<bfloat16*>(checked(false)); }
  operator void*() const { return p_; }
  operator float*() const { return static_cast<float*>(checked(true)); }

 private:
  void* checked(bool wide) const;  // std::logic_error: the row says otherwise
  void* p_ = nullptr;
  bool wide_ = false;
};
template <>
class Values<bfloat16> {
 public:
  using type = bfloat16;
  MixedPointer operator[](const std::string& name) const { return {place.at(name), wide.count(name) > 0}; }
  int64_t* index(const std::string& name) const { return static_cast<int64_t*>(place.at(name)); }
  std::map<std::string, void*> place;
  std::set<std::string> wide;
};

// A call on every element type, made from one generic lambda f(kernels, values).
class Call {
 public:
  Call() = default;
  template <class F>
  explicit Call(F f) : single_(f), double_(f), half_(f) {}
  explicit operator bool() const { return static_cast<bool>(single_); }
  void operator()(const Kernels<float>& k, const Values<float>& v) const { single_(k, v); }
  void operator()(const Kernels<double>& k, const Values<double>& v) const { double_(k, v); }
  void operator()(const Kernels<bfloat16>& k, const Values<bfloat16>& v) const { half_(k, v); }

 private:
  std::function<void(const Kernels<float>&, const Values<float>&)> single_;
  std::function<void(const Kernels<double>&, const Values<double>&)> double_;
  std::function<void(const Kernels<bfloat16>&, const Values<bfloat16>&)> half_;
};

// An entry of the contract: its place in the table, and a way to put a function that does nothing there.
struct Entry {
  size_t offset = 0;
  std::function<void(Kernels<float>&)> disable;
};

template <class R, class... A>
R do_nothing(A...) {
  return R();
}

template <class R, class... A>
Entry entry(R (*Kernels<float>::*member)(A...)) {
  const Kernels<float> table{};
  const auto* start = reinterpret_cast<const char*>(&table);
  return {static_cast<size_t>(reinterpret_cast<const char*>(&(table.*member)) - start),
          [member](Kernels<float>& k) { k.*member = do_nothing<R, A...>; }};
}

class Row {
 public:
  explicit Row(std::string title) : name(std::move(title)) {}

  template <class... M>
  Row& covers(M... member) {
    (entries.push_back(entry(member)), ...);
    return *this;
  }
  Row& input(const std::string& x, std::vector<double> values, Gradient g = Gradient::added);  // with dx
  Row& constant(const std::string& x, std::vector<double> values);                             // without
  Row& state(const std::string& x, std::vector<double> values, Gradient g = Gradient::none);
  Row& output(const std::string& y, int64_t n);  // with dy
  Row& saved(const std::string& y, int64_t n);   // without
  // One number with dLoss/dy = 1, for a kernel that gives its derivative in the forward pass; backward() does nothing.
  Row& loss(const std::string& y);
  Row& index_input(const std::string& x, std::vector<int64_t> values);
  Row& index_output(const std::string& y, int64_t n);
  template <class F>
  Row& forward(F f) {
    forward_call = Call(f);
    return *this;
  }
  template <class F>
  Row& backward(F f) {
    backward_call = Call(f);
    return *this;
  }
  // |got - want| <= value (1 + |want|); `reason` says where the value comes from.
  Row& tolerance(double value, std::string reason);
  Row& may_be_null(
      std::set<std::string> gradients);  // names of gradients that the kernel may be given as null

  Row& wide(std::set<std::string> names);  // buffers, gradients too, that are Wide<T> in the contract

  // The arguments, with a dx for each differentiable input and a dy for each output when there is a backward call.
  std::vector<Argument> all_arguments() const;
  bool small() const;  // small enough for finite differences

  std::vector<Argument> with_gradients() const;
  std::function<double(double)> round;  // of every number that is not wide; empty: none

  std::string name;
  std::vector<Entry> entries;
  std::vector<Argument> arguments;
  Call forward_call, backward_call;
  double allowed = -1;
  std::string reason;
  std::set<std::string> nullable, wides;
};
std::ostream& operator<<(std::ostream& out, const Row& row);

// What a row left behind, by name of the argument.
struct Result {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::vector<int64_t>> indices;
};

// Columns: "differences" where the row has a backward call and is small, |got - want| / (1 + |want|) of the gradients; then
// the same of all results of each backend, by its name.
Finding measure_row(const Row& row, std::span<const Kernels<float>* const> backends);
Failures check_row(const Row& row, std::span<const Kernels<float>* const> backends);  // its failures

// Something that must not change a bit of a backend's results: a number of threads, an order in which they run.
struct Variation {
  std::string name;
  std::function<void()> choose;
};
// The row on a device's table (float or bfloat16), under the first variation and then under each of the others, against
// ref<double> on the same inputs. bfloat16: within 2e-2 of the largest value, on inputs rounded to it.
template <class T>
Finding measure_row_on(const Row& row, const Kernels<T>& k, const std::vector<Variation>& variations);
template <class T>
Failures check_row_on(const Row& row, const Kernels<T>& k, const std::vector<Variation>& variations);
// Entries that no row covers, and null entries of the tables.
Failures check_coverage(const std::vector<Row>& rows, std::span<const Kernels<float>* const> backends);
std::string join(const Failures& failures);

}  // namespace fr::audit
