/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of 128 bits for the SIMD kernels: each operation once as WebAssembly's and once as what
 * x86-64-v2 has, so that both compile the same source. Where the instructions differ (out of range
 * conversions and selections), the kernels stay within what both do alike.
 */
#ifndef MOTE_TEST_BENCH_KERNELS_SIMD_H
#define MOTE_TEST_BENCH_KERNELS_SIMD_H

#include "kernels.h"

#ifdef __wasm__
#include <wasm_simd128.h>
typedef v128_t vec;
#define OP(result, name, params, wasm, sse) \
	static inline result name params    \
	{                                   \
		return wasm;                \
	}
#else
#include <smmintrin.h>
typedef __m128i vec;
#define OP(result, name, params, wasm, sse) \
	static inline result name params    \
	{                                   \
		return sse;                 \
	}
#define PS(v)      _mm_castsi128_ps(v)
#define PD(v)      _mm_castsi128_pd(v)
#define FROM_PS(v) _mm_castps_si128(v)
#define FROM_PD(v) _mm_castpd_si128(v)
#endif

OP(vec, v_load, (const void *p), wasm_v128_load(p), _mm_loadu_si128((const __m128i *)p))
OP(vec, v_zero, (void), wasm_i64x2_const(0, 0), _mm_setzero_si128())
static inline void v_store(void *p, vec a)
{
#ifdef __wasm__
	wasm_v128_store(p, a);
#else
	_mm_storeu_si128((__m128i *)p, a);
#endif
}

OP(vec, v_splat8, (int8_t x), wasm_i8x16_splat(x), _mm_set1_epi8(x))
OP(vec, v_splat16, (int16_t x), wasm_i16x8_splat(x), _mm_set1_epi16(x))
OP(vec, v_splat32, (int32_t x), wasm_i32x4_splat(x), _mm_set1_epi32(x))
OP(vec, v_splatf, (float x), wasm_f32x4_splat(x), FROM_PS(_mm_set1_ps(x)))
OP(vec, v_splatd, (double x), wasm_f64x2_splat(x), FROM_PD(_mm_set1_pd(x)))

OP(vec, v_and, (vec a, vec b), wasm_v128_and(a, b), _mm_and_si128(a, b))
OP(vec, v_or, (vec a, vec b), wasm_v128_or(a, b), _mm_or_si128(a, b))
OP(vec, v_xor, (vec a, vec b), wasm_v128_xor(a, b), _mm_xor_si128(a, b))
/* Bits of a where mask is set, of b elsewhere; mask is a comparison's result. */
OP(vec, v_select, (vec mask, vec a, vec b), wasm_v128_bitselect(a, b, mask),
   _mm_blendv_epi8(b, a, mask))
OP(int, v_any, (vec a), wasm_v128_any_true(a), !_mm_testz_si128(a, a))
OP(uint32_t, v_bits8, (vec a), (uint32_t)wasm_i8x16_bitmask(a), (uint32_t)_mm_movemask_epi8(a))

OP(vec, v_add8, (vec a, vec b), wasm_i8x16_add(a, b), _mm_add_epi8(a, b))
OP(vec, v_sub8, (vec a, vec b), wasm_i8x16_sub(a, b), _mm_sub_epi8(a, b))
OP(vec, v_eq8, (vec a, vec b), wasm_i8x16_eq(a, b), _mm_cmpeq_epi8(a, b))
OP(vec, v_gt8, (vec a, vec b), wasm_i8x16_gt(a, b), _mm_cmpgt_epi8(a, b))
OP(vec, v_minu8, (vec a, vec b), wasm_u8x16_min(a, b), _mm_min_epu8(a, b))
OP(vec, v_maxu8, (vec a, vec b), wasm_u8x16_max(a, b), _mm_max_epu8(a, b))
OP(vec, v_avgu8, (vec a, vec b), wasm_u8x16_avgr(a, b), _mm_avg_epu8(a, b))
OP(vec, v_addsu8, (vec a, vec b), wasm_u8x16_add_sat(a, b), _mm_adds_epu8(a, b))
OP(vec, v_subsu8, (vec a, vec b), wasm_u8x16_sub_sat(a, b), _mm_subs_epu8(a, b))
/* Indices below 16 only. */
OP(vec, v_swizzle, (vec a, vec at), wasm_i8x16_swizzle(a, at), _mm_shuffle_epi8(a, at))

OP(vec, v_add16, (vec a, vec b), wasm_i16x8_add(a, b), _mm_add_epi16(a, b))
OP(vec, v_sub16, (vec a, vec b), wasm_i16x8_sub(a, b), _mm_sub_epi16(a, b))
OP(vec, v_mul16, (vec a, vec b), wasm_i16x8_mul(a, b), _mm_mullo_epi16(a, b))
OP(vec, v_adds16, (vec a, vec b), wasm_i16x8_add_sat(a, b), _mm_adds_epi16(a, b))
OP(vec, v_mulr16, (vec a, vec b), wasm_i16x8_q15mulr_sat(a, b), _mm_mulhrs_epi16(a, b))
OP(vec, v_abs16, (vec a), wasm_i16x8_abs(a), _mm_abs_epi16(a))
OP(vec, v_shr16, (vec a, int n), wasm_i16x8_shr(a, (uint32_t)n), _mm_srai_epi16(a, n))
OP(vec, v_shru16, (vec a, int n), wasm_u16x8_shr(a, (uint32_t)n), _mm_srli_epi16(a, n))
OP(vec, v_dot16, (vec a, vec b), wasm_i32x4_dot_i16x8(a, b), _mm_madd_epi16(a, b))
OP(vec, v_low_u8, (vec a), wasm_u16x8_extend_low_u8x16(a),
   _mm_unpacklo_epi8(a, _mm_setzero_si128()))
OP(vec, v_high_u8, (vec a), wasm_u16x8_extend_high_u8x16(a),
   _mm_unpackhi_epi8(a, _mm_setzero_si128()))
OP(vec, v_pack_u8, (vec a, vec b), wasm_u8x16_narrow_i16x8(a, b), _mm_packus_epi16(a, b))

OP(vec, v_add32, (vec a, vec b), wasm_i32x4_add(a, b), _mm_add_epi32(a, b))
OP(vec, v_sub32, (vec a, vec b), wasm_i32x4_sub(a, b), _mm_sub_epi32(a, b))
OP(vec, v_mul32, (vec a, vec b), wasm_i32x4_mul(a, b), _mm_mullo_epi32(a, b))
OP(vec, v_min32, (vec a, vec b), wasm_i32x4_min(a, b), _mm_min_epi32(a, b))
OP(vec, v_max32, (vec a, vec b), wasm_i32x4_max(a, b), _mm_max_epi32(a, b))
OP(vec, v_shl32, (vec a, int n), wasm_i32x4_shl(a, (uint32_t)n), _mm_slli_epi32(a, n))
OP(vec, v_shru32, (vec a, int n), wasm_u32x4_shr(a, (uint32_t)n), _mm_srli_epi32(a, n))
OP(vec, v_add64, (vec a, vec b), wasm_i64x2_add(a, b), _mm_add_epi64(a, b))
OP(uint64_t, v_lane64, (vec a), (uint64_t)wasm_i64x2_extract_lane(a, 0),
   (uint64_t)_mm_cvtsi128_si64(a))
OP(uint32_t, v_lane32, (vec a), (uint32_t)wasm_i32x4_extract_lane(a, 0),
   (uint32_t)_mm_cvtsi128_si32(a))

OP(vec, v_addf, (vec a, vec b), wasm_f32x4_add(a, b), FROM_PS(_mm_add_ps(PS(a), PS(b))))
OP(vec, v_subf, (vec a, vec b), wasm_f32x4_sub(a, b), FROM_PS(_mm_sub_ps(PS(a), PS(b))))
OP(vec, v_mulf, (vec a, vec b), wasm_f32x4_mul(a, b), FROM_PS(_mm_mul_ps(PS(a), PS(b))))
OP(vec, v_divf, (vec a, vec b), wasm_f32x4_div(a, b), FROM_PS(_mm_div_ps(PS(a), PS(b))))
OP(vec, v_sqrtf, (vec a), wasm_f32x4_sqrt(a), FROM_PS(_mm_sqrt_ps(PS(a))))
OP(vec, v_floorf, (vec a), wasm_f32x4_floor(a), FROM_PS(_mm_floor_ps(PS(a))))
/* The second operand where either is NaN or they are equal. */
OP(vec, v_minf, (vec a, vec b), wasm_f32x4_pmin(b, a), FROM_PS(_mm_min_ps(PS(a), PS(b))))
OP(vec, v_maxf, (vec a, vec b), wasm_f32x4_pmax(b, a), FROM_PS(_mm_max_ps(PS(a), PS(b))))
OP(vec, v_ltf, (vec a, vec b), wasm_f32x4_lt(a, b), FROM_PS(_mm_cmplt_ps(PS(a), PS(b))))
/* Within the range of i32 only. */
OP(vec, v_f_to_i32, (vec a), wasm_i32x4_trunc_sat_f32x4(a), _mm_cvttps_epi32(PS(a)))
OP(vec, v_i32_to_f, (vec a), wasm_f32x4_convert_i32x4(a), FROM_PS(_mm_cvtepi32_ps(a)))
OP(vec, v_addd, (vec a, vec b), wasm_f64x2_add(a, b), FROM_PD(_mm_add_pd(PD(a), PD(b))))
OP(vec, v_subd, (vec a, vec b), wasm_f64x2_sub(a, b), FROM_PD(_mm_sub_pd(PD(a), PD(b))))
OP(vec, v_muld, (vec a, vec b), wasm_f64x2_mul(a, b), FROM_PD(_mm_mul_pd(PD(a), PD(b))))
OP(vec, v_divd, (vec a, vec b), wasm_f64x2_div(a, b), FROM_PD(_mm_div_pd(PD(a), PD(b))))
OP(vec, v_sqrtd, (vec a), wasm_f64x2_sqrt(a), FROM_PD(_mm_sqrt_pd(PD(a))))

/* Lanes of 32 and of 8 bits chosen at compile time: from a 0 to 3 (15), from b the next ones. */
#define v_lanes32(a, b, i, j, k, l) \
	((vec)__builtin_shufflevector((v_i32x4)(a), (v_i32x4)(b), i, j, k, l))
#define v_zip_low8(a, b)                                                                         \
	((vec)__builtin_shufflevector((v_i8x16)(a), (v_i8x16)(b), 0, 16, 1, 17, 2, 18, 3, 19, 4, \
				      20, 5, 21, 6, 22, 7, 23))
#define v_zip_high8(a, b)                                                                       \
	((vec)__builtin_shufflevector((v_i8x16)(a), (v_i8x16)(b), 8, 24, 9, 25, 10, 26, 11, 27, \
				      12, 28, 13, 29, 14, 30, 15, 31))
typedef int32_t v_i32x4 __attribute__((vector_size(16)));
typedef int8_t v_i8x16 __attribute__((vector_size(16)));

static inline uint64_t v_mix(uint64_t sum, vec a)
{
	sum = kernel_mix(sum, v_lane64(a));
	return kernel_mix(sum, v_lane64(v_lanes32(a, a, 2, 3, 0, 1)));
}

static inline uint32_t v_sum32(vec a)
{
	a = v_add32(a, v_lanes32(a, a, 2, 3, 0, 1));
	return v_lane32(v_add32(a, v_lanes32(a, a, 1, 0, 3, 2)));
}

#endif
