/* SPDX-License-Identifier: Apache-2.0 */
/* SIMD kernels: pictures, sound, text, cryptography, linear algebra. */
#include "simd.h"

#define BYTES 32768u

static uint8_t source[BYTES + 16], other[BYTES + 16], target[4 * BYTES];
static float fa[96][96], fb[96][96], fc[96][96];
static double da[64][64], db[64][64], dc[64][64];

static void fill(uint8_t *p, uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(kernel_random(&seed) >> 9);
}

static void fill_floats(float *p, uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (float)(int32_t)kernel_random(&seed) * 0x1p-31f;
}

static uint64_t fold(uint64_t sum, const void *p, uint32_t n)
{
	vec all = v_zero();
	for (uint32_t i = 0; i < n; i += 16)
		all = v_add32(v_mul32(all, v_splat32(0x01000193)), v_load((const uint8_t *)p + i));
	return v_mix(sum, all);
}

/* One picture over another with a constant weight. */
static uint64_t kernel_blend(uint32_t seed)
{
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	fill(other, BYTES, seed + 1);
	for (int round = 0; round <= 256; round++) {
		vec over = v_splat16((int16_t)round), under = v_splat16((int16_t)(256 - round));
		for (uint32_t i = 0; i < BYTES; i += 16) {
			vec a = v_load(source + i), b = v_load(other + i);
			vec low = v_add16(v_mul16(v_low_u8(a), over), v_mul16(v_low_u8(b), under));
			vec high =
				v_add16(v_mul16(v_high_u8(a), over), v_mul16(v_high_u8(b), under));
			v_store(target + i, v_pack_u8(v_shru16(low, 8), v_shru16(high, 8)));
		}
		if (round % 16 == 0)
			sum = fold(sum, target, BYTES);
	}
	return sum;
}

/* Edges by Sobel's operator, lines of 256 pixels. */
static uint64_t kernel_edges(uint32_t seed)
{
	enum { LINE = 256 };
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	for (int round = 0; round < 120; round++) {
		for (uint32_t at = LINE; at < BYTES - LINE - 16; at += 8) {
			vec p[3][3];
			for (int y = 0; y < 3; y++)
				for (int x = 0; x < 3; x++)
					p[y][x] = v_low_u8(v_load(source + at + (uint32_t)y * LINE -
								  LINE + (uint32_t)x));
			vec gx = v_add16(v_sub16(p[0][2], p[0][0]), v_sub16(p[2][2], p[2][0]));
			vec gy = v_add16(v_sub16(p[2][0], p[0][0]), v_sub16(p[2][2], p[0][2]));
			vec mx = v_sub16(p[1][2], p[1][0]), my = v_sub16(p[2][1], p[0][1]);
			gx = v_add16(gx, v_add16(mx, mx));
			gy = v_add16(gy, v_add16(my, my));
			v_store(target + at,
				v_pack_u8(v_shr16(v_add16(v_abs16(gx), v_abs16(gy)), 2), v_zero()));
		}
		sum = round % 10 ? sum : fold(sum, target + LINE, BYTES - 2 * LINE - 32);
		source[round * 100 + 5000] ^= 0x3c;
	}
	return sum;
}

/* YUV to RGBX, in 16-bit fixed point. */
static uint64_t kernel_colours(uint32_t seed)
{
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	fill(other, BYTES, seed + 1);
	const vec opaque = v_splat8(-1), middle = v_splat16(128);
	for (int round = 0; round < 120; round++) {
		for (uint32_t i = 0; i < BYTES / 2; i += 16) {
			vec y = v_load(source + i), u = v_load(other + i),
			    v = v_load(other + BYTES / 2 + i), r[2], g[2], b[2];
			for (int h = 0; h < 2; h++) {
				vec yy = h ? v_high_u8(y) : v_low_u8(y);
				vec uu = v_sub16(h ? v_high_u8(u) : v_low_u8(u), middle);
				vec vv = v_sub16(h ? v_high_u8(v) : v_low_u8(v), middle);
				r[h] = v_add16(yy, v_shr16(v_mul16(vv, v_splat16(179)), 7));
				g[h] = v_sub16(yy, v_shr16(v_add16(v_mul16(uu, v_splat16(44)),
								   v_mul16(vv, v_splat16(91))),
							   7));
				b[h] = v_add16(yy, v_shr16(v_mul16(uu, v_splat16(227)), 7));
			}
			vec red = v_pack_u8(r[0], r[1]), green = v_pack_u8(g[0], g[1]),
			    blue = v_pack_u8(b[0], b[1]);
			vec rg = v_zip_low8(red, green), bx = v_zip_low8(blue, opaque);
			vec rg2 = v_zip_high8(red, green), bx2 = v_zip_high8(blue, opaque);
			v_store(target + 4 * i, v_lanes32(rg, bx, 0, 4, 1, 5));
			v_store(target + 4 * i + 16, v_lanes32(rg, bx, 2, 6, 3, 7));
			v_store(target + 4 * i + 32, v_lanes32(rg2, bx2, 0, 4, 1, 5));
			v_store(target + 4 * i + 48, v_lanes32(rg2, bx2, 2, 6, 3, 7));
		}
		sum = round % 8 ? sum : fold(sum, target, 2 * BYTES);
		source[round] ^= 0xff;
	}
	return sum;
}

/* Mixing sound: two tracks with gains and saturation. */
static uint64_t kernel_mixer(uint32_t seed)
{
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	fill(other, BYTES, seed + 1);
	for (int round = 0; round < 500; round++) {
		vec one = v_splat16((int16_t)(20000 + round)),
		    two = v_splat16((int16_t)(15000 - round));
		for (uint32_t i = 0; i < BYTES; i += 16) {
			vec a = v_mulr16(v_load(source + i), one),
			    b = v_mulr16(v_load(other + i), two);
			v_store(target + i, v_adds16(v_adds16(a, b), v_shr16(a, 2)));
		}
		sum = round % 20 ? sum : fold(sum, target, BYTES);
	}
	return sum;
}

/* Morphology on bytes: local minimum and maximum, average, saturating differences. */
static uint64_t kernel_morphology(uint32_t seed)
{
	uint64_t sum = seed;
	fill(source, BYTES + 16, seed);
	for (int round = 0; round < 400; round++) {
		for (uint32_t i = 0; i + 16 <= BYTES; i += 16) {
			vec a = v_load(source + i), b = v_load(source + i + 1),
			    c = v_load(source + i + 2);
			vec low = v_minu8(a, v_minu8(b, c)), high = v_maxu8(a, v_maxu8(b, c));
			vec edge = v_subsu8(high, low);
			v_store(target + i, v_addsu8(v_avgu8(low, high), v_and(edge, v_splat8(7))));
		}
		sum = round % 15 ? sum : fold(sum, target, BYTES);
		source[round * 64] ^= 0x81;
	}
	return sum;
}

/* Dot products of 16-bit numbers, as quantised networks make them. */
static uint64_t kernel_dot(uint32_t seed)
{
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	fill(other, BYTES, seed + 1);
	for (uint32_t round = 0; round < 800; round++) {
		const uint8_t *b = other + 2 * (round % 8);
		vec total = v_zero();
		for (uint32_t i = 0; i < BYTES; i += 16)
			total = v_add32(total, v_dot16(v_load(source + i), v_load(b + i)));
		sum = kernel_mix(sum, v_sum32(total));
	}
	return sum;
}

static uint32_t ones(uint32_t x)
{
	return (uint32_t)__builtin_popcount(x);
}

/* Text: lines and words counted, letters made upper case, all bytes as hexadecimal digits. */
static uint64_t kernel_text(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t i = 0; i < BYTES; i++)
		source[i] =
			(uint8_t) " \netaoinshrdluETAOINSHRDLU.,0123"[kernel_random(&seed) & 31];
	const vec digits = v_load("0123456789abcdef");
	for (uint32_t round = 0; round < 180; round++) {
		uint32_t lines = 0, words = 0, before = 0;
		for (uint32_t i = 0; i < BYTES; i += 16) {
			vec a = v_load(source + i), newline = v_eq8(a, v_splat8('\n'));
			vec lower = v_and(v_gt8(a, v_splat8('a' - 1)), v_gt8(v_splat8('z' + 1), a));
			uint32_t space = v_bits8(v_or(newline, v_eq8(a, v_splat8(' '))));
			lines += ones(v_bits8(newline));
			words += ones(space & ~(space << 1 | before));
			before = space >> 15;
			a = v_sub8(a, v_and(lower, v_splat8(32)));
			vec high = v_and(v_shru16(a, 4), v_splat8(15)),
			    low = v_and(a, v_splat8(15));
			v_store(target + 2 * i,
				v_zip_low8(v_swizzle(digits, high), v_swizzle(digits, low)));
			v_store(target + 2 * i + 16,
				v_zip_high8(v_swizzle(digits, high), v_swizzle(digits, low)));
		}
		sum = kernel_mix(round % 12 ? sum : fold(sum, target, 2 * BYTES),
				 (uint64_t)lines << 32 | words);
		source[round * 7] = 'x';
	}
	return sum;
}

static vec rotate(vec a, int n)
{
	return v_or(v_shl32(a, n), v_shru32(a, 32 - n));
}

/* ChaCha20's block function (RFC 8439), a row in each vector. */
static uint64_t kernel_chacha(uint32_t seed)
{
	uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint64_t sum = seed;
	for (int i = 4; i < 16; i++)
		state[i] = kernel_random(&seed);
	for (uint32_t block = 0; block < 15000; block++) {
		state[12] = block;
		vec start[4], a, b, c, d;
		for (int i = 0; i < 4; i++)
			start[i] = v_load(state + 4 * i);
		a = start[0], b = start[1], c = start[2], d = start[3];
		for (int i = 0; i < 20; i++) {
			a = v_add32(a, b), d = rotate(v_xor(d, a), 16);
			c = v_add32(c, d), b = rotate(v_xor(b, c), 12);
			a = v_add32(a, b), d = rotate(v_xor(d, a), 8);
			c = v_add32(c, d), b = rotate(v_xor(b, c), 7);
			if (i % 2) {
				b = v_lanes32(b, b, 3, 0, 1, 2), d = v_lanes32(d, d, 1, 2, 3, 0);
			} else {
				b = v_lanes32(b, b, 1, 2, 3, 0), d = v_lanes32(d, d, 3, 0, 1, 2);
			}
			c = v_lanes32(c, c, 2, 3, 0, 1);
		}
		sum = v_mix(sum, v_xor(v_add32(a, start[0]), v_add32(c, start[2])));
		sum = v_mix(sum, v_xor(v_add32(b, start[1]), v_add32(d, start[3])));
	}
	return sum;
}

/* Bits that differ, counted by half bytes. */
static uint64_t kernel_hamming(uint32_t seed)
{
	static const uint8_t counts[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
	uint64_t sum = seed;
	fill(source, BYTES + 16, seed);
	const vec table = v_load(counts), half = v_splat8(15);
	for (uint32_t round = 0; round < 400; round++) {
		vec total = v_zero();
		for (uint32_t i = 0; i < BYTES; i += 16) {
			vec x = v_xor(v_load(source + i), v_load(source + (i ^ 4096) + round % 16));
			vec n = v_add8(v_swizzle(table, v_and(x, half)),
				       v_swizzle(table, v_and(v_shru16(x, 4), half)));
			total = v_add32(total,
					v_dot16(v_add16(v_low_u8(n), v_high_u8(n)), v_splat16(1)));
		}
		sum = kernel_mix(sum, v_sum32(total));
	}
	return sum;
}

/* Many small sorts at once: eight vectors by a network, then transposed. */
static uint64_t kernel_sort_network(uint32_t seed)
{
	static const uint8_t network[19][2] = {
		{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3},
		{4, 5}, {6, 7}, {2, 4}, {3, 5}, {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}};
	uint64_t sum = seed;
	fill(source, BYTES, seed);
	for (uint32_t round = 0; round < 240; round++) {
		for (uint32_t at = 0; at < BYTES; at += 128) {
			vec v[8];
			for (uint32_t i = 0; i < 8; i++)
				v[i] = v_load(source + at + 16 * i);
#pragma clang loop unroll(full)
			for (int i = 0; i < 19; i++) {
				vec low = v_min32(v[network[i][0]], v[network[i][1]]);
				v[network[i][1]] = v_max32(v[network[i][0]], v[network[i][1]]);
				v[network[i][0]] = low;
			}
			for (uint32_t i = 0; i < 8; i += 4) {
				vec a = v_lanes32(v[i], v[i + 1], 0, 4, 1, 5),
				    b = v_lanes32(v[i], v[i + 1], 2, 6, 3, 7);
				vec c = v_lanes32(v[i + 2], v[i + 3], 0, 4, 1, 5),
				    d = v_lanes32(v[i + 2], v[i + 3], 2, 6, 3, 7);
				v_store(target + at + 16 * i, v_lanes32(a, c, 0, 1, 4, 5));
				v_store(target + at + 16 * i + 16, v_lanes32(a, c, 2, 3, 6, 7));
				v_store(target + at + 16 * i + 32, v_lanes32(b, d, 0, 1, 4, 5));
				v_store(target + at + 16 * i + 48, v_lanes32(b, d, 2, 3, 6, 7));
			}
		}
		sum = round % 8 ? sum : fold(sum, target, BYTES);
		source[round * 100 + 3] ^= 0x40;
	}
	return sum;
}

/* A product of single-precision matrices, four rows by four columns at once. */
static void product_single(void)
{
	for (int i = 0; i < 96; i += 4)
		for (int j = 0; j < 96; j += 4) {
			vec c0 = v_zero(), c1 = v_zero(), c2 = v_zero(), c3 = v_zero();
			for (int k = 0; k < 96; k++) {
				vec b = v_load(&fb[k][j]);
				c0 = v_addf(c0, v_mulf(v_splatf(fa[i][k]), b));
				c1 = v_addf(c1, v_mulf(v_splatf(fa[i + 1][k]), b));
				c2 = v_addf(c2, v_mulf(v_splatf(fa[i + 2][k]), b));
				c3 = v_addf(c3, v_mulf(v_splatf(fa[i + 3][k]), b));
			}
			v_store(&fc[i][j], c0);
			v_store(&fc[i + 1][j], c1);
			v_store(&fc[i + 2][j], c2);
			v_store(&fc[i + 3][j], c3);
		}
}

static uint64_t kernel_product_single(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t round = 0; round < 12; round++) {
		fill_floats(&fa[0][0], 96 * 96, seed + round);
		fill_floats(&fb[0][0], 96 * 96, seed + 1);
		product_single();
		sum = fold(sum, fc, sizeof(fc));
	}
	return sum;
}

/* The same in double precision, along rows. */
static uint64_t kernel_product_double(uint32_t seed)
{
	for (int i = 0; i < 64 * 64; i++) {
		da[i / 64][i % 64] = (int32_t)kernel_random(&seed) * 0x1p-31;
		db[i / 64][i % 64] = (int32_t)kernel_random(&seed) * 0x1p-31;
		dc[i / 64][i % 64] = 0;
	}
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < 64; i++)
			for (int k = 0; k < 64; k++) {
				vec a = v_splatd(da[i][(k + round) % 64]);
				for (int j = 0; j < 64; j += 2)
					v_store(&dc[i][j], v_addd(v_load(&dc[i][j]),
								  v_muld(a, v_load(&db[k][j]))));
			}
	return fold(seed, dc, sizeof(dc));
}

/* Four points of the Mandelbrot set at once. */
static uint64_t kernel_mandelbrot(uint32_t seed)
{
	static const float steps[4] = {0, 1, 2, 3};
	uint64_t sum = seed;
	const vec four = v_splatf(4), two = v_splatf(2);
	for (int py = 0; py < 96; py++)
		for (int px = 0; px < 96; px += 4) {
			vec cr = v_addf(v_load(steps), v_splatf((float)px + (float)(seed & 15)));
			cr = v_subf(v_mulf(cr, v_splatf(1 / 44.0f)), v_splatf(1.6f));
			vec ci = v_splatf((float)py / 48 - 1), zr = v_zero(), zi = v_zero(),
			    n = v_zero();
			for (int i = 0; i < 600; i++) {
				vec rr = v_mulf(zr, zr), ii = v_mulf(zi, zi),
				    inside = v_ltf(v_addf(rr, ii), four);
				if (!v_any(inside))
					break;
				n = v_sub32(n, inside);
				zi = v_addf(v_mulf(v_mulf(two, zr), zi), ci);
				zr = v_addf(v_subf(rr, ii), cr);
			}
			sum = v_mix(sum, n);
		}
	return sum;
}

/* Particles in a box that fall, bounce and slow down; their speeds as small integers. */
static uint64_t kernel_particles(uint32_t seed)
{
	static float x[2048], y[2048], dx[2048], dy[2048];
	uint64_t sum = seed;
	fill_floats(x, 2048, seed);
	fill_floats(y, 2048, seed + 1);
	fill_floats(dx, 2048, seed + 2);
	fill_floats(dy, 2048, seed + 3);
	const vec step = v_splatf(0.01f), edge = v_splatf(1), back = v_splatf(-1), zero = v_zero();
	for (int round = 0; round < 500; round++) {
		vec total = v_zero();
		for (int i = 0; i < 2048; i += 4) {
			vec vx = v_load(dx + i),
			    vy = v_subf(v_load(dy + i), v_mulf(step, v_splatf(0.5f)));
			vec px = v_addf(v_load(x + i), v_mulf(vx, step)),
			    py = v_addf(v_load(y + i), v_mulf(vy, step));
			vec out = v_or(v_ltf(edge, py), v_ltf(py, back));
			vy = v_select(out, v_subf(zero, vy), vy);
			vec speed = v_sqrtf(v_addf(v_mulf(vx, vx), v_mulf(vy, vy)));
			vec drag = v_divf(edge, v_addf(edge, v_mulf(step, speed)));
			v_store(x + i, v_subf(px, v_floorf(px)));
			v_store(y + i, v_maxf(back, v_minf(edge, py)));
			v_store(dx + i, v_mulf(vx, drag));
			v_store(dy + i, v_mulf(vy, drag));
			vec level = v_f_to_i32(v_mulf(speed, v_splatf(1000)));
			total = v_add32(total,
					v_f_to_i32(v_mulf(v_i32_to_f(level), v_splatf(0.5f))));
		}
		sum = v_mix(sum, total);
	}
	return sum;
}

/* Bodies in double precision: x and y in a vector. */
static uint64_t kernel_bodies(uint32_t seed)
{
	enum { BODIES = 8 };
	double p[BODIES][2], v[BODIES][2];
	for (int i = 0; i < 2 * BODIES; i++) {
		p[i / 2][i % 2] = (int32_t)kernel_random(&seed) * 0x1p-31;
		v[i / 2][i % 2] = (int32_t)kernel_random(&seed) * 0x1p-33;
	}
	for (int t = 0; t < 4000; t++) {
		for (int i = 0; i < BODIES; i++) {
			vec here = v_load(p[i]), force = v_zero();
			for (int j = 0; j < BODIES; j++) {
				vec d = v_subd(v_load(p[j]), here), dd = v_muld(d, d);
				dd = v_addd(v_addd(dd, v_lanes32(dd, dd, 2, 3, 0, 1)),
					    v_splatd(0.01));
				force = v_addd(force, v_divd(d, v_muld(dd, v_sqrtd(dd))));
			}
			v_store(v[i], v_addd(v_load(v[i]), v_muld(force, v_splatd(1e-5))));
		}
		for (int i = 0; i < BODIES; i++)
			v_store(p[i], v_addd(v_load(p[i]), v_muld(v_load(v[i]), v_splatd(1e-3))));
	}
	return fold(fold(seed, p, sizeof(p)), v, sizeof(v));
}

const struct kernel kernels[] = {
	{"blend", kernel_blend},
	{"edges", kernel_edges},
	{"colours", kernel_colours},
	{"mixer", kernel_mixer},
	{"morphology", kernel_morphology},
	{"dot", kernel_dot},
	{"text", kernel_text},
	{"chacha", kernel_chacha},
	{"hamming", kernel_hamming},
	{"sort-network", kernel_sort_network},
	{"product-single", kernel_product_single},
	{"product-double", kernel_product_double},
	{"mandelbrot", kernel_mandelbrot},
	{"particles", kernel_particles},
	{"bodies", kernel_bodies},
};
const size_t kernel_count = sizeof(kernels) / sizeof(kernels[0]);
