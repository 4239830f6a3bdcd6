#include "audit/harness.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <ostream>

#include "base/error.h"
#include "base/parallel.h"

namespace fr::audit {
namespace {

// None where each block of memory is an allocation of its own: there compute-sanitizer watches, which guards would hide from.
const size_t kGuardBytes = [] {
  const char* pool = std::getenv("PROSOPON_CUDA_POOL");
  return pool && std::string(pool) == "0" ? 0 : 256;
}();
constexpr double kStep =
    1e-5;  // central differences: error step^2 f''' / 6 + 1e-16 |loss| / step, both near 1e-10
constexpr double kDifferenceTolerance = 1e-7;
constexpr double kHalfTolerance = 2e-2;  // of the largest value
constexpr size_t kMostDifferences = 1500, kMostElements = 10000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kPoisonIndex = std::numeric_limits<int64_t>::min();

using Role = Argument::Role;

bool is_index(const Argument& a) { return a.role == Role::index_input || a.role == Role::index_output; }
bool is_read_only(const Argument& a) {
  return a.role == Role::input || a.role == Role::output_gradient || a.role == Role::index_input;
}

// A buffer on the backend between two guards of 0xff bytes, which is NaN in float and in double.
template <class T>
class Guarded {
 public:
  Guarded(const Kernels<T>& k, const std::string& bytes) : k_(k), size_(bytes.size()) {
    const std::string guard(kGuardBytes, '\xff'), all = guard + bytes + guard;
    base_ = static_cast<char*>(k.alloc(all.size()));
    k.upload(base_, all.data(), all.size());
  }
  ~Guarded() { k_.release(base_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  void* data() const { return base_ + kGuardBytes; }

  // The bytes between the guards; `complain(where)` if a guard has changed.
  template <class F>
  std::string host(const F& complain) const {
    std::string all(size_ + 2 * kGuardBytes, '\0');
    k_.download(all.data(), base_, all.size());
    const std::string guard(kGuardBytes, '\xff');
    if (all.compare(0, kGuardBytes, guard) != 0) complain("wrote before the start of");
    if (all.compare(kGuardBytes + size_, kGuardBytes, guard) != 0) complain("wrote past the end of");
    return all.substr(kGuardBytes, size_);
  }

 private:
  const Kernels<T>& k_;
  size_t size_;
  char* base_;
};

template <class To, class From>
std::string to_bytes(const std::vector<From>& values) {
  const std::vector<To> converted(values.begin(), values.end());
  return {reinterpret_cast<const char*>(converted.data()), converted.size() * sizeof(To)};
}

template <class To, class From>
std::vector<To> from_bytes(const std::string& bytes) {
  std::vector<From> values(bytes.size() / sizeof(From));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return {values.begin(), values.end()};
}

template <class T>
std::string start_bytes(const Argument& a) {
  if (is_index(a)) return to_bytes<int64_t>(a.integers);
  return a.wide ? to_bytes<Wide<T>>(a.values) : to_bytes<T>(a.values);
}

enum class Pass { forward, both };

// Runs the row once. `left_out` names a gradient that is passed as null.
template <class T>
Result run(const Row& row, const std::vector<Argument>& arguments, const Kernels<T>& k, Pass pass,
           Failures& failures, const std::string& left_out = "") {
  std::vector<std::unique_ptr<Guarded<T>>> buffers;
  Values<T> values;
  for (const Argument& a : arguments) {
    buffers.push_back(std::make_unique<Guarded<T>>(k, start_bytes<T>(a)));
    values.place[a.name] = a.name == left_out ? nullptr : buffers.back()->data();
    if constexpr (std::is_same_v<T, bfloat16>)
      if (a.wide) values.wide.insert(a.name);
  }
  row.forward_call(k, values);
  if (pass == Pass::both && row.backward_call) row.backward_call(k, values);
  Result result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& a = arguments[i];
    const std::string bytes = buffers[i]->host([&](const char* what) {
      failures.push_back(cat(row.name, " on ", k.name, ": ", what, " ", a.name));
    });
    if (is_read_only(a) && bytes != start_bytes<T>(a))
      failures.push_back(cat(row.name, " on ", k.name, ": changed its input ", a.name));
    if (is_read_only(a)) continue;
    if (is_index(a))
      result.indices[a.name] = from_bytes<int64_t, int64_t>(bytes);
    else
      result.numbers[a.name] = a.wide ? from_bytes<double, Wide<T>>(bytes) : from_bytes<double, T>(bytes);
  }
  return result;
}

// |got - want| / (1 + |want|). Equal infinities have none; what cannot be compared has an infinite one.
double error_of(double got, double want) {
  if (got == want) return 0;
  const double error = std::abs(got - want) / (1 + std::abs(want));
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// The errors of every buffer; the first one of each that is too large becomes a sentence.
std::map<std::string, double> compare(const std::string& who, const Result& got, const Result& want,
                                      double tolerance, Failures& failures) {
  std::map<std::string, double> errors;
  for (const auto& [name, values] : want.numbers) {
    const std::vector<double>& mine = got.numbers.at(name);
    double& largest = errors[name];
    for (size_t i = 0; i < values.size(); ++i) {
      const double error = error_of(mine[i], values[i]);
      if (error > tolerance && largest <= tolerance)
        failures.push_back(cat(who, ": ", name, "[", i, "] = ", mine[i], ", expected ", values[i],
                               " (tolerance ", tolerance, ")"));
      largest = std::max(largest, error);
    }
  }
  for (const auto& [name, values] : want.indices) {
    const auto [mine, theirs] =
        std::mismatch(got.indices.at(name).begin(), got.indices.at(name).end(), values.begin());
    errors[name] = theirs == values.end() ? 0 : std::numeric_limits<double>::infinity();
    if (theirs != values.end())
      failures.push_back(
          cat(who, ": ", name, "[", theirs - values.begin(), "] = ", *mine, ", expected ", *theirs));
  }
  return errors;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void compare_bits(const std::string& who, const Result& got, const Result& want, const std::string& except,
                  Failures& failures) {
  for (const auto& [name, values] : want.numbers)
    if (name != except && !same_bits(got.numbers.at(name), values))
      failures.push_back(cat(who, ": ", name, " has other bits"));
  if (got.indices != want.indices) failures.push_back(cat(who, ": other indices"));
}

Argument* find(std::vector<Argument>& arguments, const std::string& name) {
  const auto at =
      std::find_if(arguments.begin(), arguments.end(), [&](const Argument& a) { return a.name == name; });
  return at == arguments.end() ? nullptr : &*at;
}

// Loss = sum over the outputs of <dy, y>.
double loss(const Row& row, const std::vector<Argument>& arguments, Failures& failures) {
  const Result result = run(row, arguments, ref_kernels<double>(), Pass::forward, failures);
  double sum = 0;
  for (const Argument& a : arguments)
    if (a.role == Role::output_gradient)
      for (size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * result.numbers.at(a.of)[i];
  return sum;
}

// Every gradient of ref<double> against (loss(x + step) - loss(x - step)) / (2 step).
Check differences(const Row& row, const Result& want, Failures& failures) {
  std::vector<Argument> arguments = row.all_arguments();
  Result numeric, analytic;
  const int before = threads();
  set_threads(1);  // many tiny runs
  for (const Argument& gradient : row.all_arguments()) {
    if (gradient.role != Role::gradient) continue;
    Argument* x = find(arguments, gradient.of);
    std::vector<double> d(gradient.values.size());
    for (size_t i = 0; i < d.size(); ++i) {
      const double middle = x->values[i];
      x->values[i] = middle + kStep;
      const double above = loss(row, arguments, failures);
      x->values[i] = middle - kStep;
      const double below = loss(row, arguments, failures);
      x->values[i] = middle;
      d[i] = (gradient.gradient == Gradient::added ? gradient.values[i] : 0) + (above - below) / (2 * kStep);
    }
    numeric.numbers[gradient.name] = d;
    analytic.numbers[gradient.name] = want.numbers.at(gradient.name);
  }
  set_threads(before);
  return {
      "differences",
      compare(row.name + " against finite differences", analytic, numeric, kDifferenceTolerance, failures),
      kDifferenceTolerance};
}

template <class T>
Result run_varied(const Row& row, const Kernels<T>& k, const std::vector<Variation>& variations,
                  Failures& failures) {
  const std::vector<Argument> arguments = row.all_arguments();
  Result first;
  for (const Variation& variation : variations) {
    variation.choose();
    Result result = run(row, arguments, k, Pass::both, failures);
    if (&variation == &variations.front())
      first = std::move(result);
    else
      compare_bits(cat(row.name, " on ", k.name, " with ", variation.name), result, first, "", failures);
  }
  variations.front().choose();
  for (const std::string& name : row.nullable) {
    const Result result = run(row, arguments, k, Pass::both, failures, name);
    compare_bits(cat(row.name, " on ", k.name, " without ", name), result, first, name, failures);
  }
  return first;
}

template <class T>
Result run_on_threads(const Row& row, const Kernels<T>& k, Failures& failures) {
  const int before = threads();
  std::vector<Variation> variations;
  for (const int n : {1, 2, 3}) variations.push_back({cat(n, " threads"), [n] { set_threads(n); }});
  const Result first = run_varied(row, k, variations, failures);
  set_threads(before);
  return first;
}

// Within `tolerance` of the largest value of the buffer.
std::map<std::string, double> compare_to_largest(const std::string& who, const Result& got,
                                                 const Result& want, double tolerance, Failures& failures) {
  Result scaled_got = got, scaled_want = want;
  for (auto& [name, values] : scaled_want.numbers) {
    double largest = 1e-3;
    for (const double v : values)
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    for (double& v : values) v /= largest;
    for (double& v : scaled_got.numbers.at(name)) v /= largest;
  }
  return compare(who + " (relative to the largest)", scaled_got, scaled_want, tolerance / 2, failures);
}

}  // namespace

std::vector<double> numbers(int64_t n, uint32_t seed, double low, double high) {
  Random random({.seed = seed, .purpose = Purpose::test});
  std::vector<double> values(static_cast<size_t>(n));
  for (double& value : values) do
      value = static_cast<float>(random.uniform(low, high));
    while (std::abs(value) < 0.01 * (high - low));
  return values;
}

std::vector<int64_t> indices(int64_t n, uint32_t seed, int64_t below) {
  Random random({.seed = seed, .purpose = Purpose::test});
  std::vector<int64_t> values(static_cast<size_t>(n));
  for (int64_t& value : values) value = random.below(static_cast<uint32_t>(below));
  return values;
}

Row& Row::input(const std::string& x, std::vector<double> values, Gradient g) {
  arguments.push_back(
      {.role = Role::input, .name = x, .values = std::move(values), .integers = {}, .of = {}, .gradient = g});
  return *this;
}

Row& Row::constant(const std::string& x, std::vector<double> values) {
  return input(x, std::move(values), Gradient::none);
}

Row& Row::state(const std::string& x, std::vector<double> values, Gradient g) {
  input(x, std::move(values), g);
  arguments.back().role = Role::state;
  return *this;
}

Row& Row::saved(const std::string& y, int64_t n) {
  input(y, std::vector<double>(static_cast<size_t>(n), kNaN), Gradient::none);
  arguments.back().role = Role::output;
  return *this;
}

Row& Row::output(const std::string& y, int64_t n) {
  saved(y, n);
  arguments.back().gradient = Gradient::added;
  return *this;
}

Row& Row::loss(const std::string& y) {
  output(y, 1);
  arguments.back().unit = true;
  return *this;
}

Row& Row::index_input(const std::string& x, std::vector<int64_t> values) {
  constant(x, {});
  arguments.back().role = Role::index_input;
  arguments.back().integers = std::move(values);
  return *this;
}

Row& Row::index_output(const std::string& y, int64_t n) {
  index_input(y, std::vector<int64_t>(static_cast<size_t>(n), kPoisonIndex));
  arguments.back().role = Role::index_output;
  return *this;
}

Row& Row::tolerance(double value, std::string why) {
  allowed = value;
  reason = std::move(why);
  return *this;
}

Row& Row::may_be_null(std::set<std::string> gradients) {
  nullable = std::move(gradients);
  return *this;
}

Row& Row::wide(std::set<std::string> names) {
  wides = std::move(names);
  return *this;
}

void* MixedPointer::checked(bool wide) const {
  if (p_ && wide != wide_)
    throw std::logic_error(wide ? "a row gives bfloat16 where the contract wants float: say wide()"
                                : "a row gives float where the contract wants bfloat16");
  return p_;
}

std::vector<Argument> Row::all_arguments() const {
  std::vector<Argument> all = with_gradients();
  for (Argument& a : all) {
    a.wide = wides.count(a.name) > 0;
    if (round && !a.wide)
      for (double& v : a.values) v = round(v);
  }
  return all;
}

std::vector<Argument> Row::with_gradients() const {
  std::vector<Argument> all = arguments;
  if (!backward_call) return all;
  uint32_t seed = 1000;
  for (const Argument& a : arguments) {
    if (a.gradient == Gradient::none) continue;
    const auto n = static_cast<int64_t>(a.values.size());
    Argument d{.role = a.role == Role::output ? Role::output_gradient : Role::gradient,
               .name = "d" + a.name,
               .values = a.unit ? std::vector<double>{1} : numbers(n, ++seed),
               .integers = {},
               .of = a.name,
               .gradient = a.gradient};
    if (a.gradient == Gradient::overwritten) std::fill(d.values.begin(), d.values.end(), kNaN);
    all.push_back(std::move(d));
  }
  return all;
}

bool Row::small() const {
  size_t differentiable = 0, all = 0;
  for (const Argument& a : arguments) {
    all += a.values.size();
    if (a.role != Role::output && a.gradient != Gradient::none) differentiable += a.values.size();
  }
  return differentiable <= kMostDifferences && all <= kMostElements;
}

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

Finding measure_row(const Row& row, std::span<const Kernels<float>* const> backends) {
  Finding found{row.name, {}, row.reason, {}};
  Failures& failures = found.failures;
  if (row.allowed < 0 || row.reason.empty())
    failures.push_back(row.name + ": no tolerance, or no reason for it");
  if (row.entries.empty()) failures.push_back(row.name + ": covers no entry");
  const Result want = run_on_threads(row, ref_kernels<double>(), failures);
  if (row.backward_call && row.small()) found.checks.push_back(differences(row, want, failures));
  for (const Kernels<float>* k : backends)
    found.checks.push_back({k->name,
                            compare(cat(row.name, " on ", k->name), run_on_threads(row, *k, failures), want,
                                    row.allowed, failures),
                            row.allowed});
  return found;
}

Failures check_row(const Row& row, std::span<const Kernels<float>* const> backends) {
  return measure_row(row, backends).failures;
}

template <class T>
Finding measure_row_on(const Row& row, const Kernels<T>& k, const std::vector<Variation>& variations) {
  constexpr bool half = std::is_same_v<T, bfloat16>;
  Finding found{row.name, {}, row.reason, {}};
  Row rounded = row;
  if constexpr (half) rounded.round = [](double v) { return double(float(bfloat16(float(v)))); };
  const Result want =
      run(rounded, rounded.all_arguments(), ref_kernels<double>(), Pass::both, found.failures);
  const Result got = run_varied(rounded, k, variations, found.failures);
  const std::string who = cat(row.name, " on ", k.name);
  if (half)
    found.checks.push_back(
        {k.name, compare_to_largest(who, got, want, kHalfTolerance, found.failures), kHalfTolerance / 2});
  else
    found.checks.push_back({k.name, compare(who, got, want, row.allowed, found.failures), row.allowed});
  return found;
}
template Finding measure_row_on(const Row&, const Kernels<float>&, const std::vector<Variation>&);
template Finding measure_row_on(const Row&, const Kernels<bfloat16>&, const std::vector<Variation>&);

template <class T>
Failures check_row_on(const Row& row, const Kernels<T>& k, const std::vector<Variation>& variations) {
  return measure_row_on(row, k, variations).failures;
}
template Failures check_row_on(const Row&, const Kernels<float>&, const std::vector<Variation>&);
template Failures check_row_on(const Row&, const Kernels<bfloat16>&, const std::vector<Variation>&);

Failures check_coverage(const std::vector<Row>& rows, std::span<const Kernels<float>* const> backends) {
  Failures failures;
  std::set<size_t> covered{0};  // the name
  for (const Row& row : rows)
    for (const Entry& e : row.entries) covered.insert(e.offset);
  constexpr size_t kEntry = sizeof(void*);
  static_assert(sizeof(Kernels<float>) % kEntry == 0);
  for (size_t offset = 0; offset < sizeof(Kernels<float>); offset += kEntry) {
    if (!covered.count(offset))
      failures.push_back(
          cat("entry ", offset / kEntry, " of the contract (counted from 0 in kernels.h) has no row"));
    for (const Kernels<float>* k : backends) {
      void* function;
      std::memcpy(&function, reinterpret_cast<const char*>(k) + offset, kEntry);
      if (!function) failures.push_back(cat("entry ", offset / kEntry, " of ", k->name, " is null"));
    }
  }
  return failures;
}

std::string join(const Failures& failures) {
  std::string text;
  for (const std::string& failure : failures) text += failure + "\n";
  return text;
}

}  // namespace fr::audit
