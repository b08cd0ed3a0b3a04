/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a module's code is in its source: the sections with DWARF, from which dwarf.c reads lines
 * and dwarf_info.c functions.
 */
#include "guest/wasm/module/dwarf.h"
#include "guest/wasm/module/dwarf_cursor.h"
#include "guest/wasm/module/dwarf_info.h"
#include "guest/wasm/module/module.h"

enum { CUSTOM_SECTION = 0, CODE_SECTION = 10 };

static bool name_is(struct wasm_name name, const char *text)
{
	return name.bytes == strlen(text) && memcmp(name.text, text, name.bytes) == 0;
}

static void take_custom(const uint8_t *at, uint64_t size, struct dwarf_sections *s)
{
	struct cursor c = cursor_of(at, size);
	const uint64_t bytes = take_unsigned(&c);
	const struct wasm_name name = {(const char *)c.at, (uint32_t)bytes};
	if (!take(&c, bytes))
		return;
	const struct dwarf_bytes rest = {c.at, (uint64_t)(c.end - c.at)};
	if (name_is(name, ".debug_line"))
		s->line = rest;
	else if (name_is(name, ".debug_line_str"))
		s->line_str = rest;
	else if (name_is(name, ".debug_str"))
		s->str = rest;
	else if (name_is(name, ".debug_info"))
		s->info = rest;
	else if (name_is(name, ".debug_abbrev"))
		s->abbrev = rest;
	else if (name_is(name, ".debug_ranges"))
		s->ranges = rest;
	else if (name_is(name, ".debug_rnglists"))
		s->rnglists = rest;
	else if (name_is(name, ".debug_str_offsets"))
		s->str_offsets = rest;
	else if (name_is(name, ".debug_addr"))
		s->addr = rest;
}

/* The sections with DWARF, and where the contents of the code section begin. */
static uint64_t find_sections(const struct wasm_module *m, struct dwarf_sections *s)
{
	uint64_t code = 0;
	struct cursor c = cursor_of(m->bytes, m->size);
	(void)take(&c, 8);
	while (c.at < c.end) {
		const uint64_t id = take_fixed(&c, 1), size = take_unsigned(&c);
		const uint8_t *at = take(&c, size);
		if (at && id == CODE_SECTION)
			code = (uint64_t)(at - m->bytes);
		else if (at && id == CUSTOM_SECTION)
			take_custom(at, size, s);
	}
	return code;
}

void wasm_find_sources(const struct wasm_frame *frames, uint32_t count, struct wasm_sources *to)
{
	struct dwarf_sections s = {0};
	struct wasm_source lines[WASM_BACKTRACE_MAX];
	uint32_t addresses[WASM_BACKTRACE_MAX];
	memset(to, 0, count * sizeof(*to));
	if (!count || count > WASM_BACKTRACE_MAX)
		return;
	const uint64_t code = find_sections(frames[0].of, &s);
	for (uint32_t i = 0; i < count; i++) {
		if (frames[i].of != frames[0].of)
			count = i; /* the others are of another module */
		else
			addresses[i] = (uint32_t)(frames[i].offset - code);
	}
	dwarf_find_lines(&s, addresses, count, lines);
	for (uint32_t i = 0; i < count; i++)
		to[i] = (struct wasm_sources){.of = {lines[i]}, .count = lines[i].line != 0};
	dwarf_find_functions(&s, addresses, count, to);
}
