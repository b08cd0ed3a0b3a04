/* SPDX-License-Identifier: Apache-2.0 */
/* What guests that own CPL 0 share. */
#include "owner.h"

#include "guest.h"

#define GATE_TYPE 0x8eUL

/* Entered by its supervisor alias, since the host may have set SMEP again. */
__attribute__((used)) static void (*go_on)(void);
__asm__("on_exception:\n"
	"	mov %cr4, %rax\n	btr $20, %rax\n	btr $21, %rax\n	mov %rax, %cr4\n"
	"	movabs $go_on, %rax\n	jmp *(%rax)\n");
extern char on_exception[];

uint64_t owner_physical_of(uint64_t va, void (*table)(uint64_t))
{
	uint64_t at = owner_cr3();
	for (int level = 4;; level--) {
		uint64_t size = 1UL << (12 + 9 * (level - 1)),
			 entry = owner_physical(at)[va / size % 512];
		if (table)
			table(at);
		if (level == 1 || entry & PTE_IS_LARGE)
			return (entry & PTE_ADDRESS & ~(size - 1)) + va % size;
		at = entry & PTE_ADDRESS;
	}
}

void owner_patch_gates(uint64_t tables_gpa, void (*target)(void))
{
	uint64_t to = IDENTITY + owner_physical_of((uint64_t)on_exception, NULL);
	go_on = target;
	for (uint64_t v = 0; v < MOTE_VECTORS; v++) {
		uint64_t *gate = owner_physical(tables_gpa + MOTE_KERNEL_IDT_AT + v * 16),
			 dpl = v == BREAKPOINT ? 3 : 0;
		gate[0] = (to & 0xffff) | MOTE_KERNEL_CS << 16 | (gate[0] & 0x700000000) |
			  (GATE_TYPE | dpl << 5) << 40 | (to >> 16 & 0xffff) << 48;
		gate[1] = to >> 32;
	}
}
