/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIFOs opened again and again between other calls, as programs that make calls close together do:
 * for reading with a writer that has written and one that has not, without waiting, for writing.
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 3000 };

static int failed;

/* Says the first thing that goes wrong in each round. */
static void expect(int holds, const char *what, int round)
{
	if (holds || failed++ > 3)
		return;
	printf("%s: round %d, %s\n", what, round, strerror(errno));
}

int main(void)
{
	struct stat st;
	char byte = 0;
	SHOW(mkfifo("f", 0600));
	int both = open("f", O_RDWR);
	for (int i = 0; i < ROUNDS; i++) {
		expect(stat("f", &st) == 0 && S_ISFIFO(st.st_mode), "stat", i);
		int r = open("f", O_RDONLY);
		expect(r >= 0, "open for reading", i);
		expect(write(both, "x", 1) == 1, "write", i);
		int full = open("f", O_RDONLY), w = open("f", O_WRONLY);
		expect(full >= 0 && w >= 0, "open of one that is not empty", i);
		int quick = open("f", O_RDONLY | O_NONBLOCK);
		expect(quick >= 0 && read(quick, &byte, 1) == 1 && byte == 'x', "read", i);
		expect(read(quick, &byte, 1) == -1 && errno == EAGAIN, "read of nothing", i);
		close(quick);
		close(w);
		close(full);
		close(r);
	}
	printf("%d failed\n", failed);
	return 0;
}
