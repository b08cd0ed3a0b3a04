/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program under syscall.c says to it, by a system call that means nothing to the kernel: the
 * calls that follow are counted and the nth fails; or no more are, and which one has failed (its
 * number + 1, or 0).
 */
#ifndef MOTE_TEST_NTH_SYSCALL_H
#define MOTE_TEST_NTH_SYSCALL_H

#include <sys/syscall.h>
#include <unistd.h>

#define NTH_SYSCALL_CARRIER SYS_getpid
#define NTH_SYSCALL_ARM     0x6e746831
#define NTH_SYSCALL_DISARM  0x6e746832

static inline void nth_syscall_arm(unsigned long nth)
{
	syscall(NTH_SYSCALL_CARRIER, NTH_SYSCALL_ARM, nth);
}

static inline long nth_syscall_disarm(void)
{
	return syscall(NTH_SYSCALL_CARRIER, NTH_SYSCALL_DISARM, 0);
}

#endif
