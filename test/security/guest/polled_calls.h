/* SPDX-License-Identifier: Apache-2.0 */
/* What guest/polled_calls.c counts, at the beginning of its data, for the program that runs it. */
#ifndef MOTE_TEST_SECURITY_POLLED_CALLS_H
#define MOTE_TEST_SECURITY_POLLED_CALLS_H

#include <stdint.h>

#define COUNTS_AT 0x10010000UL
struct poller_counts {
	uint64_t calls, by_poller, declined, doorbells, given_up, mutations;
};

#endif
