/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host call `exchange` from a native program, by Mote's private system call. Included by
 * guest.c, so that the code lies next to its other code: each further page costs a new VM a fault.
 */
#ifndef MOTE_SDK_X86_64_EXCHANGE_H
#define MOTE_SDK_X86_64_EXCHANGE_H

#include "abi/layout.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Not by syscall(2), which lies on another page. Once a call has shown that this is Mote, by a jump
 * to where SYSCALL would lead: SYSCALL itself takes 1.2 us on some KVMs.
 */
static inline long sdk_exchange(const void *message, size_t bytes, void *reply, size_t capacity)
{
	static bool known;
	long rc = MOTE_SYSCALL_EXCHANGE;
	register size_t r10 __asm__("r10") = capacity;
	if (known)
		__asm__ volatile("movabs %5, %%r11\n\tlea 1f(%%rip), %%rcx\n\tjmp *%%r11\n1:"
				 : "+a"(rc)
				 : "D"(message), "S"(bytes), "d"(reply), "r"(r10),
				   "i"(MOTE_KERNEL_USER_STUBS + MOTE_KERNEL_USER_SYSCALL_AT)
				 : "rcx", "r11", "memory", "cc");
	else
		__asm__ volatile("syscall"
				 : "+a"(rc)
				 : "D"(message), "S"(bytes), "d"(reply), "r"(r10)
				 : "rcx", "r11", "memory");
	known |= rc > 0;
	return rc;
}

#endif
