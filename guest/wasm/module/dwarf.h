/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines of code addresses. */
#ifndef MOTE_GUEST_WASM_MODULE_DWARF_H
#define MOTE_GUEST_WASM_MODULE_DWARF_H

#include <stdint.h>

#include "guest/wasm/wasm.h"

struct dwarf_bytes {
	const uint8_t *at;
	uint64_t size;
};

/* Contents of the sections; one that is missing has size 0. */
struct dwarf_sections {
	struct dwarf_bytes line, line_str, str;
	struct dwarf_bytes info, abbrev, ranges, rnglists, str_offsets, addr;
};

/*
 * For each address, an offset in the contents of the code section, where it is in the source; line
 * is 0 if nothing says so. One pass over .debug_line, in time linear in its size for a given
 * `count`. The sections may hold anything: what is broken ends the search, and what was found
 * before stays. Names point into them.
 */
void dwarf_find_lines(const struct dwarf_sections *sections, const uint32_t *addresses,
		      uint32_t count, struct wasm_source *to);

/*
 * Fills in the parts of a file's path, by its number in the unit of .debug_line at that offset;
 * what is not there stays as it is.
 */
void dwarf_name_file(const struct dwarf_sections *sections, uint64_t offset, uint64_t file,
		     struct wasm_source *to);

#endif
