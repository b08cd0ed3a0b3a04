/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External visibility of types (Explainer.md, section of that name): records, variants, enums,
 * flags and resources in the type of an import or export have names from outside. And what names
 * with annotations demand of the functions that they name.
 */
#include "guest/component/validator.h"

static uint32_t node_hash(const struct ctype *node)
{
	uint64_t h = (uint64_t)node * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}

bool node_is_in(const struct node_set *s, const struct ctype *node)
{
	if (!s->cells)
		return false;
	uint32_t at = node_hash(node) & (s->cells - 1);
	for (; s->cell[at]; at = (at + 1) & (s->cells - 1))
		if (s->cell[at] == node)
			return true;
	return false;
}

static void put(struct node_set *s, const struct ctype *node)
{
	uint32_t at = node_hash(node) & (s->cells - 1);
	while (s->cell[at])
		at = (at + 1) & (s->cells - 1);
	s->cell[at] = node;
}

void node_add(struct validator *v, struct node_set *s, const struct ctype *node)
{
	if (node_is_in(s, node))
		return;
	if ((s->count + 1) * 2 > s->cells) {
		const struct node_set old = *s;
		s->cells = old.cells ? 4 * old.cells : 16;
		s->cell = need(v, s->cells, sizeof(*s->cell));
		for (uint32_t i = 0; i < old.cells; i++)
			if (old.cell[i])
				put(s, old.cell[i]);
	}
	put(s, node);
	s->count++;
}

/* --- whether all has names --- */

struct visibility {
	struct validator *v;
	bool is_import; /* what is imported cannot refer to what is exported */
};

static bool has_name(const struct visibility *x, const struct ctype *t)
{
	const struct scope *s = x->v->scope;
	return node_is_in(&s->imported, t) || (!x->is_import && node_is_in(&s->exported, t));
}

static bool parts_are_visible(const struct visibility *x, const struct ctype *t);

static bool is_visible(const struct visibility *x, const struct ctype *t)
{
	if (!t || t->kind < CTYPE_PRIMITIVES)
		return true;
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_FLAGS:
	case CTYPE_RESOURCE:
		return has_name(x, t);
	default:
		return parts_are_visible(x, t);
	}
}

/* All that a type consists of; of what it is itself the name is just being given. */
static bool parts_are_visible(const struct visibility *x, const struct ctype *t)
{
	work(x->v, 1);
	if (t->kind == CTYPE_COMPONENT) /* it was checked when it was defined */
		return true;
	for (uint32_t i = 0; i < t->count; i++)
		if (!is_visible(x, t->members[i].type))
			return false;
	for (uint32_t i = 0; i < t->exports.count; i++) {
		const struct item *item = &t->exports.list[i].item;
		if (item->sort != SORT_CORE_MODULE && !parts_are_visible(x, item->type))
			return false;
	}
	return is_visible(x, t->of);
}

static void give_names(struct validator *v, struct node_set *set, const struct item *item)
{
	work(v, 1);
	if (item->sort == SORT_TYPE)
		node_add(v, set, item->type);
	if (item->sort == SORT_INSTANCE ||
	    (item->sort == SORT_TYPE && item->type->kind == CTYPE_INSTANCE))
		for (uint32_t i = 0; i < item->type->exports.count; i++)
			give_names(v, set, &item->type->exports.list[i].item);
}

void check_visible(struct validator *v, struct item *item, bool is_import)
{
	const struct visibility x = {v, is_import};
	struct node_set *set = is_import ? &v->scope->imported : &v->scope->exported;
	if (item->sort == SORT_TYPE) {
		struct ctype *named = need(v, 1, sizeof(*named));
		*named = *item->type;
		named->run = 0;
		named->is_open |= is_import || v->scope->kind == SCOPE_INSTANCE_TYPE;
		item->type = named;
	}
	if (v->scope->kind == SCOPE_INSTANCE_TYPE || item->sort == SORT_CORE_MODULE)
		return;
	give_names(v, set, item);
	if (!parts_are_visible(&x, item->type))
		invalid(v, "%s not valid to be used as %s", sort_name(item->sort),
			is_import ? "import" : "export");
}

/* --- names with annotations --- */

static uint32_t resource_named(struct validator *v, struct wasm_name name,
			       const struct externs *among)
{
	const struct extern_item *found = among ? externs_find(among, name) : NULL;
	if (!found || found->item.sort != SORT_TYPE || found->item.type->kind != CTYPE_RESOURCE)
		invalid(v, "resource %N does not have a name in this context", &name);
	return found->item.type->resource;
}

static bool is_handle(const struct ctype *t, enum ctype_kind kind, uint32_t resource)
{
	return t && t->kind == kind && t->of->resource == resource;
}

void check_annotation(struct validator *v, struct wasm_name name, const struct item *item,
		      const struct externs *among)
{
	const struct parsed_name p = name_parse(name);
	if (p.form == NAME_INVALID)
		invalid(v, "%N is not a valid extern name", &name);
	if (p.form == NAME_LABEL || p.form == NAME_INTERFACE)
		return;
	if (item->sort != SORT_FUNC)
		invalid(v, "%N is not a func", &name);
	const struct ctype *f = item->type, *result = f->of;
	uint32_t resource = resource_named(v, p.resource, among);
	if (p.form == NAME_CONSTRUCTOR) {
		if (result && result->kind == CTYPE_RESULT)
			result = result->members[0].type;
		if (!is_handle(result, CTYPE_OWN, resource))
			invalid(v, "%N should return `(own $T)` or `(result (own $T))`", &name);
	}
	if (p.form == NAME_METHOD) {
		if (!f->count || f->members[0].name.bytes != 4 ||
		    memcmp(f->members[0].name.text, "self", 4) != 0)
			invalid(v, "%N should have a first argument called `self`", &name);
		if (!is_handle(f->members[0].type, CTYPE_BORROW, resource))
			invalid(v, "%N should take a first argument of `(borrow $T)`", &name);
	}
}
