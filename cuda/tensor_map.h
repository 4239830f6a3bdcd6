// Descriptions of maps for the tensor memory accelerator, written by the driver: cuda/hopper.h, the host's part for nvcc.
#pragma once
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <string>

#include "base/error.h"
#include "cuda/gpu.h"

namespace fr::cuda {

// A function of the driver, found at run time: the program also starts where there is no driver.
template <class F>
F* driver_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
#if CUDART_VERSION >= 12050
  check_call(cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result), name);
#else
  check_call(cudaGetDriverEntryPoint(name, &found, cudaEnableDefault, &result), name);
#endif
  if (result != cudaDriverEntryPointSuccess || !found)
    throw Error(ErrorKind::memory, std::string("the driver has no ") + name);
  return reinterpret_cast<F*>(found);
}
inline void check_map(CUresult result, const char* name) {
  if (result != CUDA_SUCCESS)
    throw Error(ErrorKind::memory, std::string(name) + ": the driver's error " + std::to_string(int(result)));
}

inline TensorMap map_matrix(const bfloat16* p, int64_t rows, int64_t columns, int box_rows) {
  static const auto encode = driver_function<decltype(cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled");
  const cuuint64_t sizes[] = {cuuint64_t(columns), cuuint64_t(rows)},
                   distances[] = {cuuint64_t(columns) * sizeof(bfloat16)};
  const cuuint32_t box[] = {kRowBytes / sizeof(bfloat16), cuuint32_t(box_rows)}, steps[] = {1, 1};
  TensorMap map;
  check_map(encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<bfloat16*>(p), sizes, distances, box,
                   steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                   CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            "cuTensorMapEncodeTiled");
  return map;
}

inline TensorMap map_pixels(const bfloat16* p, const PixelWalk& s) {
  static const auto encode = driver_function<decltype(cuTensorMapEncodeIm2col)>("cuTensorMapEncodeIm2col");
  const cuuint64_t pixel = cuuint64_t(s.C) * sizeof(bfloat16), line = pixel * cuuint64_t(s.W);
  const cuuint64_t sizes[] = {cuuint64_t(s.C), cuuint64_t(s.W), cuuint64_t(s.H), cuuint64_t(s.N)},
                   distances[] = {pixel, line, line * cuuint64_t(s.H)};
  const int lower[] = {s.lower, s.lower}, upper[] = {s.upper, s.upper};
  const cuuint32_t step = cuuint32_t(s.step), steps[] = {1, step, step, 1};
  TensorMap map;
  check_map(encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<bfloat16*>(p), sizes, distances,
                   lower, upper, kRowBytes / sizeof(bfloat16), cuuint32_t(s.pixels), steps,
                   CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                   CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            "cuTensorMapEncodeIm2col");
  return map;
}

inline int multiprocessors() {
  int device = 0, count = 0;
  check_call(cudaGetDevice(&device), "the card in use");
  check_call(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
  return count;
}

}  // namespace fr::cuda
