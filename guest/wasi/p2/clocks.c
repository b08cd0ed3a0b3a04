/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:clocks. */
#include "guest/wasi/p2/p2.h"

#define SECOND_NS 1000000000ull

static uint64_t nanoseconds(const struct mote_time *t)
{
	uint64_t ns;
	if (t->sec < 0)
		return 0;
	if (__builtin_mul_overflow((uint64_t)t->sec, SECOND_NS, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)t->nsec, &ns))
		return UINT64_MAX;
	return ns;
}

uint64_t p2_clock(uint32_t clock)
{
	struct mote_time t = {0};
	(void)lib_clock_get(mote_area(), clock, &t);
	return nanoseconds(&t);
}

/* --- monotonic-clock --- */

static void monotonic_now(struct component_call *call, const void *params, void *result)
{
	(void)call;
	(void)params;
	*(uint64_t *)result = p2_clock(P2_CLOCK_MONOTONIC);
}

static void monotonic_resolution(struct component_call *call, const void *params, void *result)
{
	struct mote_time t = {.nsec = 1};
	(void)call;
	(void)params;
	(void)mote_clock_resolution(mote_area(), P2_CLOCK_MONOTONIC, &t);
	*(uint64_t *)result = nanoseconds(&t);
}

static void subscribe(struct component_call *call, uint64_t when, uint32_t *result)
{
	const struct p2_object o = {.kind = P2_POLLABLE, .fd = -1, .at = when};
	*result = call_own(call, &p2_pollable, p2_new(call, &o));
}

static void subscribe_instant(struct component_call *call, const void *params, void *result)
{
	subscribe(call, *(const uint64_t *)params, result);
}

static void subscribe_duration(struct component_call *call, const void *params, void *result)
{
	uint64_t when;
	if (__builtin_add_overflow(p2_clock(P2_CLOCK_MONOTONIC), *(const uint64_t *)params, &when))
		when = UINT64_MAX;
	subscribe(call, when, result);
}

static const struct component_host_function monotonic_functions[] = {
	{"now", "() -> u64", monotonic_now},
	{"resolution", "() -> u64", monotonic_resolution},
	{"subscribe-instant", "(u64) -> own pollable", subscribe_instant},
	{"subscribe-duration", "(u64) -> own pollable", subscribe_duration},
};
const struct component_host_interface p2_monotonic_clock = {"wasi:clocks/monotonic-clock@0.2",
							    monotonic_functions,
							    P2_COUNT(monotonic_functions), NULL, 0};

/* --- wall-clock --- */

struct datetime {
	uint64_t seconds;
	uint32_t nanoseconds;
};

static void put_datetime(const struct mote_time *t, struct datetime *out)
{
	if (t->sec >= 0)
		*out = (struct datetime){(uint64_t)t->sec, (uint32_t)t->nsec};
}

static void wall_now(struct component_call *call, const void *params, void *result)
{
	struct mote_time t = {0};
	(void)call;
	(void)params;
	(void)lib_clock_get(mote_area(), P2_CLOCK_REALTIME, &t);
	put_datetime(&t, result);
}

static void wall_resolution(struct component_call *call, const void *params, void *result)
{
	struct mote_time t = {.nsec = 1};
	(void)call;
	(void)params;
	(void)mote_clock_resolution(mote_area(), P2_CLOCK_REALTIME, &t);
	put_datetime(&t, result);
}

static const struct component_host_function wall_functions[] = {
	{"now", "() -> " P2_TIME, wall_now},
	{"resolution", "() -> " P2_TIME, wall_resolution},
};
const struct component_host_interface p2_wall_clock = {"wasi:clocks/wall-clock@0.2", wall_functions,
						       P2_COUNT(wall_functions), NULL, 0};
