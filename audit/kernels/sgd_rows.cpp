// Rows of the optimisers' steps.
#include "audit/kernels/rows.h"

#include <array>
#include <limits>

namespace fr::audit {
namespace {

// How sgd_update_many learns of the gradients' norm.
struct Norm {
  const char* name;
  bool given;
  double clip;
  double bad = 0;  // added to the squared norm
};

// Parameters of which one wants its weights narrow; the learning rate lies in memory.
Row many(int64_t count, int64_t n, const Norm& norm) {
  const SgdStep step{.lr = 0.5, .momentum = 0.9, .decay = 5e-4, .form = MomentumForm::torch};
  return Row(cat("sgd ", count, " of ", n, " ", norm.name))
      .covers(&K::sgd_update_many, &K::squared_norm_many)
      .wide({"p", "v", "g"})
      .state("p", numbers(count * n, 1))
      .state("v", numbers(count * n, 2))
      .constant("g", numbers(count * n, 3))
      .state("low", numbers(n, 4))
      .forward([=](const auto& k, const auto& v) {
        using T = typename std::remove_cvref_t<decltype(v)>::type;
        Wide<T>*const p = v["p"], *const velocity = v["v"], *const g = v["g"];
        std::vector<SgdParameter<T>> all;
        for (int64_t i = 0; i < count; ++i)
          all.push_back({p + i * n, velocity + i * n, g + i * n, i == 1 ? static_cast<T*>(v["low"]) : nullptr,
                         n, i == 0 ? 2.0 : 1.0, i == 2 ? 0.0 : 1.0});
        std::array<double, 2> host{0.1, 0};  // the learning rate, the squared norm
        auto* device = static_cast<double*>(k.alloc(sizeof host));
        k.upload(device, host.data(), sizeof host);
        k.squared_norm_many(device + 1, all.data(), count);
        k.download(host.data(), device, sizeof host);
        host[1] += norm.bad;
        k.upload(device, host.data(), sizeof host);
        k.sgd_update_many(all.data(), count, step, device, norm.given ? device + 1 : nullptr, norm.clip);
        k.release(device);
      })
      .tolerance(5e-7, "a handful of float roundings per element");
}

// The same parameters for Adam; its numbers, the squared norm too, lie in memory.
Row adam(int64_t count, int64_t n, bool decoupled, uint64_t t, const Norm& norm) {
  const AdamStep step{.decay = 5e-2, .decoupled = decoupled};
  return Row(cat(decoupled ? "adamw " : "adam ", count, " of ", n, " step ", t, " ", norm.name))
      .covers(&K::adam_update_many)
      .wide({"p", "m", "v", "g"})
      .state("p", numbers(count * n, 1))
      .state("m", numbers(count * n, 2))
      .state("v", numbers(count * n, 3, 0.1, 1))
      .constant("g", numbers(count * n, 4))
      .state("low", numbers(n, 5))
      .forward([=](const auto& k, const auto& v) {
        using T = typename std::remove_cvref_t<decltype(v)>::type;
        Wide<T>*const p = v["p"], *const m = v["m"], *const second = v["v"], *const g = v["g"];
        std::vector<AdamParameter<T>> all;
        for (int64_t i = 0; i < count; ++i)
          all.push_back({p + i * n, m + i * n, second + i * n, g + i * n,
                         i == 1 ? static_cast<T*>(v["low"]) : nullptr, n, i == 0 ? 2.0 : 1.0,
                         i == 2 ? 0.0 : 1.0});
        const StepState host{.step = t - 1, .learning_rate = 0.01, .squared_norm = 4 + norm.bad};
        auto* device = static_cast<StepState*>(k.alloc(sizeof host));
        k.upload(device, &host, sizeof host);
        k.adam_update_many(all.data(), count, step, device, norm.clip);
        k.release(device);
      })
      .tolerance(5e-7, "a dozen float roundings per element");
}

}  // namespace

std::vector<Row> sgd_rows() {
  std::vector<Row> rows;
  for (const MomentumForm form : {MomentumForm::caffe, MomentumForm::torch})
    for (const bool nesterov : {false, true})
      for (const int64_t n : {0, 1, 37, 150001}) {
        const SgdStep step{.lr = 0.1,
                           .momentum = 0.9,
                           .decay = 5e-4,
                           .gradient_scale = 0.25,
                           .form = form,
                           .nesterov = nesterov};
        rows.push_back(
            Row(cat("sgd ", form == MomentumForm::caffe ? "caffe " : "torch ", nesterov ? "nesterov " : "",
                    n))
                .covers(&K::sgd_update)
                .wide({"p", "v", "g"})
                .state("p", numbers(n, 1))
                .state("v", numbers(n, 2))
                .constant("g", numbers(n, 3))
                .forward([=](const auto& k, const auto& v) { k.sgd_update(v["p"], v["v"], v["g"], step, n); })
                .tolerance(5e-7, "a handful of float roundings per element"));
      }
  for (const int64_t n : {0, 1, 37, 50001})
    for (const Norm& norm : {Norm{"without norm", false, 0},
                             {"with norm", true, 0},
                             {"clipped", true, 0.25},
                             {"not finite", true, 1, std::numeric_limits<double>::infinity()}})
      rows.push_back(many(3, n, norm));
  rows.push_back(many(101, 9, {"clipped", true, 0.25}));
  for (const bool decoupled : {false, true})
    for (const int64_t n : {0, 1, 37, 50001})
      for (const Norm& norm : {Norm{"any norm", true, 0},
                               {"clipped", true, 0.25},
                               {"not finite", true, 1, std::numeric_limits<double>::infinity()}})
        rows.push_back(adam(3, n, decoupled, n == 37 ? 1 : 28000, norm));
  rows.push_back(adam(101, 9, false, 2, {"clipped", true, 0.25}));
  return rows;
}

}  // namespace fr::audit
