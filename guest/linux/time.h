/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and waits that signals may interrupt. */
#ifndef MOTE_GUEST_LINUX_TIME_H
#define MOTE_GUEST_LINUX_TIME_H

#include "guest/linux/state.h"

enum { NS_PER_S = 1000000000, US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_MS = 1000000 };

int64_t time_now_ns(void); /* CLOCK_MONOTONIC */
struct mote_time time_of_ns(int64_t ns);
struct mote_time time_of_ms(int32_t ms);
/* What of a relative time is left `since` its beginning. */
struct mote_time time_left(const struct mote_time *t, int64_t since);

/*
 * A wait of a host call with an optional timeout, which signals that mean nothing to the program
 * neither end nor prolong:
 * 	wait_begin(&w, timeout);
 * 	do
 * 		rc = mote_...(..., w.timeout);
 * 	while (wait_again(&w, rc));
 * It stays if it is: timeout may point to left.
 */
struct wait {
	const struct mote_time *timeout; /* for the host call; NULL: none */
	const struct mote_time *whole;
	struct mote_time left;
	int64_t since; /* 0: not to be measured */
};
void wait_begin(struct wait *w, const struct mote_time *timeout);
bool wait_again(struct wait *w, int64_t rc);

/* What ppoll and epoll_pwait2 begin with: an optional timeout, and a mask for the wait. */
int64_t wait_arguments(uint64_t timeout_at, uint64_t mask, uint64_t mask_bytes, struct mote_time *t,
		       const struct mote_time **timeout);

#endif
