/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point kernels, first half: linear algebra on dense matrices. */
#include "float.h"

#include <math.h>

#define N 130

static double a[N][N], b[N][N], c[N][N], x[N], y[N], z[N];

static void fill(double m[N][N], uint32_t seed)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			m[i][j] = kernel_random_double(&seed) - 0.5;
}

/* Symmetric and with a heavy diagonal, so that it can be factorised without pivots. */
static void fill_positive(double m[N][N], uint32_t seed)
{
	fill(m, seed);
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < i; j++)
			m[i][j] = m[j][i];
		m[i][i] = N;
	}
}

static void fill_vector(double v[N], uint32_t seed)
{
	for (int i = 0; i < N; i++)
		v[i] = kernel_random_double(&seed);
}

static uint64_t fold(uint64_t sum, double m[N][N])
{
	return kernel_mix_doubles(sum, &m[0][0], (size_t)N * N);
}

/* C = 1.5 A B + 0.5 C, three times, the innermost loop along rows; then once along columns. */
uint64_t kernel_matrix_product(uint32_t seed)
{
	fill(a, seed);
	fill(b, seed + 1);
	fill(c, seed + 2);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++) {
			for (int j = 0; j < N; j++)
				c[i][j] *= 0.5;
			for (int k = 0; k < N; k++)
				for (int j = 0; j < N; j++)
					c[i][j] += 1.5 * a[i][k] * b[k][j];
		}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = 0;
			for (int k = 0; k < N; k++)
				sum += b[i][k] * c[k][j];
			a[i][j] = sum;
		}
	return fold(fold(seed, c), a);
}

/* y = A^T (A x), x += A z, z += A^T y: rows and columns. */
uint64_t kernel_matrix_vector(uint32_t seed)
{
	fill(a, seed);
	fill_vector(x, seed + 1);
	fill_vector(z, seed + 2);
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < N; i++)
			y[i] = 0;
		for (int i = 0; i < N; i++) {
			double sum = 0;
			for (int j = 0; j < N; j++)
				sum += a[i][j] * x[j];
			for (int j = 0; j < N; j++)
				y[j] += a[i][j] * sum;
		}
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				x[i] += 0.01 * a[i][j] * z[j];
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				z[i] += 0.001 * a[j][i] * y[j];
		for (int i = 0; i < N; i++) {
			x[i] *= 0.5;
			z[i] *= 0.5;
		}
	}
	return kernel_mix_doubles(kernel_mix_doubles(seed, x, N), z, N);
}

/* Symmetric rank-k and rank-2k updates of a lower triangle, and a product with a triangular matrix.
 */
uint64_t kernel_rank_update(uint32_t seed)
{
	fill(a, seed);
	fill(b, seed + 1);
	fill(c, seed + 2);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			for (int j = 0; j <= i; j++)
				c[i][j] += 1.5 * a[i][k] * a[j][k];
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			for (int j = 0; j <= i; j++)
				c[i][j] += a[j][k] * b[i][k] + b[j][k] * a[i][k];
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			for (int k = i + 1; k < N; k++)
				b[i][j] += a[k][i] * b[k][j];
	return fold(fold(seed, c), b);
}

uint64_t kernel_lu(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t round = 0; round < 4; round++) {
		fill_positive(a, seed + round);
		for (int i = 0; i < N; i++) {
			for (int j = 0; j < i; j++) {
				for (int k = 0; k < j; k++)
					a[i][j] -= a[i][k] * a[k][j];
				a[i][j] /= a[j][j];
			}
			for (int j = i; j < N; j++)
				for (int k = 0; k < i; k++)
					a[i][j] -= a[i][k] * a[k][j];
		}
		sum = fold(sum, a);
	}
	return sum;
}

uint64_t kernel_cholesky(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t round = 0; round < 8; round++) {
		fill_positive(a, seed + round);
		for (int i = 0; i < N; i++) {
			for (int j = 0; j < i; j++) {
				for (int k = 0; k < j; k++)
					a[i][j] -= a[i][k] * a[j][k];
				a[i][j] /= a[j][j];
			}
			for (int k = 0; k < i; k++)
				a[i][i] -= a[i][k] * a[i][k];
			a[i][i] = sqrt(a[i][i]);
		}
		sum = fold(sum, a);
	}
	return sum;
}

/* A = Q R, Q in b, R in c. */
uint64_t kernel_gram_schmidt(uint32_t seed)
{
	fill(a, seed);
	fill(c, seed + 1);
	for (int k = 0; k < N; k++) {
		double norm = 0;
		for (int i = 0; i < N; i++)
			norm += a[i][k] * a[i][k];
		c[k][k] = sqrt(norm);
		for (int i = 0; i < N; i++)
			b[i][k] = a[i][k] / c[k][k];
		for (int j = k + 1; j < N; j++) {
			c[k][j] = 0;
			for (int i = 0; i < N; i++)
				c[k][j] += b[i][k] * a[i][j];
			for (int i = 0; i < N; i++)
				a[i][j] -= b[i][k] * c[k][j];
		}
	}
	return fold(fold(seed, b), c);
}

/* L x = y forward, L^T z = x backward, for changing right-hand sides. */
uint64_t kernel_triangular_solve(uint32_t seed)
{
	uint64_t sum = seed;
	fill_positive(a, seed);
	fill_vector(y, seed + 1);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < N; i++) {
			x[i] = y[i];
			for (int j = 0; j < i; j++)
				x[i] -= a[i][j] * x[j];
			x[i] /= a[i][i];
		}
		for (int i = N - 1; i >= 0; i--) {
			z[i] = x[i];
			for (int j = i + 1; j < N; j++)
				z[i] -= a[j][i] * z[j];
			z[i] /= a[i][i];
		}
		sum = kernel_mix_doubles(sum, z, N);
		y[round % N] += 0.25;
	}
	return sum;
}

/* Levinson and Durbin's recursion for a Toeplitz system. */
uint64_t kernel_toeplitz(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t round = 0; round < 150; round++) {
		fill_vector(x, seed + round);
		for (int i = 0; i < N; i++)
			x[i] /= 2 * N;
		double alpha = -x[0], beta = 1;
		y[0] = -x[0];
		for (int k = 1; k < N; k++) {
			double total = 0;
			beta *= 1 - alpha * alpha;
			for (int i = 0; i < k; i++)
				total += x[k - i - 1] * y[i];
			alpha = -(x[k] + total) / beta;
			for (int i = 0; i < k; i++)
				z[i] = y[i] + alpha * y[k - i - 1];
			for (int i = 0; i < k; i++)
				y[i] = z[i];
			y[k] = alpha;
		}
		sum = kernel_mix_doubles(sum, y, N);
	}
	return sum;
}

/* Covariance and correlation of columns. */
uint64_t kernel_covariance(uint32_t seed)
{
	fill(a, seed);
	for (int j = 0; j < N; j++) {
		double mean = 0, spread = 0;
		for (int i = 0; i < N; i++)
			mean += a[i][j];
		mean /= N;
		for (int i = 0; i < N; i++)
			spread += (a[i][j] - mean) * (a[i][j] - mean);
		spread = sqrt(spread / N);
		for (int i = 0; i < N; i++)
			a[i][j] = (a[i][j] - mean) / (spread <= 0.1 ? 1.0 : spread);
	}
	for (int i = 0; i < N; i++)
		for (int j = i; j < N; j++) {
			double total = 0;
			for (int k = 0; k < N; k++)
				total += a[k][i] * a[k][j];
			c[i][j] = c[j][i] = total / (N - 1);
		}
	return fold(seed, c);
}
