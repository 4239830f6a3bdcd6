#include "fr/backbone/doppelganger_net.h"

#include "nn/lsuv.h"

namespace fr {
namespace {

constexpr const char* kName = "Doppelganger";
constexpr StageUnits kTables[] = {{27, {1, 2, 5, 3}}, {28, {1, 2, 5, 3}}};

// Table 1 down to FC. `stage` is the place in StageUnits of lines of units, whose filters are 3x3. Parallel convolutions
// have dilations 1, 2, ... in the order of their filters.
enum class Kind { conv, parallel, units, pool };
struct Line {
  const char* name;
  Kind kind = Kind::pool;
  std::array<int64_t, 3> filters = {};
  int64_t size = 3, stride = 1;
  size_t stage = 0;
};
constexpr Line kLines[] = {
    {.name = "conv1", .kind = Kind::conv, .filters = {64}, .size = 5, .stride = 2},
    {.name = "conv2", .kind = Kind::conv, .filters = {64}, .size = 5},
    {.name = "pool1"},
    {.name = "stage1", .kind = Kind::units, .filters = {128}, .stage = 0},
    {.name = "parallel1", .kind = Kind::parallel, .filters = {128, 64, 64}},
    {.name = "pool2"},
    {.name = "stage2", .kind = Kind::units, .filters = {256}, .stage = 1},
    {.name = "parallel2", .kind = Kind::parallel, .filters = {256, 256}},
    {.name = "pool3"},
    {.name = "stage3", .kind = Kind::units, .filters = {512}, .stage = 2},
    {.name = "conv3", .kind = Kind::conv, .filters = {1024}},
    {.name = "pool4"},
    {.name = "stage4", .kind = Kind::units, .filters = {1024}, .stage = 3},
};

std::span<const Line> lines_of(const DoppelgangerOptions& o) {
  return std::span(kLines).subspan(o.depth == 28 ? 0 : 1);
}

Conv2dSpec conv(const DoppelgangerOptions& o, int64_t C, int64_t K, int64_t size, int64_t stride,
                int64_t pad) {
  Conv2dSpec spec = Conv2dSpec::square(C, K, size, stride, pad);
  spec.init = o.filters, spec.bias = Bias::with;
  return spec;
}
Conv2dSpec line_conv(const DoppelgangerOptions& o, const Line& line, int64_t C) {
  return conv(o, C, line.filters[0] / o.narrow, line.size, line.stride, 0);
}
// Each as large as without dilation and padding: R - 1 less on a side.
std::vector<Conv2dSpec> branches(const DoppelgangerOptions& o, const Line& line, int64_t C) {
  std::vector<Conv2dSpec> all;
  for (const int64_t K : line.filters) {
    if (K == 0) continue;
    const auto dilation = int64_t(all.size()) + 1;
    all.push_back(conv(o, C, K / o.narrow, line.size, 1, dilation - 1));
    all.back().window.dilation_h = all.back().window.dilation_w = dilation;
  }
  return all;
}

// What the line puts out of C channels.
int64_t channels_after(const DoppelgangerOptions& o, const Line& line, int64_t C) {
  if (line.kind == Kind::pool) return C;
  int64_t K = 0;
  for (const int64_t filters : line.filters) K += filters / o.narrow;
  return K;
}

// A side of the map after the line, or 0 where it does not fit: nothing may be left over.
int64_t side_after(const Line& line, int64_t side) {
  if (line.kind == Kind::units) return side;
  if (line.kind == Kind::pool) return side % 2 == 0 ? side / 2 : 0;
  const int64_t steps = side - line.size;
  return steps >= 0 && steps % line.stride == 0 ? steps / line.stride + 1 : 0;
}

struct MapSize {
  int64_t height, width, C;
};
// The map that FC is given. Throws where the input does not fit.
MapSize last_map(const DoppelgangerOptions& o) {
  MapSize map{o.height, o.width, 3};
  for (const Line& line : lines_of(o)) {
    const MapSize next{side_after(line, map.height), side_after(line, map.width),
                       channels_after(o, line, map.C)};
    FR_CHECK(next.height > 0 && next.width > 0, kName, "-", o.depth, ": an input of ", o.height, " x ",
             o.width, " does not fit: ", line.name, " meets a map of ", map.height, " x ", map.width,
             "; expected sides of ", o.depth == 28 ? "32 m + 3, 99 or more" : "16 m, 48 or more");
    map = next;
  }
  return map;
}

LinearSpec fc(const DoppelgangerOptions& o) {
  const MapSize map = last_map(o);
  return {map.height * map.width * map.C, 2 * o.embedding, Bias::with, Init::caffe_xavier()};
}

const StageUnits& checked(const DoppelgangerOptions& o) {
  const StageUnits& table = checked_units(kName, kTables, o);
  FR_CHECK(o.narrow > 0 && 64 % o.narrow == 0, kName,
           ": expected channels divided by a divisor of 64, got narrow = ", o.narrow);
  last_map(o);
  return table;
}

// out = shortcut(x) + ARFA(conv3x3(ARFA(conv3x3(x))))                    (N,H,W,C) -> (N,H,W,K)
class ArfaUnit : public Module {
 public:
  ArfaUnit(const DoppelgangerOptions& o, int64_t C, int64_t K) {
    branch_.push_back(&add_child<Conv2d>("conv1", conv(o, C, K, 3, 1, 1)));
    branch_.push_back(&add_child<Arfa>("arfa1", K));
    branch_.push_back(&add_child<Conv2d>("conv2", conv(o, K, K, 3, 1, 1)));
    branch_.push_back(&add_child<Arfa>("arfa2", K));
    if (C != K) shortcut_ = &add_child<Conv2d>("shortcut", conv(o, C, K, 1, 1, 0));
  }
  Var forward(const Var& x) override { return chain(branch_, x, shortcut_ ? chain({shortcut_}, x) : x); }

 private:
  std::vector<Module*> branch_;
  Module* shortcut_ = nullptr;  // none: the identity
};

void describe_unit(Describer& d, const DoppelgangerOptions& o, const std::string& name, int64_t C,
                   int64_t K) {
  d.branch();
  d.conv(name + ".conv1", conv(o, C, K, 3, 1, 1)), d.arfa(name + ".arfa1");
  d.conv(name + ".conv2", conv(o, K, K, 3, 1, 1)), d.arfa(name + ".arfa2");
  if (C != K) d.second_branch(), d.conv(name + ".shortcut", conv(o, C, K, 1, 1, 0));
  d.add(name);
}

void build_line(Sequential& out, const DoppelgangerOptions& o, const Line& line, int units, int64_t C) {
  const int64_t K = channels_after(o, line, C);
  if (line.kind == Kind::units)
    for (int u = 0; u < units; ++u) out.add<ArfaUnit>(unit_name(u), o, u == 0 ? C : K, K);
  if (line.kind == Kind::conv) out.add<Conv2d>("conv", line_conv(o, line, C));
  if (line.kind == Kind::parallel) out.add<ParallelConv2d>("conv", branches(o, line, C));
  if (line.kind != Kind::units) out.add<Arfa>("arfa", K);
}

void describe_line(Describer& d, const DoppelgangerOptions& o, const Line& line, int units) {
  const std::string name = line.name;
  const int64_t C = d.output.back(), K = channels_after(o, line, C);
  if (line.kind == Kind::units)
    for (int u = 0; u < units; ++u) describe_unit(d, o, name + "." + unit_name(u), u == 0 ? C : K, K);
  if (line.kind == Kind::conv) d.conv(name + ".conv", line_conv(o, line, C));
  if (line.kind == Kind::parallel) d.parallel_conv(name + ".conv", branches(o, line, C));
  if (line.kind != Kind::units) d.arfa(name + ".arfa");
}

}  // namespace

std::span<const StageUnits> doppelganger_tables() { return kTables; }

DoppelgangerNet::DoppelgangerNet(const DoppelgangerOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  const StageUnits& table = checked(options);
  int64_t C = 3;
  for (const Line& line : lines_of(options)) {
    if (line.kind == Kind::pool)
      append<MaxPool2d>(line.name, Pool2dOptions{});
    else
      build_line(append<Sequential>(line.name), options, line, table.units[line.stage], C);
    C = channels_after(options, line, C);
  }
  append<Flatten>("flatten");
  if (options.dropout > 0) append<Dropout>("dropout", options.dropout, 0);
  append<Linear>("fc", fc(options));
  append<Maxout>("maxout");
  initialise(options.seed);
}

void DoppelgangerNet::calibrate(const Var& batch) { initialise_from_data(*this, batch); }

std::vector<LayerDescription> DoppelgangerNet::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const DoppelgangerOptions& options) {
  const StageUnits& table = checked(options);
  Describer d(options.height, options.width);
  for (const Line& line : lines_of(options))
    line.kind == Kind::pool ? d.max_pool(line.name, {})
                            : describe_line(d, options, line, table.units[line.stage]);
  d.dropout("dropout", options.dropout);
  d.linear("fc", fc(options));
  d.maxout("maxout", 2);
  d.unit_length("embedding");
  return d.layers;
}

}  // namespace fr
