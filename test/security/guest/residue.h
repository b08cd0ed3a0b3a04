/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one guest leaves and the next one must not find: canonical as an address, not present as a
 * page table's entry.
 */
#ifndef MOTE_TEST_SECURITY_RESIDUE_H
#define MOTE_TEST_SECURITY_RESIDUE_H

#include <stdint.h>

/* Made at run time, so that no image has it in its code. */
static inline uint64_t residue_pattern(void)
{
	uint64_t inverse = 0xffffa5e83f21a5e9;
	__asm__("" : "+r"(inverse));
	return ~inverse;
}
#define RESIDUE_PATTERN residue_pattern()

#endif
