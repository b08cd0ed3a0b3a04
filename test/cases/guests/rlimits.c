/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits: what is shown, who may change it, and what happens at each: descriptors, sizes
 * of files, the stack, memory. More than 65536 descriptors are shown as that many.
 *
 * cases: run all
 * cases: run stack 262144
 * cases: run stack 16777216
 * cases: run signal
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "show.h"

static long set(int which, rlim_t soft, rlim_t hard)
{
	const struct rlimit r = {soft, hard};
	return setrlimit(which, &r);
}

static void show(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r;
		getrlimit(i, &r);
		if (i == RLIMIT_NOFILE && r.rlim_cur > 65536)
			r.rlim_cur = 65536;
		if (i == RLIMIT_NOFILE && r.rlim_max > 65536)
			r.rlim_max = 65536;
		printf("%d: %lx %lx\n", i, (long)r.rlim_cur, (long)r.rlim_max);
	}
}

static void descriptors(void)
{
	int pair[2] = {-1, -1}, fd, last = -1;
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	SAY(set(RLIMIT_NOFILE, 24, before.rlim_max));
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	printf("the last is %d: %s\n", last, strerrorname_np(errno));
	SAY(dup(0));
	SAY(dup2(0, 23));
	SAY(dup2(0, 24));
	SAY(fcntl(0, F_DUPFD, 23));
	SAY(fcntl(0, F_DUPFD, 24));
	SAY(pipe(pair));
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	SAY(eventfd(0, 0));
	SAY(epoll_create1(0));
	close(22);
	SAY(pipe(pair));
	SAY(eventfd(0, 0));
	SAY(set(RLIMIT_NOFILE, before.rlim_max, before.rlim_max));
	SAY(dup2(0, 3000) == 3000 || before.rlim_max <= 3000);
	SAY(close_range(4, ~0U, 0));
	SAY(fcntl(3000, F_GETFD));
	SAY(set(RLIMIT_NOFILE, 2048, before.rlim_max));
	int count = 0;
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	printf("%s of about 2,044\n", count >= 1900 && count <= 2044 ? "all" : "not all");
	SAY(close_range(4, ~0U, 0));
	set(RLIMIT_NOFILE, before.rlim_cur, before.rlim_max);
}

static volatile int signals;

static void on_signal(int signo)
{
	signals += signo == SIGXFSZ;
}

static void file_size(void)
{
	char bytes[300];
	const struct iovec v[3] = {{bytes, 100}, {bytes, 100}, {bytes, 100}};
	memset(bytes, 'x', sizeof(bytes));
	signal(SIGXFSZ, on_signal);
	SAY(set(RLIMIT_FSIZE, 1000, RLIM_INFINITY));
	int fd = open("file", O_CREAT | O_RDWR | O_TRUNC, 0600);
	SAY(pwrite(fd, bytes, 300, 900));
	SAY(pwrite(fd, bytes, 300, 1000));
	SAY(pwrite(fd, bytes, 0, 2000));
	SAY(lseek(fd, 750, SEEK_SET));
	SAY(writev(fd, v, 3));
	SAY(writev(fd, v, 3));
	SAY(write(fd, bytes, 1));
	SAY(write(fd, bytes, 0));
	SAY(ftruncate(fd, 1001));
	SAY(ftruncate(fd, 1000));
	SAY(truncate("file", 2000));
	SAY(posix_fallocate(fd, 0, 1001));
	printf("%d signals\n", signals);
	close(fd);
	fd = open("file", O_WRONLY | O_APPEND);
	SAY(ftruncate(fd, 950));
	SAY(write(fd, bytes, 100));
	SAY(write(fd, bytes, 100));
	SAY(pwritev(fd, v, 3, 0));
	int null = open("/dev/null", O_WRONLY), only = open("file", O_RDONLY);
	SAY(write(null, bytes, 300));
	SAY(write(only, bytes, 300));
	struct stat st;
	fstat(fd, &st);
	printf("%ld bytes, %d signals\n", (long)st.st_size, signals);
	signal(SIGXFSZ, SIG_IGN);
	SAY(write(fd, bytes, 1));
	SAY(set(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY));
	SAY(pwrite(fd, bytes, 300, 5000));
	close(fd), close(null), close(only);
}

static void memory(void)
{
	SAY(set(RLIMIT_AS, 64 << 20, RLIM_INFINITY));
	void *all = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(all == MAP_FAILED ? -1 : 0);
	void *some =
		mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(some == MAP_FAILED ? -1 : 0);
	SAY(mremap(some, 4 << 20, 128 << 20, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	SAY(sbrk(128 << 20) == (void *)-1 ? -1 : 0);
	SAY(set(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY));
	SAY(set(RLIMIT_DATA, 64 << 20, RLIM_INFINITY));
	SAY(sbrk(128 << 20) == (void *)-1 ? -1 : 0);
	SAY(sbrk(1 << 20) == (void *)-1 ? -1 : 0);
	all = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(all == MAP_FAILED ? -1 : 0);
	SAY(set(RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY));
}

static void rules(void)
{
	struct rlimit core, got;
	getrlimit(RLIMIT_CORE, &core);
	SAY(set(RLIMIT_STACK, 2, 1));
	SAY(setrlimit(RLIMIT_STACK, (void *)8));
	SAY(getrlimit(99, &got));
	SAY(set(99, 1, 1));
	SAY(set(RLIMIT_RTPRIO, 0, 0));
	SAY(set(RLIMIT_MEMLOCK, 4096, 8192));
	SAY(prlimit(0, RLIMIT_MEMLOCK, NULL, &got));
	printf("%lu %lu\n", (long)got.rlim_cur, (long)got.rlim_max);
	SAY(prlimit(getpid(), RLIMIT_MEMLOCK, &(struct rlimit){1, 8192}, &got));
	printf("%lu %lu\n", (long)got.rlim_cur, (long)got.rlim_max);
}

static uintptr_t top;
static sigjmp_buf out;
static volatile uintptr_t reached;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	reached = top - (uintptr_t)info->si_addr;
	siglongjmp(out, 1);
}

static int recurse(volatile char *above)
{
	volatile char here[4096];
	here[0] = above[0] + 1;
	return recurse(here) + here[0];
}

/* The new limit is that of the next program. */
static int stack_of(const char *program, const char *bytes, int again)
{
	static char own[65536];
	const stack_t alternate = {.ss_sp = own, .ss_size = sizeof(own)};
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	volatile char first = 0;
	if (!again) {
		SAY(set(RLIMIT_STACK, strtoul(bytes, NULL, 0), RLIM_INFINITY));
		fflush(stdout);
		execl("/proc/self/exe", program, "stack", bytes, "again", NULL);
		return 1;
	}
	top = (uintptr_t)&first;
	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	if (sigsetjmp(out, 1) == 0)
		return recurse(&first);
	/* Less what lies above main, and what the last frame skips. */
	const uintptr_t most = strtoul(bytes, NULL, 0) + 8192;
	printf("%s\n", reached <= most && reached + (64 << 10) > most ? "as far as the limit"
								      : "elsewhere");
	return 0;
}

/* The names and units of /proc/self/limits, with their spaces. */
static void table(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/limits", "r");
	while (f && fgets(line, sizeof(line), f))
		printf("%zu %.26s|%s", strlen(line), line, line + 68);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "stack") == 0)
		return stack_of(argv[0], argv[2], argc > 3);
	if (argc > 1 && strcmp(argv[1], "signal") == 0) {
		set(RLIMIT_FSIZE, 10, RLIM_INFINITY);
		const int fd = open("file", O_CREAT | O_WRONLY, 0600);
		write(fd, "0123456789", 10);
		write(fd, "x", 1);
		return 1;
	}
	show();
	table();
	rules();
	descriptors();
	file_size();
	memory();
	return 0;
}
