/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls, host side. For each call of abi/calls.def there is a decoded form `struct call_NAME` and a
 * handler `int64_t host_NAME(struct vm *, const struct call_NAME *)`. A frame is copied once, decoded
 * completely and checked (hostcall.c), and only then handed to its handler, which cannot meet a bad
 * pointer any more, checks what this guest may do, and acts. The guest controls every byte of a frame.
 */
#ifndef MOTE_VM_HOSTCALL_HOSTCALL_H
#define MOTE_VM_HOSTCALL_HOSTCALL_H

#include "abi/layout.h"
#include "abi/types.h"
#include "vm/memory/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct vm;

#define HOSTCALL_IOV_MAX 1024 /* host spans a call; a longer transfer is cut short, as readv may */

/* What decoded arguments look like. Pointers lead into the vm's scratch memory: valid for this call. */
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
};

#define HC_ID(n) n
#define HC_FIELD_FD(n) int32_t n;
#define HC_FIELD_I32(n) int32_t n;
#define HC_FIELD_U32(n) uint32_t n;
#define HC_FIELD_I64(n) int64_t n;
#define HC_FIELD_U64(n) uint64_t n;
#define HC_FIELD_PATH(n) const char *n; /* NUL-terminated, 1..4095 bytes */
#define HC_FIELD_IN(n) struct call_bytes n;
#define HC_FIELD_OUT(n) struct call_out n;
#define HC_FIELD_IOVR(n) struct call_iov n;
#define HC_FIELD_IOVW(n) struct call_iov n;
#define HC_PTR_IN(n) *n;  /* a copy, NULL where the guest gave none */
#define HC_PTR_OUT(n) n;  /* v == 0 where the guest wants none; else checked: use vm_put() */
#define HC_FIELD_SIN(T) const struct T HC_PTR_IN
#define HC_FIELD_SOUT(T) gva_t HC_PTR_OUT

#define HC_FIELDS_A(kind, name) HC_FIELD_##kind(name) HC_FIELDS_B
#define HC_FIELDS_B(kind, name) HC_FIELD_##kind(name) HC_FIELDS_A
#define HC_FIELDS_A_END
#define HC_FIELDS_B_END
#define HC_END_(...) __VA_ARGS__##_END
#define HC_END(...) HC_END_(__VA_ARGS__)

#define CALL(number, call, args)                                                                   \
	struct call_##call {                                                                       \
		HC_END(HC_FIELDS_A args)                                                           \
	};                                                                                         \
	int64_t host_##call(struct vm *vm, const struct call_##call *a);
#include "abi/calls.def"
#undef CALL

/* Writes a result to an address that decoding has checked. */
void vm_put(struct vm *vm, gva_t to, const void *from, uint64_t bytes);

/* Carries out the call that is in the frame of the vCPU's area. Host-side entry for the run loop. */
void hostcall_serve(struct vm *vm, struct mote_area *area);
/* The same on the poller (run/poller.h): false, and nothing done, where the call is one for the vCPU's thread. */
bool hostcall_serve_polled(struct vm *vm, struct mote_area *area) must_check;

#endif
