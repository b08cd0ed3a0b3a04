/* SPDX-License-Identifier: Apache-2.0 */
/* VMs that are used again for another guest: nothing of the former one is left, nothing grows. */
#include "vm/snapshot/private.h"
#include "vm/snapshot/recycle.h"
#include "vm/snapshot/snapshot.h"

#include "vm_frozen.h"

#include <dirent.h>
#include <fcntl.h>

/* The test ends with no recycled VMs, so that each starts alike. */
static void none(void)
{
	cr_assert(recycle_keep(0) == 0);
}

TestSuite(vm_recycle, .fini = none);

static void wait_ready(unsigned count)
{
	for (int i = 0; i < 2000 && recycle_ready() < count; i++)
		usleep(5000);
	cr_assert(recycle_ready() == count, "%u recycled VMs are ready", recycle_ready());
}

/* A guest that looks for the pattern everywhere it can. */
static void expect_clean(void)
{
	char *look[] = {(char *)"look", NULL};
	struct vm_config c = frozen_config(-1);
	struct err e = {0};
	struct vm *vm = NULL;
	struct vm_outcome out = {0};
	c.argv = look;
	unsigned before = recycle_ready();
	cr_assert(vm_create(&c, &vm, &e) == 0, "%s", e.text);
	close(c.program_fd);
	cr_expect(recycle_ready() == before - 1, "none was taken");
	cr_assert(vm_run(vm, &out, &e) == 0, "%s", e.text);
	cr_expect(out.end == VM_EXITED && out.code == 0, "end %d, code %d; %s", out.end, out.code,
		  frozen_log);
	vm_destroy(vm);
}

Test(vm_recycle, recycled_vm_leaks_nothing)
{
	cr_assert(recycle_keep(1) == 0);
	for (int i = 0; i < 3; i++) {
		struct vm *vm = frozen_ready(-1);
		frozen_command(vm, "f");
		vm_destroy(vm);
		wait_ready(1);
		expect_clean();
		wait_ready(1);
	}
}

Test(vm_recycle, nothing_of_a_snapshot_is_left)
{
	cr_assert(recycle_keep(1) == 0);
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	frozen_command(vm, "f");
	struct vm_snapshot *filled = frozen_take(vm);
	vm_destroy(vm);
	for (int i = 0; i < 3; i++) {
		wait_ready(1);
		vm = frozen_from(filled, -1);
		cr_expect(recycle_ready() == 0);
		vm_destroy(vm);
		wait_ready(1);
		expect_clean();
		wait_ready(1);
		vm = frozen_from(s, -1);
		cr_expect(frozen_command(vm, "k") == 1 && frozen_command(vm, "m") == 2);
		vm_destroy(vm);
	}
	vm_snapshot_drop(s);
	vm_snapshot_drop(filled);
}

/* Frames that its last reset has copied back: none of a memory that was made or emptied. */
static bool was_reset(const struct vm *vm)
{
	return vm->memory.dirty.count > 0;
}

Test(vm_recycle, a_vm_is_reset_for_the_same_snapshot)
{
	cr_assert(recycle_keep(1) == 0);
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	frozen_command(vm, "f");
	struct vm_snapshot *other = frozen_take(vm);
	vm_destroy(vm);
	wait_ready(1);
	vm_destroy(frozen_from(s, -1));
	for (int i = 0; i < 3; i++) {
		wait_ready(1);
		vm = frozen_from(s, -1);
		cr_expect(was_reset(vm), "round %d", i);
		cr_expect(frozen_command(vm, "p\1") == 1); /* writes one page */
		vm_destroy(vm);
	}
	wait_ready(1);
	vm = frozen_from(s, -1);
	cr_expect(was_reset(vm) && frozen_command(vm, "k") == 1); /* its data are the snapshot's */
	vm_destroy(vm);
	wait_ready(1);
	vm = frozen_from(s, -1);
	cr_expect(!was_reset(vm), "a VM with other mappings was reset");
	vm_destroy(vm);
	wait_ready(1);
	vm = frozen_from(other, -1);
	cr_expect(!was_reset(vm));
	vm_destroy(vm);
	wait_ready(1);
	vm_destroy(frozen_from(s, -1));
	wait_ready(1);
	expect_clean();
	vm_snapshot_drop(s);
	vm_snapshot_drop(other);
}

Test(vm_recycle, a_snapshot_that_only_recycled_vms_have_is_freed)
{
	cr_assert(recycle_keep(2) == 0);
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	vm_destroy(vm);
	wait_ready(1); /* and taken by the next one: the two of the snapshot are all that is kept */
	struct vm *a = frozen_from(s, -1), *b = frozen_from(s, -1);
	vm_destroy(a);
	vm_destroy(b);
	wait_ready(2);
	const int fd = s->memory.fd;
	cr_assert(s->refs == 3 && s->held == 2, "%u references, %u held", s->refs, s->held);
	vm_snapshot_drop(s);
	for (int i = 0; i < 2000 && fcntl(fd, F_GETFD) >= 0; i++)
		usleep(5000);
	cr_expect(fcntl(fd, F_GETFD) < 0, "the snapshot's memory is still there");
	wait_ready(2);
	expect_clean();
}

Test(vm_recycle, a_guest_that_was_stopped_in_a_loop)
{
	cr_assert(recycle_keep(1) == 0);
	struct vm *vm = frozen_ready(-1);
	frozen_stop_in_loop(vm);
	vm_destroy(vm);
	wait_ready(1);
	expect_clean();
}

Test(vm_recycle, memory_of_another_size_is_not_taken)
{
	cr_assert(recycle_keep(2) == 0);
	vm_destroy(frozen_ready(-1));
	wait_ready(1);
	struct vm_config c = frozen_config(-1);
	struct err e = {0};
	struct vm *vm = NULL;
	c.memory_bytes = 32 << 20;
	cr_assert(vm_create(&c, &vm, &e) == 0, "%s", e.text);
	close(c.program_fd);
	cr_expect(recycle_ready() == 1);
	vm_destroy(vm);
	wait_ready(2);
	cr_assert(recycle_keep(1) == 0);
	cr_expect(recycle_ready() == 1);
}

/* --- growth --- */

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;
	cr_assert(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static unsigned long resident_pages(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	cr_assert(f && fscanf(f, "%lu %lu", &size, &resident) == 2);
	fclose(f);
	return resident;
}

static unsigned mappings(void)
{
	unsigned lines = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	cr_assert(f);
	for (int c; (c = getc(f)) != EOF;)
		lines += c == '\n';
	fclose(f);
	return lines;
}

/* From a snapshot and from nothing, called, restored, ended and stopped half-way. */
static void one_life(struct vm_snapshot *s, int i)
{
	struct vm *vm = i % 10 ? frozen_from(s, -1) : frozen_ready(-1);
	if (i % 3)
		frozen_command(vm, i % 7 ? "c" : "m");
	if (i % 5 == 0) {
		struct err e = {0};
		cr_assert(vm_restore(vm, s, &e) == 0, "%s", e.text);
	}
	vm_destroy(vm);
}

/*
 * VMs are closed by a thread that nobody waits for: until it has nothing to do, on a busy machine
 * later.
 */
static void wait_quiet(void)
{
	unsigned fds = entries("/proc/self/fd");
	for (int same = 0, i = 0; same < 5 && i < 300; i++) {
		usleep(100000);
		unsigned now = entries("/proc/self/fd");
		same = now == fds ? same + 1 : 0;
		fds = now;
	}
}

static void lives(unsigned keep, int count)
{
	struct vm *first = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(first);
	vm_destroy(first);
	cr_assert(recycle_keep(keep) == 0);
	for (int i = 0; i < 200; i++)
		one_life(s, i);
	if (keep)
		wait_ready(1);
	wait_quiet();
	unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task"),
		 maps = mappings();
	unsigned long pages = resident_pages(), was_pages = pages;
	for (int i = 0; i < count; i++)
		one_life(s, i);
	if (keep)
		wait_ready(1);
	wait_quiet();
	cr_expect(entries("/proc/self/fd") <= fds, "descriptors: %u, were %u",
		  entries("/proc/self/fd"), fds);
	cr_expect(entries("/proc/self/task") == threads);
#ifdef __SANITIZE_THREAD__
	/* It keeps what it knows of threads and locks that are gone. */
	maps += 64;
	pages += 4096;
#endif
	cr_expect(mappings() <= maps + 4, "mappings: %u, were %u", mappings(), maps);
#ifdef __SANITIZE_ADDRESS__
	pages += 1 << 16; /* the sanitizer keeps what is freed for a while */
#endif
	/*
	 * Room for what the allocator does: a page lost in every eighth life would show, in many
	 * lives in every hundredth.
	 */
	pages += 64 + (unsigned long)(count < 8000 ? count / 8 : 1000);
	cr_expect(resident_pages() < pages, "resident pages: %lu, were %lu", resident_pages(),
		  pages);
	fprintf(stderr,
		"%d lives with %u VMs kept: descriptors %u -> %u, threads %u -> %u, mappings %u -> "
		"%u, KiB %lu -> %lu\n",
		count, keep, fds, entries("/proc/self/fd"), threads, entries("/proc/self/task"),
		maps, mappings(), was_pages * 4, resident_pages() * 4);
	vm_snapshot_drop(s);
}

/* How many: what fits the emulated machine, unless the caller says. */
static int lives_wanted(void)
{
	const char *text = getenv("MOTE_TEST_LIVES");
	return text ? atoi(text) : 1000;
}

Test(vm_recycle, nothing_grows_with_recycling)
{
	lives(1, lives_wanted());
}

Test(vm_recycle, nothing_grows_without)
{
	lives(0, lives_wanted() / 5);
}
