/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name section (WebAssembly specification, appendix 7.4): read when a trap asks, broken ones
 * are not names.
 */
#include "guest/wasm/module/module.h"

enum { NAMES_MODULE = 0, NAMES_FUNCTIONS = 1, NAMES_TAGS = 11 };

static const struct wasm_name no_name = {"", 0};

static bool read_number(const uint8_t **p, const uint8_t *end, uint32_t *v)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (*p == end)
			return false;
		uint8_t b = *(*p)++;
		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & LEB_MORE)) {
			*v = (uint32_t)value;
			return value <= UINT32_MAX;
		}
	}
	return false;
}

static bool read_text(const uint8_t **p, const uint8_t *end, struct wasm_name *name)
{
	uint32_t bytes;
	if (!read_number(p, end, &bytes) || bytes > (uint64_t)(end - *p))
		return false;
	*name = (struct wasm_name){(const char *)*p, bytes};
	*p += bytes;
	return true;
}

/* The contents of a subsection. */
static bool find(const struct wasm_module *m, uint8_t wanted, const uint8_t **begin,
		 const uint8_t **end)
{
	const uint8_t *p = m->names;
	while (p && p < m->names_end) {
		uint8_t id = *p++;
		uint32_t size;
		if (!read_number(&p, m->names_end, &size) || size > (uint64_t)(m->names_end - p))
			return false;
		if (id == wanted) {
			*begin = p;
			*end = p + size;
			return true;
		}
		p += size;
	}
	return false;
}

struct wasm_name wasm_module_name(const struct wasm_module *m)
{
	const uint8_t *p, *end;
	struct wasm_name name;
	if (!find(m, NAMES_MODULE, &p, &end) || !read_text(&p, end, &name))
		return no_name;
	return name;
}

/* Of a name map's entries, the one of this index. */
static struct wasm_name find_name(const struct wasm_module *m, uint8_t map, uint32_t wanted)
{
	const uint8_t *p, *end;
	uint32_t count, index;
	struct wasm_name name;
	if (!find(m, map, &p, &end) || !read_number(&p, end, &count))
		return no_name;
	for (; count > 0; count--) {
		if (!read_number(&p, end, &index) || !read_text(&p, end, &name))
			return no_name;
		if (index == wanted)
			return name;
	}
	return no_name;
}

struct wasm_name wasm_module_func_name(const struct wasm_module *m, uint32_t func_index)
{
	return find_name(m, NAMES_FUNCTIONS, func_index);
}

struct wasm_name module_tag_name(const struct wasm_module *m, uint32_t tag)
{
	struct wasm_name name = find_name(m, NAMES_TAGS, tag);
	for (uint32_t i = 0; !name.bytes && i < m->export_count; i++)
		if (m->exports[i].kind == WASM_KIND_TAG && m->exports[i].index == tag)
			name = m->exports[i].name;
	return name;
}
