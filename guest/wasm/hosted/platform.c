/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's platform over Linux, for tests, fuzzing and sanitizers: mmap; x86_64/faults.c has
 * signals as faults.
 */
#include "guest/wasm/platform.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>

void *platform_reserve(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

bool platform_commit(void *addr, uint64_t bytes)
{
	return bytes <= 1ull << 32 && mprotect(addr, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool platform_commit_all(void *addr, uint64_t bytes)
{
	return platform_commit(addr, bytes);
}

void platform_decommit(void *addr, uint64_t bytes)
{
	if (mmap(addr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		abort();
}

bool platform_seal(void *addr, uint64_t bytes)
{
	return mprotect(addr, bytes, PROT_READ | PROT_EXEC) == 0;
}

void platform_free(void *addr, uint64_t bytes)
{
	munmap(addr, bytes);
}

uint64_t platform_random(void)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		abort();
	return random;
}

uintptr_t platform_stack_limit(void)
{
	static uintptr_t limit;
	if (!limit) {
		/*
		 * The main thread's stack ends a limit below where it is now; half of it is for
		 * compiled code.
		 */
		struct rlimit r;
		uintptr_t here = (uintptr_t)__builtin_frame_address(0);
		uint64_t bytes = getrlimit(RLIMIT_STACK, &r) == 0 && r.rlim_cur != RLIM_INFINITY
					 ? r.rlim_cur
					 : 8 << 20;
		limit = here - bytes / 2;
	}
	return limit;
}
