/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls on the space that a file takes. Their work in the kernel grows with the file, and on
 * most file systems no signal ends it: so it is asked for in steps, between which the guest can be
 * ended.
 */
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/steps.h"
#include "vm/internal.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

enum {
	STEP_BYTES = 16 << 20, /* of memory or of a disk's bitmap: some milliseconds */
	FLUSH_BYTES = 4 << 20, /* to be written to a disk */
	STEPS_MAX = 4096, /* larger files have larger steps: what is sparse must not take forever */
};

/* The same for a change of size or allocation. */
static int resizable(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	int rc = permit_resize(e);
	if (rc < 0)
		return rc;
	return e->host;
}

/* The entry of a file in memory of the guest's own; NULL: it is something else. */
static const struct fd_entry *in_memory(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	return e && (e->flags & FD_MEMORY) ? e : NULL;
}

static int admit_allocation(struct vm *vm, const struct fd_entry *e, uint32_t mode, uint64_t end)
{
	if (!e || mode & FALLOC_FL_PUNCH_HOLE)
		return 0;
	if (mode & FALLOC_FL_KEEP_SIZE)
		return memfd_admit_kept(vm, e, end);
	return memfd_admit(vm, e, end);
}

/*
 * How long steps of at least `least` (a power of two) are, so that `bytes` take at most STEPS_MAX
 * of them.
 */
static uint64_t step_for(uint64_t bytes, uint64_t least)
{
	while (bytes / STEPS_MAX > least)
		least *= 2;
	return least;
}

/*
 * The end of the step that begins at `at`: a multiple of `step`, so that only the first and last
 * are of partial blocks.
 */
static uint64_t step_end(uint64_t at, uint64_t end, uint64_t step)
{
	uint64_t to = (at & ~(step - 1)) + step;
	if (to < end)
		return to;
	return end;
}

/* --- ftruncate --- */

int vm_truncate(struct vcpu *vcpu, int host, const struct stat *st, uint64_t size)
{
	uint64_t at = (uint64_t)st->st_size, held = (uint64_t)st->st_blocks * 512;
	uint64_t cut = 0;
	if (at > size)
		cut = at - size;
	uint64_t step = step_for(cut, STEP_BYTES);
	bool steps = held > STEP_BYTES && cut > step;
	if (cut && size == 0)
		vcpu->vm->has_emptied = true;
	if (steps && vcpu->on_poller)
		return call_defer(vcpu);
	while (steps && at - size > step) {
		at = (at - 1) & ~(step - 1);
		if (ftruncate(host, (off_t)at) < 0)
			return -errno;
		if (vcpu_ending(vcpu))
			return -EINTR;
	}
	return sys_status(ftruncate(host, (off_t)size));
}

int64_t host_ftruncate(struct vcpu *vcpu, const struct call_ftruncate *a)
{
	struct vm *vm = vcpu->vm;
	int host = resizable(vm, a->fd);
	struct stat st;
	if (host < 0)
		return host;
	if (a->size > INT64_MAX)
		return -EINVAL;
	const struct fd_entry *memory = in_memory(vm, a->fd);
	int rc = memory ? memfd_admit(vm, memory, a->size) : 0;
	if (rc == 0)
		rc = resolve_stat(host, &st);
	if (rc < 0)
		return rc;
	rc = vm_truncate(vcpu, host, &st, a->size);
	if (rc == 0 && memory && a->size <= (uint64_t)st.st_size)
		memfd_note_cut(vm, memory);
	return rc;
}

/* --- fallocate --- */

/*
 * Whether doing it to both halves is doing it to the whole. Others move what lies behind, and are
 * one step.
 */
static bool divisible(uint32_t mode)
{
	const uint32_t modes[] = {0, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE,
				  FALLOC_FL_UNSHARE_RANGE};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if ((mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE) == modes[i])
			return true;
	return false;
}

int64_t host_fallocate(struct vcpu *vcpu, const struct call_fallocate *a)
{
	struct vm *vm = vcpu->vm;
	int host = resizable(vm, a->fd);
	uint64_t at = a->offset;
	if (host < 0)
		return host;
	if (a->size == 0 || a->size > INT64_MAX || at > INT64_MAX)
		return -EINVAL;
	uint64_t end = at + a->size, step = step_for(a->size, STEP_BYTES);
	if (end > INT64_MAX)
		return -EFBIG;
	int admitted = admit_allocation(vm, in_memory(vm, a->fd), a->mode, end);
	if (admitted < 0)
		return admitted;
	while (at < end) {
		uint64_t to = end;
		if (divisible(a->mode))
			to = step_end(at, end, step);
		int rc = sys_status(fallocate(host, (int)a->mode, (off_t)at, (off_t)(to - at)));
		if (rc < 0 && rc != -EINTR)
			return rc;
		if (rc == 0)
			at = to;
		if (at < end && vcpu_ending(vcpu))
			return -EINTR;
	}
	return 0;
}

/* --- fsync, fadvise --- */

/*
 * Starts writing what has changed in the range or, with `wait`, has it written. -ENOTSUP if that is
 * not supported.
 */
static int flush_range(int host, uint64_t at, uint64_t bytes, bool wait)
{
	unsigned flags = SYNC_FILE_RANGE_WRITE;
	if (wait)
		flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	if (sync_file_range(host, (off_t)at, (off_t)bytes, flags) == 0)
		return 0;
	if (errno == EINVAL || errno == ESPIPE || errno == ENOSYS)
		return -ENOTSUP;
	return -errno;
}

/*
 * Writes the file's data before fsync does, in whose wait nothing could end the guest: the next
 * step is under way while one is waited for. An error that is informed here fsync would not tell
 * any more.
 */
static int flush_data(struct vcpu *vcpu, int host)
{
	struct stat st;
	if (resolve_stat(host, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	uint64_t end = (uint64_t)st.st_size, step = step_for(end, FLUSH_BYTES);
	for (uint64_t at = 0; at < end; at += step) {
		int rc = flush_range(host, at + step, step, false);
		if (rc == 0)
			rc = flush_range(host, at, step, true);
		if (rc == -ENOTSUP)
			return 0;
		if (rc < 0)
			return rc;
		if (vcpu_ending(vcpu))
			return -EINTR;
	}
	return 0;
}

int64_t host_fsync(struct vcpu *vcpu, const struct call_fsync *a)
{
	int host = fdtable_host(&vcpu->vm->fds, a->fd);
	if (host < 0)
		return host;
	int rc = flush_data(vcpu, host);
	if (rc < 0)
		return rc;
	if (a->data_only)
		return sys_status(fdatasync(host));
	return sys_status(fsync(host));
}

/* Advice of which the kernel makes work at once. */
static bool works_at_once(uint32_t advice)
{
	return advice == POSIX_FADV_WILLNEED || advice == POSIX_FADV_DONTNEED;
}

/* What was handed in is cached for others too: there the advice is not taken. */
int64_t host_fadvise(struct vcpu *vcpu, const struct call_fadvise *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	struct stat st;
	if (!e)
		return -EBADF;
	if (a->size > INT64_MAX || a->offset > INT64_MAX)
		return -EINVAL;
	if (e->flags & FD_FIXED_STATE)
		return 0;
	int rc = resolve_stat(e->host, &st);
	if (rc < 0)
		return rc;
	/* Size 0 is up to the file's end. What lies behind that needs no work, and no steps. */
	uint64_t at = a->offset, left = a->size, file = (uint64_t)st.st_size;
	uint64_t end = file;
	if (left && at <= file && left < file - at)
		end = at + left;
	uint64_t step = step_for(end, STEP_BYTES);
	while (works_at_once(a->advice) && at < end && end - at > step) {
		uint64_t to = step_end(at, end, step);
		rc = posix_fadvise(e->host, (off_t)at, (off_t)(to - at), (int)a->advice);
		if (rc != 0)
			return -rc;
		if (vcpu_ending(vcpu))
			return -EINTR;
		if (left)
			left -= to - at;
		at = to;
	}
	return -posix_fadvise(e->host, (off_t)at, (off_t)left, (int)a->advice);
}
