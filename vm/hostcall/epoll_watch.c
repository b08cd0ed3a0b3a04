/* SPDX-License-Identifier: Apache-2.0 */
/* See epoll_watch.h. */
#include "vm/hostcall/epoll_watch.h"

#include "vm/internal.h"

#include <errno.h>
#include <stdlib.h>

enum { WATCHES_MAX = 8192 }; /* or as many as descriptors, if those may be more */

/* As the kernel tells them apart: by the open file and the number that it was made by. */
struct watch {
	uint64_t epoll, opened; /* open files */
	int host;
};

struct epoll_watches {
	uint32_t count, capacity;
	struct watch of[];
};

void epoll_watches_free(struct vm *vm)
{
	free(take_ptr(vm->epoll_watches));
}

/* --- those of files that are closed --- */

/* Open files, each where its number says, or behind it; 0 is none. */
struct set {
	uint64_t *of; /* borrowed */
	size_t mask;
};

static size_t place(const struct set *s, uint64_t opened)
{
	size_t at = opened & s->mask;
	while (s->of[at] && s->of[at] != opened)
		at = (at + 1) & s->mask;
	return at;
}

static void put_all(struct set *s, const struct fd_entry *entries, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (entries[i].host >= 0)
			s->of[place(s, entries[i].opened)] = entries[i].opened;
}

static bool has(const struct set *s, uint64_t opened)
{
	return s->of[place(s, opened)] == opened;
}

/* What the kernel has dropped is still noted. */
static int sweep(struct vm *vm)
{
	const struct fdtable *t = &vm->fds;
	struct epoll_watches *w = vm->epoll_watches;
	size_t size = 16;
	while (size <= 2 * ((size_t)t->len + t->kept_len))
		size *= 2;
	cleanup_free uint64_t *of = calloc(size, sizeof(*of));
	struct set open = {.of = of, .mask = size - 1};
	if (!of)
		return -ENOMEM;
	put_all(&open, t->entries, t->len);
	put_all(&open, t->kept, t->kept_len);
	uint32_t left = 0;
	for (uint32_t i = 0; i < w->count; i++)
		if (has(&open, w->of[i].epoll) && has(&open, w->of[i].opened))
			w->of[left++] = w->of[i];
	w->count = left;
	return 0;
}

/* --- adding and removing --- */

static uint32_t most(const struct vm *vm)
{
	if (vm->fds.max > WATCHES_MAX)
		return vm->fds.max;
	return WATCHES_MAX;
}

static int make_capacity(struct vm *vm)
{
	const uint32_t count = vm->epoll_watches ? vm->epoll_watches->count : 0;
	const uint32_t capacity = count ? 2 * count : 16;
	struct epoll_watches *w =
		realloc(vm->epoll_watches, sizeof(*w) + capacity * sizeof(w->of[0]));
	if (!w)
		return -ENOMEM;
	w->count = count;
	w->capacity = capacity;
	vm->epoll_watches = w;
	return 0;
}

int epoll_watch_admit(struct vm *vm)
{
	int rc = 0;
	if (!fdtable_is_bounded(&vm->fds))
		return 0;
	if (vm->epoll_watches && vm->epoll_watches->count >= most(vm))
		rc = sweep(vm);
	if (rc < 0)
		return rc;
	if (vm->epoll_watches && vm->epoll_watches->count >= most(vm))
		return -ENOSPC;
	if (!vm->epoll_watches || vm->epoll_watches->count == vm->epoll_watches->capacity)
		return make_capacity(vm);
	return 0;
}

void epoll_watch_added(struct vm *vm, const struct fd_entry *epoll, const struct fd_entry *e)
{
	struct epoll_watches *w = vm->epoll_watches;
	if (!fdtable_is_bounded(&vm->fds))
		return;
	w->of[w->count++] =
		(struct watch){.epoll = epoll->opened, .opened = e->opened, .host = e->host};
}

void epoll_watch_removed(struct vm *vm, const struct fd_entry *epoll, const struct fd_entry *e)
{
	struct epoll_watches *w = vm->epoll_watches;
	for (uint32_t i = w ? w->count : 0; i > 0; i--) {
		const struct watch *one = &w->of[i - 1];
		if (one->epoll == epoll->opened && one->opened == e->opened &&
		    one->host == e->host) {
			w->of[i - 1] = w->of[--w->count];
			return;
		}
	}
}
