/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Much more is mapped than the program has, and little of it used: that is free, as on Linux.
 * cases: mote --memory=256MiB
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define KIB (1UL << 10)
#define MIB (1UL << 20)
#define GIB (1UL << 30)
#define TIB (1UL << 40)

enum { RW = PROT_READ | PROT_WRITE };

static char *map(unsigned long bytes, int prot, int flags)
{
	char *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static const char *answer(const void *p)
{
	return p ? "ok" : strerror(errno);
}

static void sizes(void)
{
	for (unsigned long g = 1; g <= 64; g *= 2) {
		char *p = map(g * GIB, RW, 0);
		printf("%lu GiB %s", g, answer(p));
		if (p) {
			p[5] = p[g * GIB - 1] = 1;
			munmap(p, g * GIB);
		}
		p = map(g * GIB, RW, MAP_NORESERVE);
		printf(", without a reserve %s\n", answer(p));
		munmap(p, g * GIB);
	}
	char *none = map(16 * TIB, PROT_NONE, MAP_NORESERVE);
	printf("16 TiB without access %s\n", answer(none));
	printf("made writable %s\n", strerror(mprotect(none + TIB, MIB, RW) ? errno : 0));
	none[TIB + 5] = 1;
	munmap(none, 16 * TIB);
}

/* As AddressSanitizer's shadow: a few pages of very much. */
static void scattered(void)
{
	char *p = map(8 * TIB, RW, MAP_NORESERVE);
	unsigned long wrong = 0;
	for (unsigned long k = 0; k < 200; k++)
		p[k * 40 * GIB + k * 4097] = (char)(k + 1);
	for (unsigned long k = 0; k < 200; k++)
		wrong += p[k * 40 * GIB + k * 4097] != (char)(k + 1) ||
			 p[k * 40 * GIB + k * 4097 + 4096] != 0;
	printf("scattered over 8 TiB: %lu wrong\n", wrong);
	printf("a part away: %d\n", munmap(p + 40 * GIB - MIB, 2 * MIB));
	printf("the part mapped again: %s\n",
	       answer(mmap(p + 40 * GIB - MIB, 2 * MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			   -1, 0)));
	printf("it is empty: %d, its neighbour is not: %d\n", p[40 * GIB + 4097],
	       p[80 * GIB + 8194]);
	munmap(p, 8 * TIB);
}

/* One page of each 256 KiB: 24 MiB of 1.5 GiB. */
static void sparse(void)
{
	const unsigned long pages = 6000, step = 256 * KIB;
	char *p = map(pages * step, RW, MAP_NORESERVE);
	unsigned long wrong = 0;
	for (unsigned long k = 0; k < pages; k++)
		memset(p + k * step, (int)k + 1, 100);
	for (unsigned long k = 0; k < pages; k++)
		wrong += p[k * step + 99] != (char)(k + 1) || p[k * step + 100] != 0;
	printf("sparse: %lu wrong\n", wrong);
	munmap(p, pages * step);
}

/* More in all than there is, in pieces that would fit; then one of them is used whole. */
static void many(void)
{
	enum { COUNT = 40 };
	char *p[COUNT];
	unsigned long wrong = 0;
	for (int k = 0; k < COUNT; k++) {
		p[k] = malloc(50 * MIB);
		if (!p[k])
			printf("%d: %s\n", k, strerror(errno));
		else
			p[k][k * MIB] = 1;
	}
	memset(p[COUNT - 1], 7, 50 * MIB);
	for (int k = 0; k < COUNT - 1; k++) {
		wrong += p[k][k * MIB] != 1;
		free(p[k]);
	}
	for (unsigned long at = 0; at < 50 * MIB; at += 4096)
		wrong += p[COUNT - 1][at] != 7;
	printf("many: %lu wrong\n", wrong);
	free(p[COUNT - 1]);
}

/* What the kernel reads and writes on the program's behalf. */
static void by_calls(void)
{
	char *p = map(2 * GIB, RW, MAP_NORESERVE), *text = malloc(MIB);
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned long wrong = 0;
	for (unsigned long k = 0; k < MIB; k++)
		text[k] = (char)(k * 7 + k / 4096);
	printf("written: %zd\n", write(fd, text, MIB));
	printf("written from what was never used: %zd\n", write(fd, p + 100 * MIB + 77, MIB));
	printf("read: %zd\n", pread(fd, p + GIB - 12345, MIB, 0));
	wrong += memcmp(p + GIB - 12345, text, MIB) != 0;
	struct iovec v[3] = {{p + 1500 * MIB, 3}, {p + 1600 * MIB + 4095, 2}, {p + 1700 * MIB, 9}};
	printf("read in pieces: %zd\n", preadv(fd, v, 3, 1));
	wrong += memcmp(p + 1500 * MIB, text + 1, 3) ||
		 memcmp(p + 1600 * MIB + 4095, text + 4, 2) || memcmp(p + 1700 * MIB, text + 6, 9);
	printf("a file's last byte into much: %zd\n",
	       pread(fd, p + 512 * MIB, 512 * MIB, 2 * MIB - 1));
	printf("the working directory: %s\n", getcwd(p + 1900 * MIB, 4096) ? "there" : "not there");
	printf("by calls: %lu wrong\n", wrong);
	munmap(p, 2 * GIB);
	close(fd);
}

/* Given back, protected, used again. */
static void changed(void)
{
	char *p = map(4 * GIB, RW, MAP_NORESERVE);
	unsigned long wrong = 0;
	for (int round = 0; round < 6; round++) {
		memset(p + round * 300 * MIB, 1, 100 * MIB);
		wrong += p[round * 300 * MIB + 5] != 1;
		wrong += madvise(p, 4 * GIB, MADV_DONTNEED) != 0 || p[round * 300 * MIB + 5] != 0;
	}
	wrong += mprotect(p + GIB, GIB, PROT_READ) || p[GIB + 5] != 0 || p[2 * GIB - 1] != 0;
	wrong += pread(open("file", O_RDONLY), p + GIB + MIB, 10, 0) != -1 || errno != EFAULT;
	wrong += mprotect(p + GIB + MIB, 4096, RW) || (p[GIB + MIB] = 3) != 3;
	wrong += mprotect(p, 4 * GIB, PROT_NONE) || mprotect(p, 4 * GIB, RW) || p[GIB + MIB] != 3;
	printf("changed: %lu wrong\n", wrong);
	munmap(p, 4 * GIB);
}

static void heap(void)
{
	char *start = sbrk(0);
	printf("1 GiB of heap: %s\n", sbrk(GIB) == (void *)-1 ? strerror(errno) : "ok");
	start[GIB - 1] = 4;
	printf("and back: %d\n", sbrk(-(long)GIB) == start + GIB);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sizes();
	scattered();
	sparse();
	many();
	by_calls();
	changed();
	heap();
	return 0;
}
