/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops inside loops over more locals than there are registers, with constants of floats and ways
 * out to several places: the compiler gives such loops register locals of their own. Computed
 * twice, once with everything in memory.
 */
#include <stdint.h>
#include <stdio.h>

/* V(i) is one of 16 integers, X(i) one of 4 floats. */
#define COMPUTE(V, X)                                                   \
	for (uint32_t i = 0; i < 60; i++) {                             \
		V(1) += V(0) ^ i;                                       \
		for (uint32_t j = 0; j < 3 + V(1) % 9; j++) {           \
			V(2) = V(2) * 5 + V(3) + j;                     \
			V(4) ^= V(2) >> 3;                              \
			X(0) = X(0) * 0.5 + 1.25;                       \
			X(1) = X(1) * 0.75 - X(0) + (double)(V(4) & 7); \
			if ((V(4) & 31) == i % 32)                      \
				goto next_##V;                          \
			if (V(2) % 23 == 17)                            \
				break;                                  \
			if (V(2) % 3001 == 5)                           \
				goto done_##V;                          \
		}                                                       \
		V(5) += V(6) ^ V(2);                                    \
		V(7) = V(7) * 3 + V(8);                                 \
		while (V(9) % 11 != 4) {                                \
			V(9) += V(10) * 7 + 1;                          \
			V(10) ^= V(5);                                  \
			X(2) = X(2) * 0.25 + X(3) * 1.5 - 2.0;          \
			if (V(10) % 19 == 3)                            \
				break;                                  \
		}                                                       \
		V(9)++;                                                 \
		next_##V : V(11) ^= V(12) + V(4);                       \
		V(13) += V(14) * 3 + V(9);                              \
		V(15) = V(15) * 17 + V(13);                             \
		X(3) = X(3) * 0.5 + X(1) * 0.125;                       \
	}                                                               \
	done_##V : (void)0

struct answer {
	uint32_t v[16];
	double x[4];
};

#define LOCAL(i)   v##i
#define LOCAL_X(i) x##i

static __attribute__((noinline)) void in_locals(struct answer *a)
{
	uint32_t v0 = a->v[0], v1 = a->v[1], v2 = a->v[2], v3 = a->v[3], v4 = a->v[4], v5 = a->v[5];
	uint32_t v6 = a->v[6], v7 = a->v[7], v8 = a->v[8], v9 = a->v[9], v10 = a->v[10];
	uint32_t v11 = a->v[11], v12 = a->v[12], v13 = a->v[13], v14 = a->v[14], v15 = a->v[15];
	double x0 = a->x[0], x1 = a->x[1], x2 = a->x[2], x3 = a->x[3];
	COMPUTE(LOCAL, LOCAL_X);
	*a = (struct answer){{v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15},
			     {x0, x1, x2, x3}};
}

static __attribute__((noinline)) void in_memory(volatile struct answer *a)
{
#define MEMORY(i)   a->v[i]
#define MEMORY_X(i) a->x[i]
	COMPUTE(MEMORY, MEMORY_X);
}

int main(void)
{
	unsigned wrong = 0;
	uint32_t state = 1;
	for (int n = 0; n < 2000; n++) {
		struct answer one, other;
		for (int i = 0; i < 16; i++)
			one.v[i] = state = state * 1664525 + 1013904223;
		for (int i = 0; i < 4; i++)
			one.x[i] = (double)(state = state * 1664525 + 1013904223);
		other = one;
		in_locals(&one);
		in_memory(&other);
		for (int i = 0; i < 16; i++)
			wrong += one.v[i] != other.v[i];
		for (int i = 0; i < 4; i++)
			wrong += one.x[i] != other.x[i];
	}
	printf("%u wrong\n", wrong);
	return 0;
}
