/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler receives of an access that memory does not allow: signal, code, address. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB (1UL << 30)

static sigjmp_buf back;
static siginfo_t seen;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	seen = *info;
	siglongjmp(back, signo);
}

enum way { READ, WRITE, EXECUTE };

static void try(const char *what, char *base, unsigned long offset, enum way way)
{
	static const char *const ways[] = {"read", "written", "executed"};
	volatile char *at = base + offset;
	int signo = sigsetjmp(back, 1);
	if (signo == 0) {
		if (way == READ)
			(void)*at;
		else if (way == WRITE)
			*at = 1;
		else
			((void (*)(void))at)();
		printf("%s, %s: done\n", what, ways[way]);
		return;
	}
	printf("%s, %s: signal %d code %d at +%ld\n", what, ways[way], signo, seen.si_code,
	       (long)((char *)seen.si_addr - base));
}

static void try_all(const char *what, char *base, unsigned long offset)
{
	try(what, base, offset, READ);
	try(what, base, offset, WRITE);
	try(what, base, offset, EXECUTE);
}

static char *map(unsigned long bytes, int prot, int flags)
{
	return mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);

	char *none = map(4 * 4096, PROT_NONE, 0), *gone = map(4096, PROT_READ, 0);
	char *was = map(8192, PROT_READ | PROT_WRITE, 0), *ro = map(8192, PROT_READ, 0);
	munmap(gone, 4096);
	was[4096] = 1;
	mprotect(was, 8192, PROT_NONE);
	try_all("without access", none, 8192 + 5);
	try_all("unmapped", gone, 5);
	try_all("its access taken", was, 4096 + 7);
	ro[0];
	try("read-only", ro, 6, WRITE);
	try("read-only", ro, 6, EXECUTE);
	try("read-only, not yet used", ro, 4096 + 6, WRITE);

	char *much = map(300 * GIB, PROT_READ, MAP_NORESERVE);
	try("much that is read-only", much, 200 * GIB + 3, WRITE);
	try("much that is read-only", much, 200 * GIB + 3, READ);
	try("much that is read-only", much, 200 * GIB + 3, EXECUTE);
	mprotect(much + GIB, GIB, PROT_NONE);
	try_all("its access taken", much, GIB + 9);
	munmap(much, 2 * GIB);
	try_all("a part unmapped", much, GIB + 9);

	/* A file of a page and a half; of its last page the rest is zero. */
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ftruncate(fd, 6000);
	pwrite(fd, "x", 1, 5999);
	char *private = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	printf("the last byte %c, behind it %d\n", private[5999], private[6000]);
	try("behind a file, privately", private, 8192 + 11, READ);
	try("behind a file, privately", private, 3 * 4096 + 11, WRITE);
	private[6100] = 3;
	printf("its own %d\n", private[6100]);
	char *behind = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 5 * 4096);
	try("all of it behind a file", behind, 100, READ);
	close(fd);
	return 0;
}
