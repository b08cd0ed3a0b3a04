/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mremap: pages move with their contents and protection, what was never touched stays so, and a
 * mapping of more than half of the memory has enough of it while it moves.
 *
 * cases: mote --memory 96M
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define P  4096UL
#define M  (1UL << 20)
#define G  (1UL << 30)
#define RW (PROT_READ | PROT_WRITE)

static int zero;

/* What the kernel may do with it, which is not asked by a fault. */
static const char *access_of(char *at)
{
	int ends[2];
	if (pipe(ends) < 0)
		return "no pipe";
	const int reads = write(ends[1], at, 1) == 1;
	const char was = reads ? *at : 0;
	const int writes = read(zero, at, 1) == 1;
	if (writes)
		*at = was;
	close(ends[0]);
	close(ends[1]);
	if (reads)
		return writes ? "rw" : "r-";
	return writes ? "-w" : "--";
}

static char *map(size_t bytes, int prot)
{
	return mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* A reservation in which there is room for what is to be mapped at fixed addresses. */
static char *space(size_t bytes)
{
	char *at = map(bytes + 2 * M, PROT_NONE);
	munmap(at, bytes + 2 * M);
	return (char *)(((uintptr_t)at + 2 * M - 1) & ~(2 * M - 1));
}

static void say(const char *what, const void *got)
{
	printf("%s: %s\n", what, got == MAP_FAILED ? strerrorname_np(errno) : "ok");
}

static void dense(void)
{
	const size_t bytes = 56 * M;
	char *at = map(bytes, RW),
	     *after = mmap(at + bytes, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (size_t i = 0; i < bytes; i += P)
		*(size_t *)(at + i) = i;
	char *to = mremap(at, bytes, 8 * G, MREMAP_MAYMOVE);
	say("dense", to);
	size_t wrong = 0;
	for (size_t i = 0; i < bytes; i += P)
		wrong += *(size_t *)(to + i) != i;
	printf("moved %d, wrong %zu, behind it %d %s\n", to != at, wrong, to[8 * G - 1],
	       access_of(to + 4 * G));
	printf("the old one: %s\n", access_of(at));
	munmap(to, 8 * G);
	munmap(after, P);
}

static void sparse(void)
{
	const size_t bytes = 64 * G;
	char *at = map(bytes, RW);
	for (size_t i = 0; i < bytes; i += bytes / 16)
		at[i + i / 64 % P] = (char)(1 + i / (bytes / 16));
	const size_t shifts[] = {0, P, 2 * M, 3 * M + 7 * P};
	for (size_t k = 0; k < 4; k++) {
		char *next = space(2 * bytes) + shifts[k];
		char *got = mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, next);
		say("sparse", got);
		if (got == MAP_FAILED)
			break;
		at = got;
		int sum = 0;
		for (size_t i = 0; i < bytes; i += bytes / 16)
			sum += at[i + i / 64 % P];
		printf("shift %zu: at its place %d, sum %d, between %d\n", shifts[k], got == next,
		       sum, at[bytes / 2 + 5 * P]);
	}
	munmap(at, bytes);
}

static void protections(void)
{
	char *at = map(16 * P, PROT_NONE), *to = space(64 * P);
	mprotect(at + 2 * P, 3 * P, RW);
	strcpy(at + 3 * P, "text");
	mprotect(at + 3 * P, P, PROT_READ);
	for (int i = 0; i < 6; i++)
		say("one page",
		    mremap(at + i * P, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, to + i * P));
	say("the rest",
	    mremap(at + 6 * P, 10 * P, 10 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to + 6 * P));
	for (int i = 0; i < 16; i++)
		printf("%s ", access_of(to + i * P));
	printf("%s\n", to + 3 * P);
	say("larger, read-only", mremap(to + 3 * P, P, 2 * P, 0));
	mprotect(to + 8 * P, 8 * P, PROT_READ);
	char *larger = mremap(to + 8 * P, 8 * P, 12 * P, MREMAP_MAYMOVE);
	say("larger", larger);
	printf("%s %s\n", access_of(larger), access_of(larger + 11 * P));
	mprotect(to, 8 * P, RW);
	char *none = mremap(map(4 * P, PROT_NONE), 4 * P, 4 * M, MREMAP_MAYMOVE);
	say("reserved", none);
	printf("%s %s\n", access_of(none), access_of(none + 4 * M - P));
	char *code = mmap(NULL, P, RW | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(code, "\xb8\x2a\x00\x00\x00\xc3", 6);
	code = mremap(code, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	printf("executed: %d\n", ((int (*)(void))code)());
}

static void fixed(void)
{
	char *at = map(8 * P, RW), *to = map(8 * P, RW);
	memset(at, 'a', 8 * P);
	memset(to, 'b', 8 * P);
	say("over another", mremap(at, 4 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to + P));
	for (int i = 0; i < 8; i++)
		putchar(to[i * P]);
	printf(" %s %s %s\n", access_of(at), access_of(at + 3 * P), access_of(at + 4 * P));
	say("overlapping", mremap(to, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to + 2 * P));
	say("to itself", mremap(to, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	say("not aligned", mremap(to, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, at + 1));
	say("without MAYMOVE", mremap(to, P, P, MREMAP_FIXED, at));
	say("unknown flag", mremap(to, P, P, 64));
	say("from unaligned", mremap(to + 1, P, P, MREMAP_MAYMOVE));
	say("from nothing", mremap(at, P, 2 * P, MREMAP_MAYMOVE));
	say("of nothing", mremap(to, 0, P, MREMAP_MAYMOVE));
	say("to nothing", mremap(to, P, 0, MREMAP_MAYMOVE));
	say("beyond the end", mremap(to, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)-P));
	say("larger over another", mremap(to, P, 3 * P, MREMAP_MAYMOVE | MREMAP_FIXED, at));
	printf("%c%d%d\n", at[0], at[P], at[2 * P]);
}

static void kept(void)
{
	char *at = map(4 * P, RW), *to;
	strcpy(at, "one");
	strcpy(at + 2 * P, "three");
	say("kept, larger", mremap(at, P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	say("kept, in place", mremap(at, P, P, MREMAP_DONTUNMAP, 0));
	to = mremap(at, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	say("kept", to);
	printf("'%s' '%s' and '%s' '%s' %s\n", to, to + 2 * P, at, at + 2 * P, access_of(at + P));
	strcpy(at, "new");
	printf("'%s' '%s'\n", to, at);
	char *there = space(8 * P);
	to = mremap(at, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, there);
	printf("at its place %d: '%s' and '%s'\n", to == there, to, at);
}

static void shared(void)
{
	char text[16] = "";
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, 8 * P) < 0)
		return;
	char *at = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, P), *to = space(8 * P);
	strcpy(at, "before");
	to = mremap(at, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	say("shared", to);
	strcpy(to + 3 * P, "after");
	pread(fd, text, 15, P);
	printf("'%s' '%s'", to, text);
	pread(fd, text, 15, 4 * P);
	printf(" '%s' %s\n", text, access_of(at));
	pwrite(fd, "other", 6, 2 * P);
	printf("'%s'\n", to + P);
	say("shared, smaller", mremap(to, 4 * P, P, 0));
	munmap(to, P);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	zero = open("/dev/zero", O_RDONLY);
	dense();
	sparse();
	protections();
	fixed();
	kept();
	shared();
	return 0;
}
