/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of one use of a component or an instance: with other resources, and with what was given for
 * imported types. Nodes are shared, so each has one image in a run, whatever refers to it; parts
 * that contain neither stay the same nodes.
 */
#include "guest/component/validator.h"

struct substitution {
	struct validator *v;
	const struct match *m;
	uint32_t base; /* of the new numbers for those of the open range */
};

static uint32_t number(const struct substitution *s, uint32_t resource)
{
	uint32_t to = match_resource(s->m, resource);
	if (to >= s->m->first && to < s->m->end)
		return s->base + (to - s->m->first);
	return to;
}

static const struct ctype *image_of(const struct substitution *s, const struct ctype *t);

/* Parts with their images: the same list if all stay what they are. */
static const struct ctype_member *members_of(const struct substitution *s, const struct ctype *t)
{
	struct ctype_member *changed = NULL;
	work(s->v, t->count);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *image = image_of(s, t->members[i].type);
		if (image == t->members[i].type)
			continue;
		if (!changed) {
			changed = need(s->v, t->count, sizeof(*changed));
			memcpy(changed, t->members, t->count * sizeof(*changed));
		}
		changed[i].type = image;
	}
	return changed ? changed : t->members;
}

static struct externs items_of(const struct substitution *s, const struct externs *from)
{
	struct externs to = *from;
	work(s->v, from->count);
	for (uint32_t i = 0; i < from->count; i++) {
		const struct item *item = &from->list[i].item;
		if (item->sort == SORT_CORE_MODULE)
			continue;
		const struct ctype *image = image_of(s, item->type);
		if (image == item->type)
			continue;
		if (to.list == from->list) {
			to.list = need(s->v, from->count, sizeof(*to.list));
			to.capacity = from->count;
			memcpy(to.list, from->list, from->count * sizeof(*to.list));
		}
		to.list[i].item.type = image;
	}
	return to;
}

static uint32_t range_start(const struct substitution *s, const struct ctype *t)
{
	if (t->first == COMPONENT_NONE || t->first < s->m->first || t->first >= s->m->end)
		return t->first;
	return s->base + (t->first - s->m->first);
}

/* A node of which nothing changes is its own image: what has a name keeps it. */
static const struct ctype *image_of(const struct substitution *s, const struct ctype *t)
{
	if (!t || !t->is_open)
		return t;
	if (t->run == s->v->runs)
		return t->image;
	struct ctype n = *t;
	if (t->kind == CTYPE_RESOURCE)
		n.resource = number(s, t->resource);
	n.members = members_of(s, t);
	n.of = image_of(s, t->of);
	n.imports = items_of(s, &t->imports);
	n.exports = items_of(s, &t->exports);
	const struct ctype *image = t;
	if (n.resource != t->resource || n.members != t->members || n.of != t->of ||
	    n.imports.list != t->imports.list || n.exports.list != t->exports.list) {
		struct ctype *copy = need(s->v, 1, sizeof(*copy));
		*copy = n;
		copy->run = 0;
		copy->first = range_start(s, t);
		copy->end = copy->first + (t->end - t->first);
		finish_type(s->v, copy);
		copy->is_open = true;
		image = copy;
	}
	image_set(s->v, t, image);
	return image;
}

void substitute_externs(struct validator *v, const struct match *m, uint32_t base,
			const struct externs *from, struct externs *to)
{
	const struct substitution s = {v, m, base};
	*to = items_of(&s, from);
}

const struct ctype *use_instance(struct validator *v, const struct ctype *type, uint32_t *first,
				 uint32_t *end)
{
	struct ctype *use = new_type(v, CTYPE_INSTANCE);
	struct match m = {.v = v, .first = type->first, .end = type->end};
	if (type->first == COMPONENT_NONE)
		m.first = m.end = 0;
	*first = v->resources;
	for (uint32_t i = m.first; i < m.end; i++)
		(void)new_resource(v, NULL);
	*end = v->resources;
	image_begin(v);
	substitute_externs(v, &m, *first, &type->exports, &use->exports);
	finish_type(v, use);
	return use;
}
