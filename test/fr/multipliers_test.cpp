// Multipliers of groups of parameters: the words, what they set, and the optimiser's keys of a configuration.
#include "fr/multipliers.h"

#include <gtest/gtest.h>

#include "fr/config.h"
#include "nn/layers.h"

namespace fr {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_multipliers(text);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Multipliers, AreReadAndWritten) {
  const std::vector<MultiplierRule> rules =
      parse_multipliers("head.weight lr 10 decay 1, network.stage1.* lr 0,b decay 0.5");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0], (MultiplierRule{"head.weight", 10, 1}));
  EXPECT_EQ(rules[1], (MultiplierRule{"network.stage1.*", 0, std::nullopt}));
  EXPECT_EQ(rules[2], (MultiplierRule{"b", std::nullopt, 0.5}));
  EXPECT_EQ(multipliers_text(rules), "head.weight lr 10 decay 1, network.stage1.* lr 0, b decay 0.5");
  EXPECT_EQ(parse_multipliers(multipliers_text(rules)), rules);
  EXPECT_EQ(parse_multipliers("a lr 1 b lr 2").size(), 2u) << "commas are for the eye";
  for (const char* none : {"none", ""}) EXPECT_TRUE(parse_multipliers(none).empty());
  EXPECT_EQ(multipliers_text({}), "none");
}

TEST(Multipliers, RefusalsSayWhatWasExpected) {
  EXPECT_EQ(refusal("head.weight"), "expected lr or decay behind 'head.weight'");
  EXPECT_EQ(refusal("lr 3"), "expected the name of a parameter before 'lr'");
  EXPECT_EQ(refusal("a lr 1 lr 2"), "'lr' of a is given twice");
  for (const char* bad : {"a lr", "a lr x", "a lr -1", "a lr nan", "a lr 1e9", "a lr 1x"})
    EXPECT_NE(refusal(bad).find("expected a number in [0, "), std::string::npos) << bad;
}

class Net : public Module {
 public:
  Net() {
    add_child<Conv2d>("conv1", Conv2dSpec::square(3, 4, 3, 2, 1));
    add_child<PReLU>("act1", 4);
    add_child<Conv2d>("conv10", Conv2dSpec::square(4, 4, 3, 2, 1));
  }
  Var forward(const Var& x) override { return x; }
};

TEST(Multipliers, TheLaterRuleWinsAndTheRestStays) {
  Net net;
  const auto before = with_multipliers(net.parameters(), {});
  EXPECT_EQ(before[1].second->decay_multiplier, net.parameters()[1].second->decay_multiplier);
  with_multipliers(net.parameters(), parse_multipliers("* lr 3, conv1.* lr 0, *10.weight decay 7"), 0);
  for (const auto& [name, p] : net.parameters()) {
    EXPECT_EQ(p->lr_multiplier, name.starts_with("conv1.") ? 0 : 3) << name;
    const double decay = name == "conv10.weight" ? 7 : name == "conv1.weight" ? 1 : 0;
    if (name.ends_with(".weight")) {
      EXPECT_EQ(p->decay_multiplier, decay) << name << "; of the slopes: none";
    }
  }
}

TEST(Multipliers, UnknownNamesComeWithTheNearest) {
  Net net;
  for (const auto& [pattern, near] : {std::pair{"conv1.weigth", "conv1.weight"}, {"act2.*", "act1.weight"}}) {
    try {
      with_multipliers(net.parameters(), {{pattern, 1, {}}});
      ADD_FAILURE() << pattern << " accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage);
      const std::string message = e.what();
      EXPECT_NE(message.find(cat("no parameter is called '", pattern, "'; the nearest: ")), std::string::npos)
          << message;
      EXPECT_NE(message.find(near), std::string::npos) << message;
    }
  }
}

TEST(Config, TheKeysOfTheOptimiserReadBack) {
  Config first, second;
  Schema a = describe(first), b = describe(second);
  a.read_ini_text(
      "[optimizer]\nname = adamw\nbeta1 = 0.8\nmultipliers = head.weight lr 10 decay 1, network.stage1.* lr "
      "0\n"
      "slope_decay = 0\n[schedule]\nkind = sgdr\nperiod = 0.1\nmultiplier = 2\n[data]\norder = pk\n"
      "per_identity = 8\npatch = upper\n[augment]\ncrop = 8\nchannel_shift = 10\ncutout = 16\n",
      "x.ini");
  EXPECT_EQ(first.optimizer.kind, OptimizerKind::adamw);
  ASSERT_EQ(first.multipliers.size(), 2u);
  EXPECT_EQ(first.multipliers[1], (MultiplierRule{"network.stage1.*", 0, std::nullopt}));
  b.read_ini_text(a.to_ini(), "resolved");
  EXPECT_EQ(a.to_ini(), b.to_ini());
  EXPECT_EQ(second.multipliers, first.multipliers);
  EXPECT_EQ(second.data.patch, Patch::upper);
  const Schedule s = schedule_of(first, 28000);
  EXPECT_EQ(s.period, 2800);
  EXPECT_EQ(s.multiplier, 2);
  for (const char* one : {"optimizer.multipliers=head.weight lr 10", "optimizer.multipliers=none"}) {
    a.override_with(one);
    b.read_ini_text(a.to_ini(), "resolved");
    EXPECT_EQ(second.multipliers, first.multipliers) << one;
  }
  try {
    a.override_with("optimizer.multipliers=head.weight lr");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("optimizer.multipliers = head.weight lr: expected a number"),
              std::string::npos)
        << e.what();
  }
}

TEST(Config, BatchesOfPeopleAreWhole) {
  Config config;
  config.data.order = Order::pk, config.train.batch = 62;
  try {
    check(config);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("train.batch = 62 is no multiple of data.per_identity = 4"),
              std::string::npos);
  }
  config.train.batch = 64;
  check(config);
  config.optimizer.kind = OptimizerKind::adam, config.optimizer.nesterov = true;
  EXPECT_THROW(check(config), Error);
}

}  // namespace
}  // namespace fr
