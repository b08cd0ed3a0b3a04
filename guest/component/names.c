/* SPDX-License-Identifier: Apache-2.0 */
/* Names: their grammar, when they conflict, and lists that are looked up by them. */
#include "guest/component/names.h"

#include "guest/wasm/module/hash.h"

/* --- grammar: each returns how many bytes of the text it takes, 0 if none --- */

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A word (of lower case) or an acronym, with digits, with which a label does not begin. */
static uint32_t take_fragment(const char *s, uint32_t n, bool first, bool acronyms)
{
	bool lower = false, upper = false;
	uint32_t i = 0;
	for (; i < n && (is_lower(s[i]) || is_upper(s[i]) || is_digit(s[i])); i++) {
		lower |= is_lower(s[i]);
		upper |= is_upper(s[i]);
	}
	if (!i || (first && is_digit(s[0])) || (lower && upper) || (upper && !acronyms))
		return 0;
	return i;
}

static uint32_t take_label(const char *s, uint32_t n, bool acronyms)
{
	uint32_t at = take_fragment(s, n, true, acronyms);
	while (at && at < n && s[at] == '-') {
		uint32_t more = take_fragment(s + at + 1, n - at - 1, false, acronyms);
		if (!more)
			return 0;
		at += 1 + more;
	}
	return at;
}

bool name_is_label(struct wasm_name name)
{
	return name.bytes && take_label(name.text, name.bytes, true) == name.bytes;
}

/* A number without leading zeroes. */
static uint32_t take_number(const char *s, uint32_t n)
{
	uint32_t i = 0;
	while (i < n && is_digit(s[i]))
		i++;
	if (i > 1 && s[0] == '0')
		return 0;
	return i;
}

/* Identifiers with dots between; of digits alone they may have leading zeroes only in a build. */
static uint32_t take_identifiers(const char *s, uint32_t n, bool is_build)
{
	for (uint32_t at = 0;;) {
		uint32_t begin = at;
		bool digits = true;
		for (; at < n &&
		       (is_lower(s[at]) || is_upper(s[at]) || is_digit(s[at]) || s[at] == '-');
		     at++)
			digits &= is_digit(s[at]);
		if (at == begin || (digits && !is_build && at - begin > 1 && s[begin] == '0'))
			return 0;
		if (at == n || s[at] != '.')
			return at;
		at++;
	}
}

bool name_is_version(struct wasm_name name)
{
	const char *s = name.text;
	uint32_t at = 0, n = name.bytes;
	for (unsigned part = 0; part < 3; part++) {
		if (part && (at == n || s[at++] != '.'))
			return false;
		uint32_t digits = take_number(s + at, n - at);
		if (!digits)
			return false;
		at += digits;
	}
	if (at < n && s[at] == '-') {
		uint32_t more = take_identifiers(s + at + 1, n - at - 1, false);
		if (!more)
			return false;
		at += 1 + more;
	}
	if (at < n && s[at] == '+') {
		uint32_t more = take_identifiers(s + at + 1, n - at - 1, true);
		if (!more)
			return false;
		at += 1 + more;
	}
	return at == n;
}

/* A version cut to what decides over compatibility: "1", "0.2", "0.0.3". */
static bool is_canonical_version(struct wasm_name name)
{
	uint32_t at = 0, n = name.bytes;
	for (unsigned part = 0; part < 3; part++) {
		uint32_t digits = take_number(name.text + at, n - at);
		if (!digits)
			return false;
		bool zero = digits == 1 && name.text[at] == '0';
		at += digits;
		if (!zero || part == 2)
			return at == n;
		if (at == n || name.text[at++] != '.')
			return false;
	}
	return false;
}

bool name_is_interface(struct wasm_name name)
{
	const char *s = name.text;
	uint32_t n = name.bytes, at = take_label(s, n, false);
	if (!at || at == n || s[at++] != ':')
		return false;
	uint32_t package = take_label(s + at, n - at, false);
	at += package;
	if (!package || at == n || s[at++] != '/')
		return false;
	uint32_t label = take_label(s + at, n - at, true);
	at += label;
	if (!label || at == n)
		return label;
	if (s[at++] != '@')
		return false;
	const struct wasm_name version = {s + at, n - at};
	return name_is_version(version) || is_canonical_version(version);
}

static bool starts(struct wasm_name name, const char *prefix, struct wasm_name *rest)
{
	uint32_t bytes = (uint32_t)strlen(prefix);
	if (name.bytes < bytes || memcmp(name.text, prefix, bytes) != 0)
		return false;
	*rest = (struct wasm_name){name.text + bytes, name.bytes - bytes};
	return true;
}

static bool split_member(struct wasm_name rest, struct wasm_name *resource, struct wasm_name *label)
{
	uint32_t at = 0;
	while (at < rest.bytes && rest.text[at] != '.')
		at++;
	if (at == rest.bytes)
		return false;
	*resource = (struct wasm_name){rest.text, at};
	*label = (struct wasm_name){rest.text + at + 1, rest.bytes - at - 1};
	return true;
}

struct parsed_name name_parse(struct wasm_name name)
{
	struct parsed_name p = {NAME_INVALID, {NULL, 0}};
	struct wasm_name rest, label;
	if (name_is_label(name)) {
		p.form = NAME_LABEL;
	} else if (starts(name, "[constructor]", &rest)) {
		p.resource = rest;
		if (name_is_label(rest))
			p.form = NAME_CONSTRUCTOR;
	} else if (starts(name, "[method]", &rest) || starts(name, "[static]", &rest)) {
		if (split_member(rest, &p.resource, &label) && name_is_label(p.resource) &&
		    name_is_label(label))
			p.form = name.text[1] == 'm' ? NAME_METHOD : NAME_STATIC;
	} else if (name_is_interface(name)) {
		p.form = NAME_INTERFACE;
	}
	return p;
}

/* --- uniqueness --- */

static char lower(char c)
{
	if (is_upper(c))
		return (char)(c - 'A' + 'a');
	return c;
}

static bool same_lower(struct wasm_name a, struct wasm_name b)
{
	bool same = a.bytes == b.bytes;
	for (uint32_t i = 0; same && i < a.bytes; i++)
		same = lower(a.text[i]) == lower(b.text[i]);
	return same;
}

/* What is compared: without the annotation of methods; one named like its resource is it. */
static struct wasm_name canonical(struct wasm_name name)
{
	struct wasm_name rest, resource, label;
	if (!starts(name, "[method]", &rest) && !starts(name, "[static]", &rest))
		return name;
	if (split_member(rest, &resource, &label) && same_lower(resource, label))
		return resource;
	return rest;
}

bool name_same(struct wasm_name a, struct wasm_name b)
{
	return a.bytes == b.bytes && (!a.bytes || memcmp(a.text, b.text, a.bytes) == 0);
}

bool name_conflicts(struct wasm_name a, struct wasm_name b)
{
	return same_lower(canonical(a), canonical(b));
}

/* --- lists --- */

static uint64_t hash(uint64_t h, struct wasm_name name)
{
	for (uint32_t i = 0; i < name.bytes; i++)
		h = hash_add(h, (uint8_t)lower(name.text[i]));
	return h;
}

static uint32_t hash_extern(struct wasm_name name)
{
	return hash_end(hash(hash_begin(), canonical(name)));
}

static uint32_t hash_core(struct wasm_name module, struct wasm_name name)
{
	return hash_end(hash(hash_add(hash(hash_begin(), module), 0), name));
}

void *array_grow(void *old, uint32_t count, uint32_t *capacity, uint32_t bytes, struct arena *arena,
		 struct failure *fail)
{
	if (count < *capacity)
		return old;
	uint32_t larger = *capacity ? 2 * *capacity : 4;
	void *p = arena_need(arena, fail, larger, bytes);
	if (count)
		memcpy(p, old, (uint64_t)count * bytes);
	*capacity = larger;
	return p;
}

/* Cells for one more entry than `count`; true: those before must be put in again. */
static bool index_grow(struct name_index *x, uint32_t count, struct arena *arena,
		       struct failure *fail)
{
	if ((uint64_t)(count + 1) * 2 <= x->cells)
		return false;
	x->cells = x->cells ? 4 * x->cells : 8;
	x->cell = arena_need(arena, fail, x->cells, sizeof(*x->cell));
	return true;
}

static void index_put(struct name_index *x, uint32_t h, uint32_t position)
{
	uint32_t at = h & (x->cells - 1);
	while (x->cell[at])
		at = (at + 1) & (x->cells - 1);
	x->cell[at] = position + 1;
}

static struct extern_item *find_conflict(const struct externs *e, struct wasm_name name)
{
	if (!e->index.cells)
		return NULL;
	uint32_t at = hash_extern(name) & (e->index.cells - 1);
	for (; e->index.cell[at]; at = (at + 1) & (e->index.cells - 1))
		if (name_conflicts(e->list[e->index.cell[at] - 1].name, name))
			return &e->list[e->index.cell[at] - 1];
	return NULL;
}

const struct extern_item *externs_find(const struct externs *e, struct wasm_name name)
{
	const struct extern_item *found = find_conflict(e, name);
	return found && name_same(found->name, name) ? found : NULL;
}

struct extern_item *externs_add(struct externs *e, struct arena *arena, struct failure *fail,
				struct wasm_name name)
{
	if (find_conflict(e, name))
		return NULL;
	e->list = array_grow(e->list, e->count, &e->capacity, sizeof(*e->list), arena, fail);
	if (index_grow(&e->index, e->count, arena, fail))
		for (uint32_t i = 0; i < e->count; i++)
			index_put(&e->index, hash_extern(e->list[i].name), i);
	index_put(&e->index, hash_extern(name), e->count);
	e->index.name_bytes += name.bytes;
	e->list[e->count] = (struct extern_item){.name = name};
	return &e->list[e->count++];
}

const struct core_extern *core_externs_find(const struct core_externs *e, struct wasm_name module,
					    struct wasm_name name)
{
	if (!e->index.cells)
		return NULL;
	uint32_t at = hash_core(module, name) & (e->index.cells - 1);
	for (; e->index.cell[at]; at = (at + 1) & (e->index.cells - 1)) {
		const struct core_extern *x = &e->list[e->index.cell[at] - 1];
		if (name_same(x->module, module) && name_same(x->name, name))
			return x;
	}
	return NULL;
}

struct core_extern *core_externs_add(struct core_externs *e, struct arena *arena,
				     struct failure *fail, struct wasm_name module,
				     struct wasm_name name)
{
	if (core_externs_find(e, module, name))
		return NULL;
	e->list = array_grow(e->list, e->count, &e->capacity, sizeof(*e->list), arena, fail);
	if (index_grow(&e->index, e->count, arena, fail))
		for (uint32_t i = 0; i < e->count; i++)
			index_put(&e->index, hash_core(e->list[i].module, e->list[i].name), i);
	index_put(&e->index, hash_core(module, name), e->count);
	e->index.name_bytes += module.bytes + name.bytes;
	e->list[e->count] = (struct core_extern){.module = module, .name = name};
	return &e->list[e->count++];
}

const struct ctype_member *members_conflict(const struct ctype_member *members, uint32_t count,
					    struct arena *arena, struct failure *fail)
{
	struct externs seen = {0};
	if (count <= 8) {
		for (uint32_t i = 1; i < count; i++)
			for (uint32_t k = 0; k < i; k++)
				if (same_lower(members[i].name, members[k].name))
					return &members[i];
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!externs_add(&seen, arena, fail, members[i].name))
			return &members[i];
	return NULL;
}
