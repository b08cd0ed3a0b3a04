/* SPDX-License-Identifier: Apache-2.0 */
/* What all of the validator uses: failures, index spaces, scopes, nodes of types. */
#include "guest/component/validator.h"

#include "guest/component/component.h"

bool component_is(const void *bytes, size_t size)
{
	static const uint8_t preamble[COMPONENT_PREAMBLE_BYTES] = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
	return size >= COMPONENT_PREAMBLE_BYTES &&
	       memcmp(bytes, preamble, COMPONENT_PREAMBLE_BYTES) == 0;
}

/* --- failures and reading --- */

void invalid(struct validator *v, const char *format, ...)
{
	char text[WASM_MESSAGE_BYTES];
	va_list ap;
	va_start(ap, format);
	wasm_vformat(text, sizeof(text), format, ap);
	va_end(ap);
	reader_fail(&v->r, WASM_ERROR_INVALID, text);
}

void malformed(struct validator *v, const char *what, uint8_t byte)
{
	v->r.p--;
	wasm_fail(v->r.fail, WASM_ERROR_MALFORMED, reader_offset(&v->r),
		  "invalid leading byte (0x%x) for %s", byte, what);
}

void work(struct validator *v, uint64_t steps)
{
	v->work += steps;
	if (v->work > COMPONENT_MAX_WORK)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "its types are too large to be compared");
}

void *need(struct validator *v, uint64_t count, uint64_t bytes)
{
	return arena_need(&v->arena, v->r.fail, count, bytes);
}

uint32_t read_vector(struct validator *v, uint32_t max, const char *what)
{
	uint64_t at = reader_offset(&v->r);
	uint32_t n = read_u32(&v->r);
	if (n > (uint64_t)(v->r.end - v->r.p))
		reader_fail(&v->r, WASM_ERROR_MALFORMED,
			    "unexpected end: count exceeds the section");
	if (n > max)
		wasm_fail(v->r.fail, WASM_ERROR_LIMIT, at, "too many %s: %u, at most %u", what, n,
			  max);
	return n;
}

struct wasm_name read_label(struct validator *v, const char *what)
{
	struct wasm_name name = read_name(&v->r);
	if (!name.bytes)
		invalid(v, "%s name cannot be empty", what);
	if (name.bytes > COMPONENT_MAX_NAME)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "name too long");
	if (!name_is_label(name))
		invalid(v, "%s name %N is not in kebab case", what, &name);
	return name;
}

/* --- sorts and index spaces --- */

const char *sort_name(enum component_sort sort)
{
	static const char *const names[SORTS] = {
		[SORT_CORE_MODULE] = "module",
		[SORT_FUNC] = "func",
		[SORT_TYPE] = "type",
		[SORT_COMPONENT] = "component",
		[SORT_INSTANCE] = "instance",
		[SORT_CORE_FUNC] = "core func",
		[SORT_CORE_TABLE] = "core table",
		[SORT_CORE_MEMORY] = "core memory",
		[SORT_CORE_GLOBAL] = "core global",
		[SORT_CORE_TAG] = "core tag",
		[SORT_CORE_TYPE] = "core type",
		[SORT_CORE_INSTANCE] = "core instance",
	};
	return names[sort];
}

enum component_sort read_core_sort(struct validator *v, const char *what)
{
	uint8_t byte = read_u8(&v->r);
	switch (byte) {
	case 0x00:
		return SORT_CORE_FUNC;
	case 0x01:
		return SORT_CORE_TABLE;
	case 0x02:
		return SORT_CORE_MEMORY;
	case 0x03:
		return SORT_CORE_GLOBAL;
	case 0x04:
		return SORT_CORE_TAG;
	case 0x10:
		return SORT_CORE_TYPE;
	case 0x11:
		return SORT_CORE_MODULE;
	case 0x12:
		return SORT_CORE_INSTANCE;
	}
	malformed(v, what, byte);
}

enum component_sort read_sort(struct validator *v, const char *what)
{
	uint8_t byte = read_u8(&v->r);
	switch (byte) {
	case 0x00:
		return read_core_sort(v, what);
	case 0x01:
		return SORT_FUNC;
	case 0x02:
		reader_fail(&v->r, WASM_ERROR_UNSUPPORTED, "component values are not supported");
	case 0x03:
		return SORT_TYPE;
	case 0x04:
		return SORT_COMPONENT;
	case 0x05:
		return SORT_INSTANCE;
	}
	malformed(v, what, byte);
}

void space_add(struct validator *v, enum component_sort sort, const void *entry)
{
	struct space *s = &v->scope->space[sort];
	s->entry = array_grow(s->entry, s->count, &s->capacity, sizeof(*s->entry), &v->arena,
			      v->r.fail);
	s->entry[s->count++] = entry;
}

void define(struct validator *v, const struct definition *definition)
{
	struct graph *g = v->scope->graph;
	if (!g || definition->sort == SORT_CORE_TYPE) /* nothing is made of those */
		return;
	g->list =
		array_grow(g->list, g->count, &g->capacity, sizeof(*g->list), &v->arena, v->r.fail);
	g->list[g->count++] = *definition;
}

const void *space_get(struct validator *v, const struct scope *s, enum component_sort sort,
		      uint32_t index)
{
	if (index >= s->space[sort].count)
		invalid(v, "unknown %s %u: %s index out of bounds", sort_name(sort), index,
			sort_name(sort));
	return s->space[sort].entry[index];
}

static struct item item_of(enum component_sort sort, const void *entry)
{
	struct item item = {.sort = sort};
	if (sort == SORT_CORE_MODULE)
		item.module = entry;
	else
		item.type = entry;
	return item;
}

const void *entry_of(const struct item *item)
{
	if (item->sort == SORT_CORE_MODULE)
		return item->module;
	return item->type;
}

/* A sort and an index, of what components import and export. */
struct item read_item(struct validator *v, uint32_t *index)
{
	enum component_sort sort = read_sort(v, "component external kind");
	if (sort > SORT_INSTANCE)
		malformed(v, "component external kind", v->r.p[-1]);
	*index = read_u32(&v->r);
	return item_of(sort, space_get(v, v->scope, sort, *index));
}

uint32_t new_resource(struct validator *v, const struct scope *owner)
{
	if (v->resources == COMPONENT_MAX_RESOURCES)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "too many resources");
	v->resource = array_grow(v->resource, v->resources, &v->resource_capacity,
				 sizeof(*v->resource), &v->arena, v->r.fail);
	v->resource[v->resources].owner = owner;
	return v->resources++;
}

void scope_enter(struct validator *v, struct scope *s, enum scope_kind kind)
{
	*s = (struct scope){.kind = kind, .outer = v->scope, .first_resource = v->resources};
	if (++v->depth > COMPONENT_MAX_DEPTH)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "components are nested too deeply");
	v->scope = s;
	if (kind == SCOPE_COMPONENT)
		s->graph = need(v, 1, sizeof(*s->graph));
}

void scope_leave(struct validator *v)
{
	struct graph *g = v->scope->graph;
	for (unsigned sort = 0; g && sort < SORTS; sort++)
		g->entries[sort] = v->scope->space[sort].count;
	v->scope = v->scope->outer;
	v->depth--;
}

/* --- nodes of types --- */

struct ctype *new_type(struct validator *v, enum ctype_kind kind)
{
	struct ctype *t = need(v, 1, sizeof(*t));
	t->kind = (uint8_t)kind;
	t->first = t->lowest = COMPONENT_NONE;
	return t;
}

void check_depth(struct validator *v, const struct ctype *t)
{
	if (t->depth > COMPONENT_MAX_TYPE_DEPTH)
		reader_fail(&v->r, WASM_ERROR_LIMIT, "types are nested too deeply");
}

void finish_type(struct validator *v, struct ctype *t)
{
	ctype_gather(t);
	check_depth(v, t);
}

const struct ctype *type_at(struct validator *v, uint32_t index)
{
	return space_get(v, v->scope, SORT_TYPE, index);
}

void image_begin(struct validator *v)
{
	v->runs++;
}

void image_set(struct validator *v, const struct ctype *node, const struct ctype *image)
{
	if (!node->is_open)
		return;
	struct ctype *n = (struct ctype *)node; /* a note on what never changes */
	n->run = v->runs;
	n->image = image;
}
