// The card as tensor/device.h offers it: recordings are CUDA graphs.
#include "cuda/interface.h"

#include <stdexcept>

#include "cuda/device.h"
#include "cuda/upload.h"
#include "tensor/device.h"

namespace fr::cuda {
namespace {

struct Recording {
  int number = 0;  // of its pool
  cudaGraphExec_t graph = nullptr;
};

void synchronize() {
  refuse_while_recording("synchronize()");
  check_call(cudaStreamSynchronize(stream()), "work on the card");
}

// A recording has memory of its own, so what the cache holds goes back first. Relaxed: its pool may grow on the way.
void begin_recording() {
  synchronize();
  pools().trim();
  check_call(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed), "starting a recording");
  pools().begin_recording();
}

cudaGraphExec_t instantiate(cudaGraph_t graph) {
  cudaGraphExec_t executable = nullptr;
  const cudaError_t result = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check_call(result, "preparing a recording");
  return executable;
}

void* end_recording() {
  const int number = pools().end_recording();
  try {
    cudaGraph_t graph = nullptr;
    check_call(cudaStreamEndCapture(stream(), &graph), "ending a recording");
    return new Recording{number, instantiate(graph)};
  } catch (...) {
    pools().drop(number);
    throw;
  }
}

void replay(void* recording) {
  refuse_while_recording("replay()");
  check_call(cudaGraphLaunch(static_cast<Recording*>(recording)->graph, stream()), "replaying a recording");
}

void drop(void* handle) {
  auto* recording = static_cast<Recording*>(handle);
  synchronize();
  check_call(cudaGraphExecDestroy(recording->graph), "dropping a recording");
  pools().drop(recording->number);
  delete recording;
}

void* alloc_pinned(size_t bytes) {
  void* p = nullptr;
  check_call(cudaMallocHost(&p, bytes ? bytes : 1), "pinned memory of the host");
  return p;
}

UploadsAhead& uploads() {
  static UploadsAhead* const one = new UploadsAhead;
  return *one;
}

void upload_ahead(void* to, const void* pinned, size_t bytes) {
  refuse_while_recording("upload_ahead()");
  uploads().upload(to, pinned, bytes);
}

DeviceInterface make() {
  return {
      .single = &table<float>(),
      .half = has_bfloat16() ? &table<bfloat16>() : nullptr,
      .describe = found,
      .synchronize = synchronize,
      .begin_recording = begin_recording,
      .end_recording = end_recording,
      .replay = replay,
      .drop = drop,
      .alloc_pinned = alloc_pinned,
      .release_pinned = [](void* p) { check_call(cudaFreeHost(p), "pinned memory of the host"); },
      .upload_ahead = upload_ahead,
      .copied = [] { uploads().wait(); },
      .memory = [] { return pools().memory(); },
      .reset_peak = [] { pools().reset_peak(); },
      .trim = [] { pools().trim(); },
  };
}

}  // namespace
}  // namespace fr::cuda

const fr::DeviceInterface* fr::cuda_device() {
  if (!cuda::usable()) return nullptr;
  static const DeviceInterface interface = cuda::make();
  return &interface;
}
std::string fr::cuda_status() { return cuda::found(); }
