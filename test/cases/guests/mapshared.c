/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
	int f = open("m", O_RDWR | O_CREAT | O_TRUNC, 0644);
	pwrite(f, "old", 4, 0);
	char *map = mmap(0, 4096, PROT_READ, MAP_SHARED, f, 0);
	pwrite(f, "new", 4, 0);
	printf("%s\n", map); /* Linux: new */
	if (!mprotect(map, 4096, PROT_READ | PROT_WRITE)) {
		map[0] = 'M';
		msync(map, 4096, MS_SYNC);
		char b[4];
		pread(f, b, 4, 0);
		printf("%s\n", b); /* Linux: Mew */
	}
	return 0;
}
