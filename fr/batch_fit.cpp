#include "fr/batch_fit.h"

#include <algorithm>
#include <cmath>

namespace fr {
namespace {

constexpr double kUsable = 0.95;  // the rest is lost between blocks

// Bytes in use at the peak of a step of so many pictures, the update left out: it needs little more.
double peak_of(FaceModel& model, const DeviceInterface& device, int64_t batch) {
  const Backbone& network = model.network();
  device.synchronize();
  device.reset_peak();
  const Tensor x = Tensor::zeros({batch, network.height(), network.width(), 3}, model.maps(), Device::cuda);
  backward(model.loss(Var(x), Tensor::zeros({batch}, DType::int64, Device::cuda), 0));
  device.synchronize();
  const auto peak = double(device.memory().peak);
  model.zero_grad();
  model.forget();
  return peak;
}

}  // namespace

int64_t batch_that_fits(FaceModel& model, const DeviceInterface& device, size_t staged) {
  try {
    device.trim();
    const DeviceMemory now = device.memory();
    const double two = peak_of(model, device, 2), four = peak_of(model, device, 4);
    device.trim();
    const double each = (four - two) / 2, fixed = two - 2 * each;
    const double fits = (kUsable * double(now.in_use + now.free) - fixed) / (each + double(staged));
    return std::max<int64_t>(0, int64_t(std::floor(fits)));
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace fr
