/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls that make, change and remove names. Each resolves below a directory that the guest
 * holds; see resolve.h.
 */
#include "vm/hostcall/hostcall.h"
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
		rc = resolve_stat_name(p.fd, p.name, &st);
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
	int rc = resolve_stat_name(p->fd, p->name, &st);
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
		rc = resolve_stat_name(p.fd, p.name, &st);
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

/* A new name, not of a directory: with a slash after it, it cannot be made. */
static int check_unused(const struct resolve_parent *p)
{
	struct stat st;
	int rc = resolve_stat_name(p->fd, p->name, &st);
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
	const char *named = jail_named_path();
	int rc = sys_status(linkat(fd, jail_empty_path(), q->fd, q->name, AT_EMPTY_PATH));
	if (rc != -ENOENT)
		return rc;
	if (!named && jail_entered())
		return -EOPNOTSUPP; /* a container, which has no /proc */
	if (!named) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		return sys_status(linkat(fd, path, q->fd, q->name, AT_SYMLINK_FOLLOW));
	}
	rc = jail_name_file(fd);
	if (rc < 0)
		return rc;
	rc = sys_status(linkat(fd, named, q->fd, q->name, AT_SYMLINK_FOLLOW));
	const int let_go = jail_name_nothing();
	return rc < 0 ? rc : let_go;
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
