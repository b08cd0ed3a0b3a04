/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: their table, and those that are lent. Indices are the guest's, and may be anything. */
#include "guest/component/handles.h"

#include "guest/component/limits.h"
#include "guest/wasm/bytes.h"

static struct handle *entries(const struct handles *t)
{
	return (struct handle *)(void *)t->arena.base;
}

_Static_assert(sizeof(struct handle) % 16 == 8, "two to an arena's piece");
enum { HANDLES_TAKEN = 2 };

struct handle *handle_get(const struct handles *t, uint32_t index)
{
	if (!index || index >= t->count || !entries(t)[index].type)
		return NULL;
	return &entries(t)[index];
}

/* An entry after those that there are. */
static bool extend(struct handles *t)
{
	if (!t->arena.base && !arena_open(&t->arena, COMPONENT_HANDLES_BYTES))
		return false;
	if (t->count == COMPONENT_MAX_HANDLES)
		return false;
	if (t->count % HANDLES_TAKEN == 0 &&
	    !arena_take(&t->arena, HANDLES_TAKEN * sizeof(struct handle)))
		return false;
	t->count++;
	return true;
}

uint32_t handle_add(struct handles *t, const struct handle *h)
{
	uint32_t index = t->free;
	if (index) {
		t->free = entries(t)[index].rep;
	} else {
		if (!t->count && !extend(t)) /* index 0 */
			return 0;
		index = t->count;
		if (!extend(t))
			return 0;
	}
	entries(t)[index] = *h;
	return index;
}

void handle_remove(struct handles *t, uint32_t index)
{
	entries(t)[index] = (struct handle){.rep = t->free};
	t->free = index;
}

/* --- what is lent --- */

bool loan_add(struct loans *l, struct handle *h)
{
	if (l->count == l->capacity) {
		if (!l->arena.base && !arena_open(&l->arena, COMPONENT_LOANS_BYTES))
			return false;
		struct handle **more = arena_take(&l->arena, 2 * sizeof(*more));
		if (!more)
			return false;
		if (!l->list)
			l->list = more;
		l->capacity += 2;
	}
	l->list[l->count++] = h;
	h->lent++;
	return true;
}

void loans_end(struct loans *l, uint32_t from)
{
	while (l->count > from)
		l->list[--l->count]->lent--;
}
