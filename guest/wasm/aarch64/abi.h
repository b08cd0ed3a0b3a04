/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled code's calling convention in numbers, as a port would have it (AAPCS64, the instance in X0).
 * Portable code is checked against it; nothing here is compiled for aarch64 yet.
 */
#ifndef MOTE_GUEST_WASM_AARCH64_ABI_H
#define MOTE_GUEST_WASM_AARCH64_ABI_H

/* Registers of arguments: X1 to X7 and V0 to V7. */
enum { ARG_INTS = 7, ARG_FLOATS = 8 };
/* X19 to X30, SP, D8 to D15 */
enum { JUMP_WORDS = 21 };

#endif
