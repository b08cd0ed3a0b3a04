/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's caps: all that a module can make large is bounded here by name. */
#ifndef MOTE_GUEST_WASM_LIMITS_H
#define MOTE_GUEST_WASM_LIMITS_H

#include <stdint.h>

#define WASM_MAX_MODULE_BYTES   0xf0000000ull /* offsets fit 32 bits */
#define WASM_MAX_TYPES          1000000u
#define WASM_MAX_SUBTYPE_DEPTH  63u
#define WASM_MAX_FIELDS         10000u
#define WASM_MAX_FUNCS          1000000u
#define WASM_MAX_IMPORTS        100000u
#define WASM_MAX_EXPORTS        100000u
#define WASM_MAX_GLOBALS        1000000u
#define WASM_MAX_TAGS           1000000u
#define WASM_MAX_TABLES         100u
#define WASM_MAX_MEMORIES       100u
#define WASM_MAX_ELEM_SEGMENTS  1000000u
#define WASM_MAX_DATA_SEGMENTS  100000u
#define WASM_MAX_PARAMS         1000u
#define WASM_MAX_RESULTS        1000u
#define WASM_MAX_LOCALS         50000u
#define WASM_MAX_BODY_BYTES     7654321u
#define WASM_MAX_TABLE_ELEMENTS 10000000u /* a table never grows beyond */
#define WASM_MAX_MEMORY_PAGES   65536u
#define WASM_MAX_MEMORY64_PAGES 1048576u
#define WASM_PAGE64K            65536ull

/* What a 32-bit address plus a 32-bit offset can reach, the widest access included. */
#define WASM_MEMORY_RESERVE_BYTES (0x200000000ull + 0x10000)
/*
 * With 64-bit addresses: code compares the address with the end, and what an offset below 2^31 then
 * reaches is still in the reservation.
 */
#define WASM_MEMORY64_END_BYTES     (WASM_MAX_MEMORY64_PAGES * WASM_PAGE64K)
#define WASM_MEMORY64_RESERVE_BYTES (WASM_MEMORY64_END_BYTES + 0x80000000ull + 0x10000)

/*
 * Machine code: reserved address space is CODE_EXPANSION times the code section, at most CODE_MAX.
 */
#define WASM_CODE_EXPANSION 64u
#define WASM_CODE_MIN_BYTES 0x100000ull
#define WASM_CODE_MAX_BYTES 0x60000000ull /* rel32 reaches all of it */
/*
 * So many quarters more than the code section are made writable at once, and the rest in steps:
 * machine code is seldom longer than that.
 */
#define WASM_CODE_USUAL_MORE  3u
#define WASM_CODE_SLACK_BYTES 0x4000u
/* No instruction emits more in one go; so much is free before each. */
#define WASM_CODE_INSN_BYTES 4096u

#define WASM_ARENA_MODULE_BYTES   0x40000000ull /* address space for a module's tables */
#define WASM_ARENA_FIRST_BYTES    0x6000u       /* of them next to the machine code */
#define WASM_ARENA_STEP_BYTES     0x8000u
#define WASM_ARENA_STEP_MAX_BYTES 0x400000u

/* A store's heap: address space; memory only as far as objects need it. */
#define WASM_HEAP_SHIFT      34
#define WASM_HEAP_BYTES      (1ull << WASM_HEAP_SHIFT)
#define WASM_MAX_FIXED_ARRAY 10000u /* operands of array.new_fixed */

/* Locals that may get registers; further ones stay in the frame. */
#define WASM_SCAN_LOCALS 1024u

#endif
