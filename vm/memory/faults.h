/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page faults of threads: a page becomes this process's own by a fault of the thread that first writes it, in a guest
 * or in a system call, and the kernel counts the faults of each thread. Where a thread's count has not
 * changed, it has made no page its own.
 */
#ifndef MOTE_VM_MEMORY_FAULTS_H
#define MOTE_VM_MEMORY_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* The number of this thread: not 0, and never that of another one. */
uint64_t faults_thread(void);
/* Faults of this thread so far. False where the kernel does not count all of them. */
bool faults_count(uint64_t *out);

#endif
