/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openat2: what it says of its arguments, and paths that are to stay below a directory, or to go
 * by no symlink.
 *
 * cases: setup mkdir -p dir/sub; echo text >dir/f; ln -s f dir/in; ln -s ../out dir/up
 * cases: setup echo out >out; ln -s dir to-dir; ln -s /dir/f dir/absolute
 * cases: setup ln -s nothing dir/dangling; ln -s ../../../../f dir/sub/climbs
 * cases: setup ln -s /proc/self/fd/0 dir/magic; ln -s b dir/a; ln -s a dir/b
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void tell(const char *what, const char *path, long fd)
{
	struct stat st;
	if (fd < 0) {
		printf("%s %s: %s\n", what, path, strerrorname_np(errno));
		return;
	}
	fstat(fd, &st);
	printf("%s %s: type %o flags %x closes %d\n", what, path, st.st_mode & S_IFMT,
	       fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH),
	       fcntl(fd, F_GETFD));
	close(fd);
}

static const struct {
	const char *name;
	uint64_t flags;
} ways[] = {
	{"no-symlinks", RESOLVE_NO_SYMLINKS},
	{"no-magic", RESOLVE_NO_MAGICLINKS},
	{"no-links", RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS},
	{"beneath", RESOLVE_BENEATH},
	{"in-root", RESOLVE_IN_ROOT},
	{"beneath-no-symlinks", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS},
	{"beneath-no-magic", RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS},
	{"in-root-no-symlinks", RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS},
	{"in-root-no-magic", RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS},
};

static const char *const paths[] = {
	"f",        "in",         "sub",      "sub/", ".",       "..",  "../out",
	"up",       "sub/..",     "sub/../f", "none", "none/..", "f/x", "dangling",
	"absolute", "sub/climbs", "a",        "a/x",  "",        "in/",
};

static void all(int dir)
{
	for (size_t w = 0; w < COUNT(ways); w++)
		for (size_t p = 0; p < COUNT(paths); p++) {
			tell(ways[w].name, paths[p],
			     open2(dir, paths[p], O_RDONLY, 0, ways[w].flags));
			tell("  nofollow", paths[p],
			     open2(dir, paths[p], O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
				   ways[w].flags));
		}
}

static void making(int dir)
{
	for (size_t w = 0; w < COUNT(ways); w++) {
		static const char *const names[] = {"new", "sub/new", "in", "../new"};
		for (size_t n = 0; n < COUNT(names); n++) {
			tell(ways[w].name, names[n],
			     open2(dir, names[n], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640,
				   ways[w].flags));
			tell("  exclusive", names[n],
			     open2(dir, names[n], O_RDWR | O_CREAT | O_EXCL, 0600, ways[w].flags));
		}
		unlinkat(dir, "new", 0);
		unlinkat(dir, "sub/new", 0);
		unlinkat(dir, "nothing", 0);
		unlinkat(AT_FDCWD, "new", 0);
	}
}

static void arguments(int dir)
{
	struct {
		struct open_how how;
		uint64_t more[8];
	} large = {.how = {.flags = O_RDONLY}};
	static const struct {
		uint64_t flags, mode, resolve;
	} tries[] = {
		{O_RDONLY, 0600, 0},
		{O_RDWR | O_CREAT, 010000, 0},
		{O_RDWR | O_CREAT, 07777, 0},
		{1UL << 40, 0, 0},
		{1 << 30, 0, 0},
		{O_RDONLY, 0, 1UL << 40},
		{O_RDONLY, 0, 0x40},
		{O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT},
		{O_PATH | O_RDWR, 0, 0},
		{O_PATH | O_APPEND, 0, 0},
		{O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, 0},
		{O_TMPFILE | O_RDONLY, 0600, 0},
		{O_TMPFILE & ~O_DIRECTORY | O_RDWR, 0600, 0},
		{O_RDONLY | O_CREAT, 0600, RESOLVE_CACHED},
		{O_WRONLY | O_TRUNC, 0, RESOLVE_CACHED},
		{O_RDONLY, 0, RESOLVE_CACHED | 0x80},
	};
	for (size_t i = 0; i < COUNT(tries); i++)
		tell("try", "f", open2(dir, "f", tries[i].flags, tries[i].mode, tries[i].resolve));
	for (size_t size = 0; size <= sizeof(large); size += 8)
		printf("size %zu: ", size),
			tell("", "f", syscall(SYS_openat2, dir, "f", &large, size));
	large.more[7] = 1;
	tell("something behind it", "f", syscall(SYS_openat2, dir, "f", &large, sizeof(large)));
	tell("too large", "f", syscall(SYS_openat2, dir, "f", &large, 4097));
	tell("no how", "f", syscall(SYS_openat2, dir, "f", NULL, sizeof(large.how)));
	tell("no path", "", syscall(SYS_openat2, dir, NULL, &large, sizeof(large.how)));
	tell("absolute", "/", open2(dir, "/f", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("absolute", "/f", open2(dir, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	tell("absolute", "///", open2(dir, "///", O_RDONLY, 0, RESOLVE_IN_ROOT));
	tell("not a directory", "x", open2(0, "x", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("no descriptor", "x", open2(99, "x", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("here", "dir/f", open2(AT_FDCWD, "dir/f", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("here", "to-dir/f", open2(AT_FDCWD, "to-dir/f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	tell("magic", "magic", open2(dir, "magic", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	tell("magic", "followed",
	     open2(AT_FDCWD, "/proc/self/fd/0", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	int proc = open("/proc/self", O_PATH | O_DIRECTORY);
	tell("in proc", "status", open2(proc, "status", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("in proc", "fd/0", open2(proc, "fd/0", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("in proc", "..", open2(proc, "../version", O_RDONLY, 0, RESOLVE_BENEATH));
	tell("in proc", "none", open2(proc, "none", O_RDONLY, 0, RESOLVE_BENEATH));
}

int main(void)
{
	int dir = open("dir", O_PATH | O_DIRECTORY);
	all(dir);
	making(dir);
	arguments(dir);
	return 0;
}
