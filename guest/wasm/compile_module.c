/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a module's bytes to its machine code: options, memory, decoding, compiling. The module is
 * untrusted.
 */
#include <errno.h>

#include "guest/wasm/platform.h"
#include "guest/wasm/runtime/runtime.h"
#include "guest/wasm/tier.h"

static void set_options(struct wasm_module *m, const struct wasm_options *given)
{
	if (given)
		memcpy(&m->options, given,
		       given->size < sizeof m->options ? given->size : sizeof m->options);
	else
		m->options = (struct wasm_options){
			.features = WASM_FEATURES_ALL,
			.cpu = wasm_cpu_detect(),
		};
	m->options.features &= WASM_FEATURES_ALL;
	if (!m->options.max_memory_pages || m->options.max_memory_pages > WASM_MAX_MEMORY64_PAGES)
		m->options.max_memory_pages = WASM_MAX_MEMORY64_PAGES;
	if (!m->options.max_table_elements ||
	    m->options.max_table_elements > WASM_MAX_TABLE_ELEMENTS)
		m->options.max_table_elements = WASM_MAX_TABLE_ELEMENTS;
	if (!m->options.max_code_bytes || m->options.max_code_bytes > WASM_CODE_MAX_BYTES)
		m->options.max_code_bytes = WASM_CODE_MAX_BYTES;
}

/*
 * Memory for the module's first tables and, if there is as much, all of the machine code: one call
 * for both.
 */
static bool reserve_space(struct wasm_module *m)
{
	uint64_t section = module_code_section_bytes(m->bytes, m->size),
		 arena = WASM_ARENA_FIRST_BYTES;
	uint64_t reserved = section * WASM_CODE_EXPANSION + WASM_CODE_MIN_BYTES;
	uint64_t usual = section + section / 4 * WASM_CODE_USUAL_MORE + WASM_CODE_SLACK_BYTES;
	if (reserved > m->options.max_code_bytes)
		reserved = m->options.max_code_bytes;
	reserved = platform_page_up(reserved);
	usual = section ? platform_page_up(usual) : 0;
	if (usual > reserved)
		usual = reserved;
	uint8_t *space = platform_reserve(arena + reserved);
	if (!space)
		return false;
	if (!platform_commit_all(space, arena + usual)) { /* too much at once: in steps then */
		usual = 0;
		if (!platform_commit(space, arena)) {
			platform_free(space, arena + reserved);
			return false;
		}
	}
	m->space = space;
	m->space_bytes = arena + reserved;
	m->arena = (struct arena){
		.base = space,
		.committed = arena,
		.reserved = arena,
		.step = WASM_ARENA_STEP_BYTES,
		.more = WASM_ARENA_MODULE_BYTES,
	};
	m->code = space + arena;
	m->code_reserved = reserved;
	m->code_committed = usual;
	return true;
}

static int fail_early(struct wasm_error *error, enum wasm_error_kind kind, const char *message)
{
	error->kind = kind;
	wasm_format(error->message, sizeof error->message, "%s", message);
	return wasm_error_number(kind);
}

int wasm_compile(struct wasm_store *store, const void *bytes, size_t size,
		 const struct wasm_options *options, struct wasm_module **module,
		 struct wasm_error *error)
{
	struct failure fail = {.error = error};
	struct wasm_module begun = {.bytes = bytes, .size = size};
	_Static_assert(sizeof(begun) < WASM_ARENA_FIRST_BYTES,
		       "it is the first thing in its arena");
	memset(error, 0, sizeof *error);
	set_options(&begun, options);
	if (size > WASM_MAX_MODULE_BYTES)
		return fail_early(error, WASM_ERROR_LIMIT, "module too large");
	if (!reserve_space(&begun))
		return fail_early(error, WASM_ERROR_MEMORY, "out of memory");
	struct wasm_module *m = arena_take(&begun.arena, sizeof *m);
	*m = begun;
	if (wasm_jump_set(&fail.jump) != 0) {
		wasm_module_free(m);
		return wasm_error_number(error->kind);
	}
	struct reader r = {m->bytes, m->bytes + size, m->bytes, &fail};
	module_decode(m, &r);
	instance_lay_out(m);
	tier_compile(m, &fail);
	store_add_module(store, m);
	*module = m;
	return 0;
}

void wasm_module_free(struct wasm_module *m)
{
	if (!m)
		return;
	store_remove_module(m);
	arena_close(&m->scratch);
	arena_close(&m->tries_arena);
	arena_close(&m->clauses_arena);
	uint8_t *space = m->space; /* it holds *m */
	uint64_t space_bytes = m->space_bytes;
	arena_close(&m->arena);
	platform_free(space, space_bytes);
}
