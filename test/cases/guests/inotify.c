/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: events of files and directories, flags of watches, reading, waiting, and what Linux
 * refuses.
 */
#define _GNU_SOURCE
#include "show.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static int in; /* without waiting */
static uint32_t cookies[64], cookie_count;

/* Cookies differ from run to run: the how-manieth it is. */
static unsigned cookie_of(uint32_t cookie)
{
	if (!cookie)
		return 0;
	for (unsigned i = 0; i < cookie_count; i++)
		if (cookies[i] == cookie)
			return i + 1;
	if (cookie_count < 64)
		cookies[cookie_count++] = cookie;
	return cookie_count;
}

/* In any order. */
static void show_kinds(const char *what)
{
	_Alignas(struct inotify_event) char buffer[8192];
	const ssize_t n = read(in, buffer, sizeof(buffer));
	uint32_t all = 0;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (void *)(buffer + at);
		all |= e->mask;
		at += sizeof(*e) + e->len;
	}
	printf("--- %s: %zd bytes, masks %#x\n", what, n, all);
}

static void show_events(const char *what)
{
	_Alignas(struct inotify_event) char buffer[8192];
	ssize_t n;
	printf("--- %s\n", what);
	while ((n = read(in, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *e = (void *)at;
			printf("wd %d mask %#x cookie %u len %u %s\n", e->wd, e->mask,
			       cookie_of(e->cookie), e->len, e->len ? e->name : "");
			at += sizeof(*e) + e->len;
		}
	}
	if (errno != EAGAIN)
		printf("read: %d\n", errno);
}

static void make(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	if (write(fd, text, strlen(text)) < 0)
		printf("write: %d\n", errno);
	close(fd);
}

/* Not by its path, for which Mote opens it where Linux has no fchmodat2. */
static void change_mode(const char *path, mode_t mode)
{
	int fd = open(path, O_RDONLY);
	SHOW(fchmod(fd, mode));
	close(fd);
}

static void making(void)
{
	SHOW(inotify_init1(4));
	SHOW(inotify_init1(-1));
	int fd = inotify_init1(IN_CLOEXEC);
	SHOW(fcntl(fd, F_GETFD));
	SHOW(fcntl(fd, F_GETFL));
	close(fd);
	fd = (int)syscall(SYS_inotify_init);
	SHOW(fcntl(fd, F_GETFD));
	SHOW(write(fd, "x", 1));
	SHOW(lseek(fd, 0, SEEK_SET));
	close(fd);
	SHOW(fcntl(in, F_GETFL));
}

static void refused(void)
{
	int fd = open("plain", O_RDWR | O_CREAT, 0600);
	symlink("nowhere", "dangling");
	symlink("loop", "loop");
	SHOW(inotify_add_watch(in, ".", 0));
	SHOW(inotify_add_watch(in, ".", 0x00100000));
	SHOW(inotify_add_watch(in, "missing", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, "dangling", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, "loop", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, "plain/x", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, "plain", IN_ALL_EVENTS | IN_ONLYDIR));
	SHOW(inotify_add_watch(in, "plain/", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, "", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, (char *)8, IN_ALL_EVENTS));
	SHOW(inotify_add_watch(in, ".", IN_MODIFY | IN_MASK_ADD | IN_MASK_CREATE));
	SHOW(inotify_add_watch(fd, ".", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(fd, "missing", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(-1, ".", IN_ALL_EVENTS));
	SHOW(inotify_add_watch(99, "missing", IN_ALL_EVENTS));
	SHOW(inotify_rm_watch(in, 1));
	SHOW(inotify_rm_watch(in, -1));
	SHOW(inotify_rm_watch(fd, 1));
	SHOW(inotify_rm_watch(99, 1));
	close(fd);
	unlink("plain"), unlink("dangling"), unlink("loop");
}

static void in_a_directory(void)
{
	char text[16];
	mkdir("d", 0700);
	SHOW(inotify_add_watch(in, "d", IN_ALL_EVENTS));
	make("d/a");
	show_events("made");
	append("d/a", "hello");
	show_events("written");
	int fd = open("d/a", O_RDONLY);
	SHOW(read(fd, text, sizeof(text)));
	close(fd);
	show_events("read");
	close(open("d/a", O_WRONLY | O_TRUNC));
	show_kinds("cut"); /* before Linux 6.9 it is opened last */
	change_mode("d/a", 0644);
	show_events("chmod");
	link("d/a", "d/b");
	show_events("linked");
	symlink("a", "d/s");
	mkfifo("d/f", 0600);
	show_events("symlink and FIFO");
	rename("d/b", "d/c");
	show_events("renamed");
	rename("d/c", "out");
	show_events("moved out");
	rename("out", "d/a-name-that-is-longer-than-sixteen-bytes");
	show_events("moved in");
	make("d/z");
	rename("d/z", "d/a");
	show_events("replaced");
	mkdir("d/sub", 0700);
	make("d/sub/not-seen");
	unlink("d/sub/not-seen");
	rmdir("d/sub");
	show_events("a directory in it");
	unlink("d/a"), unlink("d/s"), unlink("d/f");
	show_events("deleted");
	DIR *d = opendir("d");
	while (readdir(d))
		;
	closedir(d);
	show_events("listed");
	unlink("d/a-name-that-is-longer-than-sixteen-bytes");
	change_mode("d", 0755);
	rmdir("d");
	show_events("deleted itself");
}

static void of_a_file(void)
{
	make("file");
	int wd = inotify_add_watch(in, "file", IN_ALL_EVENTS);
	SHOW(wd);
	int fd = open("file", O_RDWR);
	SHOW(pwrite(fd, "0123456789", 10, 0));
	SHOW(ftruncate(fd, 5));
	SHOW(fchmod(fd, 0640));
	show_events("changed");
	rename("file", "file2");
	show_events("moved");
	unlink("file2");
	show_events("unlinked, and open");
	close(fd);
	show_events("closed");
	SHOW(inotify_rm_watch(in, wd));
}

static void masks(void)
{
	int wd, other;
	mkdir("m", 0700);
	make("m/x");
	wd = inotify_add_watch(in, "m", IN_CREATE);
	SHOW(inotify_add_watch(in, "m", IN_DELETE) == wd);
	make("m/y"), unlink("m/y");
	show_events("mask replaced");
	SHOW(inotify_add_watch(in, "m", IN_CREATE | IN_MASK_ADD) == wd);
	make("m/y"), unlink("m/y");
	show_events("mask added to");
	SHOW(inotify_add_watch(in, "m", IN_CREATE | IN_MASK_CREATE));
	SHOW(inotify_add_watch(in, "m", IN_DONT_FOLLOW) == wd);
	make("m/y"), unlink("m/y");
	show_events("mask of nothing");
	other = inotify_add_watch(in, "m/x", IN_OPEN | IN_ONESHOT | IN_MASK_CREATE);
	SHOW(other > wd);
	close(open("m/x", O_RDONLY));
	close(open("m/x", O_RDONLY));
	show_events("once");
	SHOW(inotify_rm_watch(in, other));
	SHOW(inotify_add_watch(in, "m", IN_OPEN | IN_EXCL_UNLINK | IN_MODIFY) == wd);
	int fd = open("m/x", O_WRONLY);
	unlink("m/x");
	SHOW(write(fd, "x", 1));
	close(fd);
	show_events("unlinked");
	SHOW(inotify_rm_watch(in, wd));
	show_events("removed");
	SHOW(inotify_rm_watch(in, wd));
	rmdir("m");
	show_events("nothing");
}

static void links(void)
{
	mkdir("t", 0700);
	make("t/x");
	symlink("t", "to-t");
	symlink("t/x", "to-x");
	int a = inotify_add_watch(in, "to-t", IN_ALL_EVENTS);
	SHOW(inotify_add_watch(in, "t", IN_ALL_EVENTS) == a);
	SHOW(inotify_add_watch(in, "to-t/../t/.", IN_ALL_EVENTS) == a);
	SHOW(inotify_add_watch(in, "to-t", IN_ALL_EVENTS | IN_ONLYDIR) == a);
	SHOW(inotify_add_watch(in, "to-t", IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW));
	int s = inotify_add_watch(in, "to-x", IN_ALL_EVENTS | IN_DONT_FOLLOW);
	SHOW(s > a);
	make("t/y");
	unlink("t/y");
	unlink("to-x");
	show_events("a symlink itself");
	unlink("t/x"), unlink("to-t"), rmdir("t");
	show_events("gone");
}

/* A watch goes with its directory; names are those of the directory that it is of. */
static void moved_directories(void)
{
	mkdir("from", 0700), mkdir("from/inner", 0700), mkdir("to", 0700);
	int a = inotify_add_watch(in, "from", IN_ALL_EVENTS);
	int b = inotify_add_watch(in, "from/inner", IN_ALL_EVENTS);
	int c = inotify_add_watch(in, "to", IN_ALL_EVENTS);
	SHOW(b - a), SHOW(c - b);
	rename("from/inner", "to/inner");
	show_events("moved");
	make("to/inner/x");
	show_events("made in it");
	rename("to", "from/to");
	make("from/to/inner/y");
	show_events("moved with what it is in");
	unlink("from/to/inner/x"), unlink("from/to/inner/y");
	rmdir("from/to/inner"), rmdir("from/to"), rmdir("from");
	show_events("removed");
}

static void own_descriptors(void)
{
	char path[64];
	int fd = open("mine", O_RDWR | O_CREAT, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int wd = inotify_add_watch(in, path, IN_MODIFY);
	SHOW(wd > 0);
	SHOW(inotify_add_watch(in, "mine", IN_MODIFY) == wd);
	SHOW(write(fd, "x", 1));
	show_events("by its descriptor");
	SHOW(inotify_rm_watch(in, wd));
	show_events("removed");
	close(fd);
	unlink("mine");
}

static void reading(void)
{
	_Alignas(struct inotify_event) char buffer[4096];
	int n = -1, wd;
	mkdir("r", 0700);
	wd = inotify_add_watch(in, "r", IN_CREATE);
	SHOW(ioctl(in, FIONREAD, &n)), SHOW(n);
	SHOW(read(in, buffer, sizeof(buffer)));
	make("r/a"), make("r/a-longer-name-than-the-other");
	SHOW(ioctl(in, FIONREAD, &n)), SHOW(n);
	SHOW(read(in, buffer, 0));
	SHOW(read(in, buffer, 16));
	SHOW(read(in, buffer, 31));
	SHOW(read(in, buffer, 32));
	SHOW(ioctl(in, FIONREAD, &n)), SHOW(n);
	struct iovec v[2] = {{buffer, 8}, {buffer + 8, 100}};
	SHOW(readv(in, v, 2));
	v[0].iov_len = 60;
	SHOW(readv(in, v, 2));
	SHOW(pread(in, buffer, sizeof(buffer), 0));
	unlink("r/a"), unlink("r/a-longer-name-than-the-other");
	rmdir("r");
	show_events("gone");
	(void)wd;
}

/* Pages that lie next to each other only in the program's addresses. */
static void reading_across_pages(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *p = mmap(NULL, 16 * 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 16 * 4096);
	SHOW(mremap(p + 9 * 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4096) == p + 4096);
	for (int before = 8; before <= 40; before += 8) {
		struct inotify_event e;
		char *at = p + 4096 - before;
		const int wd = inotify_add_watch(in, ".", IN_CREATE);
		make("a-file"), make("another-file");
		SHOW(read(in, at, 4096));
		memcpy(&e, at, sizeof(e));
		printf("%d %d %#x %s\n", before, e.wd == wd, e.mask, at + sizeof(e));
		memcpy(&e, at + 32, sizeof(e));
		printf("%d %d %#x %s\n", before, e.wd == wd, e.mask, at + 32 + sizeof(e));
		unlink("a-file"), unlink("another-file");
		inotify_rm_watch(in, wd);
		show_events("no more");
	}
	munmap(p, 16 * 4096);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void on_alarm_make(int signo)
{
	(void)signo;
	make("w/by-the-handler");
}

static void waiting(void)
{
	_Alignas(struct inotify_event) char buffer[4096];
	struct sigaction act = {.sa_handler = on_alarm};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = inotify_init(), copy = dup(fd), epoll = epoll_create1(0);
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	mkdir("w", 0700);
	SHOW(inotify_add_watch(fd, "w", IN_CREATE));
	SHOW(poll(&p, 1, 0)), SHOW(p.revents);
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, copy, &event));
	SHOW(epoll_wait(epoll, &event, 1, 0));
	make("w/a");
	SHOW(poll(&p, 1, -1)), SHOW(p.revents);
	SHOW(epoll_wait(epoll, &event, 1, -1));
	SHOW(read(copy, buffer, sizeof(buffer)));
	SHOW(poll(&p, 1, 0));
	SHOW(epoll_wait(epoll, &event, 1, 0));
	sigaction(SIGALRM, &act, NULL);
	struct itimerval soon = {.it_value = {.tv_usec = 20000}, .it_interval = {.tv_usec = 20000}};
	setitimer(ITIMER_REAL, &soon, NULL); /* again, if the first comes before the wait */
	SHOW(read(fd, buffer, sizeof(buffer)));
	soon.it_interval.tv_usec = 0;
	act.sa_handler = on_alarm_make;
	act.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(read(fd, buffer, sizeof(buffer)));
	SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
	SHOW(read(fd, buffer, sizeof(buffer)));
	close(fd);
	make("w/b");
	SHOW(read(copy, buffer, 32));
	SHOW(dup2(copy, 40));
	close(copy);
	make("w/c");
	SHOW(read(40, buffer, 32));
	close(40), close(epoll);
	unlink("w/a"), unlink("w/b"), unlink("w/c"), unlink("w/by-the-handler"), rmdir("w");
}

/* Events that follow one like themselves are one; at the queue's end is one that says so. */
static void queue(void)
{
	_Alignas(struct inotify_event) static char buffer[65536];
	int a = open("qa", O_CREAT | O_WRONLY, 0600), b = open("qb", O_CREAT | O_WRONLY, 0600);
	int wa = inotify_add_watch(in, "qa", IN_MODIFY),
	    wb = inotify_add_watch(in, "qb", IN_MODIFY);
	int total = 0, lost = 0;
	for (int i = 0; i < 5; i++)
		if (write(a, "x", 1) < 0)
			return;
	show_events("the same five times");
	for (int i = 0; i < 17000;
	     i++) /* fs.inotify.max_queued_events is 16384 unless somebody changed it */
		if (write(i % 2 ? a : b, "x", 1) < 0)
			return;
	for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
		for (char *at = buffer; at < buffer + got; total++) {
			const struct inotify_event *e = (void *)at;
			if (e->mask & IN_Q_OVERFLOW)
				lost++, printf("overflow: wd %d len %u\n", e->wd, e->len);
			at += sizeof(*e) + e->len;
		}
	SHOW(total), SHOW(lost);
	SHOW(inotify_rm_watch(in, wa)), SHOW(inotify_rm_watch(in, wb));
	show_events("after it");
	close(a), close(b), unlink("qa"), unlink("qb");
}

/* Watches and instances that were given up are not missing later. */
static void many(void)
{
	char path[32];
	int failed = 0;
	for (int i = 0; i < 40; i++) {
		int fd = inotify_init1(IN_NONBLOCK);
		failed += fd < 0 || inotify_add_watch(fd, ".", IN_CREATE) != 1;
		close(fd);
	}
	SHOW(failed);
	mkdir("many", 0700);
	for (int i = 0; i < 9000; i++) {
		_Alignas(struct inotify_event) char buffer[4096];
		snprintf(path, sizeof(path), "many/%d", i % 7);
		if (i < 7)
			make(path);
		int wd = inotify_add_watch(in, path, IN_MODIFY);
		failed += wd < 0 || inotify_rm_watch(in, wd) < 0 ||
			  read(in, buffer, sizeof(buffer)) != 16;
	}
	SHOW(failed);
	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "many/%d", i);
		unlink(path);
	}
	rmdir("many");
}

int main(void)
{
	umask(0);
	in = inotify_init1(IN_NONBLOCK);
	SHOW(in >= 0);
	making();
	refused();
	in_a_directory();
	of_a_file();
	masks();
	links();
	moved_directories();
	own_descriptors();
	reading();
	reading_across_pages();
	waiting();
	queue();
	many();
	return 0;
}
