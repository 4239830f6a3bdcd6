// The table of every op: one row per op and case. The first word of a row's name is the op; its title says the equation.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "audit/function.h"
#include "audit/title.h"

namespace fr::audit {

struct OpRow {
  std::string name;  // "prelu(3,1)": the op, then the case
  std::vector<Shape> shapes;
  std::function<Var(const Vars&)> f;
  double low = -1, high = 1;  // of the inputs
};
std::vector<OpRow> op_rows();

std::vector<Title> op_titles();
std::string op_of(const OpRow& row);

Function function_of(const OpRow& row);

}  // namespace fr::audit
