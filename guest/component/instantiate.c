/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances of components: each definition of the graph, in order, makes its entry of an index
 * space. What the graph's operands mean was checked when it was validated; how much comes of it is
 * bounded here, because components that instantiate others multiply.
 */
#include "guest/component/adapter.h"

#include <errno.h>

_Noreturn static void too_many(struct component *c, const char *what)
{
	wasm_fail(c->fail, WASM_ERROR_LIMIT, 0, "too many %s", what);
}

void *component_need(struct component *c, uint64_t count, uint64_t bytes)
{
	return arena_need(&c->arena, c->fail, count, bytes);
}

/* --- resources by number --- */

static struct resource_cell *cell_of(const struct resource_map *m, uint32_t number)
{
	uint32_t at = (number * 0x9e3779b1u) & (m->cells - 1);
	while (m->cell[at].number && m->cell[at].number != number + 1)
		at = (at + 1) & (m->cells - 1);
	return &m->cell[at];
}

struct resource_type *resource_at(const struct component_instance *i, uint32_t number)
{
	if (!i->resources.cells)
		return NULL;
	return cell_of(&i->resources, number)->type;
}

static void bind_number(struct component_instance *i, uint32_t number, struct resource_type *type)
{
	struct resource_map *m = &i->resources;
	if (2 * (m->count + 1) > m->cells) {
		const struct resource_map old = *m;
		m->cells = old.cells ? 2 * old.cells : 8;
		m->cell = component_need(i->of, m->cells, sizeof(*m->cell));
		for (uint32_t n = 0; n < old.cells; n++)
			if (old.cell[n].number)
				*cell_of(m, old.cell[n].number - 1) = old.cell[n];
	}
	struct resource_cell *cell = cell_of(m, number);
	m->count += !cell->number;
	*cell = (struct resource_cell){number + 1, type};
}

static void take_steps(struct component *c, uint64_t steps)
{
	c->steps += steps;
	if (c->steps > COMPONENT_MAX_STEPS)
		too_many(c, "definitions to be carried out");
}

void *instance_item(const struct instance_exports *e, struct wasm_name name)
{
	const struct extern_item *found = NULL;
	if (e) /* a plan has none of the host's */
		found = externs_find(e->names, name);
	if (!found)
		return NULL;
	return e->items[found - e->names->list];
}

void bind_resources(struct component_instance *i, const struct ctype *type,
		    enum component_sort sort, void *entry)
{
	if (sort == SORT_TYPE && type->kind == CTYPE_RESOURCE)
		bind_number(i, type->resource, entry);
	if (sort != SORT_INSTANCE || !type->is_open)
		return;
	take_steps(i->of, type->exports.count + name_steps(type->exports.index.name_bytes));
	for (uint32_t n = 0; n < type->exports.count; n++) {
		const struct extern_item *e = &type->exports.list[n];
		if (e->item.sort == SORT_TYPE || e->item.sort == SORT_INSTANCE)
			bind_resources(i, e->item.type, e->item.sort,
				       instance_item(entry, e->name));
	}
}

/* --- core instances --- */

static const enum wasm_kind kind_of_sort[SORTS] = {
	[SORT_CORE_FUNC] = WASM_KIND_FUNC,     [SORT_CORE_TABLE] = WASM_KIND_TABLE,
	[SORT_CORE_MEMORY] = WASM_KIND_MEMORY, [SORT_CORE_GLOBAL] = WASM_KIND_GLOBAL,
	[SORT_CORE_TAG] = WASM_KIND_TAG,
};

static void *entry_of_extern(const struct wasm_extern *e)
{
	switch (e->kind) {
	case WASM_KIND_TABLE:
		return e->table;
	case WASM_KIND_MEMORY:
		return e->memory;
	case WASM_KIND_GLOBAL:
		return e->global;
	case WASM_KIND_TAG:
		return e->tag;
	case WASM_KIND_FUNC:
		break;
	}
	return e->func;
}

static struct wasm_extern extern_of(enum component_sort sort, void *entry)
{
	struct wasm_extern e = {.kind = kind_of_sort[sort]};
	switch (e.kind) {
	case WASM_KIND_TABLE:
		e.table = entry;
		break;
	case WASM_KIND_MEMORY:
		e.memory = entry;
		break;
	case WASM_KIND_GLOBAL:
		e.global = entry;
		break;
	case WASM_KIND_TAG:
		e.tag = entry;
		break;
	case WASM_KIND_FUNC:
		e.func = entry;
		break;
	}
	return e;
}

static int find_core_export(const struct core_instance *from, struct wasm_name name,
			    struct wasm_extern *out)
{
	if (from->instance)
		return wasm_instance_export(from->instance, name.text, name.bytes, out);
	const struct core_extern *found =
		core_externs_find(from->names, (struct wasm_name){"", 0}, name);
	if (!found)
		return -ENOENT;
	*out = from->items[found - from->names->list];
	return 0;
}

struct arguments {
	const struct component_instance *of;
	const struct definition *d;
};

static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	const struct arguments *a = context;
	for (uint32_t n = 0; n < a->d->count; n++) {
		const struct operand *o = &a->d->operands[n];
		if (name_same(o->name, import->module))
			return find_core_export(a->of->space[SORT_CORE_INSTANCE][o->index],
						import->name, out);
	}
	return -ENOENT;
}

/* What looking up a module's imports takes: each in so many arguments, then in one of them. */
static uint64_t import_steps(const struct wasm_module *module, uint64_t arguments)
{
	uint64_t steps = 0;
	for (uint32_t n = 0; n < wasm_module_import_count(module); n++) {
		struct wasm_import import;
		wasm_module_import(module, n, &import);
		steps += arguments * (1 + name_steps(import.module.bytes)) +
			 name_steps(import.name.bytes);
	}
	return steps;
}

static struct core_instance *make_core_instance(struct component_instance *i,
						const struct definition *d)
{
	struct component *c = i->of;
	struct core_instance *made = component_need(c, 1, sizeof(*made));
	struct arguments a = {i, d};
	const struct wasm_link link = {.resolve = resolve, .resolve_context = &a};
	struct wasm_error error;
	struct wasm_module *module = i->space[SORT_CORE_MODULE][d->index];
	if (c->instance_count++ == COMPONENT_MAX_INSTANCES)
		too_many(c, "instances of core modules");
	take_steps(c, import_steps(module, d->count));
	if (wasm_instantiate(module, &link, &made->instance, &error, c->stop) < 0)
		wasm_fail(c->fail, error.kind, error.offset, "%s", error.message);
	return made;
}

static struct core_instance *collect_core_exports(struct component_instance *i,
						  const struct definition *d)
{
	struct core_instance *made = component_need(i->of, 1, sizeof(*made));
	made->names = d->core_exports;
	made->items = component_need(i->of, d->count, sizeof(*made->items));
	take_steps(i->of, d->count);
	for (uint32_t n = 0; n < d->count; n++) {
		const struct operand *o = &d->operands[n];
		made->items[n] = extern_of(o->sort, i->space[o->sort][o->index]);
	}
	return made;
}

/* --- instances of components --- */

/* What is passed to an instance: the root's imports are the host's. */
struct passed {
	const struct component_link *link;
	const struct component_instance *from;
	const struct definition *d;
};

static struct component_instance *make_instance(struct component *c, const struct closure *what,
						struct component_instance *parent,
						const struct passed *passed);

static struct instance_exports *instantiate_nested(struct component_instance *i,
						   const struct definition *d)
{
	const struct passed passed = {.from = i, .d = d};
	const struct closure *what = i->space[SORT_COMPONENT][d->index];
	if (!what)
		return NULL;
	return &make_instance(i->of, what, i, &passed)->exports;
}

static struct instance_exports *collect_exports(struct component_instance *i,
						const struct definition *d)
{
	struct instance_exports *made = component_need(i->of, 1, sizeof(*made));
	made->names = &d->type->exports;
	made->items = component_need(i->of, d->count, sizeof(*made->items));
	take_steps(i->of, d->count);
	for (uint32_t n = 0; n < d->count; n++)
		made->items[n] = i->space[d->operands[n].sort][d->operands[n].index];
	return made;
}

static void *import(struct component_instance *i, const struct definition *d,
		    const struct passed *passed)
{
	if (passed->link)
		return link_import(i, passed->link, d);
	if (!passed->from)
		return NULL;
	take_steps(i->of, passed->d->count);
	for (uint32_t n = 0; n < passed->d->count; n++) {
		const struct operand *o = &passed->d->operands[n];
		if (name_same(o->name, d->name))
			return passed->from->space[o->sort][o->index];
	}
	return NULL;
}

static void *alias_outer(const struct component_instance *i, const struct definition *d)
{
	for (uint32_t n = 0; n < d->count; n++)
		i = i->outer;
	return i->space[d->sort][d->index];
}

static struct closure *close_over(struct component_instance *i, const struct graph *graph)
{
	struct closure *made = component_need(i->of, 1, sizeof(*made));
	*made = (struct closure){graph, i};
	return made;
}

static struct resource_type *define_type(struct component_instance *i, const struct definition *d)
{
	if (d->type->kind != CTYPE_RESOURCE)
		return NULL;
	struct resource_type *made = component_need(i->of, 1, sizeof(*made));
	made->owner = i;
	if (d->index != COMPONENT_NONE)
		made->destructor = i->space[SORT_CORE_FUNC][d->index];
	return made;
}

static void *alias_core_export(const struct component_instance *i, const struct definition *d)
{
	struct wasm_extern e;
	if (find_core_export(i->space[SORT_CORE_INSTANCE][d->index], d->name, &e) < 0)
		return NULL;
	return entry_of_extern(&e);
}

static struct canon_options options_of(const struct component_instance *i, const struct canon *c)
{
	struct canon_options o = {.encoding = c->encoding};
	if (c->memory != COMPONENT_NONE)
		o.memory = i->space[SORT_CORE_MEMORY][c->memory];
	if (c->realloc != COMPONENT_NONE)
		o.realloc = i->space[SORT_CORE_FUNC][c->realloc];
	if (c->post_return != COMPONENT_NONE)
		o.post_return = i->space[SORT_CORE_FUNC][c->post_return];
	return o;
}

static struct component_func *lift(struct component_instance *i, const struct canon *c)
{
	struct component_func *made = component_need(i->of, 1, sizeof(*made));
	*made = (struct component_func){
		.of = i->of,
		.inst = i,
		.type = c->type,
		.canon = c,
		.core = i->space[SORT_CORE_FUNC][c->function],
		.options = options_of(i, c),
		.is_async = c->is_async,
		.flats = flat_params(c->type),
	};
	return made;
}

static struct wasm_func *lower(struct component_instance *i, const struct canon *c)
{
	const struct canon_options options = options_of(i, c);
	struct component_func *callee = i->space[SORT_FUNC][c->function];
	if (!i->of->is_planning)
		return lower_function(i, c, callee, &options);
	if (callee)
		adapter_plan(i, c, callee);
	return NULL;
}

/* Whether a plan has an entry for it: nothing that consists of core instances, and no resources. */
static bool is_planned(const struct definition *d)
{
	switch ((enum definition_kind)d->kind) {
	case DEFINE_MODULE:
	case DEFINE_COMPONENT:
	case DEFINE_INSTANCE:
	case DEFINE_EXPORTS:
	case DEFINE_ALIAS_EXPORT:
	case DEFINE_ALIAS_OUTER:
	case DEFINE_LIFT:
	case DEFINE_LOWER:
	case DEFINE_IMPORT:
	case DEFINE_EXPORT:
		return true;
	case DEFINE_CORE_INSTANCE:
	case DEFINE_CORE_EXPORTS:
	case DEFINE_ALIAS_CORE_EXPORT:
	case DEFINE_TYPE:
	case DEFINE_BUILTIN:
		break;
	}
	return false;
}

/* The entry that a definition makes. */
static void *carry_out(struct component_instance *i, const struct definition *d,
		       const struct passed *passed)
{
	switch ((enum definition_kind)d->kind) {
	case DEFINE_MODULE:
		return d->module;
	case DEFINE_CORE_INSTANCE:
		return make_core_instance(i, d);
	case DEFINE_CORE_EXPORTS:
		return collect_core_exports(i, d);
	case DEFINE_COMPONENT:
		return close_over(i, d->component);
	case DEFINE_INSTANCE:
		return instantiate_nested(i, d);
	case DEFINE_EXPORTS:
		return collect_exports(i, d);
	case DEFINE_ALIAS_EXPORT:
		return instance_item(i->space[SORT_INSTANCE][d->index], d->name);
	case DEFINE_ALIAS_CORE_EXPORT:
		return alias_core_export(i, d);
	case DEFINE_ALIAS_OUTER:
		return alias_outer(i, d);
	case DEFINE_TYPE:
		return define_type(i, d);
	case DEFINE_LIFT:
		return lift(i, d->canon);
	case DEFINE_LOWER:
		return lower(i, d->canon);
	case DEFINE_BUILTIN:
		return builtin_function(i, d->canon);
	case DEFINE_IMPORT:
		return import(i, d, passed);
	case DEFINE_EXPORT:
		return i->space[d->sort][d->index];
	}
	return NULL;
}

static void define_all(struct component_instance *i, const struct passed *passed)
{
	take_steps(i->of, i->graph->count);
	for (uint32_t n = 0; n < i->graph->count; n++) {
		const struct definition *d = &i->graph->list[n];
		take_steps(i->of, name_steps(d->name.bytes));
		void *entry = NULL;
		if (!i->of->is_planning || is_planned(d))
			entry = carry_out(i, d, passed);
		i->space[d->sort][i->count[d->sort]++] = entry;
		if (!i->of->is_planning && d->type &&
		    (d->kind == DEFINE_TYPE || d->kind == DEFINE_INSTANCE ||
		     d->kind == DEFINE_IMPORT || d->kind == DEFINE_EXPORT))
			bind_resources(i, d->type, d->sort, entry);
		if (d->kind == DEFINE_EXPORT)
			i->exports.items[i->exported++] = entry;
	}
}

static struct wasm_global *make_global(struct component *c, enum wasm_type type, uint32_t value)
{
	struct wasm_global *g =
		wasm_global_new(c->store, type, true, (union wasm_value){.i64 = value});
	if (!g)
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of memory for an instance");
	return g;
}

/* It is entered until it is made. */
static void make_globals(struct component_instance *i)
{
	if (i->of->is_planning)
		return;
	i->state = make_global(i->of, WASM_I32, INSTANCE_ENTERED);
	for (unsigned slot = 0; i->graph->has_context && slot < 2; slot++)
		i->context[slot] = make_global(i->of, WASM_I64, 0);
}

static struct component_instance *make_instance(struct component *c, const struct closure *what,
						struct component_instance *parent,
						const struct passed *passed)
{
	struct component_instance *i = component_need(c, 1, sizeof(*i));
	if (c->instance_count++ == COMPONENT_MAX_INSTANCES)
		too_many(c, "instances of components");
	if (c->depth++ == COMPONENT_MAX_INSTANTIATING)
		wasm_fail(c->fail, WASM_ERROR_LIMIT, 0, "components instantiate others too deeply");
	*i = (struct component_instance){
		.of = c,
		.parent = parent,
		.next = c->instances,
		.graph = what->graph,
		.outer = what->outer,
		.exports.names = &what->graph->type->exports,
	};
	c->instances = i;
	i->exports.items = component_need(c, i->exports.names->count, sizeof(*i->exports.items));
	for (unsigned sort = 0; sort < SORTS; sort++)
		if (sort != SORT_CORE_TYPE)
			i->space[sort] = component_need(c, i->graph->entries[sort], sizeof(void *));
	make_globals(i);
	define_all(i, passed);
	if (!c->is_planning)
		instance_set_state(i, INSTANCE_IDLE);
	c->depth--;
	return i;
}

/* --- adapters, before anything runs --- */

/* What a plan has made of instances. */
static void forget_plan(struct component *c, uint64_t used)
{
	memset(c->arena.base + used, 0, c->arena.used - used);
	c->arena.used = used;
	c->instances = NULL;
	c->is_planning = false;
	c->fail = NULL;
	c->instance_count = c->depth = 0;
	c->steps = 0;
}

int component_prepare(struct component *c, struct wasm_error *error)
{
	struct failure fail = {.error = error};
	const struct closure root = {.graph = c->graph};
	const struct passed passed = {0};
	const uint64_t used = c->arena.used;
	memset(error, 0, sizeof(*error));
	c->fail = &fail;
	c->is_planning = true;
	if (wasm_jump_set(&fail.jump) != 0) {
		forget_plan(c, used);
		adapters_free(c);
		return wasm_error_number(error->kind);
	}
	adapters_open(c, &fail);
	(void)make_instance(c, &root, NULL, &passed);
	forget_plan(c, used);
	adapters_close_plan(c);
	return 0;
}

/* --- from outside --- */

int component_instantiate(struct component *c, const struct component_link *link,
			  struct component_instance **instance, struct wasm_error *error,
			  struct wasm_stop *stop)
{
	struct failure fail = {.error = error};
	const struct closure root = {.graph = c->graph};
	const struct passed passed = {.link = link};
	memset(error, 0, sizeof(*error));
	c->fail = &fail;
	c->stop = stop;
	if (wasm_jump_set(&fail.jump) != 0)
		return wasm_error_number(error->kind);
	if (!component_imports_fit(c, link))
		wasm_fail(&fail, WASM_ERROR_LINK, 0, "not all of its imports are there");
	*instance = make_instance(c, &root, NULL, &passed);
	c->fail = NULL;
	return 0;
}

void component_free(struct component *c)
{
	if (!c)
		return;
	for (struct component_instance *i = c->instances; i; i = i->next)
		arena_close(&i->handles.arena);
	arena_close(&c->loans.arena);
	adapters_free(c);
	struct arena arena = c->arena;
	arena_close(&arena);
}

/* The exports of an interface, by its name without the rest of the version. */
static const struct instance_exports *find_interface(const struct instance_exports *from,
						     const char *interface)
{
	for (uint32_t n = 0; n < from->names->count; n++) {
		const struct extern_item *e = &from->names->list[n];
		if (e->item.sort == SORT_INSTANCE && component_version_fits(e->name, interface))
			return from->items[n];
	}
	return NULL;
}

static struct component_func *find_function(const struct instance_exports *from,
					    struct wasm_name name)
{
	const struct extern_item *found = externs_find(from->names, name);
	if (!found || found->item.sort != SORT_FUNC)
		return NULL;
	return from->items[found - from->names->list];
}

/* Of the component or, if it has none of that name, of the only interface that has one. */
static struct component_func *find_anywhere(const struct instance_exports *root,
					    struct wasm_name name)
{
	struct component_func *found = find_function(root, name);
	if (found)
		return found;
	for (uint32_t n = 0; n < root->names->count; n++) {
		struct component_func *one = NULL;
		if (root->names->list[n].item.sort == SORT_INSTANCE)
			one = find_function(root->items[n], name);
		if (one && found)
			return NULL;
		if (one)
			found = one;
	}
	return found;
}

struct component_func *component_export(struct component_instance *i, const char *interface,
					const char *name)
{
	const struct wasm_name function = {name, (uint32_t)strlen(name)};
	const struct instance_exports *from = &i->exports;
	if (!interface)
		return find_anywhere(from, function);
	if (*interface)
		from = find_interface(from, interface);
	if (!from)
		return NULL;
	return find_function(from, function);
}
