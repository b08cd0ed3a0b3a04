/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory that is read-only next to one that is not: what may be changed, whichever way a path
 * leads there.
 *
 * cases: dir ro:/ro:ro
 * cases: dir rw:/rw
 * cases: setup mkdir -p ro/sub ro/rwsub; echo text >ro/f; echo text >rw/g; ln -s ../ro rw/up
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *what, long rc)
{
	printf("%s: %s\n", what, rc < 0 ? strerrorname_np(errno) : "ok");
}

static void by_path(void)
{
	say("read", open("/ro/f", O_RDONLY));
	say("read and write", open("/ro/f", O_RDWR));
	say("write", open("/ro/f", O_WRONLY));
	say("truncate", open("/ro/f", O_RDONLY | O_TRUNC));
	say("create", open("/ro/new", O_CREAT | O_WRONLY, 0644));
	say("append", open("/ro/f", O_WRONLY | O_APPEND));
	say("link out", link("/ro/f", "/rw/lf"));
	say("link in", link("/rw/g", "/ro/lg"));
	say("rename out", rename("/ro/f", "/rw/rf"));
	say("rename in", rename("/rw/g", "/ro/g"));
	say("rename within", rename("/ro/f", "/ro/f2"));
	say("unlink", unlink("/ro/f"));
	say("mkdir", mkdir("/ro/d", 0755));
	say("rmdir", rmdir("/ro/sub"));
	say("symlink", symlink("x", "/ro/s"));
	say("chmod", chmod("/ro/f", 0600));
	say("chown", chown("/ro/f", 1, 1));
	say("utimens", utimensat(AT_FDCWD, "/ro/f", NULL, 0));
	say("truncate", truncate("/ro/f", 0));
}

static void by_descriptor(void)
{
	char path[40];
	int f = open("/ro/f", O_RDONLY), d = open("/ro", O_RDONLY | O_DIRECTORY);
	say("fchmod", fchmod(f, 0600));
	say("fchown", fchown(f, 1, 1));
	say("futimens", futimens(f, NULL));
	say("ftruncate", ftruncate(f, 0));
	say("write", write(f, "x", 1));
	sprintf(path, "/proc/self/fd/%d", f);
	say("opened again", open(path, O_RDWR));
	say("opened again to read", open(path, O_RDONLY));
	say("fchmod of the directory", fchmod(d, 0700));
	say("openat", openat(d, "new", O_CREAT | O_WRONLY, 0644));
	say("openat below", openat(open("/ro/sub", O_PATH), "new", O_CREAT | O_WRONLY, 0644));
	say("openat above", openat(d, "../rw/g", O_RDWR));
}

/* Links and `..` lead from one directory to the other. */
static void across(void)
{
	say("link", symlink("/ro/f", "/rw/absolute"));
	say("link", symlink("../ro/f", "/rw/relative"));
	say("absolute, to read", open("/rw/absolute", O_RDONLY));
	say("absolute, to write", open("/rw/absolute", O_WRONLY));
	say("relative, to read", open("/rw/relative", O_RDONLY));
	say("relative, to create", open("/rw/relative", O_CREAT | O_RDWR, 0644));
	say("linked directory", open("/rw/up/f", O_RDONLY));
	say("linked directory, to write", open("/rw/up/f", O_WRONLY));
	say("in it", open("/rw/up/new", O_CREAT | O_WRONLY, 0644));
	say("up and down", open("/rw/../ro/f", O_RDONLY));
	say("up and down to write", open("/ro/../rw/g", O_RDWR));
	say("below", open("/ro/sub/../../rw/../data/../rw/g", O_RDONLY));
	say("chdir", chdir("/rw/up/sub"));
	char at[64];
	printf("%s\n", getcwd(at, sizeof(at)));
	say("from there", open("../../rw/g", O_RDONLY));
	say("unlink the link", unlink("/rw/up"));
}

int main(void)
{
	by_path();
	by_descriptor();
	across();
	return 0;
}
