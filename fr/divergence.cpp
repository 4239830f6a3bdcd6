#include "fr/divergence.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "nn/gradient_blocks.h"

namespace fr {
namespace {

int64_t nonfinite_at(const Tensor& t) {
  if (!t || t.dtype() == DType::int64 || t.size() == 0) return -1;
  const Tensor index(Shape{}, DType::int64, t.device());
  with_kernels(t, [&](const auto& k) { k.find_nonfinite(index.data(), t.data(), t.size()); });
  return static_cast<int64_t>(index.item());
}

std::string place(const Tensor& t, int64_t index) {
  return cat(to_string(t.shape()), ", element ", index, " = ", t.host<double>()[size_t(index)]);
}

// "the gradient of NAME (M,D), element 7 = nan", or "" when all of it is finite.
std::string nonfinite_gradient(const std::string& name, const Var& p) {
  std::string found;
  const auto look = [&](const Tensor& g, int64_t begin) {
    const int64_t at = found.empty() ? nonfinite_at(g) : -1;
    if (at >= 0)
      found = cat("the gradient of ", name, " ", to_string(p.shape()), ", element ", begin + at, " = ",
                  g.host<double>()[size_t(at)]);
  };
  if (!p.has_row_forms())
    look(p.grad(), 0);
  else
    for_gradient_blocks(p, [&](const Tensor& g, int64_t begin, int64_t) { look(g, begin); });
  return found;
}

// The nodes below `root` in order of computation, root included.
std::vector<Node*> in_order(const Var& root) {
  std::vector<Node*> nodes{root.node().get()};
  std::unordered_set<Node*> seen{root.node().get()};
  for (size_t i = 0; i < nodes.size(); ++i)
    for (const auto& input : nodes[i]->inputs)
      if (input && seen.insert(input.get()).second) nodes.push_back(input.get());
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->order < b->order; });
  return nodes;
}

}  // namespace

std::string first_nonfinite_tensor(const Var& loss, Module& model) {
  std::map<const Node*, std::string> name_of;
  const auto parameters = model.parameters();
  for (const auto& [name, parameter] : parameters) {
    name_of[parameter->var.node().get()] = name;
    if (const int64_t at = nonfinite_at(parameter->var.value()); at >= 0)
      return cat("weight ", name, " ", place(parameter->var.value(), at));
  }
  for (const Node* node : in_order(loss)) {
    const Tensor value =
        node->peek();  // empty: nobody needs it any more; what was computed from it shows the fault
    const int64_t at = nonfinite_at(value);
    if (at < 0) continue;
    std::string weights;
    for (const auto& input : node->inputs)
      if (input && name_of.count(input.get()))
        weights += (weights.empty() ? "" : ", ") + name_of[input.get()];
    return node->inputs.empty() ? cat("the input ", place(value, at))
                                : cat("the output of ", node->op, "(", weights, ") ", place(value, at));
  }
  for (const auto& [name, parameter] : parameters)
    if (const std::string found = nonfinite_gradient(name, parameter->var); !found.empty()) return found;
  return "";
}

void throw_diverged(const char* what, double value, int64_t step, const Var& loss, Module& model) {
  const std::string first = first_nonfinite_tensor(loss, model);
  throw Error(ErrorKind::diverged,
              cat("the ", what, " became ", value, " at step ", step + 1,
                  "; first tensor that is not finite: ", first.empty() ? "none (a sum overflowed)" : first,
                  ". The weights of the last checkpoint are kept. Try a lower optimizer.lr, a warm-up "
                  "(schedule.warmup), or optimizer.clip_norm = 5."));
}

}  // namespace fr
