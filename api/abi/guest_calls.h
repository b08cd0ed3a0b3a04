/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's side of the host-call table: for each call of calls.def a function `int64_t
 * mote_NAME(area, arguments…)`, which fills in that vCPU's frame and has it carried out. PATH, IN,
 * OUT, IOVR and IOVW arguments are two parameters: NAME and NAME_len (bytes, or the count of
 * vectors). Result: >= 0 or a negative errno. Only the vCPU that owns the area may call.
 */
#ifndef MOTE_ABI_GUEST_CALLS_H
#define MOTE_ABI_GUEST_CALLS_H

#include "abi/layout.h"
#include "abi/types.h"
#include "gen/hostcall_numbers.h"

#ifdef MOTE_HOSTED_CALLS
/* Tests that link guest code into a host program have an area of their own. */
struct mote_area *mote_area(void);
#else
static inline struct mote_area *mote_area(void)
{
	return mote_arch_area();
}

/* Exits to the host, which carries out the frame's call; gives its result. */
static inline int64_t mote_doorbell(struct mote_area *area)
{
	mote_arch_doorbell();
	return *(volatile int64_t *)&area->frame.result;
}
#endif

/*
 * Has the frame's call carried out, by an exit or without one, and gives its result. Declared here
 * alone: the program that makes host calls links one (guest/lib/polled_call.c, or a test's).
 */
int64_t mote_hostcall(struct mote_area *area);

#include "gen/hostcall_stubs.h"

#endif
