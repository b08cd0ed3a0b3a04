/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program whose own system calls may fail, for test/security/nth-failure.test: 7 if one did, and
 * it says so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 7;
}

int main(void)
{
	char text[64] = "";
	struct timespec t;
	struct stat st;
	int in = open("/w/in", O_RDONLY);
	if (in < 0 || fstat(in, &st) < 0 || read(in, text, sizeof(text) - 1) != 5 || close(in) < 0)
		return failed("reading");
	int out = open("/w/out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0 || write(out, text, 5) != 5 || close(out) < 0 || unlink("/w/out") < 0)
		return failed("writing");
	char *heap = malloc(3 << 20);
	if (!heap)
		return failed("malloc");
	memset(heap, 1, 3 << 20);
	free(heap);
	if (clock_gettime(CLOCK_REALTIME, &t) < 0)
		return failed("the time");
	if (printf("said %s\n", text) < 0 || fflush(stdout) != 0)
		return failed("printing");
	return 0;
}
