// Checkpoints and divergence: what goes in comes out, what does not fit is refused, what broke is named.
#include "fr/checkpoint.h"

#include <gtest/gtest.h>

#include <limits>

#include "fr/divergence.h"
#include "fr/run_folder.h"
#include "nn/state.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

constexpr NetworkOptions kSmall = {.depth = 4, .embedding = 8, .height = 32, .width = 32};
constexpr NetworkOptions kSmallIResNet = {Architecture::iresnet, 18, 8, 32, 32};

// With the running statistics.
std::vector<float> all_weights(FaceModel& model) {
  std::vector<float> out;
  for (const auto& [name, tensor] : collect_state(model)) {
    const auto v = tensor.host<float>();
    out.insert(out.end(), v.begin(), v.end());
  }
  return out;
}

Tensor pictures(int64_t N) {
  std::vector<float> v(size_t(N * 32 * 32 * 3));
  for (size_t i = 0; i < v.size(); ++i) v[i] = float((i * 37 % 256) / 128.0 - 1);
  return Tensor::from(v, {N, 32, 32, 3});
}

struct Trained {
  FaceModel model;
  std::unique_ptr<Optimizer> optimizer;
  explicit Trained(uint64_t seed, const NetworkOptions& network = kSmall,
                   OptimizerKind kind = OptimizerKind::sgd)
      : model(seeded(network, seed), {}, 5), optimizer(make_optimizer(model.parameters(), {.kind = kind})) {}
  static NetworkOptions seeded(NetworkOptions o, uint64_t seed) {
    o.seed = seed;
    return o;
  }
  Var loss(int64_t step) {
    return model.loss(Var(pictures(3)), Tensor::from(std::vector<int64_t>{1, 3, 0}, {3}), step);
  }
  void step(int64_t n) {
    model.zero_grad();
    backward(loss(n));
    optimizer->step(0.01, n);
  }
};

const CheckpointInfo kInfo = {7, 1, 2, 5, 42, "[loss]\nm = 4\n"};

TEST(Checkpoint, GoesOnWhereItStopped) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw}) {
    const TemporaryFolder folder;
    Trained a(1, kSmall, kind), b(2, kSmall, kind);
    a.step(0);
    save_checkpoint(folder.path / "c.safetensors", a.model, *a.optimizer, kInfo);
    EXPECT_NE(all_weights(a.model), all_weights(b.model));
    const CheckpointInfo info = load_checkpoint(folder.path / "c.safetensors", b.model, b.optimizer.get());
    EXPECT_EQ(info.step, 7);
    EXPECT_EQ(info.config, kInfo.config);
    EXPECT_EQ(all_weights(a.model), all_weights(b.model));
    a.step(1), b.step(1);  // velocities and moments came along
    EXPECT_EQ(all_weights(a.model), all_weights(b.model));
  }
}

// Batch normalisation: the running statistics come along too, and the frozen scale stays frozen.
TEST(Checkpoint, IResNetGoesOnWhereItStopped) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "checkpoint-00000007.safetensors";
  Trained a(1, kSmallIResNet);
  a.step(0);
  CheckpointInfo info = kInfo;
  info.config = "[network]\narchitecture = iresnet\ndepth = 18\nembedding = 8\nheight = 32\nwidth = 32\n";
  save_checkpoint(path, a.model, *a.optimizer, info);
  {
    const LoadedModel loaded = load_model(folder.path);
    EXPECT_EQ(all_weights(*loaded.model), all_weights(a.model));
    a.model.train(false);
    EXPECT_EQ(loaded.model->forward(Var(pictures(2))).value().host<float>(),
              a.model.forward(Var(pictures(2))).value().host<float>());
    a.model.train();
  }
  Trained b(2, kSmallIResNet);
  load_checkpoint(path, b.model, b.optimizer.get());
  a.step(1), b.step(1);
  EXPECT_EQ(all_weights(a.model), all_weights(b.model));
  Trained other(1);
  EXPECT_THROW(load_checkpoint(path, other.model, nullptr), Error);
}

// Checkpoints written before there was a choice of networks.
TEST(Checkpoint, AKeyThatIsMissingHadItsDefault) {
  const TemporaryFolder folder;
  Trained a(1);
  CheckpointInfo old = kInfo, now = kInfo;
  old.config = "[network]\ndepth = 4\nembedding = 8\nheight = 32\nwidth = 32\n";
  save_checkpoint(folder.path / "checkpoint-00000007.safetensors", a.model, *a.optimizer, old);
  now.config = "[network]\narchitecture = sphereface\n" + old.config.substr(10);
  EXPECT_EQ(resume_newest(folder.path, a.model, *a.optimizer, now).step, 7);
  EXPECT_EQ(load_model(folder.path).config.network.architecture, Architecture::sphereface);
  now.config = "[network]\narchitecture = iresnet\n" + old.config.substr(10);
  EXPECT_THROW(resume_newest(folder.path, a.model, *a.optimizer, now), Error);
}

TEST(Checkpoint, AnotherConfigurationIsRefusedWithItsDifferences) {
  const TemporaryFolder folder;
  Trained a(1);
  save_checkpoint(folder.path / "checkpoint-00000007.safetensors", a.model, *a.optimizer, kInfo);
  CheckpointInfo now = kInfo;
  now.config = "[loss]\nm = 3\n", now.classes = 6;
  try {
    resume_newest(folder.path, a.model, *a.optimizer, now);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::state);
    EXPECT_NE(std::string(e.what()).find("loss.m: 4 in the checkpoint, 3 now"), std::string::npos)
        << e.what();
    EXPECT_NE(std::string(e.what()).find("number of classes: 5"), std::string::npos) << e.what();
  }
}

TEST(Checkpoint, ADamagedNewestFallsBackToTheOneBefore) {
  const TemporaryFolder folder;
  Trained a(1);
  save_checkpoint(folder.path / "checkpoint-00000007.safetensors", a.model, *a.optimizer, kInfo);
  const auto before = all_weights(a.model);
  a.step(0);
  CheckpointInfo later = kInfo;
  later.step = 8;
  const fs::path newest = folder.path / "checkpoint-00000008.safetensors";
  save_checkpoint(newest, a.model, *a.optimizer, later);
  auto bytes = read_file(newest);
  bytes[bytes.size() / 2] ^= 1;
  write_file_atomic(newest, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  EXPECT_EQ(resume_newest(folder.path, a.model, *a.optimizer, kInfo).step, 7);
  EXPECT_EQ(all_weights(a.model), before);
}

TEST(RunFolder, DropsMetricsBehindTheCheckpointAndATornLine) {
  const TemporaryFolder temporary;
  const RunFolder folder(temporary.path / "run", RunFolder::Mode::fresh);
  for (int64_t step : {10, 20, 30}) folder.append(TrainPoint{.step = step, .loss = double(step)});
  append_file(folder / "metrics.jsonl", "{\"kind\":\"train\",\"st");
  folder.drop_metrics_after(20);
  const auto points = folder.train_points();
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].step, 20);
  EXPECT_TRUE(std::isnan(points[1].lambda));
}

TEST(Divergence, NamesTheWeight) {
  Trained a(1);
  for (const auto& [name, p] : a.model.parameters())
    if (name.find("fc") != std::string::npos && name.find("bias") == std::string::npos)
      p->var.value().as<float>()[3] = std::numeric_limits<float>::infinity();
  const std::string found = first_nonfinite_tensor(a.loss(0), a.model);
  EXPECT_NE(found.find("weight network.fc"), std::string::npos) << found;
  EXPECT_NE(found.find("element 3 = inf"), std::string::npos) << found;
}

TEST(Divergence, NamesTheOpThatOverflowed) {
  Trained a(1);
  const Var x(Tensor::full({2, 32, 32, 3}, 3e38));  // finite, but no sum over it is
  const Var loss = a.model.loss(x, Tensor::from(std::vector<int64_t>{1, 3}, {2}), 0);
  const std::string found = first_nonfinite_tensor(loss, a.model);
  EXPECT_EQ(found.rfind("the output of conv2d(network.", 0), 0u) << found;
}

TEST(Divergence, NothingToNameWhenAllIsFinite) {
  Trained a(1);
  EXPECT_EQ(first_nonfinite_tensor(a.loss(0), a.model), "");
}

}  // namespace
}  // namespace fr
