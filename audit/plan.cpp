#include "audit/plan.h"

#include <algorithm>
#include <cctype>

#include "base/parallel.h"

namespace fr::audit {
namespace {

constexpr size_t kSmall = 2000;           // numbers in a row, for Options::quick
constexpr double kFloatTolerance = 2e-5;  // of ops

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool wanted(const Options& options, const std::string& family, const Title& title) {
  const std::string text = lower(family + "\n" + title.name + "\n" + title.reference + "\n" + title.page);
  return options.filters.empty() ||
         std::any_of(options.filters.begin(), options.filters.end(),
                     [&](const std::string& f) { return text.find(lower(f)) != std::string::npos; });
}

class OneThread {  // many tiny kernels: waking threads would take most of the time
 public:
  OneThread() { set_threads(1); }
  ~OneThread() { set_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = threads();
};

Finding measure_op(const OpRow& row, std::span<const Place> places) {
  const OneThread guard;
  const Function function = function_of(row);
  Finding found{row.name, {}, "float", {}};
  found.checks = measure_float(function, places, kFloatTolerance, found.failures);
  found.checks.insert(found.checks.begin(), measure_differences(function, found.failures));
  return found;
}

size_t numbers_of(const Row& row) {
  size_t n = 0;
  for (const Argument& a : row.arguments) n += a.values.size() + a.integers.size();
  return n;
}

template <class T>
void add_device(Finding& found, const Row& row, const Kernels<T>* k, const std::string& column) {
  if (!k) return;
  Finding there = measure_row_on(row, *k, {{"the first run", [] {}}, {"another run", [] {}}});
  for (Check& check : there.checks) check.column = column;
  found.checks.insert(found.checks.end(), there.checks.begin(), there.checks.end());
  found.failures.insert(found.failures.end(), there.failures.begin(), there.failures.end());
}

Finding measure_kernel(const Row& row, const Options& options) {
  Finding found = measure_row(row, options.backends);
  if (!options.device) return found;
  add_device(found, row, options.device->single, options.device->single->name);
  add_device(found, row, options.device->half, half_column(*options.device));
  return found;
}

bool covers(const Row& row, const KernelTitle& title) {
  return std::any_of(row.entries.begin(), row.entries.end(),
                     [&](const Entry& e) { return title.entries.count(e.offset) > 0; });
}

PlannedFamily plan_losses(const Subjects& subjects, const Options& options) {
  PlannedFamily family{"losses", {}};
  for (const LossRow& row : subjects.losses)
    if (wanted(options, family.name, row.title))
      family.lines.push_back(
          {{row.title, row.gradient, {}}, [&row, &options] { return measure_loss(row, places(options)); }});
  return family;
}

PlannedFamily plan_ops(const Subjects& subjects, const Options& options) {
  PlannedFamily family{"ops", {}};
  for (const Title& title : op_titles()) {
    std::vector<const OpRow*> rows;
    for (const OpRow& row : subjects.ops)
      if (op_of(row) == title.name) rows.push_back(&row);
    if (rows.empty() || !wanted(options, family.name, title)) continue;
    family.lines.push_back({{title, "", {}}, [rows, &options] {
                              std::vector<Finding> found;
                              for (const OpRow* row : rows)
                                found.push_back(measure_op(*row, places(options)));
                              return found;
                            }});
  }
  return family;
}

PlannedFamily plan_kernels(const KernelFamily& kernels, const Subjects& subjects, const Options& options,
                           Measured& measured) {
  PlannedFamily family{"kernels: " + kernels.name, {}};
  for (const KernelTitle& title : kernels.titles) {
    std::vector<const Row*> rows;
    for (const Row& row : subjects.kernels)
      if (covers(row, title) && (!options.quick || numbers_of(row) <= kSmall)) rows.push_back(&row);
    if (rows.empty() || !wanted(options, family.name, title.title)) continue;
    family.lines.push_back({{title.title, "", {}}, [rows, &options, &measured] {
                              std::vector<Finding> found;
                              for (const Row* row : rows) {
                                if (!measured.count(row)) measured[row] = measure_kernel(*row, options);
                                found.push_back(measured.at(row));
                              }
                              return found;
                            }});
  }
  return family;
}

}  // namespace

std::string half_column(const DeviceInterface& device) { return cat(device.single->name, " bf16"); }

std::vector<Place> places(const Options& options) {
  std::vector<Place> all;
  for (const Kernels<float>* k : options.backends) all.push_back({k->name});
  if (options.device) all.push_back({options.device->single->name, Device::cuda});
  return all;
}

std::vector<PlannedFamily> plan(const Subjects& subjects, const Options& options, Measured& measured) {
  std::vector<PlannedFamily> all{plan_losses(subjects, options), plan_ops(subjects, options)};
  for (const KernelFamily& family : kernel_families())
    all.push_back(plan_kernels(family, subjects, options, measured));
  std::erase_if(all, [](const PlannedFamily& family) { return family.lines.empty(); });
  return all;
}

}  // namespace fr::audit
