/* SPDX-License-Identifier: Apache-2.0 */
/* What a store owns: modules, instances, and what belongs to no instance. */
#include "guest/wasm/runtime/heap.h"

void store_add_module(struct wasm_store *s, struct wasm_module *m)
{
	m->store = s;
	m->next = s->modules;
	s->modules = m;
}

void store_remove_module(struct wasm_module *m)
{
	if (!m->store) /* it was not compiled to its end */
		return;
	for (struct wasm_module **at = &m->store->modules; *at; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			return;
		}
}

struct wasm_module *store_module_at(const struct wasm_store *s, uint64_t code)
{
	struct wasm_module *m = s->modules;
	while (m && !(m->code && code - (uint64_t)m->code < m->code_bytes))
		m = m->next;
	return m;
}

void store_add_instance(struct wasm_store *s, struct wasm_instance *i)
{
	i->store = s;
	i->next = s->instances;
	s->instances = i;
}

void wasm_instance_free(struct wasm_instance *i)
{
	if (!i)
		return;
	for (struct wasm_instance **at = &i->store->instances; *at; at = &(*at)->next)
		if (*at == i) {
			*at = i->next;
			break;
		}
	instance_close(i);
}

void wasm_store_close(struct wasm_store *s)
{
	struct wasm_instance *next;
	for (struct wasm_instance *i = s->instances; i; i = next) {
		next = i->next;
		instance_close(i);
	}
	s->instances = NULL;
	while (s->modules)
		wasm_module_free(s->modules);
	for (struct wasm_memory *m = s->memories; m; m = m->next)
		memory_free(m);
	for (struct wasm_table *t = s->tables; t; t = t->next)
		table_free(t);
	heap_close(s);
	arena_close(&s->objects);
	*s = (struct wasm_store){.stress = s->stress};
}
