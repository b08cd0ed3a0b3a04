/* SPDX-License-Identifier: Apache-2.0 */
/* Type definitions (Binary.md, "Type Definitions"), which are untrusted. */
#include "guest/component/validator.h"

/* --- value types --- */

const struct ctype *read_component_valtype(struct validator *v)
{
	const uint8_t *at = v->r.p;
	int64_t index = read_s33(&v->r);
	if (index < 0) {
		v->r.p = at;
		uint8_t byte = read_u8(&v->r);
		enum ctype_kind kind = ctype_kind_of(byte);
		if (kind >= CTYPE_PRIMITIVES)
			malformed(v, "component value type", byte);
		return &ctype_primitive[kind];
	}
	const struct ctype *t = type_at(v, (uint32_t)index);
	if (!ctype_is_value(t))
		invalid(v, "type index %u is not a defined type", (uint32_t)index);
	return t;
}

static const struct ctype *read_optional_valtype(struct validator *v)
{
	uint8_t present = read_u8(&v->r);
	if (present > 0x01)
		malformed(v, "optional type", present);
	return present ? read_component_valtype(v) : NULL;
}

enum part { PART_TYPE = 1, PART_NAME = 2, PART_OPTIONAL_TYPE = 4, PART_ZERO = 8 };

/* A vector of parts, each with what `parts` says. */
static void read_members(struct validator *v, struct ctype *t, unsigned parts, const char *what)
{
	t->count = read_vector(v, COMPONENT_MAX_MEMBERS, "parts of a type");
	struct ctype_member *members = need(v, t->count, sizeof(*members));
	t->members = members;
	for (uint32_t i = 0; i < t->count; i++) {
		if (parts & PART_NAME)
			members[i].name = read_label(v, what);
		if (parts & PART_TYPE)
			members[i].type = read_component_valtype(v);
		if (parts & PART_OPTIONAL_TYPE)
			members[i].type = read_optional_valtype(v);
		uint8_t zero = parts & PART_ZERO ? read_u8(&v->r) : 0;
		if (zero)
			malformed(v, "zero byte required", zero);
	}
	const struct ctype_member *conflict =
		parts & PART_NAME ? members_conflict(members, t->count, &v->arena, v->r.fail)
				  : NULL;
	if (conflict)
		invalid(v, "%s name %N conflicts with previous %s name", what, &conflict->name,
			what);
}

static void need_members(struct validator *v, const struct ctype *t, const char *what)
{
	if (!t->count)
		invalid(v, "%s", what);
}

static void set_members(struct validator *v, struct ctype *t, const struct ctype *first,
			const struct ctype *second, uint32_t count)
{
	struct ctype_member *members = need(v, 2, sizeof(*members));
	members[0].type = first;
	members[1].type = second;
	t->members = members;
	t->count = count;
}

static void read_result(struct validator *v, struct ctype *t)
{
	const struct ctype *ok = read_optional_valtype(v);
	set_members(v, t, ok, read_optional_valtype(v), 2);
}

static void read_handle(struct validator *v, struct ctype *t)
{
	uint32_t index = read_u32(&v->r);
	const struct ctype *resource = type_at(v, index);
	if (resource->kind != CTYPE_RESOURCE)
		invalid(v, "type index %u is not a resource type", index);
	t->of = resource;
}

static void read_channel(struct validator *v, struct ctype *t)
{
	const struct ctype *element = read_optional_valtype(v);
	if (element && element->borrows)
		invalid(v, "a %s cannot contain a `borrow` type", ctype_name(t));
	if (element && element->kind == CTYPE_CHAR && t->kind == CTYPE_STREAM)
		invalid(v, "`stream<char>` is not valid at this time");
	set_members(v, t, element, NULL, 1);
}

static void read_fixed_list(struct validator *v, struct ctype *t)
{
	set_members(v, t, read_component_valtype(v), NULL, 1);
	t->length = read_u32(&v->r);
	if (!t->length)
		invalid(v, "a list of fixed length must have an element");
}

static void read_map(struct validator *v, struct ctype *t)
{
	const struct ctype *key = read_component_valtype(v);
	if (key->kind > CTYPE_STRING || key->kind == CTYPE_F32 || key->kind == CTYPE_F64)
		invalid(v, "a %s cannot be a map's key", ctype_name(key));
	set_members(v, t, key, read_component_valtype(v), 2);
}

/* The parts of a value type behind its first byte. */
static void read_value_type(struct validator *v, struct ctype *t)
{
	switch (t->kind) {
	case CTYPE_RECORD:
		read_members(v, t, PART_NAME | PART_TYPE, "record field");
		need_members(v, t, "record type must have at least one field");
		break;
	case CTYPE_VARIANT:
		read_members(v, t, PART_NAME | PART_OPTIONAL_TYPE | PART_ZERO, "variant case");
		need_members(v, t, "variant type must have at least one case");
		break;
	case CTYPE_LIST:
	case CTYPE_OPTION:
		set_members(v, t, read_component_valtype(v), NULL, 1);
		break;
	case CTYPE_FIXED_LIST:
		read_fixed_list(v, t);
		break;
	case CTYPE_TUPLE:
		read_members(v, t, PART_TYPE, "tuple");
		need_members(v, t, "tuple type must have at least one type");
		break;
	case CTYPE_FLAGS:
		read_members(v, t, PART_NAME, "flag");
		need_members(v, t, "flags must have at least one entry");
		if (t->count > COMPONENT_MAX_FLAGS)
			invalid(v, "cannot have more than 32 flags");
		break;
	case CTYPE_ENUM:
		read_members(v, t, PART_NAME, "enum tag");
		need_members(v, t, "enum type must have at least one variant");
		break;
	case CTYPE_RESULT:
		read_result(v, t);
		break;
	case CTYPE_OWN:
	case CTYPE_BORROW:
		read_handle(v, t);
		break;
	case CTYPE_MAP:
		read_map(v, t);
		break;
	default:
		read_channel(v, t);
	}
	if (!ctype_complete(t))
		invalid(v, "type exceeds maximum byte size of %u", COMPONENT_MAX_VALUE_BYTES - 1);
	check_depth(v, t);
}

/* --- functions and resources --- */

const struct ctype *read_result_list(struct validator *v)
{
	uint8_t form = read_u8(&v->r);
	if (form > 0x01)
		malformed(v, "component function results", form);
	if (!form)
		return read_component_valtype(v);
	uint8_t zero = read_u8(&v->r);
	if (zero)
		malformed(v, "number of results", zero);
	return NULL;
}

static void read_function(struct validator *v, struct ctype *t)
{
	read_members(v, t, PART_NAME | PART_TYPE, "function parameter");
	for (uint32_t i = 0; i < t->count; i++) {
		flat_add(&t->flat, t->members[i].type);
		t->params_point |= t->members[i].type->points;
	}
	t->of = read_result_list(v);
	if (t->of && t->of->borrows)
		invalid(v, "function result cannot contain a `borrow` type");
	finish_type(v, t);
}

/* The destructor's index. */
static uint32_t read_resource(struct validator *v, struct ctype *t)
{
	uint32_t destructor = COMPONENT_NONE;
	if (v->scope->kind != SCOPE_COMPONENT)
		invalid(v, "resources can only be defined within a concrete component");
	uint8_t rep = read_u8(&v->r);
	if (rep != WASM_I32)
		invalid(v, "resources can only be represented by `i32`");
	uint8_t has_destructor = read_u8(&v->r);
	if (has_destructor > 0x01)
		malformed(v, "resource destructor", has_destructor);
	if (has_destructor) {
		destructor = read_u32(&v->r);
		const struct wasm_externtype *f =
			space_get(v, v->scope, SORT_CORE_FUNC, destructor);
		if (!wasm_functype_is(f->func, "i:"))
			invalid(v, "wrong signature for a destructor");
	}
	t->resource = new_resource(v, v->scope);
	finish_type(v, t);
	return destructor;
}

/* --- types of components and instances --- */

enum declarator {
	DECLARE_CORE_TYPE,
	DECLARE_TYPE,
	DECLARE_ALIAS,
	DECLARE_IMPORT,
	DECLARE_EXPORT,
};

static void read_declarator(struct validator *v)
{
	static const char what[] = "component or instance type declaration";
	uint8_t form = read_u8(&v->r);
	if (form > DECLARE_EXPORT ||
	    (form == DECLARE_IMPORT && v->scope->kind == SCOPE_INSTANCE_TYPE))
		malformed(v, what, form);
	switch ((enum declarator)form) {
	case DECLARE_CORE_TYPE:
		decode_core_type(v);
		return;
	case DECLARE_TYPE:
		decode_type(v);
		return;
	case DECLARE_ALIAS:
		decode_alias(v, true);
		return;
	case DECLARE_IMPORT:
		decode_extern(v, true);
		return;
	case DECLARE_EXPORT:
		decode_extern(v, false);
		return;
	}
}

static void take_scope(struct validator *v, const struct scope *s, struct ctype *t)
{
	t->imports = s->imports;
	t->exports = s->exports;
	t->first = s->first_resource;
	t->end = v->resources;
	finish_type(v, t);
}

const struct ctype *scope_type(struct validator *v, const struct scope *s)
{
	struct ctype *t = new_type(v, CTYPE_COMPONENT);
	take_scope(v, s, t);
	return t;
}

static void read_scoped_type(struct validator *v, struct ctype *t)
{
	struct scope scope;
	scope_enter(v, &scope,
		    t->kind == CTYPE_COMPONENT ? SCOPE_COMPONENT_TYPE : SCOPE_INSTANCE_TYPE);
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "declarations");
	for (uint32_t i = 0; i < n; i++)
		read_declarator(v);
	take_scope(v, &scope, t);
	scope_leave(v);
}

void decode_type(struct validator *v)
{
	uint8_t byte = read_u8(&v->r);
	enum ctype_kind kind = ctype_kind_of(byte);
	if (kind == CTYPE_KINDS)
		malformed(v, "component defined type", byte);
	struct definition d = {.kind = DEFINE_TYPE, .sort = SORT_TYPE, .index = COMPONENT_NONE};
	if (kind < CTYPE_PRIMITIVES) {
		d.type = &ctype_primitive[kind];
		space_add(v, SORT_TYPE, d.type);
		define(v, &d);
		return;
	}
	bool is_async = kind == CTYPE_ASYNC_FUNC;
	struct ctype *t = new_type(v, is_async ? CTYPE_FUNC : kind);
	t->is_async = is_async;
	if (t->kind == CTYPE_COMPONENT || t->kind == CTYPE_INSTANCE)
		read_scoped_type(v, t);
	else if (t->kind == CTYPE_FUNC)
		read_function(v, t);
	else if (t->kind == CTYPE_RESOURCE)
		d.index = read_resource(v, t);
	else
		read_value_type(v, t);
	space_add(v, SORT_TYPE, t);
	d.type = t;
	define(v, &d);
}
