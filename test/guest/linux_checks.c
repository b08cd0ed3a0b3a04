/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordinary Linux program, with nothing of Mote in it: argv[1] names what it does. It ends with 0
 * if all was as Linux has it; see linux_check.h.
 */
#define _GNU_SOURCE
#include "linux_check.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static sigjmp_buf back;
static void *volatile fault_address;

static void on_signal(int signo)
{
	caught = signo;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	caught = signo;
	fault_address = info->si_addr;
	siglongjmp(back, 1);
}

static void catch (int signo, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};
	CHECK(sigaction(signo, &sa, NULL) == 0);
}

static void alarm_in(long usec)
{
	struct itimerval soon = {.it_value = {.tv_usec = usec}};
	caught = 0;
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
}

/* For what only a signal ends: on a busy machine the first may come before that has begun. */
static void alarm_often(long usec)
{
	struct itimerval often = {.it_value = {.tv_usec = usec}, .it_interval = {.tv_usec = usec}};
	caught = 0;
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static void do_signals(void)
{
	sigset_t set, old;
	catch (SIGUSR1, on_signal);
	CHECK(raise(SIGUSR1) == 0 && caught == SIGUSR1);
	/* Blocked, pending, delivered when it is let through. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	caught = 0;
	CHECK(kill(getpid(), SIGUSR1) == 0 && caught == 0);
	sigset_t waiting;
	CHECK(sigpending(&waiting) == 0 && sigismember(&waiting, SIGUSR1) == 1);
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && caught == SIGUSR1);
	/* Ignored. */
	catch (SIGUSR2, SIG_IGN);
	CHECK(raise(SIGUSR2) == 0);
	/* An alarm ends a sleep. */
	catch (SIGALRM, on_signal);
	alarm_often(50000);
	struct timespec sleep = {.tv_sec = 1000}, left;
	CHECK(nanosleep(&sleep, &left) == -1 && errno == EINTR && caught == SIGALRM &&
	      left.tv_sec >= 900 && left.tv_sec < 1000);
	/* An alarm reaches code that makes no system call. */
	caught = 0;
	while (!caught)
		;
	/* sigsuspend waits for what it lets through and puts the mask back. */
	sigaddset(&set, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	alarm_in(50000);
	sigemptyset(&waiting);
	CHECK(sigsuspend(&waiting) == -1 && errno == EINTR && caught == SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0 && sigismember(&old, SIGALRM) == 1);
}

static void do_fault_handlers(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static char alternate[65536];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	CHECK(sigaltstack(&stack, NULL) == 0);
	CHECK(sigaction(SIGSEGV, &sa, NULL) == 0 && sigaction(SIGFPE, &sa, NULL) == 0 &&
	      sigaction(SIGILL, &sa, NULL) == 0);
	if (sigsetjmp(back, 1) == 0) {
		*(volatile int *)0x1234 = 1;
		CHECK(0);
	}
	CHECK(caught == SIGSEGV && fault_address == (void *)0x1234);
	volatile int zero = 0;
	if (sigsetjmp(back, 1) == 0) {
		volatile int never = 7 / zero;
		(void)never;
		CHECK(0);
	}
	CHECK(caught == SIGFPE);
	if (sigsetjmp(back, 1) == 0) {
		__asm__ volatile("ud2");
		CHECK(0);
	}
	CHECK(caught == SIGILL);
}

/*
 * The floating-point part of a frame, as programs that switch contexts by it look for it
 * (asm/sigcontext.h).
 */
static void on_signal_frame(int signo, siginfo_t *info, void *context)
{
	enum {
		MAGIC1 = 0x46505853,
		MAGIC2 = 0x46505845,
		SOFTWARE_AT = 464,
		XSTATE_BV_AT = 512,
		SSE = 2,
		XMM15_AT = 400
	};
	const ucontext_t *uc = context;
	const uint8_t *fp = (const void *)uc->uc_mcontext.fpregs;
	uint32_t magic, extended, size;
	uint64_t features, used;
	(void)info;
	CHECK(uc->uc_flags & 1 && (uintptr_t)fp % 64 == 0 && (uintptr_t)fp > (uintptr_t)uc);
	memcpy(&magic, fp + SOFTWARE_AT, 4);
	memcpy(&extended, fp + SOFTWARE_AT + 4, 4);
	memcpy(&features, fp + SOFTWARE_AT + 8, 8);
	memcpy(&size, fp + SOFTWARE_AT + 16, 4);
	memcpy(&used, fp + XSTATE_BV_AT, 8);
	CHECK(magic == MAGIC1 && extended == size + 4 && size >= 576 && (features & 3) == 3 &&
	      (used & ~features) == 0);
	memcpy(&magic, fp + size, 4);
	CHECK(magic == MAGIC2 && (used & SSE) &&
	      ((const uint64_t *)(fp + XMM15_AT))[0] == 0x1122334455667788);
	CHECK((uint64_t)uc->uc_mcontext.gregs[REG_RIP] > 0x1000 && uc->uc_link == NULL);
	/* What the handler writes there is what the program goes on with. */
	((uint64_t *)(fp + XMM15_AT))[0] = 0x99aabbccddeeff00;
	caught = signo;
}

static void on_signal_spoiled(int signo, siginfo_t *info, void *context)
{
	uint8_t *fp = (void *)((ucontext_t *)context)->uc_mcontext.fpregs;
	(void)info;
	memset(fp + 464, 0, 4);     /* no extended part */
	memset(fp + 512, 0xff, 64); /* and a header that XRSTOR would refuse */
	caught = signo;
}

static uint64_t xmm15_over_signal(void)
{
	uint64_t value = 0x1122334455667788;
	long pid = getpid(), result = SYS_tgkill;
	__asm__ volatile("movq %1, %%xmm15\n\tsyscall\n\tmovq %%xmm15, %1"
			 : "+a"(result), "+r"(value)
			 : "D"(pid), "S"(pid), "d"((long)SIGUSR1)
			 : "rcx", "r11", "xmm15", "memory");
	CHECK(result == 0);
	return value;
}

static void do_signal_frames(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal_frame, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	CHECK(xmm15_over_signal() == 0x99aabbccddeeff00 && caught == SIGUSR1);
	caught = 0;
	sa.sa_sigaction = on_signal_spoiled;
	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	CHECK(xmm15_over_signal() == 0x1122334455667788 && caught == SIGUSR1);
}

static double volatile kept = 1.0;

/* Vector registers survive handlers that use them, and system calls. */
static void on_alarm_with_floats(int signo)
{
	kept = sqrt(kept + 2.0) * 3.25;
	caught = signo;
}

static void do_floats(void)
{
	struct itimerval often = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
	double sum = 0;
	catch (SIGALRM, on_alarm_with_floats);
	for (int i = 1; i < 2000000; i++)
		sum += 1.0 / i;
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int round = 0; round < 10; round++) {
		double again = 0;
		for (int i = 1; i < 2000000; i++) {
			again += 1.0 / i;
			if (i % 500000 == 0)
				CHECK(getppid() == 0);
		}
		CHECK(again == sum);
	}
	CHECK(caught == SIGALRM);
}

static void do_memory(void)
{
	const size_t page = 4096;
	char *at = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	memset(at, 'x', 8 * page);
	CHECK(mprotect(at + page, page, PROT_READ) == 0);
	CHECK(at[page] == 'x');
	CHECK(madvise(at, page, MADV_DONTNEED) == 0 && at[0] == 0);
	CHECK(munmap(at + 2 * page, 2 * page) == 0);
	char *larger = mremap(at + 4 * page, 4 * page, 64 * page, MREMAP_MAYMOVE);
	CHECK(larger != MAP_FAILED && larger[0] == 'x' && larger[63 * page] == 0);
	char *place = mmap(NULL, 16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mremap(larger, 64 * page, 8 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
		     place + 4 * page) == place + 4 * page);
	CHECK(place[4 * page] == 'x' && place[12 * page - 1] == 0);
	CHECK(mremap(place + 4 * page, page, page, MREMAP_FIXED, place) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mremap(place + 4 * page, 8 * page, 8 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
		     place + 8 * page) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	      errno == EINVAL);
	char *none = mmap(NULL, 1UL << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
	CHECK(none != MAP_FAILED);
	CHECK(mprotect(none + (1UL << 35), page, PROT_READ | PROT_WRITE) == 0);
	none[1UL << 35] = 1;
	/* What the heap gives back reads as zero when it is taken again. */
	char *heap = (char *)syscall(SYS_brk, 0);
	CHECK((char *)syscall(SYS_brk, heap + (1 << 20)) == heap + (1 << 20));
	memset(heap, 1, 1 << 20);
	CHECK((char *)syscall(SYS_brk, heap) == heap &&
	      (char *)syscall(SYS_brk, heap + 8) == heap + 8 && *heap == 0);
	void *volatile too_much =
		malloc(1UL << 45); /* volatile: compilers remove a malloc that is only compared */
	CHECK(too_much == NULL && errno == ENOMEM);
	/* Bad pointers are errors, not faults. */
	FAILS(syscall(SYS_write, 1, 8, 10), EFAULT);
	FAILS(open((char *)8, O_RDONLY), EFAULT);
	FAILS(syscall(SYS_getcwd, (void *)8, 100), EFAULT);
}

static void do_files(void)
{
	struct stat st;
	char text[32];
	CHECK(mkdir("made", 0755) == 0 && mkdir("made", 0755) == -1 && errno == EEXIST);
	int fd = open("made/file", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK(fd == 3);
	CHECK(write(fd, "hello world", 11) == 11 && pread(fd, text, 5, 6) == 5 &&
	      memcmp(text, "world", 5) == 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	struct iovec v[2] = {{text, 3}, {text + 10, 4}};
	CHECK(readv(fd, v, 2) == 7 && memcmp(text, "hel", 3) == 0 &&
	      memcmp(text + 10, "lo w", 4) == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_size == 11 && (st.st_mode & 07777) == 0640);
	CHECK(ftruncate(fd, 5) == 0 && stat("made/file", &st) == 0 && st.st_size == 5);
	CHECK(dup2(fd, 20) == 20 && close(fd) == 0 && read(20, text, 1) == 0 && close(20) == 0);
	CHECK(symlink("file", "made/link") == 0 && readlink("made/link", text, 32) == 4);
	CHECK(lstat("made/link", &st) == 0 && S_ISLNK(st.st_mode) && stat("made/link", &st) == 0 &&
	      S_ISREG(st.st_mode));
	CHECK(rename("made/file", "made/other") == 0 && access("made/file", F_OK) == -1 &&
	      errno == ENOENT);
	CHECK(chdir("made") == 0 && access("other", R_OK) == 0 && chdir("..") == 0);
	CHECK(open("/proc/self/mem", O_RDONLY) == -1 && open("/etc/shadow", O_RDONLY) == -1);
	FAILS(open("../../../../../../etc/passwd", O_RDONLY), ENOENT);
	CHECK(unlink("made/link") == 0 && unlink("made/other") == 0 && rmdir("made") == 0);
	int ends[2];
	CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN && read(ends[0], text, 1) == 1 &&
	      poll(&p, 1, 10) == 0);
	CHECK(close(ends[1]) == 0 && read(ends[0], text, 1) == 0 && read(99, text, 1) == -1 &&
	      errno == EBADF);
}

__attribute__((noinline)) static int deep_read(int fd, size_t bytes)
{
	char buffer[bytes]; /* nobody has touched it when the kernel writes to it */
	CHECK(read(fd, buffer, bytes) == (ssize_t)bytes);
	return buffer[0] + buffer[bytes - 1];
}

__attribute__((noinline)) static int deep_signal(size_t bytes)
{
	char *volatile far = __builtin_alloca(bytes);
	CHECK(raise(SIGUSR1) == 0);
	return far == NULL;
}

__attribute__((noinline)) static int deep_call(int depth)
{
	volatile char here[4096];
	here[0] = (char)depth;
	return depth ? deep_call(depth - 1) + here[0] * 0 : 1;
}

static void do_stack(void)
{
	int fd = open("/w/fruit.txt", O_RDONLY);
	CHECK(fd >= 0 && deep_call(100) == 1);
	catch (SIGUSR1, on_signal);
	CHECK(deep_signal(2 << 20) == 0 && caught == SIGUSR1);
	int zero = open("/w/zeroes", O_RDWR | O_CREAT, 0600);
	CHECK(zero >= 0 && ftruncate(zero, 3 << 20) == 0 && deep_read(zero, 3 << 20) == 0);
	CHECK(deep_call(1800) == 1);
	FAILS(syscall(SYS_read, fd, 8, 10), EFAULT);
}

/* Many small writes, each to be seen once and whole by who reads. */
static void do_output(void)
{
	char line[16];
	for (int i = 0; i < 400000; i++) {
		int n = snprintf(line, sizeof(line), "%d\n", i);
		CHECK(write(1, line, (size_t)n) == n);
	}
}

/* Addresses and what maps them are used again. */
static void do_churn(void)
{
	for (int i = 0; i < 5000; i++) {
		char *at = mmap(NULL, 3 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		char *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
		CHECK(at != MAP_FAILED && other != MAP_FAILED && at[0] == 0);
		at[0] = 1;
		CHECK(munmap(at, 3 << 20) == 0 && munmap(other, 4096) == 0);
	}
	/* A reservation is not given to anybody else, nor grown into. */
	char *kept = mmap(NULL, 16 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(kept != MAP_FAILED);
	char *below = mmap(kept - 4096, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(below == kept - 4096 && mremap(below, 4096, 8192, 0) == MAP_FAILED &&
	      errno == ENOMEM);
	for (int i = 0; i < 100; i++) {
		char *at = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(at != MAP_FAILED && (at + (1 << 20) <= below || at >= kept + (16 << 20)));
	}
}

static int ends[2];

static void on_alarm_write(int signo)
{
	caught = signo;
	CHECK(write(ends[1], "x", 1) == 1);
}

/* A signal that comes while a system call ends must not wait for the next one. */
static void do_signal_at_the_end_of_a_call(void)
{
	catch (SIGALRM, on_signal);
	for (unsigned i = 0; i < 1000; i++) {
		struct itimerval soon = {.it_value = {.tv_usec = 1 + i % 100}};
		caught = 0;
		CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
		for (unsigned k = 0; k < 1 + i % 97; k++)
			syscall(SYS_getppid);
		uint64_t from = __builtin_ia32_rdtsc();
		while (!caught)
			CHECK(__builtin_ia32_rdtsc() - from < 20000000000UL);
	}
}

static void do_restart(void)
{
	char c;
	struct sigaction sa = {.sa_handler = on_alarm_write, .sa_flags = SA_RESTART};
	CHECK(pipe(ends) == 0);
	/*
	 * With SA_RESTART the read goes on and gets what the handler wrote; without, it is
	 * interrupted.
	 */
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	alarm_in(30000);
	CHECK(read(ends[0], &c, 1) == 1 && c == 'x' && caught == SIGALRM);
	catch (SIGALRM, on_signal);
	alarm_often(30000);
	CHECK(read(ends[0], &c, 1) == -1 && errno == EINTR && caught == SIGALRM);
	/* poll is never begun again after a handler. */
	sa.sa_handler = on_signal;
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	CHECK(poll(&p, 1, -1) == -1 && errno == EINTR && caught == SIGALRM);
	/* ppoll's own mask lets through what is blocked, and goes with it. */
	sigset_t set, none, now;
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	alarm_in(30000);
	struct timespec long_time = {.tv_sec = 1000};
	CHECK(ppoll(&p, 1, &long_time, &none) == -1 && errno == EINTR && caught == SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGALRM) == 1);
	/* A blocked signal can be waited for; no handler sees it. */
	alarm_in(30000);
	CHECK(sigtimedwait(&set, NULL, &long_time) == SIGALRM && caught == 0);
	struct timespec little = {.tv_nsec = 10000000};
	FAILS(sigtimedwait(&set, NULL, &little), EAGAIN);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	/* An ignored signal neither ends a sleep nor makes it longer. */
	catch (SIGALRM, SIG_IGN);
	struct itimerval often = {
		.it_interval = {.tv_usec = 20000},
		.it_value = {.tv_usec = 20000},
	};
	struct timespec from, to, sleep = {.tv_nsec = 300000000};
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0 &&
	      clock_gettime(CLOCK_MONOTONIC, &from) == 0);
	CHECK(nanosleep(&sleep, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &to) == 0);
	int64_t ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
	CHECK(ms >= 299 && ms < 60000);
	alarm_in(0);
}

static void do_timers(void)
{
	struct itimerval t = {.it_value = {.tv_sec = 1000}, .it_interval = {.tv_sec = 7}}, left;
	CHECK(alarm(1000) == 0);
	unsigned seconds = alarm(0);
	CHECK(seconds > 900 && seconds <= 1000 && alarm(0) == 0);
	CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0 && getitimer(ITIMER_REAL, &left) == 0);
	CHECK(left.it_value.tv_sec >= 900 && left.it_value.tv_sec < 1000 &&
	      left.it_interval.tv_sec == 7);
	struct itimerval off = {0}, bad = {.it_value = {.tv_usec = 1000000}};
	CHECK(setitimer(ITIMER_REAL, &off, &left) == 0 && left.it_value.tv_sec >= 900 &&
	      left.it_value.tv_sec < 1000);
	FAILS(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
	CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 &&
	      left.it_value.tv_usec == 0);
	int fd = open("locked", O_RDWR | O_CREAT, 0600);
	struct flock lock = {.l_type = F_WRLCK};
	CHECK(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK &&
	      unlink("locked") == 0);
}

static void do_broken_pipe(void)
{
	CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
	catch (SIGPIPE, SIG_IGN);
	FAILS(write(ends[1], "x", 1), EPIPE);
	catch (SIGPIPE, on_signal);
	CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && caught == SIGPIPE);
	catch (SIGPIPE, SIG_DFL);
	(void)!write(ends[1], "x", 1);
	exit(97);
}

static void do_refusals(void)
{
	FAILS(fork(), ENOSYS);
	FAILS(syscall(SYS_io_uring_setup, 1, NULL), ENOSYS);
	FAILS(syscall(9999), ENOSYS);
	FAILS(wait(NULL), ECHILD);
}

static void do_identity(void)
{
	struct utsname u;
	CHECK(uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0 &&
	      strcmp(u.machine, "x86_64") == 0);
	CHECK(getpid() == 1 && getuid() == 0 && isatty(1) == 0);
	struct timespec a, b;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0 && clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
	uint64_t x = 0, y = 0;
	CHECK(syscall(SYS_getrandom, &x, 8, 0) == 8 && syscall(SYS_getrandom, &y, 8, 0) == 8 &&
	      x != y);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int recurse(volatile char *above)
{
	volatile char here[1024];
	here[0] = above ? *above : 1;
	return recurse(here) + here[1];
}
#pragma GCC diagnostic pop

/* --- endings --- */

static void do_exit(void)
{
	exit(300);
}

static void do_loop(void)
{
	for (;;)
		;
}

static void do_recurse(void)
{
	exit(recurse(NULL));
}

static void do_wild_write(void)
{
	*(volatile int *)0x10 = 1;
}

static void do_run_data(void)
{
	static unsigned char ret[] = {0xc3};
	void (*volatile run)(void) = (void (*)(void))(uintptr_t)ret;
	run();
}

static void do_divide(void)
{
	volatile int zero = 0;
	exit(7 / zero);
}

int main(int argc, char **argv)
{
	static const struct check checks[] = {
		{"signals", do_signals},
		{"fault-handlers", do_fault_handlers},
		{"floats", do_floats},
		{"signal-frames", do_signal_frames},
		{"memory", do_memory},
		{"files", do_files},
		{"stack", do_stack},
		{"output", do_output},
		{"churn", do_churn},
		{"restart", do_restart},
		{"timers", do_timers},
		{"end-of-call", do_signal_at_the_end_of_a_call},
		{"broken-pipe", do_broken_pipe},
		{"refusals", do_refusals},
		{"identity", do_identity},
		{"exit", do_exit},
		{"loop", do_loop},
		{"recurse", do_recurse},
		{"wild-write", do_wild_write},
		{"run-data", do_run_data},
		{"divide", do_divide},
		{"abort", abort},
	};
	return run_check(checks, sizeof(checks) / sizeof(checks[0]), argc > 1 ? argv[1] : "");
}
