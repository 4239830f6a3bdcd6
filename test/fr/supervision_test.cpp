// Joint losses: the sum of the terms, what is refused, a model without class scores.
#include "fr/loss/supervision.h"

#include <gtest/gtest.h>

#include "fr/model.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

class Identity : public Backbone {
 public:
  Identity() : Backbone("identity", 12, 2, 2) { append<Flatten>("flatten"); }
  std::vector<LayerDescription> describe() const override { return {}; }
};

SupervisionOptions terms(std::vector<std::pair<std::string, double>> t) {
  SupervisionOptions o;
  o.terms = std::move(t), o.head.scale = 8;
  return o;
}

const Tensor& pictures() {
  static const Tensor x = random_tensor({6, 2, 2, 3}, 1, DType::float32);
  return x;
}
const Tensor& people() {
  static const Tensor labels = labels_of({0, 1, 0, 1, 2, 2});
  return labels;
}

double loss_of(const SupervisionOptions& o) {
  FaceModel model(std::make_unique<Identity>(), o, 3, 5);
  return model.loss(Var(pictures()), people(), 0).value().item();
}

std::string refusal(const SupervisionOptions& o) {
  try {
    check(o);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Supervision, IsTheWeightedSumOfItsTerms) {
  const double joint = loss_of(terms({{"l2_softmax", 2},
                                      {"lifted", 0.1},
                                      {"margin", 1},
                                      {"triplet", 0.5},
                                      {"contrastive", 3},
                                      {"center", 0.25}}));
  const double sum = 2 * loss_of(terms({{"l2_softmax", 1}})) + 0.1 * loss_of(terms({{"lifted", 1}})) +
                     loss_of(terms({{"margin", 1}})) + 0.5 * loss_of(terms({{"triplet", 1}})) +
                     3 * loss_of(terms({{"contrastive", 1}})) + 0.25 * loss_of(terms({{"center", 1}}));
  EXPECT_NEAR(joint, sum, 1e-5 * sum);
}

TEST(Supervision, KeepsTheTermsBeforeTheirWeights) {
  FaceModel model(std::make_unique<Identity>(), terms({{"softmax", 2}, {"triplet", 0.5}}), 3, 5);
  const Var loss = model.loss(Var(pictures()), people(), 0);
  ASSERT_EQ(model.term_losses().size(), 2u);
  EXPECT_NEAR(loss.value().item(), 2 * model.term_losses()[0].item() + 0.5 * model.term_losses()[1].item(),
              1e-6);
  model.forget();
  EXPECT_TRUE(model.term_losses().empty());
}

TEST(Supervision, ParametersAreNamedAfterTheTerms) {
  FaceModel model(std::make_unique<Identity>(), terms({{"l2_softmax", 1}, {"lifted", 0.1}, {"margin", 1}}), 3,
                  5);
  std::vector<std::string> names;
  for (const auto& [name, parameter] : model.parameters()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"head.weight", "head.bias", "head.scale", "lifted.scale",
                                             "margin.boundary"}));
}

TEST(Supervision, EveryTermIsBuiltAndFinite) {
  for (const std::string& name : term_names()) {
    if (name == "domain_frequency") continue;  // needs class scores and a gate: domain_balancing_test.cpp
    EXPECT_TRUE(std::isfinite(loss_of(terms({{name, 1}})))) << name;
  }
}

TEST(Supervision, WithoutClassScoresThereIsNoHead) {
  FaceModel model(std::make_unique<Identity>(), terms({{"triplet", 1}}), 3, 5);
  EXPECT_EQ(model.head(), nullptr);
  EXPECT_EQ(class_loss(terms({{"triplet", 1}})), nullptr);
  EXPECT_EQ(*class_loss(terms({{"triplet", 1}, {"arcface", 1}})), LossKind::arcface);
}

TEST(Supervision, RefusesWhatMakesNoSense) {
  EXPECT_EQ(refusal(terms({{"softmax", 1}, {"triplet", 0.1}})), "");
  EXPECT_NE(refusal(terms({})).find("at least one term"), std::string::npos);
  EXPECT_NE(refusal(terms({{"softmx", 1}})).find("'softmx'"), std::string::npos);
  EXPECT_NE(refusal(terms({{"softmax", 0}})).find("a weight > 0 for softmax"), std::string::npos);
  EXPECT_NE(refusal(terms({{"triplet", 1}, {"triplet", 1}})).find("given twice"), std::string::npos);
  EXPECT_NE(refusal(terms({{"softmax", 1}, {"arcface", 1}})).find("softmax and arcface both score classes"),
            std::string::npos);
  SupervisionOptions o = terms({{"margin", 1}});
  o.margin.boundary = 0.95, o.margin.margin = 0.5;
  EXPECT_NE(refusal(o), "");
  o = terms({{"cosface", 1}}), o.head.bias = true;
  EXPECT_NE(refusal(o).find("has no bias"), std::string::npos);
}

TEST(Supervision, IsNamedForPeople) {
  EXPECT_EQ(to_text(terms({{"triplet", 1}, {"lifted", 0.1}})), "triplet loss + 0.1 x lifted structured loss");
  LossOptions cosface;
  cosface.kind = LossKind::cosface;
  EXPECT_EQ(to_text(SupervisionOptions(cosface)), "CosFace, s = 64, m = 0.35");
}

}  // namespace
}  // namespace fr::test
