// Whole training steps of fr/ on the card, and the margin head alone. Pictures lie in host memory and are copied beside the
// step before, as in bin/train; nothing is decoded.
#include <memory>

#include "base/error.h"
#include "bench/gpu/bench.h"
#include "bench/gpu/buffer.h"
#include "fr/train_step.h"
#include "nn/step_memory.h"

namespace fr::bench::gpu {
namespace {

constexpr double kRate = 1e-6;  // so that no number grows or vanishes over a long run
constexpr int kFirstSteps = 5, kSteps = 12;

struct Network {
  const char* name;
  Architecture architecture;
  int depth;
  double flop;  // of one picture, forward and backward (3 x forward, without the gradient of the pictures)
};
constexpr Network kNetworks[] = {{"IResNet-50", Architecture::iresnet, 50, 37.8e9},
                                 {"IResNet-18", Architecture::iresnet, 18, 15.6e9},
                                 {"IResNet-100", Architecture::iresnet, 100, 72.5e9},
                                 {"SphereFace-20", Architecture::sphereface, 20, 10.5e9},
                                 {"SphereFace-64", Architecture::sphereface, 64, 36.7e9}};

constexpr Network kQuickNetwork = {"SphereFace-4", Architecture::sphereface, 4, 0};

NetworkOptions options_of(const Network& n, bool quick) {
  NetworkOptions o;
  o.architecture = n.architecture, o.depth = n.depth;
  o.height = quick ? 16 : 112, o.width = quick ? 16 : n.architecture == Architecture::iresnet ? 112 : 96;
  o.embedding = quick ? 16 : 512;
  return o;
}
LossOptions cosface() {
  LossOptions o;
  o.kind = LossKind::cosface, o.scale = 64;
  return o;
}

Batch batch_of(const NetworkOptions& o, int64_t N, int64_t classes) {
  Batch b;
  b.height = o.height, b.width = o.width;
  b.images.resize(size_t(N * o.height * o.width * 3));
  for (size_t i = 0; i < b.images.size(); ++i) b.images[i] = pattern()[i % size_t(kPeriod)];
  for (int64_t n = 0; n < N; ++n) b.labels.push_back((n * 7919 + 13) % classes);
  return b;
}

void time_steps(const DeviceInterface& d, const Options& options, Row& r, TrainStep& stepper,
                const Batch& batch) {
  int64_t step = 0;
  const auto once = [&] {
    stepper.start(step++, kRate);
    stepper.take(batch);
    stepper.finish();
  };
  stepper.take(batch);
  for (int i = 0; i < (options.quick ? 3 : kFirstSteps); ++i) once();  // plain, then recorded
  d.reset_peak();
  std::vector<double> seconds;
  for (int i = 0; i < (options.quick ? 1 : kSteps); ++i) {
    const double start = now();
    once();
    seconds.push_back(now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  const size_t n = seconds.size();
  r.ours = {seconds[n / 2], seconds[n / 4], seconds[n - 1 - n / 4]};
  r.memory = double(d.memory().reserved);
}

void step_row(const DeviceInterface& d, const Options& options, Report& report, const Network& network,
              int64_t N, DType maps) {
  const int64_t classes = options.quick ? 30 : 93000;
  Row row{.group = "training steps",
          .name = cat(network.name, ", batch ", N, ", ", classes, " classes"),
          .type = maps == DType::bfloat16 ? type_name<bfloat16>() : type_name<float>()};
  row.images = double(N), row.flop = options.quick ? 0 : network.flop * double(N);
  attempt(report, row, [&](Row& r) {
    const NetworkOptions o = options_of(network, options.quick);
    FaceModel model(o, cosface(), classes);
    Sgd optimizer(model.place(Device::cuda, maps).parameters(), {});
    const auto stepper = make_train_step(model, optimizer, {});
    time_steps(d, options, r, *stepper, batch_of(o, N, classes));
  });
  d.trim();
}

// Head alone: scores, loss, both gradients and the update of its weights, recorded.
void head_row(const DeviceInterface& d, const Options& options, Report& report, int64_t classes,
              DType products) {
  const int64_t N = options.quick ? 8 : 512, D = options.quick ? 16 : 512;
  Row row{.group = "margin head",
          .name = cat(classes, " classes, batch ", N, ", embedding ", D),
          .type = products == DType::bfloat16 ? type_name<bfloat16>() : type_name<float>()};
  row.flop = 6.0 * double(N) * double(D) * double(classes);
  attempt(report, row, [&](Row& r) {
    d.trim();
    const size_t before = d.memory().in_use;
    ClassHead head(cosface(), classes, D, 1);
    head.place(Device::cuda, products), head.set_products(products);
    Sgd optimizer(head.parameters(), {});
    const StepMemory numbers(Device::cuda);
    numbers.set({.learning_rate = kRate});
    std::vector<int64_t> label;
    for (int64_t n = 0; n < N; ++n) label.push_back((n * 7919 + 13) % classes);
    const Tensor labels = Tensor::from(label, {N}).to(Device::cuda);
    const std::vector<float> values(pattern().begin(), pattern().begin() + N * D);
    const Var x(Tensor::from(values, {N, D}).to(Device::cuda), true);
    d.reset_peak();
    r.ours = measure(d, options, [&](int64_t) {
      optimizer.zero_grad();
      const Var loss = head.loss(x, labels, {0, numbers.at()});
      backward(loss);
      optimizer.update(numbers.at());
      head.forget();
    });
    r.memory = double(d.memory().peak - before);
  });
  d.trim();
}

struct InPlace {  // tensors with Device::cuda lie on `device` for a scope
  explicit InPlace(const DeviceInterface& device) { use_device(&device); }
  ~InPlace() { use_device(nullptr); }
};

}  // namespace

void bench_steps(const DeviceInterface& device, const Options& options, Report& report) {
  const InPlace in_place(device);
  const WithTf32 tf32;  // as PyTorch is measured
  for (const DType maps : {DType::bfloat16, DType::float32}) {
    if (maps == DType::bfloat16 && !device.half) continue;
    if (options.quick) {
      step_row(device, options, report, kQuickNetwork, 2, maps);
      continue;
    }
    for (const int64_t N : {512, 256})
      for (const Network& n : kNetworks) {
        step_row(device, options, report, n, N, maps);
        if (maps != DType::bfloat16 || !is_hopper(device)) continue;
        const WithHopper hopper;
        step_row(device, options, report, n, N, maps);
      }
  }
}

void bench_head(const DeviceInterface& device, const Options& options, Report& report) {
  const InPlace in_place(device);
  const WithTf32 tf32;  // as PyTorch is measured
  for (const DType products : {DType::bfloat16, DType::float32})
    if (products == DType::float32 || device.half)
      for (const int64_t classes :
           options.quick ? std::vector<int64_t>{40} : std::vector<int64_t>{100000, 1000000})
        head_row(device, options, report, classes, products);
}

}  // namespace fr::bench::gpu
