/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of VMs, with test/guest/frozen.c as their guest runtime. Needs a KVM, of either kind.
 */
#include "vm_frozen.h"

#include "vm/arch/arch.h"
#include "vm/internal.h"
#include "vm/memory/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static void restore(struct vm *vm, struct vm_snapshot *s)
{
	struct err e = {0};
	cr_assert(vm_restore(vm, s, &e) == 0, "%s", e.text);
}

static enum vm_end end_by(struct vm *vm, const char *what, int *code)
{
	struct err e = {0};
	cr_assert(vm_reply(vm, what, strlen(what), &e) == 0, "%s", e.text);
	return frozen_resume(vm, code);
}

Test(vm_snapshot, the_same_vm_is_set_back)
{
	struct vm *vm = frozen_ready(-1);
	cr_assert(frozen_command(vm, "c") == 1);
	struct vm_snapshot *s = frozen_take(vm);
	cr_expect(frozen_command(vm, "c") == 2 && frozen_command(vm, "c") == 3);
	for (int i = 0; i < 5; i++) {
		restore(vm, s);
		cr_expect(frozen_command(vm, "k") == 2 && frozen_command(vm, "w") == 3 &&
			  frozen_command(vm, "c") == 4);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

Test(vm_snapshot, changed_mappings_are_set_back)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 5; i++) {
		cr_expect(frozen_command(vm, "m") == 1);
		restore(vm, s);
		cr_expect(frozen_command(vm, "k") == 1 && frozen_command(vm, "w") == 2);
		restore(vm, s);
		cr_expect(frozen_command(vm, "k") == 1);
		restore(vm, s);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

/* Whether code may be made is not the guest's to say once it has given that up. */
Test(vm_snapshot, what_was_sealed_stays_sealed)
{
	struct vm *vm = frozen_ready(-1);
	vm->wasm = vm->exec_sealed = true;
	struct vm_snapshot *s = frozen_take(vm);
	struct vm *other = frozen_from(s, -1);
	cr_expect(other->wasm && other->exec_sealed);
	const struct call_mem_map code = {
		.addr = 0x30000000,
		.bytes = MOTE_PAGE,
		.prot = MOTE_PROT_READ | MOTE_PROT_EXEC,
	};
	cr_expect(host_mem_map(&other->vcpus[0], &code) == -EACCES);
	other->exec_sealed = false;
	restore(other, s);
	cr_expect(other->exec_sealed && host_mem_map(&other->vcpus[0], &code) == -EACCES);
	vm_snapshot_drop(s);
	vm_destroy(other);
	vm_destroy(vm);
}

static void fault_elsewhere(void)
{
	enum { BYTES = 64 * 4096 };
	char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(at != MAP_FAILED);
	memset(at, 1, BYTES);
	munmap(at, BYTES);
}

/* What the thread does with other memory between calls does not hide what the guest has written. */
Test(vm_snapshot, faults_of_the_thread_elsewhere)
{
	struct vm *vm = frozen_ready(-1);
	struct err e = {0};
	cr_assert(frozen_command(vm, "c") == 1);
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 6; i++) {
		restore(vm, s);
		fault_elsewhere();
		cr_assert(vm_reply(vm, "k", 1, &e) == 0, "%s", e.text);
		fault_elsewhere();
		int code;
		cr_assert(frozen_resume(vm, &code) == VM_WAITING);
		fault_elsewhere();
		cr_expect(frozen_command(vm, i < 3 ? "k" : "w") == 3, "round %d", i);
		fault_elsewhere();
	}
	restore(vm, s);
	cr_expect(frozen_command(vm, "k") == 2 && frozen_command(vm, "w") == 3);
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Between two of the host's, but for what the guest's clock may be off. */
static void expect_time(struct vm *vm)
{
	const uint64_t off = 100000;
	uint64_t before = now_ns(), is = frozen_command(vm, "t"), after = now_ns();
	cr_expect(before <= is + off && is <= after + off, "%lu, %lu, %lu", before, is, after);
}

Test(vm_snapshot, the_time_is_that_of_now)
{
	struct vm *vm = frozen_ready(-1);
	expect_time(vm);
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 20; i++) {
		struct vm *other = frozen_from(s, -1);
		expect_time(other);
		restore(vm, s);
		expect_time(vm);
		restore(other, s);
		usleep(i % 2 ? 15000 : 0);
		expect_time(other);
		expect_time(other);
		vm_destroy(other);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

Test(vm_snapshot, others_are_created_from_it)
{
	struct vm *vm = frozen_ready(-1), *others[4];
	struct vm_snapshot *s = frozen_take(vm);
	vm_destroy(vm);
	for (int i = 0; i < 4; i++) {
		others[i] = frozen_from(s, -1);
		cr_expect(frozen_command(others[i], "k") == 1);
	}
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < i; k++)
			frozen_command(others[i], "w");
		cr_expect(frozen_command(others[i], "m") == (uint64_t)i + 2);
	}
	vm_snapshot_drop(s);
	for (int i = 0; i < 4; i++) {
		cr_expect(frozen_command(others[i], "c") == (uint64_t)i + 3);
		vm_destroy(others[i]);
	}
}

Test(vm_snapshot, every_register_comes_back)
{
	struct vm *vm = frozen_ready(-1);
	(void)frozen_command(vm, "r");
	struct vm_snapshot *s = frozen_take(vm);
	struct vm *other = frozen_from(s, -1);
	cr_expect(frozen_command(other, "r") == 1);
	cr_expect(frozen_command(vm, "r") == 1 && frozen_command(vm, "w") == 2);
	restore(vm, s);
	cr_expect(frozen_command(vm, "r") == 1);
	restore(vm, s);
	cr_expect(frozen_command(vm, "r") == 1);
	vm_snapshot_drop(s);
	vm_destroy(vm);
	vm_destroy(other);
}

/* The VM was reset before, so that it loads its vectors by itself: they are others meanwhile. */
Test(vm_snapshot, vectors_of_the_last_run_are_gone)
{
	struct vm *vm = frozen_ready(-1);
	(void)frozen_command(vm, "r");
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 3; i++) {
		restore(vm, s);
		cr_expect(frozen_command(vm, "r") == 1 && frozen_command(vm, "x") == 2);
	}
	restore(vm, s);
	struct vm_snapshot *second = frozen_take(vm); /* has not run since */
	struct vm *other = frozen_from(second, -1);
	cr_expect(frozen_command(vm, "r") == 1 && frozen_command(other, "r") == 1);
	cr_expect(frozen_command(other, "x") == 2);
	restore(other, second);
	cr_expect(frozen_command(other, "r") == 1);
	vm_snapshot_drop(s);
	vm_snapshot_drop(second);
	vm_destroy(vm);
	vm_destroy(other);
}

struct writing {
	struct vm *vm;
	uint8_t page;
};

static void *write_page(void *arg)
{
	const struct writing *w = arg;
	cr_expect(frozen_command(w->vm, (const char[]){'p', (char)w->page, '\0'}) == 1);
	return NULL;
}

/* Each run writes a page that none before has written, every other one in a thread of its own. */
Test(vm_snapshot, pages_that_are_written_later_are_set_back)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	restore(vm, s);
	for (uint8_t i = 1; i < 64; i++) {
		struct writing w = {.vm = vm, .page = i};
		pthread_t thread;
		if (i % 2) {
			write_page(&w);
		} else {
			cr_assert(pthread_create(&thread, NULL, write_page, &w) == 0);
			pthread_join(thread, NULL);
		}
		restore(vm, s);
		cr_expect(frozen_command(vm, "v") == 1);
		restore(vm, s);
		if (i % 3)
			restore(vm, s);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

static void *restore_elsewhere(void *snapshot)
{
	struct vm *vm = frozen_from(snapshot, -1);
	for (int i = 0; i < 20; i++) {
		cr_expect(frozen_command(vm, "c") == 1 &&
			  frozen_command(vm, i % 2 ? "w" : "m") == 2);
		restore(vm, snapshot);
		cr_expect(frozen_command(vm, "k") == 1);
		restore(vm, snapshot);
	}
	vm_destroy(vm);
	return NULL;
}

Test(vm_snapshot, threads_share_one)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		cr_assert(pthread_create(&threads[i], NULL, restore_elsewhere, s) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

Test(vm_snapshot, a_snapshot_of_a_restored_vm)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *first = frozen_take(vm);
	restore(vm, first);
	cr_expect(frozen_command(vm, "m") == 1 && frozen_command(vm, "c") == 2);
	struct vm_snapshot *second = frozen_take(vm);
	struct vm *other = frozen_from(second, -1);
	cr_expect(frozen_command(other, "c") == 3);
	restore(other, first);
	cr_expect(frozen_command(other, "k") == 1);
	restore(other, second);
	cr_expect(frozen_command(other, "c") == 3);
	restore(vm, second);
	cr_expect(frozen_command(vm, "c") == 3);
	vm_snapshot_drop(first);
	vm_snapshot_drop(second);
	vm_destroy(vm);
	vm_destroy(other);
}

Test(vm_snapshot, whatever_became_of_the_guest)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	int code;
	cr_expect(end_by(vm, "e", &code) == VM_EXITED && code == 7);
	restore(vm, s);
	cr_expect(frozen_command(vm, "k") == 1);
	frozen_stop_in_loop(vm);
	restore(vm, s);
	cr_expect(frozen_command(vm, "k") == 1);
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

Test(vm_snapshot, random_differs_each_time)
{
	struct vm *vm = frozen_ready(-1);
	uint64_t before = frozen_command(vm, "b"), seen[5];
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 5; i++) {
		restore(vm, s);
		seen[i] = frozen_command(vm, "b");
		cr_expect(seen[i] >> 32 != before >> 32, "generation");
		for (int k = 0; k < i; k++)
			cr_expect((uint32_t)seen[i] != (uint32_t)seen[k]);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

Test(vm_snapshot, descriptors)
{
	int ends[2];
	char got[16];
	cr_assert(pipe(ends) == 0);
	struct vm *vm = frozen_ready(ends[1]);
	struct vm_snapshot *s = frozen_take(vm);
	struct err e = {0};
	for (int i = 0; i < 3; i++) {
		int answer = (int)frozen_command(vm, "o");
		cr_expect(answer == (i ? 2 : 1), "%d", answer);
		struct vm_snapshot *none = NULL;
		cr_expect(vm_snapshot_take(vm, &none, &e) == -16 && e.blame == ERR_GUEST &&
				  strstr(e.text, "descriptor 0 open (a file, pipe or terminal)"),
			  "%s", e.text);
		cr_expect(frozen_command(vm, "s") == (uint64_t)-9);
		restore(vm, s);
		cr_expect(frozen_command(vm, "s") == 3 && read(ends[0], got, sizeof(got)) == 3);
	}
	/* A VM without standard output is not what the guest knows. */
	struct vm_config c = frozen_config(-1);
	struct vm *other = NULL;
	cr_expect(vm_create_from(s, &c, &other, &e) == -9 && e.blame == ERR_CONFIG &&
			  strstr(e.text, "descriptor 1"),
		  "%s", e.text);
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

/* Another process: record locks are this one's. */
static bool somebody_else_can_lock(const char *path)
{
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fcntl(fd, F_SETLK, &all) < 0);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status == 0;
}

/* The next guest of a VM, and others, find no lock of the last one's on what it was given. */
Test(vm_snapshot, locks_on_what_was_given_go_with_the_guest)
{
	char path[] = "/tmp/mote-lock-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	cr_assert(fd >= 0);
	struct vm *vm = frozen_ready(fd);
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 3; i++) {
		uint64_t answer = frozen_command(vm, "q");
		cr_expect(answer == 0, "round %d: %#lx", i, answer);
		cr_expect(!somebody_else_can_lock(path));
		if (i == 2)
			cr_expect(frozen_command(vm, "o") == 2); /* it closes that */
		restore(vm, s);
		cr_expect(somebody_else_can_lock(path), "round %d", i);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
	close(fd);
	unlink(path);
}

static void use_up_mappings(void)
{
	for (bool odd = false;; odd = !odd)
		if (mmap(NULL, MOTE_PAGE, odd ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0) == MAP_FAILED)
			return;
}

/* A process with no more mappings cannot split a VM's: what the guest had is gone anyway. */
Test(vm_snapshot, mappings_are_taken_away_without_one_more)
{
	struct vm *vm = frozen_ready(-1);
	struct err e = {0};
	int code = 0;
	cr_expect(frozen_command(vm, "w") == 1);
	use_up_mappings();
	cr_expect(frozen_command(vm, "m") == 2 && !vm->memory.broken);
	cr_assert(vm_reply(vm, "w", 1, &e) == 0, "%s", e.text);
	enum vm_end end = frozen_resume(vm, &code);
	cr_expect(end == VM_FAULTED, "the guest still writes what was unmapped: end %d, code %d",
		  end, code);
	vm_destroy(vm);
}

Test(vm_snapshot, shared_files_are_in_none_and_gone_after_a_restore)
{
	const gva_t at = {0x70000000};
	int fd = memfd_create("shared", MFD_CLOEXEC);
	struct vm *vm = frozen_ready(-1);
	struct memory *m = &vm->memory;
	struct vm_snapshot *none = NULL, *s = frozen_take(vm);
	struct err e = {0};
	cr_assert(fd >= 0 && ftruncate(fd, MOTE_PAGE) == 0);
	for (int i = 0; i < 3; i++) {
		cr_assert(memory_share(m, at, MOTE_PAGE, 3, fd, 0, true) == 0);
		cr_expect(memory_write(m, at, "x", 1) == 0);
		cr_expect(vm_snapshot_take(vm, &none, &e) == -16 && e.blame == ERR_GUEST &&
				  strstr(e.text, "MAP_SHARED"),
			  "%s", e.text);
		restore(vm, s);
		cr_expect(!memory_shares(m) && memory_read(m, at, &(char){0}, 1) == -EFAULT);
		cr_expect(frozen_command(vm, "c") == 1);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
	close(fd);
}

Test(vm_snapshot, only_a_waiting_guest_can_be_frozen)
{
	struct vm_config c = frozen_config(-1);
	struct err e = {0};
	struct vm *vm = NULL;
	struct vm_snapshot *s = NULL;
	int code;
	cr_assert(vm_create(&c, &vm, &e) == 0, "%s", e.text);
	vm_offer_calls(vm, 4096, false);
	cr_expect(vm_snapshot_take(vm, &s, &e) == -22 && strstr(e.text, "waits for a call"), "%s",
		  e.text);
	cr_assert(frozen_resume(vm, &code) == VM_WAITING);
	cr_assert(vm_reply(vm, "e", 1, &e) == 0 && frozen_resume(vm, &code) == VM_EXITED);
	cr_expect(vm_snapshot_take(vm, &s, &e) == -22);
	vm_destroy(vm);
}

Test(vm_snapshot, too_small_a_memory_is_refused)
{
	struct vm *vm = frozen_ready(-1), *other = NULL;
	struct vm_snapshot *s = frozen_take(vm);
	struct vm_config c = frozen_config(-1);
	struct err e = {0};
	c.memory_bytes = 8 << 20;
	cr_expect(vm_create_from(s, &c, &other, &e) == -12 && e.blame == ERR_CONFIG &&
			  strstr(e.text, "8192 KiB is too small"),
		  "%s", e.text);
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

/* As a guest at CPL 0 may leave it: the stub that loads the next guest's registers finds out. */
Test(vm_snapshot, a_guest_that_has_changed_xcr0)
{
	struct vm *vm = frozen_ready(-1);
	(void)frozen_command(vm, "r");
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 3; i++) {
		struct kvm_xcrs few = {.nr_xcrs = 1, .xcrs[0].value = 3}, now;
		cr_assert(ioctl(vm->vcpus[0].kvm.fd, KVM_SET_XCRS, &few) == 0);
		restore(vm, s);
		cr_expect(frozen_command(vm, "r") == 1, "a register is not as it was");
		cr_assert(ioctl(vm->vcpus[0].kvm.fd, KVM_GET_XCRS, &now) == 0);
		/* KVM without hardware virtualisation goes by the host's XCR0. */
		cr_expect(now.xcrs[0].value == vm->vcpus[0].kvm.arch.xcr0 ||
			  (access("/sys/module/kvm_amd", F_OK) < 0 &&
			   access("/sys/module/kvm_intel", F_OK) < 0));
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}

/*
 * Nor do its page tables stay, whatever it has written there: another VM takes the place of that
 * one.
 */
Test(vm_snapshot, a_guest_that_has_changed_its_tables)
{
	struct vm *vm = frozen_ready(-1);
	struct vm_snapshot *s = frozen_take(vm);
	for (int i = 0; i < 3; i++) {
		restore(vm, s);
		cr_expect(frozen_command(vm, "c") == 1);
		memset(vm->memory.hva + vm->memory.root + 8 * 100, 0xff, 8);
		dirty_forget(&vm->memory.dirty); /* the host has written it, too */
		restore(vm, s);
		cr_expect(memory_intact(&vm->memory));
		cr_expect(frozen_command(vm, "c") == 1);
	}
	vm_snapshot_drop(s);
	vm_destroy(vm);
}
