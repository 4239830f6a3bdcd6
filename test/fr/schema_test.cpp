// The configuration schema: what it accepts, what it refuses and with which words.
#include "fr/schema.h"

#include <gtest/gtest.h>

#include "fr/config.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

// The message of the Error{usage} that `text` causes, "" when it is accepted.
std::string refusal(const std::string& text) {
  Config config;
  Schema schema = describe(config);
  try {
    schema.read_ini_text(text, "x.ini");
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    return e.what();
  }
  return "";
}

TEST(Schema, ReadsEveryType) {
  Config config;
  Schema schema = describe(config);
  schema.read_ini_text(
      "# a comment\r\n[run]\nname = \"two words, and a comma\"\n\n[loss]\nname = cosface  # behind a "
      "value\nm=3\nbias = true\r\n"
      "[optimizer]\nlr = 2.5e-2\n[schedule]\nmilestones = 0.25, 0.5, 0.75\n",
      "x.ini");
  EXPECT_EQ(config.run.name, "two words, and a comma");
  EXPECT_EQ(*class_loss(config.loss), LossKind::cosface);
  EXPECT_EQ(config.loss.head.m, 3);
  EXPECT_TRUE(config.loss.head.bias);
  EXPECT_EQ(config.lr, 0.025);
  EXPECT_EQ(config.schedule.milestones, (std::vector<double>{0.25, 0.5, 0.75}));
  schema.override_with("schedule.milestones=0.5,0.9");
  EXPECT_EQ(config.schedule.milestones, (std::vector<double>{0.5, 0.9}));
  schema.override_with("schedule.milestones=none");
  EXPECT_TRUE(config.schedule.milestones.empty());
}

TEST(Schema, ResolvedTextReadsBackToItself) {
  Config first, second;
  Schema a = describe(first), b = describe(second);
  for (const char* o : {"run.name=a b", "loss.name=softmax", "optimizer.lr=0.1",
                        "schedule.milestones=0.1,0.2", "augment.shift=3"})
    a.override_with(o);
  b.read_ini_text(a.to_ini(), "resolved");
  EXPECT_EQ(a.to_ini(), b.to_ini());
  EXPECT_EQ(second.lr, 0.1);
  EXPECT_EQ(second.augment.shift, 3);
}

TEST(Schema, OnlyKeysThatDecideTheResultAreCompared) {
  Config config;
  const std::string decides = describe(config).to_ini(true);
  EXPECT_NE(decides.find("weight_decay"), std::string::npos);
  EXPECT_EQ(decides.find("threads"), std::string::npos);
  EXPECT_EQ(decides.find("prefetch"), std::string::npos);
}

TEST(Schema, RefusalsNameFileLineKeyValueAndRange) {
  const std::pair<const char*, const char*> rows[] = {
      {"[loss]\nm = 7\n", "x.ini:2: loss.m = 7: out of range; allowed: integer in [1, 4]"},
      {"[loss]\nm = 2.5\n", "not an integer"},
      {"[optimizer]\nlr = 0,1\n", "expected one value"},
      {"[optimizer]\nlr = 1e400\n", "out of range"},
      {"[optimizer]\nlr = inf\n", "optimizer.lr = inf"},
      {"[optimizer]\nlr = 0x10\n", "not a number"},
      {"[optimizer]\n\nlearning_rate = 1\n", "x.ini:3: unknown key 'optimizer.learning_rate'"},
      {"[loss]\nmargn = 1\n", "did you mean 'loss.margin'?"},
      {"[loss]\nname = circle\n",
       "allowed: list of word or word:weight: softmax, modified_softmax, a_softmax, l_softmax, "},
      {"[loss]\nbias = yes\n", "neither true nor false"},
      {"[loss]\nm = 1\n[loss]\nm = 2\n", "x.ini:4: loss.m is given twice, first in line 2"},
      {"m = 1\n", "x.ini:1: a key before the first [section]"},
      {"[loss\n", "x.ini:1: expected [section]"},
      {"[loss]\nm\n", "x.ini:2: expected key = value"},
      {"[loss]\nm =\n", "loss.m has no value"},
  };
  for (const auto& [text, message] : rows)
    EXPECT_NE(refusal(text).find(message), std::string::npos) << text << refusal(text);
  EXPECT_EQ(refusal("[loss]\nm = 4\n"), "");
  EXPECT_NE(refusal("[run]\nname = " + std::string(5000, 'x') + "\n").find("4096 are allowed"),
            std::string::npos);
}

TEST(Schema, NearestName) {
  EXPECT_EQ(nearest_name("scal", {"scale", "margin"}), "scale");
  EXPECT_EQ(nearest_name("zzzzzzzz", {"scale", "margin"}), "");
}

TEST(Config, MilestonesAreSharesOfTheRun) {
  Config config;
  config.schedule.milestones = {0.571, 0.857};
  const Schedule s = schedule_of(config, 28000);
  EXPECT_EQ(s.milestones, (std::vector<int64_t>{15988, 23996}));
}

TEST(Config, ChecksWhatNoSingleRangeCanSay) {
  Config config;
  check(config);
  config.loss.terms = {{"cosface", 1}}, config.loss.head.gradient = MarginGradient::caffe_normalised;
  EXPECT_THROW(check(config), Error);
  config = {}, config.loss.terms = {{"margin", 1}};
  config.loss.margin.sampling = MarginPairs::Sampling::distance, config.loss.margin.cutoff = 1.5;
  EXPECT_THROW(check(config), Error);  // beyond loss_cutoff
  config = {}, config.synthetic.min_samples = 50;
  EXPECT_THROW(check(config), Error);
  config = {}, config.augment.scale_min = 2;
  EXPECT_THROW(check(config), Error);
}

// The message of the Error{usage} that check() throws after these overrides, "" when it accepts them.
std::string check_refusal(const std::vector<std::string>& overrides) {
  Config config;
  Schema schema = describe(config);
  try {
    for (const auto& o : overrides) schema.override_with(o);
    check(config);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    return e.what();
  }
  return "";
}

TEST(Config, DepthBelongsToTheArchitecture) {
  EXPECT_EQ(check_refusal({"network.depth=64"}), "");
  EXPECT_EQ(check_refusal({"network.architecture=iresnet", "network.depth=100"}), "");
  EXPECT_EQ(
      check_refusal({"network.depth=18"}),
      "configuration: network.depth = 18: SphereFace has no such depth; allowed: one of: 4, 10, 20, 36, 64");
  EXPECT_EQ(check_refusal({"network.architecture=iresnet"}),
            "configuration: network.depth = 20: IResNet has no such depth; allowed: one of: 18, 34, 50, 100");
  EXPECT_NE(check_refusal({"network.architecture=irsnet"}).find("did you mean 'iresnet'"), std::string::npos);
  EXPECT_NE(check_refusal({"network.architecture=iresnet", "network.depth=18", "train.batch=1"})
                .find("train.batch = 1: IResNet normalises over the batch; allowed: 2 or more"),
            std::string::npos);
  EXPECT_EQ(check_refusal({"network.architecture=resnet", "network.depth=18", "network.last_relu=true"}),
            "configuration: network.last_relu = true: exists for network.architecture = sphereface only, got "
            "resnet");
}

TEST(Config, ABaseIsReadFirst) {
  const TemporaryFolder folder;
  folder.put("base.ini", "[loss]\nname = softmax\nm = 2\n");
  Config config;
  Schema schema = describe(config);
  schema.read_ini(
      folder.put("row.ini", "\n# a row\n; of a table\nbase = base.ini  # beside it\n[loss]\nm = 3\n"));
  EXPECT_EQ(*class_loss(config.loss), LossKind::softmax);
  EXPECT_EQ(config.loss.head.m, 3);
  const auto refused = [&](const char* text) {
    try {
      describe(config).read_ini(folder.put("x.ini", text));
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(refused("base = nothing.ini\n").find("nothing.ini: no such configuration file"),
            std::string::npos);
  EXPECT_NE(refused("base = row.ini\n").find("row.ini: is a base and cannot have one itself"),
            std::string::npos);
  EXPECT_NE(refused("base = base.ini\nm = 4\n").find("x.ini:2: a key before the first [section]"),
            std::string::npos);
  EXPECT_NE(refusal("base = base.ini\n").find("x.ini:1: a key before the first [section]"), std::string::npos)
      << "text from elsewhere has no folder";
}

TEST(Config, TheInputMustFitTheNetwork) {
  const std::string doppelganger = "network.architecture=doppelganger";
  EXPECT_EQ(check_refusal({doppelganger, "network.depth=27", "network.height=112", "network.narrow=4"}), "");
  EXPECT_EQ(check_refusal({doppelganger, "network.depth=28", "network.height=259", "network.width=259"}), "");
  EXPECT_EQ(
      check_refusal({doppelganger, "network.depth=28"}),
      "configuration: Doppelganger-28: an input of 112 x 96 does not fit: conv1 meets a map of 112 x 96; "
      "expected sides of 32 m + 3, 99 or more");
  EXPECT_EQ(
      check_refusal({"network.narrow=4"}),
      "configuration: network.narrow = 2 or more: exists for network.architecture = doppelganger only, got "
      "sphereface");
}

}  // namespace
}  // namespace fr
