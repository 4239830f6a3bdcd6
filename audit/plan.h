// Which lines an audit has, in the order in which they are printed, and how each is measured.
#pragma once
#include <functional>
#include <map>

#include "audit/audit.h"

namespace fr::audit {

// A line without findings, and where they come from. What it refers to, subjects and options, must outlive it.
struct Planned {
  Line line;
  std::function<std::vector<Finding>()> measure;
};
struct PlannedFamily {
  std::string name;
  std::vector<Planned> lines;
};

// A kernel's row that covers entries of several lines is measured once.
using Measured = std::map<const Row*, Finding>;

std::vector<PlannedFamily> plan(const Subjects& subjects, const Options& options, Measured& measured);

std::string half_column(const DeviceInterface& device);  // the column of its bfloat16 kernels

// Where losses and ops are computed in float.
std::vector<Place> places(const Options& options);

}  // namespace fr::audit
