// A whole run on a device: batches of the loader taken ahead, checkpoints, evaluation, resuming, run.json.
#include <gtest/gtest.h>

#include "fr/summary.h"
#include "fr/train.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

Config config_in(const fs::path& folder, const std::string& name) {
  Config c;
  c.run.name = name, c.run.folder = folder.string();
  c.synthetic.identities = 3, c.synthetic.min_samples = c.synthetic.max_samples = 4;
  c.synthetic.test_identities = 6, c.synthetic.test_samples = 4, c.synthetic.test_pairs = 20;
  c.network = {Architecture::sphereface, 4, 8, 16, 16, 0.1, 1};
  c.lr = 0.01;
  c.train.batch = 4, c.train.steps = 7, c.train.log_every = 1, c.train.checkpoint_every = 4;
  c.train.device = DeviceChoice::cuda;
  return c;
}

struct Finished {
  std::vector<TrainPoint> points;
  std::vector<uint8_t> checkpoint;
  std::string json;
};
// Up to `steps`; from the newest checkpoint when there is one.
Finished run_to(Config config, int64_t steps) {
  const fs::path path = fs::path(config.run.folder) / config.run.name;
  const bool resume = fs::exists(path);
  Session session(config);
  const RunFolder folder(path, resume ? RunFolder::Mode::resume : RunFolder::Mode::fresh);
  if (resume) session.resume(folder);
  session.steps = steps;
  write_file_atomic(folder / "config.ini", session.resolved);
  write_summary(session, folder, run(session, folder));
  return {folder.train_points(), read_file(list_checkpoints(path).front()), read_text(folder / "run.json")};
}

TEST(DeviceRun, StopsAndGoesOnAsIfItHadNot) {
  const UseDevice device(stand_in());
  const TemporaryFolder folder;
  for (DType precision : {DType::float32, DType::bfloat16}) {
    const std::string word = precision_word(precision);
    Config straight = config_in(folder.path, "straight" + word),
           pieces = config_in(folder.path, "pieces" + word);
    straight.train.precision = pieces.train.precision = precision;
    const Finished a = run_to(straight, 7);
    run_to(pieces, 4);
    const Finished b = run_to(pieces, 7);
    EXPECT_EQ(a.checkpoint, b.checkpoint);
    ASSERT_EQ(a.points.size(), 7u);
    EXPECT_EQ(a.points[6].loss, b.points[6].loss);
    EXPECT_NE(a.json.find("\"device\": \"stand-in device\""), std::string::npos) << a.json;
    EXPECT_NE(a.json.find("\"precision\": \"" + word + "\""), std::string::npos) << a.json;
  }
}

TEST(DeviceRun, ARunMayGoOnElsewhere) {
  const UseDevice device(stand_in());
  const TemporaryFolder folder;
  Config c = config_in(folder.path, "run");
  run_to(c, 4);
  c.train.device = DeviceChoice::cpu;
  const Finished here = run_to(c, 7);
  c = config_in(folder.path, "card");
  const Finished there = run_to(c, 7);
  EXPECT_NEAR(here.points.back().loss, there.points.back().loss, 1e-3);
  const LoadedModel model = load_model(folder.path / "run", {Device::cuda, DType::bfloat16});
  EXPECT_EQ(model.model->device(), Device::cuda);
}

}  // namespace
}  // namespace fr::test
