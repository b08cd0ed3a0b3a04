/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: zeroed memory that is given back all at once. */
#include "guest/wasm/arena.h"

#include "guest/wasm/module/limits.h"
#include "guest/wasm/platform.h"

bool arena_open(struct arena *arena, uint64_t reserve_bytes)
{
	uint8_t *base = platform_reserve(reserve_bytes);
	*arena = (struct arena){
		.base = base,
		.reserved = base ? reserve_bytes : 0,
		.step = WASM_ARENA_STEP_BYTES,
	};
	return base;
}

void arena_close(struct arena *arena)
{
	if (arena->base && !arena->more)
		platform_free(arena->base, arena->reserved);
	*arena = (struct arena){0};
}

void *arena_take(struct arena *arena, uint64_t bytes)
{
	bytes = (bytes + 15) & ~15ull;
	if (arena->more && bytes > arena->reserved - arena->used && !arena_open(arena, arena->more))
		return NULL;
	uint64_t at = arena->used;
	if (bytes > arena->reserved - at)
		return NULL;
	if (at + bytes > arena->committed) {
		uint64_t more = platform_page_up(at + bytes - arena->committed);
		if (more < arena->step)
			more = arena->step;
		if (more > arena->reserved - arena->committed)
			more = arena->reserved - arena->committed;
		if (!platform_commit(arena->base + arena->committed, more))
			return NULL;
		arena->committed += more;
		if (arena->step < WASM_ARENA_STEP_MAX_BYTES)
			arena->step *= 2;
	}
	arena->used = at + bytes;
	return arena->base + at;
}

void *arena_need(struct arena *arena, struct failure *fail, uint64_t count, uint64_t bytes)
{
	uint64_t total;
	void *p = NULL;
	if (!__builtin_mul_overflow(count, bytes, &total) && total < WASM_ARENA_MODULE_BYTES)
		p = arena_take(arena, total);
	if (!p)
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "out of memory for the module's tables");
	return p;
}
