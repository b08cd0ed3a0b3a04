/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/memory/dirty_tracker.h"

#include "vm/memory/page_table.h"
#include "vm/memory/pagemap.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>

/* --- the kernel's count of a thread's page faults --- */

enum { PROBE_PAGES = 3 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool counted; /* all faults are; by probe() */

uint64_t dirty_thread(void)
{
	static _Atomic uint64_t last;
	static _Thread_local uint64_t mine;
	if (!mine)
		mine = atomic_fetch_add(&last, 1) + 1;
	return mine;
}

static bool read_faults(uint64_t *out)
{
	struct rusage u;
	if (getrusage(RUSAGE_THREAD, &u) < 0)
		return false;
	*out = (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
	return true;
}

/*
 * The three ways in which a thread makes a page its own: writing it, a system call that copies to
 * it, and one that takes the page itself, as KVM does for a guest.
 */
static bool probe_ways(uint8_t *pages)
{
	uint64_t before, written, copied, taken;
	if (!read_faults(&before))
		return false;
	*(volatile uint8_t *)pages = 1;
	if (!read_faults(&written) || getrandom(pages + SMALL, 1, 0) != 1 ||
	    !read_faults(&copied) || madvise(pages + 2 * SMALL, SMALL, MADV_POPULATE_WRITE) < 0 ||
	    !read_faults(&taken))
		return false;
	return before < written && written < copied && copied < taken;
}

static void probe(void)
{
	uint8_t *pages = mmap(NULL, PROBE_PAGES * SMALL, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return;
	if (madvise(pages, PROBE_PAGES * SMALL, MADV_NOHUGEPAGE) == 0)
		counted = probe_ways(pages);
	munmap(pages, PROBE_PAGES * SMALL);
}

/* False if the kernel does not count all of them. */
static bool count_faults(uint64_t *out)
{
	pthread_once(&once, probe);
	return counted && read_faults(out);
}

/* --- since when nothing else is dirty --- */

void dirty_begin(struct dirty_tracker *t)
{
	t->thread = 0;
	t->away = false;
	if (count_faults(&t->faults))
		t->thread = dirty_thread();
}

bool dirty_may_be(const struct dirty_tracker *t)
{
	uint64_t faults;
	if (!t->complete || t->thread != dirty_thread() || !count_faults(&faults))
		return true;
	return faults != t->faults;
}

void dirty_forget(struct dirty_tracker *t)
{
	t->thread = 0;
	t->complete = false;
	t->count = 0;
}

void dirty_enter(struct dirty_tracker *t)
{
	uint64_t faults;
	if (t->thread != dirty_thread())
		t->thread = 0;
	else if (t->away && count_faults(&faults))
		t->faults += faults - t->away_faults;
	t->away = false;
}

void dirty_leave(struct dirty_tracker *t)
{
	t->away = t->thread == dirty_thread() && count_faults(&t->away_faults);
}

/* --- looking --- */

static_assert(MEMORY_SYSTEM_BYTES / SMALL == 64 * 4, "a bit for each page of the system block");

struct look {
	struct dirty_tracker *t;
	const struct memory *m;
	bool spare_written; /* a page of the system block that is not a table yet */
};

static int note_page(void *arg, uint64_t gpa)
{
	struct look *look = arg;
	struct dirty_tracker *t = look->t;
	if (gpa < MEMORY_SYSTEM_BYTES) {
		t->system_pages[gpa / SMALL / 64] |= 1UL << (gpa / SMALL % 64);
		look->spare_written |= gpa >= look->m->tables_next;
		return 0;
	}
	if (t->count == DIRTY_PAGES_MAX)
		return -E2BIG;
	if (t->count == t->capacity) {
		int rc = memory_grow_frames(&t->frames, &t->capacity);
		if (rc < 0)
			return rc;
	}
	t->frames[t->count++] = (uint32_t)(gpa / SMALL);
	return 0;
}

/*
 * A spare page of the system block, or tables after all other memory, may be written again without
 * a fault and must be found zero or intact each time: then each reset looks.
 */
int dirty_collect(struct dirty_tracker *t, const struct memory *m, uint64_t end)
{
	struct look look = {.t = t, .m = m};
	t->count = 0;
	memset(t->system_pages, 0, sizeof(t->system_pages));
	int rc = pagemap_each_private(m, 0, end, note_page, &look);
	t->complete = rc == 0 && !look.spare_written && !m->spill_next;
	return rc;
}

void dirty_free(struct dirty_tracker *t)
{
	free(t->frames);
	*t = (struct dirty_tracker){0};
}
