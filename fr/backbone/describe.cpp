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

using Columns = std::array<std::string, 5>;

Columns columns(const LayerDescription& l) {
  return {l.name, l.kind, to_string(l.output), grouped(l.parameters), grouped(l.multiply_adds)};
}

// Places of a window along one side.
int64_t window_count(int64_t size, int64_t window, int64_t stride, int64_t pad, int64_t dilation) {
  return (size + 2 * pad - (dilation * (window - 1) + 1)) / stride + 1;
}

}  // namespace

int64_t total_parameters(const std::vector<LayerDescription>& layers) {
  return std::accumulate(layers.begin(), layers.end(), int64_t{0},
                         [](int64_t sum, const LayerDescription& l) { return sum + l.parameters; });
}

int64_t total_multiply_adds(const std::vector<LayerDescription>& layers) {
  return std::accumulate(layers.begin(), layers.end(), int64_t{0},
                         [](int64_t sum, const LayerDescription& l) { return sum + l.multiply_adds; });
}

std::string to_text(const std::vector<LayerDescription>& layers) {
  std::vector<Columns> lines = {{"layer", "kind", "output", "parameters", "multiply-adds"}};
  for (const LayerDescription& l : layers) lines.push_back(columns(l));
  lines.push_back({"total", "", "", grouped(total_parameters(layers)), grouped(total_multiply_adds(layers))});
  std::array<size_t, 5> width{};
  for (const Columns& line : lines)
    for (size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], line[i].size());
  std::ostringstream out;
  for (const Columns& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)  // words to the left, numbers to the right
      out << (i ? "  " : "") << (i < 3 ? std::left : std::right) << std::setw(int(width[i])) << line[i];
    out << '\n';
  }
  return out.str();
}

void Describer::conv(const std::string& name, const Conv2dSpec& spec) {
  const Conv2dOptions& w = spec.window;
  FR_CHECK(output.size() == 3 && output[2] == spec.C, "describe: ", name, " expects C = ", spec.C, ", got ",
           to_string(output));
  output = {window_count(output[0], spec.R, w.stride_h, w.pad_h, w.dilation_h),
            window_count(output[1], spec.S, w.stride_w, w.pad_w, w.dilation_w), spec.K};
  const int64_t weights = spec.K * spec.R * spec.S * (spec.C / w.groups);
  const int64_t bias = spec.bias == Bias::with ? spec.K : 0;
  const std::string dilation = w.dilation_h > 1 ? cat(" dilation ", w.dilation_h) : "";
  layers.push_back({name,
                    cat("conv ", spec.R, "x", spec.S, w.stride_h > 1 ? cat(" /", w.stride_h) : "", dilation),
                    output, weights + bias, weights * output[0] * output[1]});
}

void Describer::parallel_conv(const std::string& name, const std::vector<Conv2dSpec>& branches) {
  const Shape input = output;
  Shape joined;
  for (size_t i = 0; i < branches.size(); ++i) {
    output = input;
    conv(cat(name, ".branch", i + 1), branches[i]);
    if (i == 0) joined = {output[0], output[1], 0};
    FR_CHECK(output[0] == joined[0] && output[1] == joined[1], "describe: ", name,
             " joins maps of one size, got ", to_string(output), " beside ", joined[0], " x ", joined[1]);
    joined[2] += output[2];
  }
  output = joined;
  layers.push_back({name, "concat", output, 0, 0});
}

void Describer::linear(const std::string& name, const LinearSpec& spec) {
  FR_CHECK(elements(output) == spec.D, "describe: ", name, " expects D = ", spec.D, ", got ",
           to_string(output));
  output = {spec.M};
  const int64_t weights = spec.D * spec.M;
  layers.push_back({name, "linear", output, weights + (spec.bias == Bias::with ? spec.M : 0), weights});
}

void Describer::batch_norm(const std::string& name) {
  layers.push_back({name, "batch norm", output, 2 * output.back(), 0});
}

void Describer::prelu(const std::string& name) {
  layers.push_back({name, "prelu", output, output.back(), 0});
}

void Describer::arfa(const std::string& name) { layers.push_back({name, "arfa", output, output.back(), 0}); }

void Describer::max_pool(const std::string& name, const Pool2dOptions& w) {
  output[0] = window_count(output[0], w.R, w.stride_h, w.pad_h, 1);
  output[1] = window_count(output[1], w.S, w.stride_w, w.pad_w, 1);
  layers.push_back({name, cat("max pool ", w.R, "x", w.S, " /", w.stride_h), output, 0, 0});
}

void Describer::maxout(const std::string& name, int64_t group) {
  output.back() /= group;
  layers.push_back({name, cat("maxout of ", group), output, 0, 0});
}

void Describer::unit_length(const std::string& name) {
  layers.push_back({name, "unit length, by the loss", output, 0, 0});
}

void Describer::dropout(const std::string& name, double p) {
  if (p > 0) layers.push_back({name, cat("dropout ", p), output, 0, 0});
}

void Describer::add(const std::string& name) { layers.push_back({name, "add", output, 0, 0}); }

}  // namespace fr
