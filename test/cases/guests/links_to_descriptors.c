/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links to the program's own descriptors, as images have them for their logs, and what every call
 * on such a path says.
 *
 * cases: setup for n in 0 1 2 9; do ln -s /proc/self/fd/$n self$n; ln -s /dev/fd/$n dev$n; done
 * cases: setup ln -s /dev/stdout stdout; ln -s /dev/stderr stderr; ln -s stdout twice
 * cases: setup ln -s /proc/self process; ln -s /dev devices; ln -s fd/1 below; mkdir log
 * cases: setup ln -s process/fd/2 relative; ln -s ../twice log/access.log
 * cases: setup ln -s nothing dangling; ln -s /data/log absolute; ln -s loop loop
 * cases: setup touch file; mkdir dir
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *what, const char *path, long rc)
{
	printf("%s %s: %s\n", what, path, rc < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

/* Opens a link to the write end of a pipe in all ways that programs open their logs in. */
static void log_to(const char *path, int from)
{
	static const int ways[] = {O_WRONLY, O_WRONLY | O_APPEND, O_WRONLY | O_APPEND | O_CREAT,
				   O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_APPEND};
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char text[32], got[32] = "";
		int fd = open(path, ways[i], 0644);
		snprintf(text, sizeof(text), "line %zu", i);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			printf("%s %zu: %s\n", path, i, strerrorname_np(errno));
		else if (read(from, got, sizeof(got)) < 0 || strcmp(got, text) != 0)
			printf("%s %zu: '%s'\n", path, i, got);
		else
			printf("%s %zu: ok\n", path, i);
		close(fd);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	say("exclusive", path, fd);
	say("not following", path, open(path, O_WRONLY | O_NOFOLLOW));
	say("as a directory", path, open(path, O_RDONLY | O_DIRECTORY));
}

static void look(const char *path)
{
	struct stat st;
	char to[64] = "";
	long rc = stat(path, &st);
	printf("%s: %s", path, rc < 0 ? strerrorname_np(errno) : "ok");
	printf(" %o", rc < 0 ? 0 : st.st_mode & S_IFMT);
	rc = lstat(path, &st);
	printf(" %s", rc < 0 ? strerrorname_np(errno) : "ok");
	printf(" %o", rc < 0 ? 0 : st.st_mode & S_IFMT);
	rc = readlink(path, to, sizeof(to) - 1);
	if (strncmp(to, "pipe:[", 6) == 0)
		strcpy(to, "a pipe");
	printf(" %s\n", rc < 0 ? strerrorname_np(errno) : to);
	fflush(stdout);
}

static void names(const char *path)
{
	say("mkdir", path, mkdir(path, 0755));
	say("symlink", path, symlink("x", path));
	say("link to it", path, link("file", path));
	say("link of it", path, link(path, "linked"));
	say("rename", path, rename(path, "moved"));
	say("rename to it", path, rename("file", path));
	say("rename it to itself", path, rename(path, path));
	say("rmdir", path, rmdir(path));
	say("chdir", path, chdir(path));
	say("access", path, access(path, F_OK));
	say("below it", path, open("/proc/self/fd/1/x", O_RDONLY));
}

int main(void)
{
	int ends[2], sockets[2], saved = dup(1);
	pipe(ends);
	dup2(ends[1], 9);
	printf("--- a pipe\n");
	fflush(stdout);
	log_to("/proc/self/fd/9", ends[0]);
	log_to("/dev/fd/9", ends[0]);
	log_to("self9", ends[0]);
	log_to("dev9", ends[0]);
	log_to("process/fd/9", ends[0]);
	log_to("devices/fd/9", ends[0]);
	log_to("/proc/thread-self/fd/9", ends[0]);
	log_to("/proc/self/task/../fd/9", ends[0]);

	printf("--- standard error is the pipe\n");
	fflush(stdout);
	int error = dup(2);
	dup2(ends[1], 2);
	log_to("/dev/stderr", ends[0]);
	log_to("stderr", ends[0]);
	log_to("relative", ends[0]);
	log_to("devices/stderr", ends[0]);
	dup2(ends[1], 1);
	int fd = open("log/access.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	int again = open("/data/absolute/access.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	dprintf(fd, "out");
	dprintf(again, " and out");
	dup2(saved, 1);
	dup2(error, 2);
	char text[32] = "";
	printf("%zd", read(ends[0], text, sizeof(text)));
	printf(" '%s'\n", text);
	fflush(stdout);

	printf("--- what they are\n");
	static const char *const looks[] = {
		"/dev/stdin",
		"/dev/stdout",
		"/dev/stderr",
		"/dev/fd",
		"/proc/self/fd/9",
		"self9",
		"dev9",
		"twice",
		"process",
		"devices/fd",
		"/proc/self/fd/77",
		"dangling",
		"loop",
		"/proc/mounts",
		"process/fd/9",
		"/proc/self/fd",
		"/proc/self/fd/",
		"/proc/self/fd/9/",
		"process/cwd",
		"/proc/self/root",
		"/proc/self/fd/x",
		"/proc/self/fd/9x",
	};
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		look(looks[i]);

	printf("--- as names\n");
	names("/proc/self/fd/9");
	names("/dev/fd/9");
	names("process/fd/9");
	say("unlink", "/proc/self/fd/9", unlink("/proc/self/fd/9"));
	say("unlink", "/proc/self/fd/77", unlink("/proc/self/fd/77"));
	say("mkdir", "/proc/x", mkdir("/proc/x", 0755));
	say("mkdir", "process/x", mkdir("process/x", 0755));
	say("rmdir", "/proc/self/fd", rmdir("/proc/self/fd"));
	say("unlink", "/proc/self", unlink("/proc/self"));
	say("unlink", "/proc/uptime", unlink("/proc/uptime"));
	say("rename", "/proc/uptime", rename("/proc/uptime", "/proc/x"));
	say("rename", "/proc/x", rename("/proc/x", "/proc/y"));
	say("rename", "/proc/x", rename("/proc/x", "moved"));
	say("create", "/proc/x", open("/proc/x", O_CREAT | O_WRONLY, 0644));
	say("link", "/proc/x", link("/proc/x", "moved"));

	printf("--- a file behind it\n");
	fd = open("file", O_RDWR | O_TRUNC);
	char path[32];
	sprintf(path, "/proc/self/fd/%d", fd);
	struct stat st;
	dprintf(fd, "12345");
	say("chmod", "file", chmod(path, 0600));
	fstat(fd, &st);
	printf("%o\n", st.st_mode);
	say("chown", "file", chown(path, 7, 8));
	say("utimens", "file", utimensat(AT_FDCWD, path, NULL, 0));
	say("truncate", "file", truncate(path, 3));
	fstat(fd, &st);
	printf("%ld %d %d\n", (long)st.st_size, (int)st.st_uid, (int)st.st_gid);
	say("link", "file", linkat(AT_FDCWD, path, AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
	int reader = open(path, O_RDONLY), tail = open(path, O_WRONLY | O_APPEND);
	memset(text, 0, sizeof(text));
	printf("%zd", read(reader, text, sizeof(text)));
	printf(" '%s' at %ld\n", text, (long)lseek(fd, 0, SEEK_CUR));
	say("write", "to the end", write(tail, "end", 3));
	say("truncating", "file", open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	fstat(fd, &st);
	printf("%ld\n", (long)st.st_size);
	say("exclusive", "file", open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));
	sprintf(path, "/proc/self/fd/%d", open("dir", O_RDONLY));
	say("chdir", "directory", chdir(path));
	say("file", "in it", open("inside", O_CREAT | O_WRONLY, 0644));
	strcat(path, "/inside");
	say("through", "it", open(path, O_RDONLY));
	strcat(path, "/../../file");
	say("up", "from it", open(path, O_RDONLY));
	chdir("/data");
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	sprintf(path, "/proc/self/fd/%d", sockets[0]);
	say("open", "socket", open(path, O_RDWR));
	say("truncate", "socket", truncate(path, 0));
	sprintf(path, "/proc/self/fd/%d", ends[0]);
	say("truncate", "pipe", truncate("/proc/self/fd/9", 0));
	say("chmod", "pipe", chmod(path, 0640));
	say("open", "closed", open("/proc/self/fd/77", O_RDONLY));
	say("stat", "closed", stat("/proc/self/fd/77", &st));
	say("chmod", "closed", chmod("/proc/self/fd/77", 0600));
	return 0;
}
