/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handles that an instance of a component has (CanonicalABI.md, "Resource State"). */
#ifndef MOTE_GUEST_COMPONENT_HANDLES_H
#define MOTE_GUEST_COMPONENT_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/arena.h"

struct resource_type;

/* What a call of a lifted function must have dropped when it returns. */
struct borrows {
	uint32_t count;
};

struct handle {
	const struct resource_type
		*type;         /* NULL: the index is free, and rep is the next free one */
	struct borrows *scope; /* of a borrow: the call that it was lent to; NULL: an own */
	uint32_t rep;
	uint32_t lent; /* how many calls under way have borrowed it */
};

/* Entries lie one after the other in an arena and never move. Index 0 is never given. */
struct handles {
	struct arena arena;
	uint32_t count, free; /* count: entries made, the first one included */
};

/* The handle at an index, or NULL. */
struct handle *handle_get(const struct handles *t, uint32_t index);
/* Its index; 0: there is no memory for it. Indices are given again, last freed first. */
uint32_t handle_add(struct handles *t, const struct handle *h);
void handle_remove(struct handles *t, uint32_t index);

/* Handles that calls under way have borrowed, the innermost call's last. */
struct loans {
	struct arena arena;
	struct handle **list;
	uint32_t count, capacity;
};
/* False: no memory. */
bool loan_add(struct loans *l, struct handle *h);
/* Gives back all from this one on. */
void loans_end(struct loans *l, uint32_t from);

#endif
