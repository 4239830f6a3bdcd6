// Division and square root, which few kernels need.
#pragma once
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

#ifdef __AVX512F__
FR_VEC Vec square_root(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
FR_VEC Vec quotient(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
#else
FR_VEC Vec square_root(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
FR_VEC Vec quotient(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
#endif

}  // namespace
}  // namespace fr::FR_ISA
