/* SPDX-License-Identifier: Apache-2.0 */
/* Large pages of a shared mapping past the end of its file, which grows and shrinks. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1UL << 20)

static sigjmp_buf back;

static void on_signal(int signo)
{
	siglongjmp(back, signo);
}

static void look(const char *what, volatile char *at)
{
	int signo = sigsetjmp(back, 1);
	if (signo)
		printf("%s: signal %d\n", what, signo);
	else
		printf("%s: %d\n", what, *at);
}

static void look_at_all(const char *what, volatile char *p)
{
	puts(what);
	look("0", p);
	look("1 MiB", p + MIB);
	look("3 MiB", p + 3 * MIB);
	look("5 MiB", p + 5 * MIB);
	look("5 MiB and a page", p + 5 * MIB + 4096);
	look("the last page", p + 8 * MIB - 1);
}

int main(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p = mmap((void *)0x40000000, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		       fd, 0);
	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	if (p == MAP_FAILED)
		return 1;
	look_at_all("empty", p);
	ftruncate(fd, 5 * MIB + 4096);
	look_at_all("up to the middle of a large page", p);
	ftruncate(fd, 8 * MIB);
	look_at_all("whole", p);
	pwrite(fd, "a", 1, 5 * MIB);
	look_at_all("written", p);
	ftruncate(fd, 4096);
	look_at_all("cut", p);
	ftruncate(fd, 8 * MIB);
	look_at_all("whole again", p);
	return 0;
}
