/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordinary Linux program about paths and descriptors, with nothing of Mote in it. Its working
 * directory is /w.
 */
#define _GNU_SOURCE
#include "linux_check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* linux/openat2.h and sys/uio.h, which not every C library has. */
enum { RESOLVE_BENEATH = 8, RESOLVE_IN_ROOT = 0x10, RWF_NOWAIT_ = 8 };
struct open_how {
	uint64_t flags, mode, resolve;
};

static ssize_t read_at(int fd, const struct iovec *v, int64_t at, int flags)
{
	return syscall(SYS_preadv2, fd, v, 1L, at, 0L, flags);
}

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static int open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	return fd;
}

static void expect_text(int fd, const char *text)
{
	char got[64] = {0};
	CHECK(fd >= 0 && pread(fd, got, sizeof(got) - 1, 0) == (ssize_t)strlen(text) &&
	      strcmp(got, text) == 0);
	CHECK(close(fd) == 0);
}

/* a/b/c, a/file, d/file, and links: a/b/out -> /w/d, a/b/back -> ../../d, a/b/below -> /d */
static void make_tree(void)
{
	CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && mkdir("a/b/c", 0755) == 0 &&
	      mkdir("d", 0755) == 0);
	make_file("a/file", "in a");
	make_file("d/file", "in d");
	CHECK(symlink("/w/d", "a/b/out") == 0 && symlink("../../d", "a/b/back") == 0 &&
	      symlink("/d", "a/b/below") == 0); /* openat2 can make another directory the root */
}

static void do_above_descriptors(void)
{
	struct stat here, there;
	char text[64];
	make_tree();
	int b = open_dir(AT_FDCWD, "a/b"), c = open_dir(b, "c"), copy = dup(c);
	expect_text(openat(b, "../file", O_RDONLY), "in a");
	expect_text(openat(c, "../../file", O_RDONLY), "in a");
	expect_text(openat(copy, "../../../d/file", O_RDONLY), "in d");
	/* Symlinks that lead above the descriptor, relative and from the root. */
	expect_text(openat(b, "back/file", O_RDONLY), "in d");
	expect_text(openat(b, "out/file", O_RDONLY), "in d");
	/* All calls, not open alone. */
	CHECK(fstatat(c, "../../../d", &there, 0) == 0 && stat("d", &here) == 0 &&
	      here.st_ino == there.st_ino);
	CHECK(faccessat(c, "../..", X_OK, 0) == 0);
	CHECK(mkdirat(c, "../made", 0755) == 0 && symlinkat("x", c, "../link") == 0 &&
	      readlinkat(c, "../link", text, 64) == 1);
	CHECK(renameat(c, "../link", b, "../moved") == 0 && lstat("a/moved", &there) == 0);
	CHECK(renameat(AT_FDCWD, "a/moved", c, "../../back-again") == 0 &&
	      lstat("a/back-again", &there) == 0);
	CHECK(linkat(c, "../../file", c, "../../hard", 0) == 0 &&
	      unlinkat(c, "../../hard", 0) == 0);
	CHECK(unlinkat(c, "../made", AT_REMOVEDIR) == 0 && unlinkat(b, "../back-again", 0) == 0);
	CHECK(utimensat(c, "../../file", NULL, 0) == 0 && fchmodat(c, "../../file", 0600, 0) == 0);
	/* The top is the root, in which there is what the guest has and nothing of the host's. */
	FAILS(openat(c, "../../../../../../../../etc/passwd", O_RDONLY), ENOENT);
	CHECK(fstatat(c, "../../../..", &there, 0) == 0 && stat("/", &here) == 0 &&
	      here.st_ino == there.st_ino && here.st_dev == there.st_dev);
	CHECK(fstatat(c, "../../../../../../w", &there, 0) == 0 && stat(".", &here) == 0 &&
	      here.st_ino == there.st_ino);
	/* A directory that was moved: above it is what is above its new name. */
	CHECK(rename("a/b", "d/b") == 0);
	expect_text(openat(c, "../../file", O_RDONLY), "in d");
	int again = open_dir(AT_FDCWD, "d/b/c");
	expect_text(openat(again, "../../file", O_RDONLY), "in d");
	/* A number that is used again is another directory. */
	CHECK(close(again) == 0 && open("d/file", O_RDONLY) == again);
	FAILS(openat(again, "../file", O_RDONLY), ENOTDIR);
}

static void expect_cwd(const char *path)
{
	char text[PATH_MAX];
	CHECK(getcwd(text, sizeof(text)) == text && strcmp(text, path) == 0);
}

static void do_working_directory(void)
{
	make_tree();
	int start = open(".", O_RDONLY);
	/* What a link leads to, not what it is called. */
	CHECK(chdir("a/b/back") == 0);
	expect_cwd("/w/d");
	expect_text(open("file", O_RDONLY), "in d");
	CHECK(fchdir(start) == 0);
	expect_cwd("/w");
	CHECK(symlink("b/c", "a/deep") == 0 && chdir("a/deep/..") == 0);
	expect_cwd("/w/a/b");
	CHECK(chdir("/w//a/./b/../b/c/") == 0);
	expect_cwd("/w/a/b/c");
	CHECK(chdir("../../../../../..") == 0);
	expect_cwd("/");
	CHECK(chdir("w") == 0);
	expect_cwd("/w");
	int c = open_dir(AT_FDCWD, "a/b/c"), back = open_dir(AT_FDCWD, "a/b/back");
	CHECK(fchdir(c) == 0);
	expect_cwd("/w/a/b/c");
	CHECK(fchdir(back) == 0);
	expect_cwd("/w/d");
	FAILS(chdir("file"), ENOTDIR);
	FAILS(chdir("none"), ENOENT);
	FAILS(chdir(""), ENOENT);
	int file = open("file", O_RDONLY);
	FAILS(fchdir(file), ENOTDIR);
	FAILS(fchdir(999), EBADF);
	CHECK(symlink("loop", "loop") == 0);
	FAILS(chdir("loop"), ELOOP);
	expect_cwd("/w/d");
	/* Many names: what is forgotten is forgotten, nothing else. */
	for (int i = 0; i < 3000; i++) {
		int fd = open_dir(AT_FDCWD, i & 1 ? "/w/a/b/c" : "/w/a/b");
		CHECK(fchdir(fd) == 0 && close(fd) == 0);
	}
	expect_cwd("/w/a/b/c");
	CHECK(fchdir(start) == 0);
	expect_cwd("/w");
}

static int openat2_(int at, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags,
		.mode = flags & O_CREAT ? 0600 : 0,
		.resolve = resolve,
	};
	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

static void do_newer_calls(void)
{
	char text[8];
	struct iovec v = {text, 4};
	make_tree();
	int b = open_dir(AT_FDCWD, "a/b");
	expect_text(openat2_(b, "../file", O_RDONLY, 0), "in a");
	FAILS(openat2_(b, "../file", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	FAILS(openat2_(b, "back/file", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	FAILS(openat2_(b, "../file", O_RDONLY, RESOLVE_IN_ROOT), ENOENT);
	CHECK(mkdir("a/b/d", 0755) == 0);
	make_file("a/b/d/file", "in b");
	expect_text(openat2_(b, "below/file", O_RDONLY, RESOLVE_IN_ROOT), "in b");
	expect_text(openat2_(AT_FDCWD, "a/file", O_RDONLY, RESOLVE_BENEATH), "in a");
	FAILS(openat2_(AT_FDCWD, "../a/file", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	FAILS(openat2_(b, "x", O_RDONLY, 1 << 10), EINVAL);
	FAILS(openat2_(b, "x", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
	int fd = openat2_(b, "new", O_RDWR | O_CREAT, RESOLVE_BENEATH);
	CHECK(fd >= 0 &&
	      syscall(SYS_pwritev2, fd, &(struct iovec){"abcdef", 6}, 1L, 0L, 0L, 0) == 6);
	CHECK(read_at(fd, &v, 2, 0) == 4 && memcmp(text, "cdef", 4) == 0);
	CHECK(read_at(fd, &v, -1, 0) == 4 && memcmp(text, "abcd", 4) == 0 &&
	      lseek(fd, 0, SEEK_CUR) == 4);
	long at_once = read_at(fd, &v, 0, RWF_NOWAIT_); /* not every file system can say */
	CHECK(at_once == 4 || (at_once == -1 && errno == EOPNOTSUPP));
	CHECK(syscall(SYS_faccessat2, b, "new", R_OK, AT_EACCESS) == 0);
	CHECK(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH) == 0);
	FAILS(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH), EACCES);
	FAILS(syscall(SYS_faccessat2, b, "new", 8, 0), EINVAL);
	FAILS(syscall(SYS_faccessat2, b, "new", R_OK, 0x8000), EINVAL);
	CHECK(dup2(fd, 100) == 100 && dup2(fd, 500) == 500);
	CHECK(syscall(SYS_close_range, 50, ~0U, 0) == 0 && fcntl(fd, F_GETFD) == 0);
	FAILS(fcntl(100, F_GETFD), EBADF);
	FAILS(fcntl(500, F_GETFD), EBADF);
	FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	expect_text(openat(b, "../file", O_RDONLY),
		    "in a"); /* what resolves paths is still there */
	CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC &&
	      fcntl(dup(fd), F_GETFD) == 0);
	FAILS(dup2(fd, 1024), EBADF);
	FAILS(fcntl(fd, F_DUPFD, 1024), EINVAL);
	FAILS(dup3(fd, fd, 0), EINVAL);
}

static void do_own_descriptors(void)
{
	char text[64] = {0};
	struct stat one, two;
	make_tree();
	int out = open("/dev/stdout", O_WRONLY), err = open("/proc/self/fd/2", O_WRONLY),
	    d = open_dir(AT_FDCWD, "d");
	CHECK(out >= 3 && err >= 3 && write(out, "to stdout\n", 10) == 10 &&
	      write(err, "to stderr\n", 10) == 10);
	FAILS(open("/dev/fd/77", O_RDONLY), ENOENT);
	CHECK(stat("/dev/stdout", &one) == 0 && fstat(1, &two) == 0 && one.st_ino == two.st_ino &&
	      access("/dev/stdout", W_OK) == 0);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", d);
	char name[64] = {0};
	CHECK(readlink(text, name, sizeof(name)) == 4 && strcmp(name, "/w/d") == 0);
	CHECK(readlink("/proc/self/exe", name, sizeof(name)) > 0);
	/*
	 * What changes a file is for the one behind the descriptor; what makes and removes names is
	 * for the names.
	 */
	snprintf(text, sizeof(text), "/dev/fd/%d", d);
	CHECK(chmod(text, 0711) == 0 && fstat(d, &one) == 0 && (one.st_mode & 07777) == 0711);
	CHECK(chown(text, (uid_t)-1, (gid_t)-1) == 0 && utimensat(AT_FDCWD, text, NULL, 0) == 0);
	FAILS(mkdir("/dev/stdout", 0700), EEXIST);
	FAILS(unlink("/dev/stderr"), EROFS);
	FAILS(rename("/dev/stdout", "x"), EXDEV);
	FAILS(readlink("d", name, sizeof(name)), EINVAL);
	CHECK(chdir(text) == 0 && getcwd(name, sizeof(name)) && strcmp(name, "/w/d") == 0);
}

int main(int argc, char **argv)
{
	static const struct check checks[] = {
		{"above-descriptors", do_above_descriptors},
		{"working-directory", do_working_directory},
		{"newer-calls", do_newer_calls},
		{"own-descriptors", do_own_descriptors},
	};
	return run_check(checks, sizeof(checks) / sizeof(checks[0]), argc > 1 ? argv[1] : "");
}
