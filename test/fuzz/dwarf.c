/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines from a module's DWARF: the input's first four bytes are the sizes of .debug_line and
 * .debug_line_str, which follow, and then .debug_str.
 */
#include "dwarf_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_in(const struct wasm_name *name, const struct dwarf_bytes *section)
{
	const uint8_t *at = (const uint8_t *)name->text;
	return at >= section->at && at <= section->at + section->size &&
	       name->bytes <= section->size - (size_t)(at - section->at);
}

static void check_name(const struct wasm_name *name, const struct dwarf_sections *s)
{
	require(!name->bytes || is_in(name, &s->line) || is_in(name, &s->line_str) ||
		is_in(name, &s->str));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { COUNT = 24 };
	uint32_t addresses[COUNT];
	struct wasm_source sources[COUNT];
	uint16_t bytes[2] = {0};
	if (size < sizeof(bytes))
		return 0;
	memcpy(bytes, data, sizeof(bytes));
	data += sizeof(bytes);
	size -= sizeof(bytes);
	struct dwarf_sections s = {.line = part(&data, &size, bytes[0])};
	s.line_str = part(&data, &size, bytes[1]);
	s.str = part(&data, &size, size);
	for (uint32_t i = 0; i < COUNT; i++)
		addresses[i] = i * i * 7; /* close together where code begins */
	dwarf_find_lines(&s, addresses, COUNT, sources);
	for (uint32_t i = 0; i < COUNT; i++) {
		check_name(&sources[i].file, &s);
		check_name(&sources[i].directory, &s);
		check_name(&sources[i].base, &s);
	}
	free((void *)(uintptr_t)s.line.at);
	free((void *)(uintptr_t)s.line_str.at);
	free((void *)(uintptr_t)s.str.at);
	return 0;
}
