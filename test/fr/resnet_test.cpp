#include "fr/backbone/resnet.h"

#include "autograd/gradient_check.h"
#include "nn/optimizer.h"
#include "nn/state.h"
#include "test/devices.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr ResNetForm kForms[] = {ResNetForm::preactivation, ResNetForm::literal};
using Branch = ResNetUnit::Branch;

ResNetOptions small(ResNetForm form, int depth = 18) { return {depth, 8, 20, 17, 0, 1, form}; }

// Published counts of the networks with 1000 classes, without these; at any size of the input.
TEST(ResNet, LiteralParameterCounts) {
  constexpr struct {
    int depth;
    int64_t network, with_fc;
  } kCounts[] = {{18, 11176512, 11439168}, {50, 23508032, 24557120}};
  for (const auto& expected : kCounts) {
    const auto layers = describe(ResNetOptions{.depth = expected.depth, .form = ResNetForm::literal});
    EXPECT_EQ(total_parameters(layers), expected.with_fc) << expected.depth;
    EXPECT_EQ(total_parameters(layers) - layers.back().parameters, expected.network) << expected.depth;
  }
}

// He et al. 2016, "Deep Residual Learning", Table 1: 1.8 and 3.8 billion multiply-adds at 224 x 224. The second holds where the
// bottleneck halves the map in its first convolution.
TEST(ResNet, LiteralMultiplyAdds) {
  for (const auto& [depth, published] : {std::pair{18, 1.8e9}, {50, 3.8e9}}) {
    const ResNetOptions o{.depth = depth, .height = 224, .width = 224, .form = ResNetForm::literal};
    EXPECT_NEAR(double(total_multiply_adds(describe(o))), published, 0.07e9) << depth;
  }
}

// Against the literal network: another stem, one more projection, BN before instead of after each convolution and none of the
// shortcuts, FC from the whole map.
TEST(ResNet, PreActivationParameterCount) {
  constexpr int64_t literal_stem = 49 * 3 * 64, literal_norms = 2 * (64 + 4 * 64 + 5 * (128 + 256 + 512));
  constexpr int64_t convolutions = 11176512 - literal_stem - literal_norms + 9 * 3 * 64 + 64 * 64;
  constexpr int64_t norms = 2 * (64 + 64 + 128 + 256 + 3 * (64 + 128 + 256 + 512));
  constexpr int64_t head = 2 * 512 + 7 * 7 * 512 * 512 + 512 + 2 * 512;
  EXPECT_EQ(total_parameters(describe(ResNetOptions{})), convolutions + norms + head);
}

TEST(ResNet, DescriptionIsTheNetwork) {
  for (ResNetForm form : kForms)
    for (int depth : {18, 50}) {
      ResNet net(small(form, depth));
      std::vector<std::pair<std::string, int64_t>> built, described;
      for (const auto& [name, p] : net.parameters()) {
        const std::string layer = name.substr(0, name.rfind('.'));
        if (built.empty() || built.back().first != layer) built.emplace_back(layer, 0);
        built.back().second += p->var.value().size();
      }
      for (const LayerDescription& l : net.describe())
        if (l.parameters > 0) described.emplace_back(l.name, l.parameters);
      EXPECT_EQ(built, described) << depth;
      EXPECT_EQ(net.forward(Var(random_tensor({2, 20, 17, 3}, 1, DType::float32))).shape(), (Shape{2, 8}));
    }
}

// The map after each stage.
std::vector<Shape> stage_shapes(const ResNetOptions& options) {
  std::vector<Shape> shapes(4);
  for (const LayerDescription& l : describe(options))
    if (l.name.starts_with("stage")) shapes[size_t(l.name[5] - '1')] = l.output;
  return shapes;
}

TEST(ResNet, StageShapes) {
  ResNetOptions o;
  EXPECT_EQ(stage_shapes(o), (std::vector<Shape>{{56, 56, 64}, {28, 28, 128}, {14, 14, 256}, {7, 7, 512}}));
  o.depth = 50;
  EXPECT_EQ(stage_shapes(o),
            (std::vector<Shape>{{56, 56, 256}, {28, 28, 512}, {14, 14, 1024}, {7, 7, 2048}}));
  o.form = ResNetForm::literal;
  EXPECT_EQ(stage_shapes(o), (std::vector<Shape>{{28, 28, 256}, {14, 14, 512}, {7, 7, 1024}, {4, 4, 2048}}));
  o.height = o.width = 224;
  EXPECT_EQ(stage_shapes(o),
            (std::vector<Shape>{{56, 56, 256}, {28, 28, 512}, {14, 14, 1024}, {7, 7, 2048}}));
}

// The equations of resnet.h, written with ops on the network's own tensors.
class Equations {
 public:
  explicit Equations(Module& net) : state_(collect_state(net)) {}

  Var preactivation(const Var& x, const StageUnits& table, size_t convolutions) const {
    Var y = conv("stem.conv", x, 1);
    for (size_t s = 0; s < 4; ++s)
      for (int u = 0; u < table.units[s]; ++u) {
        const std::string unit = stage_name(s) + "." + unit_name(u) + ".";
        const Var active = relu(bn(unit + "bn1", y));
        Var branch = active;
        for (size_t i = 1; i <= convolutions; ++i) {
          if (i > 1) branch = relu(bn(unit + cat("bn", i), branch));
          branch = conv(unit + cat("conv", i), branch, u == 0 && i == convolutions - 1 ? 2 : 1);
        }
        y = add(u == 0 ? conv(unit + "shortcut", active, 2) : y, branch);
      }
    y = flatten(bn("output.bn1", y));
    return bn("output.bn2", linear(y, at("output.fc.weight"), at("output.fc.bias")));
  }

  Var literal(const Var& x, const StageUnits& table, size_t convolutions) const {
    Var y = relu(bn("stem.bn", conv("stem.conv", x, 2)));
    y = max_pool2d(y, {3, 3, 2, 2, 1, 1});
    for (size_t s = 0; s < 4; ++s)
      for (int u = 0; u < table.units[s]; ++u) {
        const std::string unit = stage_name(s) + "." + unit_name(u) + ".";
        const int64_t stride = u == 0 && s > 0 ? 2 : 1;
        Var branch = y;
        for (size_t i = 1; i <= convolutions; ++i) {
          if (i > 1) branch = relu(branch);
          branch = bn(unit + cat("bn", i), conv(unit + cat("conv", i), branch, i == 1 ? stride : 1));
        }
        const bool projects = has(unit + "shortcut.conv.weight");
        EXPECT_EQ(projects, u == 0 && (s > 0 || convolutions == 3)) << unit;
        y = relu(
            add(projects ? bn(unit + "shortcut.bn", conv(unit + "shortcut.conv", y, stride)) : y, branch));
      }
    y = reduce(reduce(y, Reduce::mean, 2), Reduce::mean, 1);
    return linear(y, at("output.fc.weight"), at("output.fc.bias"));
  }

 private:
  bool has(const std::string& name) const { return state_.contains(name); }
  Var at(const std::string& name) const { return Var(state_.at(name)); }
  Var bn(const std::string& name, const Var& x) const {
    return batch_norm(x, at(name + ".weight"), at(name + ".bias"), state_.at(name + ".running_mean"),
                      state_.at(name + ".running_var"), BatchNormMode::inference);
  }
  Var conv(const std::string& name, const Var& x, int64_t stride) const {
    const Var w = at(name + ".weight");
    return conv2d(x, w, {}, {stride, stride, w.dim(1) / 2, w.dim(2) / 2});
  }
  NamedTensors state_;
};

TEST(ResNet, ComputesItsEquations) {
  for (ResNetForm form : kForms)
    for (size_t i = 0; i < resnet_tables().size(); ++i) {
      ResNet net(small(form, resnet_tables()[i].depth));
      for (const auto& [name, p] : net.parameters())  // constants would hide an exchange of two layers
        if (p->var.value().rank() == 1 && name != "output.bn2.weight")
          initialise(p->var.value(), Init::uniform(1), 5, name);
      for (const auto& [name, buffer] : net.buffers())
        for (int64_t j = 0; j < buffer->size(); ++j) buffer->as<float>()[j] = float(j % 7 + 5) / 8;
      net.train(false);
      const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
      const Equations equations(net);
      const size_t convolutions = i + 2;
      const Var expected = form == ResNetForm::literal
                               ? equations.literal(x, resnet_tables()[i], convolutions)
                               : equations.preactivation(x, resnet_tables()[i], convolutions);
      EXPECT_LT(relative_error(net.forward(x).value().host<double>(), expected.value().host<double>()), 2e-6)
          << int(form) << ' ' << convolutions;
    }
}

struct UnitCase {
  const char* name;
  ResNetUnit unit;
};
std::vector<UnitCase> units() {
  std::vector<UnitCase> all;
  for (ResNetForm form : kForms)
    for (Branch branch : {Branch::basic, Branch::bottleneck}) {
      all.push_back({"identity", {form, branch, 8, 8, 1}});
      all.push_back({"projection", {form, branch, 4, 8, 2}});
    }
  return all;
}
std::unique_ptr<Module> make(const ResNetUnit& u) {
  std::unique_ptr<Module> unit;
  if (u.form == ResNetForm::literal)
    unit = std::make_unique<LiteralUnit>(u);
  else
    unit = std::make_unique<PreActivationUnit>(u);
  for (const auto& [name, p] : unit->parameters()) p->init = Init::uniform(0.7);
  unit->initialise(7);
  return unit;
}

// In training, with respect to the input and every parameter, in double.
TEST(ResNet, GradientsOfUnits) {
  for (const UnitCase& c : units()) {
    const std::unique_ptr<Module> unit = make(c.unit);
    for (const auto& [name, buffer] : unit->buffers()) *buffer = buffer->to(DType::float64);
    const auto parameters = unit->parameters();
    std::vector<Tensor> inputs{random_tensor({2, 3, 3, c.unit.C}, 3)};
    for (const auto& [name, p] : parameters) inputs.push_back(p->var.value().to(DType::float64));
    const auto f = [&](const std::vector<Var>& leaves) {
      for (size_t i = 0; i < parameters.size(); ++i) parameters[i].second->var = leaves[i + 1];
      return unit->forward(leaves[0]);
    };
    EXPECT_EQ(gradient_error(f, inputs), "")
        << c.name << ", form " << int(c.unit.form) << ", branch " << int(c.unit.branch);
  }
}

class DeviceResNet : public testing::TestWithParam<TestDevice> {
 private:
  const UseDevice device_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceResNet, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

// y, dx and the gradient of every parameter.
std::vector<std::vector<double>> step(Module& unit, int64_t C, Device place, DType maps = DType::float32) {
  unit.place(place, maps);
  const Var x(random_tensor({2, 5, 4, C}, 3, DType::float32).to(place), true);
  const Var y = unit.forward(cast(x, maps));
  std::vector<std::vector<double>> all{y.value().host<double>()};
  backward(y, random_tensor(y.shape(), 4, DType::float32).to(place).to(maps));
  all.push_back(x.grad().host<double>());
  for (const auto& [name, p] : unit.parameters()) all.push_back(p->var.grad().host<double>());
  return all;
}

// With bfloat16 maps y and dx alone are near: a ReLU that opens by rounding is much of a sum over so few places.
TEST_P(DeviceResNet, UnitsAsOnTheCpu) {
  for (const UnitCase& c : units()) {
    const std::unique_ptr<Module> unit = make(c.unit);
    const auto here = step(*unit, c.unit.C, Device::cpu);
    for (const auto& [maps, tolerance] : {std::pair{DType::float32, 1e-4}, {DType::bfloat16, 0.1}}) {
      const auto there = step(*unit, c.unit.C, Device::cuda, maps);
      ASSERT_EQ(here.size(), there.size());
      for (size_t i = 0; i < (maps == DType::float32 ? here.size() : 2); ++i)
        EXPECT_LT(relative_error(there[i], here[i]), tolerance)
            << c.name << ' ' << int(c.unit.form) << ' ' << int(c.unit.branch) << ' ' << i << ' '
            << to_string(maps);
    }
  }
}

// Eight pictures are learned by heart.
TEST(ResNet, Trains) {
  for (ResNetForm form : kForms) {
    ResNet net({18, 8, 16, 16, 0, 1, form});
    Sgd optimizer(net.parameters(), {});
    const Var x(random_tensor({8, 16, 16, 3}, 1, DType::float32));
    const Tensor labels = labels_of({0, 1, 2, 3, 4, 5, 6, 7});
    double first = 0, last = 0;
    for (int i = 0; i < 10; ++i) {
      net.zero_grad();
      const Var loss = softmax_cross_entropy(net.forward(x), labels);
      last = loss.value().item();
      if (i == 0) first = last;
      backward(loss);
      optimizer.step(0.01);
    }
    EXPECT_LT(last, 0.7 * first) << int(form);
  }
}

TEST(ResNet, Errors) {
  for (ResNetForm form : kForms) {
    EXPECT_THROW(ResNet(small(form, 34)), std::invalid_argument);
    ResNetOptions o = small(form);
    o.embedding = 0;
    EXPECT_THROW(describe(o), std::invalid_argument);
    o = small(form), o.dropout = 1;
    EXPECT_THROW(ResNet{o}, std::invalid_argument);
  }
  EXPECT_THROW(PreActivationUnit({ResNetForm::preactivation, Branch::bottleneck, 8, 6, 1}),
               std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
