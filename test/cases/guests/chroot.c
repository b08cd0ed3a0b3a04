/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chroot: what paths, descriptors, links and the working directory are afterwards.
 * cases: setup mkdir -p sub/a/b other && touch plain
 * cases: setup echo inside > sub/file; echo outside > file
 * cases: setup ln -s /file sub/a/absolute; ln -s ../../../../file sub/a/above
 * cases: setup ln -s /data/file sub/a/nowhere
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void cat(const char *path)
{
	char text[100] = "";
	int fd = open(path, O_RDONLY);
	long n = RESULT(fd < 0 ? fd : read(fd, text, sizeof(text) - 1));
	printf("%s: %ld %s", path, fd < 0 ? -errno : n, fd < 0 ? "\n" : text);
	close(fd);
}

static void where(void)
{
	char cwd[PATH_MAX];
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : strerror(errno));
}

static int same(const char *a, const char *b)
{
	struct stat s, t;
	return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_ino == t.st_ino && s.st_dev == t.st_dev;
}

static void errors(void)
{
	SHOW(chroot("nowhere"));
	SHOW(chroot("plain"));
	SHOW(chroot(""));
	SHOW(chroot((char *)8));
	SHOW(chroot("plain/x"));
	SHOW(chroot("/"));
	where();
	cat("file");
	SHOW(access("/proc/self/fd", F_OK));
}

static void inside(int before)
{
	where();
	cat("/file");
	cat("/a/absolute");
	cat("/a/above");
	cat("/a/nowhere");
	cat("/../../file");
	cat("a/../file");
	SHOW(same("/", "/.."));
	SHOW(same("/", "/a/../.."));
	SHOW(open("/data/file", O_RDONLY));
	SHOW(access("/proc", F_OK));
	SHOW(access("/proc/self/fd/0", F_OK));
	SHOW(access("/dev/stdout", F_OK));
	SHOW(open("/dev/null", O_RDONLY));
	SHOW(mkdir("/dev", 0700));
	SHOW(mkdir("/proc", 0700));
	SHOW(open("/proc/made", O_WRONLY | O_CREAT, 0600) >= 0);
	SHOW(access("/proc/made", F_OK));
	int fd = openat(before, "file", O_RDONLY);
	SHOW(fd >= 0);
	close(fd);
	SHOW(rename("/file", "/a/moved"));
	cat("/a/moved");
	SHOW(rename("/a/moved", "/file"));
	SHOW(fchdir(before));
	where();
	cat("file");
	SHOW(chdir("/"));
	where();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	errors();
	int before = open("sub/a/..", O_RDONLY | O_DIRECTORY), outside = open("other", O_PATH);
	SHOW(chdir("sub"));
	SHOW(chroot("."));
	inside(before);
	/* The working directory stays outside; what is relative to it is found there. */
	SHOW(fchdir(outside));
	SHOW(open("made", O_WRONLY | O_CREAT, 0600) >= 0);
	SHOW(chdir("/a"));
	SHOW(chroot("b"));
	SHOW(access("/b", F_OK));
	SHOW(access("absolute", F_OK) == 0 || errno == ENOENT);
	SHOW(chdir("/"));
	where();
	return 0;
}
