/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports and exports as text. Types share parts, so what is written out could be longer than any
 * memory: whoever reads it says when it is enough. A type that an interface has named before is its
 * name.
 */
#include "guest/component/wit.h"

#include "guest/component/names.h"
#include "guest/wasm/platform.h"

enum { NAMES = 8192, NAMES_MAX = NAMES / 4 * 3 /* further ones are written out */ };

/* A type's name where it came first, in an interface or (empty) the world; and the latest. */
struct type_name {
	uint64_t key; /* 0: none */
	struct wasm_name interface, first, name;
};

struct writer {
	const struct wit_writer *to;
	bool is_full;
	struct wasm_name interface; /* that is being written */
	struct type_name *names;    /* open addressing, of NAMES */
	uint32_t name_count;
};

static void put_bytes(struct writer *w, const char *text, uint64_t bytes)
{
	if (!w->is_full && bytes)
		w->is_full = !w->to->write(w->to->context, text, bytes);
}

static void put(struct writer *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

static void put_name(struct writer *w, struct wasm_name name)
{
	put_bytes(w, name.text, name.bytes);
}

static void put_indent(struct writer *w, uint32_t depth)
{
	for (uint32_t i = 0; i < depth && !w->is_full; i++)
		put(w, "  ");
}

/* --- types by their names --- */

/* Nodes are what names go by, and of resources their numbers. */
static uint64_t key_of(const struct ctype *t)
{
	if (t->kind == CTYPE_RESOURCE)
		return (uint64_t)t->resource << 1 | 1;
	return (uint64_t)(uintptr_t)t;
}

static struct type_name *cell_of(const struct writer *w, const struct ctype *t)
{
	const uint64_t key = key_of(t);
	uint64_t at = key * 0x9e3779b97f4a7c15u >> 32;
	while (w->names[at % NAMES].key && w->names[at % NAMES].key != key)
		at++;
	return &w->names[at % NAMES];
}

static void name_type(struct writer *w, const struct ctype *t, struct wasm_name name)
{
	struct type_name *cell = cell_of(w, t);
	if (t->kind < CTYPE_PRIMITIVES || (!cell->key && w->name_count == NAMES_MAX))
		return;
	if (!cell->key) {
		w->name_count++;
		*cell = (struct type_name){key_of(t), w->interface, name, name};
	}
	cell->name = name;
}

/* --- types --- */

static void put_type(struct writer *w, const struct ctype *t);

static void put_parts(struct writer *w, const struct ctype *t, const char *none)
{
	for (uint32_t i = 0; i < t->count && !w->is_full; i++) {
		if (i)
			put(w, ", ");
		if (t->members[i].type)
			put_type(w, t->members[i].type);
		else
			put(w, none);
	}
}

/* "<T, E>", or nothing if none of them is there. */
static void put_arguments(struct writer *w, const struct ctype *t)
{
	bool any = false;
	char length[16];
	for (uint32_t i = 0; i < t->count; i++)
		any |= t->members[i].type != NULL;
	if (!any)
		return;
	put(w, "<");
	put_parts(w, t, "_");
	if (t->kind == CTYPE_FIXED_LIST) {
		wasm_format(length, sizeof(length), ", %u", t->length);
		put(w, length);
	}
	put(w, ">");
}

/* "a: u8, b: string", of records and functions. */
static void put_fields(struct writer *w, const struct ctype *t)
{
	for (uint32_t i = 0; i < t->count && !w->is_full; i++) {
		if (i)
			put(w, ", ");
		put_name(w, t->members[i].name);
		put(w, ": ");
		put_type(w, t->members[i].type);
	}
}

/* "a, b(string)", of variants, enums and flags. */
static void put_cases(struct writer *w, const struct ctype *t)
{
	for (uint32_t i = 0; i < t->count && !w->is_full; i++) {
		if (i)
			put(w, ", ");
		put_name(w, t->members[i].name);
		if (!t->members[i].type)
			continue;
		put(w, "(");
		put_type(w, t->members[i].type);
		put(w, ")");
	}
}

static void put_function(struct writer *w, const struct ctype *t)
{
	put(w, t->is_async ? "async func(" : "func(");
	put_fields(w, t);
	put(w, ")");
	if (!t->of)
		return;
	put(w, " -> ");
	put_type(w, t->of);
}

static void put_handle(struct writer *w, const struct ctype *t)
{
	put(w, ctype_name(t));
	put(w, "<");
	put_type(w, t->of);
	put(w, ">");
}

/* What stands between braces in a type of that kind. */
static void put_braces(struct writer *w, const struct ctype *t)
{
	put(w, "{ ");
	if (t->kind == CTYPE_RECORD)
		put_fields(w, t);
	else
		put_cases(w, t);
	put(w, " }");
}

static bool has_braces(const struct ctype *t)
{
	return t->kind == CTYPE_RECORD || t->kind == CTYPE_VARIANT || t->kind == CTYPE_FLAGS ||
	       t->kind == CTYPE_ENUM;
}

static void put_form(struct writer *w, const struct ctype *t)
{
	if (t->kind == CTYPE_OWN || t->kind == CTYPE_BORROW) {
		put_handle(w, t);
		return;
	}
	if (t->kind == CTYPE_FUNC) {
		put_function(w, t);
		return;
	}
	put(w, t->kind == CTYPE_FIXED_LIST ? "list" : ctype_name(t));
	if (has_braces(t)) {
		put(w, " ");
		put_braces(w, t);
	} else if (ctype_is_value(t) && t->kind >= CTYPE_PRIMITIVES) {
		put_arguments(w, t);
	}
}

static void put_type(struct writer *w, const struct ctype *t)
{
	const struct type_name *known = NULL;
	if (t->kind >= CTYPE_PRIMITIVES)
		known = cell_of(w, t);
	if (known && known->key)
		put_name(w, known->name);
	else
		put_form(w, t);
}

/* --- imports and exports --- */

/* A type that has a name already: "use INTERFACE.{NAME as NAME}", or "type NAME = NAME". */
static void put_known_type(struct writer *w, const struct type_name *known, struct wasm_name name)
{
	if (name_same(known->interface, w->interface) || !known->interface.bytes) {
		put(w, "type ");
		put_name(w, name);
		put(w, " = ");
		put_name(w, known->first);
		return;
	}
	put(w, "use ");
	put_name(w, known->interface);
	put(w, ".{");
	put_name(w, known->first);
	if (!name_same(known->first, name)) {
		put(w, " as ");
		put_name(w, name);
	}
	put(w, "}");
}

static void put_type_item(struct writer *w, const struct ctype *t, struct wasm_name name)
{
	const struct type_name *known = NULL;
	if (t->kind >= CTYPE_PRIMITIVES)
		known = cell_of(w, t);
	if (known && known->key) {
		put_known_type(w, known, name);
	} else if (t->kind == CTYPE_RESOURCE || has_braces(t)) {
		put(w, ctype_name(t));
		put(w, " ");
		put_name(w, name);
		if (has_braces(t)) {
			put(w, " ");
			put_braces(w, t);
		}
	} else {
		put(w, "type ");
		put_name(w, name);
		put(w, " = ");
		put_form(w, t);
	}
	name_type(w, t, name);
}

static void put_list(struct writer *w, const struct externs *list, const char *word,
		     uint32_t depth);

static void put_block(struct writer *w, const struct ctype *t, const char *word, uint32_t depth)
{
	put(w, word);
	put(w, " {\n");
	put_list(w, &t->imports, "import ", depth + 1);
	put_list(w, &t->exports, t->kind == CTYPE_COMPONENT ? "export " : "", depth + 1);
	put_indent(w, depth);
	put(w, "}");
}

static void put_interface(struct writer *w, const struct extern_item *e, uint32_t depth)
{
	const struct wasm_name outer = w->interface;
	w->interface = e->name;
	put_block(w, e->item.type, "interface", depth);
	w->interface = outer;
}

static void put_item(struct writer *w, const struct extern_item *e, uint32_t depth)
{
	if (e->item.sort == SORT_TYPE) {
		put_type_item(w, e->item.type, e->name);
		return;
	}
	put_name(w, e->name);
	put(w, ": ");
	if (e->item.sort == SORT_INSTANCE)
		put_interface(w, e, depth);
	else if (e->item.sort == SORT_COMPONENT)
		put_block(w, e->item.type, "component", depth);
	else if (e->item.sort == SORT_FUNC)
		put_function(w, e->item.type);
	else
		put(w, "core module");
}

static void put_list(struct writer *w, const struct externs *list, const char *word, uint32_t depth)
{
	for (uint32_t i = 0; i < list->count && !w->is_full; i++) {
		put_indent(w, depth);
		put(w, word);
		put_item(w, &list->list[i], depth);
		put(w, "\n");
	}
}

bool wit_print(const struct ctype *world, const struct wit_writer *to)
{
	const uint64_t bytes = platform_page_up(NAMES * sizeof(struct type_name));
	struct writer w = {.to = to, .names = platform_reserve(bytes)};
	const bool ok = w.names && platform_commit(w.names, bytes);
	if (ok) {
		put_list(&w, &world->imports, "import ", 1);
		put_list(&w, &world->exports, "export ", 1);
	}
	if (w.names)
		platform_free(w.names, bytes);
	return ok;
}
