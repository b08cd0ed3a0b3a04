/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions from a module's DWARF: the input begins with the sizes, of 2 bytes each, of
 * .debug_info, .debug_abbrev, .debug_ranges, .debug_rnglists, .debug_str_offsets, .debug_addr and
 * .debug_line, which follow; the rest is .debug_str and .debug_line_str.
 */
#include "dwarf_part.h"

#include "guest/wasm/module/dwarf_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte can be read. */
static uint32_t sum(struct wasm_name name)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < name.bytes; i++)
		sum += (uint8_t)name.text[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { COUNT = 24, PARTS = 7 };
	static struct wasm_sources sources[COUNT];
	struct wasm_source lines[COUNT];
	uint32_t addresses[COUNT], all = 0;
	struct dwarf_bytes parts[PARTS + 1];
	uint16_t bytes[PARTS];
	if (size < sizeof(bytes))
		return 0;
	memcpy(bytes, data, sizeof(bytes));
	data += sizeof(bytes);
	size -= sizeof(bytes);
	for (int i = 0; i < PARTS; i++)
		parts[i] = part(&data, &size, bytes[i]);
	parts[PARTS] = part(&data, &size, size);
	const struct dwarf_sections s = {
		.info = parts[0],
		.abbrev = parts[1],
		.ranges = parts[2],
		.rnglists = parts[3],
		.str_offsets = parts[4],
		.addr = parts[5],
		.line = parts[6],
		.str = parts[PARTS],
		.line_str = parts[PARTS],
	};
	for (uint32_t i = 0; i < COUNT; i++)
		addresses[i] = 1 + i * 5;
	dwarf_find_lines(&s, addresses, COUNT, lines);
	for (uint32_t i = 0; i < COUNT; i++)
		sources[i] = (struct wasm_sources){.of = {lines[i]}, .count = lines[i].line != 0};
	dwarf_find_functions(&s, addresses, COUNT, sources);
	for (uint32_t i = 0; i < COUNT; i++) {
		require(sources[i].count <= WASM_INLINED_MAX);
		for (uint32_t k = 0; k < sources[i].count; k++) {
			const struct wasm_source *at = &sources[i].of[k];
			all += sum(at->base) + sum(at->directory) + sum(at->file);
			all += sum(at->function);
		}
	}
	for (int i = 0; i <= PARTS; i++)
		free((void *)(uintptr_t)parts[i].at);
	return all == UINT32_MAX; /* used */
}
