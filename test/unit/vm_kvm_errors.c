/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM says no: which of that is an error of the machine's and which the end of one guest. A double
 * of ioctl() fails what a test names; the limit of processes is met in earnest too. Needs a KVM.
 */
#include "vm/kvm/open.h"
#include "vm/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const uint8_t test_probe_image[], test_probe_image_end[];
__asm__(".section .rodata\n.globl test_probe_image, test_probe_image_end\n.balign 16\n"
	"test_probe_image: .incbin \"guest/probe.img\"\ntest_probe_image_end:\n.previous\n");

/* --- the double --- */

static unsigned long failing; /* this request fails... */
static int failing_errno;     /* ...with this... */
static int failing_from;      /* ...from its nth time on */
static int failing_times;     /* so often */
static int asked;             /* how often it came */

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (request == failing) {
		int nth = ++asked;
		if (nth >= failing_from && nth < failing_from + failing_times) {
			errno = failing_errno;
			return -1;
		}
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static void fail(unsigned long request, int error, int from, int times)
{
	failing = request;
	failing_errno = error;
	failing_from = from;
	failing_times = times;
	asked = 0;
}

enum { ALWAYS = 1 << 30 };

/* --- VMs --- */

static char logged[4096];

static void collect(void *arg, const char *line)
{
	(void)arg;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static struct vm *make(const char *what)
{
	char *argv[] = {(char *)(uintptr_t)what, NULL}, *envp[] = {NULL};
	struct err e = {0};
	int kvm = kvm_open(&e), payload = memfd_create("payload", MFD_CLOEXEC);
	cr_assert(kvm >= 0, "%s", e.text);
	cr_assert(payload >= 0 && write(payload, "p", 1) == 1);
	struct vm_config c = {
		.kvm_fd = kvm,
		.image = test_probe_image,
		.image_bytes = (size_t)(test_probe_image_end - test_probe_image),
		.image_fd = -1,
		.program_fd = payload,
		.memory_bytes = 64 << 20,
		.argv = argv,
		.envp = envp,
		.stdio = {-1, -1, -1},
		.time_limit_ns = 60000000000,
		.log = collect,
	};
	struct vm *vm = NULL;
	cr_assert(vm_create(&c, &vm, &e) == 0, "%s", e.text);
	close(payload);
	close(kvm);
	logged[0] = '\0';
	return vm;
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void expect_error(int error, const char *text)
{
	struct vm *vm = make("exit-300");
	struct vm_outcome out = {0};
	struct err e = {0};
	fail(KVM_RUN, error, 1, ALWAYS);
	cr_expect(vm_run(vm, &out, &e) == -error && e.code == error && e.blame == ERR_HOST, "%s",
		  e.text);
	cr_expect(strstr(e.text, text) != NULL, "%s", e.text);
	cr_expect(asked == 1, "tried %d times", asked);
	failing = 0;
	vm_destroy(vm);
}

static void expect_end(const char *what, unsigned long request, int error, const char *text)
{
	struct vm *vm = make(what);
	struct vm_outcome out = {0};
	struct err e = {0};
	fail(request, error, 1, ALWAYS);
	cr_expect(vm_run(vm, &out, &e) == 0, "request %#lx, errno %d: %s", request, error, e.text);
	cr_expect(out.end == VM_FAULTED && out.code == 8, "request %#lx, errno %d: end %d", request,
		  error, out.end);
	cr_expect(asked >= 1 && strstr(logged, text) != NULL, "request %#lx, errno %d: %s", request,
		  error, logged);
	failing = 0;
	vm_destroy(vm);
}

Test(vm_kvm_errors, a_refused_thread_of_kvms_is_an_error_at_once)
{
	expect_error(EAGAIN, "pids.max");
}

Test(vm_kvm_errors, what_no_guest_can_bring_about_is_an_error)
{
	expect_error(EBADF, "KVM_RUN");
	expect_error(EPERM, "KVM_RUN");
	expect_error(ENOTTY, "KVM_RUN");
	expect_error(ENOSYS, "KVM_RUN");
}

Test(vm_kvm_errors, what_a_guest_can_bring_about_is_its_end)
{
	expect_end("exit-300", KVM_RUN, EFAULT, "guest memory is gone");
	expect_end("exit-300", KVM_RUN, ENOMEM, "KVM_RUN failed: Cannot allocate memory");
	expect_end("exit-300", KVM_RUN, ENOSPC, "KVM_RUN failed");
	expect_end("exit-300", KVM_RUN, EIO, "KVM_RUN failed");
	expect_end("exit-300", KVM_RUN, EINVAL, "KVM_RUN failed");
	expect_end("exit-300", KVM_RUN, EHWPOISON, "KVM_RUN failed");
}

/* "faults" brings the guest's fault handler into play, whose entry is put into the registers. */
Test(vm_kvm_errors, registers_that_kvm_does_not_take_back_are_the_guests_end)
{
	expect_end("faults", KVM_GET_REGS, EIO, "KVM refuses the vCPU's registers");
	expect_end("faults", KVM_GET_SREGS, EIO, "KVM refuses the vCPU's registers");
	expect_end("faults", KVM_SET_SREGS, EINVAL, "KVM refuses the vCPU's registers");
	expect_end("faults", KVM_SET_REGS, EINVAL, "KVM refuses the vCPU's registers");
}

Test(vm_kvm_errors, a_signal_is_none_of_it)
{
	struct vm *vm = make("exit-300");
	struct vm_outcome out = {0};
	struct err e = {0};
	fail(KVM_RUN, EINTR, 1, 100);
	cr_expect(vm_run(vm, &out, &e) == 0 && out.end == VM_EXITED, "%s", e.text);
	cr_expect(asked > 100);
	failing = 0;
	vm_destroy(vm);
}

/* Since Linux 6.13 KVM's thread counts as the process's own; before that it was the kernel's. */
static bool kvm_thread_counts(void)
{
	struct utsname u;
	int major, minor;
	cr_assert(uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2);
	return major > 6 || (major == 6 && minor >= 14);
}

/* A user whose limit of processes is reached by this one. */
Test(vm_kvm_errors, the_limit_of_processes_is_met_in_earnest)
{
	struct vm *vm = make("exit-300");
	struct vm_outcome out = {0};
	struct err e = {0};
	cr_assert(geteuid() == 0, "this test changes its user");
	struct rlimit before;
	cr_assert(getrlimit(RLIMIT_NPROC, &before) == 0);
	const struct rlimit none = {0, before.rlim_max};
	cr_assert(setrlimit(RLIMIT_NPROC, &none) == 0 && setresuid(54321, 54321, 0) == 0);
	int64_t cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	int rc = vm_run(vm, &out, &e);
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	if (kvm_thread_counts())
		cr_expect(rc == -EAGAIN && strstr(e.text, "RLIMIT_NPROC") && cpu < 1000,
			  "%d %s, %ld ms of CPU time", rc, e.text, cpu);
	else
		cr_expect(rc == 0 && out.end == VM_EXITED, "%s", e.text);
	vm_destroy(vm);
	/* LeakSanitizer wants a thread at the end. */
	cr_assert(setresuid(0, 0, 0) == 0 && setrlimit(RLIMIT_NPROC, &before) == 0);
}
