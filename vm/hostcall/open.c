/* SPDX-License-Identifier: Apache-2.0 */
/* The host call that opens a path, below a directory that the guest holds; see resolve.h. */
#include "vm/hostcall/hostcall.h"
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/steps.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The kernel's; glibc's O_LARGEFILE is 0 on x86-64, and musl's programs set the real one. */
#define KERNEL_O_LARGEFILE 0100000

/* What a guest may ask of open. O_DIRECT would demand aligned guest memory; O_ASYNC has no use. */
enum {
	OPEN_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
		     O_DSYNC | O_SYNC | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | KERNEL_O_LARGEFILE |
		     O_NOATIME | O_PATH | O_TMPFILE
};

/* O_TMPFILE's own bit: a file without a name, which link_file may give one. */
enum { UNNAMED = O_TMPFILE & ~O_DIRECTORY };

/* Bits of the mode that a new file is given: change_mode, attributes.c, says why. */
static uint32_t mode_bits(const struct vm *vm)
{
	if (vm->set_ids)
		return 07777;
	return 01777;
}

/* Of what cannot be opened: 0, -ENXIO if it is anything else, or -errno. */
static int check_fifo(int dir, const struct call_open *a, uint64_t flags)
{
	struct stat st;
	cleanup_close int fd =
		resolve_try(dir, a->path, a->resolve, O_PATH | (flags & O_NOFOLLOW), 0);
	if (fd < 0)
		return fd;
	int rc = resolve_stat(fd, &st);
	if (rc == 0 && !S_ISFIFO(st.st_mode))
		rc = -ENXIO;
	return rc;
}

/*
 * A FIFO opened for writing has to wait for its reader; the wait is ours, so that it can be
 * interrupted. A socket's file is never opened.
 */
static int open_waiting(struct vcpu *vcpu, int dir, const struct call_open *a, uint64_t flags)
{
	struct vm *vm = vcpu->vm;
	for (;;) {
		int fd = resolve_try(dir, a->path, a->resolve, flags | O_NONBLOCK,
				     a->mode & mode_bits(vm));
		if (fd != -ENXIO || (flags & O_NONBLOCK) || (flags & O_ACCMODE) != O_WRONLY)
			return fd;
		int rc = check_fifo(dir, a, flags);
		if (rc == 0)
			rc = vcpu_wait(vcpu, 10000000);
		if (rc < 0)
			return rc;
	}
}

/*
 * What O_TRUNC means for a file already open. An empty one only gets its times: ext4 takes
 * ftruncate of any file for the replacement of its contents and writes it back when it is closed
 * (auto_da_alloc), which open with O_TRUNC of a new file does not cost.
 */
static int truncate_opened(struct vcpu *vcpu, int fd, const struct stat *st)
{
	static const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
	if (st->st_size > 0)
		return vm_truncate(vcpu, fd, st, 0);
	(void)!futimens(fd, times); /* another user's file keeps them */
	return 0;
}

/*
 * With O_CREAT a symlink at the end is not followed to make what it leads to: that may be another
 * place for the guest than here (enum mote_resolve). A flag like O_NOFOLLOW would stay in F_GETFL.
 */
static int open_or_make(struct vcpu *vcpu, int dir, const struct call_open *a, uint64_t flags)
{
	const uint64_t exclusive = O_CREAT | O_EXCL;
	if ((flags & exclusive) != O_CREAT)
		return open_waiting(vcpu, dir, a, flags);
	for (int tries = 0; tries < 8; tries++) {
		int fd = open_waiting(vcpu, dir, a, flags & ~exclusive);
		if (fd != -ENOENT)
			return fd;
		fd = open_waiting(vcpu, dir, a, flags | exclusive);
		if (fd == -EEXIST && resolve_missing(dir, a->path, a->resolve) == -ENOLINK)
			return -ENOLINK;
		if (fd != -EEXIST)
			return fd;
	}
	return -EEXIST; /* somebody makes and removes it all the time */
}

/*
 * O_PATH: where something is, to resolve from it and to look at it. It can be neither read nor
 * changed; the kernel says so to whatever is called on it.
 */
static int64_t open_place(struct vm *vm, int dir, const struct call_open *a,
			  const struct fd_entry *entry)
{
	struct stat st;
	const uint32_t flags = a->flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
	unsigned kind = FD_PLAIN | (entry->flags & FD_READONLY);
	cleanup_close int fd = resolve_open(dir, a->path, a->resolve, flags, 0);
	if (fd < 0)
		return fd;
	int rc = resolve_stat(fd, &st);
	if (rc == 0)
		rc = permit_open(fd, &st);
	if (rc < 0)
		return rc;
	if (S_ISDIR(st.st_mode))
		kind |= FD_DIR;
	return fdtable_add(&vm->fds, take_fd(&fd), kind, 0);
}

/*
 * The flags of openat2 for what the guest asks for below that directory, or -errno. Truncating
 * comes later, and no terminal becomes the process's own.
 */
static int64_t flags_below(const struct call_open *a, const struct fd_entry *dir)
{
	uint64_t flags = (a->flags & ~(uint32_t)(O_TRUNC | O_CLOEXEC)) | O_NOCTTY;
	const bool writes = (a->flags & O_ACCMODE) != O_RDONLY || (a->flags & O_TRUNC);
	if ((dir->flags & FD_READONLY) && writes)
		return -EROFS;
	if ((a->flags & UNNAMED) && (dir->flags & FD_DEVICES))
		return -EOPNOTSUPP;
	if ((dir->flags & FD_DEVICES) && (a->flags & O_EXCL))
		return -EEXIST;
	if (dir->flags & (FD_READONLY | FD_DEVICES))
		flags &= ~(uint64_t)(O_CREAT | O_EXCL);
	return (int64_t)flags;
}

/* What was opened, before any data is touched: whether the guest may have it. *fd may change. */
static int admit(struct vcpu *vcpu, int *fd, const struct call_open *a, struct stat *st)
{
	int rc = resolve_stat(*fd, st);
	if (rc == 0)
		rc = permit_open(*fd, st);
	if (rc == 0 && S_ISFIFO(st->st_mode) && (a->flags & (O_ACCMODE | O_NONBLOCK)) == O_RDONLY)
		rc = call_wait_fifo(vcpu, fd, st);
	if (rc == 0 && (a->flags & O_TRUNC) && S_ISREG(st->st_mode))
		rc = truncate_opened(vcpu, *fd, st);
	return rc;
}

/* A descriptor of the guest's for what it has opened, in the way that it asked for. */
static int64_t add_opened(struct vm *vm, int *fd, uint64_t flags, const struct stat *st,
			  unsigned inherited)
{
	const bool plain = S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
	unsigned kind = FD_SHARED;
	if ((flags & O_CREAT) && S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!(flags & O_NONBLOCK) && !plain &&
	    fcntl(*fd, F_SETFL, (int)(flags & (O_APPEND | O_NOATIME))) < 0)
		return -errno;
	if (plain)
		kind = FD_PLAIN;
	if (S_ISDIR(st->st_mode))
		kind |= FD_DIR;
	if (plain && (flags & O_NONBLOCK))
		kind |= FD_NONBLOCK;
	return fdtable_add(&vm->fds, take_fd(fd), kind | inherited, 0);
}

static int64_t open_path(struct vcpu *vcpu, const struct call_open *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	if (stop_before_opening(vm, entry, a->path))
		return call_stop(vcpu);
	if (a->flags & ~(uint32_t)OPEN_FLAGS)
		return -EINVAL;
	if (a->flags & O_PATH)
		return open_place(vm, dir, a, entry);
	const unsigned inherited = entry->flags & FD_READONLY;
	const int64_t flags = flags_below(a, entry);
	if (flags < 0)
		return flags;
	cleanup_close int fd = open_or_make(vcpu, dir, a, (uint64_t)flags);
	if (fd == -ENOENT)
		fd = resolve_missing(dir, a->path, a->resolve);
	if (fd == -ENOENT && inherited && (a->flags & O_CREAT))
		return -EROFS;
	if (fd < 0)
		return fd;
	struct stat st;
	int rc = admit(vcpu, &fd, a, &st);
	if (rc < 0)
		return rc;
	return add_opened(vm, &fd, (uint64_t)flags, &st, inherited);
}

int64_t host_open(struct vcpu *vcpu, const struct call_open *a)
{
	const int64_t fd = open_path(vcpu, a);
	/* The poller's, which this one has not found again: its writers must not go on waiting. */
	if (vcpu->has_fifo && !vcpu->on_poller)
		call_drop_fifo(vcpu);
	return fd;
}
