/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up before it runs a guest, in addition to system calls: descriptors, the
 * file system and the network (Landlock), and the kinds of speculation that a thread can turn off.
 * None of it can be undone.
 */
#ifndef MOTE_BASE_CONFINE_H
#define MOTE_BASE_CONFINE_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Closes every descriptor of the process but the `count` at `keep`, which it sorts; -1 is skipped.
 * 0 or -errno.
 */
int confine_descriptors(int *keep, size_t count) must_check;

/* A directory whose contents stay accessible. */
struct confine_dir {
	int fd; /* borrowed; O_PATH will do */
	bool readonly;
	/* NULL, or the names of files that alone stay accessible, for reading and writing */
	const char *const *only;
};

/* What confine_files leaves as it is. */
enum confine_keeps {
	CONFINE_KEEPS_NETWORK = 1, /* TCP ports and abstract UNIX sockets */
	/*
	 * signals: of a thread whose process goes on with others, which some kernels take for other
	 * processes
	 */
	CONFINE_KEEPS_SIGNALS = 2,
};

/* The version of Landlock's interface that the kernel offers and Mote can use, 0: none. */
int confine_landlock_abi(void);
/*
 * The calling thread, and what it starts from now on, can open, make, rename and remove files below
 * these directories alone, whatever directories it has descriptors of. Descriptors that are open
 * stay usable. Unless `keeps` says so, if the kernel's Landlock can do so, it neither binds nor
 * connects TCP sockets (version 4), connects to no abstract UNIX socket and signals no other
 * process (version 6). Sets no_new_privs. Returns the version in use; 0: the kernel offers
 * none, and nothing was done; or -errno.
 */
int confine_files(const struct confine_dir *dirs, size_t count, unsigned keeps,
		  struct err *e) must_check;

/* Which kinds of speculation confine_speculation found to be under this thread's control. */
enum confine_speculation {
	CONFINE_STORE_BYPASS = 1 << 0,    /* SSBD */
	CONFINE_INDIRECT_BRANCH = 1 << 1, /* STIBP, and IBPB when threads are switched */
};
/*
 * Turns both off for the calling thread and what it starts, if the kernel offers that. Returns the
 * set of those that are off permanently, or -errno. One that a thread cannot control (the CPU is
 * not affected, or has no mitigation, or the kernel's parameters decide for all) is left as it is.
 */
int confine_speculation(struct err *e) must_check;

#endif
