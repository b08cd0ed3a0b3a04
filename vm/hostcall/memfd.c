/* SPDX-License-Identifier: Apache-2.0 */
/* See memfd.h. Flags, sizes and seals are the guest's. */
#include "vm/hostcall/memfd.h"

#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/memory/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC        16
#endif

enum {
	MEMFDS_MAX = 256,
	FLAGS = MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC,
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |
		0x20, /* F_SEAL_EXEC */
};

struct memfd {
	bool used;
	int fd; /* owned: one of which only a mapping is left counts as well */
	/* Up to where FALLOC_FL_KEEP_SIZE may have filled it since it was cut; stat is silent */
	uint64_t kept_end;
};

struct memfds {
	struct memfd of[MEMFDS_MAX]; /* a descriptor's `object` is its place */
};

void memfds_free(struct vm *vm)
{
	for (unsigned i = 0; vm->memfds && i < MEMFDS_MAX; i++)
		if (vm->memfds->of[i].used)
			close(vm->memfds->of[i].fd);
	free(take_ptr(vm->memfds));
}

/* --- which are in use --- */

static bool is_mapped(const struct vm *vm, int fd)
{
	struct stat st;
	return resolve_stat(fd, &st) == 0 && memory_shares_file(&vm->memory, st.st_dev, st.st_ino);
}

/* Forgets those that have neither a descriptor nor a mapping. */
static void sweep(struct vm *vm)
{
	bool open[MEMFDS_MAX] = {0};
	for (uint32_t i = 0; i < vm->fds.len; i++) {
		const struct fd_entry *e = &vm->fds.entries[i];
		if (e->host >= 0 && (e->flags & FD_MEMORY))
			open[e->object] = true;
	}
	for (unsigned i = 0; i < MEMFDS_MAX; i++) {
		struct memfd *f = &vm->memfds->of[i];
		if (!f->used || open[i] || is_mapped(vm, f->fd))
			continue;
		close(f->fd);
		*f = (struct memfd){0};
	}
}

bool memfd_keeps(const struct vm *vm, uint64_t dev, uint64_t ino)
{
	struct stat st;
	for (unsigned i = 0; vm->memfds && i < MEMFDS_MAX; i++) {
		const struct memfd *f = &vm->memfds->of[i];
		if (f->used && resolve_stat(f->fd, &st) == 0 && st.st_dev == dev &&
		    st.st_ino == ino)
			return true;
	}
	return false;
}

/* --- sizes --- */

/* What it may hold at most until it is made larger: holes are filled without a host call. */
static uint64_t size_of(const struct memfd *f, const struct stat *st)
{
	uint64_t size = memory_page_up((uint64_t)st->st_size);
	if (f->kept_end > size)
		size = f->kept_end;
	return size;
}

static uint64_t size_of_all(const struct memfds *m)
{
	uint64_t sum = 0;
	struct stat st;
	for (unsigned i = 0; i < MEMFDS_MAX; i++)
		if (m->of[i].used && resolve_stat(m->of[i].fd, &st) == 0)
			sum += size_of(&m->of[i], &st);
	return sum;
}

static bool fits(const struct vm *vm, uint64_t more)
{
	const uint64_t now = size_of_all(vm->memfds), most = vm->memory.max_bytes;
	return now <= most && more <= most - now;
}

/* What an open descriptor is of, which is in use: it is never forgotten. */
static struct memfd *of_entry(const struct vm *vm, const struct fd_entry *e)
{
	return &vm->memfds->of[e->object];
}

static int admit(struct vm *vm, const struct fd_entry *e, uint64_t end, bool keeps_size)
{
	struct stat st;
	int rc = resolve_stat(e->host, &st);
	if (rc < 0)
		return rc;
	if (end <= (uint64_t)st.st_size)
		return 0;
	if (end > INT64_MAX)
		return -EFBIG;
	struct memfd *f = of_entry(vm, e);
	end = memory_page_up(end);
	const uint64_t has = size_of(f, &st);
	if (end > has && !fits(vm, end - has)) {
		sweep(vm);
		if (!fits(vm, end - has))
			return -ENOSPC;
	}
	if (keeps_size && end > f->kept_end)
		f->kept_end = end;
	return 0;
}

int memfd_admit(struct vm *vm, const struct fd_entry *e, uint64_t end)
{
	return admit(vm, e, end, false);
}

int memfd_admit_kept(struct vm *vm, const struct fd_entry *e, uint64_t end)
{
	return admit(vm, e, end, true);
}

void memfd_note_cut(const struct vm *vm, const struct fd_entry *e)
{
	of_entry(vm, e)->kept_end = 0;
}

int memfd_admit_write(struct vm *vm, const struct fd_entry *e, int64_t offset, uint64_t bytes)
{
	struct stat st;
	int rc = resolve_stat(e->host, &st), flags = fcntl(e->host, F_GETFL);
	int64_t at = offset;
	if (rc < 0)
		return rc;
	if (flags < 0)
		return -errno;
	if (flags & O_APPEND)
		at = st.st_size;
	else if (offset == MEMFD_CURRENT)
		at = lseek(e->host, 0, SEEK_CUR);
	if (at < 0)
		return -EINVAL;
	return memfd_admit(vm, e, (uint64_t)at + bytes);
}

/* --- host calls --- */

static unsigned free_place(const struct memfds *m)
{
	unsigned i = 0;
	while (i < MEMFDS_MAX && m->of[i].used)
		i++;
	return i;
}

/* Its place, or -errno. */
static int remember(struct vm *vm, int fd)
{
	struct memfds *m = vm->memfds;
	if (!m)
		m = vm->memfds = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	unsigned at = free_place(m);
	if (at == MEMFDS_MAX) {
		sweep(vm);
		at = free_place(m);
	}
	if (at == MEMFDS_MAX)
		return -ENFILE;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	m->of[at] = (struct memfd){.used = true, .fd = copy};
	return (int)at;
}

/* The host's own processes see a name that is not the guest's. */
int64_t host_memfd(struct vcpu *vcpu, const struct call_memfd *a)
{
	struct vm *vm = vcpu->vm;
	if (a->flags & ~(uint32_t)FLAGS)
		return -EINVAL;
	cleanup_close int fd = memfd_create("guest", a->flags | MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int place = remember(vm, fd);
	if (place < 0)
		return place;
	int at = fdtable_add(&vm->fds, take_fd(&fd), FD_PLAIN | FD_MEMORY, 0);
	if (at >= 0)
		fdtable_note_object(&vm->fds, (uint32_t)at, (uint16_t)place);
	return at;
}

int64_t host_get_seals(struct vcpu *vcpu, const struct call_get_seals *a)
{
	int host = fdtable_host(&vcpu->vm->fds, a->fd);
	if (host < 0)
		return host;
	return sys_result(fcntl(host, F_GET_SEALS));
}

/* Of the guest's own files alone: others say what they say of seals on tmpfs. */
int64_t host_add_seals(struct vcpu *vcpu, const struct call_add_seals *a)
{
	const struct fd_entry *e = fdtable_get(&vcpu->vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (a->seals & ~(uint32_t)SEALS)
		return -EINVAL;
	if (!(e->flags & FD_MEMORY))
		return fcntl(e->host, F_GET_SEALS) < 0 ? -errno : -EPERM;
	return sys_status(fcntl(e->host, F_ADD_SEALS, (int)a->seals));
}

bool memfd_is_sealed(const struct fd_entry *e)
{
	const int seals = fcntl(e->host, F_GET_SEALS);
	return seals >= 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
}
