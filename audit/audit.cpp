#include "audit/audit.h"

#include <algorithm>

#include "audit/plan.h"

namespace fr::audit {
namespace {

// Does the table name everything that there is?
Family completeness(const Subjects& subjects, const Options& options) {
  Finding found{"every entry and op", {}, "", check_coverage(subjects.kernels, options.backends)};
  std::set<size_t> named{0};  // the name of the backend
  for (const KernelFamily& family : kernel_families())
    for (const KernelTitle& title : family.titles) named.insert(title.entries.begin(), title.entries.end());
  for (const Row& row : subjects.kernels)
    for (const Entry& e : row.entries)
      if (!named.count(e.offset)) found.failures.push_back(row.name + ": covers an entry that has no line");
  std::set<std::string> ops, with_row;
  for (const Title& title : op_titles()) ops.insert(title.name);
  for (const OpRow& row : subjects.ops) {
    with_row.insert(op_of(row));
    if (!ops.count(op_of(row))) found.failures.push_back(row.name + ": its op has no line");
  }
  for (const std::string& op : ops)
    if (!with_row.count(op)) found.failures.push_back(op + ": has a line, but no row");
  return {"completeness", {{{"rows", "every entry and every op has one", "", ""}, "", {found}}}};
}

}  // namespace

Subjects everything() { return {loss_rows(), op_rows(), kernel_rows()}; }

bool Line::passed() const {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.failures.empty(); });
}

std::vector<std::string> columns(const Options& options) {
  std::vector<std::string> names{"differences", "stated"};
  for (const Place& place : places(options)) names.push_back(place.column);
  if (options.device && options.device->half) names.push_back(half_column(*options.device));
  return names;
}

std::vector<Family> lines(const Subjects& subjects, const Options& options) {
  Measured none;
  std::vector<Family> families;
  for (PlannedFamily& planned : plan(subjects, options, none)) {
    families.push_back({planned.name, {}});
    for (Planned& p : planned.lines) families.back().lines.push_back(std::move(p.line));
  }
  return families;
}

std::vector<Family> audit(const Subjects& subjects, const Options& options,
                          const std::function<void(const Family&)>& done) {
  Measured measured;
  std::vector<Family> families;
  const auto finish = [&](Family family) {
    if (done) done(family);
    families.push_back(std::move(family));
  };
  for (PlannedFamily& planned : plan(subjects, options, measured)) {
    Family family{planned.name, {}};
    for (Planned& p : planned.lines) {
      p.line.findings = p.measure();
      family.lines.push_back(std::move(p.line));
    }
    finish(std::move(family));
  }
  if (options.filters.empty()) finish(completeness(subjects, options));
  return families;
}

Failures failures(const std::vector<Family>& families) {
  Failures all;
  for (const Family& family : families)
    for (const Line& line : family.lines)
      for (const Finding& finding : line.findings)
        for (const std::string& failure : finding.failures)
          if (std::find(all.begin(), all.end(), failure) == all.end()) all.push_back(failure);
  return all;
}

}  // namespace fr::audit
