/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes rows of host calls (hostcall.c has the form of an input): calls of the table with
 * arguments of the kinds that the table names, and the paths, vectors and structures that these
 * point to.
 */
#include "hostcall_frames.h"

#include "abi/layout.h"
#include "abi/types.h"
#include "gen/hostcall_numbers.h"
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
	/* clang-format off */
	static const char *const paths[] = {
		"a", "b", "file", "dir", "dir/", "dir/a", "link", "link/", "out", "out/canary",
		"..", "../canary", ".", "/", "/file", "dir/../../canary", "loop", "./file",
		"dir//b", "fifo", "/proc/self/mem", "up/canary", "missing/a",
	};
	/* clang-format on */
	const char *path = paths[mutate_below(m, sizeof(paths) / sizeof(paths[0]))];
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

/* Of small numbers: a time, an address of a socket, descriptors to be polled. */
static uint64_t choose_structure(struct mutate *m, struct row *r)
{
	uint32_t words[16];
	for (unsigned i = 0; i < 16; i++)
		words[i] = mutate_below(m, 4) ? mutate_below(m, 4) : (uint32_t)mutate_number(m);
	if (mutate_below(m, 3) == 0) /* struct mote_sockaddr: 127.0.0.1, one of few ports */
		memcpy(words,
		       (const uint8_t[]){16, 0, 0, 0, 2, 0, 16, (uint8_t)mutate_below(m, 2), 127, 0,
					 0, 1},
		       12);
	return mutate_below(m, 8) ? place(m, r, words, sizeof(words)) : 0;
}

/* The argument of a kind; how many cells it takes. */
static unsigned choose(struct mutate *m, struct row *r, enum hostcall_kind kind, uint64_t cell[2])
{
	switch (kind) {
	case HOSTCALL_KIND_FD:
		cell[0] = mutate_below(m, 3) == 0 ? 3
			  : mutate_below(m, 16)   ? mutate_below(m, 16)
						  : mutate_number(m);
		return 1;
	case HOSTCALL_KIND_I32:
	case HOSTCALL_KIND_U32:
		cell[0] = mutate_below(m, 16) ? (uint32_t)mutate_number(m) : mutate_number(m);
		return 1;
	case HOSTCALL_KIND_I64:
	case HOSTCALL_KIND_U64:
		cell[0] = mutate_below(m, 2) ? some_address(m) : mutate_number(m);
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
		cell[0] = mutate_below(m, 2) ? some_address(m) : choose_structure(m, r);
		cell[1] = mutate_below(m, 8) ? mutate_below(m, 300) : mutate_number(m);
		return 2;
	case HOSTCALL_KIND_SIN:
	case HOSTCALL_KIND_SOUT:
		cell[0] = mutate_below(m, 8) ? choose_structure(m, r) : some_address(m);
		return 1;
	case HOSTCALL_KIND_NONE:
		break;
	}
	return 1;
}

enum { CALLS = sizeof(hostcall_shapes) / sizeof(hostcall_shapes[0]) };

static void new_frame(struct mutate *m, struct row *r, struct hostcall_frame *f)
{
	const struct hostcall_shape *c = &hostcall_shapes[mutate_below(m, CALLS)];
	uint64_t cells[10] = {0};
	unsigned at = 0;
	for (unsigned i = 0; i < 8 && c->args[i].kind && at < 8; i++)
		at += choose(m, r, c->args[i].kind, cells + at);
	f->nr = (uint16_t)c->nr;
	memcpy(f->arg, cells, sizeof(f->arg));
}

/* Replaces one argument of a call that is there. */
static void change_argument(struct mutate *m, struct row *r, struct hostcall_frame *f)
{
	for (unsigned i = 0; i < CALLS; i++) {
		if (hostcall_shapes[i].nr != f->nr)
			continue;
		uint64_t cells[10] = {0};
		unsigned at = 0, count = 0;
		while (count < 8 && hostcall_shapes[i].args[count].kind)
			count++;
		unsigned wanted = count ? mutate_below(m, count) : 0;
		for (unsigned k = 0; k < count && at < 8; k++) {
			unsigned n = choose(m, r, hostcall_shapes[i].args[k].kind, cells + at);
			if (k == wanted)
				memcpy(f->arg + at, cells + at,
				       (at + n > 8 ? 8 - at : n) * sizeof(cells[0]));
			at += n;
		}
	}
}

static void change(struct mutate *m, struct row *r)
{
	struct hostcall_frame *f = r->count ? &r->frames[mutate_below(m, r->count)] : NULL;
	uint32_t what = mutate_below(m, 10);
	if ((!f || what < 4) && r->count < HOSTCALL_FRAMES_MAX) {
		new_frame(m, r, &r->frames[r->count++]);
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
