/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a port defines in abi/arch/ARCHITECTURE.h (x86_64.h says what each is), for compiling
 * portable code without a port: `-fsyntax-only -DMOTE_ARCH_INTERFACE` (test/rules) shows that it
 * needs nothing else. Nothing that is linked may use it; the numbers are those of x86-64.
 */
#ifndef MOTE_ABI_ARCH_INTERFACE_H
#define MOTE_ABI_ARCH_INTERFACE_H

#include <stdint.h>

#define MOTE_WINDOW     0x7d0000000000
#define MOTE_IMAGE_VA   MOTE_WINDOW
#define MOTE_BOOT_VA    0x7d1000000000
#define MOTE_PROGRAM_VA 0x7d1040000000
#define MOTE_AREAS_VA   0x7d1400019000
#define MOTE_FREE_VA    0x7d1800000000
#define MOTE_KERNEL     0x7dff00000000
#define MOTE_KERNEL_END 0x7dff40000000
#define MOTE_WINDOW_END MOTE_KERNEL_END
#define MOTE_VA_END     0x7ffffffff000

struct mote_context {
	uint64_t registers[32];
};
uint64_t mote_context_pc(const struct mote_context *c);
uint64_t mote_context_sp(const struct mote_context *c);

void *mote_arch_area(void);
void mote_arch_doorbell(void);
uint64_t mote_arch_cycles(void);
void mote_arch_relax(void);

#endif
