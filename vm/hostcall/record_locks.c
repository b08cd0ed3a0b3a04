/* SPDX-License-Identifier: Apache-2.0 */
/* See record_locks.h. Ranges, their order and what is open are the guest's. */
#include "vm/hostcall/record_locks.h"

#include "vm/hostcall/memfd.h"
#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/memory/shared_file.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCKS_MAX = 4096 };

struct record {
	uint64_t dev, ino;
	uint64_t opened;    /* the open file by which it was asked for (fdtable.h) */
	bool of_open_file;  /* it is that one's, not the process's */
	int64_t from, last; /* bytes of the file, both included */
	int type;           /* F_RDLCK, F_WRLCK; F_UNLCK: what is asked for is that there be none */
};

/*
 * By files, owners and where they begin. The process's that touch and are alike stay records of
 * their own, though the kernel has one lock for them: it drops all of a file when any descriptor of
 * that is closed, the host's own as well, and what was noted before must not hide what comes then.
 * So there are as many records as locks at least; join() makes them fewer.
 */
struct records {
	unsigned count;
	bool too_many; /* the list is not whole */
	struct record of[LOCKS_MAX];
};

struct record_locks {
	struct records lists[2]; /* as they are, and as they would be */
	unsigned now;
};

void record_locks_free(struct vm *vm)
{
	free(take_ptr(vm->record_locks));
}

/* --- what the kernel makes of a lock and those that were there --- */

static void push(struct records *list, struct record r)
{
	if (list->count == LOCKS_MAX)
		list->too_many = true;
	else
		list->of[list->count++] = r;
}

static bool same_owner(const struct record *a, const struct record *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->of_open_file == b->of_open_file &&
	       (!a->of_open_file || a->opened == b->opened);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Their order in the list. */
static int compare(const struct record *a, const struct record *b)
{
	int c = compare_numbers(a->dev, b->dev);
	if (c == 0)
		c = compare_numbers(a->ino, b->ino);
	if (c == 0)
		c = a->of_open_file - b->of_open_file;
	if (c == 0 && a->of_open_file)
		c = compare_numbers(a->opened, b->opened);
	if (c == 0)
		c = compare_numbers((uint64_t)a->from, (uint64_t)b->from);
	return c;
}

static void insert(struct records *list, const struct record *r)
{
	unsigned at = list->count;
	push(list, *r);
	for (; !list->too_many && at > 0 && compare(r, &list->of[at - 1]) < 0; at--) {
		list->of[at] = list->of[at - 1];
		list->of[at - 1] = *r;
	}
}

/* They overlap, or one begins where the other ends. */
static bool touch(const struct record *a, const struct record *b)
{
	return a->from - 1 <= b->last && b->from - 1 <= a->last;
}

/* What another lock leaves of one. */
static void push_rest(struct records *list, const struct record *r, const struct record *asked)
{
	struct record before = *r, behind = *r;
	if (r->last < asked->from || asked->last < r->from) {
		push(list, *r);
		return;
	}
	if (r->from < asked->from) {
		before.last = asked->from - 1;
		push(list, before);
	}
	if (asked->last < r->last) {
		behind.from = asked->last + 1;
		push(list, behind);
	}
}

/* What was locked is cut; what an open file has locked alike becomes one lock. */
static void list_with(const struct records *now, const struct record *asked, struct records *next)
{
	struct record made = *asked;
	next->count = 0;
	next->too_many = false;
	for (unsigned i = 0; i < now->count; i++) {
		const struct record *r = &now->of[i];
		if (!same_owner(r, asked)) {
			push(next, *r);
		} else if (r->of_open_file && r->type == asked->type && touch(r, asked)) {
			made.from = r->from < made.from ? r->from : made.from;
			made.last = r->last > made.last ? r->last : made.last;
		} else {
			push_rest(next, r, asked);
		}
	}
	if (made.type != F_UNLCK)
		insert(next, &made);
}

/* --- those that are one lock, or none --- */

static int host_of(const struct fdtable *t, uint64_t opened)
{
	for (uint32_t i = 0; i < t->len; i++)
		if (t->entries[i].host >= 0 && t->entries[i].opened == opened)
			return t->entries[i].host;
	return -1;
}

/* Whether the kernel has dropped one of the process. */
static bool is_gone(int host, const struct record *r)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = r->from,
			     .l_len = r->last == INT64_MAX ? 0 : r->last - r->from + 1};
	return !r->of_open_file && fcntl(host, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* Whether the kernel has one lock of the process for two records, one after the other. */
static bool is_one(int host, const struct record *a, const struct record *b)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = a->last, .l_len = 2};
	if (a->of_open_file || !same_owner(a, b) || a->type != b->type || a->last + 1 != b->from)
		return false;
	return fcntl(host, F_OFD_GETLK, &lock) == 0 && lock.l_type == a->type &&
	       lock.l_pid == getpid() && lock.l_start <= a->last &&
	       (lock.l_len == 0 || lock.l_start + lock.l_len > b->from);
}

/*
 * As the kernel says, of which another process's locks may hide it: then all stay. It looks at each
 * of the file's locks for each of these. -EINTR: the guest is to end.
 */
static int join(struct vcpu *vcpu, struct records *list)
{
	const struct fdtable *t = &vcpu->vm->fds;
	unsigned left = 0;
	int host = -1;
	for (unsigned i = 0; i < list->count; i++) {
		const struct record r = list->of[i];
		if (vcpu_ending(vcpu))
			return -EINTR;
		if (i == 0 || r.opened != list->of[i - 1].opened)
			host = host_of(t, r.opened);
		if (is_gone(host, &r))
			continue;
		if (left > 0 && is_one(host, &list->of[left - 1], &r))
			list->of[left - 1].last = r.last;
		else
			list->of[left++] = r;
	}
	list->count = left;
	return 0;
}

/* --- those of files that are closed --- */

static bool is_open(const struct fdtable *t, uint64_t opened)
{
	for (uint32_t i = 0; i < t->len; i++)
		if (t->entries[i].host >= 0 && t->entries[i].opened == opened)
			return true;
	for (uint32_t i = 0; i < t->kept_len; i++)
		if (t->kept[i].host >= 0 && t->kept[i].opened == opened)
			return true;
	return false;
}

/*
 * The process's go when any descriptor of the file is closed. An open file's are kept by a mapping,
 * too, and by memfd.c's own descriptors.
 */
static bool is_there(const struct vm *vm, const struct record *r)
{
	if (is_open(&vm->fds, r->opened))
		return true;
	return r->of_open_file &&
	       (memory_shares_file(&vm->memory, r->dev, r->ino) || memfd_keeps(vm, r->dev, r->ino));
}

/* Those of files that were closed are still noted. -EINTR: the guest is to end. */
static int sweep(struct vcpu *vcpu, struct records *list)
{
	unsigned left = 0;
	bool there = false;
	for (unsigned i = 0; i < list->count; i++) {
		const struct record r = list->of[i];
		if (vcpu_ending(vcpu))
			return -EINTR;
		if (i == 0 || r.opened != list->of[i - 1].opened)
			there = is_there(vcpu->vm, &r);
		if (there)
			list->of[left++] = r;
	}
	list->count = left;
	return 0;
}

/* --- the host call --- */

/*
 * The bytes that are meant, as the kernel reckons them, and from the file's beginning: its end may
 * change before the kernel looks. 0, -EINVAL or -EOVERFLOW.
 */
static int find_range(int host, const struct stat *st, const struct mote_lock *lock,
		      struct record *r)
{
	int64_t base = 0, from, last = INT64_MAX;
	if (lock->whence == SEEK_CUR)
		base = lseek(host, 0, SEEK_CUR);
	else if (lock->whence == SEEK_END)
		base = st->st_size;
	else if (lock->whence != SEEK_SET)
		return -EINVAL;
	if (base < 0)
		base = 0; /* a pipe, or a socket */
	if (__builtin_add_overflow(base, lock->start, &from))
		return -EOVERFLOW;
	if (lock->length > 0 && __builtin_add_overflow(from, lock->length - 1, &last))
		return -EOVERFLOW;
	if (lock->length < 0) {
		last = from - 1;
		if (from >= 0)
			from += lock->length;
	}
	if (from < 0)
		return -EINVAL;
	r->from = from;
	r->last = last;
	return 0;
}

static int find_record(const struct fd_entry *e, const struct mote_lock *lock, bool of_open_file,
		       struct record *r)
{
	struct stat st;
	int rc = resolve_stat(e->host, &st);
	if (rc < 0)
		return rc;
	*r = (struct record){.dev = st.st_dev,
			     .ino = st.st_ino,
			     .opened = e->opened,
			     .of_open_file = of_open_file,
			     .type = lock->type};
	return find_range(e->host, &st, lock, r);
}

/* The list as it would be: 0, or -ENOLCK as on Linux if there can be no more. */
static int plan(struct vcpu *vcpu, const struct record *asked)
{
	struct vm *vm = vcpu->vm;
	if (!vm->record_locks)
		vm->record_locks = calloc(1, sizeof(*vm->record_locks));
	if (!vm->record_locks)
		return -ENOLCK;
	struct records *now = &vm->record_locks->lists[vm->record_locks->now];
	struct records *next = &vm->record_locks->lists[1 - vm->record_locks->now];
	list_with(now, asked, next);
	if (!next->too_many)
		return 0;
	int rc = sweep(vcpu, now);
	if (rc < 0)
		return rc;
	rc = join(vcpu, now);
	if (rc < 0)
		return rc;
	list_with(now, asked, next);
	return next->too_many ? -ENOLCK : 0;
}

/* Waits for a lock by looking again, as flock does: nothing else could be interrupted. */
static int set_waiting(struct vcpu *vcpu, int host, int command, const struct flock *lock,
		       bool waits)
{
	while (fcntl(host, command, lock) < 0) {
		if (!waits || (errno != EAGAIN && errno != EACCES))
			return -errno;
		int rc = vcpu_wait(vcpu, 5000000);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int64_t set_lock(struct vcpu *vcpu, const struct call_lock *a, int command, bool waits)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	const bool of_open_file = command == F_OFD_SETLK;
	struct record asked;
	int rc = find_record(e, a->lock, of_open_file, &asked);
	if (rc == 0)
		rc = plan(vcpu, &asked);
	if (rc < 0)
		return rc;
	const struct flock lock = {
		.l_type = a->lock->type,
		.l_whence = SEEK_SET,
		.l_start = asked.from,
		.l_len = asked.last == INT64_MAX ? 0 : asked.last - asked.from + 1,
	};
	fdtable_note_lock(&vm->fds, e, of_open_file ? FD_LOCK_OPEN_FILE : FD_LOCK_PROCESS);
	rc = set_waiting(vcpu, e->host, command, &lock, waits);
	if (rc == 0)
		vm->record_locks->now = 1 - vm->record_locks->now;
	return rc;
}

/* Whose lock is in the way of one. */
static int64_t find_conflict(struct vcpu *vcpu, const struct call_lock *a)
{
	struct flock lock = {
		.l_type = a->lock->type,
		.l_whence = a->lock->whence,
		.l_start = a->lock->start,
		.l_len = a->lock->length,
	};
	if (fcntl(fdtable_host(&vcpu->vm->fds, a->fd), (int)a->command, &lock) < 0)
		return -errno;
	const struct mote_lock out = {
		.type = lock.l_type,
		.whence = lock.l_whence,
		.start = lock.l_start,
		.length = lock.l_len,
	};
	if (a->conflict.v)
		vm_put(vcpu->vm, a->conflict, &out, sizeof(out));
	return 0;
}

int64_t host_lock(struct vcpu *vcpu, const struct call_lock *a)
{
	if (!fdtable_get(&vcpu->vm->fds, a->fd))
		return -EBADF;
	if (!a->lock)
		return -EINVAL;
	switch (a->command) {
	case F_SETLK:
	case F_OFD_SETLK:
		return set_lock(vcpu, a, (int)a->command, false);
	case F_SETLKW:
		return set_lock(vcpu, a, F_SETLK, true);
	case F_OFD_SETLKW:
		return set_lock(vcpu, a, F_OFD_SETLK, true);
	case F_GETLK:
	case F_OFD_GETLK:
		return find_conflict(vcpu, a);
	default:
		return -EINVAL;
	}
}
