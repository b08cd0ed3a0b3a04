/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared mappings and a file's end: SIGBUS behind it, a file that grows or shrinks under a mapping,
 * access that the descriptor has not, what system calls say of such memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int got, code;
static void *volatile where;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	got = signo;
	code = info->si_code;
	where = info->si_addr;
	siglongjmp(back, 1);
}

static void touch(const char *what, char *at, int write)
{
	got = code = 0;
	where = NULL;
	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*(volatile char *)at = 'w';
		else
			(void)*(volatile char *)at;
	}
	printf("%s: signal %d code %d %s\n", what, got, code,
	       where == at || !got ? "there" : "elsewhere");
}

static char *map(int fd, size_t bytes, int prot, off_t at)
{
	char *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, at);
	if (p == MAP_FAILED)
		printf("mmap: %d\n", errno);
	return p;
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
	char text[64] = "";
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	int rw = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int ro = open("f", O_RDONLY), wo = open("f", O_WRONLY), p[2];
	int append = open("f", O_RDWR | O_APPEND), dir = open(".", O_RDONLY);
	ftruncate(rw, 10000);
	char *m = map(rw, 1 << 20, PROT_READ | PROT_WRITE, 0);
	touch("first page", m, 1);
	touch("last byte of the last page", m + 12287, 1);
	touch("behind it", m + 12288, 0);
	touch("far behind it", m + (1 << 20) - 1, 1);
	printf("write from behind it %zd %d\n", write(rw, m + 65536, 10), errno);
	printf("pipe %d\n", pipe(p));
	printf("write from behind it to a pipe %zd %d\n", write(p[1], m + 65536, 10), errno);
	ftruncate(rw, 200000);
	touch("grown", m + 12288, 1);
	touch("grown, its end", m + 199999, 1);
	touch("grown, behind it", m + 204800, 0);
	printf("read into it %zd\n", pread(rw, m + 100000, 5000, 0));
	ftruncate(rw, 4096);
	touch("shrunk", m + 8192, 0);
	touch("shrunk, still there", m, 0);
	ftruncate(rw, 100000);
	touch("grown again", m + 8192, 0);
	printf("reads as zero %d %d\n", m[8192], m[99999]);
	printf("madvise %d\n", madvise(m, 4096, MADV_DONTNEED));
	printf("contents stay %c\n", m[0]);
	printf("msync %d\n", msync(m, 1 << 20, MS_SYNC));
	printf("msync async %d\n", msync(m, 100, MS_ASYNC));
	printf("msync both %d %d\n", msync(m, 4096, MS_SYNC | MS_ASYNC), errno);
	printf("msync odd %d %d\n", msync(m + 1, 4096, MS_SYNC), errno);

	char *r = map(ro, 8192, PROT_READ, 0);
	printf("seen by another %d\n", (m[5000] = 'x', r[5000] == 'x'));
	touch("writing a read-only one", r, 1);
	printf("mprotect of it %d %d\n", mprotect(r, 8192, PROT_READ | PROT_WRITE), errno);
	map(ro, 4096, PROT_READ | PROT_WRITE, 0);
	map(wo, 4096, PROT_READ, 0);
	map(wo, 4096, PROT_WRITE, 0);
	map(dir, 4096, PROT_READ, 0);
	map(p[0], 4096, PROT_READ, 0);
	map(99, 4096, PROT_READ, 0);
	map(rw, 4096, PROT_READ, 100);
	map(rw, 0, PROT_READ, 0);
	char *a = map(append, 4096, PROT_READ | PROT_WRITE, 0);
	a[3] = 'a';
	printf("append %d\n", pread(rw, text, 1, 3) == 1 && text[0] == 'a');
	char *none = map(rw, 8192, PROT_NONE, 4096);
	printf("mprotect %d\n", mprotect(none, 8192, PROT_READ));
	printf("at an offset %d\n", none[5000 - 4096] == 'x');

	/* Its descriptor and its name are no more. */
	close(rw);
	unlink("f");
	strcpy(m + 20, "still shared");
	printf("%s\n", (pread(ro, text, sizeof(text), 20), text));

	/* In its middle: a hole, another file, memory of its own. */
	munmap(m + 4096, 4096);
	touch("unmapped", m + 4096, 0);
	touch("before it", m, 0);
	touch("after it", m + 8192, 0);
	int other = open("g", O_RDWR | O_CREAT, 0644);
	ftruncate(other, 8192);
	m[8192] = 'f';
	printf("over it %d\n", mmap(m + 8192, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				    other, 0) == m + 8192);
	m[8192] = 'g';
	printf("%c %c\n", (pread(other, text, 1, 0), text[0]), (pread(ro, text, 1, 8192), text[0]));
	char *own = mmap(m + 8192, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("own %d\n", own == m + 8192);
	printf("%d %c\n", m[8192], (pread(other, text, 1, 0), text[0]));

	/* Many, one after the other. */
	int bad = 0;
	for (int i = 0; i < 2000; i++) {
		char *q = mmap(NULL, 4096 << i % 3, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
		if (q == MAP_FAILED || (q[1] = (char)i, pread(other, text, 1, 1)) != 1 ||
		    text[0] != (char)i || munmap(q, 4096 << i % 3))
			bad++;
	}
	printf("bad %d\n", bad);
	return 0;
}
