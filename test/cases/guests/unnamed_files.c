/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_TMPFILE, names for open files by linkat, and tee.
 * cases: dir readonly:/readonly:ro
 * cases: setup echo text > readonly/file
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char link_of[32];

static const char *by_proc(int fd)
{
	snprintf(link_of, sizeof(link_of), "/proc/self/fd/%d", fd);
	return link_of;
}

static void print_file(const char *path)
{
	char text[100] = "";
	struct stat st;
	int fd = open(path, O_RDONLY);
	long n = RESULT(read(fd, text, sizeof(text) - 1));
	if (fd < 0 || fstat(fd, &st) < 0)
		printf("%s: %s\n", path, strerror(errno));
	else
		printf("%s: %ld %s %o links %ld\n", path, n, text, st.st_mode, (long)st.st_nlink);
	close(fd);
}

static void without_name(void)
{
	struct stat st;
	umask(027);
	int fd = open(".", O_TMPFILE | O_RDWR, 0666);
	SHOW(fd >= 0);
	SHOW(fstat(fd, &st));
	printf("%o links %ld size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
	SHOW(write(fd, "contents", 8));
	SHOW(linkat(AT_FDCWD, by_proc(fd), AT_FDCWD, "by-proc", AT_SYMLINK_FOLLOW));
	print_file("by-proc");
	SHOW(linkat(AT_FDCWD, by_proc(fd), AT_FDCWD, "by-proc", AT_SYMLINK_FOLLOW));
	SHOW(linkat(fd, "", AT_FDCWD, "sub/by-descriptor", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH));
	print_file("by-descriptor");
	SHOW(linkat(fd, "", AT_FDCWD, "nowhere/name", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "name/", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "/", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "other", 0));
	SHOW(linkat(99, "", AT_FDCWD, "other", AT_EMPTY_PATH));
	SHOW(linkat(AT_FDCWD, "", AT_FDCWD, "other", AT_EMPTY_PATH) < 0);
	SHOW(linkat(AT_FDCWD, "by-proc", AT_FDCWD, "by-path", AT_EMPTY_PATH));
	SHOW(linkat(fd, "", AT_FDCWD, "other", 0x40));
	close(fd);
	fd = open("sub", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
	SHOW(fd >= 0);
	SHOW(linkat(AT_FDCWD, by_proc(fd), AT_FDCWD, "sub/never", AT_SYMLINK_FOLLOW));
	close(fd);
	SHOW(open(".", O_TMPFILE | O_RDONLY, 0600));
	SHOW(open("by-proc", O_TMPFILE | O_RDWR, 0600));
	SHOW(open("nowhere", O_TMPFILE | O_RDWR, 0600));
	SHOW(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600));
	SHOW(open("/readonly", O_TMPFILE | O_RDWR, 0600));
	SHOW(open("/proc", O_TMPFILE | O_RDWR, 0600));
}

static void with_name(void)
{
	int fd = open("named", O_RDWR | O_CREAT, 0640);
	SHOW(write(fd, "named", 5));
	SHOW(linkat(fd, "", AT_FDCWD, "second", AT_EMPTY_PATH));
	SHOW(rename("named", "renamed"));
	SHOW(linkat(AT_FDCWD, by_proc(fd), AT_FDCWD, "third", AT_SYMLINK_FOLLOW));
	print_file("third");
	SHOW(unlink("renamed"));
	SHOW(unlink("second"));
	SHOW(unlink("third"));
	SHOW(linkat(fd, "", AT_FDCWD, "fourth", AT_EMPTY_PATH));
	close(fd);
	fd = open("/readonly/file", O_RDONLY);
	SHOW(linkat(fd, "", AT_FDCWD, "writable", AT_EMPTY_PATH));
	SHOW(linkat(AT_FDCWD, by_proc(fd), AT_FDCWD, "writable", AT_SYMLINK_FOLLOW));
	close(fd);
	fd = open("sub", O_RDONLY | O_DIRECTORY);
	SHOW(linkat(fd, "", AT_FDCWD, "directory", AT_EMPTY_PATH));
	close(fd);
	fd = open("by-proc", O_PATH);
	SHOW(linkat(fd, "", AT_FDCWD, "by-place", AT_EMPTY_PATH));
	print_file("by-place");
	close(fd);
	SHOW(symlink("by-proc", "link"));
	SHOW(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	print_file("followed");
	SHOW(linkat(AT_FDCWD, by_proc(0), AT_FDCWD, "input", AT_SYMLINK_FOLLOW));
	SHOW(linkat(AT_FDCWD, "/proc/self/fd/99", AT_FDCWD, "none", AT_SYMLINK_FOLLOW));
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void pipes(void)
{
	int a[2], b[2], n;
	char text[20] = "";
	SHOW(pipe(a));
	SHOW(pipe(b));
	SHOW(tee(a[0], b[1], 10, SPLICE_F_NONBLOCK));
	SHOW(write(a[1], "twice", 5));
	SHOW(tee(a[0], b[1], 3, 0));
	SHOW(tee(a[0], b[1], 100, 0));
	SHOW(read(a[0], text, sizeof(text)));
	printf("%s\n", text);
	SHOW(read(b[0], text, sizeof(text)));
	printf("%s\n", text);
	SHOW(tee(a[0], a[1], 5, 0));
	SHOW(tee(a[0], b[1], 0, 0));
	SHOW(tee(a[0], b[1], 5, 0x100));
	SHOW(tee(a[0], 1, 5, 0));
	SHOW(tee(a[0], 99, 5, 0));
	SHOW(tee(a[1], b[1], 5, SPLICE_F_NONBLOCK));
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(tee(a[0], b[1], 5, 0));
	close(a[1]);
	SHOW(tee(a[0], b[1], 5, 0));
	SHOW(ioctl(b[0], FIONREAD, &n));
	SHOW(n);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	SHOW(mkdir("sub", 0700));
	without_name();
	with_name();
	pipes();
	return 0;
}
