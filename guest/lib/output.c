/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's side of the output protocol; abi/layout.h has the reason of each memory order. */
#include "guest/lib/output.h"

#include "abi/guest_calls.h"

uint8_t *output_reserve(struct mote_area *area, uint32_t fd, uint64_t bytes, uint32_t *len)
{
	uint32_t waiting = __atomic_load_n(&area->output_len, __ATOMIC_ACQUIRE);
	if (waiting > MOTE_OUTPUT_BYTES || bytes > MOTE_OUTPUT_BYTES - waiting)
		return NULL;
	if (waiting == 0)
		area->output_fd = fd;
	else if (area->output_fd != fd)
		return NULL;
	*len = waiting;
	return area->output + waiting;
}

bool output_publish(struct mote_area *area, uint64_t bytes, uint32_t len)
{
	if (!__atomic_compare_exchange_n(&area->output_len, &len, len + (uint32_t)bytes, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return false;
	/* Disarmed, perhaps before the bytes could be seen: any host call has them written out. */
	if (!__atomic_load_n(&area->output_armed, __ATOMIC_SEQ_CST))
		(void)mote_yield(area);
	return true;
}
