/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that own CPL 0. The host maps guest-physical memory for them, supervisor only, from
 * IDENTITY on.
 */
#ifndef MOTE_TEST_SECURITY_OWNER_H
#define MOTE_TEST_SECURITY_OWNER_H

#include <stdint.h>

#define IDENTITY_SLOT  300
#define IDENTITY       0xffff960000000000UL /* entry 300 of the top table */
#define IDENTITY_BYTES (64UL << 20)

#define PTE_IS_PRESENT 1UL
#define PTE_IS_LARGE   0x80UL
#define PTE_ADDRESS    0x000ffffffffff000UL

static inline uint64_t *owner_physical(uint64_t gpa)
{
	return (uint64_t *)(IDENTITY + gpa % IDENTITY_BYTES);
}

static inline uint64_t owner_cr3(void)
{
	uint64_t v;
	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v & PTE_ADDRESS;
}

/*
 * Where an address of the guest's lies, as the CPU would find it; `table` (may be NULL) is called
 * with each table.
 */
uint64_t owner_physical_of(uint64_t va, void (*table)(uint64_t gpa));
/*
 * Has every exception go to `to` at CPL 0, by gates that are rewritten in place, so that they stay
 * when the host sets the registers of the descriptor tables; INT3 may come from CPL 3. `to` runs
 * without SMEP and SMAP, its RSP means nothing. tables_gpa: of the page with the IDT.
 */
void owner_patch_gates(uint64_t tables_gpa, void (*to)(void));

#endif
