/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of code addresses, those that were inlined among them. */
#ifndef MOTE_GUEST_WASM_MODULE_DWARF_INFO_H
#define MOTE_GUEST_WASM_MODULE_DWARF_INFO_H

#include "guest/wasm/module/dwarf.h"

/*
 * For each address, whose line is in to[i].of[0] if dwarf_find_lines() has found it: the functions
 * that it is in, from the innermost outwards, each but the first with the place of the call that
 * was inlined; and what their files' paths are relative to. At most WASM_BACKTRACE_MAX addresses.
 * One pass over .debug_info, of bounded work whatever the sections hold.
 */
void dwarf_find_functions(const struct dwarf_sections *sections, const uint32_t *addresses,
			  uint32_t count, struct wasm_sources *to);

#endif
