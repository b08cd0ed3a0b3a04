/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking the image of a memory, and making memories be what an image is. The process's page map
 * says what a page holds: memory that was never touched need not be saved.
 */
#include "vm/memory/image.h"

#include "abi/layout.h"
#include "base/io.h"
#include "base/memfd.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"
#include "vm/memory/working_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- taking --- */

/*
 * As many as a file may describe (snapshot/file.c): each entry of a guest's tables may be a run of
 * its own, and what is reserved takes no memory.
 */
enum { RUNS_MAX = (64 << 20) / sizeof(struct memory_run) };

static int add_run(struct memory_image *i, uint64_t va, uint64_t entry, uint64_t bytes)
{
	uint64_t gpa = page_entry_address(entry);
	uint32_t access = page_entry_access(entry), kind = page_entry_kind(entry);
	struct memory_run *last = NULL;
	if (i->run_count)
		last = &i->runs[i->run_count - 1];
	bool follows = last && (kind & PAGE_RESERVED || last->gpa + last->bytes == gpa);
	if (follows && last->va + last->bytes == va && last->access == access &&
	    last->kind == kind) {
		last->bytes += bytes;
		return 0;
	}
	if (i->run_count == RUNS_MAX)
		return -E2BIG;
	if (i->run_count == i->run_capacity) {
		uint32_t capacity = i->run_capacity * 2;
		if (capacity == 0)
			capacity = 32;
		struct memory_run *runs = reallocarray(i->runs, capacity, sizeof(*runs));
		if (!runs)
			return -ENOMEM;
		i->runs = runs;
		i->run_capacity = capacity;
	}
	i->runs[i->run_count++] = (struct memory_run){
		.va = va,
		.gpa = gpa,
		.bytes = bytes,
		.access = access,
		.kind = kind,
	};
	return 0;
}

/*
 * Everything that a table maps but the kernel window, in order of addresses. The depth is at most
 * four.
 */
static int list_table(struct memory_image *i, struct memory *m, uint64_t table, int level,
		      uint64_t va)
{
	for (unsigned k = 0; k < ENTRIES; k++) {
		uint64_t entry = memory_table(m, table)[k], at = va + k * memory_level_bytes(level);
		int rc = 0;
		if (level == 3 && at == MOTE_KERNEL)
			continue;
		bool leaf =
			level == 1 || page_entry_is_large(entry) || page_entry_is_reserved(entry);
		if (leaf && page_entry_is_used(entry))
			rc = add_run(i, at, entry, memory_level_bytes(level));
		else if (!leaf && page_entry_is_present(entry))
			rc = list_table(i, m, page_entry_address(entry), level - 1, at);
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
	/* The kernel reads the guest's memory: of a file that became shorter it says EFAULT. */
	int rc = io_pwrite_all(s->fd, s->m->hva + s->at, s->bytes, (off_t)(s->file_at + s->at));
	s->bytes = 0;
	return rc;
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
	if (memory_page_is_zero(s->m->hva + gpa))
		return 0;
	return saver_add(s, gpa, SMALL);
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
	uint64_t from = MEMORY_SYSTEM_BYTES;
	if (m->backed_end)
		from = m->backed_end;
	int rc = pagemap_each_private(m, from, m->next, save_private, &s);
	if (rc == -ENOSYS) /* no /proc: all of it that is not zero */
		for (rc = 0; rc == 0 && from < m->next; from += SMALL)
			rc = save_private(&s, from);
	if (rc < 0)
		return rc;
	return saver_end(&s);
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

/* The system block as the host has made it, not as the guest may have changed it. */
static int save_block(const struct memory *m, struct memory_image *i)
{
	if (m->spill_next)
		return 0; /* its links would lead out of the block */
	i->shape.tables_next = m->tables_next;
	ssize_t n = pwrite(i->fd, m->mirror, m->tables_next, 0);
	if (n < 0)
		return -errno;
	if (n == (ssize_t)m->tables_next)
		return 0;
	return -EIO;
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
	if (rc == -E2BIG)
		return err_set(e, ERR_GUEST, E2BIG,
			       "the guest has too many mappings for a snapshot");
	return err_sys(e, -rc, "taking a snapshot of the guest's memory");
}

int memory_image_save(struct memory *m, const struct memory_image *i, int fd, uint64_t file_at,
		      struct err *e)
{
	if (ftruncate(fd, (off_t)(file_at + i->shape.next)) < 0)
		return err_sys(e, errno, "writing a snapshot");
	int rc = save_contents(m, fd, file_at);
	if (rc < 0)
		return save_error(rc, e);
	return 0;
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
		.shape =
			{
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

/* --- restoring --- */

static void fill(struct memory *m, uint64_t *entry, uint64_t value, uint64_t step, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		memory_set_entry(m, entry + k, value + k * step);
}

/* One run's pages, a table at a time. */
static int map_run(struct memory *m, const struct memory_run *r)
{
	int wanted = 1;
	if (r->kind & PAGE_RESERVED)
		return memory_reserve(m, gva(r->va), r->bytes, r->access);
	if (r->kind & PAGE_LARGE)
		wanted = 2;
	for (uint64_t done = 0; done < r->bytes;) {
		uint64_t va = r->va + done, *entry;
		int level, rc = memory_make_entry(m, va, wanted, &entry, &level);
		if (rc < 0)
			return rc;
		if (wanted == 2 && *entry) { /* a table that an earlier guest needed here stays */
			rc = memory_make_entry(m, va, 1, &entry, &level);
			if (rc < 0)
				return rc;
			fill(m, entry,
			     page_entry(r->gpa + done, r->access, r->kind & ~(uint32_t)PAGE_LARGE),
			     SMALL, ENTRIES);
			done += LARGE;
			continue;
		}
		uint64_t size = memory_level_bytes(wanted), left = (r->bytes - done) / size;
		unsigned n = ENTRIES - memory_index(va, wanted);
		if (n > left)
			n = (unsigned)left;
		if (wanted == 2)
			n = 1; /* each may or may not have a table already */
		fill(m, entry, page_entry(r->gpa + done, r->access, r->kind), size, n);
		done += n * size;
	}
	return 0;
}

static int set_frames(struct page_stack *to, const uint32_t *frames, uint32_t len)
{
	if (to->capacity < len) {
		uint32_t *more = reallocarray(to->frames, len, sizeof(*more));
		if (!more)
			return -ENOMEM;
		to->frames = more;
		to->capacity = len;
	}
	if (len)
		memcpy(to->frames, frames, len * sizeof(*frames));
	to->len = len;
	return 0;
}

/* The snapshot's pages under [from, next), nothing in what was used beyond. */
static int map_contents(const struct memory_image *i, const struct memory *m, uint64_t from,
			uint64_t used_end)
{
	if (m->copies) {
		if (used_end < i->shape.next)
			used_end = i->shape.next;
		int rc = memory_map_anonymous(m, from, used_end);
		if (rc < 0)
			return rc;
		return memory_copy_sparse(m, from, i->shape.next - from, i->fd, i->file_at + from);
	}
	void *at = mmap(m->hva + from, i->shape.next - from, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, i->fd, (off_t)(i->file_at + from));
	if (at == MAP_FAILED)
		return -errno;
	if (used_end > i->shape.next)
		return memory_map_anonymous(m, i->shape.next, used_end);
	return 0;
}

/* Page tables are written again, at their places in this memory. */
static int map_runs(const struct memory_image *i, struct memory *m)
{
	bool (*ending)(void *) = m->ending;
	int rc = 0;
	m->ending = NULL; /* no guest has begun */
	memory_clear_tables(m);
	for (uint32_t k = 0; k < i->run_count && rc == 0; k++)
		rc = map_run(m, &i->runs[k]);
	m->ending = ending;
	return rc;
}

/* The image's system block under the memory's own: its tables are the image's. */
static int map_block(const struct memory_image *i, struct memory *m)
{
	void *at = mmap(m->mirror, i->shape.tables_next, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, i->fd, (off_t)i->file_at);
	if (at == MAP_FAILED)
		return -errno;
	m->tables_next = i->shape.tables_next;
	m->window_ready = m->shared_block = true;
	return 0;
}

/* No guest has had it yet. */
static bool is_new(const struct memory *m)
{
	return !m->window_ready && m->tables_next == MEMORY_KERNEL_PAGES_BYTES + SMALL &&
	       m->next == MEMORY_SYSTEM_BYTES;
}

/* A new memory takes the image's tables as they are. */
static int restore_pages(const struct memory_image *i, struct memory *m)
{
	bool fresh = i->shape.tables_next && is_new(m) && !m->copies;
	/* A guest at CPL 0 reaches what was never allocated, too. */
	uint64_t from = 0, used_end = m->slot_end;
	if (is_new(m))
		used_end = m->next;
	if (!fresh) {
		from = MEMORY_SYSTEM_BYTES;
		int rc = memory_unshare_block(m);
		if (rc < 0)
			return rc;
	}
	int rc = map_contents(i, m, from, used_end);
	if (rc < 0)
		return rc;
	m->next = i->shape.next;
	if (fresh)
		return map_block(i, m);
	return map_runs(i, m);
}

int memory_image_restore(const struct memory_image *i, struct memory *m)
{
	int rc = 0;
	memory_shared_drop(m);
	working_set_end_sample(m);
	if (!is_new(m))
		rc = memory_check_intact(m);
	if (rc < 0)
		return rc;
	if (i->shape.next > m->end || i->shape.used_bytes > m->max_bytes)
		return -ENOMEM;
	rc = memory_extend(m, i->shape.next);
	if (rc == 0)
		rc = restore_pages(i, m);
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
	m->changed = false;
	dirty_forget(&m->dirty);
	if (rc < 0)
		return rc;
	working_set_sample(i, m);
	return working_set_prefetch(i, m);
}
