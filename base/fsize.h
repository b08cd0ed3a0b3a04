/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files may not grow beyond RLIMIT_FSIZE, and by default SIGXFSZ ends a process that tries. How
 * much is written is often a guest's choice (its memory in a snapshot): then it is an error like a
 * full disk.
 */
#ifndef MOTE_BASE_FSIZE_H
#define MOTE_BASE_FSIZE_H

#include "base/cleanup.h"

#include <signal.h>

/* Blocks SIGXFSZ in this thread: such a write is EFBIG and nothing else. The mask before. */
sigset_t fsize_begin(void) must_check;
/* Takes what was raised meanwhile, and restores the mask; errno is kept. */
void fsize_end(const sigset_t *saved);

/* Until the end of the scope. */
#define fsize_guarded \
	cleanup_(fsize_end) __attribute__((unused)) sigset_t fsize_saved_ = fsize_begin()

#endif
