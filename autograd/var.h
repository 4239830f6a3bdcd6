// Reverse-mode differentiation. A Var is a handle on a node of the graph: its value, its gradient, and how
// the op that made it passes a gradient back. Ops call record(); backward() walks the graph once, in reverse
// order of creation.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace fr {

struct Node {
  Tensor value;
  Tensor grad;  // empty until something flows in; the shape and type of value
  bool requires_grad = false;
  const char* op = "leaf";
  std::vector<std::shared_ptr<Node>> inputs;
  std::function<void(Node& self)> backward;  // reads self.grad, adds into the inputs' gradients
  uint64_t order = 0;                        // creation time: inputs are always older than outputs

  Node() = default;
  ~Node();  // iterative: a chain of any length is released without recursion
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Where a backward function adds; zero-filled on first use. Null pointer semantics: see grad_of().
  const Tensor& grad_or_zero();
};

class Var {
 public:
  Var() = default;  // empty
  explicit Var(Tensor value, bool requires_grad = false);

  explicit operator bool() const { return node_ != nullptr; }
  const Tensor& value() const { return node_->value; }
  const Tensor& grad() const { return node_->grad; }  // empty when nothing flowed in
  bool requires_grad() const { return node_->requires_grad; }
  const Shape& shape() const { return node_->value.shape(); }
  int64_t dim(int i) const { return node_->value.dim(i); }
  DType dtype() const { return node_->value.dtype(); }
  const char* op() const { return node_->op; }

  void set_value(Tensor value) { node_->value = std::move(value); }  // leaves only
  void zero_grad() { node_->grad = Tensor(); }
  Var detach() const { return Var(node_->value); }  // the same value, cut off from the graph
  const std::shared_ptr<Node>& node() const { return node_; }

 private:
  friend Var record(const char*, Tensor, std::vector<Var>, std::function<void(Node&)>);
  std::shared_ptr<Node> node_;
};

// Record one op: its output, the inputs a gradient may flow to, and how. `backward` captures what it needs;
// that capture list is the op's memory cost. An empty Var among the inputs (an optional bias) is allowed.
// Nothing is recorded when no input requires a gradient or inside NoGrad.
Var record(const char* op, Tensor value, std::vector<Var> inputs, std::function<void(Node& self)> backward);

// The tensor into which a backward function adds for input i, or an empty tensor (data() is null) when that
// input needs no gradient: kernels skip null gradients.
Tensor grad_of(Node& self, size_t i);

// The same for kernels that can overwrite: when nothing has flowed into input i yet, the tensor's contents are undefined
// and `into` says overwrite.
struct GradientTarget {
  Tensor grad;
  Gradient into = Gradient::add;
  explicit operator bool() const { return bool(grad); }
  Pointer data() const { return grad.data(); }
};
GradientTarget target_of(Node& self, size_t i);

// Input i's gradient += self.grad, for ops that pass a gradient on unchanged (the element counts must agree).
// hand_over_gradient gives the storage away when input i has no gradient yet: it must be the last use of
// self.grad.
void add_gradient(Node& self, size_t i);
void hand_over_gradient(Node& self, size_t i);

// Push d(root)/d(leaf) into the grad of every leaf that requires one; gradients add to what is there. The
// seed defaults to 1 and then root must have one element. Iterative (no recursion: depth is limited by memory
// only). Intermediate gradients and saved values are released as the walk passes them: a graph can be walked
// once.
void backward(const Var& root, const Tensor& seed = {});

bool grad_enabled();
// While alive, ops on this thread record nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace fr
