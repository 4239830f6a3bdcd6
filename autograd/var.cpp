// The graph: recording, the backward walk, release. No equations here; they stand in autograd/ops/.
#include "autograd/var.h"

#include <algorithm>
#include <atomic>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace fr {

// Shared by the Vars of a result and by what saved it.
struct Recipe {
  std::function<Tensor()> form;
  int depth;
  WeakTensor seen;  // the result, while anybody has it
  Tensor held;      // the result, formed again, while another reader remains

  Tensor value() {
    if (held) return held;
    Tensor t = seen.lock();
    if (t) return t;
    t = form();
    seen = WeakTensor(t);
    return t;
  }
};

namespace {

thread_local bool recording = true, keeping = false;

// Results of several maps, a chain of which holds one map a link while it is formed, and of one map: a few more.
constexpr int kDeepestSum = 4, kDeepest = 6;

uint64_t next_order() {
  static std::atomic<uint64_t> count{0};
  return ++count;
}

bool wants_gradient(const Node* node) { return node && node->requires_grad; }

// Every node a gradient can reach from root, newest first: an op stands before all of its inputs.
std::vector<std::shared_ptr<Node>> reachable(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> nodes{root};
  std::unordered_set<const Node*> seen{root.get()};
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node* node = nodes[i].get();  // stays put while `nodes` grows
    for (const auto& input : node->inputs)
      if (wants_gradient(input.get()) && seen.insert(input.get()).second) nodes.push_back(input);
  }
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a->order > b->order; });
  return nodes;
}

bool is_leaf(const Node& node) { return std::string_view(node.op) == "leaf"; }

Tensor seed_gradient(const Tensor& value, const Tensor& seed) {
  if (!seed) {
    FR_CHECK(value.size() == 1, "backward: without a seed the root must have one element, got ",
             to_string(value.shape()));
    return Tensor::full(value.shape(), 1, value.dtype(), value.device());
  }
  FR_CHECK(seed.shape() == value.shape() && seed.dtype() == value.dtype() && seed.device() == value.device(),
           "backward: expected a seed ", to_string(value.shape()), " ", to_string(value.dtype()), " on ",
           to_string(value.device()), ", got ", to_string(seed.shape()), " ", to_string(seed.dtype()), " on ",
           to_string(seed.device()));
  return seed.clone();
}

}  // namespace

Node::~Node() {
  // A node that only we still hold gives up its inputs before it goes, so no destructor meets another below
  // it.
  std::vector<std::shared_ptr<Node>> pending = std::move(inputs);
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    if (!node || node.use_count() != 1) continue;
    for (auto& input : node->inputs) pending.push_back(std::move(input));
    node->inputs.clear();
  }
}

Tensor Node::peek() const {
  if (value) return value;
  if (Tensor t = computed.lock()) return t;
  const std::shared_ptr<Recipe> known = recipe.lock();
  return known ? known->value() : Tensor();
}

const Tensor& Node::grad_or_zero() {
  if (!grad) grad = Tensor::zeros(shape, dtype, device);
  return grad;
}

Var::Var(Tensor value, bool requires_grad) : node_(std::make_shared<Node>()) {
  FR_CHECK(!requires_grad || value.dtype() != DType::int64, "autograd: an int64 tensor has no gradient");
  node_->requires_grad = requires_grad;
  node_->order = next_order();
  set_value(std::move(value));
}

void Var::set_value(Tensor value) {
  node_->shape = value.shape(), node_->dtype = value.dtype(), node_->device = value.device();
  node_->value = std::move(value);
  if (node_->low) keep_low();
}

void Var::keep_low(bool keep) { node_->low = keep ? value().to(DType::bfloat16) : Tensor(); }

void Var::round_low() {
  if (node_->low) node_->low.copy_from(value());
}

void Var::gradient_by_rows(bool wanted) {
  FR_CHECK(is_leaf(*node_) && !shape().empty(),
           "autograd: only a leaf with rows has a gradient by rows, got ", node_->op, " ",
           to_string(shape()));
  node_->by_rows = wanted;
}

void Var::gradient_rows(const Tensor& g, int64_t first, int64_t rows) const {
  const int64_t R = node_->shape.at(0), width = R > 0 ? elements(node_->shape) / R : 0;
  FR_CHECK(first >= 0 && rows >= 0 && first + rows <= R && g.size() >= rows * width,
           "autograd: asked for rows ", first, " to ", first + rows, " of a gradient ",
           to_string(node_->shape), ", to be put into ", to_string(g.shape()));
  with_kernels(g, [&]<class T>(const Kernels<T>& k) {
    if (const Tensor& whole = node_->grad)
      k.copy(g.as<T>(), whole.as<T>() + first * width, size_t(rows * width) * sizeof(T));
    else
      k.fill(g.as<T>(), 0, rows * width);
  });
  for (const RowForm& form : node_->row_forms) form(g, first, rows);
}

Saved::Saved(const Var& x) {
  if (!x) return;
  if (x.recipe_)
    recipe_ = x.recipe_;
  else
    kept_ = x.value();
}

int Saved::depth() const { return recipe_ ? recipe_->depth : 0; }

Tensor Saved::take() {
  if (!recipe_) return std::exchange(kept_, {});
  const std::shared_ptr<Recipe> recipe = std::move(recipe_);
  Tensor t = recipe->value();
  if (recipe.use_count() > 1) recipe->held = t;
  return t;
}

Tensor Saved::look() const {
  if (!recipe_) return kept_;
  Tensor t = recipe_->value();
  if (recipe_->depth > 1) recipe_->held = t;
  return t;
}

Form::Form(std::initializer_list<const Saved*> from, std::function<Tensor()> f) {
  int deepest = 0, maps = 0;
  for (const Saved* x : from) deepest = std::max(deepest, x->depth()), maps += bool(*x);
  if (deepest >= (maps > 1 ? kDeepestSum : kDeepest)) return;
  form = std::move(f);
  depth = deepest + 1;
}

Var record(const char* op, Tensor value, std::vector<Var> inputs, std::function<void(Node& self)> backward,
           Form form) {
  Var y(value);
  y.node_->op = op;
  const bool needed =
      std::any_of(inputs.begin(), inputs.end(), [](const Var& x) { return wants_gradient(x.node_.get()); });
  if (!needed || !recording) return y;
  y.value_ = std::move(value), y.node_->value = Tensor();
  y.node_->computed = WeakTensor(y.value_);
  if (form.form && !keeping) {
    y.recipe_ = std::make_shared<Recipe>(Recipe{std::move(form.form), form.depth, y.node_->computed, {}});
    y.node_->recipe = y.recipe_;
  }
  y.node_->requires_grad = true;
  y.node_->backward = std::move(backward);
  for (Var& x : inputs) y.node_->inputs.push_back(std::move(x.node_));
  return y;
}

Tensor grad_of(Node& self, size_t i) {
  Node* input = self.inputs.at(i).get();
  return wants_gradient(input) ? input->grad_or_zero() : Tensor();
}

GradientTarget target_of(Node& self, size_t i) {
  Node* input = self.inputs.at(i).get();
  if (!wants_gradient(input)) return {};
  if (input->grad) return {input->grad, Gradient::add};
  input->grad = Tensor(input->shape, input->dtype, input->device);
  return {input->grad, Gradient::overwrite};
}

GradientTarget target_of(Node& self, size_t i, const Tensor& spent) {
  Node* input = self.inputs.at(i).get();
  if (!wants_gradient(input) || input->grad || !spent.sole_owner()) return target_of(self, i);
  input->grad = spent.reshape(input->shape);
  return {input->grad, Gradient::overwrite};
}

void add_gradient(Node& self, size_t i) {
  Node* input = self.inputs.at(i).get();
  if (!wants_gradient(input)) return;
  if (!input->grad) {
    input->grad = self.grad.reshape(input->shape).clone();
    return;
  }
  with_kernels(input->grad, [&](const auto& k) {
    k.add_scaled(input->grad.data(), self.grad.data(), 1, self.grad.size());
  });
}

void hand_over_gradient(Node& self, size_t i) {
  Node* input = self.inputs.at(i).get();
  if (!wants_gradient(input)) return;
  if (input->grad) return add_gradient(self, i);
  input->grad = self.grad.reshape(input->shape);
  self.grad = Tensor();
}

bool by_rows(const Node& self, size_t i) {
  const Node* input = self.inputs.at(i).get();
  return wants_gradient(input) && input->by_rows;
}

void leave_rows(Node& self, size_t i, RowForm form) {
  self.inputs.at(i)->row_forms.push_back(std::move(form));
}

void backward(const Var& root, const Tensor& seed) {
  FR_CHECK(root && root.node()->backward, "backward: the root has no graph (",
           !root                        ? "it is empty"
           : is_leaf(*root.node())      ? "it is a leaf"
           : root.node()->requires_grad ? "it was walked before; run the forward pass again"
                                        : "no input required a gradient, or it was made inside NoGrad",
           ")");
  std::vector<std::shared_ptr<Node>> nodes = reachable(root.node());
  for (const auto& node : nodes)
    FR_CHECK(is_leaf(*node) || node->backward, "backward: the graph at op '", node->op,
             "' was walked before; run the forward pass again");
  Tensor start = seed_gradient(root.value(), seed);
  root.node()->grad = std::move(start);
  for (auto& node : nodes) {
    if (!is_leaf(*node)) {
      if (node->grad) node->backward(*node);
      node->backward = nullptr;
      node->inputs.clear();
      node->grad = Tensor();
    }
    node.reset();
  }
}

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
KeepValues::KeepValues() : before_(keeping) { keeping = true; }
KeepValues::~KeepValues() { keeping = before_; }

}  // namespace fr
