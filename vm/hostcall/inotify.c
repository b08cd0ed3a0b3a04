/* SPDX-License-Identifier: Apache-2.0 */
/* See inotify.h. Masks, paths and the tree that they lead through are the guest's. */
#include "vm/hostcall/inotify.h"

#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/jail/jail.h"
#include "vm/memory/guest_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	INSTANCES_MAX = 32,
	WATCHES_MAX = 8192,
	READ_BYTES = 16384,
	PATH_BYTES = 4096, /* with the end, as the kernel's */
	LINKS_MAX = 40     /* the kernel's too */
};

/* The kernel's numbers of an instance's watches rise, and begin again after INT32_MAX. */
struct inotify_watch {
	int32_t number;
	uint16_t instance;
};

struct inotify_instances {
	bool used[INSTANCES_MAX];
	uint32_t watch_count; /* of all */
	struct inotify_watch watches[WATCHES_MAX];
};

void inotify_free(struct vm *vm)
{
	free(take_ptr(vm->inotify));
}

/* --- instances --- */

/* Those without a descriptor are closed, and their watches with them. */
static void sweep(struct vm *vm)
{
	bool open[INSTANCES_MAX] = {0};
	struct inotify_instances *all = vm->inotify;
	for (uint32_t i = 0; i < vm->fds.len; i++) {
		const struct fd_entry *e = &vm->fds.entries[i];
		if (e->host >= 0 && (e->flags & FD_INOTIFY))
			open[e->object] = true;
	}
	uint32_t left = 0;
	for (uint32_t i = 0; i < all->watch_count; i++)
		if (open[all->watches[i].instance])
			all->watches[left++] = all->watches[i];
	all->watch_count = left;
	memcpy(all->used, open, sizeof(open));
}

/* A number that is free, or -EMFILE. */
static int free_instance(struct vm *vm)
{
	sweep(vm);
	for (int i = 0; i < INSTANCES_MAX; i++)
		if (!vm->inotify->used[i])
			return i;
	return -EMFILE;
}

/* Never blocking on the host, as eventfd: a wait there could not be interrupted. */
int64_t host_inotify_create(struct vcpu *vcpu, const struct call_inotify_create *a)
{
	struct vm *vm = vcpu->vm;
	unsigned flags = FD_INOTIFY | FD_FIXED_STATE;
	if (a->flags & ~(uint32_t)IN_NONBLOCK)
		return -EINVAL;
	if (!vm->inotify)
		vm->inotify = calloc(1, sizeof(*vm->inotify));
	if (!vm->inotify)
		return -ENOMEM;
	int instance = free_instance(vm);
	if (instance < 0)
		return instance;
	if (a->flags & IN_NONBLOCK)
		flags |= FD_NONBLOCK;
	int fd = fdtable_add_new(&vm->fds, inotify_init1(IN_NONBLOCK | IN_CLOEXEC), flags);
	if (fd < 0)
		return fd;
	fdtable_note_object(&vm->fds, (uint32_t)fd, (uint16_t)instance);
	vm->inotify->used[instance] = true;
	return fd;
}

/* --- watches --- */

/* Its place in the list, or the list's end. */
static uint32_t find_watch(const struct inotify_instances *all, uint16_t instance, int32_t number)
{
	uint32_t i = 0;
	while (i < all->watch_count &&
	       (all->watches[i].number != number || all->watches[i].instance != instance))
		i++;
	return i;
}

/*
 * By the descriptor, where nothing can change what its name means. The name is let go of at once: a
 * file is deleted for its watchers when nobody has it any more.
 */
static int watch_found(int inotify, int found, uint32_t mask)
{
	char path[32];
	const char *named = jail_named_path();
	if (!named) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
		return (int)sys_result(inotify_add_watch(inotify, path, mask));
	}
	int rc = jail_name_file(found);
	if (rc < 0)
		return rc;
	int wd = (int)sys_result(inotify_add_watch(inotify, named, mask));
	rc = jail_name_nothing();
	if (rc < 0)
		return rc;
	return wd;
}

/* In a container there is no /proc; but its root is the process's own. */
static int watch_name(int inotify, int dir, const char *name, uint32_t mask)
{
	if (fchdir(dir) < 0)
		return -errno;
	return (int)sys_result(inotify_add_watch(inotify, name, mask));
}

/* What a symlink leads to, as a path from where `path`, which leads to it, is looked up. */
static int follow_link(int link, char path[PATH_BYTES])
{
	char target[PATH_BYTES];
	size_t kept = strlen(path);
	const ssize_t n = readlinkat(link, jail_empty_path(), target, sizeof(target));
	if (n < 0)
		return -errno;
	while (kept > 0 && path[kept - 1] != '/')
		kept--;
	if (n > 0 && target[0] == '/')
		kept = 0;
	if (kept + (size_t)n >= PATH_BYTES)
		return -ENAMETOOLONG;
	memcpy(path + kept, target, (size_t)n);
	path[kept + (size_t)n] = '\0';
	return 0;
}

/* A device may be the host's own, mounted there. */
static int check_watched(int found, struct stat *st)
{
	int rc = resolve_stat(found, st);
	if (rc == 0)
		rc = permit_open(found, st);
	if (rc == 0 && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)))
		return -EACCES;
	return rc;
}

/*
 * A file. The kernel follows no link, which may be another one meanwhile: they are read here, one
 * by one. So what is watched is what the name in that directory stands for itself, and no device,
 * for a guest can put none there.
 */
static int watch_file(int inotify, int dir, const struct call_inotify_add *a)
{
	const bool nofollow = a->resolve & (MOTE_RESOLVE_NOFOLLOW | MOTE_RESOLVE_NO_SYMLINKS);
	char path[PATH_BYTES];
	if (strlen(a->path) >= PATH_BYTES)
		return -ENAMETOOLONG;
	strcpy(path, a->path);
	for (unsigned links = 0; links <= LINKS_MAX; links++) {
		struct stat st;
		cleanup_parent struct resolve_parent p = {.fd = -1};
		int rc = resolve_parent(dir, path, a->resolve, &p);
		if (rc < 0)
			return rc;
		cleanup_close int found =
			resolve_open(p.fd, p.name, a->resolve | MOTE_RESOLVE_NOFOLLOW, O_PATH, 0);
		if (found < 0)
			return found;
		rc = check_watched(found, &st);
		if (rc == 0 && (nofollow || !S_ISLNK(st.st_mode)))
			return watch_name(inotify, p.fd, p.name, a->mask | IN_DONT_FOLLOW);
		if (rc == 0)
			rc = follow_link(found, path);
		if (rc < 0)
			return rc;
	}
	return -ELOOP;
}

/*
 * Of directories for reading as well: what is done there can be seen anyway. Devices are the
 * host's.
 */
static int add_watch(struct vcpu *vcpu, int inotify, const struct call_inotify_add *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *entry;
	struct stat st;
	const uint64_t only = a->mask & IN_ONLYDIR ? O_PATH | O_DIRECTORY : O_PATH;
	int dir = permit_dir(vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	if (entry->flags & FD_DEVICES)
		return -EACCES;
	cleanup_close int found = resolve_open(dir, a->path, a->resolve, only, 0);
	if (found < 0)
		return found;
	int rc = check_watched(found, &st);
	if (rc < 0)
		return rc;
	if (!vm->container_key)
		return watch_found(inotify, found, (a->mask & ~(uint32_t)IN_DONT_FOLLOW));
	int wd;
	if (S_ISDIR(st.st_mode))
		wd = watch_name(inotify, found, ".", a->mask);
	else
		wd = watch_file(inotify, dir, a);
	rc = sys_status(fchdir(dir)); /* what is watched is let go of */
	if (rc < 0)
		return rc;
	return wd;
}

/* -EBADF, or -EINVAL if it is open and no instance. */
static int entry_of(struct vcpu *vcpu, int32_t fd, const struct fd_entry **e)
{
	*e = fdtable_get(&vcpu->vm->fds, fd);
	if (!*e)
		return -EBADF;
	if ((*e)->flags & FD_INOTIFY)
		return 0;
	return -EINVAL;
}

int64_t host_inotify_add(struct vcpu *vcpu, const struct call_inotify_add *a)
{
	struct inotify_instances *all = vcpu->vm->inotify;
	const struct fd_entry *e;
	int rc = entry_of(vcpu, a->fd, &e);
	if (rc < 0)
		return rc;
	if (all->watch_count >= WATCHES_MAX)
		sweep(vcpu->vm);
	if (all->watch_count >= WATCHES_MAX)
		return -ENOSPC;
	int wd = add_watch(vcpu, e->host, a);
	if (wd >= 0 && find_watch(all, e->object, wd) == all->watch_count)
		all->watches[all->watch_count++] =
			(struct inotify_watch){.number = wd, .instance = e->object};
	return wd;
}

/* It counts until the guest has read that it is gone: the kernel says so of all that end. */
int64_t host_inotify_remove(struct vcpu *vcpu, const struct call_inotify_remove *a)
{
	const struct fd_entry *e;
	int rc = entry_of(vcpu, a->fd, &e);
	if (rc < 0)
		return rc;
	return sys_status(inotify_rm_watch(e->host, a->watch));
}

/* --- events --- */

static void forget_ended(struct inotify_instances *all, uint16_t instance, const uint8_t *events,
			 size_t bytes)
{
	size_t at = 0;
	while (at < bytes) {
		const struct inotify_event *e = (const void *)(events + at);
		uint32_t i = all->watch_count;
		if (e->mask & IN_IGNORED)
			i = find_watch(all, instance, e->wd);
		if (i < all->watch_count)
			all->watches[i] = all->watches[--all->watch_count];
		at += sizeof(*e) + e->len;
	}
}

/* To the guest's memory, in which the pages of one vector may lie apart. */
static int64_t give_events(const struct call_iov *to, const uint8_t *events, size_t bytes)
{
	size_t done = 0;
	for (int i = 0; done < bytes; i++) {
		const size_t n = smaller(to->v[i].iov_len, bytes - done);
		if (guest_copy(to->v[i].iov_base, events + done, n) < 0)
			return -EFAULT;
		done += n;
	}
	return (int64_t)bytes;
}

/* The kernel reads once for each vector, until one is not full: the first, nearly always. */
int64_t inotify_read(struct vcpu *vcpu, const struct fd_entry *e, const struct call_iov *iov)
{
	_Alignas(struct inotify_event) uint8_t events[READ_BYTES];
	for (;;) {
		ssize_t n = read(e->host, events, smaller(iov->first, sizeof(events)));
		if (n >= 0) {
			forget_ended(vcpu->vm->inotify, e->object, events, (size_t)n);
			return give_events(iov, events, (size_t)n);
		}
		if (errno != EAGAIN || (e->flags & FD_NONBLOCK))
			return -errno;
		int rc = vcpu_wait_fd(vcpu, e->host, POLLIN);
		if (rc < 0)
			return rc;
	}
}
