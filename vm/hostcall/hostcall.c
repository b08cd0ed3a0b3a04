/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding host calls. The guest controls the frame and everything that it points to: the frame is
 * copied once, every argument is checked and copied or translated before the handler runs.
 */
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <string.h>

struct decoder {
	struct vm *vm;
	const uint64_t *cell; /* next of the copied frame's cells */
};

static uint8_t *scratch_take(struct vm *vm, size_t bytes)
{
	size_t at = (vm->scratch_used + 15) & ~(size_t)15;
	if (at > sizeof(vm->scratch) || bytes > sizeof(vm->scratch) - at)
		return NULL;
	vm->scratch_used = at + bytes;
	return vm->scratch + at;
}

static int decode_i32(struct decoder *d, int32_t *out)
{
	int64_t v = (int64_t)*d->cell++;
	if (v != (int32_t)v)
		return -EINVAL;
	*out = (int32_t)v;
	return 0;
}

static int decode_fd(struct decoder *d, int32_t *out)
{
	return decode_i32(d, out) < 0 ? -EBADF : 0;
}

static int decode_u32(struct decoder *d, uint32_t *out)
{
	uint64_t v = *d->cell++;
	if (v > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int decode_i64(struct decoder *d, int64_t *out)
{
	*out = (int64_t)*d->cell++;
	return 0;
}

static int decode_u64(struct decoder *d, uint64_t *out)
{
	*out = *d->cell++;
	return 0;
}

static int decode_path(struct decoder *d, const char **out)
{
	gva_t at = gva(*d->cell++);
	uint64_t len = *d->cell++;
	if (len == 0)
		return -ENOENT;
	if (len >= 4096)
		return -ENAMETOOLONG;
	char *path = (char *)scratch_take(d->vm, len + 1);
	if (!path)
		return -E2BIG;
	if (memory_read(&d->vm->memory, at, path, len) < 0)
		return -EFAULT;
	path[len] = '\0';
	if (memchr(path, '\0', len))
		return -EINVAL;
	*out = path;
	return 0;
}

static int decode_in(struct decoder *d, struct call_bytes *out)
{
	gva_t at = gva(*d->cell++);
	uint64_t len = *d->cell++;
	if (len > MOTE_IN_MAX)
		return -E2BIG;
	uint8_t *data = scratch_take(d->vm, len);
	if (!data)
		return -E2BIG;
	if (memory_read(&d->vm->memory, at, data, len) < 0)
		return -EFAULT;
	*out = (struct call_bytes){.data = data, .len = len};
	return 0;
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

static int decode_out(struct decoder *d, struct call_out *out)
{
	gva_t at = gva(*d->cell++);
	uint64_t len = *d->cell++;
	if (len > OUT_MAX)
		len = OUT_MAX;
	*out = (struct call_out){.at = at, .len = len};
	return check_writable(d->vm, at, len);
}

/* The guest's vectors become host vectors; what does not fit HOSTCALL_IOV_MAX is left for the next call. */
static int decode_iov(struct decoder *d, unsigned access, struct call_iov *out)
{
	gva_t at = gva(*d->cell++);
	uint64_t count = *d->cell++;
	struct vm *vm = d->vm;
	if (count > 1024)
		return -EINVAL;
	*out = (struct call_iov){.v = vm->iov};
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec one;
		if (memory_read(&vm->memory, gva(at.v + i * sizeof(one)), &one, sizeof(one)) < 0)
			return -EFAULT;
		while (one.len > 0) {
			uint64_t piece = 64 * MOTE_PAGE - (one.base & (MOTE_PAGE - 1));
			if (piece > one.len)
				piece = one.len;
			int n = memory_span(&vm->memory, gva(one.base), piece, access, vm->iov + out->count,
					    HOSTCALL_IOV_MAX - out->count);
			if (n == -E2BIG)
				return out->count ? 0 : -EINVAL;
			if (n < 0) /* what came before may still be transferred, as readv does */
				return out->count ? 0 : -EFAULT;
			out->count += n;
			out->bytes += piece;
			one.base += piece;
			one.len -= piece;
		}
	}
	return 0;
}

static int decode_struct_in(struct decoder *d, size_t bytes, const void **out)
{
	uint64_t at = *d->cell++;
	*out = NULL;
	if (at == 0)
		return 0;
	uint8_t *copy = scratch_take(d->vm, bytes);
	if (!copy)
		return -E2BIG;
	*out = copy;
	return memory_read(&d->vm->memory, gva(at), copy, bytes) < 0 ? -EFAULT : 0;
}

static int decode_struct_out(struct decoder *d, size_t bytes, gva_t *out)
{
	*out = gva(*d->cell++);
	return out->v ? check_writable(d->vm, *out, bytes) : 0;
}

/* One statement an argument; the first failure decides. A structure's kind is closed by its name. */
#define HC_DEC_FD(n) rc = rc ? rc : decode_fd(&d, &a.n);
#define HC_DEC_I32(n) rc = rc ? rc : decode_i32(&d, &a.n);
#define HC_DEC_U32(n) rc = rc ? rc : decode_u32(&d, &a.n);
#define HC_DEC_I64(n) rc = rc ? rc : decode_i64(&d, &a.n);
#define HC_DEC_U64(n) rc = rc ? rc : decode_u64(&d, &a.n);
#define HC_DEC_PATH(n) rc = rc ? rc : decode_path(&d, &a.n);
#define HC_DEC_IN(n) rc = rc ? rc : decode_in(&d, &a.n);
#define HC_DEC_OUT(n) rc = rc ? rc : decode_out(&d, &a.n);
#define HC_DEC_IOVR(n) rc = rc ? rc : decode_iov(&d, MEMORY_READ, &a.n);
#define HC_DEC_IOVW(n) rc = rc ? rc : decode_iov(&d, MEMORY_WRITE, &a.n);
#define HC_CLOSE(n) n);
#define HC_DEC_SIN(T) rc = rc ? rc : decode_struct_in(&d, sizeof(struct T), (const void **)&a.HC_CLOSE
#define HC_DEC_SOUT(T) rc = rc ? rc : decode_struct_out(&d, sizeof(struct T), &a.HC_CLOSE
#define HC_DECS_A(kind, name) HC_DEC_##kind(name) HC_DECS_B
#define HC_DECS_B(kind, name) HC_DEC_##kind(name) HC_DECS_A
#define HC_DECS_A_END
#define HC_DECS_B_END

#define CALL(number, call, args)                                                                   \
	static int64_t serve_##call(struct vm *vm, const struct mote_frame *frame)                 \
	{                                                                                          \
		struct decoder d = {.vm = vm, .cell = frame->arg};                                 \
		struct call_##call a;                                                              \
		int rc = 0;                                                                        \
		memset(&a, 0, sizeof(a));                                                          \
		HC_END(HC_DECS_A args)                                                             \
		(void)d;                                                                           \
		return rc ? rc : host_##call(vm, &a);                                              \
	}
#include "abi/calls.def"
#undef CALL

enum {
#define CALL(number, call, args) MOTE_CALL_##call = number,
#include "abi/calls.def"
#undef CALL
};

/*
 * What the WebAssembly personality asks for. Others are as if they were not there for its VM, whatever runs in it: the
 * filter of its thread lacks their system calls (jail/vcpu.def), and would end the process for them.
 */
static bool wasm_has(uint64_t nr)
{
	static const bool has[] = {
#define HAS(call) [MOTE_CALL_##call] = true
		HAS(exit), HAS(exit_signal), HAS(log), HAS(ready),
		HAS(mem_map), HAS(mem_unmap), HAS(mem_protect), HAS(mem_map_payload), HAS(mem_map_many),
		HAS(mem_zero), HAS(mem_seal),
		HAS(open), HAS(close), HAS(readv), HAS(writev), HAS(preadv), HAS(pwritev), HAS(lseek), HAS(fstat),
		HAS(stat), HAS(readdir), HAS(mkdir), HAS(unlink), HAS(rename), HAS(link), HAS(symlink), HAS(readlink),
		HAS(ftruncate), HAS(fallocate), HAS(fsync), HAS(fadvise), HAS(futimens), HAS(utimens),
		HAS(get_flags), HAS(set_flags), HAS(dup), HAS(dup_to),
		HAS(poll), HAS(clock_get), HAS(clock_resolution), HAS(sleep), HAS(random), HAS(yield),
		HAS(tty_get), HAS(readable_bytes),
		HAS(accept), HAS(send), HAS(recv), HAS(shutdown), HAS(sock_getopt),
		HAS(exchange),
#undef HAS
	};
	return nr < sizeof(has) && has[nr];
}

static int64_t dispatch(struct vm *vm, const struct mote_frame *frame)
{
	if (vm->wasm && !wasm_has(frame->nr))
		return -ENOSYS;
	switch (frame->nr) {
#define CALL(number, call, args)                                                                   \
	case number:                                                                               \
		return serve_##call(vm, frame);
#include "abi/calls.def"
#undef CALL
	}
	return -ENOSYS;
}

/* Standard streams: the embedder's, and what is written to them starts a timer of the vCPU's thread. */
static bool stdio(struct vm *vm, uint64_t fd)
{
	const struct fd_entry *e = fd <= INT32_MAX ? fdtable_get(&vm->fds, (int32_t)fd) : NULL;
	return e && e->flags & FD_STDIO;
}

/* Calls that neither wait, as far as they know, nor change memory, nor belong to the vCPU's thread. */
static bool pollable(struct vm *vm, const struct mote_frame *f)
{
	switch (f->nr) {
	case MOTE_CALL_readv:
	case MOTE_CALL_writev:
	case MOTE_CALL_preadv:
	case MOTE_CALL_pwritev:
		return !stdio(vm, f->arg[0]);
	case MOTE_CALL_open:
	case MOTE_CALL_close:
	case MOTE_CALL_lseek:
	case MOTE_CALL_fstat:
	case MOTE_CALL_stat:
	case MOTE_CALL_readdir:
	case MOTE_CALL_mkdir:
	case MOTE_CALL_unlink:
	case MOTE_CALL_rename:
	case MOTE_CALL_link:
	case MOTE_CALL_symlink:
	case MOTE_CALL_readlink:
	case MOTE_CALL_ftruncate:
	case MOTE_CALL_futimens:
	case MOTE_CALL_utimens:
	case MOTE_CALL_fchmod:
	case MOTE_CALL_chmod:
	case MOTE_CALL_access:
	case MOTE_CALL_statfs:
	case MOTE_CALL_get_flags:
	case MOTE_CALL_set_flags:
	case MOTE_CALL_dup:
	case MOTE_CALL_dup_to:
	case MOTE_CALL_poll:
	case MOTE_CALL_clock_resolution:
	case MOTE_CALL_random:
	case MOTE_CALL_recv:
		return true;
	case MOTE_CALL_clock_get: /* but for CPU time, which is that of a thread */
		return f->arg[0] != CLOCK_PROCESS_CPUTIME_ID && f->arg[0] != CLOCK_THREAD_CPUTIME_ID;
	}
	return false;
}

static struct mote_frame take_frame(struct vm *vm, struct mote_area *area)
{
	vm->scratch_used = 0;
	return *(volatile struct mote_frame *)&area->frame;
}

static void finish(struct vm *vm, struct mote_area *area, int64_t result)
{
	vm->counters.calls++;
	*(volatile int64_t *)&area->frame.result = result;
}

void hostcall_serve(struct vm *vm, struct mote_area *area)
{
	if (ring_answered(vm))
		return;
	const struct mote_frame frame = take_frame(vm, area);
	vm->may_pend |= frame.nr != MOTE_CALL_exchange;
	ring_doorbell(vm, pollable(vm, &frame));
	vm_flush_output(vm);
	int64_t result = dispatch(vm, &frame);
	if (frame.nr == MOTE_CALL_writev)
		vm_note_write(vm, (int32_t)frame.arg[0], result);
	if (result == VM_STOPPED_HERE)
		vm->channel.waiting = vm->at_call = true;
	else
		finish(vm, area, result);
	ring_replied(vm);
}

bool hostcall_serve_polled(struct vm *vm, struct mote_area *area)
{
	const struct mote_frame frame = take_frame(vm, area);
	if (!pollable(vm, &frame) || guest_word(area->output_len) != 0)
		return false;
	vm->on_poller = true;
	int64_t result = dispatch(vm, &frame);
	vm->on_poller = false;
	if (result == VM_DEFER)
		return false;
	finish(vm, area, result);
	return true;
}

void vm_put(struct vm *vm, gva_t to, const void *from, uint64_t bytes)
{
	/* Decoding has checked the range, and only a call of this vCPU could have unmapped it since. */
	if (memory_write(&vm->memory, to, from, bytes) < 0)
		vm_log(vm, "result at %#lx could not be stored", to.v);
}
