/* SPDX-License-Identifier: Apache-2.0 */
/* The working directory and descriptors of directories follow what the program renames. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *what, long r)
{
	printf("%s: %ld %d\n", what, r < 0 ? -1 : r > 2 ? 1 : r, r < 0 ? errno : 0);
}

static void where(void)
{
	char at[4096];
	printf("at %s\n", getcwd(at, sizeof(at)) ? at : strerror(errno));
}

static void make(const char *file)
{
	close(open(file, O_CREAT | O_WRONLY, 0644));
}

int main(void)
{
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("a/b/c", 0755);
	mkdir("other", 0755);
	symlink("a", "link");
	make("top");
	make("a/f");
	make("a/b/f");
	int a = open("a", O_RDONLY), b = open("a/b", O_RDONLY | O_DIRECTORY),
	    c = open("a/b/c", O_RDONLY);
	say("chdir", chdir("a/b/c"));
	where();
	say("rename above", rename("/data/a/b", "/data/a/bb"));
	where();
	say("..", open("../f", O_RDONLY));
	say("../..", open("../../f", O_RDONLY));
	say("create", open("new", O_CREAT | O_WRONLY, 0644));
	say("it", access("/data/a/bb/c/new", F_OK));
	say("rename at the top", rename("/data/a", "/data/x"));
	where();
	say("..", chdir(".."));
	where();
	say("descriptor", openat(c, "../f", O_RDONLY));
	say("far up", openat(c, "../../../top", O_RDONLY));
	say("fchdir", fchdir(c));
	where();
	say("by a link", rename("/data/link", "/data/l2"));
	where();
	say("relative", renameat(a, "bb", a, "../other/b2"));
	where();
	say("fchdir", fchdir(b));
	where();
	say("with slashes", rename("/data/other/b2//", "/data/b3/"));
	where();
	say("exchange", renameat2(AT_FDCWD, "/data/b3", AT_FDCWD, "/data/x", RENAME_EXCHANGE));
	where();
	say("the other", fchdir(a));
	where();
	say("a name alike", mkdir("/data/b", 0755));
	say("rename it", rename("/data/b", "/data/bbb"));
	where();
	say("not this", rename("/data/nothing", "/data/b3"));
	where();
	say("mkdir", mkdir("gone", 0755));
	say("chdir", chdir("gone"));
	say("rmdir", rmdir("/data/b3/gone"));
	where();
	say("create", open("new", O_CREAT | O_WRONLY, 0644));
	say("chdir /data", chdir("/data"));
	where();
	say("rmdir of it", rmdir("/data"));
	say("rmdir .", rmdir("/data/."));
	symlink("bbb/../top", "to");
	symlink("nothing", "dangling");
	say("link", linkat(AT_FDCWD, "to", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW));
	say("it", readlink("hard", (char[9]){0}, 9));
	say("link of a link", linkat(AT_FDCWD, "to", AT_FDCWD, "soft", 0));
	say("it", readlink("soft", (char[9]){0}, 9));
	say("dangling", linkat(AT_FDCWD, "dangling", AT_FDCWD, "h2", AT_SYMLINK_FOLLOW));
	return 0;
}
