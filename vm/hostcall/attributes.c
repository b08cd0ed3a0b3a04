/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls that read and change what a file is: its state, mode, owner and times, by a path below
 * a directory that the guest holds, or by a descriptor.
 */
#include "vm/hostcall/hostcall.h"
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; the same on all architectures */
#endif

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

/*
 * A path that is one name can only lead out of its directory as a symlink, which this does not
 * follow: one system call instead of three. -ELOOP if the path must be resolved.
 */
static int stat_name(int dir, const char *path, uint32_t resolve, struct stat *st)
{
	if (resolve & ~(uint32_t)(MOTE_RESOLVE_IN_ROOT | MOTE_RESOLVE_NOFOLLOW) ||
	    strchr(path, '/') || strcmp(path, ".") == 0 || strcmp(path, "..") == 0)
		return -ELOOP;
	int rc = resolve_stat_name(dir, path, st);
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

/*
 * Opens what a path leads to for a change of attributes, by O_PATH or to have it open; the caller
 * closes. Not through a symlink as the last component when NOFOLLOW.
 */
static int open_to_change(struct vm *vm, int32_t dir_fd, const char *path, uint32_t resolve,
			  uint64_t flags, struct stat *st)
{
	const struct fd_entry *entry;
	int dir = permit_dir_change(vm, dir_fd, path, &entry);
	if (dir < 0)
		return dir;
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

/* The host's descriptor of an open file whose attributes may be changed, or -errno. */
static int get_to_change(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	int rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return e->host;
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
	struct timespec times[2] = {time_of(a->atime), time_of(a->mtime)};
	struct stat st;
	cleanup_close int fd = open_to_change(vm, a->dir, a->path, a->resolve, O_PATH, &st);
	if (fd < 0)
		return fd;
	return sys_status(utimensat(fd, jail_empty_path(), times, AT_EMPTY_PATH));
}

int64_t host_futimens(struct vcpu *vcpu, const struct call_futimens *a)
{
	int host = get_to_change(vcpu->vm, a->fd);
	if (host < 0)
		return host;
	struct timespec times[2] = {time_of(a->atime), time_of(a->mtime)};
	return sys_status(futimens(host, times));
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
	struct stat st;
	cleanup_close int target = open_to_change(vm, a->dir, a->path, a->resolve, O_PATH, &st);
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
	cleanup_close int fd = open_to_change(vm, a->dir, a->path, a->resolve,
					      O_RDONLY | O_NONBLOCK | O_NOCTTY, &st);
	if (fd < 0)
		fd = open_to_change(vm, a->dir, a->path, a->resolve,
				    O_WRONLY | O_NONBLOCK | O_NOCTTY, &st);
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
	struct stat st;
	cleanup_close int fd = open_to_change(vm, a->dir, a->path, a->resolve, O_PATH, &st);
	if (fd < 0)
		return fd;
	return sys_status(fchownat(fd, jail_empty_path(), a->uid, a->gid, AT_EMPTY_PATH));
}

int64_t host_fchown(struct vcpu *vcpu, const struct call_fchown *a)
{
	int host = get_to_change(vcpu->vm, a->fd);
	if (host < 0)
		return host;
	return sys_status(fchown(host, a->uid, a->gid));
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
