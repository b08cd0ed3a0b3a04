/* SPDX-License-Identifier: Apache-2.0 */
/* Copies from and to mappings of files that are truncated, and what SIGBUS does otherwise. */
#include "vm/memory/guest_copy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 4, THREADS = 8 };

/* A file of PAGES pages, mapped; of which the first `left` pages are still there. */
struct truncated {
	int fd;
	uint8_t *at;
};

static struct truncated map_file(int flags)
{
	struct truncated t = {.fd = memfd_create("guest", MFD_CLOEXEC)};
	cr_assert(t.fd >= 0 && ftruncate(t.fd, PAGES * PAGE) == 0);
	t.at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, t.fd, 0);
	cr_assert(t.at != MAP_FAILED);
	return t;
}

static struct truncated map_truncated(int flags, unsigned left)
{
	struct truncated t = map_file(flags);
	cr_assert(ftruncate(t.fd, left * PAGE) == 0);
	return t;
}

static void prepare(void)
{
	cr_assert(guest_copy_prepare() == 0);
}

static const size_t sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,   9,   15,  16,   17,   24,   31,
			       32, 33, 48, 63, 64, 65, 71, 100, 255, 256, 1000, 4095, 4096, 5001};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), CAPACITY = 5001 + 32 };

Test(vm_guest_copy, copies_exactly_its_bytes_at_every_alignment)
{
	static uint8_t from[CAPACITY], to[CAPACITY], want[CAPACITY];
	for (size_t i = 0; i < CAPACITY; i++)
		from[i] = (uint8_t)(i * 7 + 1);
	for (size_t s = 0; s < SIZES; s++)
		for (size_t a = 0; a < 16; a++) {
			memset(to, 0xee, sizeof(to));
			memset(want, 0xee, sizeof(want));
			memcpy(want + 16 - a, from + a, sizes[s]);
			cr_assert(guest_copy(to + 16 - a, from + a, sizes[s]) == 0);
			cr_assert(memcmp(to, want, CAPACITY) == 0, "%zu bytes, %zu", sizes[s], a);
			memset(want + 16 - a, 0, sizes[s]);
			cr_assert(guest_zero(to + 16 - a, sizes[s]) == 0);
			cr_assert(memcmp(to, want, CAPACITY) == 0, "zero %zu bytes, %zu", sizes[s],
				  a);
		}
}

Test(vm_guest_copy, memory_behind_a_files_end_is_an_error_for_every_size, .init = prepare)
{
	struct truncated t = map_truncated(MAP_SHARED, 1);
	uint8_t *gone = t.at + PAGE;
	static uint8_t host[CAPACITY];
	errno = 0;
	for (size_t s = 1; s < SIZES; s++) {
		cr_expect(guest_copy(host, gone, sizes[s]) == -EFAULT, "reading %zu", sizes[s]);
		cr_expect(guest_copy(gone, host, sizes[s]) == -EFAULT, "writing %zu", sizes[s]);
		cr_expect(guest_zero(gone, sizes[s]) == -EFAULT, "zeroing %zu", sizes[s]);
		/* The last byte of the file that is left, and on. */
		cr_expect(guest_copy(host, gone - 1, sizes[s]) == (sizes[s] > 1 ? -EFAULT : 0));
	}
	cr_expect(guest_copy(gone, host, 0) == 0);
	cr_expect(errno == 0);
	cr_expect(guest_copy(host, t.at, PAGE) == 0);
}

Test(vm_guest_copy, private_mappings_keep_what_was_written_only_while_the_file_is_there,
     .init = prepare)
{
	struct truncated t = map_file(MAP_PRIVATE);
	t.at[PAGE] = 1;
	cr_assert(ftruncate(t.fd, 0) == 0);
	uint8_t byte;
	cr_expect(guest_copy(&byte, t.at + PAGE, 1) == -EFAULT);
	cr_expect(guest_zero(t.at, PAGES * PAGE) == -EFAULT);
	cr_assert(ftruncate(t.fd, PAGES * PAGE) == 0);
	cr_expect(guest_copy(&byte, t.at + PAGE, 1) == 0);
}

/* A thread that takes no signals does so afterwards too. */
Test(vm_guest_copy, a_blocked_signal_is_unblocked_for_the_copy, .init = prepare)
{
	struct truncated t = map_truncated(MAP_SHARED, 0);
	sigset_t all, before, after;
	uint8_t byte;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
	cr_expect(guest_zero(t.at, 1) == -EFAULT);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	cr_expect(memcmp(&before, &after, 8) == 0 && sigismember(&after, SIGBUS));
	{
		guest_copies;
		const struct guest_copy_scope inner = guest_copies_begin();
		cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
		guest_copies_end(&inner);
		cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
		pthread_sigmask(SIG_SETMASK, NULL, &after);
		cr_expect(!sigismember(&after, SIGBUS));
	}
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	cr_expect(memcmp(&before, &after, 8) == 0);
	sigemptyset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	guest_copy_unblocked(true);
	cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
	cr_expect(guest_zero(t.at, 1) == -EFAULT);
}

/* --- SIGBUS elsewhere --- */

static sigjmp_buf back;
static atomic_int calls;
static void *volatile fault_at;
static volatile sig_atomic_t usr1_blocked;

static void embedder(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	sigset_t now;
	atomic_fetch_add(&calls, 1);
	fault_at = info->si_addr;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	usr1_blocked = sigismember(&now, SIGUSR1);
	siglongjmp(back, 1);
}

static void install_embedder(void)
{
	struct sigaction sa = {.sa_sigaction = embedder, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR1);
	cr_assert(sigaction(SIGBUS, &sa, NULL) == 0);
}

Test(vm_guest_copy, a_fault_elsewhere_is_the_embedders)
{
	struct truncated t = map_truncated(MAP_SHARED, 0);
	install_embedder();
	prepare();
	uint8_t byte;
	for (volatile int i = 1; i <= 3; i++) {
		if (sigsetjmp(back, 1) == 0) {
			(void)*(volatile uint8_t *)(t.at + 5);
			cr_assert_fail("no SIGBUS");
		}
		cr_expect(atomic_load(&calls) == i);
		cr_expect(fault_at == t.at + 5);
		cr_expect(usr1_blocked, "its mask counts");
		cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
		cr_expect(atomic_load(&calls) == i, "a guest's fault is not the embedder's");
	}
}

Test(vm_guest_copy, one_that_was_sent_is_the_embedders)
{
	install_embedder();
	prepare();
	if (sigsetjmp(back, 1) == 0)
		raise(SIGBUS);
	cr_expect(atomic_load(&calls) == 1);
}

static void *alt_stack_of(void *arg)
{
	static uint8_t stack[64 << 10];
	(void)arg;
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)}, saved;
	cr_assert(sigaltstack(&alt, &saved) == 0);
	struct truncated t = map_truncated(MAP_SHARED, 0);
	uint8_t byte;
	cr_expect(guest_copy(&byte, t.at, 1) == -EFAULT);
	size_t written = 0;
	for (size_t i = 0; i < sizeof(stack); i++)
		written += stack[i] != 0;
	cr_expect(written > 0, "the handler ran on the thread's own stack");
	cr_expect(sigaltstack(&saved, NULL) == 0);
	return NULL;
}

Test(vm_guest_copy, the_alternate_stack_is_used, .init = prepare)
{
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, alt_stack_of, NULL) == 0);
	cr_assert(pthread_join(thread, NULL) == 0);
}

/*
 * What a child dies of that does `act` after guest_copy_prepare(); `before` is its disposition
 * until then.
 */
static int death_of(void (*act)(void), struct sigaction before)
{
	pid_t child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		if (sigaction(SIGBUS, &before, NULL) < 0 || guest_copy_prepare() < 0)
			_exit(100);
		act();
		_exit(0);
	}
	int status;
	cr_assert(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void fault(void)
{
	struct truncated t = map_truncated(MAP_SHARED, 0);
	(void)*(volatile uint8_t *)t.at;
}

static void send(void)
{
	raise(SIGBUS);
}

static void count(int signo)
{
	(void)signo;
	if (atomic_fetch_add(&calls, 1) == 5)
		_exit(99);
}

Test(vm_guest_copy, without_a_handler_the_process_ends_as_ever)
{
	cr_expect(death_of(fault, (struct sigaction){.sa_handler = SIG_DFL}) == SIGBUS);
	cr_expect(death_of(send, (struct sigaction){.sa_handler = SIG_DFL}) == SIGBUS);
	cr_expect(death_of(fault, (struct sigaction){.sa_handler = SIG_IGN}) == SIGBUS);
	cr_expect(death_of(send, (struct sigaction){.sa_handler = SIG_IGN}) == 0);
}

/* A crash reporter that returns: called once, and then the process ends. */
Test(vm_guest_copy, a_handler_for_one_time_is_called_once)
{
	const struct sigaction once = {.sa_handler = count, .sa_flags = SA_RESETHAND};
	const struct sigaction always = {.sa_handler = count};
	cr_expect(death_of(fault, once) == SIGBUS);
	cr_expect(death_of(fault, always) == -99);
	cr_expect(death_of(send, always) == 0);
}

/* --- threads --- */

static struct truncated shared;
static atomic_bool over;
static atomic_ulong copied, refused, wrong;

static void *copy_all_the_time(void *arg)
{
	uint8_t host[512];
	size_t size = (size_t)(uintptr_t)arg;
	memset(host, 3, sizeof(host));
	while (!atomic_load(&over)) {
		uint8_t *at = shared.at + (size_t)(rand() % PAGES) * PAGE;
		int in = guest_copy(host, at, size), out = guest_copy(at, host, size);
		if ((in != 0 && in != -EFAULT) || (out != 0 && out != -EFAULT))
			atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(in == 0 ? &copied : &refused, 1);
	}
	return NULL;
}

Test(vm_guest_copy, many_threads_meet_a_file_that_comes_and_goes, .init = prepare)
{
	static const size_t of_thread[THREADS] = {1, 8, 16, 24, 64, 65, 300, 512};
	pthread_t threads[THREADS];
	shared = map_file(MAP_SHARED);
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, copy_all_the_time,
					 (void *)(uintptr_t)of_thread[i]) == 0);
	for (int i = 0; i < 2000 || atomic_load(&copied) < 1000 || atomic_load(&refused) < 1000;
	     i++)
		cr_assert(ftruncate(shared.fd, i % 2 ? PAGES * PAGE : 0) == 0);
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_join(threads[i], NULL) == 0);
	cr_expect(atomic_load(&wrong) == 0);
}
