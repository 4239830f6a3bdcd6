// Elementwise kernels at the speed of memory: whole registers, large arrays cut for threads. What training
// does not spend time on (exp, log, ..., unusual broadcasts) stays with the reference.
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

void copy(void* dst, const void* src, size_t bytes) {
  parallel_ranges(static_cast<int64_t>(bytes), kPiece * 4, [&](int64_t begin, int64_t end) {
    __builtin_memcpy(static_cast<char*>(dst) + begin, static_cast<const char*>(src) + begin,
                     static_cast<size_t>(end - begin));
  });
}

void fill(float* y, float value, int64_t n) {
  for_vectors_parallel(n, [&](int64_t i, auto lanes) { Vec::set(value).store(y + i, lanes); });
}

void add_scaled(float* y, const float* x, float a, int64_t n) {
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    fma(Vec::set(a), Vec::load(x + i, lanes), Vec::load(y + i, lanes)).store(y + i, lanes);
  });
}

void affine_forward(float* y, const float* x, float a, float b, int64_t n) {
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    fma(Vec::set(a), Vec::load(x + i, lanes), Vec::set(b)).store(y + i, lanes);
  });
}

void unary_forward(float* y, const float* x, Unary f, int64_t n) {
  if (f != Unary::relu) return ref_kernels<float>().unary_forward(y, x, f, n);
  for_vectors_parallel(
      n, [&](int64_t i, auto lanes) { max(Vec::set(0), Vec::load(x + i, lanes)).store(y + i, lanes); });
}

void unary_backward(float* dx, const float* dy, const float* x, const float* y, Unary f, int64_t n) {
  if (f != Unary::relu) return ref_kernels<float>().unary_backward(dx, dy, x, y, f, n);
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    const Vec gradient = select(positive(Vec::load(x + i, lanes)), Vec::load(dy + i, lanes), Vec::set(0));
    (Vec::load(dx + i, lanes) + gradient).store(dx + i, lanes);
  });
}

// How b lies against a dense y = f(a, b) with a dense a: of equal shape, as one vector repeated for every
// row, or otherwise.
enum class Layout { equal, repeated_rows, other };

Layout layout(const BroadcastShape& s) {
  bool equal = true, repeated = true;
  int64_t step = 1;
  for (int d = 3; d >= 0; step *= s.size[d--]) {
    if (s.size[d] == 1) continue;
    if (s.a_stride[d] != step) return Layout::other;
    equal = equal && s.b_stride[d] == step;
    repeated = repeated && s.b_stride[d] == (d == 3 ? 1 : 0);
  }
  return equal ? Layout::equal : repeated ? Layout::repeated_rows : Layout::other;
}

FR_VEC Vec apply(Binary f, Vec a, Vec b) {
  return f == Binary::add ? a + b : f == Binary::sub ? a - b : a * b;
}

void binary_forward(float* y, const float* a, const float* b, Binary f, const BroadcastShape& s) {
  const Layout how = f == Binary::div || f == Binary::max ? Layout::other : layout(s);
  if (how == Layout::other) return ref_kernels<float>().binary_forward(y, a, b, f, s);
  if (how == Layout::equal)
    return for_vectors_parallel(s.elements(), [&](int64_t i, auto lanes) {
      apply(f, Vec::load(a + i, lanes), Vec::load(b + i, lanes)).store(y + i, lanes);
    });
  const int64_t C = s.size[3], rows = C ? s.elements() / C : 0;
  parallel_ranges(rows, rows_per_piece(C), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for_vectors(C, [&](int64_t c, auto lanes) {
        apply(f, Vec::load(a + r * C + c, lanes), Vec::load(b + c, lanes)).store(y + r * C + c, lanes);
      });
  });
}

// d += sign dy (add, sub) or dy other (mul)
void add_product(float* d, const float* dy, const float* other, float sign, int64_t n) {
  for_vectors_parallel(n, [&](int64_t i, auto lanes) {
    const Vec factor = other ? Vec::load(other + i, lanes) : Vec::set(sign);
    fma(Vec::load(dy + i, lanes), factor, Vec::load(d + i, lanes)).store(d + i, lanes);
  });
}

// The same with `other` one vector of C for every row.
void add_product_rows(float* d, const float* dy, const float* other, int64_t rows, int64_t C) {
  parallel_ranges(rows, rows_per_piece(C), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for_vectors(C, [&](int64_t c, auto lanes) {
        fma(Vec::load(dy + r * C + c, lanes), Vec::load(other + c, lanes), Vec::load(d + r * C + c, lanes))
            .store(d + r * C + c, lanes);
      });
  });
}

void binary_backward(float* da, float* db, const float* dy, const float* a, const float* b, Binary f,
                     const BroadcastShape& s) {
  const Layout how = f == Binary::div || f == Binary::max ? Layout::other : layout(s);
  if (how == Layout::other) return ref_kernels<float>().binary_backward(da, db, dy, a, b, f, s);
  const bool product = f == Binary::mul;
  const float sign_b = f == Binary::sub ? -1.0f : 1.0f;
  const int64_t n = s.elements(), C = s.size[3], rows = C ? n / C : 0;
  if (da && product && how == Layout::repeated_rows)
    add_product_rows(da, dy, b, rows, C);
  else if (da)
    add_product(da, dy, product ? b : nullptr, 1, n);
  if (!db) return;
  if (how == Layout::equal) return add_product(db, dy, product ? a : nullptr, sign_b, n);
  const Scratch<double> sum(static_cast<size_t>(C));
  sum_columns<1>(sum.get(), rows, C, [&](int64_t i, int64_t, auto lanes, const auto& add) {
    const Vec d = Vec::load(dy + i, lanes);
    add(0, product ? d * Vec::load(a + i, lanes) : d);
  });
  for (int64_t c = 0; c < C; ++c) db[c] += static_cast<float>(sign_b * sum.get()[c]);
}

// Words of Philox4x32-10 for 2 width consecutive elements, in two registers. One counter block per 64-bit
// lane: the 32 x 32 -> 64 bit product of a round is then one instruction.
#ifdef __AVX512F__
FR_VEC IntRegister multiply(IntRegister a, IntRegister b) { return _mm512_mul_epu32(a, b); }
FR_VEC IntRegister add64(IntRegister a, IntRegister b) { return _mm512_add_epi64(a, b); }
FR_VEC IntRegister exclusive_or(IntRegister a, IntRegister b) { return _mm512_xor_si512(a, b); }
FR_VEC IntRegister set64(uint64_t x) { return _mm512_set1_epi64(static_cast<int64_t>(x)); }
FR_VEC IntRegister upper32(IntRegister a) { return _mm512_srli_epi64(a, 32); }
FR_VEC IntRegister pair32(IntRegister low, IntRegister high) {
  return _mm512_or_si512(_mm512_and_si512(low, set64(0xffffffffu)), _mm512_slli_epi64(high, 32));
}
FR_VEC IntRegister even64(IntRegister a, IntRegister b) { return _mm512_unpacklo_epi64(a, b); }
FR_VEC IntRegister odd64(IntRegister a, IntRegister b) { return _mm512_unpackhi_epi64(a, b); }
FR_VEC IntRegister blocks_in_order() {
  return _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
}  // even lanes first
FR_VEC Mask below(IntRegister bits, int32_t threshold) {
  return {_mm512_cmplt_epi32_mask(_mm512_srli_epi32(bits, 8), _mm512_set1_epi32(threshold))};
}
#else
FR_VEC IntRegister multiply(IntRegister a, IntRegister b) { return _mm256_mul_epu32(a, b); }
FR_VEC IntRegister add64(IntRegister a, IntRegister b) { return _mm256_add_epi64(a, b); }
FR_VEC IntRegister exclusive_or(IntRegister a, IntRegister b) { return _mm256_xor_si256(a, b); }
FR_VEC IntRegister set64(uint64_t x) { return _mm256_set1_epi64x(static_cast<int64_t>(x)); }
FR_VEC IntRegister upper32(IntRegister a) { return _mm256_srli_epi64(a, 32); }
FR_VEC IntRegister pair32(IntRegister low, IntRegister high) {
  return _mm256_or_si256(_mm256_and_si256(low, set64(0xffffffffu)), _mm256_slli_epi64(high, 32));
}
FR_VEC IntRegister even64(IntRegister a, IntRegister b) { return _mm256_unpacklo_epi64(a, b); }
FR_VEC IntRegister odd64(IntRegister a, IntRegister b) { return _mm256_unpackhi_epi64(a, b); }
FR_VEC IntRegister blocks_in_order() { return _mm256_setr_epi64x(0, 2, 1, 3); }
FR_VEC Mask below(IntRegister bits, int32_t threshold) {
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(threshold), _mm256_srli_epi32(bits, 8)))};
}
#endif

struct Words {
  IntRegister first, second;
};

// The upper 32 bits of each lane may hold garbage except where a round shifts them down: multiply reads the
// lower ones.
FR_VEC Words philox(const PhiloxKey& key, int64_t block) {
  IntRegister c0 = add64(set64(static_cast<uint64_t>(block)), blocks_in_order()), c1 = upper32(c0);
  IntRegister c2 = set64(static_cast<uint32_t>(key.step));
  IntRegister c3 = set64(static_cast<uint32_t>((key.step >> 32) & 0xffff) | (key.stream << 16));
  uint32_t k0 = static_cast<uint32_t>(key.seed) ^ (static_cast<uint32_t>(key.purpose) * 0x9E3779B1u);
  uint32_t k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const IntRegister p0 = multiply(set64(0xD2511F53u), c0), p1 = multiply(set64(0xCD9E8D57u), c2);
    c0 = exclusive_or(exclusive_or(upper32(p1), c1), set64(k0));
    c2 = exclusive_or(exclusive_or(upper32(p0), c3), set64(k1));
    c1 = p1, c3 = p0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  const IntRegister c01 = pair32(c0, c1), c23 = pair32(c2, c3);
  return {even64(c01, c23), odd64(c01, c23)};
}

// f(i, lanes, dropped) over [0, n): u_i < p holds exactly when the 24 bits of u_i are below ceil(2^24 p).
template <class F>
FR_VEC void for_dropout(const PhiloxKey& key, double p, int64_t n, const F& f) {
  const auto threshold = static_cast<int32_t>(ceil(p * 0x1p24));
  parallel_ranges(n, kPiece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 2 * Vec::width) {
      const Words words = philox(key, i / 4);
      for_vectors(end - i < 2 * Vec::width ? end - i : 2 * Vec::width, [&](int64_t j, auto lanes) {
        f(i + j, lanes, below(j == 0 ? words.first : words.second, threshold));
      });
    }
  });
}

void dropout_forward(float* y, const float* x, const PhiloxKey& key, double p, int64_t n) {
  const Vec scale = Vec::set(static_cast<float>(1 / (1 - p)));
  for_dropout(key, p, n, [&](int64_t i, auto lanes, Mask dropped) {
    select(dropped, Vec::set(0), Vec::load(x + i, lanes) * scale).store(y + i, lanes);
  });
}

void dropout_backward(float* dx, const float* dy, const PhiloxKey& key, double p, int64_t n) {
  const Vec scale = Vec::set(static_cast<float>(1 / (1 - p)));
  for_dropout(key, p, n, [&](int64_t i, auto lanes, Mask dropped) {
    const Vec gradient = select(dropped, Vec::set(0), Vec::load(dy + i, lanes) * scale);
    (Vec::load(dx + i, lanes) + gradient).store(dx + i, lanes);
  });
}

}  // namespace

void install_elementwise(Kernels<float>& k) {
  k.upload = copy;
  k.download = copy;
  k.copy = copy;
  k.fill = fill;
  k.add_scaled = add_scaled;
  k.affine_forward = affine_forward;
  k.unary_forward = unary_forward;
  k.unary_backward = unary_backward;
  k.binary_forward = binary_forward;
  k.binary_backward = binary_backward;
  k.dropout_forward = dropout_forward;
  k.dropout_backward = dropout_backward;
}

}  // namespace fr::FR_ISA
