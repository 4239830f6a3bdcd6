// How many pictures a step of training can hold on a device.
#pragma once
#include "fr/model.h"
#include "tensor/device.h"

namespace fr {

// Memory grows in a straight line with the batch: forward and backward passes of two small batches show it, and what is
// free now says how far it goes. `staged`: bytes a picture beside those passes. 0 when not even the small ones fit.
int64_t batch_that_fits(FaceModel& model, const DeviceInterface& device, size_t staged);

}  // namespace fr
