// The audit: every loss, op and kernel measured, line by line of a table. A kernel's gradients and an op's or loss's are
// compared with central differences on the reference in double, and every backend's numbers with the reference's. Printing
// is elsewhere (audit/print.h), and so are the tables (audit/losses.h, ops.h, kernels/rows.h).
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "audit/kernels/rows.h"
#include "audit/losses.h"
#include "audit/ops.h"
#include "tensor/device.h"

namespace fr::audit {

// What is audited: all of it, or what a test puts in its place.
struct Subjects {
  std::vector<LossRow> losses;
  std::vector<OpRow> ops;
  std::vector<Row> kernels;
};
Subjects everything();

struct Options {
  std::vector<std::string>
      filters;         // lines whose family, name, reference or page holds one of them, whatever the case
  bool quick = false;  // small rows of the kernels only
  std::span<const Kernels<float>* const> backends = all_backends();
  const DeviceInterface* device = nullptr;  // where to check the kernels and losses too
};

struct Line {
  Title title;
  std::string note;  // of gradients that are not the derivative: what they are
  std::vector<Finding> findings;
  bool passed() const;
};
struct Family {
  std::string name;  // "losses", "ops", "kernels: rows"
  std::vector<Line> lines;
};

// The columns with numbers, in order: "differences", "stated", then backends and device.
std::vector<std::string> columns(const Options& options);

// The lines that the options ask for, nothing measured.
std::vector<Family> lines(const Subjects& subjects, const Options& options);

// The same with what was found; each family is handed to `done` as soon as it is complete. With no filter also: every
// entry of the contract has a row and a line, every op a line.
std::vector<Family> audit(const Subjects& subjects, const Options& options,
                          const std::function<void(const Family&)>& done = {});

// Every failure, in order: empty when all is well.
Failures failures(const std::vector<Family>& families);

}  // namespace fr::audit
