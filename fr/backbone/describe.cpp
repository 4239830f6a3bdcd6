#include "fr/backbone/describe.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <numeric>
#include <sstream>

namespace fr {
namespace {

// 1234567 -> "1 234 567"
std::string grouped(int64_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ' ';
    out += digits[i];
  }
  return out;
}

// Name, kind and output stand to the left, numbers to the right.
constexpr size_t kColumns = 7, kWords = 3;
using Columns = std::array<std::string, kColumns>;

std::string count(int64_t n) { return n ? grouped(n) : "-"; }

Columns columns(const LayerDescription& l) {
  return {l.name,
          l.kind,
          to_string(l.output),
          count(l.parameters),
          count(l.multiply_adds),
          count(l.output_bytes()),
          count(l.kept_bytes)};
}

template <class F>
int64_t sum_over(const std::vector<LayerDescription>& layers, const F& f) {
  return std::accumulate(layers.begin(), layers.end(), int64_t{0},
                         [&](int64_t sum, const LayerDescription& l) { return sum + f(l); });
}
int64_t total_kept(const std::vector<LayerDescription>& layers) {
  return sum_over(layers, [](const auto& l) { return l.kept_bytes; });
}
int64_t total_output(const std::vector<LayerDescription>& layers) {
  return sum_over(layers, [](const auto& l) { return l.output_bytes(); });
}

std::string mebibytes(int64_t bytes) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << std::setw(10) << double(bytes) / (1 << 20) << " MiB";
  return out.str();
}

// Places of a window along one side.
int64_t window_count(int64_t size, int64_t window, int64_t stride, int64_t pad, int64_t dilation) {
  return (size + 2 * pad - (dilation * (window - 1) + 1)) / stride + 1;
}

}  // namespace

int64_t total_parameters(const std::vector<LayerDescription>& layers) {
  return sum_over(layers, [](const auto& l) { return l.parameters; });
}

int64_t total_multiply_adds(const std::vector<LayerDescription>& layers) {
  return sum_over(layers, [](const auto& l) { return l.multiply_adds; });
}

std::string to_text(const std::vector<LayerDescription>& layers) {
  std::vector<Columns> lines = {
      {"layer", "kind", "output", "parameters", "multiply-adds", "output bytes", "kept bytes"}};
  for (const LayerDescription& l : layers) lines.push_back(columns(l));
  lines.push_back({"total", "", "", grouped(total_parameters(layers)), grouped(total_multiply_adds(layers)),
                   grouped(total_output(layers)), grouped(total_kept(layers))});
  std::array<size_t, kColumns> width{};
  for (const Columns& line : lines)
    for (size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], line[i].size());
  std::ostringstream out;
  for (const Columns& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)
      out << (i ? "  " : "") << (i < kWords ? std::left : std::right) << std::setw(int(width[i])) << line[i];
    out << '\n';
  }
  return out.str();
}

// The backward pass walks the lines from the last to the first: maps go, gradients of weights come.
TrainingMemory training_memory(const std::vector<LayerDescription>& layers, int64_t batch) {
  constexpr int64_t kFloat = sizeof(float);
  const int64_t weights = kFloat * total_parameters(layers), maps = batch * total_kept(layers);
  int64_t left = maps, gradients = 0, peak = 0;
  for (auto l = layers.rbegin(); l != layers.rend(); left -= batch * l->kept_bytes, ++l) {
    gradients += kFloat * l->parameters;
    peak = std::max(peak, left + gradients + batch * l->passing_bytes);
  }
  return {batch, maps, weights, 2 * weights + peak};
}

std::string to_text(const TrainingMemory& m) {
  return cat("a training step of ", m.batch, " pictures, network alone, in float:\n", mebibytes(m.maps),
             "  outputs kept for the backward pass (the others are formed again from them)\n",
             mebibytes(3 * m.weights), "  weights, gradients and momentum\n", mebibytes(m.peak),
             "  in all at the fullest moment, with gradients of maps; without workspaces, class weights and "
             "scores\n");
}

Describer::Describer(int64_t height, int64_t width) : output{height, width, 3} {
  start_line("input", "picture");
}

Describer::Describer(std::vector<LayerDescription> begun) : layers(std::move(begun)) {
  FR_CHECK(!layers.empty(), "describe: expected lines to go on from, got none");
  output = layers.back().output, source_ = layers.size() - 1;
}

// A layer whose output is formed from what its input is formed from.
void Describer::line(const std::string& name, std::string kind, int64_t parameters, int64_t multiply_adds) {
  layers.push_back({name, std::move(kind), output, parameters, multiply_adds});
}

// A layer whose output can only be kept.
void Describer::start_line(const std::string& name, std::string kind, int64_t parameters,
                           int64_t multiply_adds) {
  source_ = layers.size();
  line(name, std::move(kind), parameters, multiply_adds);
}

void Describer::keep_input() {
  LayerDescription& source = layers[source_];
  source.kept_bytes = std::max(source.kept_bytes, source.output_bytes());
}

void Describer::product(const std::string& name, std::string kind, const Shape& result, int64_t weights,
                        Bias bias) {
  const int64_t input_bytes = elements(output) * int64_t(sizeof(float));
  const bool formed = source_ + 1 < layers.size(), first = layers.size() == 1;
  keep_input();
  output = result;
  const int64_t places = result.size() == 3 ? result[0] * result[1] : 1;
  start_line(name, std::move(kind), weights + (bias == Bias::with ? result.back() : 0), weights * places);
  if (!first) layers.back().passing_bytes = (formed ? 2 : 1) * input_bytes + branch_.waiting_bytes;
}

void Describer::conv(const std::string& name, const Conv2dSpec& spec) {
  const Conv2dOptions& w = spec.window;
  FR_CHECK(output.size() == 3 && output[2] == spec.C, "describe: ", name, " expects C = ", spec.C, ", got ",
           to_string(output));
  const std::string dilation = w.dilation_h > 1 ? cat(" dilation ", w.dilation_h) : "";
  const char* kind = w.groups > 1 && w.groups == spec.C ? "depthwise " : "conv ";
  product(name, cat(kind, spec.R, "x", spec.S, w.stride_h > 1 ? cat(" /", w.stride_h) : "", dilation),
          {window_count(output[0], spec.R, w.stride_h, w.pad_h, w.dilation_h),
           window_count(output[1], spec.S, w.stride_w, w.pad_w, w.dilation_w), spec.K},
          spec.K * spec.R * spec.S * (spec.C / w.groups), spec.bias);
}

// Joining copies the maps: the joined one can only be kept, the parts are not.
void Describer::parallel_conv(const std::string& name, const std::vector<Conv2dSpec>& branches) {
  branch();
  Shape joined;
  for (size_t i = 0; i < branches.size(); ++i) {
    second_branch();
    conv(cat(name, ".branch", i + 1), branches[i]);
    if (i == 0) joined = {output[0], output[1], 0};
    FR_CHECK(output[0] == joined[0] && output[1] == joined[1], "describe: ", name,
             " joins maps of one size, got ", to_string(output), " beside ", joined[0], " x ", joined[1]);
    joined[2] += output[2];
  }
  output = joined, branch_ = {};
  start_line(name, "concat");
  layers.back().passing_bytes = layers.back().output_bytes();
}

void Describer::linear(const std::string& name, const LinearSpec& spec) {
  FR_CHECK(elements(output) == spec.D, "describe: ", name, " expects D = ", spec.D, ", got ",
           to_string(output));
  product(name, "linear", {spec.M}, spec.D * spec.M, spec.bias);
}

void Describer::batch_norm(const std::string& name) {
  keep_input();
  line(name, "batch norm", 2 * output.back());
}

void Describer::prelu(const std::string& name) {
  keep_input();
  line(name, "prelu", output.back());
}

void Describer::relu(const std::string& name) {
  keep_input();
  line(name, "relu");
}

// Keeps where each number came from, and not what it read.
void Describer::max_pool(const std::string& name, const Pool2dOptions& w) {
  FR_CHECK(output.size() == 3, "describe: ", name, " expects (H,W,C), got ", to_string(output));
  output = {window_count(output[0], w.R, w.stride_h, w.pad_h, 1),
            window_count(output[1], w.S, w.stride_w, w.pad_w, 1), output[2]};
  start_line(name, cat("max pool ", w.R, "x", w.S, " /", w.stride_h));
  layers.back().kept_bytes = layers.back().output_bytes() + elements(output) * int64_t(sizeof(int64_t));
}

void Describer::global_average(const std::string& name) {
  output = {output.back()};
  start_line(name, "mean");
}

void Describer::arfa(const std::string& name) {
  keep_input();
  line(name, "arfa", output.back());
}

// Keeps what it read and what it put out.
void Describer::maxout(const std::string& name, int64_t group) {
  keep_input();
  output.back() /= group;
  start_line(name, cat("maxout of ", group));
  keep_input();
}

void Describer::unit_length(const std::string& name) { line(name, "unit length, by the loss"); }

void Describer::dropout(const std::string& name, double p) {
  if (p > 0) start_line(name, cat("dropout ", p));
}

void Describer::branch() { branch_ = {output, source_, elements(output) * int64_t(sizeof(float))}; }

void Describer::second_branch() { output = branch_.output, source_ = branch_.source; }

void Describer::add(const std::string& name) {
  const bool formed = layers[source_].kept_bytes > 0 && ++sums_ < 5;
  if (!formed) sums_ = 0;
  formed ? line(name, "add") : start_line(name, "add");
  branch_ = {};
}

}  // namespace fr
