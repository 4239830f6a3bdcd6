// One source, two instruction sets: every file of this folder is compiled once with the flags of AVX2 + FMA
// and once with those of AVX-512; FR_ISA is the namespace of the build at hand. Everything but the install
// functions is in anonymous namespaces, and no header with external inline functions may be included: the
// linker could take the copy compiled for AVX-512 for everybody (the test suite looks for such symbols with
// nm).
#pragma once
#include <immintrin.h>

#include "base/parallel.h"
#include "tensor/arena.h"
#include "tensor/kernels.h"

#ifdef __AVX512F__
#define FR_ISA avx512
#else
#define FR_ISA avx2
#endif

namespace fr::FR_ISA {

const Kernels<float>& table();  // table.cpp; call only after CPU detection

// Each replaces its entries in a table that starts as a copy of ref_kernels<float>().
void install_gemm(Kernels<float>& k);         // gemm.cpp
void install_conv2d(Kernels<float>& k);       // conv2d.cpp
void install_elementwise(Kernels<float>& k);  // elementwise.cpp
void install_reduce(Kernels<float>& k);       // reduce.cpp
void install_channel(Kernels<float>& k);      // channel.cpp: bias, PReLU, batch normalisation
void install_pool2d(Kernels<float>& k);       // pool2d.cpp
void install_rows(Kernels<float>& k);         // rows.cpp: l2 normalisation, softmax, margin softmax
void install_distances(Kernels<float>& k);    // distances.cpp: between the rows of a batch
void install_search(Kernels<float>& k);       // search.cpp
void install_sgd(Kernels<float>& k);          // sgd.cpp
void install_adam(Kernels<float>& k);         // adam.cpp

}  // namespace fr::FR_ISA
