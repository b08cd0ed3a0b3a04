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
	HOSTCALL_NETWORK = 1,    /* in a network namespace of the program's own */
	HOSTCALL_EXCHANGE = 2,   /* the host makes function calls */
	HOSTCALL_POLLED = 4,     /* calls go to the poller first */
	HOSTCALL_SIGNAL = 8,     /* a signal is pending, so that no call waits */
	HOSTCALL_CONTAINER = 16, /* names and watches are made as in a container */
};

/* Descriptors that the guest begins with; 0 and 1 are pipes. */
enum hostcall_descriptor {
	HOSTCALL_TERMINAL_FD = 2,
	HOSTCALL_DIR_FD = 3,
	HOSTCALL_READONLY_FD = 4,
	HOSTCALL_FIRST_FREE_FD = 5,
	HOSTCALL_DEVICES_FD = 20, /* /dev, of which it may use some */
};

struct hostcall_frame {
	uint16_t nr;
	uint64_t arg[8];
} __attribute__((packed));

#endif
