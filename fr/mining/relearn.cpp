#include "fr/mining/relearn.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/shuffle.h"
#include "fr/protocol/prototypes.h"
#include "nn/make_optimizer.h"
#include "nn/schedule.h"

namespace fr {
namespace {

constexpr uint32_t kStream = 5;  // of Purpose::sampler, beside the orders of the loader

LossOptions head_options(const RelearnOptions& o) {
  LossOptions loss;
  loss.kind = LossKind::l2_softmax, loss.scale = o.scale;
  return loss;
}

std::vector<std::vector<int64_t>> pictures_of_people(std::span<const int64_t> labels) {
  std::vector<std::vector<int64_t>> pictures;
  for (size_t i = 0; i < labels.size(); ++i) {
    FR_CHECK(labels[i] >= 0 && labels[i] < int64_t(labels.size()), "relearn: label ", labels[i], " of ",
             labels.size(), " pictures");
    if (size_t(labels[i]) >= pictures.size()) pictures.resize(size_t(labels[i]) + 1);
    pictures[size_t(labels[i])].push_back(int64_t(i));
  }
  for (size_t c = 0; c < pictures.size(); ++c)
    FR_CHECK(!pictures[c].empty(), "relearn: label ", c, " has no picture");
  return pictures;
}

// A picture of each of `batch` different people.
std::vector<int64_t> draw(const std::vector<std::vector<int64_t>>& pictures, int64_t batch, Random random) {
  std::vector<size_t> people(pictures.size());
  std::iota(people.begin(), people.end(), size_t{0});
  shuffle(people, random);
  people.resize(size_t(std::min(batch, int64_t(people.size()))));
  std::vector<int64_t> drawn;
  for (const size_t c : people) drawn.push_back(pictures[c][random.below(uint32_t(pictures[c].size()))]);
  return drawn;
}

void start_at_prototypes(ClassHead& head, const EmbeddingView& e, std::span<const int64_t> labels) {
  const Prototypes p = prototypes_of(e, labels);
  const Tensor weight = collect_state(head).at("weight");
  for (size_t row = 0; row < p.people.size(); ++row)
    std::copy_n(p.rows.data() + row * size_t(p.D), p.D, weight.as<float>() + p.people[row] * p.D);
}

Schedule schedule_of(const RelearnOptions& o) {
  Schedule s;
  s.kind = Schedule::Kind::cosine, s.base = o.lr, s.floor = o.last_lr, s.total_steps = o.steps;
  return s;
}

}  // namespace

Relearned relearn(const EmbeddingView& e, std::span<const int64_t> labels, const RelearnOptions& o,
                  const std::function<void(int64_t)>& progress) {
  FR_CHECK(e.N > 0 && int64_t(labels.size()) == e.N, "relearn: ", labels.size(), " labels of ", e.N,
           " embeddings");
  FR_CHECK(o.steps >= 0 && o.batch > 0 && o.lr >= o.last_lr && o.last_lr >= 0,
           "relearn: expected steps >= 0, a batch and learning rates that fall, got ", o.steps, ", ", o.batch,
           ", ", o.lr, " and ", o.last_lr);
  const auto pictures = pictures_of_people(labels);
  Relearned out{std::make_unique<ClassHead>(head_options(o), int64_t(pictures.size()), e.D, o.seed), {}};
  start_at_prototypes(*out.head, e, labels);
  out.head->place(o.device);
  const auto optimizer = make_optimizer(out.head->parameters(), {.momentum = o.momentum,
                                                                 .weight_decay = o.weight_decay,
                                                                 .form = MomentumForm::caffe,
                                                                 .nesterov = o.momentum > 0});
  const Schedule schedule = schedule_of(o);
  for (int64_t step = 0; step < o.steps; ++step) {
    const auto drawn = draw(pictures, o.batch, Random({o.seed, Purpose::sampler, uint64_t(step), kStream}));
    const auto n = int64_t(drawn.size());
    std::vector<float> x;
    std::vector<int64_t> y;
    for (const int64_t i : drawn) {
      const auto row = e.values.subspan(size_t(i * e.D), size_t(e.D));
      x.insert(x.end(), row.begin(), row.end()), y.push_back(labels[size_t(i)]);
    }
    out.head->zero_grad();
    const Var loss =
        out.head->loss(Var(Tensor::from(x, {n, e.D}).to(o.device)), Tensor::from(y, {n}).to(o.device), step);
    out.loss.push_back(loss.value().item());
    backward(loss);
    if (!std::isfinite(optimizer->step(learning_rate(schedule, step), step)) ||
        !std::isfinite(out.loss.back()))
      throw Error(ErrorKind::diverged, cat("relearn: the loss is not finite in step ", step));
    out.head->after_update();
    if (progress) progress(step + 1);
  }
  out.head->place(Device::cpu);
  return out;
}

RelearnedModel with_head(LoadedModel& trained, ClassHead& head, std::vector<std::string> people,
                         FlipMode flip, const RelearnOptions& options) {
  FR_CHECK(head.last_class() == int64_t(people.size()), "relearn: ", people.size(), " names of ",
           head.last_class(), " classes");
  FR_CHECK(flip != FlipMode::concatenate, "relearn: the class weights are as long as one embedding");
  Config config = trained.config;
  config.loss = head_options(options), config.pfe = {};
  RelearnedModel out{std::make_unique<FaceModel>(make_backbone(config.network), config.loss,
                                                 TrainingClasses(head.last_class()), options.seed),
                     trained.info};
  NamedTensors state;
  for (const auto& [name, tensor] : collect_state(trained.model->network()))
    state.emplace("network." + name, tensor.to(Device::cpu));
  for (const auto& [name, tensor] : collect_state(head)) state.emplace("head." + name, tensor);
  load_state(state, *out.model);
  out.info.classes = head.last_class(), out.info.people = std::move(people), out.info.data = 0;
  out.info.frozen.clear();  // an uncertainty module stays behind
  out.info.config = fr::describe(config).to_ini(true);
  out.info.input.flip = flip;
  return out;
}

}  // namespace fr
