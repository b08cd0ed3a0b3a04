/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of a library inside somebody else's process. */
#ifndef MOTE_BASE_THREAD_H
#define MOTE_BASE_THREAD_H

#include "base/cleanup.h"

#include <pthread.h>

/*
 * Starts a thread that takes none of the process's signals. Those that the thread itself raises by
 * a fault or by a call that seccomp refuses stay unblocked: blocked, they would end the process
 * without their handler. attr may be NULL. 0 or -errno.
 */
int thread_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *arg),
		 void *arg) must_check;
/* The same with a stack of that size. Without `thread` it is detached: nobody joins it. */
int thread_start_with_stack(pthread_t *thread, size_t stack_bytes, void *(*run)(void *arg),
			    void *arg) must_check;

#endif
