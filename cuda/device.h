// The card: its stream, its memory, its errors. Host code. The first call looks for the card; without one that can be used
// every function here throws Error{memory} with cuda_status().
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>

#include "tensor/kernels.h"

#include "cuda/pool.h"

namespace fr::cuda {

// The stream of all kernels and copies.
cudaStream_t stream();
int compute_capability();  // of the card, major x 10 + minor: 90

// Error{memory} "what: CUDA's words" unless the call succeeded.
void check_call(cudaError_t result, const char* what);

// From a caching pool, ordered with the stream: a block may be handed out again while work that reads its last contents
// still waits on the stream. 256-byte aligned, contents undefined. Error{memory} naming the bytes asked and free.
void* device_alloc(size_t bytes);
void device_release(void* p) noexcept;
DevicePools& pools();

// std::logic_error while a recording is made, where the host takes part.
void copy_to_device(void* to, const void* from, size_t bytes);  // returns when `from` has been read
void copy_to_host(void* to, const void* from, size_t bytes);    // returns when it is there
void copy_on_device(void* to, const void* from, size_t bytes);  // on the stream
void refuse_while_recording(const char* what);

// C = alpha op(A) op(B) + beta C by cuBLAS, on the stream; s as in the contract, no size 0. Error{memory} where there is none.
enum class Stored { float32, bfloat16 };
void cublas_gemm(Stored c_type, void* c, Stored type, const void* a, const void* b, const GemmShape& s,
                 float alpha, float beta);

}  // namespace fr::cuda
