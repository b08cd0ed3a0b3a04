/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks: where a range begins and ends, and what is an error. */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int file, reader;

static void set(const char *what, int fd, int command, int type, int whence, int64_t start,
		int64_t length)
{
	struct flock lock = {.l_type = (short)type,
			     .l_whence = (short)whence,
			     .l_start = start,
			     .l_len = length};
	const int rc = fcntl(fd, command, &lock);
	say(what, rc);
}

/* What is locked by the process, as an open file of its own meets it. */
static void list(void)
{
	for (int64_t at = 0;;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at};
		if (fcntl(reader, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
			break;
		printf("  %s %lld %lld\n", lock.l_type == F_RDLCK ? "read" : "write",
		       (long long)lock.l_start, (long long)lock.l_len);
		if (lock.l_len == 0 || lock.l_start > INT64_MAX - lock.l_len)
			break;
		at = lock.l_start + lock.l_len;
	}
}

static void ranges(int command)
{
	lseek(file, 30, SEEK_SET);
	set("from the beginning", file, command, F_WRLCK, SEEK_SET, 5, 3);
	set("from the offset", file, command, F_RDLCK, SEEK_CUR, 5, 3);
	set("before the offset", file, command, F_RDLCK, SEEK_CUR, -20, 1);
	set("from the end", file, command, F_WRLCK, SEEK_END, 10, 5);
	set("before the end", file, command, F_WRLCK, SEEK_END, -5, 2);
	set("a negative length", file, command, F_RDLCK, SEEK_SET, 60, -4);
	set("to the end", file, command, F_WRLCK, SEEK_SET, 1000, 0);
	set("to the last byte", file, command, F_RDLCK, SEEK_SET, INT64_MAX - 5, 6);
	set("the last byte", file, command, F_WRLCK, SEEK_SET, INT64_MAX, 1);
	list();
	set("what joins two", file, command, F_WRLCK, SEEK_SET, 8, 5);
	set("the middle of one", file, command, F_RDLCK, SEEK_SET, 1010, 10);
	set("none in the middle", file, command, F_UNLCK, SEEK_SET, 1015, 2);
	list();
	set("none at all", file, command, F_UNLCK, SEEK_SET, 0, 0);
	list();
}

static void errors(int command)
{
	set("before the first byte", file, command, F_WRLCK, SEEK_SET, -1, 1);
	set("the same, backwards", file, command, F_WRLCK, SEEK_SET, 3, -4);
	set("behind the last byte", file, command, F_WRLCK, SEEK_SET, INT64_MAX, 2);
	set("an offset behind it", file, command, F_WRLCK, SEEK_CUR, INT64_MAX, 1);
	set("the least length", file, command, F_WRLCK, SEEK_SET, INT64_MAX, INT64_MIN);
	set("the least of all", file, command, F_WRLCK, SEEK_END, INT64_MIN, INT64_MIN);
	set("an unknown whence", file, command, F_WRLCK, 9, 0, 1);
	set("SEEK_DATA", file, command, F_WRLCK, SEEK_DATA, 0, 1);
	set("an unknown type", file, command, 9, SEEK_SET, 0, 1);
	set("a negative type", file, command, -1, SEEK_SET, 0, 1);
	set("writing what is for reading", reader, command, F_WRLCK, SEEK_SET, 0, 1);
	list();
}

int main(void)
{
	int ends[2];
	file = open("locked", O_RDWR | O_CREAT | O_TRUNC, 0644);
	reader = open("locked", O_RDONLY);
	SAY(file >= 0 && reader >= 0 && ftruncate(file, 100) == 0);
	ranges(F_SETLK);
	errors(F_SETLK);
	ranges(F_SETLKW);
	set("an open file's", file, F_OFD_SETLK, F_WRLCK, SEEK_CUR, 0, 4);
	list();
	set("an open file's, unlocked", file, F_OFD_SETLK, F_UNLCK, SEEK_END, -100, 0);
	errors(F_OFD_SETLKW);
	/* Without an offset. */
	SAY(pipe(ends));
	set("a pipe", ends[1], F_SETLK, F_WRLCK, SEEK_CUR, 0, 1);
	set("a pipe's end for reading", ends[0], F_SETLK, F_WRLCK, SEEK_END, 0, 1);
	set("what has only a place", open("locked", O_PATH), F_SETLK, F_RDLCK, SEEK_CUR, 0, 1);
	set("nothing", 99, F_SETLK, F_RDLCK, SEEK_SET, 0, 1);
	return 0;
}
