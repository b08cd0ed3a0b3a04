/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing a memory and making memories from what was frozen. What a page holds is told from the process's
 * own page map: memory that was never touched needs neither to be saved nor to be set back.
 */
#include "vm/memory/image.h"

#include "abi/layout.h"
#include "base/memfd.h"
#include "vm/memory/guest_copy.h"
#include "vm/arch/x86_64/page_table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALL_SHIFT 12
#define COPY_MAX 2048 /* written pages that are copied back; beyond, they are dropped */

/* --- the process's page map (Documentation/admin-guide/mm/pagemap.rst) --- */

enum { MAP_CHUNK = 512 };
#define PAGEMAP_PRESENT (1UL << 63)
#define PAGEMAP_SWAPPED (1UL << 62)
#define PAGEMAP_FILE (1UL << 61)

static pthread_mutex_t pagemap_lock = PTHREAD_MUTEX_INITIALIZER;
static int pagemap = -1;     /* guarded by pagemap_lock */
static pid_t pagemap_of = 0; /* the process whose page map it is: a child of fork needs its own */

/* A descriptor that stays open, or -1 where there is no /proc. */
static int pagemap_fd(void)
{
	pthread_mutex_lock(&pagemap_lock);
	if (pagemap_of != getpid()) {
		cleanup_closep(&pagemap);
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		pagemap_of = getpid();
	}
	int fd = pagemap;
	pthread_mutex_unlock(&pagemap_lock);
	return fd;
}

/* Whether it was opened before: a thread in its filter may not open anything. */
static bool pagemap_open(void)
{
	pthread_mutex_lock(&pagemap_lock);
	bool is = pagemap >= 0 && pagemap_of == getpid();
	pthread_mutex_unlock(&pagemap_lock);
	return is;
}

/* Calls one(arg, gpa, bits) for pages in the page map that are the process's own. 0 or -errno. */
typedef int page_visit(void *arg, uint64_t gpa);

static int each_private_page(struct memory *m, uint64_t from, uint64_t end, page_visit *one, void *arg)
{
	int fd = pagemap_fd();
	if (fd < 0)
		return -ENOSYS;
	uint64_t bits[MAP_CHUNK];
	for (uint64_t at = from; at < end;) {
		uint64_t n = (end - at) >> SMALL_SHIFT;
		if (n > MAP_CHUNK)
			n = MAP_CHUNK;
		off_t where = (off_t)((((uintptr_t)m->hva + at) >> SMALL_SHIFT) * sizeof(bits[0]));
		if (pread(fd, bits, n * sizeof(bits[0]), where) != (ssize_t)(n * sizeof(bits[0])))
			return -EIO;
		for (uint64_t i = 0; i < n; i++) {
			if (!(bits[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) || bits[i] & PAGEMAP_FILE)
				continue;
			int rc = one(arg, at + i * SMALL);
			if (rc < 0)
				return rc;
		}
		at += n * SMALL;
	}
	return 0;
}

/* --- what a guest has written where the host has nothing --- */

bool memory_page_is_zero(const uint8_t *page)
{
	const uint64_t *w = (const uint64_t *)(const void *)page;
	uint64_t any = 0;
	for (unsigned k = 0; k < SMALL / sizeof(*w) && !any; k += 8)
		any = w[k] | w[k + 1] | w[k + 2] | w[k + 3] | w[k + 4] | w[k + 5] | w[k + 6] | w[k + 7];
	return !any;
}

static int expect_zero(void *arg, uint64_t gpa)
{
	const struct memory *m = arg;
	return memory_page_is_zero(m->hva + gpa) ? 0 : -EAGAIN;
}

/* Memory that page tables are taken from later. Looking at it without the page map leaves pages in it, which are dropped. */
static int expect_unused(struct memory *m, uint64_t from, uint64_t end)
{
	int rc = pagemap_open() ? each_private_page(m, from, end, expect_zero, m) : -ENOSYS;
	if (rc == 0 || rc == -EAGAIN || from == end)
		return rc == -EAGAIN ? rc : 0;
	for (uint64_t at = from; at < end; at += SMALL)
		if (!memory_page_is_zero(m->hva + at))
			return -EAGAIN;
	return madvise(m->hva + from, end - from, MADV_DONTNEED) < 0 ? -errno : 0;
}

/*
 * Whether another guest can have this memory: tables and kernel pages are as the host has made them, and no guest at
 * CPL 0 has written where the next tables will be. 0, or -EAGAIN.
 */
static int check_intact(struct memory *m)
{
	int rc = memory_intact(m) ? expect_unused(m, m->tables_next, MEMORY_SYSTEM_BYTES) : -EAGAIN;
	return rc == 0 && m->spill_next ? expect_unused(m, m->end + m->spill_next, m->end + m->spill_bytes) : rc;
}

/* --- taking --- */

static int run_add(struct memory_image *i, uint64_t va, uint64_t entry, uint64_t bytes)
{
	uint64_t gpa = entry & PTE_ADDR, bits = entry & ~PTE_ADDR;
	struct memory_run *last = i->run_count ? &i->runs[i->run_count - 1] : NULL;
	if (last && last->va + last->bytes == va && last->gpa + last->bytes == gpa && last->bits == bits) {
		last->bytes += bytes;
		return 0;
	}
	if (i->run_count == i->run_room) {
		uint32_t room = i->run_room ? i->run_room * 2 : 32;
		struct memory_run *runs = reallocarray(i->runs, room, sizeof(*runs));
		if (!runs)
			return -ENOMEM;
		i->runs = runs;
		i->run_room = room;
	}
	i->runs[i->run_count++] = (struct memory_run){.va = va, .gpa = gpa, .bytes = bytes, .bits = bits};
	return 0;
}

/* Everything that a table maps but the kernel window, in order of addresses. The depth is at most four. */
static int list_table(struct memory_image *i, struct memory *m, uint64_t table, int level, uint64_t va)
{
	for (unsigned k = 0; k < ENTRIES; k++) {
		uint64_t entry = memory_table(m, table)[k], at = va + k * memory_level_bytes(level);
		int rc = 0;
		if (level == 3 && at == MOTE_KERNEL)
			continue;
		if (level == 1 || entry & PTE_LARGE)
			rc = entry & (PTE_PRESENT | PTE_HIDDEN) ? run_add(i, at, entry, memory_level_bytes(level)) : 0;
		else if (entry & PTE_PRESENT)
			rc = list_table(i, m, entry & PTE_ADDR, level - 1, at);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Writes what lies next to each other at once. */
struct saver {
	struct memory *m;
	int fd;
	uint64_t file_at;
	uint64_t at, bytes;
};

static int saver_end(struct saver *s)
{
	while (s->bytes) {
		/* The kernel reads the guest's memory: of a file that became shorter it says EFAULT. */
		ssize_t n = pwrite(s->fd, s->m->hva + s->at, s->bytes, (off_t)(s->file_at + s->at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		s->at += (uint64_t)n;
		s->bytes -= (uint64_t)n;
	}
	return 0;
}

static int saver_add(struct saver *s, uint64_t gpa, uint64_t bytes)
{
	if (s->bytes && s->at + s->bytes == gpa) {
		s->bytes += bytes;
		return 0;
	}
	int rc = saver_end(s);
	s->at = gpa;
	s->bytes = bytes;
	return rc;
}

static int save_private(void *arg, uint64_t gpa)
{
	struct saver *s = arg;
	return memory_page_is_zero(s->m->hva + gpa) ? 0 : saver_add(s, gpa, SMALL);
}

/* Of mapped files all pages, of other memory those that were written; not the system block. */
static int save_contents(struct memory *m, int fd, uint64_t file_at)
{
	struct saver s = {.m = m, .fd = fd, .file_at = file_at};
	for (unsigned k = 0; k < m->file_count; k++) {
		int rc = saver_add(&s, m->files[k].gpa, m->files[k].bytes);
		if (rc < 0)
			return rc;
	}
	if (m->backed_end) {
		int rc = saver_add(&s, MEMORY_SYSTEM_BYTES, m->backed_end - MEMORY_SYSTEM_BYTES);
		if (rc < 0)
			return rc;
	}
	uint64_t from = m->backed_end ? m->backed_end : MEMORY_SYSTEM_BYTES;
	int rc = each_private_page(m, from, m->next, save_private, &s);
	for (; rc == -ENOSYS && from < m->next; from += SMALL) { /* no /proc: all of it that is not zero */
		int one = save_private(&s, from);
		if (one < 0)
			return one;
	}
	rc = rc == -ENOSYS ? 0 : rc;
	return rc < 0 ? rc : saver_end(&s);
}

int memory_image_view(struct memory_image *i)
{
	void *view = mmap(NULL, i->shape.next, PROT_READ, MAP_SHARED, i->fd, (off_t)i->file_at);
	if (view == MAP_FAILED)
		return -errno;
	i->view = view;
	int seals = fcntl(i->fd, F_GET_SEALS);
	i->may_vanish = seals < 0 || !(seals & F_SEAL_SHRINK);
	return 0;
}

void memory_image_prepare(void)
{
	pagemap_fd();
}

int memory_image_pagemap(void)
{
	return pagemap_open() ? pagemap : -1;
}

/* The system block as the host has made it, not as the guest may have changed it. */
static int save_block(struct memory *m, struct memory_image *i)
{
	if (m->spill_next)
		return 0; /* its links would lead out of the block */
	i->shape.tables_next = m->tables_next;
	ssize_t n = pwrite(i->fd, m->mirror, m->tables_next, 0);
	return n == (ssize_t)m->tables_next ? 0 : n < 0 ? -errno : -EIO;
}

static int save(struct memory *m, struct memory_image *i)
{
	i->fd = memfd_new("mote-snapshot");
	if (i->fd < 0)
		return i->fd;
	if (ftruncate(i->fd, (off_t)m->next) < 0)
		return -errno;
	int rc = save_contents(m, i->fd, 0);
	if (rc == 0)
		rc = save_block(m, i);
	if (rc == 0)
		rc = memfd_seal(i->fd);
	if (rc < 0)
		return rc;
	return memory_image_view(i);
}

static int save_error(int rc, struct err *e)
{
	if (rc == -EFAULT)
		return err_set(e, ERR_CONFIG, EFAULT, "the program's file has become shorter");
	return err_sys(e, -rc, "taking a snapshot of the guest's memory");
}

int memory_image_save(struct memory *m, const struct memory_image *i, int fd, uint64_t file_at, struct err *e)
{
	if (ftruncate(fd, (off_t)(file_at + i->shape.next)) < 0)
		return err_sys(e, errno, "writing a snapshot");
	int rc = save_contents(m, fd, file_at);
	return rc < 0 ? save_error(rc, e) : 0;
}

static int copy_frames(const struct page_stack *from, uint32_t **to, uint32_t *len)
{
	*to = malloc((from->len + 1) * sizeof(**to));
	if (!*to)
		return -ENOMEM;
	if (from->len)
		memcpy(*to, from->frames, from->len * sizeof(**to));
	*len = from->len;
	return 0;
}

int memory_image_list(struct memory *m, struct memory_image *out, struct err *e)
{
	struct memory_image i = {
		.fd = -1,
		.shape = {
			.next = m->next,
			.small_next = m->small_next,
			.small_end = m->small_end,
			.used_bytes = m->used_bytes - m->tables_next - m->spill_next,
			.max_bytes = m->max_bytes,
		},
	};
	int rc = list_table(&i, m, m->root, 4, 0);
	if (rc == 0)
		rc = copy_frames(&m->free_small, &i.free_small, &i.free_small_len);
	if (rc == 0)
		rc = copy_frames(&m->free_large, &i.free_large, &i.free_large_len);
	if (rc < 0) {
		memory_image_free(&i);
		return save_error(rc, e);
	}
	*out = i;
	return 0;
}

int memory_image_take(struct memory *m, struct memory_image *out, struct err *e)
{
	struct memory_image i;
	int rc = memory_image_list(m, &i, e);
	if (rc < 0)
		return rc;
	rc = save(m, &i);
	if (rc < 0) {
		memory_image_free(&i);
		return save_error(rc, e);
	}
	*out = i;
	return 0;
}

void memory_image_free(struct memory_image *i)
{
	if (i->view)
		munmap((void *)(uintptr_t)i->view, i->shape.next);
	cleanup_closep(&i->fd);
	free(i->runs);
	free(i->free_small);
	free(i->free_large);
	free(i->working_set);
	*i = (struct memory_image){.fd = -1};
}

/* --- putting --- */

static void fill(struct memory *m, uint64_t *entry, uint64_t value, uint64_t step, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		memory_set_entry(m, entry + k, value + k * step);
}

/* One run's pages, a table at a time. */
static int map_run(struct memory *m, const struct memory_run *r)
{
	int wanted = r->bits & PTE_LARGE ? 2 : 1;
	for (uint64_t done = 0; done < r->bytes;) {
		uint64_t va = r->va + done, *entry;
		int level, rc = memory_walk(m, va, wanted, true, &entry, &level);
		if (rc < 0)
			return rc;
		if (wanted == 2 && *entry) { /* a table that an earlier guest needed here stays */
			rc = memory_walk(m, va, 1, true, &entry, &level);
			if (rc < 0)
				return rc;
			fill(m, entry, (r->gpa + done) | (r->bits & ~(uint64_t)PTE_LARGE), SMALL, ENTRIES);
			done += LARGE;
			continue;
		}
		uint64_t size = memory_level_bytes(wanted), left = (r->bytes - done) / size;
		unsigned n = ENTRIES - memory_index(va, wanted);
		if (n > left)
			n = (unsigned)left;
		if (wanted == 2)
			n = 1; /* each may or may not have a table already */
		fill(m, entry, (r->gpa + done) | r->bits, size, n);
		done += n * size;
	}
	return 0;
}

static int set_frames(struct page_stack *to, const uint32_t *frames, uint32_t len)
{
	if (to->room < len) {
		uint32_t *more = reallocarray(to->frames, len, sizeof(*more));
		if (!more)
			return -ENOMEM;
		to->frames = more;
		to->room = len;
	}
	if (len)
		memcpy(to->frames, frames, len * sizeof(*frames));
	to->len = len;
	return 0;
}

static int map_anonymous(struct memory *m, uint64_t from, uint64_t end)
{
	void *at = mmap(m->hva + from, end - from, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return at == MAP_FAILED ? -errno : 0;
}

/* The snapshot's pages under [from, next), nothing in what was used beyond. */
static int map_contents(const struct memory_image *i, struct memory *m, uint64_t from, uint64_t used_end)
{
	if (m->copies) {
		int rc = map_anonymous(m, from, used_end > i->shape.next ? used_end : i->shape.next);
		return rc < 0 ? rc : memory_copy_sparse(m, from, i->shape.next - from, i->fd, i->file_at + from);
	}
	void *at = mmap(m->hva + from, i->shape.next - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED,
			i->fd, (off_t)(i->file_at + from));
	if (at == MAP_FAILED)
		return -errno;
	return used_end > i->shape.next ? map_anonymous(m, i->shape.next, used_end) : 0;
}

/* Page tables are written again, at their places in this memory. */
static int map_runs(const struct memory_image *i, struct memory *m)
{
	int rc = 0;
	memory_clear_tables(m);
	for (uint32_t k = 0; k < i->run_count && rc == 0; k++)
		rc = map_run(m, &i->runs[k]);
	return rc;
}

/* The image's contents, copied. Where the host has no large page either, it is as good as what was there. */
static int copy_large(const struct memory_image *i, struct memory *m, uint64_t gpa)
{
	uint8_t *to = m->hva + gpa;
	int rc = map_anonymous(m, gpa, gpa + LARGE);
	m->changed = true; /* what is dropped here does not come back from the file */
	if (rc < 0)
		return rc;
	(void)madvise(to, LARGE, MADV_HUGEPAGE);
	for (uint64_t done = 0; done < LARGE;) {
		ssize_t n = pread(i->fd, to + done, LARGE - done, (off_t)(i->file_at + gpa + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

/* One call for pages beside each other is cheaper than the guest's fault for each. */
static int populate(const struct memory_image *i, struct memory *m)
{
	const struct memory_working_set *w = m->copies ? NULL : atomic_load(&i->working_set); /* all of it is there */
	int rc = 0;
	for (uint32_t k = 0; w && k < w->large_count && rc == 0; k++)
		rc = copy_large(i, m, w->large[k]);
	for (uint32_t k = 0; w && k < w->count && rc == 0; k++)
		if (madvise(m->hva + w->extents[k].gpa, w->extents[k].bytes, MADV_POPULATE_WRITE) < 0)
			break;
	return rc;
}

/* The system block in memory of this memory's own: what lies in a snapshot's file keeps that file. */
static int unshare_block(struct memory *m)
{
	if (!m->shared_block)
		return 0;
	cleanup_free uint8_t *copy = malloc(m->tables_next);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, m->mirror, m->tables_next);
	void *mirror = mmap(m->mirror, MEMORY_SYSTEM_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	int rc = mirror == MAP_FAILED ? -errno : map_anonymous(m, 0, MEMORY_SYSTEM_BYTES);
	if (rc < 0)
		return rc;
	memcpy(m->mirror, copy, m->tables_next);
	memcpy(m->hva, copy, m->tables_next);
	m->shared_block = false;
	return 0;
}

/* The image's system block under the memory's own: its tables are the image's. */
static int map_block(const struct memory_image *i, struct memory *m)
{
	void *at = mmap(m->mirror, i->shape.tables_next, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED,
			i->fd, (off_t)i->file_at);
	if (at == MAP_FAILED)
		return -errno;
	m->tables_next = i->shape.tables_next;
	m->window_ready = m->shared_block = true;
	return 0;
}

/* No guest has had it yet. */
static bool is_new(const struct memory *m)
{
	return !m->window_ready && m->tables_next == MEMORY_KERNEL_PAGES_BYTES + SMALL && m->next == MEMORY_SYSTEM_BYTES;
}

/* A new memory takes the image's tables as they are. */
static int put_pages(const struct memory_image *i, struct memory *m)
{
	bool fresh = i->shape.tables_next && is_new(m) && !m->copies;
	uint64_t used_end = is_new(m) ? m->next : m->slot_end; /* a guest at CPL 0 reaches what was never allocated, too */
	int rc = fresh ? 0 : unshare_block(m);
	if (rc == 0)
		rc = map_contents(i, m, fresh ? 0 : MEMORY_SYSTEM_BYTES, used_end);
	if (rc < 0)
		return rc;
	m->next = i->shape.next;
	return fresh ? map_block(i, m) : map_runs(i, m);
}

int memory_image_put(const struct memory_image *i, struct memory *m)
{
	int rc = is_new(m) ? 0 : check_intact(m);
	if (rc < 0)
		return rc;
	if (i->shape.next > m->end || i->shape.used_bytes > m->max_bytes)
		return -ENOMEM;
	rc = memory_reach(m, i->shape.next);
	if (rc == 0)
		rc = put_pages(i, m);
	m->small_next = i->shape.small_next;
	m->small_end = i->shape.small_end;
	m->backed_end = i->shape.next;
	m->splits = 0;
	m->huge_end = 0;
	m->file_count = 0;
	m->may_vanish = i->may_vanish;
	if (rc == 0)
		rc = set_frames(&m->free_small, i->free_small, i->free_small_len);
	if (rc == 0)
		rc = set_frames(&m->free_large, i->free_large, i->free_large_len);
	m->used_bytes = i->shape.used_bytes + m->tables_next + m->spill_next;
	m->changed = m->written_known = false;
	return rc < 0 ? rc : populate(i, m);
}

#define GAP_MAX (2 * SMALL) /* populating so much more costs less than another call */

static int learn_page(void *arg, uint64_t gpa)
{
	struct memory_working_set *w = arg;
	struct memory_extent *last = w->count ? &w->extents[w->count - 1] : NULL;
	if (last && gpa - (last->gpa + last->bytes) <= GAP_MAX) {
		last->bytes = gpa + SMALL - last->gpa;
		return 0;
	}
	if (w->count == sizeof(w->extents) / sizeof(w->extents[0]))
		return -E2BIG;
	w->extents[w->count++] = (struct memory_extent){.gpa = gpa, .bytes = SMALL};
	return 0;
}

/* Linux maps up to 64 KiB of a file at one fault, so this is what tells much from little. */
enum { CHUNK_PAGES = 16, CHUNKS_MIN = 20 };

/* Whether of a large page enough was used that copying it is cheaper than so many faults. */
static bool much_read(struct memory *m, uint64_t gpa)
{
	uint64_t bits[ENTRIES];
	off_t where = (off_t)((((uintptr_t)m->hva + gpa) >> SMALL_SHIFT) * sizeof(bits[0]));
	unsigned chunks = 0;
	if (pread(pagemap_fd(), bits, sizeof(bits), where) != sizeof(bits))
		return false;
	for (unsigned c = 0; c < ENTRIES; c += CHUNK_PAGES) {
		bool any = false;
		for (unsigned k = c; k < c + CHUNK_PAGES; k++)
			any |= (bits[k] & PAGEMAP_PRESENT) != 0;
		chunks += any;
	}
	return chunks >= CHUNKS_MIN;
}

static void learn_large(const struct memory_image *i, struct memory *m, struct memory_working_set *w)
{
	for (uint32_t k = 0; k < i->run_count; k++) {
		const struct memory_run *r = &i->runs[k];
		for (uint64_t at = 0; r->bits & PTE_LARGE && at < r->bytes; at += LARGE) {
			if (w->large_count == sizeof(w->large) / sizeof(w->large[0]))
				return;
			if (much_read(m, r->gpa + at))
				w->large[w->large_count++] = r->gpa + at;
		}
	}
}

#define EXPECT_MAX (64UL << 20) /* more is no start any more */

bool memory_image_expect(struct memory_image *i, const struct memory_working_set *w)
{
	uint64_t sum = 0, end = i->shape.next;
	if (w->count > sizeof(w->extents) / sizeof(w->extents[0]) || w->large_count > sizeof(w->large) / sizeof(w->large[0]))
		return false;
	for (uint32_t k = 0; k < w->count; k++) {
		const struct memory_extent *x = &w->extents[k];
		if (x->gpa < MEMORY_SYSTEM_BYTES || x->gpa > end || x->bytes > end - x->gpa || (x->gpa | x->bytes) & (SMALL - 1))
			return false;
		sum += x->bytes;
	}
	for (uint32_t k = 0; k < w->large_count; k++)
		if (w->large[k] < MEMORY_SYSTEM_BYTES || w->large[k] & (LARGE - 1) || w->large[k] > end ||
		    LARGE > end - w->large[k])
			return false;
	struct memory_working_set *none = NULL, *copy = sum > EXPECT_MAX ? NULL : malloc(sizeof(*copy));
	if (copy)
		*copy = *w;
	if (copy && !atomic_compare_exchange_strong(&i->working_set, &none, copy))
		free(copy);
	return copy != NULL;
}

void memory_image_learn(struct memory_image *i, struct memory *m, bool large)
{
	struct memory_working_set *none = NULL, *w = NULL;
	if (!atomic_load(&i->working_set) && !m->copies && pagemap_open()) /* of copies the page map says nothing */
		w = calloc(1, sizeof(*w));
	if (!w)
		return;
	int rc = each_private_page(m, MEMORY_SYSTEM_BYTES, i->shape.next, learn_page, w);
	if (large)
		learn_large(i, m, w);
	if ((rc < 0 && rc != -E2BIG) || !atomic_compare_exchange_strong(&i->working_set, &none, w))
		free(w);
}

int memory_empty(struct memory *m)
{
	int rc = check_intact(m);
	if (rc == 0)
		rc = unshare_block(m);
	if (rc == 0)
		rc = map_anonymous(m, MEMORY_SYSTEM_BYTES, m->end);
	if (rc < 0)
		return rc;
	memory_clear_tables(m);
	m->next = MEMORY_SYSTEM_BYTES;
	m->small_next = m->small_end = 0;
	m->free_small.len = m->free_large.len = 0;
	m->backed_end = 0;
	m->splits = 0;
	m->huge_end = 0;
	m->file_count = 0;
	m->may_vanish = false;
	m->used_bytes = m->tables_next + m->spill_next;
	m->changed = m->written_known = false;
	return 0;
}

struct setter {
	const struct memory_image *i;
	struct memory *m;
	bool spare_written; /* a page of the system block that is no table yet */
};

/* -EFAULT: the image's file has become shorter. */
static int set_page_back(const struct memory_image *i, struct memory *m, uint64_t gpa)
{
	if (i->may_vanish)
		return guest_copy(m->hva + gpa, i->view + gpa, SMALL);
	memcpy(m->hva + gpa, i->view + gpa, SMALL);
	return 0;
}

static int set_back(void *arg, uint64_t gpa)
{
	struct setter *s = arg;
	struct page_stack *w = &s->m->written;
	if (gpa < MEMORY_SYSTEM_BYTES) {
		s->m->block_written = true;
		s->spare_written |= gpa >= s->m->tables_next;
		return 0;
	}
	if (w->len == COPY_MAX)
		return -E2BIG;
	if (w->len == w->room) {
		uint32_t room = w->room ? w->room * 2 : 64, *frames = reallocarray(w->frames, room, sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		w->frames = frames;
		w->room = room;
	}
	w->frames[w->len++] = (uint32_t)(gpa >> SMALL_SHIFT);
	return set_page_back(s->i, s->m, gpa);
}

/* Looks for the pages that were written, and notes them if that is all there is to a reset. */
static int reset_written(struct memory_image *i, struct memory *m)
{
	struct setter s = {.i = i, .m = m};
	m->written.len = 0;
	m->block_written = false;
	int rc = each_private_page(m, 0, i->shape.next, set_back, &s);
	m->written_known = rc == 0 && !s.spare_written && !m->spill_next;
	return rc;
}

/* What a guest at CPL 0 has written behind all that was allocated. */
static int drop_rest(struct memory *m, uint64_t from)
{
	if (from >= m->slot_end)
		return 0;
	return madvise(m->hva + from, m->slot_end - from, MADV_DONTNEED) < 0 ? -errno : 0;
}

int memory_image_reset(struct memory_image *i, struct memory *m, bool no_new_pages)
{
	if (no_new_pages && m->written_known) {
		int rc = 0;
		for (uint32_t k = 0; k < m->written.len && rc == 0; k++)
			rc = set_page_back(i, m, (uint64_t)m->written.frames[k] << SMALL_SHIFT);
		return rc == 0 && m->block_written && !memory_intact(m) ? -EAGAIN : rc;
	}
	memory_image_learn(i, m, false);
	int set = reset_written(i, m);
	if (set == -EFAULT)
		return set;
	int rc = 0;
	if (!m->written_known)
		rc = check_intact(m);
	else if (m->block_written && !memory_intact(m))
		rc = -EAGAIN;
	if (rc == 0)
		rc = drop_rest(m, i->shape.next);
	if (rc < 0 || set == 0)
		return rc;
	return madvise(m->hva + MEMORY_SYSTEM_BYTES, i->shape.next - MEMORY_SYSTEM_BYTES, MADV_DONTNEED) < 0 ? -errno : 0;
}
