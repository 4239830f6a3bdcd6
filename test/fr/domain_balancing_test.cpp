// Domain balancing: the residual module and the loss on its gate, the margins of classes, both in a model.
#include <gtest/gtest.h>

#include <map>

#include "autograd/gradient_check.h"
#include "fr/backbone/network.h"
#include "fr/balancing/domain_frequency_term.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/model.h"
#include "nn/state.h"
#include "test/data/temporary.h"
#include "test/fr/oracle.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

using Form = ResidualBalancingForm;

LossOptions cosface(double s = 30) {
  LossOptions o;
  o.kind = LossKind::cosface, o.scale = s;
  return o;
}

void set(Module& module, const std::string& name, const Tensor& value) {
  for (const auto& [n, parameter] : module.parameters())
    if (n == name) parameter->var = Var(value, true);
  for (const auto& [n, buffer] : module.buffers())
    if (n == name) *buffer = value;
}

// The module in double, and the class head that its gate's loss asks.
struct Gated {
  ResidualBalancing module;
  ClassHead head{cosface(), 2, 4, 1};
  std::unique_ptr<DomainFrequencyTerm> term;
  Gated(Form form, std::vector<double> dfi) : module(form, 4) {
    for (const auto& [name, parameter] : module.parameters())
      parameter->var = Var(parameter->var.value().to(DType::float64), true);
    for (const auto& [name, buffer] : module.buffers()) *buffer = buffer->to(DType::float64);
    head.measure_domains({}, ClassHead::DomainMargins::without);
    set(head, "frequency.dfi", Tensor::from(dfi, {int64_t(dfi.size())}));
    if (form == Form::gated) term = std::make_unique<DomainFrequencyTerm>(module, head);
  }
};

TEST(DomainBalancingMargin, Oracle) {
  MarginOptions o;
  o.margin.kind = Margin::Kind::cosface, o.margin.m = 0.35, o.s = 30;
  o.class_margin = Tensor::from<double>({1.3, 0.8, 1.1}, {3});
  const LossAndGradients r = run_margin(f1_x(), f1_w(), labels_of({0, 2}), o);
  EXPECT_NEAR(r.loss, 9.747469047784, 1e-9);
  expect_close({r.dx.begin() + 4, r.dx.end()}, {.803286348, 3.264388917, 2.429962618, .997518310}, 1e-9);
}

// The oracle has ReLU for the PReLU and no batch norm: running statistics that change nothing. The statistics are those of
// inference, the gate's value comes from a training pass; both see the same x.
TEST(ResidualBalancing, Oracle) {
  Gated g(Form::gated, {1.2, 0.9});
  ResidualBalancing& m = g.module;
  set(m, "residual.fc1.weight", sine({4, 4}, .5, .1, .37));
  set(m, "residual.fc2.weight", sine({4, 4}, .5, .9, .61));
  set(m, "residual.prelu.weight", Tensor::zeros({4}, DType::float64));
  set(m, "residual.bn.running_var", Tensor::full({4}, 1 - 1e-5, DType::float64));
  set(m, "gate.weight", sine({1, 4}, .3, .2, .8));
  const Tensor upstream = sine({2, 4}, 1, .5, 1.1), labels = labels_of({0, 1});
  const Var x(f1_x(), true);
  m.train(false);
  const Var re = m.forward(x);
  expect_close(re.value().host<double>(),
               {1.090010674, 1.325444241, -.805290673, -1.440979442, 1.874703497, .764332996, -1.556700684,
                -.620593858},
               1e-9);
  backward(sum(mul(re, Var(upstream))));
  m.train();
  m.forward(x);
  const Var loss = g.term->loss(x, labels, 0);
  EXPECT_NEAR(loss.value().item(), .042499773134, 1e-11);
  EXPECT_NEAR(g.term->figures()[0].item(), (.945710427 + .757394392) / 2, 1e-9);
  backward(affine(loss, 0.01, 0));
  expect_close(
      x.grad().host<double>(),
      {.332488291, .843626162, .310118200, -.643790893, -1.021513535, -.324502601, .693270639, .930030035},
      1e-9);
}

// Of everything together, batch statistics included: x, V1, v1, gamma, beta, slope, V2, v2, u, u0.
TEST(ResidualBalancing, FiniteDifferences) {
  for (const Form form : {Form::gated, Form::ungated}) {
    Gated g(form, {1.2, 0.9});
    const Tensor upstream = random_tensor({5, 4}, 2), labels = labels_of({0, 1, 1, 0, 1});
    std::vector<Tensor> leaves = {random_tensor({5, 4}, 1)};
    const auto parameters = g.module.parameters();
    for (size_t i = 0; i < parameters.size(); ++i)
      leaves.push_back(random_tensor(parameters[i].second->var.shape(), 10 + i));
    EXPECT_EQ(leaves.size(), form == Form::gated ? 10 : 8);
    EXPECT_EQ(gradient_error(
                  [&](const std::vector<Var>& v) {
                    for (size_t i = 0; i < parameters.size(); ++i) parameters[i].second->var = v[i + 1];
                    const Var re = sum(mul(g.module.forward(v[0]), Var(upstream)));
                    return g.term ? add(re, affine(g.term->loss(v[0], labels, 0), 0.3, 0)) : re;
                  },
                  leaves),
              "");
  }
}

TEST(ResidualBalancing, BeginsAsNothingAndItsGateDoesNotDecay) {
  const NetworkOptions plain = {
      .architecture = Architecture::iresnet, .depth = 18, .embedding = 8, .height = 16, .width = 16};
  for (const Form form : {Form::gated, Form::ungated}) {
    NetworkOptions o = plain;
    o.residual_balancing = form;
    const auto net = make_backbone(o), without = make_backbone(plain);
    const Var x(random_tensor({3, 16, 16, 3}, 1, DType::float32));
    EXPECT_EQ(net->forward(x).value().host<float>(), without->forward(x).value().host<float>());
    const auto layers = describe(o);
    EXPECT_EQ(total_parameters(layers), net->parameter_count());
    EXPECT_EQ(layers.back().name, "balancing.sum");
    EXPECT_EQ(layers.back().output, Shape{8});
    std::map<std::string, double> decay;
    for (const auto& [name, parameter] : net->parameters()) decay[name] = parameter->decay_multiplier;
    EXPECT_EQ(decay.at("balancing.residual.fc1.weight"), 1);
    EXPECT_EQ(decay.count("balancing.gate.weight"), form == Form::gated);
    if (form == Form::gated) {
      EXPECT_EQ(decay.at("balancing.gate.weight") + decay.at("balancing.gate.bias"), 0);
    }
  }
}

TEST(ResidualBalancing, EveryNetworkTakesIt) {
  for (const auto& [word, architecture] : architecture_words()) {
    NetworkOptions o = {.architecture = architecture, .depth = depths_of(architecture)[0], .embedding = 128};
    o.height = o.width = architecture == Architecture::doppelganger ? 112 : 32;
    o.residual_balancing = Form::gated;
    EXPECT_EQ(describe(o).back().name, "balancing.sum") << word;
    EXPECT_TRUE(normalises_embeddings(o)) << word;
  }
}

class Small : public Backbone {
 public:
  explicit Small(Form form) : Backbone("small", 4, 3, 3) {
    append<Flatten>("flatten");
    append<Linear>("fc", LinearSpec{27, 4});
    initialise(3);
    if (form != Form::none) add_residual_balancing(form, 3);
  }
  std::vector<LayerDescription> describe() const override { return {}; }
};

SupervisionOptions balanced(bool margin, bool gate) {
  SupervisionOptions o;
  o.terms = {{"cosface", 1}};
  if (gate) o.terms.emplace_back("domain_frequency", 0.01);
  o.head = cosface(8);
  o.balancing.margin = margin;
  o.balancing.frequency = {.neighbours = 2, .epoch_steps = 3};
  return o;
}

struct Training {
  FaceModel model;
  std::unique_ptr<Optimizer> optimizer;
  int64_t step = 0;
  explicit Training(const SupervisionOptions& o, Form form = Form::gated)
      : model(std::make_unique<Small>(form), o, 6, 3), optimizer(make_optimizer(model.parameters(), {})) {}
  double next() {
    const Tensor x = random_tensor({5, 3, 3, 3}, 100 + uint64_t(step), DType::float32),
                 labels = random_labels(5, 6, uint64_t(step));
    model.zero_grad(), model.train(), model.ahead(step);
    const Var loss = model.loss(Var(x), labels, step);
    backward(loss);
    optimizer->step(0.05, step++);
    model.after_update();
    return loss.value().item();
  }
  std::vector<double> losses(int n) {
    std::vector<double> all;
    for (int i = 0; i < n; ++i) all.push_back(next());
    return all;
  }
};

TEST(DomainBalancing, WithoutNeighboursItIsCosFace) {
  SupervisionOptions off = balanced(true, false);
  off.balancing.frequency.neighbours = 0;
  EXPECT_EQ(Training(off, Form::none).losses(6), Training(balanced(false, false), Form::none).losses(6));
  // In the warm-up alike; afterwards not.
  const auto with = Training(balanced(true, false), Form::none).losses(6),
             without = Training(balanced(false, false), Form::none).losses(6);
  EXPECT_TRUE(std::equal(with.begin(), with.begin() + 3, without.begin()));
  EXPECT_NE(with[4], without[4]);
}

TEST(DomainBalancing, ArcFaceAndTheCombinedMarginTakeIt) {
  for (const char* name : {"arcface", "combined", "am_softmax"}) {
    SupervisionOptions with = balanced(true, false);
    with.terms[0].first = name, with.balancing.frequency.warmup = 0;
    SupervisionOptions without = with;
    without.balancing.margin = false;
    EXPECT_NE(Training(with, Form::none).losses(3), Training(without, Form::none).losses(3)) << name;
  }
}

TEST(DomainBalancing, WhatTheModelShows) {
  Training run(balanced(true, true));
  EXPECT_EQ(run.model.figure_names(),
            (std::vector<std::string>{"cosface.dfi", "cosface.eps", "domain_frequency.gate"}));
  run.next();
  ASSERT_EQ(run.model.figures().size(), 3u);
  EXPECT_EQ(run.model.figures()[0].item(), 1);  // warm-up
  EXPECT_EQ(run.model.figures()[1].item(), 0);
  EXPECT_EQ(run.model.figures()[2].item(), 1);  // the gate's start
  run.losses(4);
  EXPECT_GT(run.model.figures()[1].item(), 0);
  EXPECT_NE(run.model.figures()[2].item(), 1);
  EXPECT_EQ(run.model.head()->measure_domains_now().dfi.shape(), Shape{6});
}

// Every step, and all classes every third: the moving mean and the table lie in the checkpoint.
TEST(DomainBalancing, AResumedRunIsTheUninterruptedOne) {
  for (const int64_t refresh : {1, 3}) {
    SupervisionOptions o = balanced(true, true);
    o.balancing.frequency.refresh = refresh;
    const TemporaryFolder folder;
    Training whole(o), first(o), second(o);
    const std::vector<double> expected = whole.losses(12);
    first.losses(5);
    const fs::path file = folder.path / "checkpoint";
    save_checkpoint(file, first.model, *first.optimizer, {5, 0, 5, 6, 1, ""});
    load_checkpoint(file, second.model, second.optimizer.get());
    second.step = 5;
    EXPECT_EQ(second.losses(7), std::vector<double>(expected.begin() + 5, expected.end())) << refresh;
  }
}

// The module belongs to the network: saved, loaded and embedded with it.
TEST(DomainBalancing, AModelFileHasTheModule) {
  NetworkOptions o = {.depth = 4, .embedding = 6, .height = 16, .width = 16, .seed = 1};
  o.residual_balancing = Form::gated;
  FaceModel model(make_backbone(o));
  for (const auto& [name, parameter] : model.parameters())
    if (name.find("balancing") != name.npos)
      parameter->var.value().copy_from(random_tensor(parameter->var.shape(), 4, DType::float32));
  const TemporaryFolder folder;
  CheckpointInfo info;
  info.config = "[network]\ndepth = 4\nembedding = 6\nheight = 16\nwidth = 16\nresidual_balancing = gated\n";
  save_model(folder.path / "model", model, info);
  const LoadedModel loaded = load_model(folder.path / "model");
  const auto picture = [](int64_t i) {
    Image image(16, 16);
    for (size_t j = 0; j < image.pixels.size(); ++j) image.pixels[j] = uint8_t(j * size_t(7 + i) % 251);
    return image;
  };
  const EmbedOptions embedding{16, 16, FlipMode::none, 2};
  const Embeddings a = embed(model, 3, picture, embedding), b = embed(*loaded.model, 3, picture, embedding);
  EXPECT_EQ(a.values, b.values);
  o.residual_balancing = Form::none;
  FaceModel without(make_backbone(o));
  EXPECT_NE(a.values, embed(without, 3, picture, embedding).values);
}

TEST(DomainBalancing, Configuration) {
  Config c;
  Schema schema = describe(c);
  EXPECT_NE(
      schema.to_ini().find("[balancing]\nmargin = false\nmeasure = false\nneighbours = usual\neps = auto\n"
                           "scale = usual\nrefresh = 1\nwarmup = 1\n"),
      std::string::npos);
  schema.read_ini_text(
      "[balancing]\nmargin = true\nneighbours = 7\neps = 5.5\n[loss]\nname = cosface, "
      "domain_frequency:0.01\n",
      "a.ini");
  EXPECT_EQ(c.loss.balancing.frequency.neighbours, 7);
  EXPECT_EQ(c.loss.balancing.frequency.eps, 5.5);
  EXPECT_EQ(thrown<Error>([&] { check(c); }),
            "configuration: loss.name has domain_frequency: expected network.residual_balancing = gated");
  schema.override_with("network.residual_balancing=gated");
  EXPECT_EQ(thrown<Error>([&] { check(c); }), "nothing");
  EXPECT_EQ(
      thrown<Error>([&] { schema.override_with("balancing.neighbours=-1"); }),
      "command line: balancing.neighbours = -1: out of range; allowed: usual, or integer in [0, 1000000000]");
  schema.override_with("balancing.neighbours=usual");
  EXPECT_EQ(c.loss.balancing.frequency.neighbours, DomainFrequencyOptions::kUsualNeighbours);
  EXPECT_EQ(to_text(c.loss),
            "CosFace, s = 64, m = 0.35 + 0.01 x domain frequency loss, domain balancing margins");
}

TEST(DomainBalancing, Refusals) {
  const auto refusal = [](const auto& f) { return thrown<std::invalid_argument>(f); };
  SupervisionOptions o = balanced(true, false);
  o.terms = {{"triplet", 1}};
  EXPECT_EQ(refusal([&] { check(o); }),
            "loss: domains are measured on the weights of classes; no term scores classes");
  o.terms = {{"a_softmax", 1}};
  EXPECT_EQ(refusal([&] { check(o); }),
            "balancing.margin: a_softmax has no margin per class; am_softmax, cosface, "
            "arcface and combined have");
  o = balanced(false, false);
  o.balancing.measure = true, o.balancing.frequency.refresh = 0;
  EXPECT_EQ(refusal([&] { check(o); }), "domain frequency: expected a refresh every 1 or more steps, got 0");
  for (const Form form : {Form::none, Form::ungated})
    EXPECT_EQ(refusal([&] { Training(balanced(false, true), form); }),
              "loss: domain_frequency needs a network with a gated residual balancing module");
  EXPECT_EQ(refusal([] { ResidualBalancing(Form::none, 4); }),
            "residual balancing: expected a form and D > 0, got D = 4");
  Gated g(Form::gated, {1, 1});
  EXPECT_EQ(
      refusal([&] { g.term->loss({}, labels_of({0}), 0); }),
      "domain frequency loss: expected the gate of the network's last forward pass in training, (1,1), got "
      "nothing");
  ClassHead part(cosface(), {2, 5}, 4, 1);
  EXPECT_EQ(refusal([&] { part.measure_domains({}, ClassHead::DomainMargins::with); }),
            "class head: domains are measured of all classes, got those from 2 on");
}

}  // namespace
}  // namespace fr::test
