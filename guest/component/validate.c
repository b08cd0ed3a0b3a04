/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validates a component: sections and instances of components (Binary.md of the component model).
 * Definitions are checked as they are read, and each may only refer to those before it. The
 * component is untrusted; limits.h bounds all that it can make large.
 */
#include <errno.h>

#include "guest/component/component.h"
#include "guest/component/instance.h"
#include "guest/component/validator.h"

enum section {
	SECTION_CUSTOM,
	SECTION_CORE_MODULE,
	SECTION_CORE_INSTANCE,
	SECTION_CORE_TYPE,
	SECTION_COMPONENT,
	SECTION_INSTANCE,
	SECTION_ALIAS,
	SECTION_TYPE,
	SECTION_CANON,
	SECTION_START,
	SECTION_IMPORT,
	SECTION_EXPORT,
	SECTION_VALUE,
};

static void decode_body(struct validator *v);

/* --- instances --- */

static const struct operand *read_arguments(struct validator *v, struct externs *given)
{
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "arguments");
	struct operand *operands = need(v, n, sizeof(*operands));
	for (uint32_t i = 0; i < n; i++) {
		struct wasm_name name = read_name(&v->r);
		struct extern_item *added = externs_add(given, &v->arena, v->r.fail, name);
		if (!added)
			invalid(v, "instantiation argument %N conflicts with previous argument",
				&name);
		added->item = read_item(v, &operands[i].index);
		operands[i].name = name;
		operands[i].sort = added->item.sort;
	}
	return operands;
}

static void instantiate(struct validator *v)
{
	uint32_t index = read_u32(&v->r);
	const struct ctype *c = space_get(v, v->scope, SORT_COMPONENT, index);
	struct externs given = {0};
	struct match m = {.v = v, .first = c->first, .end = c->end, .outermost = true};
	struct ctype *instance = new_type(v, CTYPE_INSTANCE);
	const struct operand *operands = read_arguments(v, &given);
	image_begin(v);
	for (uint32_t i = 0; i < c->imports.count; i++) {
		const struct extern_item *want = &c->imports.list[i];
		const struct extern_item *have = externs_find(&given, want->name);
		if (!have)
			invalid(v, "missing import named %N", &want->name);
		if (!match_item(&m, &have->item, &want->item))
			match_fail(&m, "import", want->name);
	}
	uint32_t base = v->resources;
	for (uint32_t i = c->first; i < c->end; i++)
		(void)new_resource(v, NULL);
	substitute_externs(v, &m, base, &c->exports, &instance->exports);
	finish_type(v, instance);
	space_add(v, SORT_INSTANCE, instance);
	define(v, &(struct definition){.kind = DEFINE_INSTANCE,
				       .sort = SORT_INSTANCE,
				       .index = index,
				       .count = given.count,
				       .type = instance,
				       .operands = operands});
}

static void export_inline(struct validator *v)
{
	struct ctype *instance = new_type(v, CTYPE_INSTANCE);
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "exports");
	struct operand *operands = need(v, n, sizeof(*operands));
	for (uint32_t i = 0; i < n; i++) {
		struct attributes a = {0};
		struct wasm_name name = read_extern_name(v, &a);
		struct item item = read_item(v, &operands[i].index);
		operands[i].name = name;
		operands[i].sort = item.sort;
		check_attributes(v, name, &item, &a);
		check_annotation(v, name, &item, NULL);
		struct extern_item *added =
			externs_add(&instance->exports, &v->arena, v->r.fail, name);
		if (!added)
			invalid(v, "export name %N conflicts with previous name", &name);
		added->item = item;
	}
	finish_type(v, instance);
	space_add(v, SORT_INSTANCE, instance);
	define(v, &(struct definition){.kind = DEFINE_EXPORTS,
				       .sort = SORT_INSTANCE,
				       .count = n,
				       .type = instance,
				       .operands = operands});
}

static void decode_instance(struct validator *v)
{
	uint8_t form = read_u8(&v->r);
	if (form > 0x01)
		malformed(v, "instance", form);
	if (form)
		export_inline(v);
	else
		instantiate(v);
}

/* --- sections --- */

static void decode_vector(struct validator *v, void (*decode)(struct validator *), const char *what)
{
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, what);
	for (uint32_t i = 0; i < n; i++)
		decode(v);
}

static void decode_alias_definition(struct validator *v)
{
	decode_alias(v, false);
}

static void decode_import(struct validator *v)
{
	decode_extern(v, true);
}

static void decode_nested(struct validator *v)
{
	struct scope scope;
	if (!component_is(v->r.p, (size_t)(v->r.end - v->r.p)))
		reader_fail(&v->r, WASM_ERROR_MALFORMED,
			    "expected a version header for a component");
	scope_enter(v, &scope, SCOPE_COMPONENT);
	decode_body(v);
	scope.graph->type = scope_type(v, &scope);
	scope_leave(v);
	space_add(v, SORT_COMPONENT, scope.graph->type);
	define(v, &(struct definition){.kind = DEFINE_COMPONENT,
				       .sort = SORT_COMPONENT,
				       .component = scope.graph});
}

static void decode_section(struct validator *v, uint8_t id)
{
	switch ((enum section)id) {
	case SECTION_CUSTOM:
		(void)read_name(&v->r);
		v->r.p = v->r.end;
		return;
	case SECTION_CORE_MODULE:
		decode_core_module(v, (uint32_t)(v->r.end - v->r.p));
		return;
	case SECTION_CORE_INSTANCE:
		decode_vector(v, decode_core_instance, "core instances");
		return;
	case SECTION_CORE_TYPE:
		decode_vector(v, decode_core_type, "core types");
		return;
	case SECTION_COMPONENT:
		decode_nested(v);
		return;
	case SECTION_INSTANCE:
		decode_vector(v, decode_instance, "instances");
		return;
	case SECTION_ALIAS:
		decode_vector(v, decode_alias_definition, "aliases");
		return;
	case SECTION_TYPE:
		decode_vector(v, decode_type, "types");
		return;
	case SECTION_CANON:
		decode_vector(v, decode_canon, "canonical definitions");
		return;
	case SECTION_START:
		reader_fail(&v->r, WASM_ERROR_UNSUPPORTED,
			    "start definitions of components are not supported");
	case SECTION_IMPORT:
		decode_vector(v, decode_import, "imports");
		return;
	case SECTION_EXPORT:
		decode_vector(v, decode_export, "exports");
		return;
	case SECTION_VALUE:
		reader_fail(&v->r, WASM_ERROR_UNSUPPORTED, "component values are not supported");
	}
}

/* A component from its preamble to its end. */
static void decode_body(struct validator *v)
{
	const uint8_t *end = v->r.end;
	v->r.p += COMPONENT_PREAMBLE_BYTES;
	while (v->r.p < end) {
		uint8_t id = read_u8(&v->r);
		if (id > SECTION_VALUE) {
			v->r.p--;
			reader_fail(&v->r, WASM_ERROR_MALFORMED, "malformed section id");
		}
		uint32_t bytes = read_u32(&v->r);
		if (bytes > (uint64_t)(end - v->r.p))
			reader_fail(&v->r, WASM_ERROR_MALFORMED,
				    "unexpected end: length out of bounds");
		v->r.end = v->r.p + bytes;
		decode_section(v, id);
		if (v->r.p != v->r.end)
			reader_fail(&v->r, WASM_ERROR_MALFORMED, "section size mismatch");
		v->r.end = end;
	}
}

/* --- from outside --- */

static const struct graph *run(struct validator *v)
{
	struct scope scope;
	if (!component_is(v->r.p, (size_t)(v->r.end - v->r.p)))
		reader_fail(&v->r, WASM_ERROR_MALFORMED, "not a component of version 0xd");
	scope_enter(v, &scope, SCOPE_COMPONENT);
	decode_body(v);
	scope.graph->type = scope_type(v, &scope);
	scope_leave(v);
	return scope.graph;
}

int component_load(struct wasm_store *store, const void *bytes, size_t size,
		   const struct wasm_options *options, struct component **component,
		   struct wasm_error *error)
{
	struct failure fail = {.error = error};
	struct validator v = {
		.r = {bytes, (const uint8_t *)bytes + size, bytes, &fail},
		.store = store,
		.options = options,
	};
	memset(error, 0, sizeof(*error));
	if (size > WASM_MAX_MODULE_BYTES || !arena_open(&v.arena, COMPONENT_ARENA_BYTES)) {
		error->kind = size > WASM_MAX_MODULE_BYTES ? WASM_ERROR_LIMIT : WASM_ERROR_MEMORY;
		wasm_format(error->message, sizeof(error->message), "%s",
			    error->kind == WASM_ERROR_LIMIT ? "component too large"
							    : "out of memory");
		return wasm_error_number(error->kind);
	}
	if (wasm_jump_set(&fail.jump) != 0) {
		arena_close(&v.arena);
		return wasm_error_number(error->kind);
	}
	struct component *made = need(&v, 1, sizeof(*made));
	made->graph = run(&v);
	made->store = store;
	made->cpu = options ? options->cpu : wasm_cpu_detect();
	made->arena = v.arena;
	*component = made;
	return 0;
}

const struct ctype *component_type(const struct component *component)
{
	return component->graph->type;
}

int component_validate(const void *bytes, size_t size, const struct wasm_options *options,
		       struct wasm_error *error)
{
	struct wasm_store store = {0};
	struct component *component = NULL;
	const int rc = component_load(&store, bytes, size, options, &component, error);
	component_free(component);
	wasm_store_close(&store);
	return rc;
}
