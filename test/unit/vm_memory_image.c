/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is frozen, copied and reset, without KVM. */
#include "vm/memory/image.h"

#include "abi/layout.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"
#include "vm/memory/working_set.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RW = MEMORY_READ | MEMORY_WRITE };
#define AT   0x400000UL
#define PAGE 4096UL

static struct memory m, other;
static struct memory_image image = {.fd = -1};

static void setup(void)
{
	struct err e = {0};
	cr_assert(memory_init(&m, -1, 64 << 20, &e) == 0, "%s", e.text);
	cr_assert(memory_init(&other, -1, 64 << 20, &e) == 0, "%s", e.text);
}

static void teardown(void)
{
	memory_image_free(&image);
	memory_destroy(&m);
	memory_destroy(&other);
}

TestSuite(vm_memory_image, .init = setup, .fini = teardown);

static void put_word(struct memory *to, uint64_t at, uint64_t value)
{
	cr_assert(memory_write(to, gva(at), &value, sizeof(value)) == 0, "at %#lx", at);
}

static uint64_t word(struct memory *from, uint64_t at)
{
	uint64_t value;
	cr_assert(memory_read(from, gva(at), &value, sizeof(value)) == 0, "at %#lx", at);
	return value;
}

static void take(void)
{
	struct err e = {0};
	cr_assert(memory_image_take(&m, &image, &e) == 0, "%s", e.text);
}

static void some_mappings(void)
{
	cr_assert(memory_map(&m, gva(AT), 5 * PAGE, RW) == 0);
	cr_assert(memory_map(&m, gva(8 * LARGE), 2 * LARGE, RW) == 0);
	cr_assert(memory_protect(&m, gva(AT + 2 * PAGE), PAGE, MEMORY_READ | MEMORY_EXEC) == 0);
	cr_assert(memory_protect(&m, gva(AT + 3 * PAGE), PAGE, 0) == 0);
	for (uint64_t at = AT; at < AT + 2 * PAGE; at += 8)
		put_word(&m, at, at);
	put_word(&m, 8 * LARGE + 12345 * 8, 99);
}

static void check_mappings(struct memory *of)
{
	uint64_t v = 0;
	for (uint64_t at = AT; at < AT + 2 * PAGE; at += 8)
		cr_assert(word(of, at) == at);
	cr_expect(word(of, 8 * LARGE + 12345 * 8) == 99 && word(of, 8 * LARGE) == 0 &&
		  word(of, 9 * LARGE + 8) == 0);
	cr_expect(memory_write(of, gva(AT + 2 * PAGE), &v, 8) == -EFAULT &&
		  word(of, AT + 2 * PAGE) == 0);
	cr_expect(memory_read(of, gva(AT + 3 * PAGE), &v, 8) == -EFAULT);
	cr_expect(memory_map(of, gva(AT + 4 * PAGE), PAGE, RW) == -EEXIST);
	cr_expect(memory_read(of, gva(AT + 5 * PAGE), &v, 8) == -EFAULT);
	cr_expect(of->used_bytes - of->tables_next == 5 * PAGE + 2 * LARGE);
}

Test(vm_memory_image, a_copy_is_like_the_first)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	check_mappings(&other);
	/* Neither sees what the other writes. */
	put_word(&other, AT, 1);
	put_word(&m, AT + 8, 2);
	cr_expect(word(&m, AT) == AT && word(&other, AT + 8) == AT + 8);
	cr_assert(memory_image_restore(&image, &m) == 0);
	check_mappings(&m);
}

/* Reserved memory stays reserved, and what was backed of it is as it was. */
Test(vm_memory_image, reservations_are_in_it)
{
	const uint64_t tib = 1UL << 40, at = tib + 7 * PAGE;
	some_mappings();
	cr_assert(memory_map_lazily(&m, gva(at), 3 * tib, RW) == 0);
	cr_assert(memory_protect(&m, gva(at + 2 * tib), PAGE, MEMORY_READ) == 0);
	cr_assert(memory_protect(&m, gva(at + 2 * tib + PAGE), PAGE, 0) == 0);
	put_word(&m, at + tib, 77);
	take();
	cr_expect(image.run_count < 100, "%u runs", image.run_count);
	for (int round = 0; round < 2; round++) {
		uint64_t v = 0;
		cr_assert(memory_image_restore(&image, &other) == 0);
		cr_expect(word(&other, at + tib) == 77);
		cr_expect(memory_write(&other, gva(at + 2 * tib), &v, 8) == -EFAULT &&
			  word(&other, at + 2 * tib) == 0);
		cr_expect(memory_read(&other, gva(at + 2 * tib + PAGE), &v, 8) == -EFAULT &&
			  memory_is_mapped(&other, gva(at + 2 * tib + PAGE)));
		put_word(&other, at + tib / 2, 5);
		put_word(&other, at + 3 * tib - 8, 6);
		cr_expect(other.changed && word(&other, at + 3 * tib - 8) == 6 &&
			  word(&other, at + tib / 2 + 8) == 0);
		cr_expect(memory_read(&other, gva(at + 3 * tib), &v, 8) == -EFAULT);
		cr_expect(word(&other, AT) == AT);
	}
}

Test(vm_memory_image, written_pages_are_set_back)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	for (int round = 0; round < 3; round++) {
		put_word(&other, AT + PAGE, 5);
		put_word(&other, AT + 4 * PAGE, 6);
		put_word(&other, 9 * LARGE + PAGE * 7, 7);
		cr_assert(!other.changed && memory_image_reset(&image, &other) == 0);
		cr_expect(word(&other, AT + PAGE) == AT + PAGE && word(&other, AT + 4 * PAGE) == 0);
		cr_expect(word(&other, 9 * LARGE + PAGE * 7) == 0);
		check_mappings(&other);
	}
	/* More than are copied one by one. */
	for (uint64_t at = 8 * LARGE; at < 10 * LARGE; at += 8)
		put_word(&other, at, 1);
	put_word(&other, 10 * LARGE - 8, 1);
	cr_assert(memory_image_restore(&image, &m) == 0);
	cr_assert(memory_image_reset(&image, &other) == 0);
	check_mappings(&other);
}

static void *write_elsewhere(void *arg)
{
	struct memory *of = arg;
	dirty_enter(&of->dirty);
	put_word(of, AT + 4 * PAGE, 6);
	return NULL;
}

/* A reset looks for dirty pages only if there may be other ones than the last time. */
Test(vm_memory_image, dirty_pages_are_looked_for_when_there_may_be_more)
{
	pthread_t thread;
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	cr_expect(dirty_may_be(&other.dirty));
	put_word(&other, AT, 5);
	cr_assert(memory_image_reset(&image, &other) == 0);
	cr_expect(!dirty_may_be(&other.dirty) && other.dirty.count == 1);
	put_word(&other, AT, 5);
	cr_expect(!dirty_may_be(&other.dirty), "a page that is copied back in any case");
	cr_assert(memory_image_reset(&image, &other) == 0 && word(&other, AT) == AT);
	put_word(&other, AT + PAGE, 5);
	cr_expect(dirty_may_be(&other.dirty), "another page");
	cr_assert(memory_image_reset(&image, &other) == 0 && word(&other, AT + PAGE) == AT + PAGE);
	cr_expect(!dirty_may_be(&other.dirty) && other.dirty.count == 2);
	cr_assert(pthread_create(&thread, NULL, write_elsewhere, &other) == 0 &&
		  pthread_join(thread, NULL) == 0);
	cr_expect(dirty_may_be(&other.dirty), "another thread");
	cr_assert(memory_image_reset(&image, &other) == 0);
	check_mappings(&other);
}

Test(vm_memory_image, changed_mappings_are_set_back)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	uint64_t tables = other.tables_next;
	for (int round = 0; round < 3; round++) {
		cr_assert(memory_unmap(&other, gva(AT), PAGE) == 0);
		cr_assert(memory_protect(&other, gva(AT + 2 * PAGE), PAGE, RW) == 0);
		cr_assert(memory_unmap(&other, gva(8 * LARGE), 3 * PAGE) == 0);
		cr_assert(memory_map(&other, gva(100 * LARGE), 3 * LARGE, RW) == 0);
		cr_assert(memory_map(&other, gva(200 * LARGE + PAGE), 9 * PAGE, RW) == 0);
		for (uint64_t at = 200 * LARGE + PAGE; at < 200 * LARGE + 10 * PAGE; at += 8) {
			cr_assert(word(&other, at) == 0, "a page that was freed holds something");
			put_word(&other, at, ~at);
		}
		cr_assert(other.changed && memory_image_restore(&image, &other) == 0);
		uint64_t v;
		cr_expect(memory_read(&other, gva(100 * LARGE), &v, 8) == -EFAULT);
		cr_expect(memory_read(&other, gva(200 * LARGE + PAGE), &v, 8) == -EFAULT);
		check_mappings(&other);
	}
	cr_expect(other.tables_next < tables + 5 * PAGE, "tables are used again");
}

/* What a snapshot holds must not come up where a page was freed and is used for something else. */
Test(vm_memory_image, freed_pages_are_zero)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	cr_assert(memory_zero(&other, gva(AT), 2 * PAGE) == 0);
	cr_expect(word(&other, AT) == 0 && word(&other, AT + PAGE) == 0);
	cr_assert(memory_unmap(&other, gva(AT), 5 * PAGE) == 0);
	cr_assert(memory_unmap(&other, gva(8 * LARGE), 2 * LARGE) == 0);
	cr_assert(memory_map(&other, gva(AT), 8 * LARGE - AT, RW) == 0);
	for (uint64_t at = AT; at < 8 * LARGE; at += 8)
		cr_assert(word(&other, at) == 0, "at %#lx", at);
	cr_assert(memory_image_restore(&image, &other) == 0);
	check_mappings(&other);
}

Test(vm_memory_image, mapped_files_are_part_of_it)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	static char bytes[3 * PAGE];
	memset(bytes, 'f', sizeof(bytes));
	cr_assert(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	gpa_t at;
	cr_assert(memory_take_file(&m, fd, sizeof(bytes), &at) == 0);
	cr_assert(memory_map_fixed(&m, gva(AT), at, sizeof(bytes), RW) == 0);
	put_word(&m, AT + PAGE, 1);
	take();
	cr_assert(ftruncate(fd, 0) == 0);
	cr_assert(memory_image_restore(&image, &other) == 0);
	char byte;
	cr_expect(word(&other, AT + PAGE) == 1);
	cr_expect(memory_read(&other, gva(AT + 3 * PAGE - 1), &byte, 1) == 0 && byte == 'f');
	memory_image_free(&image);
	struct err e = {0};
	cr_expect(memory_image_take(&m, &image, &e) == -EFAULT && e.blame == ERR_CONFIG, "%s",
		  e.text);
	close(fd);
}

Test(vm_memory_image, a_memory_that_is_too_small_is_refused)
{
	struct memory small;
	struct err e = {0};
	cr_assert(memory_map(&m, gva(100 * LARGE), 10 * LARGE, RW) == 0);
	take();
	cr_assert(memory_init(&small, -1, 8 << 20, &e) == 0);
	cr_expect(memory_image_restore(&image, &small) == -ENOMEM);
	memory_destroy(&small);
}

Test(vm_memory_image, tables_that_do_not_fit_their_block)
{
	for (uint64_t k = 1; k < 300; k++) {
		cr_assert(memory_map(&m, gva(k << 30), PAGE, RW) == 0);
		put_word(&m, k << 30, k);
	}
	cr_expect(m.spill_next > 0);
	take();
	for (int round = 0; round < 2; round++) {
		cr_assert(memory_image_restore(&image, &other) == 0);
		for (uint64_t k = 1; k < 300; k++)
			cr_assert(word(&other, k << 30) == k);
		cr_assert(memory_unmap(&other, gva(5UL << 30), PAGE) == 0);
	}
	cr_expect(other.spill_next > 0);
}

/* The host's own tables count, whatever the guest has written to its own. */
Test(vm_memory_image, a_guest_that_changes_its_tables)
{
	struct iovec span;
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	cr_assert(memory_span(&other, gva(AT), PAGE, MEMORY_READ, &span, 1) == 1);
	void *before = span.iov_base;
	memset(other.hva + other.root, 0xff, other.tables_next - other.root);
	cr_assert(memory_span(&other, gva(AT), PAGE, MEMORY_READ, &span, 1) == 1);
	cr_expect(span.iov_base == before);
	check_mappings(&other);
	cr_assert(memory_map(&other, gva(300 * LARGE), 3 * PAGE, RW) == 0);
	cr_expect(word(&other, 300 * LARGE) == 0);
	cr_expect(!memory_intact(&other) && memory_image_restore(&image, &other) == -EAGAIN &&
		  memory_empty(&other) == -EAGAIN);
	cr_assert(memory_image_restore(&image, &m) == 0);
	check_mappings(&m);
	/* Found by a reset too, which copies back only what was written. */
	put_word(&m, AT, 7);
	cr_assert(memory_image_reset(&image, &m) == 0);
	check_mappings(&m);
	m.hva[m.root + 1] ^= 1;
	cr_expect(memory_image_reset(&image, &m) == -EAGAIN);
}

/*
 * A guest at CPL 0 reaches guest-physical memory that nobody has allocated; the next one is to find
 * it zero.
 */
Test(vm_memory_image, a_guest_that_writes_where_nothing_is)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0 && other.slot_end > other.next + PAGE);
	uint64_t *behind = (uint64_t *)(void *)(other.hva + other.next),
		 *last = (uint64_t *)(void *)(other.hva + other.slot_end) - 1;
	for (int round = 0; round < 3; round++) {
		*behind = *last = 7;
		cr_assert(!other.changed && memory_image_reset(&image, &other) == 0);
		cr_expect(*behind == 0 && *last == 0 && other.dirty.complete);
	}
	*behind = *last = 7;
	cr_assert(memory_image_restore(&image, &other) == 0);
	cr_expect(*behind == 0 && *last == 0);
	check_mappings(&other);
	*behind = *last = 7;
	cr_assert(memory_empty(&other) == 0);
	cr_expect(*behind == 0 && *last == 0);
}

/* The same where the next tables will be: entries of such a guest's would be in another one's. */
Test(vm_memory_image, a_guest_that_prepares_tables)
{
	some_mappings();
	take();
	cr_assert(memory_image_restore(&image, &other) == 0);
	uint64_t *spare = (uint64_t *)(void *)(other.hva + other.tables_next);
	*spare = 7;
	cr_expect(memory_intact(&other) && memory_image_reset(&image, &other) == -EAGAIN);
	cr_expect(memory_image_restore(&image, &other) == -EAGAIN &&
		  memory_empty(&other) == -EAGAIN);
	*spare = 0;
	cr_assert(memory_image_reset(&image, &other) == 0);
	cr_expect(!other.dirty.complete, "it may be written again without a fault");
	cr_assert(memory_image_restore(&image, &other) == 0);
	check_mappings(&other);
	spare = (uint64_t *)(void *)(other.hva + MEMORY_SYSTEM_BYTES) - 1;
	*spare = 7;
	cr_expect(memory_empty(&other) == -EAGAIN);
}

/* And with tables after all other memory. */
Test(vm_memory_image, a_guest_that_changes_tables_that_did_not_fit)
{
	for (uint64_t k = 1; k < 300; k++)
		cr_assert(memory_map(&m, gva(k << 30), PAGE, RW) == 0);
	take();
	cr_assert(memory_image_restore(&image, &other) == 0 && other.spill_next > 0);
	cr_assert(memory_image_reset(&image, &other) == 0 &&
		  memory_image_reset(&image, &other) == 0);
	uint64_t *table = (uint64_t *)(void *)(other.hva + other.end),
		 *spare = table + other.spill_next / sizeof(*table);
	*table ^= 2;
	cr_expect(memory_image_reset(&image, &other) == -EAGAIN);
	cr_expect(memory_image_reset(&image, &other) == -EAGAIN);
	*table ^= 2;
	*spare = 7;
	cr_expect(memory_image_reset(&image, &other) == -EAGAIN);
	cr_expect(memory_image_restore(&image, &other) == -EAGAIN &&
		  memory_empty(&other) == -EAGAIN);
	*spare = 0;
	cr_assert(memory_image_reset(&image, &other) == 0 && memory_empty(&other) == 0);
}

/* What is reserved takes tables alone, of which each entry may be a mapping of its own. */
static uint64_t page_behind(struct memory *of, uint64_t at)
{
	int level;
	const uint64_t *entry = memory_find_entry(of, at, 1, &level);
	cr_assert(entry && level == 1);
	return page_entry_address(*entry);
}

/* What the processor does when it uses the page. */
static void mark(struct memory *of, uint64_t at)
{
	int level;
	const uint64_t *entry = memory_find_entry(of, at, 1, &level);
	cr_assert(entry && level == 1);
	uint64_t *copy = memory_guest_entry(of, entry);
	cr_expect(*copy == page_entry_unmarked(*entry) && *copy != *entry, "at %#lx", at);
	*copy = *entry;
}

/* Neighbours in groups of eight are copied for the next ones, single pages are not. */
Test(vm_memory_image, pages_that_are_read_together)
{
	static const unsigned read[] = {1, 2, 5, 16 + 3, 24, 24 + 7};
	const uint64_t first = 32 * LARGE;
	pagemap_prepare();
	cr_assert(pagemap_is_open());
	cr_assert(memory_map(&m, gva(first), 40 * PAGE, MEMORY_READ) == 0);
	cr_assert(memory_map(&m, gva(AT), PAGE, RW) == 0);
	take();
	cr_assert(memory_image_restore(&image, &other) == 0 && other.sampled);
	for (unsigned k = 0; k < sizeof(read) / sizeof(read[0]); k++)
		mark(&other, first + read[k] * PAGE);
	put_word(&other, AT, 1);
	uint64_t pages = page_behind(&other, first), written = page_behind(&other, AT);
	working_set_record(&image, &other, false);
	const struct working_set *w = image.working_set;
	cr_assert(w && w->count == 3, "%u ranges", w ? w->count : 0);
	for (uint32_t k = 0; k < w->count; k++) {
		const struct memory_extent *x = &w->extents[k];
		cr_expect((x->gpa == pages && x->bytes == 6 * PAGE) ||
				  (x->gpa == pages + 24 * PAGE && x->bytes == 8 * PAGE) ||
				  (x->gpa == written && x->bytes == PAGE),
			  "%#lx bytes at %#lx", x->bytes, x->gpa);
	}
	/* Then nothing of it is seen, and the next ones have the pages. */
	working_set_end_sample(&other);
	cr_expect(!other.sampled && memory_intact(&other));
	cr_assert(memory_image_reset(&image, &other) == 0 && word(&other, AT) == 0);
	cr_assert(memory_image_restore(&image, &m) == 0 && !m.sampled);
}

/* A guest that changes more than marks is found, and it does no harm to the next ones. */
Test(vm_memory_image, marks_of_a_hostile_guest)
{
	int level;
	struct err e = {0};
	pagemap_prepare();
	cr_assert(memory_map(&m, gva(AT), 16 * PAGE, RW) == 0);
	take();
	cr_assert(memory_image_restore(&image, &other) == 0 && other.sampled);
	cr_expect(memory_intact(&other));
	const uint64_t *entry = memory_find_entry(&other, AT, 1, &level);
	cr_assert(entry);
	*memory_guest_entry(&other, entry) ^= PAGE;
	cr_expect(!memory_intact(&other) && memory_image_reset(&image, &other) == -EAGAIN);
	memory_destroy(&other);
	cr_assert(memory_init(&other, -1, 64 << 20, &e) == 0);
	cr_assert(memory_image_restore(&image, &other) == 0 && !other.sampled);
	cr_expect(word(&other, AT) == 0);
}

Test(vm_memory_image, too_many_mappings_are_no_image)
{
	struct err e = {0};
	int rc = 0;
	for (uint64_t k = 0; rc == 0; k++)
		rc = memory_reserve(&m, gva((1UL << 40) + k * 0x1000), 0x1000,
				    k & 1 ? MEMORY_READ : RW);
	cr_assert(rc == -ENOMEM);
	struct memory_image none;
	cr_expect(memory_image_take(&m, &none, &e) == -E2BIG && e.blame == ERR_GUEST, "%s", e.text);
}
