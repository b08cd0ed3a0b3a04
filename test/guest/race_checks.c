/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's half of test/unit/vm_race.c: race_checks TIMES. While the host swaps what paths lead
 * to between a directory of the guest's and symlinks out of it, uses them in every way; whatever it
 * gets hold of must be its own. Prints how often it got something and how often it was refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long got, refused;

static void fail(const char *what)
{
	fprintf(stderr, "%s: errno %d\n", what, errno);
	exit(1);
}

static void outcome(int ok)
{
	if (ok)
		got++;
	else
		refused++;
}

/* Reads what is there: "mine", or nothing. */
static void open_and_read(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY);
	outcome(fd >= 0);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) != 4 || strcmp(text, "mine") != 0)
		fail(path);
	close(fd);
}

/* The guest's has 4 bytes, the other one more. */
static void look(const char *path)
{
	struct stat st;
	int rc = stat(path, &st);
	outcome(rc == 0);
	if (rc == 0 && S_ISREG(st.st_mode) && st.st_size != 4)
		fail(path);
}

/* What is made or removed by a path must be in the guest's tree: the host looks afterwards. */
static void change(int i)
{
	int fd;
	switch (i % 5) {
	case 0:
		fd = open("swap/new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		outcome(fd >= 0);
		if (fd >= 0)
			close(fd);
		break;
	case 1:
		outcome(unlink("swap/new") == 0);
		break;
	case 2:
		outcome(mkdir("swap/made", 0700) == 0);
		break;
	case 3:
		outcome(rmdir("swap/made") == 0);
		break;
	case 4:
		outcome(rename("file", "swap/moved") == 0);
		outcome(rename("swap/moved", "file") == 0);
		break;
	}
}

int main(int argc, char **argv)
{
	long times = argc > 1 ? atol(argv[1]) : 0;
	for (long i = 0; i < times; i++) {
		switch (i % 6) {
		case 0:
		case 1:
			open_and_read("swap/secret"); /* `swap`: a directory, or a symlink out */
			break;
		case 2:
			/* x/y is moved out and back: `..` may be outside */
			open_and_read("x/y/../../secret");
			break;
		case 3:
			open_and_read("name"); /* a file, or a symlink to one outside */
			break;
		case 4:
			look(i % 12 < 6 ? "name" : "swap/secret");
			break;
		case 5:
			change((int)(i / 6));
			break;
		}
	}
	printf("%lu %lu\n", got, refused);
	return 0;
}
