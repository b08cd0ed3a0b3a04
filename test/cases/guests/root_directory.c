/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root directory, /dev and what is above a directory: they are there and can be listed,
 * whichever directories the program has.
 *
 * cases: dir below:/a/b/c
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void list(const char *path, const char *const names[], int only)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int others = 0;
	printf("%s: %s\n", path, d ? "" : strerrorname_np(errno));
	if (!d)
		return;
	for (int i = 0; names[i]; i++) {
		rewinddir(d);
		while ((e = readdir(d)) && strcmp(e->d_name, names[i]) != 0)
			;
		struct stat st;
		printf("  %s %s", names[i], e ? "is there" : "is missing");
		if (e && fstatat(dirfd(d), names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			printf(" %o", st.st_mode & S_IFMT);
		printf(" %d\n", e && e->d_type == DT_LNK);
	}
	rewinddir(d);
	while ((e = readdir(d)))
		others++;
	if (only)
		printf("  %d entries\n", others);
	closedir(d);
}

static void go(const char *path)
{
	char at[64] = "";
	struct stat st;
	int rc = chdir(path);
	printf("chdir %s: %s, %s", path, rc < 0 ? strerrorname_np(errno) : "ok",
	       getcwd(at, sizeof(at)));
	printf(" %d\n", stat(".", &st) == 0 && S_ISDIR(st.st_mode));
}

int main(void)
{
	list("/", (const char *const[]){".", "..", "data", "dev", "proc", "a", NULL}, 0);
	list("/dev",
	     (const char *const[]){"null", "zero", "full", "random", "urandom", "tty", "fd",
				   "stdin", "stdout", "stderr", NULL},
	     1);
	list("/a", (const char *const[]){"b", NULL}, 1);
	list("/a/b", (const char *const[]){"c", "x", NULL}, 1);
	list("/a/b/c", (const char *const[]){".", "x", NULL}, 1);
	list("/x", (const char *const[]){NULL}, 0);
	list("/a/x", (const char *const[]){NULL}, 0);
	list("/dev/null", (const char *const[]){NULL}, 0);
	list("/dev/x", (const char *const[]){NULL}, 0);
	go("/a");
	go("b");
	go("c");
	go("../..");
	go("../dev");
	go("..");
	go("proc/self/../../data");
	int root = open("/", O_RDONLY | O_DIRECTORY), dev = open("/dev", O_PATH);
	printf("%d\n", openat(root, "data", O_RDONLY) >= 0);
	printf("%d\n", openat(dev, "null", O_RDWR) >= 0);
	printf("%d\n", openat(dev, "../a/b/c/../../../dev/zero", O_RDWR) >= 0);
	printf("%d\n", fchdir(root));
	return 0;
}
