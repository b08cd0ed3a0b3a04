/* SPDX-License-Identifier: Apache-2.0 */
/* The VM itself, with test/guest/probe.c as its guest runtime. Needs a KVM, of either kind. */
#include "vm/vm.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const uint8_t test_probe_image[], test_probe_image_end[];
__asm__(".section .rodata\n.globl test_probe_image, test_probe_image_end\n.balign 16\n"
	"test_probe_image: .incbin \"guest/probe.img\"\ntest_probe_image_end:\n.previous\n");

static char logged[4096];

static void collect(void *arg, const char *line)
{
	(void)arg;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static int payload(void)
{
	static char bytes[5000];
	memset(bytes, 'x', sizeof(bytes));
	bytes[0] = 'p';
	bytes[4999] = 'q';
	int fd = memfd_create("payload", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	return fd;
}

static bool image_from_file;

/* The image as a file, a page into it, as it lies in Mote's own binaries. */
static int image_file(void)
{
	size_t bytes = (size_t)(test_probe_image_end - test_probe_image);
	int fd = memfd_create("image", MFD_CLOEXEC);
	cr_assert(fd >= 0 && pwrite(fd, test_probe_image, bytes, 4096) == (ssize_t)bytes);
	return fd;
}

static int standard_output = -1;

static struct vm *make(char *what, uint64_t limit_ns)
{
	char *argv[] = {what, NULL}, *envp[] = {NULL};
	struct vm_config c = {
		.kvm_fd = -1,
		.image = test_probe_image,
		.image_bytes = (size_t)(test_probe_image_end - test_probe_image),
		.image_fd = image_from_file ? image_file() : -1,
		.image_at = 4096,
		.program_fd = payload(),
		.memory_bytes = 64 << 20,
		.argv = argv,
		.envp = envp,
		.stdio = {-1, standard_output, -1},
		.time_limit_ns = limit_ns,
		.log = collect,
	};
	struct err e = {0};
	struct vm *vm = NULL;
	int rc = vm_create(&c, &vm, &e);
	cr_assert(rc == 0, "%s", e.text);
	close(c.program_fd);
	if (c.image_fd >= 0)
		close(c.image_fd);
	return vm;
}

static void expect(char *what, enum vm_end end, int code)
{
	logged[0] = '\0';
	struct vm *vm = make(what, 60000000000);
	struct err e = {0};
	struct vm_outcome out = {0};
	int rc = vm_run(vm, &out, &e);
	cr_assert(rc == 0, "%s: %s", what, e.text);
	cr_expect(out.end == end && out.code == code, "%s: end %d, code %d; %s", what, out.end,
		  out.code, logged);
	vm_destroy(vm);
}

Test(vm_run, memory_is_mapped_protected_and_zeroed)
{
	expect("memory", VM_EXITED, 0);
}

Test(vm_run, large_pages_are_split)
{
	expect("large", VM_EXITED, 0);
}

Test(vm_run, faults_are_delivered_to_the_guest_runtime)
{
	expect("faults", VM_EXITED, 0);
}

Test(vm_run, bad_arguments_are_refused)
{
	expect("bounds", VM_EXITED, 0);
}

Test(vm_run, payload_is_private_and_readonly)
{
	expect("payload", VM_EXITED, 0);
}

Test(vm_run, syscall_arrives_at_cpl_3)
{
	expect("syscall", VM_EXITED, 0);
}

Test(vm_run, an_image_is_mapped_from_its_file)
{
	image_from_file = true;
	expect("memory", VM_EXITED, 0);
	expect("faults", VM_EXITED, 0);
	expect("memory", VM_EXITED, 0);
}

Test(vm_run, exit_status_has_8_bits)
{
	expect("exit-300", VM_EXITED, 300 & 0xff);
}

Test(vm_run, guest_ends_by_signal)
{
	expect("signal", VM_SIGNALLED, 15);
}

Test(vm_run, fault_without_handler_is_named)
{
	expect("unhandled", VM_FAULTED, 14);
	cr_expect(strstr(logged, "page fault writing 0x8 at RIP 0x7d"), "%s", logged);
}

Test(vm_run, fault_in_a_fault_handler_ends_the_guest)
{
	expect("fault-in-handler", VM_FAULTED, 14);
	expect("bad-handler-stack", VM_FAULTED, 14);
}

Test(vm_run, endless_recursion_ends_the_guest)
{
	expect("recurse", VM_FAULTED, 14);
}

Test(vm_run, buffered_output_is_written_when_the_guest_ends)
{
	char text[16] = "";
	standard_output = memfd_create("output", MFD_CLOEXEC);
	expect("output", VM_FAULTED, 14);
	cr_expect(pread(standard_output, text, sizeof(text) - 1, 0) == 6 &&
			  strcmp(text, "onetwo") == 0,
		  "%s", text);
	/* A pipe that nobody reads does not keep it. */
	int ends[2];
	char full[65536] = "";
	cr_assert(pipe(ends) == 0 && write(ends[1], full, sizeof(full) - 4) == sizeof(full) - 4);
	standard_output = ends[1];
	expect("output", VM_FAULTED, 14);
}

Test(vm_run, time_limit_ends_a_loop)
{
	struct vm *vm = make("loop", 50000000);
	struct err e = {0};
	struct vm_outcome out = {0};
	cr_assert(vm_run(vm, &out, &e) == 0, "%s", e.text);
	cr_expect(out.end == VM_TIMED_OUT);
	vm_destroy(vm);
}

static void *signal_later(void *vm)
{
	usleep(50000);
	vm_signal(vm, SIGTERM);
	return NULL;
}

Test(vm_run, signal_from_another_thread_ends_a_loop)
{
	struct vm *vm = make("loop", 0);
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, signal_later, vm) == 0);
	struct err e = {0};
	struct vm_outcome out = {0};
	cr_assert(vm_run(vm, &out, &e) == 0, "%s", e.text);
	cr_expect(out.end == VM_SIGNALLED && out.code == SIGTERM);
	pthread_join(thread, NULL);
	vm_destroy(vm);
}

Test(vm_run, creation_leaves_nothing_behind)
{
	int before = dup(0);
	close(before);
	for (int i = 0; i < 20; i++)
		expect("exit-300", VM_EXITED, 300 & 0xff);
	int after = dup(0);
	close(after);
	cr_expect(before == after, "descriptors: %d before, %d after", before, after);
}

Test(vm_run, too_small_a_memory_is_refused)
{
	char *argv[] = {(char *)"exit", NULL};
	struct vm_config c = {
		.kvm_fd = -1,
		.program_fd = -1,
		.memory_bytes = 1 << 20,
		.argv = argv,
	};
	struct err e = {0};
	struct vm *vm = NULL;
	cr_expect(vm_create(&c, &vm, &e) == -22 && e.blame == ERR_CONFIG && strstr(e.text, "8 MiB"),
		  "%s", e.text);
}

/* --- exchanges --- */

static enum vm_end resume(struct vm *vm, int *code)
{
	struct err e = {0};
	struct vm_outcome out = {0};
	cr_assert(vm_resume(vm, &out, &e) == 0, "%s", e.text);
	*code = out.code;
	return out.end;
}

static struct vm *make_ready(const struct vm_limits *limits)
{
	struct vm *vm = make("exchange", 0);
	vm_offer_calls(vm, 8192, false);
	vm_begin(vm, limits);
	int code;
	cr_assert(resume(vm, &code) == VM_WAITING, "code %d", code);
	size_t len;
	const uint8_t *message = vm_message(vm, &len);
	cr_assert(len == 5 && memcmp(message, "ready", 5) == 0);
	return vm;
}

static void reply(struct vm *vm, const void *bytes, size_t len)
{
	struct err e = {0};
	cr_assert(vm_reply(vm, bytes, len, &e) == 0, "%s", e.text);
}

static void echo(struct vm *vm, const char *bytes, size_t len)
{
	int code;
	reply(vm, bytes, len);
	cr_assert(resume(vm, &code) == VM_WAITING, "code %d", code);
	size_t got;
	const uint8_t *message = vm_message(vm, &got);
	cr_expect(got == len && memcmp(message, bytes, len) == 0);
}

Test(vm_run, a_run_goes_from_exchange_to_exchange)
{
	static char large[8192];
	memset(large, 'L', sizeof(large));
	struct vm *vm = make_ready(&(struct vm_limits){0});
	echo(vm, "hello", 5);
	echo(vm, large, 16);
	echo(vm, large, 17);
	echo(vm, large, sizeof(large));
	reply(vm, "end", 3);
	int code;
	cr_expect(resume(vm, &code) == VM_EXITED && code == 0, "code %d; %s", code, logged);
	vm_finish(vm);
	vm_destroy(vm);
}

static void *echo_elsewhere(void *vm)
{
	echo(vm, "elsewhere", 9);
	return NULL;
}

Test(vm_run, each_resume_may_be_on_another_thread)
{
	struct vm *vm =
		make_ready(&(struct vm_limits){.wall_ns = 60000000000, .cpu_ns = 60000000000});
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		cr_assert(pthread_create(&thread, NULL, echo_elsewhere, vm) == 0);
		pthread_join(thread, NULL);
		echo(vm, "here!", 5);
	}
	vm_finish(vm);
	vm_destroy(vm);
}

Test(vm_run, exchange_is_refused_unless_offered)
{
	expect("closed", VM_EXITED, 0);
}

Test(vm_run, a_bad_address_for_the_reply_is_an_error)
{
	struct vm *vm = make_ready(&(struct vm_limits){0});
	struct err e = {0};
	cr_expect(vm_resume(vm, &(struct vm_outcome){0}, &e) == -22, "no reply was given");
	echo(vm, "hole", 4);
	cr_expect(vm_reply(vm, "x", 1, &e) == -14 && e.blame == ERR_GUEST, "%s", e.text);
	vm_finish(vm);
	vm_destroy(vm);
}

static void *interrupt_later(void *vm)
{
	usleep(50000);
	cr_expect(vm_interrupt(vm) == 0);
	return NULL;
}

Test(vm_run, interrupt_ends_a_loop_and_only_what_runs)
{
	struct vm *vm = make_ready(&(struct vm_limits){0});
	pthread_t thread;
	int code;
	vm_finish(vm);
	cr_expect(vm_interrupt(vm) == -3, "nothing is running");
	vm_begin(vm, &(struct vm_limits){0});
	reply(vm, "loop", 4);
	cr_assert(pthread_create(&thread, NULL, interrupt_later, vm) == 0);
	cr_expect(resume(vm, &code) == VM_INTERRUPTED);
	pthread_join(thread, NULL);
	vm_finish(vm);
	vm_destroy(vm);
}

/* Of CPU time a second: on an emulated machine that which others take of its CPU counts as well. */
Test(vm_run, limits_count_over_exchanges)
{
	struct vm *vm = make_ready(&(struct vm_limits){0});
	int code;
	vm_finish(vm);
	vm_begin(vm, &(struct vm_limits){.wall_ns = 50000000});
	usleep(60000);
	reply(vm, "hello", 5);
	cr_expect(resume(vm, &code) == VM_TIMED_OUT && code == 0);
	vm_destroy(vm);
	vm = make_ready(&(struct vm_limits){0});
	vm_finish(vm);
	vm_begin(vm, &(struct vm_limits){.cpu_ns = 1000000000});
	usleep(1010000);
	echo(vm, "hello", 5);
	reply(vm, "loop", 4);
	cr_expect(resume(vm, &code) == VM_TIMED_OUT && code == 1);
	vm_destroy(vm);
}
