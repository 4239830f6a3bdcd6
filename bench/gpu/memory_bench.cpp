// What memory limits: a plain copy, which is the yardstick, then batch norm, PReLU and sums on maps of the networks.
#include <memory>

#include "base/error.h"
#include "bench/gpu/bench.h"
#include "bench/gpu/buffer.h"

namespace fr::bench::gpu {
namespace {

// Maps x, y, r of (rows, C) in several sets, and what belongs to a channel.
template <class T>
struct Maps {
  int64_t rows, C, sets;
  std::vector<std::unique_ptr<Buffer<T>>> x, y, r;
  std::vector<std::unique_ptr<Buffer<Wide<T>>>>
      channel;  // mean, rstd, gamma, beta, slope, and their gradients
  Buffer<Wide<T>> running_mean, running_var;

  Maps(const DeviceInterface& d, int64_t rows_, int64_t C_)
      : rows(rows_),
        C(C_),
        sets(sets_for(3.0 * double(rows_ * C_) * sizeof(T))),
        running_mean(d, C_, 1),
        running_var(d, C_, 1) {
    for (int64_t i = 0; i < sets; ++i) {
      x.push_back(std::make_unique<Buffer<T>>(d, rows * C, 1, i));
      y.push_back(std::make_unique<Buffer<T>>(d, rows * C, 1, i + 1000));
      r.push_back(std::make_unique<Buffer<T>>(d, rows * C, 1, i + 2000));
    }
    for (int64_t i = 0; i < 8; ++i) channel.push_back(std::make_unique<Buffer<Wide<T>>>(d, C, 1, i * 100));
  }
  Wide<T>* of_channel(int i) const { return channel[size_t(i)]->data(); }
  BatchNormLine<T> line() const {
    return {of_channel(0), of_channel(1), of_channel(2), of_channel(3), of_channel(4)};
  }
};

template <class T>
void all_passes(const DeviceInterface& d, const Options& options, Report& report, int64_t rows, int64_t C) {
  const Kernels<T>& k = *table_of<T>(d);
  const Maps<T> m(d, rows, C);
  // `maps`: how many are read and written at least
  const auto pass = [&](const char* what, double maps, bool there, const std::function<void(size_t i)>& f) {
    Row row{.group = "passes over maps", .name = cat(what, ", ", rows, " x ", C), .type = type_name<T>()};
    row.bytes = maps * double(rows * C) * sizeof(T);
    attempt(report, row, [&](Row& r) {
      if (!there) throw std::runtime_error("the entry is missing");
      r.ours = measure(d, options, [&](int64_t i) { f(size_t(i % m.sets)); });
    });
  };
  pass("copy", 2, k.copy,
       [&](size_t i) { k.copy(m.y[i]->data(), m.x[i]->data(), size_t(rows * C) * sizeof(T)); });
  pass("fill", 1, k.fill, [&](size_t i) { k.fill(m.y[i]->data(), 1, rows * C); });
  pass("add_scaled", 3, k.add_scaled,
       [&](size_t i) { k.add_scaled(m.y[i]->data(), m.x[i]->data(), 0, rows * C); });
  pass("prelu_forward", 2, k.prelu_forward,
       [&](size_t i) { k.prelu_forward(m.y[i]->data(), m.x[i]->data(), m.of_channel(4), nullptr, rows, C); });
  pass("prelu_forward with the sum", 3, k.prelu_forward, [&](size_t i) {
    k.prelu_forward(m.y[i]->data(), m.x[i]->data(), m.of_channel(4), m.r[i]->data(), rows, C);
  });
  pass("prelu_backward", 3, k.prelu_backward, [&](size_t i) {
    k.prelu_backward(m.r[i]->data(), m.of_channel(7), m.y[i]->data(), m.x[i]->data(), m.of_channel(4), rows,
                     C, Gradient::overwrite);
  });
  pass("batch_norm_statistics", 1, k.batch_norm_statistics, [&](size_t i) {
    k.batch_norm_statistics(m.of_channel(0), m.of_channel(1), m.running_mean.data(), m.running_var.data(),
                            m.x[i]->data(), rows, C, 1e-5f, 0.1f);
  });
  pass("batch_norm_apply with PReLU", 2, k.batch_norm_apply,
       [&](size_t i) { k.batch_norm_apply(m.y[i]->data(), m.x[i]->data(), m.line(), nullptr, rows, C); });
  pass("batch_norm_apply with PReLU and the sum", 3, k.batch_norm_apply, [&](size_t i) {
    k.batch_norm_apply(m.y[i]->data(), m.x[i]->data(), m.line(), m.r[i]->data(), rows, C);
  });
  pass("batch_norm_backward with PReLU", 5, k.batch_norm_backward, [&](size_t i) {
    k.batch_norm_backward(m.r[i]->data(), m.of_channel(5), m.of_channel(6), m.of_channel(7), m.y[i]->data(),
                          m.x[i]->data(), m.line(), rows, C, Gradient::overwrite);
  });
}

template <class T>
void all(const DeviceInterface& d, const Options& options, Report& report) {
  if (!table_of<T>(d)) return;
  struct Size {
    int64_t rows, C;
  };
  const std::vector<Size> sizes = options.quick ? std::vector<Size>{{20, 8}}
                                                : std::vector<Size>{{512 * 112 * 112, 64},
                                                                    {512 * 56 * 56, 64},
                                                                    {512 * 28 * 28, 128},
                                                                    {512 * 14 * 14, 256},
                                                                    {512 * 7 * 7, 512}};
  for (const Size& size : sizes)
    attempt_rows(report,
                 {.group = "passes over maps", .name = cat(size.rows, " x ", size.C), .type = type_name<T>()},
                 [&] { all_passes<T>(d, options, report, size.rows, size.C); });
}

}  // namespace

void bench_memory(const DeviceInterface& device, const Options& options, Report& report) {
  all<bfloat16>(device, options, report);
  all<float>(device, options, report);
}

}  // namespace fr::bench::gpu
