/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the output protocol share: a write as the guest's runtimes make it. */
#ifndef MOTE_TEST_GUEST_OUTPUT_H
#define MOTE_TEST_GUEST_OUTPUT_H

#include "guest/lib/output.h"

#include <string.h>

/* Appends to the area's buffer. False: it is to be a host call. */
static inline bool output_append(struct mote_area *area, uint32_t fd, const void *bytes, uint32_t n)
{
	uint32_t len;
	if (!output_is_open(area, fd, n))
		return false;
	do {
		uint8_t *to = output_reserve(area, fd, n, &len);
		if (!to)
			return false;
		memcpy(to, bytes, n);
	} while (!output_publish(area, n, len));
	return true;
}

#endif
