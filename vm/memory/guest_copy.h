/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between the host's memory and a guest's, which may be a mapping of a file that somebody
 * truncates meanwhile: an access to it is then SIGBUS. Here that is an error of the copy, told by a
 * handler that recognises the copy's own instructions. SIGBUS anywhere else, or sent by somebody,
 * goes on to the handler that the process had before, or to the default action.
 */
#ifndef MOTE_VM_MEMORY_GUEST_COPY_H
#define MOTE_VM_MEMORY_GUEST_COPY_H

#include "base/cleanup.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Installs the handler, once a process; 0 or -errno. Any thread. A handler that the embedding
 * program installs afterwards must pass on what it does not know.
 */
int guest_copy_prepare(void) must_check;

/*
 * 0, or -EFAULT if memory of `to` or `from` is gone: then a part may have been written, in any
 * order. The ranges do not overlap. Aligned values of 2, 4 and 8 bytes are copied by one access.
 * Any thread, after guest_copy_prepare(). SIGBUS must not be blocked, or the kernel ends the
 * process: it is unblocked for the time of the copy, unless it is known not to be blocked.
 */
int guest_copy(void *to, const void *from, size_t bytes) must_check;
/* The same for writing zeros. */
int guest_zero(void *to, size_t bytes) must_check;
/* Says of this thread that SIGBUS is not blocked in it from now on, or that it may be. */
void guest_copy_unblocked(bool is);

/* Unblocks SIGBUS for many copies, which spares each of them a system call. May be nested. */
struct guest_copy_scope {
	sigset_t saved;
	bool outer; /* this one has unblocked it */
};
struct guest_copy_scope guest_copies_begin(void) must_check;
void guest_copies_end(const struct guest_copy_scope *scope);
/* Until the end of the block. */
#define guest_copies                                                                               \
	cleanup_(guest_copies_end) __attribute__((unused)) struct guest_copy_scope guest_copies_ = \
		guest_copies_begin()

#endif
