/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tenant can do to the process that runs it: test/unit/api_tenant.c. The file /program is
 * this program, for writing, with TAIL bytes after it. tenant CASE: status 0, or 1 with a line on
 * stderr.
 */
#define _GNU_SOURCE
#include "abi/guest_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(what)                                                                          \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #what, errno); \
			exit(1);                                                             \
		}                                                                            \
	} while (0)

enum { TAIL = 32768, LIMIT = 65536 };
#define AT ((char *)0x200000000000UL)

int64_t mote_hostcall(struct mote_area *area)
{
	return mote_doorbell(area);
}

static struct mote_area *area;

/* The last pages of the program's file, mapped at AT, and then cut off. */
static void truncate_mapped(void)
{
	struct stat st;
	int fd = open("/program", O_RDWR);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size % 4096 == 0);
	CHECK(mote_mem_map_program(area, (uint64_t)AT, TAIL, (uint64_t)st.st_size - TAIL, 3) == 0);
	CHECK(ftruncate(fd, st.st_size - TAIL) == 0);
	close(fd);
}

/* The host reads and writes there by itself, and by the kernel. */
static void do_host_access(void)
{
	int fd = open("/data", O_RDWR | O_CREAT, 0600), dir = open("/", O_RDONLY | O_DIRECTORY);
	struct mote_iovec v = {.base = (uint64_t)AT, .len = 8};
	CHECK(fd >= 0 && dir >= 0 && write(fd, "12345678", 8) == 8);
	truncate_mapped();
	CHECK(mote_open(area, dir, AT, 4, 0, 0, 0) == -EFAULT);
	CHECK(mote_pwritev(area, fd, (void *)AT, 1, 0) == -EFAULT);
	CHECK(mote_preadv(area, fd, &v, 1, 0) == -EFAULT);
	CHECK(mote_pwritev(area, fd, &v, 1, 0) == -EFAULT);
	CHECK(mote_poll(area, (uint64_t)AT, 2, NULL) == -EFAULT);
	mote_fstat(area, fd, (void *)AT); /* whatever it says, it has nowhere to put it */
	mote_random(area, AT, 64);
	CHECK(pread(fd, AT + 4096, 1, 0) < 0 && errno == EFAULT);
}

static void do_zero(void)
{
	truncate_mapped();
	int64_t rc = mote_mem_zero(area, (uint64_t)AT, 2 * 4096);
	CHECK(rc == -EFAULT || rc == 0);
	/* Pages that were there when they were written are copies, and stay. */
	CHECK(mote_mem_unmap(area, (uint64_t)AT, TAIL) == 0);
}

static void do_touch(void)
{
	truncate_mapped();
	*(volatile char *)AT = 1;
}

/* READY, with a function `f`. */
static const char ready[] = "\1\1\0\0\0\1\0\0\0\1\0\0\0f\0\1\0\0\0:\0";

/* Wants the call where nothing is. */
static void do_reply(void)
{
	truncate_mapped();
	mote_exchange(area, (uint64_t)ready, sizeof(ready), (uint64_t)AT, TAIL);
	CHECK(!"the host went on");
}

/* Waits for a call with memory that is gone. */
static void do_offer(void)
{
	static char message[4096];
	truncate_mapped();
	mote_exchange(area, (uint64_t)ready, sizeof(ready), (uint64_t)message, sizeof(message));
}

/*
 * Goes on from a snapshot, in a file that it cuts to nothing. What it has not touched is gone with
 * it.
 */
static void do_cut_snapshot(void)
{
	static char memory[1 << 20];
	char byte;
	memset(memory, 1, sizeof(memory));
	CHECK(read(0, &byte, 1) == 0);
	CHECK(truncate("/snapshot", 0) == 0);
	struct mote_iovec v = {.base = (uint64_t)memory, .len = sizeof(memory)};
	mote_writev(area, 1, &v, 1);
	mote_mem_zero(area, ((uint64_t)memory + 4095) & ~4095UL, 8192);
	for (size_t i = 0; i < sizeof(memory); i += 4096)
		((volatile char *)memory)[i]++;
}

/* Fills the operator's log during a call. */
static void do_chatter(void)
{
	static char message[4096];
	CHECK(mote_exchange(area, (uint64_t)ready, sizeof(ready), (uint64_t)message,
			    sizeof(message)) > 0);
	for (int i = 0; i < 1100; i++)
		CHECK(mote_log(area, "chatter", 7) == 0);
}

/* Answers a call with more than the sandbox takes. */
static void do_large_message(void)
{
	static char message[1 << 20];
	CHECK(mote_exchange(area, (uint64_t)ready, sizeof(ready), (uint64_t)message,
			    sizeof(message)) > 0);
	CHECK(mote_exchange(area, (uint64_t)message, sizeof(message), (uint64_t)message,
			    sizeof(message)) == -E2BIG);
}

/* Files may have LIMIT bytes. */
static void do_grow(void)
{
	static char bytes[2 * LIMIT];
	int fd = open("/data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct iovec v[2] = {{bytes, LIMIT}, {bytes, LIMIT}};
	CHECK(fd >= 0);
	CHECK(pwrite(fd, bytes, 1, LIMIT) < 0 && errno == EFBIG);
	CHECK(ftruncate(fd, LIMIT + 1) < 0 && errno == EFBIG);
	CHECK(posix_fallocate(fd, 0, LIMIT + 1) == EFBIG);
	CHECK(write(fd, bytes, sizeof(bytes)) == LIMIT);
	CHECK(write(fd, bytes, 1) < 0 && errno == EFBIG);
	CHECK(writev(fd, v, 2) < 0 && errno == EFBIG);
	CHECK(ftruncate(fd, LIMIT) == 0);
}

/*
 * Standard output is a file, and what is written in small pieces waits for a moment before it gets
 * there.
 */
static void do_print(void)
{
	char line[100];
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 10 * LIMIT / 100; i++)
		if (write(1, line, sizeof(line)) < 0) {
			CHECK(errno == EFBIG);
			return;
		}
	/* The last pieces may have been in the buffer. */
}

/* All that it can have. */
static void do_descriptors(void)
{
	int fds = 0, last = -1;
	for (int fd; (fd = dup(0)) >= 0; fds++)
		last = fd;
	CHECK(errno == EMFILE && last == 1023 && fds <= 1021);
	CHECK(dup2(0, 1024) < 0 && errno == EBADF);
	CHECK(open("/data", O_RDWR | O_CREAT, 0600) < 0 && errno == EMFILE);
	CHECK(close(last) == 0 && epoll_create1(0) == last);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"host-access", do_host_access},
		     {"zero", do_zero},
		     {"touch", do_touch},
		     {"reply", do_reply},
		     {"chatter", do_chatter},
		     {"offer", do_offer},
		     {"cut-snapshot", do_cut_snapshot},
		     {"large-message", do_large_message},
		     {"grow", do_grow},
		     {"print", do_print},
		     {"descriptors", do_descriptors}};
	area = (struct mote_area *)MOTE_AREAS_VA; /* %gs is the program's */
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	fprintf(stderr, "no such case\n");
	return 2;
}
