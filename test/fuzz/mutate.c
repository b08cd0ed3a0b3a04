/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for mutators, of the kinds at which checks break. */
#include "mutate.h"

struct mutate mutate_from(unsigned seed)
{
	return (struct mutate){.state = seed * 0x9e3779b97f4a7c15UL + 1};
}

/* splitmix64 */
static uint64_t next(struct mutate *m)
{
	uint64_t z = m->state += 0x9e3779b97f4a7c15UL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebUL;
	return z ^ z >> 31;
}

uint32_t mutate_below(struct mutate *m, uint32_t n)
{
	return (uint32_t)(next(m) >> 32) % n;
}

uint64_t mutate_number(struct mutate *m)
{
	static const uint64_t edges[] = {0,          0x7f,      0xff,      0xfff,
					 0x1000,     0xffff,    INT32_MAX, 1UL << 31,
					 UINT32_MAX, 1UL << 32, 1UL << 40, 0x7fffffffffff,
					 1UL << 47,  INT64_MAX, 1UL << 63, UINT64_MAX};
	switch (mutate_below(m, 8)) {
	case 0:
	case 1:
		return mutate_below(m, 8);
	case 2:
		return mutate_below(m, 256);
	case 3:
		return 1UL << mutate_below(m, 64);
	case 4:
		return (1UL << mutate_below(m, 20)) | (1UL << mutate_below(m, 20));
	case 5:
		return (uint64_t)mutate_below(m, 4096) << 12;
	case 6:
		return edges[mutate_below(m, sizeof(edges) / sizeof(edges[0]))];
	default:
		return next(m);
	}
}

uint64_t mutate_near(struct mutate *m, uint64_t v)
{
	switch (mutate_below(m, 8)) {
	case 0:
		return v + 1;
	case 1:
		return v - 1;
	case 2:
		return v + 0x1000;
	case 3:
		return v - 0x1000;
	case 4:
		return v ^ 1UL << mutate_below(m, 64);
	case 5:
		return v + mutate_number(m);
	default:
		return mutate_number(m);
	}
}
