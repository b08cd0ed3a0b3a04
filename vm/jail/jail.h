/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filters: of a thread that runs a vCPU, and of the poller next to it. */
#ifndef MOTE_VM_JAIL_JAIL_H
#define MOTE_VM_JAIL_JAIL_H

#include "base/cleanup.h"
#include "base/err.h"

#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/* What a guest needs beyond a vCPU and memory. Each rule of the tables belongs to some of these. */
enum jail_need {
	JAIL_FILES = 1,      /* open descriptors: what WASI does with them */
	JAIL_PATHS = 2,      /* directories */
	JAIL_CHANGES = 4,    /* directories in which it may change something */
	JAIL_LINUX = 8,      /* what native programs have beyond WASI */
	JAIL_NETWORK = 16,   /* sockets of its own */
	JAIL_SET_IDS = 32,   /* files that get set-user-ID and set-group-ID bits */
	JAIL_FREEZE = 64,    /* the VM's memory is written to a file */
	JAIL_EMBEDDER = 128, /* not known: a process that goes on using libmote (mote_jail) */
	JAIL_ALL = 255,
	JAIL_CREDENTIALS = 256, /* other users, groups and capabilities: of one sandbox's thread */
	/* the process's root is the guest's, without /proc: nothing is named by a descriptor */
	JAIL_OWN_ROOT = 512,
};

/*
 * From now on this thread may only make the system calls that vm/jail/vcpu.def has for `needs`.
 * Sets no_new_privs. Another call ends the process: status 159 (128 + SIGSYS) and a line on
 * descriptor 2 that names thread and call. Not undoable. Without JAIL_EMBEDDER a thread must have
 * its timers already (vm_jail).
 */
int jail_enter(unsigned needs, struct err *e) must_check;
/*
 * The same with vm/jail/poller.def, on top of what the thread was started with; `how` is
 * jail_how_make's.
 */
int jail_enter_poller(uint32_t how, struct err *e) must_check;
/* Whether this thread has entered one by itself. */
bool jail_entered(void);

/*
 * The argument `how` of openat2 in memory whose half cannot be written. A filter does not see what
 * is behind a pointer; so it compares the pointer, and `how` lies across the border of two pages:
 * flags and mode, which each call chooses, at the end of the first, and what resolving may do at
 * the beginning of the second, which is read-only. It lies in the first 4 GiB of the address space,
 * and the filters let no call change mappings there.
 *
 * jail_how_make: its address, 0 with errno set. For one thread at a time, the poller and its vCPU's
 * by their lock.
 */
uint32_t jail_how_make(void);
void jail_how_free(uint32_t how); /* accepts 0; does nothing in a filter, where it must stay */
/* This thread's, whose filter knows no other; 0: none, as without JAIL_PATHS. */
uint32_t jail_how_own(void);
/*
 * What a call of this thread is to use; `own` is for threads without a filter. Its `resolve` is
 * set.
 */
enum jail_resolving { JAIL_BENEATH, JAIL_IN_ROOT, JAIL_NO_SYMLINKS, JAIL_RESOLVINGS };
struct open_how *jail_how(enum jail_resolving resolving, struct open_how *own);
/* An empty path for calls on a descriptor; `*at()` calls of this thread use no other. */
const char *jail_empty_path(void);

/*
 * Addresses of AF_UNIX sockets, in read-only memory too: connect and sendto of a thread whose guest
 * has directories and no network may name nothing else. `file` names what jail_socket_file was
 * given, the others are abstract names that no other process knows.
 */
enum { JAIL_ABSTRACT_NAMES = 31 };
struct jail_addresses {
	struct jail_address {
		_Alignas(128) struct sockaddr_un un;
	} file, abstract[JAIL_ABSTRACT_NAMES];
};
enum { JAIL_ABSTRACT_BYTES = offsetof(struct sockaddr_un, sun_path) + 32 };
/* Makes such names; each set of them is different. 0 or -errno. */
int jail_addresses_fill(struct jail_addresses *to) must_check;
/* This thread's; NULL: its filter knows none. */
const struct jail_addresses *jail_addresses_own(void);
/* Has this thread's `file` stand for the file of an O_PATH descriptor. 0 or -errno. */
int jail_socket_file(int fd) must_check;

/*
 * The path of the one descriptor that calls which take a path may name, read-only as well: what it
 * is, openat2 has found. NULL: this thread's filter knows none.
 */
const char *jail_named_path(void);
/* Has it stand for what `fd` has open, which it holds from then on. 0 or -errno. */
int jail_name_file(int fd) must_check;
/* Has it stand for nothing. */
int jail_name_nothing(void) must_check;

/*
 * For tests: the filter of `needs` as it is loaded, with this process's values; the count of its
 * instructions.
 */
struct sock_filter;
size_t jail_filter(unsigned needs, bool poller, uint32_t how, struct sock_filter *out,
		   size_t capacity);

#endif
