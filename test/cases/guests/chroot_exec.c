/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve after chroot: the program is found below the new root.
 * cases: setup mkdir -p sub && echo inside > sub/file && cp "$program" sub/program
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[100] = "", *const next[] = {"next", "again", NULL};
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1) {
		SHOW(chroot("sub"));
		SHOW(chdir("/"));
		SHOW(execve("/nowhere", next, NULL));
		SHOW(execve("/program", next, NULL));
		return 1;
	}
	int fd = open("/file", O_RDONLY);
	SHOW(read(fd, text, sizeof(text)));
	printf("%s %s%s\n", argv[0], text, argv[1]);
	SHOW(setuid(1000));
	SHOW(chroot("/"));
	SHOW(chroot("nowhere"));
	return 0;
}
