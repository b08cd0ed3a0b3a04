/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls, host side. For each call of abi/calls.def there is a decoded form `struct call_NAME`
 * and a handler `int64_t host_NAME(struct vcpu *, const struct call_NAME *)`. A frame is copied
 * once, decoded completely and checked (decode.c), and only then handed to its handler, which
 * cannot meet a bad pointer any more, checks what this guest may do, and acts. The guest controls
 * every byte of a frame.
 */
#ifndef MOTE_VM_HOSTCALL_HOSTCALL_H
#define MOTE_VM_HOSTCALL_HOSTCALL_H

#include "abi/layout.h"
#include "abi/types.h"
#include "vm/memory/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct vcpu;
struct vm;

/* host spans a call; a longer transfer is cut short, as readv may */
#define HOSTCALL_IOV_MAX 1024

/*
 * What decoded arguments look like. Pointers lead into the vm's scratch memory: valid for this
 * call.
 */
struct call_bytes {
	const uint8_t *data;
	size_t len;
};
struct call_out { /* checked to be writable */
	gva_t at;
	uint64_t len;
};
struct call_iov { /* host memory; bytes <= what the guest asked for */
	struct iovec *v;
	int count;
	uint64_t bytes;
	uint64_t first; /* of these, how many the first of the guest's vectors has */
};

/*
 * Made of abi/calls.def. A PATH has 1 to 4095 bytes and ends with NUL; of an absent SIN the copy is
 * NULL; an SOUT that is not wanted has address 0, any other was checked and is for vm_put().
 */
#include "gen/hostcall_numbers.h"
#include "gen/hostcall_types.h"

/* What a system call returned, as a result: itself, or the negative errno... */
static inline int64_t sys_result(long rc)
{
	if (rc < 0)
		return -errno;
	return rc;
}
/* ...and of one that returns nothing else: 0 or the negative errno. */
static inline int sys_status(long rc)
{
	if (rc < 0)
		return -errno;
	return 0;
}

/* The result of a transfer that failed: what it had done, or the error if that is nothing. */
static inline int64_t done_or(int64_t done, int64_t error)
{
	if (done)
		return done;
	return error;
}

static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	if (a < b)
		return a;
	return b;
}

/* Writes a result to an address that decoding has checked. */
void vm_put(struct vm *vm, gva_t to, const void *from, uint64_t bytes);

/* What became of a call. */
enum outcome_kind {
	CALL_DONE, /* `result` is the guest's: >= 0, or a negative errno */
	/* on the polling thread: nothing was done, the call is one for the vCPU's thread */
	CALL_DEFER,
	/*
	 * nothing was done: the guest stops before the call, which is carried out when it goes on
	 */
	CALL_STOP,
};
struct call_outcome {
	enum outcome_kind kind;
	int64_t result;
};
/*
 * For a handler that has done nothing yet, or what it calls: the call ends as CALL_DEFER or
 * CALL_STOP. A negative number, to be returned at once as an error would be.
 */
int call_defer(struct vcpu *vcpu) must_check;
/*
 * fifo.c: waits for the first writer of a FIFO that was opened for reading without waiting, perhaps
 * by the same call on the poller before, whose descriptor is then *fd. 0 or -errno.
 */
struct stat;
int call_wait_fifo(struct vcpu *vcpu, int *fd, const struct stat *st) must_check;
/* Closes what a call that was deferred has left open. */
void call_drop_fifo(struct vcpu *vcpu);
int call_stop(struct vcpu *vcpu) must_check;

/* The frame of the vCPU's area, copied once: the guest may change the area at any time. */
struct mote_frame hostcall_take(struct vcpu *vcpu);
/* Decodes the call of a frame that was taken, and carries it out. */
struct call_outcome hostcall_dispatch(struct vcpu *vcpu, const struct mote_frame *frame);
/* Gives the guest the result. */
void hostcall_finish(struct vcpu *vcpu, uint32_t nr, int64_t result);
/* Whether the polling thread may carry it out. */
bool hostcall_pollable(struct vm *vm, const struct mote_frame *frame);
/*
 * Takes and carries out a call on the polling thread: false, and nothing done, if it is one for the
 * vCPU's thread.
 */
bool hostcall_serve_polled(struct vcpu *vcpu) must_check;

#endif
