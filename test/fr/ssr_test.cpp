// IDA-L: the network against the figures of an independent implementation, exact targets, training, the file.
#include "fr/calibration/ssr.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.h"
#include "base/parallel.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/ssr_train.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/oracle.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"
#include "test/stand_in.h"

namespace fr {
namespace {

using test::expect_close;
using test::sine;

TEST(Ssr, Oracle) {
  const Var x = l2_normalize(Var(test::f1_x()));
  const SsrWeights w = {Var(sine({3, 4}, 1, .6, .8), true),
                        Var(Tensor::from<double>({.05, .05, .05}, {3}), true),
                        Var(sine({1, 3}, 1, 1.2, .4), true), Var(Tensor::from<double>({.06}, {1}), true)};
  const Var out = ssr_forward(x, w);
  expect_close(out.value().host<double>(), {.989259580, .588751402}, 1e-9);
  const Var loss = ssr_loss(out, Var(Tensor::from<double>({.07, .06}, {2, 1})));
  EXPECT_NEAR(loss.value().item(), .562308110477, 1e-9);
  backward(loss);
  expect_close(w.w1.grad().host<double>(),
               {.458733244, .798292503, -.664444432, -.627072489, 0, 0, 0, 0, .447540200, .778814247,
                -.648232055, -.611771984},
               1e-9);
}

// t of the row e_d is w2_d: a network that puts out what it is told.
SsrModel told(const std::vector<double>& log_f, SsrTarget target, int64_t k, double tau) {
  SsrModel m;
  m.target = target, m.D = int64_t(log_f.size()), m.k = k, m.tau = tau, m.anchors = 40;
  m.w1.assign(size_t(m.D * m.D), 0), m.b1.assign(size_t(m.D), 0);
  for (int64_t d = 0; d < m.D; ++d) {
    m.w1[size_t(d * m.D + d)] = 1;
    const double f = log_f[size_t(d)];
    m.w2.push_back(float((target == SsrTarget::logarithm ? f : std::exp(f)) * 3));
  }
  m.mean = 0, m.std = 1. / 3;
  return m;
}

TEST(Ssr, ExactTargetsAreIdaR) {
  constexpr int64_t D = 12;
  Rows x{std::vector<float>(D * D, 0), D, D};
  for (int64_t d = 0; d < D; ++d) x.values[size_t(d * D + d)] = 2;
  for (const SsrTarget target : {SsrTarget::standardised, SsrTarget::logarithm}) {
    const AnchorDiscrepancy exact(random_rows(3, 40, D).view(), 5, 1.5);
    const CalibratedRows r = exact.prepare(x.view());
    const LearnedDiscrepancy learned(told(exact.log_f(r, {}), target, 5, 1.5));
    const CalibratedRows l = learned.prepare(x.view());
    for (int64_t i = 0; i < D; ++i)
      for (int64_t j = 0; j < D; ++j) EXPECT_NEAR(learned.score(l, i, l, j), exact.score(r, i, r, j), 1e-6);
  }
}

TEST(Ssr, NeverBelowTheLeastF) {
  SsrModel m;
  m.k = 10, m.tau = 2, m.mean = .05, m.std = .01;
  EXPECT_NEAR(m.log_f(1), std::log(.06), 1e-12);
  EXPECT_NEAR(m.log_f(-4.9), -2 - std::log(10), 1e-12);  // .001 < e^-2 / 10
  EXPECT_NEAR(m.log_f(-50), -2 - std::log(10), 1e-12);   // F < 0
  m.target = SsrTarget::logarithm, m.mean = -3, m.std = .5;
  EXPECT_NEAR(m.log_f(1), -2.5, 1e-12);
  EXPECT_NEAR(m.log_f(-50), -2 - std::log(10), 1e-12);
}

TEST(Ssr, BlocksAndRowsAlone) {
  SsrModel m = told(std::vector<double>(40, -2), SsrTarget::standardised, 10, 1);
  m.w1 = random_rows(5, 40, 40).values;
  const LearnedDiscrepancy learned(m);
  EXPECT_EQ(learned.name(), "ida_l");
  const Rows x = random_rows(1, 131, 40);
  const CalibratedRows all = learned.prepare(x.view());
  expect_blocks(learned, all, all);
  for (const int64_t i : {0, 64, 130})
    EXPECT_EQ(learned.prepare({{x.row(i), 40}, 1, 40}).context[0], all.context[size_t(i)]);
}

// People in a dense and in a thin part of the sphere.
struct Scene {
  Rows rows{{}, 600, 16};
  CalibratedRows unit;
  std::vector<int64_t> people;
  std::vector<std::string> names;
  std::vector<double> log_f;

  Scene() {
    Random random({5, Purpose::test, 0, 0});
    for (int64_t n = 0; n < 600; ++n) {
      people.push_back(n / 4), names.push_back("p" + std::to_string(n / 4));
      for (int64_t d = 0; d < 16; ++d)
        rows.values.push_back(float(random.normal() + (n % 8 < 4 && d < 4 ? 2. : 0)));
    }
    unit = unit_rows(rows.view());
    log_f = AnchorDiscrepancy({rows.values, 600, 16, names}, 10, 1).log_f(unit, names);
  }
};

SsrOptions quick(int64_t steps = 1500) {
  SsrOptions o;
  o.steps = steps, o.batch = 64, o.lr = 0.01;
  return o;
}

TEST(Ssr, LearnsWhatAnchorsSay) {
  const Scene s;
  for (const SsrTarget target : {SsrTarget::standardised, SsrTarget::logarithm}) {
    SsrModel m;
    m.D = 16;
    SsrOptions o = quick();
    o.target = target;
    const SsrFit fit = train_ssr(m, s.unit, s.people, s.log_f, o);
    EXPECT_EQ(fit.pictures + fit.held_out, 600);
    EXPECT_GT(fit.held_out, 20);
    EXPECT_EQ(fit.held_out % 4, 0);  // whole people
    EXPECT_GT(fit.held_out_r2, 0.8);
    EXPECT_GT(fit.r2, fit.held_out_r2 - 0.05);
    EXPECT_EQ(m.r2, fit.held_out_r2);
    EXPECT_LT(fit.held_out_error, 0.15);
  }
}

TEST(Ssr, SameSeedSameWeights) {
  const Scene s;
  const auto trained = [&](uint64_t seed, int threads_used) {
    const int before = threads();
    set_threads(threads_used);
    SsrModel m;
    m.D = 16;
    SsrOptions o = quick(60);
    o.seed = seed;
    train_ssr(m, s.unit, s.people, s.log_f, o);
    set_threads(before);
    return m.w1;
  };
  EXPECT_EQ(trained(1, 1), trained(1, 3));
  EXPECT_NE(trained(1, 1), trained(2, 1));
}

TEST(Ssr, ADeviceFollowsTheCpu) {
  const test::UseDevice device(test::stand_in());
  const Scene s;
  const auto trained = [&](Device where) {
    SsrModel m;
    m.D = 16;
    SsrOptions o = quick(60);
    o.device = where;
    train_ssr(m, s.unit, s.people, s.log_f, o);
    return m.w1;
  };
  const auto a = trained(Device::cpu), b = trained(Device::cuda);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(b[i], a[i], 1e-4) << i;
}

TEST(Ssr, ConstantTargets) {
  const Scene s;
  const std::vector<double> same(600, -2.5);
  SsrModel m;
  m.D = 16;
  const SsrFit fit = train_ssr(m, s.unit, s.people, same, quick(300));
  EXPECT_TRUE(std::isnan(fit.held_out_r2));
  for (const double f : LearnedDiscrepancy(m).log_f(s.unit, {})) EXPECT_NEAR(f, -2.5, 1e-5);
}

TEST(Ssr, Faults) {
  const Scene s;
  SsrModel m;
  m.D = 8;
  EXPECT_EQ(thrown<std::invalid_argument>([&] { train_ssr(m, s.unit, s.people, s.log_f, quick()); }),
            "ssr: a network of 8 numbers, 600 x 16 embeddings of 600 people with 600 targets");
  m.D = 16;
  SsrOptions o = quick();
  o.steps = 0;
  EXPECT_EQ(thrown<std::invalid_argument>([&] { train_ssr(m, s.unit, s.people, s.log_f, o); }),
            "ssr: steps = 0, batch = 64, held_out = 0.1");
  o = quick(), o.lr = 1e30;
  EXPECT_NE(
      thrown<Error>([&] { train_ssr(m, s.unit, s.people, s.log_f, o); }).find("is not finite; lr = 1e+30"),
      std::string::npos);
  CalibratedRows none;
  none.D = 16;
  EXPECT_EQ(thrown<Error>([&] { train_ssr(m, none, {}, {}, quick()); }),
            "ssr: none of 0 pictures is left to train on");
}

// --- the file ---

SsrModel small_model() {
  SsrModel m = told({-2.5, -2.25}, SsrTarget::standardised, 4, 1.5);
  m.origin = {"architecture = sphereface\n", "0123abcd", "sum", "full"};
  m.from = "24 pictures", m.b1 = {.5f, -.25f}, m.b2 = .125, m.mean = .1, m.r2 = .75;
  return m;
}

struct SsrFile : testing::Test {
  TemporaryFolder folder;
  fs::path path = folder.path / "ssr.safetensors";

  std::string refusal(const std::string& key, const std::string& value) {
    write_ssr(path, small_model());
    Safetensors file = read_safetensors(path);
    file.metadata[key] = value;
    if (value == "(none)") file.metadata.erase(key);
    write_safetensors(path, file.tensors, file.metadata);
    const std::string message = thrown<Error>([&] { read_ssr(CalibrationFile(path)); });
    EXPECT_EQ(message.rfind(path.string() + ": ", 0), 0u) << message;
    return message.substr(std::min(message.size(), path.string().size() + 2));
  }
};

TEST_F(SsrFile, RoundTrip) {
  const SsrModel out = small_model();
  write_ssr(path, out);
  const SsrModel in = read_ssr(CalibrationFile(path));
  EXPECT_EQ(in.origin.weights, "0123abcd");
  EXPECT_EQ(in.from, out.from);
  EXPECT_EQ(in.target, out.target);
  EXPECT_EQ(in.k, 4);
  EXPECT_EQ(in.anchors, 40);
  EXPECT_EQ(std::vector<double>({in.tau, in.mean, in.std, in.b2, in.r2}),
            std::vector<double>({out.tau, out.mean, out.std, out.b2, out.r2}));
  EXPECT_EQ(in.w1, out.w1);
  EXPECT_EQ(in.b1, out.b1);
  EXPECT_EQ(in.w2, out.w2);
  const auto made = make_calibrator({.type = CalibrationType::ida_l, .file = path.string(), .flip = "mean"});
  EXPECT_EQ(made->name(), "ida_l");
  EXPECT_EQ(made->score(),
            "log DAO: cosine similarity less the density of other people around both faces (ida_l: regressed "
            "from the embedding as for 40 anchors, k = 4, tau = 1.5)");
  const Rows x = random_rows(1, 3, 2);
  EXPECT_EQ(made->prepare(x.view()).context, LearnedDiscrepancy(out).prepare(x.view()).context);
}

// The example of docs/formats.md.
TEST_F(SsrFile, WhatIsDocumented) {
  write_ssr(path, small_model());
  const Safetensors file = read_safetensors(path);
  EXPECT_EQ(file.metadata.at("type"), "ida_l");
  EXPECT_EQ(file.tensors.at("fc1.weight").shape(), (Shape{2, 2}));
  EXPECT_EQ(file.tensors.at("fc1.bias").shape(), (Shape{2}));
  EXPECT_EQ(file.tensors.at("fc2.weight").shape(), (Shape{1, 2}));
  EXPECT_EQ(file.tensors.at("fc2.bias").shape(), (Shape{1}));
}

TEST_F(SsrFile, Refused) {
  const std::string missing = "' in the metadata; expected a file of bin/calibrate, bin/anchors or bin/ssr";
  for (const char* key :
       {"format", "type", "top", "tau", "mean", "std", "target", "anchors", "from", "weights"})
    EXPECT_EQ(refusal(key, "(none)"), "no '" + std::string(key) + missing);
  EXPECT_EQ(refusal("type", "ida_r"), "type = ida_r, expected ida_l");
  EXPECT_EQ(refusal("target", "f"), "target = f, expected standardised or logarithm");
  EXPECT_EQ(refusal("top", "0"), "top = 0, expected an integer of 1 or more");
  EXPECT_EQ(refusal("tau", "-1"), "tau = -1, expected a number of 0 or more");
  EXPECT_EQ(refusal("mean", "much"), "mean = much, expected a number");
  Safetensors file = (write_ssr(path, small_model()), read_safetensors(path));
  file.tensors["fc1.weight"] = Tensor::zeros({3, 2});
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_EQ(thrown<Error>([&] { read_ssr(CalibrationFile(path)); }),
            path.string() + ": tensor 'fc1.weight': expected float32 (2,2), got float32 (3,2)");
  std::vector<uint8_t> bytes = (write_ssr(path, small_model()), read_file(path));
  bytes[bytes.size() - 3] ^= 1;
  write_file_atomic(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_NE(thrown<Error>([&] { CalibrationFile(path).type(); }).find("fc"), std::string::npos);
}

TEST_F(SsrFile, KAndTauAreTheFiles) {
  write_ssr(path, small_model());
  CalibrationOptions o{.type = CalibrationType::ida_l, .file = path.string(), .top = 4};
  o.tau = 1.5;
  EXPECT_EQ(make_calibrator(o)->name(), "ida_l");
  o.top = 5;
  const std::string refused = path.string() +
                              ": was trained for k = 4 and tau = 1.5, which cannot be chosen anew; leave "
                              "calibration.top and calibration.tau out";
  EXPECT_EQ(thrown<Error>([&] { make_calibrator(o); }), refused);
  o.top = 0, o.tau = 1;
  EXPECT_EQ(thrown<Error>([&] { make_calibrator(o); }), refused);
  EXPECT_EQ(
      thrown<Error>([&] {
        make_calibrator({.type = CalibrationType::ida_l, .file = path.string(), .weights = "ffff0000"});
      }),
      path.string() +
          ": its embeddings are of other making than those to be scored: weights 0123abcd, not ffff0000");
  EXPECT_EQ(thrown<Error>([&] { make_calibrator({.type = CalibrationType::ida_l}); }),
            "calibration.file: this type of calibration needs a file; bin/ssr makes it of anchors");
}

}  // namespace
}  // namespace fr
