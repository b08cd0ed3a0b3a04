/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's clocks as one number. They do not fail for a clock that exists. Any thread. */
#ifndef MOTE_BASE_TIME_H
#define MOTE_BASE_TIME_H

#include <stdint.h>
#include <time.h>

#define TIME_NS_PER_S  1000000000
#define TIME_NS_PER_MS 1000000

static inline uint64_t time_now_ns(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * TIME_NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t time_monotonic_ns(void)
{
	return time_now_ns(CLOCK_MONOTONIC);
}

static inline int64_t time_monotonic_ms(void)
{
	return (int64_t)(time_monotonic_ns() / TIME_NS_PER_MS);
}

#endif
