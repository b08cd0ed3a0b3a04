/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime's files share: instances, stores, traps. */
#ifndef MOTE_GUEST_WASM_RUNTIME_RUNTIME_H
#define MOTE_GUEST_WASM_RUNTIME_RUNTIME_H

#include "guest/wasm/module/module.h"
#include "guest/wasm/platform.h"
#include "guest/wasm/runtime/code_abi.h"
#include "guest/wasm/store.h"

struct passive_elem {
	void **values;  /* roots of the collector while count is not 0 */
	uint32_t count; /* 0 once dropped */
};

/* instance.c */
/*
 * Where the cells of memories, tables, imported functions and globals lie in an instance. Those of
 * memories and tables are set when it is made, and only read here.
 */
void instance_lay_out(struct wasm_module *m);
struct wasm_func *instance_func(struct wasm_instance *instance, uint32_t index);
static inline const struct memory_cell *instance_memory(const struct wasm_instance *i, uint32_t n)
{
	const uint8_t *cells = (const uint8_t *)i + i->module->memory_cells;
	return (const struct memory_cell *)(const void *)cells + n;
}
static inline const struct table_cell *instance_table(const struct wasm_instance *i, uint32_t n)
{
	const uint8_t *cells = (const uint8_t *)i + i->module->table_cells;
	return (const struct table_cell *)(const void *)cells + n;
}
/* Its own ones: how many, and where. */
static inline uint32_t instance_own_memories(const struct wasm_instance *i)
{
	return i->module->memory_count - i->module->imported_memories;
}
static inline uint32_t instance_own_tables(const struct wasm_instance *i)
{
	return i->module->table_count - i->module->imported_tables;
}
static inline struct wasm_table *instance_own_table(const struct wasm_instance *i, uint32_t n)
{
	struct wasm_memory *end = i->memory_storage + instance_own_memories(i);
	return (struct wasm_table *)(void *)end + n;
}
static inline struct wasm_func **instance_import(struct wasm_instance *i, uint32_t n)
{
	return (struct wasm_func **)(void *)((uint8_t *)i + i->module->func_cells) + n;
}
static inline struct wasm_tag **instance_tag(struct wasm_instance *i, uint32_t n)
{
	return (struct wasm_tag **)(void *)((uint8_t *)i + i->module->tag_cells) + n;
}
/* Of something that belongs to no instance; NULL: out of memory. */
void *store_object(struct wasm_store *s, uint64_t bytes);
struct wasm_global *instance_global(struct wasm_instance *instance, uint32_t index);
int64_t table_grow(struct wasm_table *table, uint64_t delta, void *value);
/* What is reserved for it, beginning at its base. */
uint64_t memory_reserved_bytes(const struct wasm_memory *memory);
void memory_free(struct wasm_memory *memory);
void table_free(struct wasm_table *table);
/* One that is in no list any more. */
void instance_close(struct wasm_instance *i);

/* host.c: whether a host function can be of that type, and one's record. */
bool host_func_can(const struct wasm_functype *t);
void host_func_init(struct wasm_func *f, struct wasm_instance *i, const struct wasm_functype *t,
		    wasm_host_fn host);

/* const_eval.c: of a constant expression that has been checked; the reader is past it then. */
union wasm_value const_eval(struct reader *r, struct wasm_instance *instance);

/* store.c */
void store_add_module(struct wasm_store *s, struct wasm_module *m);
void store_remove_module(struct wasm_module *m);
/* The module whose code this address is in, or NULL. */
struct wasm_module *store_module_at(const struct wasm_store *s, uint64_t code);
void store_add_instance(struct wasm_store *s, struct wasm_instance *i);

/* trap.c */
_Noreturn void trap_raise(const struct wasm_instance *instance, enum wasm_trap_code code);

#endif
