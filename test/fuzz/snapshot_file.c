/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: snapshots in files, which anybody may have made. The input is a row of changes to a
 * valid file, which the present build makes at the start (so that no seed is ever of another
 * format): of its description, its lists, its header. Digests, places and counts are made right
 * again afterwards, but for changes that are about these. What is accepted is put into memories
 * without KVM, read, written, allocated from, and stored again; each page that a guest has must be
 * nobody else's.
 */
#include "mutate.h"

#define arch_cpu_digest fuzz_cpu_digest /* KVM's answer */
#include "vm/snapshot/file.c"

#include "vm/arch/x86_64/kernel_window.h"
#include "vm/boot.h"
#include "vm/memory/working_set.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MEMORY_BYTES = 12 << 20,
	PUT_MAX = 24 << 20,
	LIST_MAX = 512,
	EDITS_MAX = 64,
	EXTRA_BYTES = 24,
	FDS = 4
};
enum { SPANS = 512 }; /* asked for at a time */
#define FILE_MAX (1L << 42)

struct edit {
	uint8_t op, part;
	uint16_t index;
	uint64_t value;
} __attribute__((packed));

enum op { SET, ADD, ADD_PAGES, FLIP, COPY, DUPLICATE, REMOVE, SWAP, OPS };
enum target {
	RUNS,
	FREE_SMALL,
	FREE_LARGE,
	DESCRIPTORS,
	EXTRA,
	SHAPE,
	COUNTS,
	STATE,
	HEADER,
	SEALED,
	LENGTH,
	TARGETS
};

/* A file taken apart. */
struct description {
	struct file_header header;
	struct file_meta fixed;
	struct memory_run runs[LIST_MAX];
	uint32_t free_small[LIST_MAX], free_large[LIST_MAX];
	struct fd_wanted fds[LIST_MAX];
	uint8_t extra[LIST_MAX];
	int64_t length; /* of the file, more than it should be */
};

/* One part of it: elements, and the words that they consist of. */
struct list {
	void *at;
	size_t element, word;
	uint32_t count;
	uint32_t *counter; /* where the count stands; NULL: the part is a structure */
};

static struct description valid;
static const uint8_t *memory;                      /* of the valid file: guest-physical contents */
static uint8_t memory_pages[MEMORY_BYTES / SMALL]; /* which of them hold something */

static void require(bool condition)
{
	if (!condition)
		abort();
}

int fuzz_cpu_digest(int kvm_fd, char out[65], struct err *e)
{
	(void)kvm_fd, (void)e;
	memset(out, 'c', 64);
	out[64] = '\0';
	return 0;
}

/* --- a valid file --- */

static const char build[64] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static uint64_t take_and_map(struct memory *m, uint64_t at, uint64_t bytes, unsigned access)
{
	gpa_t from;
	require(memory_take(m, bytes, &from) == 0 &&
		memory_map_fixed(m, gva(at), from, bytes, access) == 0);
	memset(memory_at(m, from, bytes), (int)(at >> 12 | 1), 16);
	return from.v;
}

/* As boot.c lays a guest out, and what such a guest has made of its memory. */
static void make_guest(struct memory *m, struct snapshot_state *s)
{
	const uint64_t stack = MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES;
	struct err e;
	require(memory_init(m, -1, MEMORY_BYTES, &e) == 0 && kernel_window_map(m) == 0);
	take_and_map(m, MOTE_IMAGE_VA, 3 * SMALL, MEMORY_READ | MEMORY_EXEC);
	s->entry = gva(MOTE_IMAGE_VA + 0x100);
	s->area = take_and_map(m, stack, MOTE_BOOT_STACK_BYTES + MOTE_AREA_BYTES,
			       MEMORY_READ | MEMORY_WRITE) +
		  MOTE_BOOT_STACK_BYTES;
	s->area_va = gva(MOTE_AREAS_VA);
	s->program.v = take_and_map(m, MOTE_PROGRAM_VA, 2 * SMALL, MEMORY_READ);
	s->program_bytes = SMALL + 100;
	s->boot_bytes = SMALL;
	s->boot = take_and_map(m, MOTE_BOOT_VA, s->boot_bytes, MEMORY_READ);
	require(memory_map(m, gva(0x400000), 9 * SMALL, MEMORY_READ | MEMORY_WRITE) == 0 &&
		memory_map(m, gva(0x10000000), LARGE, MEMORY_READ | MEMORY_WRITE) == 0 &&
		memory_map(m, gva(0x20000000), LARGE, MEMORY_READ | MEMORY_WRITE) == 0 &&
		memory_map(m, gva(0x30000000), 5 * SMALL, MEMORY_READ) == 0);
	require(memory_write(m, gva(0x401234), "some text", 9) == 0 &&
		memory_write(m, gva(0x10000000), "more", 4) == 0);
	require(memory_protect(m, gva(0x402000), SMALL, MEMORY_READ | MEMORY_EXEC) == 0 &&
		memory_protect(m, gva(0x404000), SMALL, 0) == 0 &&
		memory_unmap(m, gva(0x406000), 2 * SMALL) == 0 &&
		memory_unmap(m, gva(0x20000000), LARGE) == 0);
	s->stopped = VM_IN_EXCHANGE;
	s->given = 3;
	s->channel_max = 4096;
	s->reply_at = gva(0x401000);
	s->reply_size = 64;
}

static void take_list(void *to, uint32_t count, size_t element, const void *from)
{
	require(count <= LIST_MAX && (count == 0 || memcpy(to, from, count * element)));
}

static void make_valid(void)
{
	static struct memory m;
	/* kept forever, as the memory */
	static struct vm_snapshot s = {.refs = 1, .memory.fd = -1};
	static struct fd_wanted fds[FDS] = {{0, FD_GIVEN | FD_FIXED_STATE, 1},
					    {1, FD_GIVEN | FD_FIXED_STATE, 2},
					    {2, FD_GIVEN | FD_FIXED_STATE, 3},
					    {7, FD_FIXED_STATE, 2}};
	struct err e;
	make_guest(&m, &s.state);
	require(memory_image_take(&m, &s.memory, &e) == 0);
	require(fill_host(&valid.header, build, -1, &e) == 0);
	valid.fixed = (struct file_meta){.memory = s.memory.shape, .state = s.state};
	valid.fixed.memory.tables_next = 0;
	valid.fixed.run_count = s.memory.run_count;
	valid.fixed.free_small_len = s.memory.free_small_len;
	valid.fixed.free_large_len = s.memory.free_large_len;
	valid.fixed.fd_count = FDS;
	valid.fixed.extra_bytes = EXTRA_BYTES;
	take_list(valid.runs, s.memory.run_count, sizeof(valid.runs[0]), s.memory.runs);
	take_list(valid.free_small, s.memory.free_small_len, sizeof(valid.free_small[0]),
		  s.memory.free_small);
	take_list(valid.free_large, s.memory.free_large_len, sizeof(valid.free_large[0]),
		  s.memory.free_large);
	take_list(valid.fds, FDS, sizeof(fds[0]), fds);
	require(s.memory.free_small_len && s.memory.free_large_len &&
		s.memory.shape.next <= MEMORY_BYTES + MEMORY_SYSTEM_BYTES);
	memory = s.memory.view;
	for (uint64_t at = MEMORY_SYSTEM_BYTES; at < s.memory.shape.next && at < MEMORY_BYTES;
	     at += SMALL)
		memory_pages[at / SMALL] = !memory_page_is_zero(memory + at);
}

/* --- changes --- */

static struct list list_of(struct description *d, unsigned which)
{
	struct file_meta *f = &d->fixed;
	switch ((enum target)which) {
	case RUNS:
		return (struct list){d->runs, sizeof(d->runs[0]), 8, f->run_count, &f->run_count};
	case FREE_SMALL:
		return (struct list){d->free_small, 4, 4, f->free_small_len, &f->free_small_len};
	case FREE_LARGE:
		return (struct list){d->free_large, 4, 4, f->free_large_len, &f->free_large_len};
	case DESCRIPTORS:
		return (struct list){d->fds, sizeof(d->fds[0]), 2, f->fd_count, &f->fd_count};
	case EXTRA:
		return (struct list){d->extra, 1, 1, f->extra_bytes, &f->extra_bytes};
	case SHAPE:
		return (struct list){&f->memory, sizeof(f->memory), 8, 1, NULL};
	case COUNTS:
		return (struct list){&f->run_count, 6 * sizeof(uint32_t), 4, 1, NULL};
	case STATE:
		return (struct list){&f->state, offsetof(struct snapshot_state, cpu) + 64, 8, 1,
				     NULL};
	case HEADER:
	case SEALED:
		return (struct list){&d->header, sizeof(d->header), 8, 1, NULL};
	case LENGTH:
	case TARGETS:
		break;
	}
	return (struct list){&d->length, sizeof(d->length), 8, 1, NULL};
}

static void change_word(const struct list *l, const struct edit *e)
{
	size_t words = l->count * l->element / l->word;
	uint8_t *at = (uint8_t *)l->at + (words ? e->index % words : 0) * l->word;
	uint64_t v = 0;
	if (words == 0)
		return;
	memcpy(&v, at, l->word);
	switch (e->op % OPS) {
	case ADD:
		v += e->value;
		break;
	case ADD_PAGES:
		v += e->value << 12;
		break;
	case FLIP:
		v ^= 1UL << e->value % 64;
		break;
	default:
		v = e->value;
	}
	memcpy(at, &v, l->word);
}

static void change_elements(const struct list *l, const struct edit *e)
{
	uint8_t spare[64], *first = l->at;
	if (l->count == 0)
		return;
	uint8_t *at = first + e->index % l->count * l->element,
		*other = first + e->value % l->count * l->element;
	size_t behind = (size_t)(first + l->count * l->element - at);
	switch (e->op % OPS) {
	case COPY:
		memmove(at, other, l->element);
		break;
	case SWAP:
		memcpy(spare, at, l->element);
		memmove(at, other, l->element);
		memcpy(other, spare, l->element);
		break;
	case DUPLICATE:
		if (l->count == LIST_MAX)
			return;
		memmove(at + l->element, at, behind);
		++*l->counter;
		break;
	default: /* REMOVE */
		memmove(at, at + l->element, behind - l->element);
		--*l->counter;
	}
}

/* Those of a part from `first` to `last`. */
static void change(struct description *d, const struct edit *edits, size_t count, unsigned first,
		   unsigned last)
{
	for (size_t i = 0; i < count && i < EDITS_MAX; i++) {
		unsigned part = edits[i].part % TARGETS;
		if (part < first || part > last)
			continue;
		const struct list l = list_of(d, part);
		if (l.counter && edits[i].op % OPS >= COPY)
			change_elements(&l, &edits[i]);
		else
			change_word(&l, &edits[i]);
	}
}

static size_t put_list(uint8_t *to, size_t at, const void *from, uint32_t count, size_t element)
{
	memcpy(to + at, from, count * element);
	return at + count * element;
}

/* Lists by their true counts, which the fixed part in front of them may then deny. */
static size_t put_meta(const struct description *d, uint8_t *to)
{
	const struct file_meta *f = &d->fixed;
	size_t at = sizeof(*f);
	at = put_list(to, at, d->runs, f->run_count, sizeof(d->runs[0]));
	at = put_list(to, at, d->free_small, f->free_small_len, sizeof(d->free_small[0]));
	at = put_list(to, at, d->free_large, f->free_large_len, sizeof(d->free_large[0]));
	at = put_list(to, at, d->fds, f->fd_count, sizeof(d->fds[0]));
	return put_list(to, at, d->extra, f->extra_bytes, 1);
}

/* The guest's contents, but where others are described. */
static void put_memory(int fd, uint64_t at, uint64_t bytes)
{
	for (uint64_t page = MEMORY_SYSTEM_BYTES; page < bytes && page < MEMORY_BYTES;
	     page += SMALL)
		if (memory_pages[page / SMALL])
			require(pwrite(fd, memory + page, SMALL, (off_t)(at + page)) ==
				(ssize_t)SMALL);
}

/* A file of what the changes make of the valid one; -1 if none can have its size. */
static int make_file(const struct edit *edits, size_t count)
{
	static struct description d;
	static uint8_t meta[sizeof(d)];
	struct file_header *h = &d.header;
	char digest[65];
	struct err e;
	d = valid;
	change(&d, edits, count, RUNS, EXTRA);
	h->meta_bytes = put_meta(&d, meta);
	change(&d, edits, count, SHAPE, STATE);
	memcpy(meta, &d.fixed, sizeof(d.fixed));
	seal_header(h, meta, d.fixed.memory.next);
	const uint64_t meta_bytes = h->meta_bytes, memory_at = h->memory_at;
	int64_t length = (int64_t)(h->memory_at + h->memory_bytes);
	change(&d, edits, count, HEADER, HEADER);
	header_digest(h, digest);
	memcpy(h->digest, digest, sizeof(h->digest));
	change(&d, edits, count, SEALED, LENGTH);
	if (__builtin_add_overflow(length, d.length, &length) || length < 0 || length > FILE_MAX)
		return -1;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(fd >= 0 && write_at(fd, h, sizeof(*h), 0, &e) == 0 &&
		write_at(fd, meta, meta_bytes, HEADER_BYTES, &e) == 0);
	put_memory(fd, memory_at, d.fixed.memory.next);
	require(ftruncate(fd, length) == 0);
	return fd;
}

/* --- what can be done with one that is accepted --- */

/* Who has which page of the guest's memory, found by its addresses. */
static struct {
	uint8_t own[PUT_MAX / SMALL], kept[PUT_MAX / SMALL];
} owner;

static void claim_page(struct memory *m, const uint8_t *at, bool fixed)
{
	uint64_t page = (uint64_t)(at - m->hva) / SMALL;
	require(at >= m->hva + MEMORY_SYSTEM_BYTES && at + SMALL <= m->hva + m->end &&
		page < PUT_MAX / SMALL);
	require(!owner.own[page] && (fixed || !owner.kept[page]));
	*(fixed ? &owner.kept[page] : &owner.own[page]) = 1;
}

/*
 * A mapping that can be read, page by page; all of it is this guest's own, or what was taken for
 * good.
 */
static void claim(struct memory *m, uint64_t at, uint64_t bytes, bool fixed)
{
	struct iovec spans[SPANS];
	for (uint64_t done = 0, piece; done < bytes; done += piece) {
		piece = bytes - done < SPANS * SMALL ? bytes - done : SPANS * SMALL;
		int count = memory_span(m, gva(at + done), piece, MEMORY_READ, spans, SPANS);
		require(count > 0);
		for (int i = 0; i < count; i++)
			for (size_t k = 0; k < spans[i].iov_len; k += SMALL)
				claim_page(m, (const uint8_t *)spans[i].iov_base + k, fixed);
	}
}

static void claim_runs(struct memory *m, const struct memory_image *i)
{
	uint8_t byte;
	memset(&owner, 0, sizeof(owner));
	for (uint32_t k = 0; k < i->run_count; k++) {
		const struct memory_run *r = &i->runs[k];
		require(memory_read(m, gva(r->va), &byte, 1) == (r->access ? 0 : -EFAULT));
		require(memory_write(m, gva(r->va + r->bytes - 1), "x", 1) ==
			(r->access & MEMORY_WRITE ? 0 : -EFAULT));
		if (r->access)
			claim(m, r->va, r->bytes, r->kind & PAGE_FIXED);
	}
}

/* New pages until there are none left: nobody has them yet, and they are zero. */
static void allocate(struct memory *m)
{
	static const uint8_t zeros[64];
	uint8_t bytes[64];
	uint64_t at = 0x600000000000;
	for (unsigned k = 0; k < 48; k++, at += LARGE) {
		uint64_t size = k % 4 == 3 || k > 40 ? LARGE : SMALL;
		int rc = memory_map(m, gva(at), size, MEMORY_READ | MEMORY_WRITE);
		require(rc == 0 || rc == -ENOMEM || rc == -EEXIST);
		if (rc < 0)
			continue;
		require(memory_read(m, gva(at + size - 64), bytes, 64) == 0 &&
			memcmp(bytes, zeros, 64) == 0);
		claim(m, at, size, false);
	}
}

/* Maps, protects and unmaps over all that is described. */
static void disturb(struct memory *m, const struct memory_image *i)
{
	for (uint32_t k = 0; k < i->run_count; k++) {
		const gva_t at = gva(i->runs[k].va);
		(void)!memory_protect(m, at, SMALL, k % 2 ? 0 : MEMORY_READ);
		(void)!memory_zero(m, gva(at.v + i->runs[k].bytes / 2), SMALL);
		if (k % 3 == 0)
			(void)!memory_unmap(m, at, SMALL);
	}
}

static void put(const struct memory_image *i, struct memory *m)
{
	require(memory_image_restore(i, m) == 0 && kernel_window_map(m) == 0);
	claim_runs(m, i);
}

/*
 * What a start noted of its working set may have come from anywhere too
 * (vm/memory/working_set_file.c).
 */
static void expect(struct memory_image *i, const struct edit *edits, size_t count)
{
	struct working_set w = {.count = (uint32_t)count};
	for (size_t k = 0; k < count && k < sizeof(w.extents) / sizeof(w.extents[0]); k++) {
		w.extents[k] = (struct memory_extent){
			.gpa = edits[k].value << 12,
			.bytes = (edits[k].index % 16 + 1UL) << 12,
		};
		if (edits[k].op % OPS != SWAP)
			continue;
		w.large[w.large_count % 16] = edits[k].value << 21;
		w.large_count++;
	}
	(void)!working_set_install(i, &w);
}

static void use_memory(struct memory_image *i)
{
	struct memory m;
	struct err e;
	require(memory_init(&m, -1,
			    i->shape.max_bytes < PUT_MAX / 2 ? i->shape.max_bytes : PUT_MAX / 2,
			    &e) == 0);
	if (i->shape.used_bytes <= m.max_bytes && i->shape.next <= m.end) {
		put(i, &m);
		require(memory_image_reset(i, &m) == 0 && memory_image_reset(i, &m) == 0);
		claim_runs(&m, i);
		allocate(&m);
		put(i, &m); /* a memory that was used */
		disturb(&m, i);
		require(memory_empty(&m) == 0);
		put(i, &m);
	} else {
		require(memory_image_restore(i, &m) == -ENOMEM);
	}
	memory_destroy(&m);
}

static void use_descriptors(const struct vm_snapshot *s)
{
	struct fdtable t = {.keep = true};
	for (uint32_t at = 0; at < 3; at++)
		require(fdtable_give(&t, fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), FD_FIXED_STATE,
				     at) == 0);
	require(s->fd_count > 64 || fdtable_reset(&t, s->fds, s->fd_count) <= 0);
	fdtable_destroy(&t);
}

/* Stored by Mote itself, it is as good as it was. */
static void store_again(struct vm_snapshot *s)
{
	struct vm_snapshot *again = NULL;
	struct err e;
	int fd = memfd_create("again", MFD_CLOEXEC);
	require(fd >= 0 && vm_snapshot_save(s, build, -1, s->extra, s->extra_bytes, fd, &e) == 0);
	require(vm_snapshot_open_untrusted(fd, build, -1, &again, &e) == 0 &&
		again->memory.run_count == s->memory.run_count);
	vm_snapshot_drop(again);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct edit *edits = (const void *)data;
	struct vm_snapshot *s = NULL;
	struct err e = {0};
	if (!memory)
		make_valid();
	int fd = make_file(edits, size / sizeof(*edits));
	if (fd < 0)
		return 0;
	if (vm_snapshot_open_untrusted(fd, build, -1, &s, &e) < 0) {
		require(e.code > 0 && e.blame == ERR_CONFIG && e.text[0] && size >= sizeof(*edits));
	} else {
		if (s->memory.shape.next <= PUT_MAX) {
			if (size % (4 * sizeof(*edits)) == 0) /* it is slow */
				store_again(s);
			expect(&s->memory, edits, size / sizeof(*edits));
			use_memory(&s->memory);
		}
		use_descriptors(s);
		vm_snapshot_drop(s);
	}
	close(fd);
	return 0;
}

/* A row of changes: one more, one fewer, one other. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct edit edits[EDITS_MAX];
	struct mutate m = mutate_from(seed);
	uint32_t count = (uint32_t)(size / sizeof(edits[0]) < EDITS_MAX ? size / sizeof(edits[0])
									: EDITS_MAX);
	memcpy(edits, data, count * sizeof(edits[0]));
	uint32_t what = mutate_below(&m, 8), at = count ? mutate_below(&m, count) : 0;
	if (count == 0 || (what < 4 && count < EDITS_MAX))
		edits[at = count++] = (struct edit){
			.op = (uint8_t)mutate_below(&m, OPS),
			.part = (uint8_t)mutate_below(&m, TARGETS),
			.index = (uint16_t)mutate_below(&m, 128),
			.value = mutate_number(&m),
		};
	else if (what == 4)
		edits[at] = edits[--count];
	else if (what == 5)
		edits[at].value = mutate_near(&m, edits[at].value);
	else if (what == 6)
		edits[at].op = (uint8_t)mutate_below(&m, OPS);
	else
		edits[at].index = (uint16_t)mutate_below(&m, 128);
	if (count * sizeof(edits[0]) > max_size)
		return size;
	memcpy(data, edits, count * sizeof(edits[0]));
	return count * sizeof(edits[0]);
}
