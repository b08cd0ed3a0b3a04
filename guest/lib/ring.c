/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls by the ring: the guest's side of what abi/layout.h says of it. */
#include "abi/guest_calls.h"

#include <stdbool.h>

#define LOOKS 32 /* at the turn, between two at the clock */

static uint64_t cycles(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Looks at the turn for a moment; false as long as the poller has not answered. */
static bool answered(struct mote_ring *r, uint32_t *turn)
{
	for (int i = 0; i < LOOKS; i++) {
		*turn = __atomic_load_n(&r->turn, __ATOMIC_ACQUIRE);
		if (*turn != MOTE_TURN_ASKED && *turn != MOTE_TURN_TAKEN)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/* Takes back a question that nobody has taken. */
static bool taken_back(struct mote_ring *r)
{
	uint32_t asked = MOTE_TURN_ASKED;
	return __atomic_compare_exchange_n(&r->turn, &asked, MOTE_TURN_FREE, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static int64_t call_polled(struct mote_area *area)
{
	struct mote_ring *r = &area->ring;
	uint32_t turn;
	uint64_t since = cycles();
	__atomic_store_n(&r->turn, MOTE_TURN_ASKED, __ATOMIC_RELEASE);
	while (!answered(r, &turn)) {
		uint64_t spent = cycles() - since;
		if (turn == MOTE_TURN_TAKEN && spent > r->take_cycles)
			return mote_doorbell(area);
		bool gone = !__atomic_load_n(&r->polling, __ATOMIC_RELAXED);
		if (turn == MOTE_TURN_ASKED && (gone || spent > r->ask_cycles) && taken_back(r))
			return mote_doorbell(area);
	}
	if (turn != MOTE_TURN_DONE)
		return mote_doorbell(area);
	__atomic_store_n(&r->turn, MOTE_TURN_FREE, __ATOMIC_RELAXED);
	return *(volatile int64_t *)&area->frame.result;
}

/* Beside the entry of system calls: a VM costs what its guest touches. */
__attribute__((hot)) int64_t mote_hostcall(struct mote_area *area)
{
	if (__builtin_expect(__atomic_load_n(&area->ring.polling, __ATOMIC_RELAXED) != 0, 0))
		return call_polled(area);
	return mote_doorbell(area);
}
