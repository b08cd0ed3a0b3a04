/* SPDX-License-Identifier: Apache-2.0 */
/* mincore: what it says of pages in use, of holes, and of bad arguments. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "show.h"

enum { PAGE = 4096, PAGES = 8 };

int main(void)
{
	static int data;
	int local;
	unsigned char v[PAGES + 1];
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	memset(p, 1, PAGES * PAGE);
	memset(v, 9, sizeof(v));
	SAY(mincore(p, PAGES * PAGE, v));
	for (int i = 0; i <= PAGES; i++)
		printf("%d: %d\n", i, v[i] & (v[i] == 9 ? 9 : 1));
	SAY(mincore(p, 1, v));
	SAY(mincore(p, 0, v));
	SAY(mincore(p, 0, NULL));
	SAY(mincore(p + 1, PAGE, v));
	SAY(mincore(p, PAGE, NULL));
	SAY(mincore(p, -1L, v));
	SAY(mincore(p, -PAGE, v));
	SAY(mincore((void *)0xffff800000000000, PAGE, v));
	SAY(mincore(NULL, PAGE, v));
	munmap(p + 4 * PAGE, PAGE);
	SAY(mincore(p, 4 * PAGE, v));
	SAY(mincore(p, PAGES * PAGE, v));
	SAY(mincore(p + 4 * PAGE, PAGE, v));
	SAY(mincore((void *)((long)&data & -PAGE), PAGE, v));
	SAY(mincore((void *)((long)&local & -PAGE), PAGE, v));
	SAY(mincore((void *)((long)main & -PAGE), PAGE, v));
	char *heap = sbrk(PAGE);
	*heap = 1;
	SAY(mincore((void *)((long)heap & -PAGE), PAGE, v));
	return 0;
}
