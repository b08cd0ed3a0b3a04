/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of DWARF from a fuzz target's input. */
#ifndef MOTE_FUZZ_DWARF_PART_H
#define MOTE_FUZZ_DWARF_PART_H

#include "guest/wasm/module/dwarf.h"

#include <stdlib.h>
#include <string.h>

static inline void require(bool condition)
{
	if (!condition)
		abort();
}

/* The next part of the input, in memory of its own, so that a sanitizer sees its end. */
static inline struct dwarf_bytes part(const uint8_t **data, size_t *size, size_t bytes)
{
	if (bytes > *size)
		bytes = *size;
	uint8_t *copy = malloc(bytes ? bytes : 1);
	require(copy != NULL);
	memcpy(copy, *data, bytes);
	*data += bytes;
	*size -= bytes;
	return (struct dwarf_bytes){copy, bytes};
}

#endif
