/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the frequency of this CPU's time stamp counter in kHz, by the monotonic clock. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct reading {
	uint64_t ns, tsc;
};

/* Of several readings the one that took least: nothing came between its clock and its counter. */
static struct reading read_both(void)
{
	struct reading best = {0};
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 100; i++) {
		struct timespec t;
		uint64_t before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC, &t);
		uint64_t took = __rdtsc() - before;
		if (took >= least)
			continue;
		least = took;
		best.ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
		best.tsc = before + took / 2;
	}
	return best;
}

int main(void)
{
	const struct timespec apart = {.tv_nsec = 100000000};
	struct reading first = read_both();
	nanosleep(&apart, NULL);
	struct reading second = read_both();
	printf("%.0f\n", (double)(second.tsc - first.tsc) * 1e6 / (double)(second.ns - first.ns));
	return 0;
}
