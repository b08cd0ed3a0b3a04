/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes rows of host calls (hostcall.c has the form of an input): calls of the table with
 * arguments of the kinds that the table names, the paths, vectors and structures that these point
 * to, and several calls on a descriptor that one of them makes. What is likely to be accepted is
 * hostcall_values.c's.
 */
#include "hostcall_frames.h"

#include "abi/layout.h"
#include "abi/types.h"
#include "gen/hostcall_numbers.h"
#include "hostcall_values.h"
#include "mutate.h"

#include <stddef.h>
#include <stdint.h>

#include "gen/hostcall_shapes.h"

#include <string.h>

/* An input taken apart. */
struct row {
	uint8_t flags, count;
	struct hostcall_frame frames[HOSTCALL_FRAMES_MAX];
	uint8_t memory[HOSTCALL_MEMORY_BYTES];
	uint32_t used; /* of memory */
};

static void take_apart(struct row *r, const uint8_t *data, size_t size)
{
	memset(r, 0, sizeof(*r));
	if (size >= 2) {
		r->flags = data[0];
		r->count = data[1] % (HOSTCALL_FRAMES_MAX + 1);
		data += 2;
		size -= 2;
	}
	size_t frames = size / sizeof(r->frames[0]);
	if (r->count > frames)
		r->count = (uint8_t)frames;
	memcpy(r->frames, data, r->count * sizeof(r->frames[0]));
	data += r->count * sizeof(r->frames[0]);
	size -= r->count * sizeof(r->frames[0]);
	r->used = size < sizeof(r->memory) ? (uint32_t)size : sizeof(r->memory);
	memcpy(r->memory, data, r->used);
}

static size_t put_together(const struct row *r, uint8_t *data, size_t max)
{
	size_t frames = r->count * sizeof(r->frames[0]), size = 2 + frames + r->used;
	if (size > max)
		return 0;
	data[0] = r->flags;
	data[1] = r->count;
	memcpy(data + 2, r->frames, frames);
	memcpy(data + 2 + frames, r->memory, r->used);
	return size;
}

/* Puts bytes somewhere into the guest's memory; their address. */
static uint64_t place(struct mutate *m, struct row *r, const void *bytes, uint32_t len)
{
	/* Most in little memory, which inputs have to carry; some over a page's end. */
	uint32_t at = mutate_below(m, 8) ? mutate_below(m, 32) * 32
					 : mutate_below(m, HOSTCALL_MEMORY_BYTES - 512) & ~7u;
	memcpy(r->memory + at, bytes, len);
	if (r->used < at + len)
		r->used = at + len;
	return HOSTCALL_GUEST_AT + at;
}

static uint64_t some_address(struct mutate *m)
{
	static const uint64_t far[] = {0, HOSTCALL_GUEST_AT + HOSTCALL_MEMORY_BYTES, MOTE_WINDOW,
				       MOTE_KERNEL, MOTE_AREAS_VA};
	if (mutate_below(m, 4))
		return HOSTCALL_GUEST_AT + mutate_below(m, HOSTCALL_MEMORY_BYTES);
	if (mutate_below(m, 2))
		return (HOSTCALL_GUEST_AT + mutate_below(m, 16) * MOTE_PAGE);
	return far[mutate_below(m, sizeof(far) / sizeof(far[0]))] + mutate_below(m, 3) * MOTE_PAGE;
}

static void choose_path(struct mutate *m, struct row *r, uint64_t cell[2])
{
	const char *path = hostcall_path(m);
	cell[0] = place(m, r, path, (uint32_t)strlen(path));
	cell[1] = mutate_below(m, 16) ? strlen(path) : mutate_number(m);
}

static void choose_vectors(struct mutate *m, struct row *r, uint64_t cell[2])
{
	struct mote_iovec v[4];
	if (mutate_below(m, 4) == 0) {
		cell[0] = some_address(m);
		cell[1] = MOTE_IOV_ONE | mutate_below(m, 64);
		return;
	}
	cell[1] = mutate_below(m, 5);
	for (uint32_t i = 0; i < cell[1]; i++)
		v[i] = (struct mote_iovec){
			.base = some_address(m),
			.len = mutate_below(m, 8) ? mutate_below(m, 64) : mutate_number(m),
		};
	cell[0] = place(m, r, v, (uint32_t)cell[1] * sizeof(v[0]));
	if (mutate_below(m, 16) == 0)
		cell[1] = mutate_number(m);
}

/* Of small numbers, if nothing is known of its type: descriptors to be polled, for example. */
static uint64_t choose_structure(struct mutate *m, struct row *r, const char *type)
{
	union {
		uint32_t numbers[16];
		uint8_t bytes[HOSTCALL_STRUCTURE_BYTES];
	} made = {0};
	if (mutate_below(m, 8) == 0)
		return 0;
	if (mutate_below(m, 8) && hostcall_structure(m, type, made.bytes))
		return place(m, r, made.bytes, sizeof(made));
	for (unsigned i = 0; i < 16; i++)
		made.numbers[i] =
			mutate_below(m, 4) ? mutate_below(m, 8) : (uint32_t)mutate_number(m);
	return place(m, r, made.numbers, sizeof(made.numbers));
}

static void choose_bytes(struct mutate *m, struct row *r, uint32_t nr, const char *name,
			 uint64_t cell[2])
{
	uint8_t bytes[HOSTCALL_STRUCTURE_BYTES] = {0};
	const uint32_t len = mutate_below(m, 8) ? hostcall_bytes(m, nr, name, bytes) : 0;
	if (len) {
		cell[0] = place(m, r, bytes, len);
		cell[1] = len;
		return;
	}
	cell[0] = mutate_below(m, 2) ? some_address(m) : choose_structure(m, r, "");
	cell[1] = mutate_below(m, 8) ? mutate_below(m, 300) : mutate_number(m);
}

/* One that is handed in, or that one of the calls before makes. */
static uint64_t choose_descriptor(struct mutate *m, const struct row *r, const char *name)
{
	static const uint8_t directories[6] = {HOSTCALL_DIR_FD,      HOSTCALL_DIR_FD,
					       HOSTCALL_DIR_FD,      HOSTCALL_DIR_FD,
					       HOSTCALL_READONLY_FD, HOSTCALL_DEVICES_FD};
	unsigned made = 0;
	for (unsigned i = 0; i < r->count; i++)
		made += hostcall_makes(r->frames[i].nr);
	if (mutate_below(m, 32) == 0)
		return mutate_number(m);
	if (strstr(name, "dir") && mutate_below(m, 8))
		return directories[mutate_below(m, 6)];
	if (!made || mutate_below(m, 8) == 0)
		return mutate_below(m, HOSTCALL_FIRST_FREE_FD + 3);
	if (mutate_below(m, 2))
		return HOSTCALL_FIRST_FREE_FD + made - 1;
	return HOSTCALL_FIRST_FREE_FD + mutate_below(m, made);
}

static uint64_t choose_number(struct mutate *m, uint32_t nr, const struct hostcall_argument *a)
{
	uint64_t value;
	const bool narrow = a->kind == HOSTCALL_KIND_I32 || a->kind == HOSTCALL_KIND_U32;
	if (mutate_below(m, 8) && hostcall_value(m, nr, a->name, &value))
		return value;
	if (!narrow && mutate_below(m, 2))
		return some_address(m);
	value = mutate_number(m);
	return narrow && mutate_below(m, 16) ? (uint32_t)value : value;
}

/* An argument; how many cells it takes. */
static unsigned choose(struct mutate *m, struct row *r, uint32_t nr,
		       const struct hostcall_argument *a, uint64_t cell[2])
{
	switch (a->kind) {
	case HOSTCALL_KIND_FD:
		cell[0] = choose_descriptor(m, r, a->name);
		return 1;
	case HOSTCALL_KIND_I32:
	case HOSTCALL_KIND_U32:
	case HOSTCALL_KIND_I64:
	case HOSTCALL_KIND_U64:
		cell[0] = choose_number(m, nr, a);
		return 1;
	case HOSTCALL_KIND_PATH:
		choose_path(m, r, cell);
		return 2;
	case HOSTCALL_KIND_IOVR:
	case HOSTCALL_KIND_IOVW:
		choose_vectors(m, r, cell);
		return 2;
	case HOSTCALL_KIND_IN:
	case HOSTCALL_KIND_OUT:
		choose_bytes(m, r, nr, a->name, cell);
		return 2;
	case HOSTCALL_KIND_SIN:
	case HOSTCALL_KIND_SOUT:
		cell[0] = mutate_below(m, 8) ? choose_structure(m, r, a->type) : some_address(m);
		return 1;
	case HOSTCALL_KIND_NONE:
		break;
	}
	return 1;
}

enum { CALLS = sizeof(hostcall_shapes) / sizeof(hostcall_shapes[0]) };

/* A call with all of its arguments, behind those that there are. */
static void add_frame(struct mutate *m, struct row *r, const struct hostcall_shape *c)
{
	uint64_t cells[10] = {0};
	unsigned at = 0;
	for (unsigned i = 0; i < 8 && c->args[i].kind && at < 8; i++)
		at += choose(m, r, c->nr, &c->args[i], cells + at);
	struct hostcall_frame *f = &r->frames[r->count++];
	f->nr = (uint16_t)c->nr;
	memcpy(f->arg, cells, sizeof(f->arg));
}

static const struct hostcall_shape *shape_of(uint32_t nr)
{
	unsigned i = 0;
	while (i < CALLS - 1 && hostcall_shapes[i].nr != nr)
		i++;
	return &hostcall_shapes[i];
}

/* Calls that belong together, mostly alone: then the numbers of their descriptors are known. */
static void add_chain(struct mutate *m, struct row *r)
{
	if (mutate_below(m, 4))
		r->count = 0;
	for (const uint16_t *nr = hostcall_chain(m); *nr && r->count < HOSTCALL_FRAMES_MAX; nr++)
		add_frame(m, r, shape_of(*nr));
}

/* Replaces one argument of a call that is there. */
static void change_argument(struct mutate *m, struct row *r, struct hostcall_frame *f)
{
	const struct hostcall_shape *c = shape_of(f->nr);
	uint64_t cells[10] = {0};
	unsigned at = 0, count = 0;
	while (count < 8 && c->args[count].kind)
		count++;
	const unsigned wanted = count ? mutate_below(m, count) : 0;
	for (unsigned k = 0; k < count && at < 8; k++) {
		const unsigned n = choose(m, r, c->nr, &c->args[k], cells + at);
		if (k == wanted)
			memcpy(f->arg + at, cells + at,
			       (at + n > 8 ? 8 - at : n) * sizeof(cells[0]));
		at += n;
	}
}

static void change(struct mutate *m, struct row *r)
{
	struct hostcall_frame *f = r->count ? &r->frames[mutate_below(m, r->count)] : NULL;
	uint32_t what = mutate_below(m, 12);
	if (what >= 10) {
		add_chain(m, r);
	} else if ((!f || what < 4) && r->count < HOSTCALL_FRAMES_MAX) {
		add_frame(m, r, &hostcall_shapes[mutate_below(m, CALLS)]);
	} else if (!f || what == 4) {
		r->flags = (uint8_t)mutate_below(m, 256);
	} else if (what == 5) {
		*f = r->frames[--r->count];
	} else if (what == 6) {
		unsigned cell = mutate_below(m, 8);
		f->arg[cell] = mutate_near(m, f->arg[cell]);
	} else if (what == 7 && r->used) {
		r->used = (uint32_t)LLVMFuzzerMutate(r->memory, r->used, sizeof(r->memory));
	} else {
		change_argument(m, r, f);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct row r;
	struct mutate m = mutate_from(seed);
	take_apart(&r, data, size);
	for (uint32_t left = 1 + mutate_below(&m, 4); left > 0; left--)
		change(&m, &r);
	size_t now = put_together(&r, data, max_size);
	return now ? now : LLVMFuzzerMutate(data, size, max_size);
}
