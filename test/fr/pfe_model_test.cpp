// A network with an uncertainty module: the pass that gives both, training that leaves the network alone, the file, embedding.
#include <gtest/gtest.h>

#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/pfe/base_model.h"
#include "fr/pfe/distribution.h"
#include "fr/protocol/verification.h"
#include "fr/train_step.h"
#include "nn/safetensors.h"
#include "nn/state.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/fr/oracle.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

constexpr NetworkOptions kNetworks[] = {
    {.depth = 4, .embedding = 6, .height = 32, .width = 32, .dropout = .3},
    {Architecture::iresnet, 18, 6, 32, 32, .3},
    {Architecture::resnet, 18, 6, 32, 32},
    {Architecture::resnet_literal, 18, 6, 64, 64},
    {.architecture = Architecture::doppelganger,
     .depth = 27,
     .embedding = 6,
     .height = 48,
     .width = 48,
     .narrow = 16},
    {Architecture::mobilefacenet, 50, 6, 32, 32},
};

TEST(LastMap, ComesWithTheSameEmbedding) {
  for (const NetworkOptions& o : kNetworks) {
    const auto network = make_backbone(o);
    network->train(false);
    const NoGrad no_grad;
    const Var x(random_tensor({2, o.height, o.width, 3}, 1, DType::float32));
    const auto [map, embedding] = network->forward_with_map(x);
    EXPECT_EQ(embedding.value().host<float>(), network->forward(x).value().host<float>())
        << name_of(o.architecture);
    Shape expected = network->last_map();
    EXPECT_EQ(expected.size(), 3u);
    expected.insert(expected.begin(), 2);
    EXPECT_EQ(map.shape(), expected) << name_of(o.architecture);
  }
}

class WithoutMap : public Backbone {
 public:
  WithoutMap() : Backbone("WithoutMap", 3, 8, 8) { append<Conv2d>("conv", Conv2dSpec::square(3, 3, 8)); }
  std::vector<LayerDescription> describe() const override { return {}; }
};

TEST(LastMap, IsMissing) {
  WithoutMap network;
  const std::string message = "WithoutMap: has no last map: no layer flattens or averages one";
  EXPECT_EQ(thrown<std::invalid_argument>([&] { network.last_map(); }), message);
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              network.forward_with_map(Var(random_tensor({1, 8, 8, 3}, 1, DType::float32)));
            }),
            message);
  EXPECT_EQ(thrown<std::invalid_argument>(
                [] { FaceModel(std::make_unique<WithoutMap>(), UncertaintyOptions(), 2); }),
            message);
}

// Two layers, with the running statistics that a pass in training would move.
class Tiny : public Backbone {
 public:
  explicit Tiny(uint64_t seed) : Backbone("Tiny", 5, 8, 8) {
    append<Conv2d>("conv", Conv2dSpec::square(3, 4, 3, 2, 1));
    append<BatchNorm>("bn", 4);
    append<Flatten>("flatten");
    append<Linear>("fc", LinearSpec{64, 5});
    initialise(seed);
  }
  std::vector<LayerDescription> describe() const override {
    Describer d(8, 8);
    d.conv("conv", Conv2dSpec::square(3, 4, 3, 2, 1)), d.batch_norm("bn"), d.linear("fc", {64, 5});
    return d.layers;
  }
};

FaceModel probabilistic(uint64_t seed = 1) {
  return FaceModel(std::make_unique<Tiny>(seed), UncertaintyOptions{.decay = .9, .gamma = .1}, 4);
}

// Four people, whose pictures differ more the higher the number of the person.
Batch batch(int64_t step) {
  Random random({5, Purpose::test, uint64_t(step), 0});
  Batch b;
  b.height = b.width = 8;
  for (int64_t i = 0; i < 12; ++i) {
    const int64_t person = i / 3;
    b.labels.push_back(person);
    Random face({7, Purpose::test, uint64_t(person), 0});
    for (int k = 0; k < 8 * 8 * 3; ++k)
      b.images.push_back(float(face.normal() + .2 * double(person) * random.normal()));
  }
  return b;
}

struct Training {
  FaceModel model = probabilistic();
  std::unique_ptr<Optimizer> optimizer;
  std::vector<double> losses, variances;

  explicit Training(int steps, Device device = Device::cpu, DType maps = DType::float32, int64_t first = 0) {
    model.place(device, maps);
    auto trained = model.parameters();
    std::erase_if(trained, [](const auto& p) { return p.first.starts_with("network."); });
    optimizer = make_optimizer(trained, {});
    const auto stepper = make_train_step(model, *optimizer, {});
    for (int64_t step = first; step < steps; ++step) {
      stepper->take(batch(step));
      stepper->start(step, .01);
      const StepResult r = stepper->finish();
      losses.push_back(r.loss), variances.push_back(r.figures.at(0));
    }
  }
};

TEST(ProbabilisticModel, LearnsAndLeavesTheNetworkAlone) {
  FaceModel before = probabilistic();
  Training t(60);
  EXPECT_LT(t.losses.back(), t.losses.front() - 1);
  EXPECT_EQ(t.model.figure_names(), std::vector<std::string>{"uncertainty.variance"});
  EXPECT_NE(t.variances.back(), t.variances.front());
  const NamedTensors was = collect_state(before.network()), is = collect_state(t.model.network());
  ASSERT_EQ(was.size(), is.size());
  for (const auto& [name, tensor] : was) EXPECT_EQ(tensor.host<float>(), is.at(name).host<float>()) << name;
  EXPECT_EQ(weights_fingerprint(before.network()), weights_fingerprint(t.model.network()));
  EXPECT_NE(weights_fingerprint(*before.uncertainty()), weights_fingerprint(*t.model.uncertainty()));
}

TEST(ProbabilisticModel, LearnsTheSameTwice) {
  Training a(5), b(5);
  EXPECT_EQ(a.losses, b.losses);
  EXPECT_EQ(weights_fingerprint(*a.model.uncertainty()), weights_fingerprint(*b.model.uncertainty()));
}

TEST(ProbabilisticModel, LearnsTheSameOnADevice) {
  const Training cpu(6);
  for (const TestDevice& d : devices()) {
    const UseDevice use(*d.device);
    for (const DType maps : {DType::float32, DType::bfloat16}) {
      const Training card(6, Device::cuda, maps);
      const double tolerance = maps == DType::float32 ? 1e-4 : 3e-2;
      for (size_t i = 0; i < 6; ++i) {
        EXPECT_NEAR(card.losses[i], cpu.losses[i], tolerance * (5 + std::abs(cpu.losses[i]))) << d.name << i;
        EXPECT_NEAR(card.variances[i], cpu.variances[i], tolerance) << d.name << i;
      }
    }
  }
}

// Rows [e, log(|e|^2 sigma^2)].
TEST(ProbabilisticModel, Distributions) {
  Training t(3);
  t.model.train(false);
  const NoGrad no_grad;
  const Var x(random_tensor({3, 8, 8, 3}, 2, DType::float32));
  const std::vector<float>
      e = t.model.forward(x).value().host<float>(),
      rows = t.model.distributions(x).value().host<float>(),
      s = t.model.uncertainty()->forward(t.model.network().forward_with_map(x).map).value().host<float>();
  const UnitDistributions unit = unit_distributions({rows, 3, 10});
  for (size_t i = 0; i < 3; ++i)
    for (size_t d = 0; d < 5; ++d) {
      EXPECT_EQ(rows[i * 10 + d], e[i * 5 + d]);
      EXPECT_NEAR(unit.variances[i * 5 + d] / std::exp(s[i * 5 + d]), 1, 1e-5);
    }
  FaceModel points(std::make_unique<Tiny>(1));
  EXPECT_EQ(thrown<std::invalid_argument>([&] { points.distributions(x); }),
            "model: its embeddings are points, it has no uncertainty module");
}

TEST(ProbabilisticModel, Embeds) {
  FaceModel model = probabilistic(), points(std::make_unique<Tiny>(1));
  const auto picture = [](int64_t i) {
    Image image;
    image.width = image.height = 8, image.pixels.resize(8 * 8 * 3);
    for (size_t k = 0; k < image.pixels.size(); ++k)
      image.pixels[k] = uint8_t((k * 37 + size_t(i) * 11) % 251);
    return image;
  };
  for (const FlipMode flip : {FlipMode::none, FlipMode::sum, FlipMode::concatenate}) {
    EmbedOptions o{8, 8, flip, 2};
    const Embeddings plain = embed(model, 5, picture, o);
    EXPECT_EQ(plain.values, embed(points, 5, picture, o).values) << "points are those of the network";
    o.kind = EmbeddingKind::distributions;
    const Embeddings rows = embed(model, 5, picture, o);
    EXPECT_EQ(rows.D, 2 * plain.D);
    std::vector<float> means;
    mean_columns(rows.view(), means);
    EXPECT_EQ(means, plain.values);
    EXPECT_EQ(thrown<Error>([&] { embed(points, 5, picture, o); }),
              "the model gives points, not distributions: its file has no uncertainty module. bin/train with "
              "pfe.model "
              "trains one");
  }
}

struct Saved {
  TemporaryFolder folder;
  fs::path base = folder.path / "base.safetensors", file = folder.path / "pfe.safetensors";
  Config config;
  CheckpointInfo info;

  Saved() {
    config.network = {.depth = 4, .embedding = 6, .height = 32, .width = 32, .seed = 3};
    info.config = describe(config).to_ini(true);
    FaceModel network(make_backbone(config.network));
    save_model(base, network, info);
    FaceModel model(copy_network(load_model(base)), uncertainty_options(config), 4);
    info.frozen = weights_fingerprint(model.network()), info.classes = 4, info.step = 9;
    info.input.flip = FlipMode::none;
    save_model(file, model, info);
  }
};

TEST(ProbabilisticModel, GoesThroughOneFile) {
  const Saved saved;
  const LoadedModel base = load_model(saved.base), loaded = load_model(saved.file);
  ASSERT_TRUE(loaded.model->uncertainty());
  EXPECT_FALSE(base.model->uncertainty());
  EXPECT_EQ(variances_of(base).module, "");
  EXPECT_EQ(variances_of(base).typical_variance, 0);
  EXPECT_EQ(variances_of(loaded).module, weights_fingerprint(*loaded.model->uncertainty()));
  EXPECT_EQ(variances_of(loaded).typical_variance, loaded.model->uncertainty()->typical_variance());
  EXPECT_EQ(loaded.info.frozen, weights_fingerprint(base.model->network()));
  EXPECT_EQ(loaded.info.input.flip, FlipMode::none);
  EXPECT_FALSE(loaded.model->training());
}

// The same file, but one number of its network is another's.
TEST(ProbabilisticModel, RefusesAnotherNetwork) {
  const Saved saved;
  const Safetensors file = read_safetensors(saved.file);
  NamedTensors tensors = file.tensors;
  tensors.at("network.fc.bias").as<float>()[2] += 1;
  write_safetensors(saved.file, tensors, file.metadata);
  const std::string message = thrown<Error>([&] { load_model(saved.file); });
  EXPECT_NE(message.find("its uncertainty module was trained on the network " + saved.info.frozen),
            std::string::npos)
      << message;
  tensors.erase("uncertainty.gamma");
  write_safetensors(saved.file, tensors, file.metadata);
  EXPECT_NE(thrown<Error>([&] { load_model(saved.file); }).find("uncertainty.gamma"), std::string::npos);
}

TEST(ProbabilisticModel, TakesTheNetworkOfItsBase) {
  const Saved saved;
  Config config;
  config.pfe.model = saved.base.string();
  adopt_base_model(config);
  EXPECT_EQ(config.network.height, 32);
  EXPECT_EQ(config.network.depth, 4);
  Config other;
  other.pfe.model = saved.base.string(), other.network.embedding = 7;
  EXPECT_NE(thrown<Error>([&] {
              adopt_base_model(other);
            }).find("network.embedding = 7: the network of pfe.model = "),
            std::string::npos);
  Config untouched;
  adopt_base_model(untouched);
  EXPECT_EQ(untouched.network.height, Config().network.height);
  untouched.pfe.model = saved.base.string();
  EXPECT_NE(thrown<Error>([&] {
              check(untouched);
            }).find("needs data.order = pk with data.per_identity of 2 or more"),
            std::string::npos);
}

}  // namespace
}  // namespace fr::test
