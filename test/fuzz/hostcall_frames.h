/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of hostcall's inputs: flags, a count, as many frames, then what the guest's memory
 * begins with.
 */
#ifndef MOTE_TEST_FUZZ_HOSTCALL_FRAMES_H
#define MOTE_TEST_FUZZ_HOSTCALL_FRAMES_H

#include <stdint.h>

#define HOSTCALL_GUEST_AT 0x10000UL
enum { HOSTCALL_MEMORY_BYTES = 4 * 4096, HOSTCALL_FRAMES_MAX = 16 };

enum hostcall_flag {
	HOSTCALL_NETWORK = 1,  /* in a network namespace of the program's own */
	HOSTCALL_EXCHANGE = 2, /* the host makes function calls */
	HOSTCALL_POLLED = 4,   /* calls go to the poller first */
	HOSTCALL_SIGNAL = 8,   /* a signal is pending, so that no call waits */
};

struct hostcall_frame {
	uint16_t nr;
	uint64_t arg[8];
} __attribute__((packed));

#endif
