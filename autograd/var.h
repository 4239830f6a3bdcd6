// Reverse-mode differentiation. A Var is a handle on a node of the graph: what an op computed, its gradient, and how
// the op passes a gradient back. Ops call record(); backward() walks the graph once, in reverse order of creation.
//
// Memory. The graph itself holds no results. A result lives in the Vars that hold it and in what backward functions
// saved of it; the forward pass of a network lets go of its Vars as it goes, so a map that nobody saved is gone by then.
// A backward function captures its inputs as Saved: the value, or how to form it again from what is kept anyway.
//
//   conv2d -> batch_norm -> prelu -> conv2d        keeps   x, z1 = conv2d(x)
//     x         z1            u       y            forms   y = prelu(gamma xh(z1) + beta) in one pass, when the second
//                                                          convolution asks for it; u is never there a second time
//
// An op whose output is one elementwise pass over what its own backward function saves gives record() a Form: a function
// that computes the same bits again. What was formed is kept while another reader remains and freed after the last one,
// so nothing is formed twice for two readers of one value. Forms build on forms (a residual sum on the sum before it),
// but only a few deep: every fifth sum of a chain is kept, so that at most four are there for the sake of the next.
// In the backward walk the gradient of a value takes the value's own place where nobody else reads it any more.
#pragma once
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace fr {

struct Recipe;  // a Form with what is known of its result; var.cpp

// Adds rows [first, first + rows) of the gradient of a leaf (R, ...) to the first `rows` rows of g.
using RowForm = std::function<void(const Tensor& g, int64_t first, int64_t rows)>;

struct Node {
  Tensor value;  // of a leaf. What an op computed is in peek()
  Tensor grad;   // empty until something flows in; the shape and type of the value
  bool requires_grad = false;
  const char* op = "leaf";
  std::vector<std::shared_ptr<Node>> inputs;
  std::function<void(Node& self)> backward;  // reads self.grad, adds into the inputs' gradients
  uint64_t order = 0;                        // creation time: inputs are always older than outputs
  Shape shape;
  DType dtype = DType::float32;
  Device device = Device::cpu;
  Tensor low;  // of a leaf: see Var::low()
  bool by_rows = false;
  std::vector<RowForm> row_forms;  // of a leaf: see Var::gradient_by_rows()
  WeakTensor computed;
  std::weak_ptr<Recipe> recipe;

  Node() = default;
  ~Node();  // iterative: a chain of any length is released without recursion
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // The value if anybody keeps it or how to form it, otherwise empty. To be asked before backward().
  Tensor peek() const;
  // Where a backward function adds; zero-filled on first use. Null pointer semantics: see grad_of().
  const Tensor& grad_or_zero();
};

class Var {
 public:
  Var() = default;  // empty
  explicit Var(Tensor value, bool requires_grad = false);

  explicit operator bool() const { return node_ != nullptr; }
  const Tensor& value() const { return value_ ? value_ : node_->value; }
  const Tensor& grad() const { return node_->grad; }  // empty when nothing flowed in
  bool requires_grad() const { return node_->requires_grad; }
  const Shape& shape() const { return value().shape(); }
  int64_t dim(int i) const { return value().dim(i); }
  DType dtype() const { return value().dtype(); }
  Device device() const { return value().device(); }
  const char* op() const { return node_->op; }

  void set_value(Tensor value);  // leaves only
  // The value of a float32 leaf rounded to bfloat16: what products with bfloat16 maps read. Empty unless keep_low() asked
  // for it. Who changes the value calls round_low(), or writes both as an optimiser does.
  const Tensor& low() const { return node_->low; }
  void keep_low(bool keep = true);
  void round_low();
  void zero_grad() { node_->grad = Tensor(), node_->row_forms.clear(); }
  // For a leaf (R, ...) so large that its gradient shall never be a whole tensor, as the class weights of a head: an op
  // that can leaves a function that forms rows of the gradient (leave_rows), and grad() holds only what other ops add.
  // What such a function reads lives until zero_grad().
  void gradient_by_rows(bool wanted = true);
  bool has_row_forms() const { return !node_->row_forms.empty(); }
  bool has_gradient() const { return node_->grad || has_row_forms(); }
  // Overwrites the first `rows` rows of g with rows [first, first + rows) of the whole gradient.
  void gradient_rows(const Tensor& g, int64_t first, int64_t rows) const;
  Var detach() const { return Var(value()); }  // the same value, cut off from the graph
  const std::shared_ptr<Node>& node() const { return node_; }

 private:
  friend class Saved;
  friend Var record(const char*, Tensor, std::vector<Var>, std::function<void(Node&)>, struct Form);
  std::shared_ptr<Node> node_;
  Tensor value_;  // of an op's result: empty for leaves, whose value set_value() may replace
  std::shared_ptr<Recipe> recipe_;
};

// A value for the backward pass: kept, or formed again when it is read.
class Saved {
 public:
  Saved() = default;  // empty
  explicit Saved(const Var& x);
  explicit operator bool() const { return kept_ || recipe_; }
  int depth() const;    // how many forms stand on each other; 0: the value itself is kept
  Tensor take();        // for a backward function: the value, for the last time
  Tensor look() const;  // for a Form: the value; one that is a single pass away is not kept for later

 private:
  Tensor kept_;
  std::shared_ptr<Recipe> recipe_;
};

// How to compute an op's output again, bit for bit, from Saved values that its backward function holds anyway. A sum may
// also read the other branch: it keeps that instead of itself.
struct Form {
  Form() = default;  // none: the output can only be kept
  Form(std::initializer_list<const Saved*> from, std::function<Tensor()> f);
  std::function<Tensor()> form;
  int depth = 0;
};

// Record one op: its output, the inputs a gradient may flow to, and how. `backward` captures what it needs;
// that capture list is the op's memory cost. An empty Var among the inputs (an optional bias) is allowed.
// Nothing is recorded when no input requires a gradient or inside NoGrad.
Var record(const char* op, Tensor value, std::vector<Var> inputs, std::function<void(Node& self)> backward,
           Form form = {});

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
// The same in the place of `spent`, a value of input i's size, when nobody else holds it. It may still be read: by
// kernels whose dx may be x.
GradientTarget target_of(Node& self, size_t i, const Tensor& spent);

// Input i's gradient += self.grad, for ops that pass a gradient on unchanged (the element counts must agree).
// hand_over_gradient gives the storage away when input i has no gradient yet: it must be the last use of
// self.grad.
void add_gradient(Node& self, size_t i);
void hand_over_gradient(Node& self, size_t i);

// Whether the gradient of input i is wanted by rows. Then a backward function calls leave_rows() in place of grad_of(); it
// may also ignore the wish.
bool by_rows(const Node& self, size_t i);
void leave_rows(Node& self, size_t i, RowForm form);

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
// While alive, what this thread records keeps every value that a backward function reads. The results are the same to
// the bit; memory and time are not.
class KeepValues {
 public:
  KeepValues();
  ~KeepValues();
  KeepValues(const KeepValues&) = delete;
  KeepValues& operator=(const KeepValues&) = delete;

 private:
  bool before_;
};

}  // namespace fr
