/* SPDX-License-Identifier: Apache-2.0 */
/* Says what it was started with; ends with 3. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int count;

__attribute__((constructor)) static void construct(void)
{
	count++;
}

int main(int argc, char **argv)
{
	unsigned long random = 0;
	struct stat st;
	if (argc != 2 || getentropy(&random, sizeof(random)) < 0)
		return 1;
	printf("argument=%s variable=%s directory=%s count=%d random=%lx\n", argv[1], getenv("V"),
	       stat("/here", &st) == 0 ? "/here" : "none", count, random);
	return 3;
}
