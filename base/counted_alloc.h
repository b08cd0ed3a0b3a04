/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that counts, for libraries that decode a peer's bytes: a few of these can ask for
 * much memory. `left`: a size_t, the bytes that may still be allocated.
 */
#ifndef MOTE_BASE_COUNTED_ALLOC_H
#define MOTE_BASE_COUNTED_ALLOC_H

#include <stddef.h>
#include <stdlib.h>

static inline void *counted_alloc(void *left, size_t size)
{
	size_t *bytes = left;
	if (size > *bytes)
		return NULL;
	*bytes -= size;
	return malloc(size);
}

/* What was freed is not counted as left. */
static inline void counted_free(void *left, void *p)
{
	(void)left;
	free(p);
}

#endif
