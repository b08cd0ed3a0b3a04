/* SPDX-License-Identifier: Apache-2.0 */
/* The time without asking the host, by the clock in the area: abi/layout.h has what it promises. */
#include "abi/guest_calls.h"
#include "guest/lib/lib.h"

enum { REALTIME, MONOTONIC };
#define NS 1000000000UL

/* The epoch whose clock was compared with the host's answer, the result, and the latest time
 * returned. */
static struct {
	uint64_t epoch;
	bool good;
	uint64_t last_ns;
} seen;

/* False if the host must be asked: no clock, too old, or renewed while it was read. */
static bool read_clock(const struct mote_clock *c, uint32_t clock, uint64_t *ns)
{
	uint32_t seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
	if (!seen.good || c->epoch != seen.epoch)
		return false;
	uint64_t passed = mote_arch_cycles() - c->tsc;
	if (passed > c->cycles)
		return false;
	*ns = passed * c->rate >> 32;
	if (clock == REALTIME)
		*ns += c->realtime_ns;
	else
		*ns += c->monotonic_ns;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE) == seq;
}

/* The host has just renewed the clock: if its instant lies between ours, host and guest have one
 * counter. */
static void compare(const struct mote_clock *c, uint64_t before, uint64_t after)
{
	if (c->epoch == 0 || c->epoch == seen.epoch)
		return;
	seen.epoch = c->epoch;
	seen.good = before < c->tsc && c->tsc < after;
	seen.last_ns = 0;
}

int64_t lib_clock_get(struct mote_area *area, uint32_t clock, struct mote_time *to)
{
	uint64_t ns;
	if (clock > MONOTONIC)
		return mote_clock_get(area, clock, to);
	if (!read_clock(&area->clock, clock, &ns)) {
		uint64_t before = mote_arch_cycles();
		int64_t rc = mote_clock_get(area, clock, to);
		if (rc < 0)
			return rc;
		compare(&area->clock, before, mote_arch_cycles());
		ns = (uint64_t)to->sec * NS + (uint64_t)to->nsec;
	}
	if (clock == MONOTONIC && ns < seen.last_ns)
		ns = seen.last_ns; /* it was a little fast: time stands still until the host's has
				      caught up */
	else if (clock == MONOTONIC)
		seen.last_ns = ns;
	*to = (struct mote_time){.sec = (int64_t)(ns / NS), .nsec = (int64_t)(ns % NS)};
	return 0;
}
