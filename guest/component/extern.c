/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aliases, imports and exports (Binary.md, "Alias Definitions" and "Import and Export
 * Definitions"), of components and of types of components and instances.
 */
#include "guest/component/validator.h"

/* --- aliases --- */

static void alias_export(struct validator *v, enum component_sort sort)
{
	uint32_t index = read_u32(&v->r);
	const struct ctype *instance = space_get(v, v->scope, SORT_INSTANCE, index);
	struct wasm_name name = read_name(&v->r);
	const struct extern_item *found = externs_find(&instance->exports, name);
	if (!found)
		invalid(v, "instance %u has no export named %N", index, &name);
	if (found->item.sort != sort)
		invalid(v, "export %N for instance %u is not a %s", &name, index, sort_name(sort));
	space_add(v, sort, entry_of(&found->item));
	define(v, &(struct definition){.kind = DEFINE_ALIAS_EXPORT,
				       .sort = (uint8_t)sort,
				       .index = index,
				       .name = name});
}

static enum component_sort sort_of_kind(enum wasm_kind kind)
{
	static const enum component_sort sorts[] = {
		[WASM_KIND_FUNC] = SORT_CORE_FUNC,     [WASM_KIND_TABLE] = SORT_CORE_TABLE,
		[WASM_KIND_MEMORY] = SORT_CORE_MEMORY, [WASM_KIND_GLOBAL] = SORT_CORE_GLOBAL,
		[WASM_KIND_TAG] = SORT_CORE_TAG,
	};
	return sorts[kind];
}

static void alias_core_export(struct validator *v, enum component_sort sort)
{
	uint32_t index = read_u32(&v->r);
	const struct core_externs *instance = space_get(v, v->scope, SORT_CORE_INSTANCE, index);
	struct wasm_name name = read_name(&v->r);
	const struct core_extern *found =
		core_externs_find(instance, (struct wasm_name){"", 0}, name);
	if (!found)
		invalid(v, "core instance %u has no export named %N", index, &name);
	if (sort_of_kind(found->type.kind) != sort)
		invalid(v, "export %N for core instance %u is not a %s", &name, index,
			sort_name(sort));
	space_add(v, sort, &found->type);
	define(v, &(struct definition){.kind = DEFINE_ALIAS_CORE_EXPORT,
				       .sort = (uint8_t)sort,
				       .index = index,
				       .name = name});
}

static void alias_outer(struct validator *v, enum component_sort sort)
{
	uint32_t count = read_u32(&v->r);
	const struct scope *s = v->scope;
	bool crosses = false; /* the boundary of a component, not just of a type */
	for (uint32_t i = 0; i < count && s; i++) {
		crosses |= s->kind == SCOPE_COMPONENT;
		s = s->outer;
	}
	if (!s)
		invalid(v, "invalid outer alias count of %u", count);
	const uint32_t index = read_u32(&v->r);
	const void *entry = space_get(v, s, sort, index);
	if (crosses && sort == SORT_TYPE && ctype_has_free_resource(entry))
		invalid(v, "outer type alias across a component transitively refers to resources");
	space_add(v, sort, entry);
	define(v, &(struct definition){.kind = DEFINE_ALIAS_OUTER,
				       .sort = (uint8_t)sort,
				       .index = index,
				       .count = count});
}

void decode_alias(struct validator *v, bool in_type)
{
	static const char outer[] = "component outer alias kind";
	const uint8_t *at = v->r.p;
	enum component_sort sort = read_sort(v, outer);
	uint8_t target = read_u8(&v->r);
	bool is_core = sort > SORT_INSTANCE;
	if (target > 0x02)
		malformed(v, "alias", target);
	if (target == 0x02 && sort != SORT_TYPE && sort != SORT_COMPONENT &&
	    sort != SORT_CORE_MODULE && sort != SORT_CORE_TYPE) {
		v->r.p = at + 1 + (*at == 0); /* behind the sort */
		malformed(v, outer, v->r.p[-1]);
	}
	if (in_type && sort != SORT_TYPE && !(target == 0x00 && sort == SORT_INSTANCE) &&
	    !(target == 0x02 && sort == SORT_CORE_TYPE))
		invalid(v, "aliases in component and instance types may only refer to types or "
			   "instances");
	if (target == 0x01 && (!is_core || sort > SORT_CORE_TAG))
		invalid(v, "a core instance exports no %s", sort_name(sort));
	if (target == 0x00 && is_core)
		invalid(v, "an instance exports no %s", sort_name(sort));
	if (target == 0x00)
		alias_export(v, sort);
	else if (target == 0x01)
		alias_core_export(v, sort);
	else
		alias_outer(v, sort);
}

/* --- imports and exports --- */

static void read_attribute(struct validator *v, struct attributes *a)
{
	uint8_t kind = read_u8(&v->r);
	if (kind > ATTRIBUTE_EXTERNAL_ID)
		malformed(v, "name option", kind);
	struct wasm_name text = read_name(&v->r);
	if (a->has[kind])
		invalid(v, "duplicate option in name: %N", &text);
	a->has[kind] = true;
	a->text[kind] = text;
}

struct wasm_name read_extern_name(struct validator *v, struct attributes *a)
{
	uint8_t form = read_u8(&v->r);
	if (form > 0x02)
		malformed(v, "component name", form);
	struct wasm_name name = read_name(&v->r);
	if (name.bytes > COMPONENT_MAX_NAME)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "name too long");
	uint32_t count = form == 0x02 ? read_vector(v, COMPONENT_MAX_ENTRIES, "attributes") : 0;
	for (uint32_t i = 0; i < count; i++)
		read_attribute(v, a);
	return name;
}

/* "@0.2" and the suffix ".6" are a version together. */
static bool suffix_fits(struct wasm_name name, struct wasm_name suffix)
{
	char text[2 * COMPONENT_MAX_NAME];
	uint32_t at = 0;
	while (at < name.bytes && name.text[at] != '@')
		at++;
	if (at == name.bytes || suffix.bytes > COMPONENT_MAX_NAME)
		return false;
	uint32_t bytes = name.bytes - at - 1;
	memcpy(text, name.text + at + 1, bytes);
	memcpy(text + bytes, suffix.text, suffix.bytes);
	return name_is_version((struct wasm_name){text, bytes + suffix.bytes});
}

void check_attributes(struct validator *v, struct wasm_name name, const struct item *item,
		      const struct attributes *a)
{
	if (a->has[ATTRIBUTE_IMPLEMENTS]) {
		if (!name_is_interface(a->text[ATTRIBUTE_IMPLEMENTS]))
			invalid(v, "%N of `implements` must be an interface",
				&a->text[ATTRIBUTE_IMPLEMENTS]);
		if (item->sort != SORT_INSTANCE)
			invalid(v, "only instances can have an `implements`");
		if (name_parse(name).form != NAME_LABEL)
			invalid(v, "name %N is not valid with `implements`", &name);
	}
	if (a->has[ATTRIBUTE_VERSION_SUFFIX] &&
	    !suffix_fits(name, a->text[ATTRIBUTE_VERSION_SUFFIX]))
		invalid(v, "%N and its version suffix are not a version", &name);
}

/* What an import or an export's ascription says that it is. */
static struct item read_extern_type(struct validator *v, uint32_t *first, uint32_t *end)
{
	static const char what[] = "component external kind";
	const enum component_sort sort = read_sort(v, what);
	struct item item = {.sort = sort};
	*first = *end = v->resources;
	if (sort > SORT_INSTANCE)
		malformed(v, what, v->r.p[-1]);
	if (sort == SORT_TYPE) {
		uint8_t bound = read_u8(&v->r);
		if (bound > 0x01)
			malformed(v, "type bound", bound);
		if (bound == 0x00) {
			item.type = type_at(v, read_u32(&v->r));
			return item;
		}
		struct ctype *t = new_type(v, CTYPE_RESOURCE);
		t->resource = new_resource(v, NULL);
		finish_type(v, t);
		*end = v->resources;
		item.type = t;
		return item;
	}
	uint32_t index = read_u32(&v->r);
	if (sort == SORT_CORE_MODULE) {
		const struct core_type *t = space_get(v, v->scope, SORT_CORE_TYPE, index);
		if (!t->module)
			invalid(v, "core type index %u is not a module type", index);
		item.module = t->module;
		return item;
	}
	const struct ctype *t = type_at(v, index);
	static const enum ctype_kind kinds[SORTS] = {
		[SORT_FUNC] = CTYPE_FUNC,
		[SORT_COMPONENT] = CTYPE_COMPONENT,
		[SORT_INSTANCE] = CTYPE_INSTANCE,
	};
	if (t->kind != kinds[sort])
		invalid(v, "type index %u is not a %s type", index, sort_name(sort));
	item.type = sort == SORT_INSTANCE ? use_instance(v, t, first, end) : t;
	return item;
}

static void add_extern(struct validator *v, struct wasm_name name, struct item item,
		       const struct attributes *a, bool is_import, uint32_t index)
{
	struct scope *s = v->scope;
	struct externs *among = is_import ? &s->imports : &s->exports;
	check_attributes(v, name, &item, a);
	check_annotation(v, name, &item, among);
	check_visible(v, &item, is_import);
	if (among->count == COMPONENT_MAX_ENTRIES)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "too many imports or exports");
	struct extern_item *added = externs_add(among, &v->arena, v->r.fail, name);
	if (!added)
		invalid(v, "%s name %N conflicts with previous name",
			is_import ? "import" : "export", &name);
	added->item = item;
	space_add(v, item.sort, entry_of(&item));
	define(v, &(struct definition){
			  .kind = is_import ? DEFINE_IMPORT : DEFINE_EXPORT,
			  .sort = (uint8_t)item.sort,
			  .index = index,
			  .name = name,
			  .type = item.sort == SORT_CORE_MODULE ? NULL : item.type,
		  });
}

/* An import, or an export of a component's or an instance's type. */
void decode_extern(struct validator *v, bool is_import)
{
	struct attributes a = {0};
	uint32_t first, end;
	struct wasm_name name = read_extern_name(v, &a);
	add_extern(v, name, read_extern_type(v, &first, &end), &a, is_import, COMPONENT_NONE);
}

void decode_export(struct validator *v)
{
	struct attributes a = {0};
	struct wasm_name name = read_extern_name(v, &a);
	uint32_t index;
	struct item item = read_item(v, &index);
	uint8_t ascribed = read_u8(&v->r);
	if (ascribed > 0x01)
		malformed(v, "optional component export type", ascribed);
	if (ascribed) {
		struct match m = {.v = v};
		struct item want = read_extern_type(v, &m.first, &m.end);
		if (!match_item(&m, &item, &want))
			match_fail(&m, "ascription of export", name);
		item = want;
	}
	add_extern(v, name, item, &a, false, index);
}
