/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on files that few programs make: ranges, allocation, copies, statx, flags of transfers. */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[8192];

static int file_of(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	write(fd, text, strlen(text));
	return fd;
}

static void ranges_of_descriptors(void)
{
	int fds[6];
	for (int i = 0; i < 6; i++)
		fds[i] = dup(1);
	SHOW(close_range(fds[1], fds[2], CLOSE_RANGE_CLOEXEC));
	for (int i = 0; i < 4; i++)
		SHOW(fcntl(fds[i], F_GETFD));
	SHOW(close_range(fds[4], fds[3], 0));
	SHOW(close_range(fds[3], fds[4], 8));
	SHOW(close_range(fds[3], fds[4], CLOSE_RANGE_UNSHARE));
	SHOW(fcntl(fds[3], F_GETFD));
	SHOW(fcntl(fds[5], F_GETFD));
	SHOW(close_range(100000, 200000, 0));
	SHOW(close_range(fds[0], ~0u, 0));
	SHOW(fcntl(fds[5], F_GETFD));
	SHOW(fcntl(1, F_GETFD));
	SHOW(close(-1));
	SHOW(dup2(1, 500));
	SHOW(close_range(400, 600, 0));
	SHOW(fcntl(500, F_GETFD));
}

static void waits(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42}, got[4];
	struct timespec none = {0, 0}, little = {0, 1000000}, bad = {0, -1};
	int epoll = epoll_create1(EPOLL_CLOEXEC), pipes[2];
	pipe2(pipes, O_NONBLOCK);
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event));
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event));
	SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[1], &event));
	SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[1], NULL));
	SHOW(epoll_ctl(epoll, 9, pipes[0], &event));
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event));
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, 99, &event));
	SHOW(epoll_ctl(99, EPOLL_CTL_ADD, pipes[0], &event));
	SHOW(epoll_ctl(pipes[0], EPOLL_CTL_ADD, pipes[1], &event));
	int file = file_of("waited", "x");
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event));
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 4, &none, NULL, 0));
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 4, &little, NULL, 0));
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 4, &bad, NULL, 0));
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 0, &none, NULL, 0));
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 4, 8, NULL, 0));
	write(pipes[1], "x", 1);
	SHOW(syscall(SYS_epoll_pwait2, epoll, got, 4, NULL, NULL, 0));
	SHOW(got[0].data.u64);
	SHOW(epoll_wait(epoll, (void *)8, 1, 0));
	SHOW(epoll_wait(pipes[0], got, 1, 0));
	SHOW(epoll_wait(99, got, 1, 0));
	event.events = EPOLLIN | EPOLLONESHOT;
	SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &event));
	SHOW(epoll_wait(epoll, got, 4, 0));
	SHOW(epoll_wait(epoll, got, 4, 0));
	close(file);
	close(epoll);
	close(pipes[0]);
	close(pipes[1]);
}

static void space(void)
{
	struct stat st;
	int fd = file_of("space", "0123456789");
	static const int modes[] = {0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 128, 256};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ftruncate(fd, 0);
		pwrite(fd, buffer, sizeof(buffer), 0);
		long rc = RESULT(fallocate(fd, modes[i], 4096, 4096));
		fstat(fd, &st);
		printf("fallocate %d: %ld size %ld\n", modes[i], rc, (long)st.st_size);
	}
	SHOW(fallocate(fd, 0, -1, 10));
	SHOW(fallocate(fd, 0, 0, 0));
	SHOW(fallocate(fd, 0, 0, -5));
	SHOW(fallocate(fd, 0, INT64_MAX, 10));
	SHOW(fallocate(99, 0, 0, 10));
	int read_only = open("space", O_RDONLY), pipes[2];
	pipe(pipes);
	SHOW(fallocate(read_only, 0, 0, 10));
	SHOW(fallocate(pipes[1], 0, 0, 10));
	SHOW(fallocate(open(".", O_RDONLY), 0, 0, 10));
	SHOW(sync_file_range(fd, 0, 0, 7));
	SHOW(sync_file_range(fd, -1, 0, 2));
	SHOW(sync_file_range(fd, 0, -1, 2));
	SHOW(sync_file_range(fd, 0, 0, 8));
	SHOW(sync_file_range(fd, 0, 0, 0));
	SHOW(sync_file_range(pipes[0], 0, 0, 2));
	SHOW(sync_file_range(99, 0, 0, 2));
	SHOW(readahead(fd, 0, 4096));
	SHOW(readahead(pipes[0], 0, 4096));
	SHOW(readahead(99, 0, 4096));
	SHOW(readahead(open("space", O_WRONLY), 0, 4096));
	for (int advice = 0; advice < 8; advice++)
		printf("advice %d: %d\n", advice, posix_fadvise(fd, 0, 0, advice));
	SHOW(posix_fadvise(fd, 0, -1, 0));
	SHOW(posix_fadvise(pipes[0], 0, 0, 0));
	SHOW(posix_fadvise(99, 0, 0, 0));
	SHOW(posix_fadvise(open(".", O_RDONLY), 0, 0, 0));
	close(pipes[0]);
	close(pipes[1]);
}

static void copies(void)
{
	int from = file_of("from", "0123456789"), to = file_of("to", ""), pipes[2];
	loff_t in = 2, out = 5;
	pipe(pipes);
	SHOW(copy_file_range(from, &in, to, &out, 4, 0));
	printf("%ld %ld\n", (long)in, (long)out);
	SHOW(copy_file_range(from, NULL, to, NULL, 4, 0));
	lseek(from, 0, SEEK_SET);
	SHOW(copy_file_range(from, NULL, to, NULL, 4, 0));
	SHOW(lseek(from, 0, SEEK_CUR));
	in = 100;
	SHOW(copy_file_range(from, &in, to, &out, 4, 0));
	in = -1;
	SHOW(copy_file_range(from, &in, to, &out, 4, 0));
	SHOW(copy_file_range(from, NULL, pipes[1], NULL, 4, 0));
	SHOW(copy_file_range(from, NULL, open("to", O_RDONLY), NULL, 4, 0));
	SHOW(copy_file_range(open("to", O_WRONLY), NULL, to, NULL, 4, 0));
	SHOW(copy_file_range(from, NULL, open("to", O_WRONLY | O_APPEND), NULL, 4, 0));
	SHOW(copy_file_range(open(".", O_RDONLY), NULL, to, NULL, 4, 0));
	SHOW(copy_file_range(99, NULL, to, NULL, 4, 0));
	SHOW(copy_file_range(from, (loff_t *)8, to, NULL, 4, 0));
	SHOW(copy_file_range(from, NULL, to, NULL, 0, 0));
	off_t at = 3;
	SHOW(sendfile(pipes[1], from, &at, 3));
	SHOW(at);
	at = -1;
	SHOW(sendfile(pipes[1], from, &at, 3));
	SHOW(sendfile(99, from, NULL, 3));
	SHOW(sendfile(open("to", O_RDONLY), from, NULL, 3));
	SHOW(sendfile(to, from, (off_t *)8, 3));
	SHOW(sendfile(open("to", O_WRONLY | O_APPEND), from, NULL, 3));
	close(pipes[0]);
	close(pipes[1]);
}

static void transfers(void)
{
	struct iovec v[2] = {{"ab", 2}, {"cd", 2}}, in = {buffer, 4};
	int fd = file_of("transfers", "0123456789"), pipes[2];
	pipe(pipes);
	static const int flags[] = {0, 1, 2, 4};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		printf("flags %d:", flags[i]);
		printf(" write %ld", RESULT(pwritev2(fd, v, 2, 0, flags[i])));
		printf(" read %ld\n", RESULT(preadv2(fd, &in, 1, 0, flags[i])));
	}
	SHOW(pwritev2(fd, v, 2, 0, 16));
	SHOW(lseek(fd, 0, SEEK_END));
	SHOW(preadv2(fd, &in, 1, 0, 16));
	SHOW(pwritev2(fd, v, 2, -1, 0));
	SHOW(pwritev2(fd, v, 2, -2, 0));
	SHOW(preadv2(fd, &in, 1, -2, 0));
	SHOW(preadv2(pipes[0], &in, 1, 0, 0));
	SHOW(pwritev2(pipes[1], v, 2, -1, 0));
	SHOW(preadv2(99, &in, 1, -1, 0));
	SHOW(preadv2(fd, &in, -1, 0, 0));
	SHOW(preadv2(fd, NULL, 0, 0, 0));
	SHOW(preadv2(fd, (void *)8, 1, 0, 0));
	close(pipes[0]);
	close(pipes[1]);
}

static void facts(void)
{
	struct statx stx;
	int fd = file_of("facts", "12345");
	static const unsigned masks[] = {0, STATX_TYPE, STATX_SIZE, STATX_BASIC_STATS, 0x80000000};
	for (size_t i = 0; i < 5; i++) {
		memset(&stx, 0xff, sizeof(stx));
		long rc = RESULT(syscall(SYS_statx, AT_FDCWD, "facts", 0, masks[i], &stx));
		printf("statx %x: %ld", masks[i], rc);
		if (rc == 0)
			printf(" %x %o %lu",
			       stx.stx_mask & ~0xc0 & 0x7ff, /* times: as it knows them */
			       stx.stx_mode, (unsigned long)stx.stx_size);
		printf("\n");
	}
	SHOW(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx));
	SHOW(syscall(SYS_statx, fd, "", 0, STATX_SIZE, &stx));
	SHOW(syscall(SYS_statx, fd, "facts", 0, STATX_SIZE, &stx));
	SHOW(syscall(SYS_statx, AT_FDCWD, "facts", AT_STATX_FORCE_SYNC, STATX_SIZE, &stx));
	SHOW(syscall(SYS_statx, AT_FDCWD, "facts", AT_STATX_SYNC_TYPE, STATX_SIZE, &stx));
	SHOW(syscall(SYS_statx, AT_FDCWD, "facts", 0, STATX_SIZE, 8));
	SHOW(syscall(SYS_statx, AT_FDCWD, 8, 0, STATX_SIZE, &stx));
	SHOW(syscall(SYS_newfstatat, fd, "", buffer, AT_EMPTY_PATH));
	SHOW(syscall(SYS_newfstatat, fd, "", buffer, 0));
	SHOW(syscall(SYS_newfstatat, fd, "", buffer, 0x40));
	SHOW(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	SHOW(syscall(SYS_faccessat2, AT_FDCWD, "facts", 8, 0));
	SHOW(flock(fd, LOCK_EX | LOCK_NB));
	SHOW(flock(fd, 99));
	SHOW(flock(99, LOCK_EX));
	SHOW(lseek(fd, 2, SEEK_DATA));
	SHOW(lseek(fd, 2, SEEK_HOLE));
	SHOW(lseek(fd, 5, SEEK_HOLE));
	SHOW(lseek(fd, -1, SEEK_DATA));
}

static long open_with(const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
	long fd;
	do /* -EAGAIN: something on the machine was renamed or mounted meanwhile */
		fd = RESULT(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
	while (fd == -EAGAIN);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : fd;
}

static void resolving(void)
{
	static const char *const paths[] = {"tree/a/file",
					    "tree/link",
					    "tree/up",
					    "tree/absolute",
					    "tree/a/../a/file",
					    "../data/tree/a/file",
					    "/data/tree/a/file",
					    "tree/dangling",
					    "tree/loop",
					    "/proc/self/fd/0",
					    "/proc/version",
					    "..",
					    ".",
					    "/"};
	static const uint64_t resolves[] = {0,
					    RESOLVE_NO_MAGICLINKS,
					    RESOLVE_NO_SYMLINKS,
					    RESOLVE_BENEATH,
					    RESOLVE_IN_ROOT,
					    RESOLVE_BENEATH | RESOLVE_IN_ROOT};
	mkdir("tree", 0755);
	mkdir("tree/a", 0755);
	close(file_of("tree/a/file", "x"));
	symlink("a/file", "tree/link");
	symlink("../tree/a/file", "tree/up");
	symlink("/data/tree/a/file", "tree/absolute");
	symlink("nowhere", "tree/dangling");
	symlink("loop", "tree/loop");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		printf("%s:", paths[i]);
		for (size_t k = 0; k < sizeof(resolves) / sizeof(resolves[0]); k++)
			printf(" %ld", open_with(paths[i], resolves[k]));
		printf("\n");
	}
	for (uint64_t resolve = 2; resolve < 128; resolve *= 2)
		printf("resolve %lu: %ld\n", (unsigned long)resolve,
		       resolve == 32 ? 0 : open_with("tree/a/file", resolve));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ranges_of_descriptors();
	waits();
	space();
	copies();
	transfers();
	facts();
	resolving();
	return 0;
}
