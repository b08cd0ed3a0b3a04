/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floating-point kernels, of two files. They use addition, multiplication, division and square
 * root alone, which IEEE 754 defines to the last bit, so that the answers agree exactly; the
 * compiler must not contract them.
 */
#ifndef MOTE_TEST_BENCH_KERNELS_FLOAT_H
#define MOTE_TEST_BENCH_KERNELS_FLOAT_H

#include "kernels.h"

#include <string.h>

/* In [0, 1). */
static inline double kernel_random_double(uint32_t *state)
{
	return kernel_random(state) * 0x1p-32;
}

static inline uint64_t kernel_mix_doubles(uint64_t sum, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;
		memcpy(&bits, &v[i], sizeof(bits));
		sum = kernel_mix(sum, bits);
	}
	return sum;
}

uint64_t kernel_matrix_product(uint32_t seed);
uint64_t kernel_matrix_vector(uint32_t seed);
uint64_t kernel_rank_update(uint32_t seed);
uint64_t kernel_lu(uint32_t seed);
uint64_t kernel_cholesky(uint32_t seed);
uint64_t kernel_gram_schmidt(uint32_t seed);
uint64_t kernel_triangular_solve(uint32_t seed);
uint64_t kernel_toeplitz(uint32_t seed);
uint64_t kernel_covariance(uint32_t seed);

#endif
