/* SPDX-License-Identifier: Apache-2.0 */
/* What this guest runtime does with the address space that abi/layout.h leaves to it. */
#ifndef MOTE_WASI_SPACE_H
#define MOTE_WASI_SPACE_H

#include "abi/layout.h"

/*
 * The stack that Wasm code runs on: one large page, so that mapping it costs one table entry.
 * Nothing is mapped around it.
 */
#define SPACE_STACK       0x7d1800200000
#define SPACE_STACK_BYTES 0x200000
#define SPACE_STACK_TOP   (SPACE_STACK + SPACE_STACK_BYTES)

/* The tables by descriptor number of a program that opens many files (host/fd_array.h): 128 Ki
 * entries each. */
#define SPACE_RESOURCES 0x7d1801000000
#define SPACE_P1_FDS    0x7d1801400000
#define SPACE_FDS_END   0x7d1802000000

/* Reservations of the engine: small ones close together, so that they share page tables, large ones
 * apart. */
#define SPACE_SMALL       0x7d1802000000
#define SPACE_SMALL_END   0x7d1840000000
#define SPACE_SMALL_MAX   0x4000000
#define SPACE_LARGE       0x100000000000
#define SPACE_LARGE_END   0x7c0000000000
#define SPACE_LARGE_ALIGN 0x200000

#ifndef __ASSEMBLER__
_Static_assert(SPACE_STACK > MOTE_FREE_VA && SPACE_STACK % SPACE_STACK_BYTES == 0 &&
		       SPACE_STACK_TOP < SPACE_RESOURCES && SPACE_SMALL >= SPACE_FDS_END &&
		       SPACE_SMALL_END < MOTE_KERNEL && SPACE_LARGE_END < MOTE_WINDOW,
	       "the parts lie apart");
#endif

#endif
