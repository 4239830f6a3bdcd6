// loss_worker: our side of bench/peers/losses.py. A line on stdin is one training step without its optimiser:
//   FOLDER TYPE N D M STEP KEY=VALUE...   TYPE float32 or float64; keys as in a configuration, loss.name=arcface
// It is answered by "done BACKEND" or "failed REASON". Files are raw little-endian float64, whatever TYPE is.
//   read      x (N,D), labels (N); class_margin (M) where it is there; and parameters and buffers under their names
//             (head.weight, center.centers), where they shall not start as they are built
//   written   loss (), x.gradient; NAME.gradient of each parameter; NAME.after of parameters and buffers after the step;
//             margin.chosen (N,N): how often each anchor of the margin-based loss chose each pair
#include <fstream>
#include <iostream>
#include <sstream>

#include "fr/loss_keys.h"

namespace fr {
namespace {

struct Step {
  std::filesystem::path folder;
  DType type = DType::float32;
  int64_t N = 0, D = 0, M = 0, step = 0;
  SupervisionOptions loss;
};

Step parsed(const std::string& line) {
  std::istringstream in(line);
  Step s;
  std::string type;
  in >> s.folder >> type >> s.N >> s.D >> s.M >> s.step;
  FR_CHECK(in && (type == "float32" || type == "float64"), "loss_worker: cannot read '", line, "'");
  s.type = type == "float32" ? DType::float32 : DType::float64;
  Schema schema;
  describe_loss(schema, s.loss);
  for (std::string assignment; in >> assignment;) schema.override_with(assignment);
  return s;
}

bool given(const Step& s, const std::string& name) { return std::filesystem::exists(s.folder / name); }

Tensor read(const Step& s, const std::string& name, const Shape& shape, DType type) {
  std::vector<double> values(static_cast<size_t>(elements(shape)));
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(double));
  std::ifstream in(s.folder / name, std::ios::binary);
  in.read(reinterpret_cast<char*>(values.data()), bytes);
  FR_CHECK(in.gcount() == bytes && in.peek() == EOF, "loss_worker: expected ", bytes, " bytes in ", name);
  return Tensor::from(values, shape, type);
}
Tensor read(const Step& s, const std::string& name, const Shape& shape) {
  return read(s, name, shape, s.type);
}

void write(const Step& s, const std::string& name, const Tensor& t) {
  const std::vector<double> values = t.host<double>();
  std::ofstream(s.folder / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(double)));
}

// The terms of a loss on embeddings that stand where a network would put its own.
class Terms : public Module {
 public:
  explicit Terms(const Step& s)
      : supervision_(make_supervision(s.loss, s.M, s.D, 1,
                                      [&](std::string name, std::unique_ptr<LossTerm> term) -> LossTerm& {
                                        return adopt_child(std::move(name), std::move(term));
                                      })) {}

  Var forward(const Var& x) override { return x; }
  Var loss(const Var& x, const Tensor& labels, const StepAt& at) const {
    Var total;
    for (const Supervision::Term& t : supervision_.terms) {
      const Var weighted = affine(t.term->loss(x, labels, at), t.weight, 0);
      total = total ? add(total, weighted) : weighted;
    }
    return total;
  }
  ClassHead* head() const { return supervision_.head; }

 private:
  Supervision supervision_;
};

void set_up(Terms& terms, const Step& s) {
  for (auto& [name, p] : terms.parameters())
    p->var.set_value(given(s, name) ? read(s, name, p->var.shape()) : p->var.value().to(s.type));
  for (auto& [name, b] : terms.buffers()) *b = given(s, name) ? read(s, name, b->shape()) : b->to(s.type);
  if (given(s, "class_margin")) terms.head()->set_class_margin(read(s, "class_margin", {s.M}));
}

Tensor gradient(const Var& v) {
  if (v.has_row_forms()) {
    const Tensor g = like(v.value(), v.shape());
    return v.gradient_rows(g, 0, v.dim(0)), g;
  }
  return v.grad() ? v.grad() : Tensor::zeros(v.shape());
}

// The choice is a function of the inputs and of random_state(): asked for again, it is the same.
void write_chosen(const Step& s, const Var& x, const Var& boundary, const Tensor& labels) {
  const MarginBasedOptions& o = s.loss.margin;
  const RandomState& state = random_state();
  const PhiloxKey key{state.seed, Purpose::pairs, state.step, 0, state.step_at};
  const MarginPairs pairs{o.sampling, o.margin, double(s.D), o.cutoff, o.loss_cutoff, key};
  const Var e = l2_normalize(x);
  Tensor chosen;
  margin_based(matmul(e, e, false, true), boundary, labels, pairs, &chosen);
  write(s, "margin.chosen", chosen);
}

void run(const Step& s) {
  Terms terms(s);
  set_up(terms, s);
  random_state() = {1, uint64_t(s.step)};
  const Var x(read(s, "x", {s.N, s.D}), true);
  const Tensor labels = read(s, "labels", {s.N}, DType::int64);
  const Var loss = terms.loss(x, labels, s.step);
  for (auto& [name, p] : terms.parameters())
    if (name == "margin.boundary") write_chosen(s, x, p->var, labels);
  backward(loss);
  write(s, "loss", loss.value());
  write(s, "x.gradient", gradient(x));
  for (auto& [name, p] : terms.parameters()) write(s, name + ".gradient", gradient(p->var));
  terms.after_update();
  for (auto& [name, p] : terms.parameters()) write(s, name + ".after", p->var.value());
  for (auto& [name, b] : terms.buffers()) write(s, name + ".after", *b);
}

std::string answer(const std::string& line) try {
  const Step s = parsed(line);
  run(s);
  return cat("done ", s.type == DType::float32 ? kernels<float>().name : kernels<double>().name);
} catch (const std::exception& e) {
  return cat("failed ", e.what());
}

}  // namespace
}  // namespace fr

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << fr::answer(line) << std::endl;
}
