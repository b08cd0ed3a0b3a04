/* SPDX-License-Identifier: Apache-2.0 */
/* What guest/wasm/platform.h asks for, by host calls: address space, memory, stack. */
#include "guest/wasm/platform.h"

#include "guest/wasi/space.h"
#include "guest/wasi/state.h"

static uint64_t small_next = SPACE_SMALL, large_next = SPACE_LARGE;

static void *take(uint64_t *next, uint64_t end, uint64_t bytes)
{
	const uint64_t at = *next;
	if (bytes == 0 || bytes > end - at)
		return NULL;
	*next += bytes;
	return (void *)at;
}

void *platform_reserve(uint64_t bytes)
{
	if (bytes <= SPACE_SMALL_MAX && bytes <= SPACE_SMALL_END - small_next)
		return take(&small_next, SPACE_SMALL_END, bytes);
	const uint64_t aligned =
		(bytes + SPACE_LARGE_ALIGN - 1) & ~(uint64_t)(SPACE_LARGE_ALIGN - 1);
	return take(&large_next, SPACE_LARGE_END, aligned);
}

bool platform_commit(void *addr, uint64_t bytes)
{
	return mote_mem_map(mote_area(), (uint64_t)addr, bytes, MOTE_PROT_READ | MOTE_PROT_WRITE) >=
	       0;
}

bool platform_commit_all(void *addr, uint64_t bytes)
{
	return mote_mem_map(mote_area(), (uint64_t)addr, bytes,
			    MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_MAP_FILL) >= 0;
}

void platform_decommit(void *addr, uint64_t bytes)
{
	(void)mote_mem_unmap(mote_area(), (uint64_t)addr, bytes);
}

bool platform_seal(void *addr, uint64_t bytes)
{
	return mote_mem_protect(mote_area(), (uint64_t)addr, bytes,
				MOTE_PROT_READ | MOTE_PROT_EXEC) >= 0;
}

/* The last reservation's addresses are used again; there is space for thousands of others. */
void platform_free(void *addr, uint64_t bytes)
{
	platform_decommit(addr, bytes);
	if ((uint64_t)addr + bytes == small_next)
		small_next = (uint64_t)addr;
}

uintptr_t platform_stack_limit(void)
{
	return SPACE_STACK;
}

uint64_t platform_random(void)
{
	uint64_t random;
	memcpy(&random, wasi.boot->random + sizeof(wasi.boot->random) - sizeof(random),
	       sizeof(random));
	return random;
}
