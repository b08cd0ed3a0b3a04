/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest descriptors. Each is a host descriptor of its own, so that it can be inherited by a process
 * that carries the guest on, with what this guest may do with it.
 */
#ifndef MOTE_VM_HOSTCALL_FDTABLE_H
#define MOTE_VM_HOSTCALL_FDTABLE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FDTABLE_MAX 131072 /* guest descriptors; the process's RLIMIT_NOFILE may be lower */

enum fd_flag {
	FD_DIR = 1 << 0, /* a directory: paths can be resolved from it */
	/* a directory that nothing may be changed under; inherited by opens */
	FD_READONLY = 1 << 1,
	FD_SOCKET = 1 << 2,
	FD_LISTENER = 1 << 3, /* given at the start: accept is allowed without the network */
	/* shared with others: O_NONBLOCK, mode, owner and times of the open file stay (permit.h) */
	FD_FIXED_STATE = 1 << 4,
	/*
	 * an FD_FIXED_STATE or FD_PLAIN descriptor whose O_NONBLOCK the guest has set: the table's
	 * alone
	 */
	FD_NONBLOCK = 1 << 5,
	FD_GIVEN = 1 << 6, /* the guest had it from the start, at this number */
	/* seen to be a regular file or a directory, which never makes a caller wait */
	FD_PLAIN = 1 << 7,
	/* a FIFO or device, opened by a path: what poll says of it another process may change */
	FD_SHARED = 1 << 8,
	/* a directory of which only the devices that every program may have are there */
	FD_DEVICES = 1 << 9,
	/* a socket of SOCK_DGRAM, or one of SOCK_SEQPACKET that stands for it */
	FD_DATAGRAMS = 1 << 10,
	/* a file in memory of the guest's own (memfd.h) */
	FD_MEMORY = 1 << 11,
	/*
	 * asked whether the kernel reads and writes it at all: a pipe has an end for each, epoll
	 * instances are for neither. poll never says that the other would be refused
	 */
	FD_ASKED = 1 << 12,
	FD_NO_READING = 1 << 13,
	FD_NO_WRITING = 1 << 14,
	FD_INOTIFY = 1 << 15, /* an instance of inotify: `object` is its number (inotify.c) */
};

struct fd_entry {
	int host; /* owned; -1: free */
	uint16_t flags;
	/* an inherited descriptor's number + 1: this is it, or a duplicate of it; 0: neither */
	uint16_t origin;
	uint16_t object;      /* which of the VM's, if the host keeps a list of what it is */
	uint32_t unsubmitted; /* bytes written that the disk was not given yet (file.c) */
	uint64_t opened;      /* the open file: duplicates have the same number */
};

struct fdtable {
	struct fd_entry *entries; /* owned */
	uint32_t len;             /* allocated entries */
	uint32_t max;             /* numbers are below this; 0: FDTABLE_MAX */
	uint32_t lowest;          /* no free entry below this one */
	bool keep; /* inherited descriptors that the guest closes are kept for fdtable_reset */
	struct fd_entry *kept; /* owned: by their numbers */
	uint32_t kept_len;
	uint64_t changes; /* so far, of any kind */
	uint64_t opened;  /* open files so far */
	unsigned locks;   /* fd_lock: of inherited descriptors' files, which fdtable_reset ends */
};

/* Whether descriptors are few: then what the kernel keeps besides them is bounded as well. */
static inline bool fdtable_is_bounded(const struct fdtable *t)
{
	return t->max && t->max < FDTABLE_MAX;
}

void fdtable_destroy(struct fdtable *t); /* closes all; accepts a zeroed one */
/*
 * Puts a host descriptor (taken, also on error) at the lowest free number >= at_least. Number or
 * -EMFILE/-ENOMEM.
 */
int fdtable_add(struct fdtable *t, int host, unsigned flags, uint32_t at_least) must_check;
/*
 * The same for what a system call has just made, or -1 and errno if it failed: the negative errno
 * then.
 */
int fdtable_add_new(struct fdtable *t, int host, unsigned flags) must_check;
/* Puts it at exactly `at`, closing what is there. 0 or -errno. */
int fdtable_put(struct fdtable *t, int host, unsigned flags, uint32_t at) must_check;
/* The same, as one that the guest has from the start. */
int fdtable_give(struct fdtable *t, int host, unsigned flags, uint32_t at) must_check;
/* Notes that an entry is a duplicate of another one, of which `of` is a copy. */
void fdtable_note_copy(struct fdtable *t, uint32_t at, const struct fd_entry *of);
void fdtable_note_object(struct fdtable *t, uint32_t at, uint16_t object);
/*
 * Notes a kind of lock that the guest has on what an entry has open. It goes with the open file,
 * which of an inherited descriptor outlives the guest: then with a reset.
 */
enum fd_lock { FD_LOCK_WHOLE = 1, FD_LOCK_PROCESS = 2, FD_LOCK_OPEN_FILE = 4 };
void fdtable_note_lock(struct fdtable *t, const struct fd_entry *entry, enum fd_lock kind);
/*
 * What fdtable_reset makes: inherited descriptors and duplicates of them, in order of their
 * numbers. Of the flags only FD_GIVEN and FD_NONBLOCK count: what may be done with a descriptor is
 * as it was given.
 */
struct fd_wanted {
	uint32_t at;
	uint16_t flags, origin;
};
/*
 * Makes the table have these descriptors and no others, without a lock of the guest's. Given ones
 * that the guest closed are there again where `keep` was set; -EBADF if one is missing.
 */
int fdtable_reset(struct fdtable *t, const struct fd_wanted *wanted, uint32_t count) must_check;
/* The entry, or NULL. Borrowed until the table changes. */
struct fd_entry *fdtable_get(struct fdtable *t, int32_t fd);
/* Its host descriptor, borrowed as well, or -EBADF. */
int fdtable_host(struct fdtable *t, int32_t fd) must_check;
int fdtable_close(struct fdtable *t, int32_t fd) must_check;

#endif
