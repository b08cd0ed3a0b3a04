/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding host calls. The guest controls the frame and everything that it points to: every
 * argument is checked and copied or translated before the handler runs. The frame itself is a copy
 * already (serve.c). What decodes each call is made of abi/calls.def.
 */
#include "vm/internal.h"
#include "vm/run/events.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Of one call. After a failure the other arguments are left alone: the first one decides. */
struct decoder {
	struct vcpu *vcpu;
	const uint64_t *cell; /* the copied frame's */
	int rc;               /* 0, or the first failure's negative errno */
};

static uint8_t *scratch_take(struct vcpu *vcpu, size_t bytes)
{
	size_t at = (vcpu->scratch_used + 15) & ~(size_t)15;
	if (at > sizeof(vcpu->scratch) || bytes > sizeof(vcpu->scratch) - at)
		return NULL;
	vcpu->scratch_used = at + bytes;
	return vcpu->scratch + at;
}

static void decode_i32(struct decoder *d, unsigned cell, int32_t *out)
{
	int64_t v = (int64_t)d->cell[cell];
	if (d->rc < 0)
		return;
	*out = (int32_t)v;
	if (v != (int32_t)v)
		d->rc = -EINVAL;
}

static void decode_fd(struct decoder *d, unsigned cell, int32_t *out)
{
	int64_t v = (int64_t)d->cell[cell];
	if (d->rc < 0)
		return;
	*out = (int32_t)v;
	if (v != (int32_t)v)
		d->rc = -EBADF;
}

static void decode_u32(struct decoder *d, unsigned cell, uint32_t *out)
{
	uint64_t v = d->cell[cell];
	if (d->rc < 0)
		return;
	*out = (uint32_t)v;
	if (v > UINT32_MAX)
		d->rc = -EINVAL;
}

static void decode_i64(const struct decoder *d, unsigned cell, int64_t *out)
{
	*out = (int64_t)d->cell[cell];
}

static void decode_u64(const struct decoder *d, unsigned cell, uint64_t *out)
{
	*out = d->cell[cell];
}

static int copy_path(struct vcpu *vcpu, gva_t at, uint64_t len, const char **out)
{
	if (len == 0)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	char *path = (char *)scratch_take(vcpu, len + 1);
	if (!path)
		return -E2BIG;
	if (memory_read(&vcpu->vm->memory, at, path, len) < 0)
		return -EFAULT;
	path[len] = '\0';
	if (memchr(path, '\0', len))
		return -EINVAL;
	*out = path;
	return 0;
}

static void decode_path(struct decoder *d, unsigned cell, const char **out)
{
	if (d->rc == 0)
		d->rc = copy_path(d->vcpu, gva(d->cell[cell]), d->cell[cell + 1], out);
}

static int copy_bytes(struct vcpu *vcpu, gva_t at, uint64_t len, struct call_bytes *out)
{
	if (len > MOTE_IN_MAX)
		return -E2BIG;
	uint8_t *data = scratch_take(vcpu, len);
	if (!data)
		return -E2BIG;
	if (memory_read(&vcpu->vm->memory, at, data, len) < 0)
		return -EFAULT;
	*out = (struct call_bytes){.data = data, .len = len};
	return 0;
}

static void decode_in(struct decoder *d, unsigned cell, struct call_bytes *out)
{
	if (d->rc == 0)
		d->rc = copy_bytes(d->vcpu, gva(d->cell[cell]), d->cell[cell + 1], out);
}

/* A range that the host may write to: checked page by page. */
static int check_writable(struct vm *vm, gva_t at, uint64_t bytes)
{
	struct iovec spans[64];
	while (bytes > 0) {
		/* Whole pages at a time, so that 64 entries always hold a piece. */
		uint64_t piece = 64 * MOTE_PAGE - (at.v & (MOTE_PAGE - 1));
		if (piece > bytes)
			piece = bytes;
		int rc = memory_span(&vm->memory, at, piece, MEMORY_WRITE, spans, 64);
		if (rc < 0)
			return -EFAULT;
		at.v += piece;
		bytes -= piece;
	}
	return 0;
}

#define OUT_MAX (16UL << 20) /* a larger buffer is used up to here */

static void decode_out(struct decoder *d, unsigned cell, struct call_out *out)
{
	uint64_t len = d->cell[cell + 1];
	if (d->rc < 0)
		return;
	if (len > OUT_MAX)
		len = OUT_MAX;
	*out = (struct call_out){.at = gva(d->cell[cell]), .len = len};
	d->rc = check_writable(d->vcpu->vm, out->at, len);
}

/*
 * Whether a transfer may end before a vector that cannot be had: one that lacks memory only if the
 * guest has no more of it.
 */
static bool may_cut(struct vcpu *vcpu)
{
	struct memory *m = &vcpu->vm->memory;
	if (!m->uncommitted)
		return true;
	if (vcpu->second_try)
		m->uncommitted = 0;
	return vcpu->second_try;
}

/*
 * Adds the host memory behind one of the guest's vectors. 0, or 1 if that is all that can be
 * transferred by this call: what came before a bad address, or what fits, as readv does. Else
 * -errno.
 */
static int add_vector(struct vcpu *vcpu, struct mote_iovec one, unsigned access,
		      struct call_iov *out)
{
	while (one.len > 0) {
		uint64_t piece = 64 * MOTE_PAGE - (one.base & (MOTE_PAGE - 1));
		if (piece > one.len)
			piece = one.len;
		int n = memory_span(&vcpu->vm->memory, gva(one.base), piece, access,
				    vcpu->iov + out->count, HOSTCALL_IOV_MAX - out->count);
		if (n < 0 && out->count && may_cut(vcpu))
			return 1;
		if (n == -E2BIG)
			return -EINVAL;
		if (n < 0)
			return -EFAULT;
		out->count += n;
		out->bytes += piece;
		one.base += piece;
		one.len -= piece;
	}
	return 0;
}

static int translate_vectors(struct vcpu *vcpu, gva_t at, uint64_t count, unsigned access,
			     struct call_iov *out)
{
	*out = (struct call_iov){.v = vcpu->iov};
	if (count & MOTE_IOV_ONE) {
		const struct mote_iovec one = {.base = at.v, .len = count & ~MOTE_IOV_ONE};
		int rc = add_vector(vcpu, one, access, out);
		if (rc < 0)
			return rc;
		out->first = out->bytes;
		return 0;
	}
	if (count > 1024)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec one;
		gva_t from = gva(at.v + i * sizeof(one));
		if (memory_read(&vcpu->vm->memory, from, &one, sizeof(one)) < 0)
			return -EFAULT;
		if (one.len > INT64_MAX)
			return -EINVAL;
		int rc = add_vector(vcpu, one, access, out);
		if (rc < 0)
			return rc;
		if (i == 0)
			out->first = out->bytes;
		if (rc > 0)
			return 0;
	}
	return 0;
}

static void decode_iov(struct decoder *d, unsigned cell, unsigned access, struct call_iov *out)
{
	if (d->rc == 0)
		d->rc = translate_vectors(d->vcpu, gva(d->cell[cell]), d->cell[cell + 1], access,
					  out);
}

static void decode_struct_in(struct decoder *d, unsigned cell, size_t bytes, const void **out)
{
	uint64_t at = d->cell[cell];
	*out = NULL;
	if (d->rc < 0 || at == 0)
		return;
	uint8_t *copy = scratch_take(d->vcpu, bytes);
	*out = copy;
	if (!copy)
		d->rc = -E2BIG;
	else if (memory_read(&d->vcpu->vm->memory, gva(at), copy, bytes) < 0)
		d->rc = -EFAULT;
}

static void decode_struct_out(struct decoder *d, unsigned cell, size_t bytes, gva_t *out)
{
	*out = gva(d->cell[cell]);
	if (d->rc == 0 && out->v)
		d->rc = check_writable(d->vcpu->vm, *out, bytes);
}

/* --- POLLED_IF of calls.def --- */

/*
 * Not of descriptors whose O_NONBLOCK the table emulates: standard streams, for which a timer of
 * the vCPU's thread may be set, and others that are shared.
 */
static bool poll_fd(struct vm *vm, const struct mote_frame *frame)
{
	uint64_t fd = frame->arg[0];
	if (fd > INT32_MAX)
		return true;
	const struct fd_entry *e = fdtable_get(&vm->fds, (int32_t)fd);
	return !e || !(e->flags & FD_FIXED_STATE);
}

/* CPU time is that of a thread. */
static bool poll_clock(const struct vm *vm, const struct mote_frame *frame)
{
	(void)vm;
	return frame->arg[0] != CLOCK_PROCESS_CPUTIME_ID &&
	       frame->arg[0] != CLOCK_THREAD_CPUTIME_ID;
}

/* carry_out() and hostcall_pollable(). */
#include "gen/hostcall_decode.h"

/* There was no memory for what the call reads or writes, and nothing was done. */
static int64_t try_again(struct vcpu *vcpu, const struct mote_frame *frame)
{
	struct memory *m = &vcpu->vm->memory;
	if (!vcpu_reclaim(vcpu))
		return -ENOMEM;
	m->uncommitted = 0;
	vcpu->scratch_used = 0;
	vcpu->second_try = true;
	int64_t result = carry_out(vcpu, frame);
	vcpu->second_try = false;
	if (m->uncommitted)
		vcpu_end_out_of_memory(vcpu);
	return result;
}

struct call_outcome hostcall_dispatch(struct vcpu *vcpu, const struct mote_frame *frame)
{
	struct memory *m = &vcpu->vm->memory;
	vcpu->outcome = CALL_DONE;
	m->uncommitted = 0;
	int64_t result = carry_out(vcpu, frame);
	if (m->uncommitted && vcpu->on_poller)
		vcpu->outcome = CALL_DEFER;
	else if (m->uncommitted)
		result = try_again(vcpu, frame);
	return (struct call_outcome){.kind = vcpu->outcome, .result = result};
}
