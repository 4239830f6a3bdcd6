// Doppelganger mining in training: what a batch's scores find, on every loss; runs that stop, go on, and run on a device.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "fr/mining/doppelganger_report.h"
#include "fr/summary.h"
#include "fr/train.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

// argmax_{j != c} max_{i: y_i = c} z_ij by looking at everything; of equal ones the lowest j. -1: all are -infinity.
std::vector<int64_t> brute_force(const std::vector<double>& z, const std::vector<int64_t>& label, int64_t M) {
  std::vector<int64_t> found(size_t(M), -1);
  for (int64_t c = 0; c < M; ++c) {
    double best = -INFINITY;
    for (int64_t j = 0; j < M; ++j) {
      double score = -INFINITY;
      for (size_t i = 0; i < label.size(); ++i)
        if (label[i] == c && j != c) score = std::max(score, z[i * size_t(M) + size_t(j)]);
      if (score > best) best = score, found[size_t(c)] = j;
    }
  }
  return found;
}

TEST(Mining, AClassIsNamedByItsLargestOtherScore) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random({seed, Purpose::test, 0, 0});
    const int64_t N = 9, M = 6;
    std::vector<double> z;
    std::vector<int64_t> label;
    for (int64_t i = 0; i < N; ++i) label.push_back(random.below(4));  // several rows a class
    for (int64_t i = 0; i < N * M; ++i)
      z.push_back(random.below(5) == 0 ? -INFINITY : double(random.below(4)));  // ties
    const LargestOther other = largest_other(Tensor::from(z, {N, M}), Tensor::from(label, {N}));
    std::vector<OtherClass> pictures;
    for (size_t i = 0; i < size_t(N); ++i)
      pictures.push_back({label[i], other.index.host<int64_t>()[i], other.score.host<double>()[i]});
    std::vector<int64_t> found(size_t(M), -1);
    for (const Doppelganger& d : doppelgangers_of(pictures)) found[size_t(d.of)] = d.is;
    EXPECT_EQ(found, brute_force(z, label, M)) << seed;
  }
  EXPECT_TRUE(doppelgangers_of(std::vector<OtherClass>{{0, -1, -INFINITY}}).empty());
}

TEST(Mining, ScoresOfRowsAreScaled) {
  const LargestOther other = largest_other(Tensor::from(std::vector<double>{.9, .5, .2, .6, .7, .1}, {2, 3}),
                                           Tensor::from(std::vector<int64_t>{0, 1}, {2}),
                                           Tensor::from(std::vector<double>{3, 2}, {2}));
  EXPECT_EQ(other.index.host<int64_t>(), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(other.score.host<double>(), (std::vector<double>{1.5, 1.2}));
}

// The scores without margin are those of training but for the label, which is left out.
TEST(Mining, EveryClassLossTellsTheLargestOtherTrainingScore) {
  const int64_t N = 12, M = 9, D = 5;
  const Tensor x = Tensor::from(random_rows(3, N, D).values, {N, D});
  std::vector<int64_t> label;
  for (int64_t i = 0; i < N; ++i) label.push_back(i * 5 % M);
  for (const LossTraits& loss : all_losses())
    for (const int64_t first : {0, 20}) {
      LossOptions options;
      options.kind = loss.kind, options.bias = loss.kind == LossKind::softmax;
      ClassHead head(options, {first, first + M}, D, 4);
      if (has_bias(options))
        for (int64_t m = 0; m < M; ++m) collect_state(head).at("bias").as<float>()[m] = float(m % 3) / 2;
      std::vector<int64_t> own = label;
      for (int64_t& c : own) c += first;
      head.loss(Var(x), Tensor::from(own, {N}), 0);
      EXPECT_FALSE(head.others().index) << "nobody asked";
      head.find_others();
      head.loss(Var(x), Tensor::from(own, {N}), 0);
      const std::vector<float> z = head.forward(Var(x)).value().host<float>();
      const std::vector<int64_t> index = head.others().index.host<int64_t>();
      const std::vector<float> score = head.others().score.host<float>();
      for (size_t i = 0; i < size_t(N); ++i) {
        int64_t best = label[i] == 0 ? 1 : 0;
        for (int64_t m = 0; m < M; ++m)
          if (m != label[i] && z[i * size_t(M) + size_t(m)] > z[i * size_t(M) + size_t(best)]) best = m;
        EXPECT_EQ(index[i], first + best) << loss.name;
        EXPECT_NEAR(score[i], z[i * size_t(M) + size_t(best)], 2e-5 * (1 + std::abs(score[i]))) << loss.name;
      }
      head.forget();
      EXPECT_FALSE(head.others().index);
    }
}

TEST(Mining, CountsAndTensors) {
  DoppelgangerList list(5, 1);
  list.learn({{0, 1}, {1, 0}, {2, 0}});
  list.learn({{3, 2}});
  const DoppelgangerCounts n = counts_of(list);
  EXPECT_EQ(n.classes, 5);
  EXPECT_EQ(n.listed, 4);
  EXPECT_EQ(n.mutual, 2);
  const NamedTensors tensors = tensors_of(list);
  DoppelgangerList copy(5, 1), other(4, 1);
  restore(copy, tensors, 2);
  EXPECT_EQ(copy.state().settled, list.state().settled);
  EXPECT_EQ(copy.state().recent, (std::vector<int64_t>{1, 3, 2}));
  EXPECT_ERROR(state, "the checkpoint's doppelgangers do not fit", restore(other, tensors, 2));
  EXPECT_ERROR(state, "the checkpoint has no 'mining.doppelgangers'", restore(copy, {}, 2));
}

Config config_in(const fs::path& folder, const std::string& name, int64_t lag, DeviceChoice device) {
  Config c;
  c.run.name = name, c.run.folder = folder.string();
  c.synthetic.identities = 7, c.synthetic.min_samples = c.synthetic.max_samples = 4;
  c.synthetic.test_identities = 6, c.synthetic.test_samples = 4, c.synthetic.test_pairs = 20;
  c.network = {Architecture::sphereface, 4, 8, 16, 16, 0, 1};
  c.lr = 0.01;
  c.loss.terms = {{"l2_softmax", 1}, {"margin", 1}};
  c.data.order = Order::doppelganger,
  c.mining = {.smallest = 2, .largest = 3, .random_classes = 1, .lag = lag};
  c.train.batch = 8, c.train.steps = 9, c.train.log_every = 1, c.train.checkpoint_every = 5;
  c.train.device = device;
  return c;
}

struct Finished {
  std::vector<TrainPoint> points;
  std::vector<uint8_t> checkpoint;
  std::vector<int64_t> list;
  std::string report;
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
  std::vector<int64_t> list;
  for (int64_t c = 0; c < 7; ++c) list.push_back(session.doppelgangers->newest(c));
  return {folder.train_points(), read_file(list_checkpoints(path).front()), list,
          read_text(folder / "report.html")};
}

TEST(Mining, ARunStopsAndGoesOnAsIfItHadNot) {
  const UseDevice device(stand_in());
  const TemporaryFolder folder;
  for (const DeviceChoice where : {DeviceChoice::cpu, DeviceChoice::cuda})
    for (const int64_t lag : {0, 2}) {
      const std::string name = cat(lag, where == DeviceChoice::cpu ? "cpu" : "card");
      const Finished whole = run_to(config_in(folder.path, "whole" + name, lag, where), 9);
      const Config pieces = config_in(folder.path, "pieces" + name, lag, where);
      run_to(pieces, 4);
      const Finished rest = run_to(pieces, 9);
      EXPECT_EQ(whole.checkpoint, rest.checkpoint) << name;
      EXPECT_EQ(whole.list, rest.list);
      ASSERT_EQ(whole.points.size(), 9u);
      EXPECT_EQ(whole.points[8].loss, rest.points[8].loss);
      EXPECT_GT(std::count_if(whole.list.begin(), whole.list.end(), [](int64_t c) { return c >= 0; }), 4);
    }
}

TEST(Mining, ADeviceMinesWhatTheCpuMines) {
  const UseDevice device(stand_in());
  const TemporaryFolder folder;
  for (const int64_t lag : {0, 1}) {
    const Finished here = run_to(config_in(folder.path, cat("here", lag), lag, DeviceChoice::cpu), 9),
                   there = run_to(config_in(folder.path, cat("there", lag), lag, DeviceChoice::cuda), 9);
    EXPECT_EQ(here.list, there.list);
    EXPECT_NEAR(here.points.back().loss, there.points.back().loss, 1e-3);
  }
}

TEST(Mining, FiguresAndReport) {
  const TemporaryFolder folder;
  Config c = config_in(folder.path, "run", 0, DeviceChoice::cpu);
  c.mining.random_classes = 0,
  c.mining.random_share = 1;  // no doppelganger in a batch: the list is kept all the same
  const Finished run = run_to(c, 9);
  const auto& read = run.points.back().figures;
  const std::map<std::string, double> figures(read.begin(), read.end());
  ASSERT_EQ(figures.size(), 3u);
  EXPECT_GT(figures.at("mining.share_of_time"), 0);
  EXPECT_LT(figures.at("mining.share_of_time"), 0.5);
  EXPECT_GE(figures.at("mining.share_of_waiting"), 0);
  EXPECT_GT(figures.at("mining.listed"), 0.5);
  EXPECT_NE(run.report.find("<h2>Doppelgangers</h2>"), std::string::npos);
  EXPECT_NE(run.report.find("of 7 classes have a doppelganger"), std::string::npos);
  const LoadedModel model = load_model(folder.path / "run");  // the list is no part of a model
  EXPECT_EQ(model.info.classes, 7);
}

TEST(Mining, WhatCannotBeMinedIsRefused) {
  const TemporaryFolder folder;
  Config c = config_in(folder.path, "run", 0, DeviceChoice::cpu);
  check(c);
  c.loss.terms = {{"margin", 1}};
  EXPECT_ERROR(usage, "data.order = doppelganger needs a loss that scores classes", check(c));
  c = config_in(folder.path, "run", 0, DeviceChoice::cpu), c.mining.random_classes = 5;
  EXPECT_ERROR(usage, "mining.random_classes = 5, but a batch of 8", check(c));
  c = config_in(folder.path, "run", 0, DeviceChoice::cpu), c.mining.smallest = c.mining.largest = 1;
  check(c);
  EXPECT_ERROR(usage, "may need 8 people; the training data have 7", Session{c});
  c = config_in(folder.path, "run", 0, DeviceChoice::cpu), c.train.batch = 29;
  EXPECT_ERROR(usage, "exceeds the 28 training pictures", Session{c});
}

}  // namespace
}  // namespace fr::test
