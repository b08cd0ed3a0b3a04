/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point kernels, second half: stencils, bodies, transforms, iterations. And the table of
 * all. */
#include "float.h"

#include <math.h>

#define LINE 4000
#define SIDE 120
#define CUBE 24

static double line_a[LINE], line_b[LINE];
static double grid_a[SIDE][SIDE], grid_b[SIDE][SIDE], grid_c[SIDE][SIDE];
static double cube_a[CUBE][CUBE][CUBE], cube_b[CUBE][CUBE][CUBE];

static void fill(double *v, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		v[i] = kernel_random_double(&seed);
}

static void fill_grid(double g[SIDE][SIDE], uint32_t seed)
{
	fill(&g[0][0], (size_t)SIDE * SIDE, seed);
}

static uint64_t fold_grid(uint64_t sum, double g[SIDE][SIDE])
{
	return kernel_mix_doubles(sum, &g[0][0], (size_t)SIDE * SIDE);
}

static uint64_t kernel_jacobi_1d(uint32_t seed)
{
	fill(line_a, LINE, seed);
	fill(line_b, LINE, seed + 1);
	for (int t = 0; t < 200; t++) {
		for (int i = 1; i < LINE - 1; i++)
			line_b[i] = 0.33333 * (line_a[i - 1] + line_a[i] + line_a[i + 1]);
		for (int i = 1; i < LINE - 1; i++)
			line_a[i] = 0.33333 * (line_b[i - 1] + line_b[i] + line_b[i + 1]);
	}
	return kernel_mix_doubles(seed, line_a, LINE);
}

static void jacobi_step(double to[SIDE][SIDE], double from[SIDE][SIDE])
{
	for (int i = 1; i < SIDE - 1; i++)
		for (int j = 1; j < SIDE - 1; j++)
			to[i][j] = 0.2 * (from[i][j] + from[i][j - 1] + from[i][j + 1] +
					  from[i + 1][j] + from[i - 1][j]);
}

static uint64_t kernel_jacobi_2d(uint32_t seed)
{
	fill_grid(grid_a, seed);
	fill_grid(grid_b, seed + 1);
	for (int t = 0; t < 40; t++) {
		jacobi_step(grid_b, grid_a);
		jacobi_step(grid_a, grid_b);
	}
	return fold_grid(seed, grid_a);
}

static uint64_t kernel_seidel_2d(uint32_t seed)
{
	fill_grid(grid_a, seed);
	for (int t = 0; t < 12; t++)
		for (int i = 1; i < SIDE - 1; i++)
			for (int j = 1; j < SIDE - 1; j++)
				grid_a[i][j] =
					(grid_a[i - 1][j - 1] + grid_a[i - 1][j] +
					 grid_a[i - 1][j + 1] + grid_a[i][j - 1] + grid_a[i][j] +
					 grid_a[i][j + 1] + grid_a[i + 1][j - 1] +
					 grid_a[i + 1][j] + grid_a[i + 1][j + 1]) /
					9.0;
	return fold_grid(seed, grid_a);
}

static void heat_step(double to[CUBE][CUBE][CUBE], double from[CUBE][CUBE][CUBE])
{
	for (int i = 1; i < CUBE - 1; i++)
		for (int j = 1; j < CUBE - 1; j++)
			for (int k = 1; k < CUBE - 1; k++)
				to[i][j][k] = 0.125 * (from[i + 1][j][k] - 2.0 * from[i][j][k] +
						       from[i - 1][j][k]) +
					      0.125 * (from[i][j + 1][k] - 2.0 * from[i][j][k] +
						       from[i][j - 1][k]) +
					      0.125 * (from[i][j][k + 1] - 2.0 * from[i][j][k] +
						       from[i][j][k - 1]) +
					      from[i][j][k];
}

static uint64_t kernel_heat_3d(uint32_t seed)
{
	fill(&cube_a[0][0][0], (size_t)CUBE * CUBE * CUBE, seed);
	fill(&cube_b[0][0][0], (size_t)CUBE * CUBE * CUBE, seed + 1);
	for (int t = 0; t < 40; t++) {
		heat_step(cube_b, cube_a);
		heat_step(cube_a, cube_b);
	}
	return kernel_mix_doubles(seed, &cube_a[0][0][0], (size_t)CUBE * CUBE * CUBE);
}

/* An electromagnetic field on a staggered grid. */
static uint64_t kernel_fdtd_2d(uint32_t seed)
{
	fill_grid(grid_a, seed);
	fill_grid(grid_b, seed + 1);
	fill_grid(grid_c, seed + 2);
	for (int t = 0; t < 40; t++) {
		for (int j = 0; j < SIDE; j++)
			grid_b[0][j] = t;
		for (int i = 1; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++)
				grid_b[i][j] -= 0.5 * (grid_c[i][j] - grid_c[i - 1][j]);
		for (int i = 0; i < SIDE; i++)
			for (int j = 1; j < SIDE; j++)
				grid_a[i][j] -= 0.5 * (grid_c[i][j] - grid_c[i][j - 1]);
		for (int i = 0; i < SIDE - 1; i++)
			for (int j = 0; j < SIDE - 1; j++)
				grid_c[i][j] -= 0.7 * (grid_a[i][j + 1] - grid_a[i][j] +
						       grid_b[i + 1][j] - grid_b[i][j]);
	}
	return fold_grid(fold_grid(fold_grid(seed, grid_a), grid_b), grid_c);
}

/* One direction of the alternating implicit method: a tridiagonal system for each line. */
static void implicit_lines(double to[SIDE][SIDE], double from[SIDE][SIDE], double p[SIDE][SIDE])
{
	for (int i = 1; i < SIDE - 1; i++) {
		double q = 0;
		p[i][0] = 0;
		to[0][i] = 1;
		line_a[0] = 1;
		for (int j = 1; j < SIDE - 1; j++) {
			double below = 1 / (0.4 * p[i][j - 1] + 1.8);
			p[i][j] = 0.4 * below;
			q = 0.3 * from[j][i - 1] + 0.4 * from[j][i] + 0.3 * from[j][i + 1] +
			    0.4 * line_a[j - 1];
			line_a[j] = q * below;
		}
		to[SIDE - 1][i] = 1;
		for (int j = SIDE - 2; j >= 1; j--)
			to[j][i] = p[i][j] * to[j + 1][i] + line_a[j];
	}
}

static uint64_t kernel_implicit(uint32_t seed)
{
	fill_grid(grid_a, seed);
	fill_grid(grid_b, seed + 1);
	for (int t = 0; t < 10; t++) {
		implicit_lines(grid_b, grid_a, grid_c);
		implicit_lines(grid_a, grid_b, grid_c);
	}
	return fold_grid(fold_grid(seed, grid_a), grid_b);
}

/* A recursive filter over an image, forth and back along rows. */
static uint64_t kernel_filter(uint32_t seed)
{
	fill_grid(grid_a, seed);
	for (int t = 0; t < 20; t++)
		for (int i = 0; i < SIDE; i++) {
			double y1 = 0, y2 = 0, x1 = 0;
			for (int j = 0; j < SIDE; j++) {
				double y = 0.19 * grid_a[i][j] + 0.08 * x1 + 0.9 * y1 - 0.2 * y2;
				x1 = grid_a[i][j];
				y2 = y1;
				grid_b[i][j] = y1 = y;
			}
			y1 = y2 = x1 = 0;
			for (int j = SIDE - 1; j >= 0; j--) {
				double y = 0.11 * x1 + 0.7 * y1 - 0.1 * y2;
				x1 = grid_a[i][j];
				y2 = y1;
				y1 = y;
				grid_a[i][j] = 0.5 * (grid_b[i][j] + y);
			}
		}
	return fold_grid(seed, grid_a);
}

#define BODIES 6

struct body {
	double p[3], v[3], mass;
};
#define BODY_DOUBLES (sizeof(struct body) / sizeof(double))

static void bodies_pull(struct body *bodies, double dt)
{
	for (int i = 0; i < BODIES; i++)
		for (int j = i + 1; j < BODIES; j++) {
			struct body *one = &bodies[i], *two = &bodies[j];
			double dx = one->p[0] - two->p[0], dy = one->p[1] - two->p[1],
			       dz = one->p[2] - two->p[2];
			double square = dx * dx + dy * dy + dz * dz + 0.01;
			double pull = dt / (square * sqrt(square));
			one->v[0] -= dx * two->mass * pull;
			one->v[1] -= dy * two->mass * pull;
			one->v[2] -= dz * two->mass * pull;
			two->v[0] += dx * one->mass * pull;
			two->v[1] += dy * one->mass * pull;
			two->v[2] += dz * one->mass * pull;
		}
}

static uint64_t kernel_bodies(uint32_t seed)
{
	struct body bodies[BODIES];
	fill(&bodies[0].p[0], BODIES * BODY_DOUBLES, seed);
	for (int t = 0; t < 15000; t++) {
		bodies_pull(bodies, 0.0001);
		for (int i = 0; i < BODIES; i++)
			for (int k = 0; k < 3; k++)
				bodies[i].p[k] += 0.0001 * bodies[i].v[k];
	}
	return kernel_mix_doubles(seed, &bodies[0].p[0], BODIES * BODY_DOUBLES);
}

#define POINTS 2048

/* cos and sin of 2 pi / n for n a power of two, by halving angles. */
static void turn(unsigned n, double *cosine, double *sine)
{
	double co = -1, si = 0;
	for (unsigned m = 2; m < n; m *= 2) {
		double half = sqrt((1 + co) * 0.5);
		si = m == 2 ? 1 : si / (2 * half);
		co = half;
	}
	*cosine = co;
	*sine = si;
}

static void fourier(double *re, double *im, double direction)
{
	for (unsigned i = 0, j = 0; i < POINTS; i++) {
		if (i < j) {
			double x = re[i], y = im[i];
			re[i] = re[j], im[i] = im[j];
			re[j] = x, im[j] = y;
		}
		unsigned bit = POINTS / 2;
		for (; bit && j & bit; bit /= 2)
			j ^= bit;
		j |= bit;
	}
	for (unsigned length = 2; length <= POINTS; length *= 2) {
		double wr, wi;
		turn(length, &wr, &wi);
		wi *= direction;
		for (unsigned start = 0; start < POINTS; start += length) {
			double cr = 1, ci = 0;
			for (unsigned k = start; k < start + length / 2; k++) {
				unsigned other = k + length / 2;
				double x = re[other] * cr - im[other] * ci,
				       y = re[other] * ci + im[other] * cr;
				re[other] = re[k] - x, im[other] = im[k] - y;
				re[k] += x, im[k] += y;
				double next = cr * wr - ci * wi;
				ci = cr * wi + ci * wr;
				cr = next;
			}
		}
	}
}

static uint64_t kernel_fourier(uint32_t seed)
{
	uint64_t sum = seed;
	fill(line_a, POINTS, seed);
	fill(line_b, POINTS, seed + 1);
	for (int round = 0; round < 20; round++) {
		fourier(line_a, line_b, 1);
		sum = kernel_mix_doubles(sum, line_a, POINTS);
		fourier(line_a, line_b, -1);
		for (int i = 0; i < POINTS; i++) {
			line_a[i] *= 1.0 / POINTS;
			line_b[i] *= 1.0 / POINTS;
		}
	}
	return kernel_mix_doubles(sum, line_b, POINTS);
}

static double spectral_entry(int i, int j)
{
	return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

/* The largest singular value of an infinite matrix, by its first rows and columns. */
static uint64_t kernel_spectral(uint32_t seed)
{
	double *u = line_a, *v = line_b;
	fill(u, SIDE, seed);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < SIDE; i++) {
			v[i] = 0;
			for (int j = 0; j < SIDE; j++)
				v[i] += spectral_entry(i, j) * u[j];
		}
		for (int i = 0; i < SIDE; i++) {
			u[i] = 0;
			for (int j = 0; j < SIDE; j++)
				u[i] += spectral_entry(j, i) * v[j];
		}
	}
	return kernel_mix_doubles(seed, u, SIDE);
}

static uint64_t kernel_mandelbrot(uint32_t seed)
{
	uint64_t sum = seed;
	double shift = (seed & 255) * 1e-5;
	for (int py = 0; py < 80; py++)
		for (int px = 0; px < 80; px++) {
			double cr = px / 40.0 - 1.5 + shift, ci = py / 40.0 - 1.0, zr = 0, zi = 0;
			uint32_t n = 0;
			for (; n < 200 && zr * zr + zi * zi < 4; n++) {
				double next = zr * zr - zi * zi + cr;
				zi = 2 * zr * zi + ci;
				zr = next;
			}
			sum = kernel_mix(sum, n);
		}
	return sum;
}

/* Single precision: a polynomial, a dot product and a conversion to integers, as in sound and
 * graphics. */
static uint64_t kernel_single(uint32_t seed)
{
	static float in[LINE], out[LINE];
	uint64_t sum = seed;
	for (int i = 0; i < LINE; i++)
		in[i] = (float)kernel_random_double(&seed) * 2 - 1;
	for (int round = 0; round < 400; round++) {
		float dot = 0, gain = 1.0f + (float)round * 0.01f;
		for (int i = 0; i < LINE; i++) {
			float x = in[i] * gain;
			out[i] = x * (1.0f - x * x * (0.16667f - x * x * 0.00833f));
		}
		for (int i = 0; i < LINE; i++)
			dot += out[i] * in[i];
		for (int i = 0; i < LINE; i += 97)
			sum = kernel_mix(sum, (uint32_t)(int32_t)(out[i] * 32000.0f));
		sum = kernel_mix(sum, (uint32_t)(int32_t)(dot * 100.0f));
	}
	return sum;
}

const struct kernel kernels[] = {
	{"matrix-product", kernel_matrix_product},
	{"matrix-vector", kernel_matrix_vector},
	{"rank-update", kernel_rank_update},
	{"lu", kernel_lu},
	{"cholesky", kernel_cholesky},
	{"gram-schmidt", kernel_gram_schmidt},
	{"triangular-solve", kernel_triangular_solve},
	{"toeplitz", kernel_toeplitz},
	{"covariance", kernel_covariance},
	{"jacobi-1d", kernel_jacobi_1d},
	{"jacobi-2d", kernel_jacobi_2d},
	{"seidel-2d", kernel_seidel_2d},
	{"heat-3d", kernel_heat_3d},
	{"fdtd-2d", kernel_fdtd_2d},
	{"implicit-2d", kernel_implicit},
	{"filter", kernel_filter},
	{"bodies", kernel_bodies},
	{"fourier", kernel_fourier},
	{"spectral", kernel_spectral},
	{"mandelbrot", kernel_mandelbrot},
	{"single", kernel_single},
};
const size_t kernel_count = sizeof(kernels) / sizeof(kernels[0]);
