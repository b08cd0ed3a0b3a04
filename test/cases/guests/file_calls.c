/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on files with a user or two each: extended attributes, nodes, FIFOs, flags of preadv2 and
 * pwritev2, copy_file_range, statx, open flags, a working directory that was removed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "show.h"

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	(void)!write(fd, text, strlen(text));
	return fd;
}

static void attributes(void)
{
	static char large[70000], buf[70000], name[300];
	int fd = make("file", "text");
	symlink("file", "link");
	symlink("nowhere", "dangling");
	mkdir("dir", 0755);
	SHOW(getxattr("file", "user.none", buf, 9));
	SHOW(setxattr("file", "user.one", "value", 5, 0));
	if (errno == EOPNOTSUPP)
		return; /* the file system has none */
	SHOW(setxattr("file", "user.one", "value", 5, XATTR_CREATE));
	SHOW(setxattr("file", "user.two", "value", 5, XATTR_REPLACE));
	SHOW(setxattr("link", "user.two", "", 0, 0));
	SHOW(fsetxattr(fd, "user.three", "\0x", 2, XATTR_CREATE));
	SHOW(getxattr("link", "user.one", buf, 99));
	printf("%.5s\n", buf);
	SHOW(getxattr("file", "user.one", NULL, 0));
	SHOW(getxattr("file", "user.one", buf, 3));
	SHOW(fgetxattr(fd, "user.two", buf, 3));
	SHOW(listxattr("file", NULL, 0));
	SHOW(listxattr("file", buf, 5));
	SHOW(flistxattr(fd, buf, 100));
	SHOW(llistxattr("link", buf, 100));
	SHOW(lgetxattr("link", "user.one", buf, 100));
	SHOW(lsetxattr("link", "user.one", "x", 1, 0));
	SHOW(lremovexattr("link", "user.one"));
	SHOW(removexattr("file", "user.one"));
	SHOW(removexattr("file", "user.one"));
	SHOW(fremovexattr(fd, "user.two"));
	SHOW(setxattr("dir", "user.dir", "x", 1, 0));
	SHOW(getxattr("dir", "user.dir", buf, 9));
	SHOW(getxattr("nothing", "user.x", buf, 9));
	SHOW(getxattr("dangling", "user.x", buf, 9));
	SHOW(setxattr("file", "", "x", 1, 0));
	SHOW(setxattr("file", "user.", "x", 1, 0));
	SHOW(setxattr("file", "nothing", "x", 1, 0));
	SHOW(setxattr("file", "user.x", "x", 1, 4));
	SHOW(setxattr("file", "user.large", large, sizeof(large), 0));
	memset(name, 'n', 280);
	memcpy(name, "user.", 5);
	SHOW(setxattr("file", name, "x", 1, 0));
	SHOW(setxattr("file", (char *)8, "x", 1, 0));
	SHOW(fgetxattr(-1, "user.x", buf, 1));
	SHOW(fgetxattr(99, "user.x", buf, 1));
	SHOW(fsetxattr(open("file", O_RDONLY), "user.readonly", "x", 1, 0));
}

static void nodes(void)
{
	struct stat st;
	char buf[20] = {0};
	umask(027);
	SHOW(mkfifo("fifo", 0666));
	SHOW(mkfifo("fifo", 0666));
	SHOW(mknod("regular", S_IFREG | 0777, 0));
	SHOW(mknod("plain", 0644, 0));
	SHOW(mknod("socket", S_IFSOCK | 0777, 0));
	SHOW(mknod("directory", S_IFDIR | 0777, 0));
	SHOW(mknod("no/where", S_IFIFO | 0777, 0));
	SHOW(mknod("slash/", S_IFIFO | 0777, 0));
	SHOW(mknod("odd", 0150000 | 0777, 0));
	umask(022);
	const char *const all[] = {"fifo", "regular", "plain", "socket"};
	for (int i = 0; i < 4; i++) {
		stat(all[i], &st);
		printf("%s %o\n", all[i], st.st_mode);
	}
	SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
	int r = open("fifo", O_RDONLY | O_NONBLOCK), w = open("fifo", O_WRONLY);
	SHOW(read(r, buf, 1));
	SHOW(write(w, "through", 7));
	SHOW(read(r, buf, 19));
	printf("%s\n", buf);
	int second = open("fifo", O_RDONLY); /* a writer is there: it need not wait */
	SHOW(second >= 0);
	SHOW(fcntl(second, F_GETFL) & O_NONBLOCK);
	close(w);
	SHOW(read(r, buf, 1));
	int both = open("fifo", O_RDWR);
	SHOW(write(both, "x", 1));
	SHOW(read(both, buf, 1));
	SHOW(unlink("fifo"));
}

static void transfers(void)
{
	int fd = make("transfers", "0123456789");
	char buf[8];
	struct iovec v = {"ab", 2}, in = {buf, 4};
	struct stat st;
	SHOW(pwritev2(fd, &v, 1, 0, RWF_APPEND));
	fstat(fd, &st);
	printf("size %ld\n", (long)st.st_size);
	SHOW(fcntl(fd, F_GETFL) & O_APPEND);
	SHOW(pwritev2(fd, &v, 1, 0, RWF_SYNC));
	SHOW(pwritev2(fd, &v, 1, -1, RWF_DSYNC));
	SHOW(preadv2(fd, &in, 1, 0, RWF_HIPRI));
	SHOW(preadv2(fd, &in, 1, 0, 1 << 20));
	int p[2];
	pipe(p);
	(void)!write(p[1], "abc", 3);
	SHOW(tee(p[0], p[1], 5, 0));
	SHOW(tee(fd, p[1], 5, 0));
	off_t a = 0, b = 2, c = 100;
	SHOW(copy_file_range(fd, &a, fd, &b, 5, 0));
	SHOW(copy_file_range(fd, &a, fd, &c, 5, 0));
	SHOW(copy_file_range(p[0], NULL, fd, NULL, 5, 0));
	SHOW(copy_file_range(open(".", O_RDONLY), NULL, fd, NULL, 5, 0));
	SHOW(ioctl(fd, 0x40049409 /* FICLONE */, fd) < 0);
	SHOW(open("transfers", O_RDONLY | O_ASYNC) > 0);
}

static void looks(void)
{
	struct statx st;
	SHOW(statx(AT_FDCWD, "file", 0x40000, STATX_ALL, &st));
	SHOW(statx(AT_FDCWD, "file", 0, 1U << 31, &st));
	SHOW(statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_ALL, &st));
	SHOW(statx(AT_FDCWD, "file", AT_STATX_DONT_SYNC, STATX_SIZE, &st));
	char cwd[4096];
	mkdir("gone", 0755);
	chdir("gone");
	SHOW(rmdir("../gone"));
	SHOW(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	chdir("/data");
	SHOW(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	mkdir("dir/sub", 0755);
	SHOW(rmdir("dir/sub/."));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(60);
	attributes();
	nodes();
	transfers();
	looks();
	return 0;
}
