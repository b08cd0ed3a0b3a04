/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether one item may be where another is expected (Explainer.md, "Type Checking"): structure for
 * values, numbers for resources. A component's imports are compared the other way round.
 */
#include "guest/component/validator.h"

static bool differs(struct match *m, const char *why)
{
	if (!m->why)
		m->why = why;
	return false;
}

static bool differs_in(struct match *m, const char *why, struct wasm_name name)
{
	if (!m->why)
		m->name = name;
	return differs(m, why);
}

static bool differs_from(struct match *m, const char *expected, const char *found)
{
	if (!m->why) {
		m->expected = expected;
		m->found = found;
	}
	return differs(m, "expected");
}

void match_fail(const struct match *m, const char *what, struct wasm_name name)
{
	const struct wasm_name *at = m->name.bytes ? &m->name : &name;
	if (m->expected)
		invalid(m->v, "type mismatch in %s %N: %N: expected %s, found %s", what, &name, at,
			m->expected, m->found);
	invalid(m->v, "type mismatch in %s %N: %N: %s", what, &name, at, m->why);
}

/* --- resources --- */

static const struct pair *find_pair(const struct match *m, uint32_t resource)
{
	for (uint32_t i = m->count; i-- > 0;)
		if (m->pairs[i].from == resource)
			return &m->pairs[i];
	return NULL;
}

uint32_t match_resource(const struct match *m, uint32_t resource)
{
	const struct pair *p = find_pair(m, resource);
	work(m->v, 1 + m->count);
	while (p && p->to != resource) {
		work(m->v, 1 + m->count);
		resource = p->to;
		p = find_pair(m, resource);
	}
	return resource;
}

static void bind(struct match *m, uint32_t from, uint32_t to)
{
	m->pairs = array_grow(m->pairs, m->count, &m->capacity, sizeof(*m->pairs), &m->v->arena,
			      m->v->r.fail);
	m->pairs[m->count++] = (struct pair){from, to};
}

static bool match_resources(struct match *m, const struct ctype *have, const struct ctype *want)
{
	uint32_t has = match_resource(m, have->resource), wants = match_resource(m, want->resource);
	if (has == wants)
		return true;
	if (wants < m->first || wants >= m->end || find_pair(m, wants))
		return differs(m, "resource types are not the same");
	bind(m, wants, has);
	return true;
}

/* Resources that an item introduces stay what they are: nothing is bound to them. */
static void pin(struct match *m, const struct item *item)
{
	work(m->v, 1 + m->count);
	if (item->sort == SORT_TYPE && item->type->kind == CTYPE_RESOURCE) {
		uint32_t resource = item->type->resource;
		if (!find_pair(m, resource))
			bind(m, resource, resource);
	} else if (item->sort == SORT_INSTANCE) {
		for (uint32_t i = 0; i < item->type->exports.count; i++)
			pin(m, &item->type->exports.list[i].item);
	}
}

/* --- values and functions --- */

static bool match_type(struct match *m, const struct ctype *have, const struct ctype *want);

static bool match_part(struct match *m, const struct ctype *have, const struct ctype *want)
{
	if (!have || !want)
		return have == want || differs(m, "one has a type where the other has none");
	return match_type(m, have, want);
}

static bool match_members(struct match *m, const struct ctype *have, const struct ctype *want)
{
	if (have->count != want->count)
		return differs(m, "expected another number of parts");
	for (uint32_t i = 0; i < have->count; i++) {
		const struct ctype_member *a = &have->members[i], *b = &want->members[i];
		work(m->v, 1 + name_steps(b->name.bytes));
		if (!name_same(a->name, b->name))
			return differs_in(m, "expected another name", b->name);
		if (!match_part(m, a->type, b->type))
			return false;
	}
	return true;
}

static bool match_exports(struct match *m, const struct externs *have, const struct externs *want)
{
	work(m->v, want->count + name_steps(want->index.name_bytes));
	for (uint32_t i = 0; i < want->count; i++) {
		const struct extern_item *w = &want->list[i];
		const struct extern_item *h = externs_find(have, w->name);
		if (!h)
			return differs_in(m, "missing expected export", w->name);
		if (!match_item(m, &h->item, &w->item)) {
			m->name = w->name;
			return false;
		}
	}
	return true;
}

/* What is expected has as many imports or more, each of which the other one accepts. */
static bool match_components(struct match *m, const struct ctype *have, const struct ctype *want)
{
	const uint32_t first = m->first, end = m->end, bound = m->count;
	const bool outermost = m->outermost;
	bool fits = true;
	m->outermost = false;
	for (uint32_t i = 0; i < want->imports.count; i++)
		pin(m, &want->imports.list[i].item);
	m->first = have->first;
	m->end = have->end;
	work(m->v, have->imports.count + name_steps(have->imports.index.name_bytes));
	for (uint32_t i = 0; i < have->imports.count && fits; i++) {
		const struct extern_item *h = &have->imports.list[i];
		const struct extern_item *w = externs_find(&want->imports, h->name);
		fits = w ? match_item(m, &w->item, &h->item)
			 : differs_in(m, "missing expected import", h->name);
	}
	m->first = want->first;
	m->end = want->end;
	fits = fits && match_exports(m, &have->exports, &want->exports);
	m->first = first;
	m->end = end;
	m->outermost = outermost;
	m->count = bound;
	return fits;
}

/* A type that is an instance's: its own resources are open while it is compared. */
static bool match_instance_types(struct match *m, const struct ctype *have,
				 const struct ctype *want)
{
	const uint32_t first = m->first, end = m->end, bound = m->count;
	if (want->first != COMPONENT_NONE) {
		m->first = want->first;
		m->end = want->end;
	}
	bool fits = match_exports(m, &have->exports, &want->exports);
	if (want->first != COMPONENT_NONE)
		m->count = bound;
	m->first = first;
	m->end = end;
	return fits;
}

static bool match_type(struct match *m, const struct ctype *have, const struct ctype *want)
{
	work(m->v, 1);
	if (have == want && !have->is_open)
		return true;
	if (have->kind != want->kind)
		return differs_from(m, ctype_name(want), ctype_name(have));
	switch (have->kind) {
	case CTYPE_RESOURCE:
		return match_resources(m, have, want);
	case CTYPE_OWN:
	case CTYPE_BORROW:
		return match_resources(m, have->of, want->of);
	case CTYPE_COMPONENT:
		return match_components(m, have, want);
	case CTYPE_INSTANCE:
		return match_instance_types(m, have, want);
	case CTYPE_FIXED_LIST:
		if (have->length != want->length)
			return differs(m, "expected a list of another length");
		return match_members(m, have, want);
	case CTYPE_FUNC:
		if (have->is_async != want->is_async)
			return differs(m, "one function is async and the other is not");
		return match_members(m, have, want) && match_part(m, have->of, want->of);
	default:
		return match_members(m, have, want);
	}
}

bool match_item(struct match *m, const struct item *have, const struct item *want)
{
	if (have->sort != want->sort)
		return differs_from(m, sort_name(want->sort), sort_name(have->sort));
	if (have->sort == SORT_CORE_MODULE) {
		const struct core_externs *in = &have->module->imports,
					  *out = &want->module->exports;
		work(m->v, 1 + in->count + out->count + name_steps(in->index.name_bytes) +
				   name_steps(out->index.name_bytes));
		return module_fits(have->module, want->module) ||
		       differs(m, "module types do not match");
	}
	if (!match_type(m, have->type, want->type))
		return false;
	if (have->sort == SORT_TYPE && m->outermost)
		image_set(m->v, want->type, have->type);
	return true;
}
