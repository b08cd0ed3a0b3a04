/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Core modules in a component: their types, and instances of them (Binary.md, "Instance
 * Definitions" and core types in "Type Definitions"). The engine validates and compiles modules.
 */
#include "guest/component/component.h"
#include "guest/component/validator.h"
#include "guest/wasm/module/types.h"

static const struct wasm_name no_name = {"", 0};

/* --- whether one may be where another is expected --- */

static bool limits_fit(const struct wasm_limits *have, const struct wasm_limits *want)
{
	return have->min >= want->min && have->is_64 == want->is_64 &&
	       have->byte_pages == want->byte_pages &&
	       (!want->has_max || (have->has_max && have->max <= want->max));
}

static bool core_fits(const struct wasm_externtype *have, const struct wasm_externtype *want)
{
	if (have->kind != want->kind)
		return false;
	switch (want->kind) {
	case WASM_KIND_FUNC:
	case WASM_KIND_TAG:
		return have->func->id == want->func->id;
	case WASM_KIND_TABLE:
		return have->type == want->type && limits_fit(&have->limits, &want->limits);
	case WASM_KIND_MEMORY:
		return limits_fit(&have->limits, &want->limits);
	case WASM_KIND_GLOBAL:
		return have->type == want->type && have->is_mutable == want->is_mutable;
	}
	return false;
}

bool module_fits(const struct module_type *have, const struct module_type *want)
{
	for (uint32_t i = 0; i < have->imports.count; i++) {
		const struct core_extern *h = &have->imports.list[i];
		const struct core_extern *w = core_externs_find(&want->imports, h->module, h->name);
		if (!w || !core_fits(&w->type, &h->type))
			return false;
	}
	for (uint32_t i = 0; i < want->exports.count; i++) {
		const struct core_extern *w = &want->exports.list[i];
		const struct core_extern *h = core_externs_find(&have->exports, no_name, w->name);
		if (!h || !core_fits(&h->type, &w->type))
			return false;
	}
	return true;
}

/* --- modules and their types --- */

static void add_import(struct validator *v, struct module_type *t, struct wasm_name module,
		       struct wasm_name name, const struct wasm_externtype *type)
{
	struct core_extern *added =
		core_externs_add(&t->imports, &v->arena, v->r.fail, module, name);
	if (!added)
		invalid(v, "duplicate import name `%N:%N`", &module, &name);
	added->type = *type;
}

static void add_export(struct validator *v, struct core_externs *exports, struct wasm_name name,
		       const struct wasm_externtype *type)
{
	struct core_extern *added = core_externs_add(exports, &v->arena, v->r.fail, no_name, name);
	if (!added)
		invalid(v, "export name `%N` already defined", &name);
	added->type = *type;
}

static const struct module_type *type_of_module(struct validator *v, const struct wasm_module *m)
{
	struct module_type *t = need(v, 1, sizeof(*t));
	for (uint32_t i = 0; i < wasm_module_import_count(m); i++) {
		struct wasm_import import;
		wasm_module_import(m, i, &import);
		add_import(v, t, import.module, import.name, &import.type);
	}
	for (uint32_t i = 0; i < wasm_module_export_count(m); i++) {
		struct wasm_export export;
		wasm_module_export(m, i, &export);
		add_export(v, &t->exports, export.name, &export.type);
	}
	return t;
}

void decode_core_module(struct validator *v, uint32_t bytes)
{
	struct wasm_module *module;
	struct wasm_error error;
	if (v->modules++ == COMPONENT_MAX_MODULES)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "too many core modules");
	if (component_is(v->r.p, bytes))
		reader_fail(&v->r, WASM_ERROR_MALFORMED, "expected a version header for a module");
	if (wasm_compile(v->store, v->r.p, bytes, v->options, &module, &error) < 0)
		wasm_fail(v->r.fail, error.kind, reader_offset(&v->r) + error.offset,
			  "core module: %s", error.message);
	v->r.p += bytes;
	space_add(v, SORT_CORE_MODULE, type_of_module(v, module));
	define(v, &(struct definition){
			  .kind = DEFINE_MODULE, .sort = SORT_CORE_MODULE, .module = module});
}

/* --- core types --- */

enum { CORE_MODULE_TYPE = 0x50, CORE_SUB_PREFIX = 0x00 };
enum core_declarator { CORE_IMPORT, CORE_TYPE, CORE_ALIAS, CORE_EXPORT };

/* A function's type; of the other forms of the standard's 3.0 none is here yet. */
static const struct wasm_functype *read_core_function(struct validator *v, struct wasm_module *m)
{
	bool is_final = true;
	uint8_t form = read_u8(&v->r);
	if (form == CORE_SUB_PREFIX) {
		form = read_u8(&v->r);
		if (form != TYPE_FORM_SUB)
			malformed(v, "core type", form);
	}
	if ((form == TYPE_FORM_SUB || form == TYPE_FORM_SUB_FINAL) && v->r.p < v->r.end &&
	    *v->r.p == 0) {
		v->r.p++; /* no supertypes */
		is_final = form == TYPE_FORM_SUB_FINAL;
		form = read_u8(&v->r);
	}
	if (form != TYPE_FORM_FUNC) {
		if (wasm_types[form].kind == TYPE_KIND_FORM)
			reader_fail(&v->r, WASM_ERROR_UNSUPPORTED,
				    "garbage collection is not supported (types)");
		malformed(v, "core type", form);
	}
	return module_read_functype(&v->r, m, is_final);
}

static struct wasm_options options_of(const struct validator *v)
{
	if (v->options)
		return *v->options;
	return (struct wasm_options){.features = WASM_FEATURES_ALL};
}

/* The core types of a module's type, in the form that the engine reads by. */
struct module_scope {
	struct wasm_module m;
	uint32_t capacity;
};

static void add_type(struct validator *v, struct module_scope *s, const struct wasm_functype *t)
{
	s->m.types = array_grow(s->m.types, s->m.type_count, &s->capacity, sizeof(*s->m.types),
				&v->arena, v->r.fail);
	s->m.types[s->m.type_count++] = functype_def(t);
}

static void read_module_alias(struct validator *v, struct module_scope *s)
{
	uint8_t sort = read_u8(&v->r);
	if (sort != 0x10)
		malformed(v, "outer alias kind", sort);
	uint8_t target = read_u8(&v->r);
	if (target != 0x01)
		malformed(v, "outer alias target", target);
	uint32_t count = read_u32(&v->r), index = read_u32(&v->r);
	if (!count) {
		if (index >= s->m.type_count)
			invalid(v, "unknown type %u: type index out of bounds", index);
		add_type(v, s, &s->m.types[index]->func);
		return;
	}
	const struct scope *outer = v->scope;
	for (uint32_t i = 1; i < count && outer; i++)
		outer = outer->outer;
	if (!outer)
		invalid(v, "invalid outer alias count of %u", count);
	const struct core_type *t = space_get(v, outer, SORT_CORE_TYPE, index);
	if (!t->func)
		invalid(v, "core type index %u is not a function type", index);
	add_type(v, s, t->func);
}

static void read_module_declarator(struct validator *v, struct module_scope *s,
				   struct module_type *t)
{
	uint8_t form = read_u8(&v->r);
	struct wasm_externtype type;
	if (form > CORE_EXPORT)
		malformed(v, "type definition", form);
	switch ((enum core_declarator)form) {
	case CORE_TYPE:
		if (v->r.p < v->r.end && *v->r.p == CORE_MODULE_TYPE)
			invalid(v, "invalid leading byte: a module's type within another one");
		add_type(v, s, read_core_function(v, &s->m));
		return;
	case CORE_ALIAS:
		read_module_alias(v, s);
		return;
	case CORE_IMPORT: {
		struct wasm_name module = read_name(&v->r), name = read_name(&v->r);
		module_read_externtype(&v->r, &s->m, &type);
		add_import(v, t, module, name, &type);
		return;
	}
	case CORE_EXPORT: {
		struct wasm_name name = read_name(&v->r);
		module_read_externtype(&v->r, &s->m, &type);
		add_export(v, &t->exports, name, &type);
		return;
	}
	}
}

static const struct module_type *read_module_type(struct validator *v)
{
	struct module_scope s = {.m.bytes = v->r.base, .m.options = options_of(v)};
	struct module_type *t = need(v, 1, sizeof(*t));
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "declarations");
	for (uint32_t i = 0; i < n; i++)
		read_module_declarator(v, &s, t);
	return t;
}

void decode_core_type(struct validator *v)
{
	struct core_type *t = need(v, 1, sizeof(*t));
	if (v->r.p < v->r.end && *v->r.p == CORE_MODULE_TYPE) {
		v->r.p++;
		t->module = read_module_type(v);
	} else {
		struct wasm_module m = {.options = options_of(v)};
		t->func = read_core_function(v, &m);
	}
	space_add(v, SORT_CORE_TYPE, t);
}

/* --- instances --- */

static void check_import(struct validator *v, const struct core_extern *import,
			 const struct core_externs *from)
{
	const struct core_extern *have = core_externs_find(from, no_name, import->name);
	if (!have)
		invalid(v, "%N does not export an item named `%N`", &import->module, &import->name);
	if (!core_fits(&have->type, &import->type))
		invalid(v, "type mismatch for import `%N:%N`", &import->module, &import->name);
}

static void instantiate_module(struct validator *v)
{
	const uint32_t index = read_u32(&v->r);
	const struct module_type *m = space_get(v, v->scope, SORT_CORE_MODULE, index);
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "arguments");
	const struct core_externs **instance = need(v, n, sizeof(*instance));
	struct operand *operands = need(v, n, sizeof(*operands));
	struct core_externs given = {0}; /* by position */
	for (uint32_t i = 0; i < n; i++) {
		struct wasm_name name = read_name(&v->r);
		uint8_t sort = read_u8(&v->r);
		if (sort != 0x12)
			malformed(v, "instantiation arg kind", sort);
		if (!core_externs_add(&given, &v->arena, v->r.fail, no_name, name))
			invalid(v, "duplicate module instantiation argument named %N", &name);
		operands[i] = (struct operand){name, SORT_CORE_INSTANCE, read_u32(&v->r)};
		instance[i] = space_get(v, v->scope, SORT_CORE_INSTANCE, operands[i].index);
	}
	work(v, 1 + m->imports.count + name_steps(m->imports.index.name_bytes));
	for (uint32_t i = 0; i < m->imports.count; i++) {
		const struct core_extern *import = &m->imports.list[i];
		const struct core_extern *arg = core_externs_find(&given, no_name, import->module);
		if (!arg)
			invalid(v, "missing module instantiation argument named %N",
				&import->module);
		check_import(v, import, instance[arg - given.list]);
	}
	space_add(v, SORT_CORE_INSTANCE, &m->exports);
	define(v, &(struct definition){.kind = DEFINE_CORE_INSTANCE,
				       .sort = SORT_CORE_INSTANCE,
				       .index = index,
				       .count = n,
				       .operands = operands});
}

static void export_core_items(struct validator *v)
{
	struct core_externs *exports = need(v, 1, sizeof(*exports));
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "exports");
	struct operand *operands = need(v, n, sizeof(*operands));
	for (uint32_t i = 0; i < n; i++) {
		struct wasm_name name = read_name(&v->r);
		enum component_sort sort = read_core_sort(v, "core instance export kind");
		if (sort < SORT_CORE_FUNC || sort > SORT_CORE_TAG)
			malformed(v, "core instance export kind", v->r.p[-1]);
		operands[i] = (struct operand){name, sort, read_u32(&v->r)};
		add_export(v, exports, name, space_get(v, v->scope, sort, operands[i].index));
	}
	space_add(v, SORT_CORE_INSTANCE, exports);
	define(v, &(struct definition){.kind = DEFINE_CORE_EXPORTS,
				       .sort = SORT_CORE_INSTANCE,
				       .count = n,
				       .operands = operands,
				       .core_exports = exports});
}

void decode_core_instance(struct validator *v)
{
	uint8_t form = read_u8(&v->r);
	if (form > 0x01)
		malformed(v, "core instance", form);
	if (form)
		export_core_items(v);
	else
		instantiate_module(v);
}
