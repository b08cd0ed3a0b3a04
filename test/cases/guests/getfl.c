/* SPDX-License-Identifier: Apache-2.0 */
/* O_NONBLOCK is shown where it was set, and only there. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void show(const char *what, int fd)
{
	printf("%s %#x\n", what, fcntl(fd, F_GETFL));
}

int main(void)
{
	int file = open("x", O_RDWR | O_CREAT, 0644), p[2];
	show("file", file);
	show("reader", open("x", O_RDONLY));
	show("directory", open(".", O_RDONLY));
	show("O_DIRECTORY", open(".", O_RDONLY | O_DIRECTORY));
	show("non-blocking file", open("x", O_RDWR | O_NONBLOCK));
	show("non-blocking directory", open(".", O_RDONLY | O_NONBLOCK));
	show("appending", open("x", O_WRONLY | O_APPEND));
	printf("%d\n", fcntl(file, F_SETFL, O_NONBLOCK));
	show("set", file);
	show("its duplicate", dup(file));
	printf("%d\n", fcntl(file, F_SETFL, O_APPEND));
	show("other set", file);
	printf("%d\n", fcntl(file, F_SETFL, 0));
	show("none", file);
	pipe(p);
	show("pipe", p[0]);
	show("its end", p[1]);
	printf("%d\n", fcntl(p[0], F_SETFL, O_NONBLOCK));
	show("set", p[0]);
	return 0;
}
