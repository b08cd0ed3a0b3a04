/* SPDX-License-Identifier: Apache-2.0 */
/* The devices that every program has, whatever its directories are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void show(const char *what, long value)
{
	if (value < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, value);
}

static void look(const char *path)
{
	struct stat st;
	char text[16] = "xxxxxxxxxxxxxxx";
	printf("--- %s\n", path);
	show("stat", stat(path, &st));
	printf("%o %u:%u\n", st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
	show("access", access(path, R_OK | W_OK));
	show("readlink", readlink(path, text, sizeof(text)));
	show("chdir", chdir(path));
	show("as a directory", open(path, O_RDONLY | O_DIRECTORY));
	show("exclusive", open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	printf("open %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
	if (fd < 0)
		return;
	long got = read(fd, text, sizeof(text));
	show("read", got);
	show("write", write(fd, "text", 4));
	show("fstat", fstat(fd, &st));
	printf("%o %u:%u\n", st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
	close(fd);
	fd = open(path, O_RDONLY);
	show("flags", fcntl(fd, F_GETFL) & O_ACCMODE);
	show("write without the right", write(fd, "text", 4));
	close(fd);
}

int main(void)
{
	look("/dev/null");
	look("/dev/zero");
	look("/dev/full");
	look("//dev//null");
	int random = open("/dev/random", O_RDONLY), urandom = open("/dev/urandom", O_RDONLY);
	unsigned char bytes[2][32] = {0};
	show("random", read(random, bytes[0], 32));
	show("urandom", read(urandom, bytes[1], 32));
	printf("%s\n", memcmp(bytes[0], bytes[1], 32) ? "differ" : "are the same");
	show("tty", open("/dev/tty", O_RDWR | O_NOCTTY)); /* nobody has a terminal here */
	show("/dev/null/x", open("/dev/null/x", O_RDONLY));
	FILE *f = freopen("/dev/null", "w", stderr);
	show("freopen", f ? 0 : -1);
	return 0;
}
