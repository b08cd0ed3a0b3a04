/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Having a host call carried out: by the polled call slot while the host polls it, else by the
 * doorbell. This is the guest's side of the states that abi/layout.h draws.
 */
#include "abi/guest_calls.h"

#include <stdbool.h>

enum { LOOKS = 32 }; /* at the state, between two at the counter */

/* Watches the slot for a moment; false while the poller has not answered. */
static bool is_answered(const struct mote_call_slot *slot, uint32_t *state)
{
	for (int i = 0; i < LOOKS; i++) {
		*state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		if (*state != MOTE_SLOT_REQUEST && *state != MOTE_SLOT_CLAIMED)
			return true;
		mote_arch_relax();
	}
	return false;
}

/* Cancels a request that nobody has claimed. */
static bool cancelled(struct mote_call_slot *slot)
{
	uint32_t request = MOTE_SLOT_REQUEST;
	return __atomic_compare_exchange_n(&slot->state, &request, MOTE_SLOT_FREE, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static int64_t call_polled(struct mote_area *area)
{
	struct mote_call_slot *slot = &area->slot;
	uint32_t state;
	uint64_t since = mote_arch_cycles();
	__atomic_store_n(&slot->state, MOTE_SLOT_REQUEST, __ATOMIC_RELEASE);
	while (!is_answered(slot, &state)) {
		uint64_t spent = mote_arch_cycles() - since;
		if (state == MOTE_SLOT_CLAIMED && spent > slot->claimed_cycles)
			return mote_doorbell(area);
		bool gone = !__atomic_load_n(&slot->polling, __ATOMIC_RELAXED);
		if (state == MOTE_SLOT_REQUEST && (gone || spent > slot->request_cycles) &&
		    cancelled(slot))
			return mote_doorbell(area);
	}
	if (state != MOTE_SLOT_DONE)
		return mote_doorbell(area);
	__atomic_store_n(&slot->state, MOTE_SLOT_FREE, __ATOMIC_RELAXED);
	return *(volatile int64_t *)&area->frame.result;
}

/* Next to the entry of system calls: a VM costs what its guest touches. */
__attribute__((hot)) int64_t mote_hostcall(struct mote_area *area)
{
	if (__builtin_expect(__atomic_load_n(&area->slot.polling, __ATOMIC_RELAXED) != 0, 0))
		return call_polled(area);
	return mote_doorbell(area);
}
