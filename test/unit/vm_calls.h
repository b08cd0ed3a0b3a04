/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls from the host's side, without KVM: the frames that a guest would write, its memory,
 * and a tree of which it has one directory for writing, one for reading, and a file next to them
 * that it must not open.
 */
#ifndef MOTE_TEST_VM_CALLS_H
#define MOTE_TEST_VM_CALLS_H

#define MOTE_HOSTED_CALLS
#include "abi/guest_calls.h"
#include "base/io.h"
#include "vm/hostcall/epoll_watch.h"
#include "vm/internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

/* pages 0 to 7 for reading and writing, 8 for reading, 9 not there, 10 as 0 */
#define GUEST_AT 0x10000UL
enum { PAGES = 8, RW = 3, DIR_RO = 4, CLOSED = 999 };
#define AT_PAGE(n) (GUEST_AT + (n) * (uint64_t)MOTE_PAGE)

static struct vm vm;
static struct mote_area area;
static char top[] = "/tmp/mote-calls-XXXXXX";
/* its absolute path: a resolver that fails must find nothing else to harm */
static char canary[64];
static uint64_t next_text; /* where put() puts the next one */

struct mote_area *mote_area(void)
{
	return &area;
}

int64_t mote_hostcall(struct mote_area *a)
{
	vcpu_serve_call(&vm.vcpus[0]);
	return a->frame.result;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static inline void give_dir(const char *path, unsigned flags, uint32_t at)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0 && fdtable_put(&vm.fds, fd, FD_DIR | flags, at) == 0, "%s", path);
}

static inline void make_tree(void)
{
	cr_assert(mkdtemp(top) && chdir(top) == 0);
	snprintf(canary, sizeof(canary), "%s/canary", top);
	write_file(canary, "alive");
	cr_assert(mkdir("rw", 0755) == 0 && mkdir("rw/sub", 0755) == 0 && mkdir("ro", 0755) == 0 &&
		  mkdir("ro/sub", 0755) == 0);
	write_file("rw/file", "0123456789");
	write_file("ro/file", "0123456789");
	cr_assert(symlink("../canary", "rw/up") == 0 && symlink(canary, "rw/absolute") == 0);
	cr_assert(symlink("up", "rw/chain") == 0 && symlink("..", "rw/sub/parent") == 0 &&
		  symlink("file", "rw/link") == 0);
	cr_assert(symlink("../..", "rw/sub/out") == 0 && symlink("loop", "rw/loop") == 0);
}

static inline void setup(void)
{
	struct err e = {0};
	make_tree();
	cr_assert(memory_init(&vm.memory, -1, 16 << 20, &e) == 0, "%s", e.text);
	cr_assert(memory_map(&vm.memory, gva(GUEST_AT), PAGES * MOTE_PAGE,
			     MEMORY_READ | MEMORY_WRITE) == 0);
	cr_assert(memory_map(&vm.memory, gva(AT_PAGE(8)), MOTE_PAGE, MEMORY_READ) == 0);
	cr_assert(memory_map(&vm.memory, gva(AT_PAGE(10)), MOTE_PAGE, MEMORY_READ | MEMORY_WRITE) ==
		  0);
	vm.vcpus[0].vm = &vm;
	vm.vcpus[0].area = &area;
	sigemptyset(&vm.vcpus[0].wait_mask);
	give_dir("rw", 0, RW);
	give_dir("ro", FD_READONLY, DIR_RO);
	next_text = AT_PAGE(4);
}

static inline void teardown(void)
{
	char command[64], text[8] = {0};
	int fd = open(canary, O_RDONLY);
	cr_expect(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "alive") == 0,
		  "the file outside is as it was");
	struct stat st;
	cr_expect(fstat(fd, &st) == 0 && st.st_nlink == 1);
	fdtable_destroy(&vm.fds);
	epoll_watches_free(&vm);
	memory_destroy(&vm.memory);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(vm_calls, .init = setup, .fini = teardown);

/* Bytes in the guest's memory; where. */
static inline void *put(const void *bytes, size_t len)
{
	if (next_text + len > AT_PAGE(8))
		next_text = AT_PAGE(4);
	uint64_t at = next_text;
	cr_assert(memory_write(&vm.memory, gva(at), bytes, len) == 0);
	next_text += (len + 15) & ~15UL;
	return (void *)at;
}

static inline void get(uint64_t from, void *to, size_t len)
{
	cr_assert(memory_read(&vm.memory, gva(from), to, len) == 0);
}

/* A path as the guest hands it over: two arguments. */
#define P(path) put(path, strlen(path)), strlen(path)

static inline int64_t open_at(int32_t dir, const char *path, uint32_t resolve, uint32_t flags)
{
	return mote_open(&area, dir, P(path), resolve, flags, 0644);
}

#define EXPECT(want, call)                                                                      \
	do {                                                                                    \
		int64_t got_ = (call);                                                          \
		cr_expect(got_ == (want), "%s: %ld, not %ld", #call, (long)got_, (long)(want)); \
	} while (0)

/* Every call on a path says `want` of this one. */
static inline void expect_all(int32_t dir, const char *path, uint32_t resolve, int64_t want)
{
	struct mote_time now = {.nsec = UTIME_NOW};
	void *time = put(&now, sizeof(now));
	EXPECT(want, open_at(dir, path, resolve, O_RDONLY));
	EXPECT(want, open_at(dir, path, resolve, O_RDWR | O_CREAT));
	EXPECT(want, mote_stat(&area, dir, P(path), resolve, NULL));
	EXPECT(want, mote_access(&area, dir, P(path), resolve, 0));
	EXPECT(want, mote_utimens(&area, dir, P(path), resolve, time, time));
	EXPECT(want, mote_chmod(&area, dir, P(path), resolve, 0600));
	EXPECT(want, mote_chown(&area, dir, P(path), resolve, 0, 0));
}

/* The same for calls that act on a name in a directory, which is what has to be inside. */
static inline void expect_names(int32_t dir, const char *path, uint32_t resolve, int64_t want)
{
	EXPECT(want, mote_mkdir(&area, dir, P(path), resolve, 0700));
	EXPECT(want, mote_unlink(&area, dir, P(path), resolve, 0));
	EXPECT(want, mote_unlink(&area, dir, P(path), resolve, AT_REMOVEDIR));
	EXPECT(want, mote_rename(&area, dir, P("file"), dir, P(path), resolve, 0));
	EXPECT(want, mote_rename(&area, dir, P(path), dir, P("other"), resolve, 0));
	EXPECT(want, mote_link(&area, dir, P("file"), dir, P(path), resolve));
	EXPECT(want, mote_link(&area, dir, P(path), dir, P("other"), resolve));
	EXPECT(want, mote_symlink(&area, P("x"), dir, P(path), resolve));
	EXPECT(want, mote_readlink(&area, dir, P(path), resolve, (void *)GUEST_AT, 100));
}

#endif
