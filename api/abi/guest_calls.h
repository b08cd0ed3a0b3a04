/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's side of the host-call table: for each call of calls.def an inline function
 * `int64_t mote_NAME(area, arguments…)`, which fills in that vCPU's frame and has it carried out.
 * PATH, IN, OUT, IOVR and IOVW arguments are two parameters: NAME and NAME_len (bytes, or the count of
 * vectors). Result: >= 0 or a negative errno. Only the vCPU that owns the area may call.
 */
#ifndef MOTE_ABI_GUEST_CALLS_H
#define MOTE_ABI_GUEST_CALLS_H

#include "abi/layout.h"
#include "abi/types.h"

#ifdef MOTE_HOSTED_CALLS
/* Tests that link guest code into a host program put a function of their own in the host's place. */
struct mote_area *mote_area(void);
int64_t mote_ring(struct mote_area *area);
#else
static inline struct mote_area *mote_area(void)
{
	struct mote_area *area;
	__asm__("mov %%gs:0, %0" : "=r"(area));
	return area;
}

/* Any memory may be read or written by the host meanwhile. RIP is not to be relied on by the host. */
static inline int64_t mote_doorbell(struct mote_area *area)
{
	__asm__ volatile("outb %%al, %0" : : "i"(MOTE_PORT_CALL), "a"(0) : "memory");
	return *(volatile int64_t *)&area->frame.result;
}

/* guest/lib: by the ring, else by the doorbell. */
int64_t mote_ring_polled(struct mote_area *area);

/* Has the frame's call carried out, and gives its result. */
static inline int64_t mote_ring(struct mote_area *area)
{
	if (__builtin_expect(__atomic_load_n(&area->ring.polling, __ATOMIC_RELAXED) != 0, 0))
		return mote_ring_polled(area);
	return mote_doorbell(area);
}
#endif

#define GC_ID(n) n
#define GC_PARAM_FD(n) int32_t n
#define GC_PARAM_I32(n) int32_t n
#define GC_PARAM_U32(n) uint32_t n
#define GC_PARAM_I64(n) int64_t n
#define GC_PARAM_U64(n) uint64_t n
#define GC_PARAM_PATH(n) const char *n, uint64_t n##_len
#define GC_PARAM_IN(n) const void *n, uint64_t n##_len
#define GC_PARAM_OUT(n) void *n, uint64_t n##_len
#define GC_PARAM_IOVR(n) const struct mote_iovec *n, uint64_t n##_len
#define GC_PARAM_IOVW(n) const struct mote_iovec *n, uint64_t n##_len
#define GC_PARAM_SIN(T) const struct T *GC_ID
#define GC_PARAM_SOUT(T) struct T *GC_ID

#define GC_ONE(n) *cell++ = (uint64_t)(n);
#define GC_TWO(n)                                                                                  \
	*cell++ = (uint64_t)(n);                                                                   \
	*cell++ = n##_len;
#define GC_PUT_FD GC_ONE
#define GC_PUT_I32 GC_ONE
#define GC_PUT_U32 GC_ONE
#define GC_PUT_I64 GC_ONE
#define GC_PUT_U64 GC_ONE
#define GC_PUT_PATH GC_TWO
#define GC_PUT_IN GC_TWO
#define GC_PUT_OUT GC_TWO
#define GC_PUT_IOVR GC_TWO
#define GC_PUT_IOVW GC_TWO
#define GC_PUT_SIN(T) GC_ONE
#define GC_PUT_SOUT(T) GC_ONE

/* Walks over an argument sequence: two macros that call each other, ended by a paste with _END. */
#define GC_PARAMS_A(kind, name) , GC_PARAM_##kind(name) GC_PARAMS_B
#define GC_PARAMS_B(kind, name) , GC_PARAM_##kind(name) GC_PARAMS_A
#define GC_PARAMS_A_END
#define GC_PARAMS_B_END
#define GC_PUTS_A(kind, name) GC_PUT_##kind(name) GC_PUTS_B
#define GC_PUTS_B(kind, name) GC_PUT_##kind(name) GC_PUTS_A
#define GC_PUTS_A_END
#define GC_PUTS_B_END
#define GC_END_(...) __VA_ARGS__##_END
#define GC_END(...) GC_END_(__VA_ARGS__)

#define CALL(number, call, args)                                                                   \
	static inline int64_t mote_##call(struct mote_area *area GC_END(GC_PARAMS_A args))         \
	{                                                                                          \
		uint64_t *cell = area->frame.arg;                                                  \
		area->frame.nr = number;                                                           \
		GC_END(GC_PUTS_A args)                                                             \
		(void)cell;                                                                        \
		return mote_ring(area);                                                            \
	}
#include "abi/calls.def"
#undef CALL

#endif
