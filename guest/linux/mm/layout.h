/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a Linux guest, within what abi/layout.h leaves to the runtime and to the program. */
#ifndef MOTE_GUEST_LINUX_MM_LAYOUT_H
#define MOTE_GUEST_LINUX_MM_LAYOUT_H

#include "abi/layout.h"

/* The runtime's own. */
#define LINUX_FAULT_STACK       (MOTE_FREE_VA + 0x10000)
#define LINUX_FAULT_STACK_BYTES 0x8000
#define LINUX_ARGUMENTS         (MOTE_FREE_VA + 0x1000000) /* of the next program, in an execve */
/* The program's. */
#define LINUX_STACK_TOP   0x7ff000000000UL
#define LINUX_STACK_BYTES (8UL << 20)  /* by default; RLIMIT_STACK says otherwise */
#define LINUX_STACK_MAX   (32UL << 30) /* whatever that says */
#define LINUX_STACK_STEP  (2UL << 20)  /* mapped at first, and each time it grows */
#define LINUX_MMAP_TOP    0x7fe000000000UL
/* Where mmap goes with what does not fit between the window and the stack. */
#define LINUX_LOW_MMAP     (1UL << 40)
#define LINUX_LOW_MMAP_TOP 0x500000000000UL
#define LINUX_PIE_BASE     0x555555554000UL

static inline uint64_t page_down(uint64_t v)
{
	return v & ~(uint64_t)(MOTE_PAGE - 1);
}

static inline uint64_t page_up(uint64_t v)
{
	return page_down(v + MOTE_PAGE - 1);
}

#endif
