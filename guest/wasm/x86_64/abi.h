/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled code's calling convention in numbers; DESIGN.md explains it. */
#ifndef MOTE_GUEST_WASM_X86_64_ABI_H
#define MOTE_GUEST_WASM_X86_64_ABI_H

/* Registers of arguments: RSI RDX RCX R8 R9 and XMM0 to XMM7. */
enum { ARG_INTS = 5, ARG_FLOATS = 8 };
/* RBX RBP R12 R13 R14 R15 RSP RIP */
enum { JUMP_WORDS = 8 };

/* What a callee keeps: RBX RBP RDI R12 R13. */
enum { KEPT_REGS = 5 };
/* Slots of every frame from RSP on, below those of saved registers: instance, results' address. */
enum { FRAME_FIXED_SLOTS = 2 };

#endif
