/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on paths. Each resolves below a directory that the guest holds; see resolve.h. */
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/steps.h"
#include "vm/jail/jail.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; the same on all architectures */
#endif

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

/* Bits of the mode that a new file is given: change_mode says why. */
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
	uint64_t flags = (a->flags & ~(uint32_t)(O_TRUNC | O_CLOEXEC)) | O_NOCTTY;
	unsigned inherited = entry->flags & FD_READONLY;
	bool writes = (a->flags & O_ACCMODE) != O_RDONLY || (a->flags & O_TRUNC);
	if (inherited && writes)
		return -EROFS;
	if ((a->flags & UNNAMED) && (entry->flags & FD_DEVICES))
		return -EOPNOTSUPP;
	if ((entry->flags & FD_DEVICES) && (a->flags & O_EXCL))
		return -EEXIST;
	if (inherited || entry->flags & FD_DEVICES)
		flags &= ~(uint64_t)(O_CREAT | O_EXCL);
	cleanup_close int fd = open_or_make(vcpu, dir, a, flags);
	if (fd == -ENOENT)
		fd = resolve_missing(dir, a->path, a->resolve);
	if (fd == -ENOENT && inherited && (a->flags & O_CREAT))
		return -EROFS;
	if (fd < 0)
		return fd;
	struct stat st;
	int rc = resolve_stat(fd, &st);
	if (rc == 0)
		rc = permit_open(fd, &st); /* before any data is touched */
	if (rc == 0 && S_ISFIFO(st.st_mode) &&
	    (a->flags & (O_ACCMODE | O_NONBLOCK | O_PATH)) == O_RDONLY)
		rc = call_wait_fifo(vcpu, &fd, &st);
	if (rc < 0)
		return rc;
	if ((a->flags & O_TRUNC) && S_ISREG(st.st_mode)) {
		rc = truncate_opened(vcpu, fd, &st);
		if (rc < 0)
			return rc;
	}
	if ((flags & O_CREAT) && S_ISDIR(st.st_mode))
		return -EISDIR;
	bool plain = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	if (!(a->flags & O_NONBLOCK) && !plain &&
	    fcntl(fd, F_SETFL, (int)(flags & (O_APPEND | O_NOATIME))) < 0)
		return -errno;
	unsigned kind = FD_SHARED;
	if (plain)
		kind = FD_PLAIN;
	if (S_ISDIR(st.st_mode))
		kind |= FD_DIR;
	if (plain && (a->flags & O_NONBLOCK))
		kind |= FD_NONBLOCK;
	return fdtable_add(&vm->fds, take_fd(&fd), kind | inherited, 0);
}

int64_t host_open(struct vcpu *vcpu, const struct call_open *a)
{
	const int64_t fd = open_path(vcpu, a);
	/* The poller's, which this one has not found again: its writers must not go on waiting. */
	if (vcpu->has_fifo && !vcpu->on_poller)
		call_drop_fifo(vcpu);
	return fd;
}

static void put_stat(struct vm *vm, gva_t to, const struct stat *st)
{
	struct mote_stat out = {
		.dev = st->st_dev,
		.ino = st->st_ino,
		.nlink = st->st_nlink,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = st->st_rdev,
		.size = (uint64_t)st->st_size,
		.blksize = (uint64_t)st->st_blksize,
		.blocks = (uint64_t)st->st_blocks,
		.atim = {st->st_atim.tv_sec, st->st_atim.tv_nsec},
		.mtim = {st->st_mtim.tv_sec, st->st_mtim.tv_nsec},
		.ctim = {st->st_ctim.tv_sec, st->st_ctim.tv_nsec},
	};
	if (to.v)
		vm_put(vm, to, &out, sizeof(out));
}

int64_t host_fstat(struct vcpu *vcpu, const struct call_fstat *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	struct stat st;
	if (!e)
		return -EBADF;
	int rc = resolve_stat(e->host, &st);
	if (rc == 0)
		put_stat(vm, a->stat, &st);
	return rc;
}

/* Of a name in a directory. */
static int stat_at(int dir, const char *name, struct stat *st)
{
	return sys_status(fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
}

/*
 * A path that is one name can only lead out of its directory as a symlink, which this does not
 * follow: one system call instead of three. -ELOOP if the path must be resolved.
 */
static int stat_name(int dir, const char *path, uint32_t resolve, struct stat *st)
{
	if (resolve & ~(uint32_t)(MOTE_RESOLVE_IN_ROOT | MOTE_RESOLVE_NOFOLLOW) ||
	    strchr(path, '/') || strcmp(path, ".") == 0 || strcmp(path, "..") == 0)
		return -ELOOP;
	int rc = stat_at(dir, path, st);
	if (rc < 0)
		return rc;
	if (S_ISLNK(st->st_mode) && !(resolve & MOTE_RESOLVE_NOFOLLOW))
		return -ELOOP;
	return 0;
}

int64_t host_stat(struct vcpu *vcpu, const struct call_stat *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	struct stat st;
	int rc = stat_name(dir, a->path, a->resolve, &st);
	if (rc == -ELOOP) {
		cleanup_close int fd = resolve_open(dir, a->path, a->resolve, O_PATH, 0);
		rc = fd;
		if (fd >= 0)
			rc = resolve_stat(fd, &st);
	}
	if (rc == 0)
		put_stat(vm, a->stat, &st);
	return rc;
}

/* An error of resolve_parent; of a path without a last component, such as "/", the call's own. */
static int parent_error(int rc, int without_name)
{
	if (rc == -EINVAL || rc == -ENOTEMPTY)
		return without_name;
	return rc;
}

/* Resolves the directory of a new name. 0 or -errno. */
static int resolve_new(struct vm *vm, int32_t fd, const char *path, uint32_t resolve,
		       struct resolve_parent *p)
{
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, fd, path, &entry);
	if (dir < 0)
		return dir;
	return parent_error(resolve_parent(dir, path, resolve, p), -EEXIST);
}

int64_t host_mkdir(struct vcpu *vcpu, const struct call_mkdir *a)
{
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_new(vcpu->vm, a->dir, a->path, a->resolve, &p);
	if (rc < 0)
		return rc;
	return sys_status(mkdirat(p.fd, p.name, a->mode & 01777)); /* as the kernel takes it */
}

int64_t host_mknod(struct vcpu *vcpu, const struct call_mknod *a)
{
	const struct fd_entry *entry;
	int dir = permit_dir_change(vcpu->vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	switch (a->mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_parent(dir, a->path, a->resolve, &p);
	if (rc < 0)
		return parent_error(rc, -EEXIST);
	if (p.slash)
		return -ENOENT;
	return sys_status(mknodat(p.fd, p.name, a->mode & (S_IFMT | 01777), 0));
}

int64_t host_unlink(struct vcpu *vcpu, const struct call_unlink *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	if (a->flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_parent(dir, a->path, a->resolve, &p);
	if (rc < 0 && a->flags & AT_REMOVEDIR)
		return rc;
	if (rc < 0)
		return parent_error(rc, -EISDIR);
	if (p.slash && !(a->flags & AT_REMOVEDIR)) {
		struct stat st;
		rc = stat_at(p.fd, p.name, &st);
		if (rc < 0)
			return rc;
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		return -ENOTDIR;
	}
	return sys_status(unlinkat(p.fd, p.name, (int)a->flags));
}

/* "name/" names a directory only. */
static int check_slash(const struct resolve_parent *p)
{
	struct stat st;
	if (!p->slash)
		return 0;
	int rc = stat_at(p->fd, p->name, &st);
	if (rc < 0)
		return rc;
	if (S_ISDIR(st.st_mode))
		return 0;
	return -ENOTDIR;
}

int64_t host_rename(struct vcpu *vcpu, const struct call_rename *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int from = permit_dir_change(vm, a->dir, a->path, &entry);
	int to = permit_dir_change(vm, a->to_dir, a->to_path, &entry);
	/* One that cannot be changed is another file system than one that can. */
	if ((from == -EROFS && to >= 0) || (from >= 0 && to == -EROFS))
		return -EXDEV;
	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (a->flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	cleanup_parent struct resolve_parent p = {.fd = -1}, q = {.fd = -1};
	int rc = resolve_parent(from, a->path, a->resolve, &p);
	if (rc == 0)
		rc = resolve_parent(to, a->to_path, a->resolve, &q);
	rc = parent_error(rc, -EBUSY);
	if (rc == 0)
		rc = check_slash(&p);
	if (rc < 0)
		return rc;
	if (q.slash) {
		struct stat st;
		rc = stat_at(p.fd, p.name, &st);
		if (rc < 0)
			return rc;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
	}
	/* The C library has another system call for flags of 0. */
	return sys_status(syscall(SYS_renameat2, p.fd, p.name, q.fd, q.name, a->flags));
}

/* What is to get another name; -EPERM for a directory, which is said last. */
static int check_linked(int dir, const char *path, uint32_t resolve, struct resolve_parent *p)
{
	int rc = resolve_parent(dir, path, resolve, p);
	if (rc < 0)
		return parent_error(rc, -EPERM);
	if (!p->slash)
		return 0;
	cleanup_close int fd =
		resolve_open(dir, path, resolve & MOTE_RESOLVE_IN_ROOT, O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? fd : -EPERM;
}

/* A new name, not of a directory: with a slash behind it, it cannot be made. */
static int check_unused(const struct resolve_parent *p)
{
	struct stat st;
	int rc = stat_at(p->fd, p->name, &st);
	if (rc == 0)
		return -EEXIST;
	return p->slash ? rc : 0;
}

int64_t host_link(struct vcpu *vcpu, const struct call_link *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int from = permit_dir_change(vm, a->dir, a->path, &entry);
	int to = permit_dir_change(vm, a->to_dir, a->to_path, &entry);
	if (to < 0)
		return to;
	if (from < 0)
		return from == -EROFS ? -EXDEV : from;
	cleanup_parent struct resolve_parent p = {.fd = -1}, q = {.fd = -1};
	int linked = check_linked(from, a->path, a->resolve, &p);
	if (linked < 0 && linked != -EPERM)
		return linked;
	int rc = resolve_parent(to, a->to_path, a->resolve, &q);
	if (rc == 0 && (q.slash || linked < 0))
		rc = check_unused(&q);
	if (rc < 0)
		return parent_error(rc, -EEXIST);
	if (linked < 0)
		return linked;
	return sys_status(linkat(p.fd, p.name, q.fd, q.name, 0));
}

/*
 * By the descriptor itself, as Linux 6.10 lets whoever has opened it; before that it takes a
 * capability, or the way by /proc.
 */
static int link_opened(int fd, const struct resolve_parent *q)
{
	char path[32];
	int rc = sys_status(linkat(fd, jail_empty_path(), q->fd, q->name, AT_EMPTY_PATH));
	if (rc != -ENOENT)
		return rc;
	const struct jail_addresses *all = jail_addresses_own();
	if (!all) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		return sys_status(linkat(fd, path, q->fd, q->name, AT_SYMLINK_FOLLOW));
	}
	rc = jail_socket_file(fd);
	if (rc < 0)
		return rc;
	return sys_status(linkat(fd, all->file.un.sun_path, q->fd, q->name, AT_SYMLINK_FOLLOW));
}

/* A file of a directory that cannot be changed, or of the host's, gets no name elsewhere. */
int64_t host_link_file(struct vcpu *vcpu, const struct call_link_file *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry, *e = fdtable_get(&vm->fds, a->fd);
	struct stat st;
	if (!e)
		return -EBADF;
	const unsigned refused = FD_READONLY | FD_FIXED_STATE | FD_DEVICES | FD_GIVEN | FD_MEMORY;
	const unsigned kind = e->flags;
	const int host = e->host;
	int to = permit_dir_change(vm, a->to_dir, a->to_path, &entry);
	if (to < 0)
		return to;
	int rc = resolve_stat(host, &st);
	if (rc < 0)
		return rc;
	if (S_ISDIR(st.st_mode))
		return -EPERM;
	cleanup_parent struct resolve_parent q = {.fd = -1};
	rc = resolve_parent(to, a->to_path, a->resolve, &q);
	if (rc == 0)
		rc = check_unused(&q);
	if (rc == -EEXIST || (rc < 0 && q.fd < 0))
		return parent_error(rc, -EEXIST);
	if (q.slash)
		return -ENOENT;
	if ((kind & refused) || !S_ISREG(st.st_mode))
		return -EXDEV;
	rc = permit_change(host, &st);
	if (rc < 0)
		return rc;
	return link_opened(host, &q);
}

int64_t host_symlink(struct vcpu *vcpu, const struct call_symlink *a)
{
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_new(vcpu->vm, a->dir, a->path, a->resolve, &p);
	if (rc < 0)
		return rc;
	rc = p.slash ? check_unused(&p) : 0;
	if (rc < 0)
		return rc;
	return sys_status(symlinkat(a->target, p.fd, p.name));
}

int64_t host_readlink(struct vcpu *vcpu, const struct call_readlink *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	cleanup_close int fd =
		resolve_open(dir, a->path, a->resolve | MOTE_RESOLVE_NOFOLLOW, O_PATH, 0);
	if (fd < 0)
		return fd;
	char target[4096];
	ssize_t n = readlinkat(fd, jail_empty_path(), target, sizeof(target));
	/* What readlinkat says of a descriptor of another kind. */
	if (n < 0 && errno == ENOENT)
		return -EINVAL;
	if (n < 0)
		return -errno;
	if ((uint64_t)n > a->target.len)
		n = (ssize_t)a->target.len;
	vm_put(vm, a->target.at, target, (uint64_t)n);
	return n;
}

/*
 * Opens what a path leads to for a change of attributes, by O_PATH or to have it open; the caller
 * closes. Not through a symlink as the last component when NOFOLLOW.
 */
static int open_to_change(int dir, const char *path, uint32_t resolve, uint64_t flags,
			  struct stat *st)
{
	cleanup_close int fd = resolve_open(dir, path, resolve, flags, 0);
	if (fd < 0)
		return fd;
	int rc = resolve_stat(fd, st);
	if (rc == 0)
		rc = permit_change(fd, st);
	if (rc < 0)
		return rc;
	return take_fd(&fd);
}

static struct timespec time_of(const struct mote_time *t)
{
	if (t)
		return (struct timespec){.tv_sec = t->sec, .tv_nsec = t->nsec};
	return (struct timespec){.tv_nsec = UTIME_OMIT};
}

int64_t host_utimens(struct vcpu *vcpu, const struct call_utimens *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	struct timespec times[2] = {time_of(a->atime), time_of(a->mtime)};
	struct stat st;
	cleanup_close int fd = open_to_change(dir, a->path, a->resolve, O_PATH, &st);
	if (fd < 0)
		return fd;
	return sys_status(utimensat(fd, jail_empty_path(), times, AT_EMPTY_PATH));
}

int64_t host_futimens(struct vcpu *vcpu, const struct call_futimens *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	struct timespec times[2] = {time_of(a->atime), time_of(a->mtime)};
	int rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return sys_status(futimens(e->host, times));
}

/*
 * Set-ID bits would let others of the host run a file of the guest's with the rights of who runs
 * Mote.
 */
static int change_mode(const struct vm *vm, int fd, uint32_t mode)
{
	if (mode & (S_ISUID | S_ISGID) && !vm->set_ids)
		return -EPERM;
	return sys_status(fchmod(fd, mode & 07777));
}

/* The same of an O_PATH descriptor. -ENOSYS: the kernel cannot. */
static int change_mode_at(const struct vm *vm, int fd, uint32_t mode)
{
	if (mode & (S_ISUID | S_ISGID) && !vm->set_ids)
		return -EPERM;
	return sys_status(
		syscall(SYS_fchmodat2, fd, jail_empty_path(), mode & 07777, AT_EMPTY_PATH));
}

int64_t host_chmod(struct vcpu *vcpu, const struct call_chmod *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	struct stat st;
	cleanup_close int target = open_to_change(dir, a->path, a->resolve, O_PATH, &st);
	if (target < 0)
		return target;
	if (S_ISLNK(st.st_mode))
		return -EOPNOTSUPP;
	int rc = change_mode_at(vm, target, a->mode);
	if (rc != -ENOSYS)
		return rc;
	/*
	 * Before Linux 6.6 the mode of an O_PATH descriptor cannot be changed without /proc: it is
	 * opened once it is known what it is, which sockets cannot be.
	 */
	cleanup_close int fd =
		open_to_change(dir, a->path, a->resolve, O_RDONLY | O_NONBLOCK | O_NOCTTY, &st);
	if (fd < 0)
		fd = open_to_change(dir, a->path, a->resolve, O_WRONLY | O_NONBLOCK | O_NOCTTY,
				    &st);
	if (fd < 0)
		return fd;
	return change_mode(vm, fd, a->mode);
}

int64_t host_fchmod(struct vcpu *vcpu, const struct call_fchmod *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	int rc = 0;
	/* A socket's mode is the one that a name of it is made with. */
	if (!(e->flags & FD_SOCKET) || e->flags & (FD_LISTENER | FD_FIXED_STATE))
		rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return change_mode(vm, e->host, a->mode);
}

int64_t host_chown(struct vcpu *vcpu, const struct call_chown *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	struct stat st;
	cleanup_close int fd = open_to_change(dir, a->path, a->resolve, O_PATH, &st);
	if (fd < 0)
		return fd;
	return sys_status(fchownat(fd, jail_empty_path(), a->uid, a->gid, AT_EMPTY_PATH));
}

int64_t host_fchown(struct vcpu *vcpu, const struct call_fchown *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	int rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return sys_status(fchown(e->host, a->uid, a->gid));
}

int64_t host_access(struct vcpu *vcpu, const struct call_access *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	int dir = permit_dir(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	const uint32_t mode = a->mode & ~MOTE_ACCESS_REAL;
	const int own = a->mode & MOTE_ACCESS_REAL ? 0 : AT_EACCESS;
	if (mode & ~(uint32_t)(R_OK | W_OK | X_OK))
		return -EINVAL;
	cleanup_close int fd = resolve_open(dir, a->path, a->resolve, O_PATH, 0);
	if (fd < 0)
		return fd;
	if ((mode & W_OK) && (entry->flags & FD_READONLY))
		return -EROFS;
	return sys_status(
		syscall(SYS_faccessat2, fd, jail_empty_path(), (int)mode, AT_EMPTY_PATH | own));
}

int64_t host_statfs(struct vcpu *vcpu, const struct call_statfs *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	struct statfs s;
	if (!e)
		return -EBADF;
	if (fstatfs(e->host, &s) < 0)
		return -errno;
	struct mote_statfs out = {
		.type = (uint64_t)s.f_type,
		.bsize = (uint64_t)s.f_bsize,
		.blocks = s.f_blocks,
		.bfree = s.f_bfree,
		.bavail = s.f_bavail,
		.files = s.f_files,
		.ffree = s.f_ffree,
		.namelen = (uint64_t)s.f_namelen,
		.frsize = (uint64_t)s.f_frsize,
		.flags = (uint64_t)s.f_flags,
	};
	if (a->statfs.v)
		vm_put(vm, a->statfs, &out, sizeof(out));
	return 0;
}
