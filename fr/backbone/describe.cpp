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

TrainingMemory training_memory(const std::vector<LayerDescription>& layers, int64_t batch) {
  const int64_t weights = total_parameters(layers) * int64_t(sizeof(float));
  return {batch, batch * total_kept(layers), weights, weights, weights};
}

std::string to_text(const TrainingMemory& m) {
  return cat("a training step of ", m.batch, " pictures keeps, without the loss:\n", mebibytes(m.maps),
             "  maps for the backward pass (the others are formed again from them)\n", mebibytes(m.weights),
             "  weights\n", mebibytes(m.gradients), "  their gradients\n", mebibytes(m.momentum),
             "  momentum\n", mebibytes(m.total()), "  together\n");
}

Describer::Describer(int64_t height, int64_t width) : output{height, width, 3} {
  line("input", "picture", Keeps::output);
}

void Describer::line(const std::string& name, std::string kind, Keeps keeps, int64_t parameters,
                     int64_t multiply_adds) {
  LayerDescription l{name, std::move(kind), output, parameters, multiply_adds};
  if (keeps != Keeps::nothing) l.kept_bytes = l.output_bytes();
  if (keeps == Keeps::winners) l.kept_bytes += elements(output) * int64_t(sizeof(int64_t));
  layers.push_back(std::move(l));
}

void Describer::conv(const std::string& name, const Conv2dSpec& spec) {
  const Conv2dOptions& w = spec.window;
  FR_CHECK(output.size() == 3 && output[2] == spec.C, "describe: ", name, " expects C = ", spec.C, ", got ",
           to_string(output));
  output = {window_count(output[0], spec.R, w.stride_h, w.pad_h, w.dilation_h),
            window_count(output[1], spec.S, w.stride_w, w.pad_w, w.dilation_w), spec.K};
  const int64_t weights = spec.K * spec.R * spec.S * (spec.C / w.groups);
  const int64_t bias = spec.bias == Bias::with ? spec.K : 0;
  line(name, cat("conv ", spec.R, "x", spec.S, w.stride_h > 1 ? cat(" /", w.stride_h) : ""), Keeps::output,
       weights + bias, weights * output[0] * output[1]);
}

void Describer::linear(const std::string& name, const LinearSpec& spec) {
  FR_CHECK(elements(output) == spec.D, "describe: ", name, " expects D = ", spec.D, ", got ",
           to_string(output));
  output = {spec.M};
  const int64_t weights = spec.D * spec.M;
  line(name, "linear", Keeps::output, weights + (spec.bias == Bias::with ? spec.M : 0), weights);
}

void Describer::batch_norm(const std::string& name) {
  line(name, "batch norm", Keeps::nothing, 2 * output.back());
}

void Describer::prelu(const std::string& name) { line(name, "prelu", Keeps::nothing, output.back()); }

void Describer::relu(const std::string& name) { line(name, "relu", Keeps::nothing); }

void Describer::max_pool(const std::string& name, const Pool2dOptions& w) {
  FR_CHECK(output.size() == 3, "describe: ", name, " expects (H,W,C), got ", to_string(output));
  output = {window_count(output[0], w.R, w.stride_h, w.pad_h, 1),
            window_count(output[1], w.S, w.stride_w, w.pad_w, 1), output[2]};
  line(name, cat("max pool ", w.R, "x", w.S, " /", w.stride_h), Keeps::winners);
}

void Describer::global_average(const std::string& name) {
  output = {output.back()};
  line(name, "mean", Keeps::output);
}

void Describer::dropout(const std::string& name, double p) {
  if (p > 0) line(name, cat("dropout ", p), Keeps::output);
}

void Describer::add(const std::string& name) {
  sums_ = sums_ == 4 ? 0 : sums_ + 1;
  line(name, "add", sums_ ? Keeps::nothing : Keeps::output);
}

}  // namespace fr
