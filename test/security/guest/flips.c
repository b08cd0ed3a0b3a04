/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest whose snapshot has something of everything: small and large pages, holes, hidden and
 * read-only pages, freed pages of both sizes. For each message it uses memory, all that it can get
 * if the message says so, and gives it back.
 */
#include "guest.h"

#define SMALL_AT 0x30000000UL
#define LARGE_AT 0x40000000UL
#define ALL_AT   0x100000000UL
#define MIB      (1UL << 20)

static int prepare(void)
{
	struct mote_area *a = guest_area;
	int64_t rc = mote_mem_map(a, SMALL_AT, 0x40000, RW);
	for (uint64_t at = SMALL_AT; at < SMALL_AT + 0x40000; at += 0x1000)
		*(volatile uint64_t *)at = at;
	rc |= mote_mem_unmap(a, SMALL_AT + 0x8000, 0x5000);
	rc |= mote_mem_protect(a, SMALL_AT + 0x10000, 0x3000, MOTE_PROT_READ);
	rc |= mote_mem_protect(a, SMALL_AT + 0x20000, 0x3000, 0);
	rc |= mote_mem_map(a, LARGE_AT, 8 * MIB, RW);
	for (uint64_t at = LARGE_AT; at < LARGE_AT + 8 * MIB; at += 0x10000)
		*(volatile uint64_t *)at = at;
	rc |= mote_mem_unmap(a, LARGE_AT + 2 * MIB, 2 * MIB);
	rc |= mote_mem_unmap(a, LARGE_AT + 5 * MIB, 0x3000);
	rc |= mote_mem_map_program(a, 0x50000000, 0x1000, 0, MOTE_PROT_READ);
	return rc == 0;
}

/* Of each size as much as there is, or a few. */
static void use(bool all)
{
	uint64_t at = ALL_AT, step = 2 * MIB;
	for (; step >= 0x1000; step /= 8)
		for (unsigned n = 0; (all || n < 2) && mote_mem_map(guest_area, at, step, RW) == 0;
		     n++) {
			for (uint64_t page = at; page < at + step; page += all ? 0x1000 : step / 2)
				*(volatile uint64_t *)page = ~0UL;
			at += step;
		}
	mote_mem_unmap(guest_area, ALL_AT, at - ALL_AT);
}

int guest_main(int argc, const char **argv)
{
	static char message[64];
	(void)argc;
	(void)argv;
	if (!prepare())
		return 1;
	for (;;) {
		if (mote_exchange(guest_area, (uint64_t) "ready", 5, (uint64_t)message,
				  sizeof(message)) < 1)
			return 2;
		use(message[0] == 'a');
	}
}
