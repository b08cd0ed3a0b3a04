/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls from the host's side, without KVM: the frames that a guest would write, its memory,
 * and a tree of which it has one directory for writing, one for reading, and a file next to them
 * that it must not open.
 */
#define MOTE_HOSTED_CALLS
#include "abi/guest_calls.h"
#include "base/io.h"
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

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static void give_dir(const char *path, unsigned flags, uint32_t at)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0 && fdtable_put(&vm.fds, fd, FD_DIR | flags, at) == 0, "%s", path);
}

static void make_tree(void)
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

static void setup(void)
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

static void teardown(void)
{
	char command[64], text[8] = {0};
	int fd = open(canary, O_RDONLY);
	cr_expect(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "alive") == 0,
		  "the file outside is as it was");
	struct stat st;
	cr_expect(fstat(fd, &st) == 0 && st.st_nlink == 1);
	fdtable_destroy(&vm.fds);
	memory_destroy(&vm.memory);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(vm_calls, .init = setup, .fini = teardown, .timeout = 60);

/* Bytes in the guest's memory; where. */
static void *put(const void *bytes, size_t len)
{
	if (next_text + len > AT_PAGE(8))
		next_text = AT_PAGE(4);
	uint64_t at = next_text;
	cr_assert(memory_write(&vm.memory, gva(at), bytes, len) == 0);
	next_text += (len + 15) & ~15UL;
	return (void *)at;
}

static void get(uint64_t from, void *to, size_t len)
{
	cr_assert(memory_read(&vm.memory, gva(from), to, len) == 0);
}

/* A path as the guest hands it over: two arguments. */
#define P(path) put(path, strlen(path)), strlen(path)

static int64_t open_at(int32_t dir, const char *path, uint32_t resolve, uint32_t flags)
{
	return mote_open(&area, dir, P(path), resolve, flags, 0644);
}

#define EXPECT(want, call)                                                                      \
	do {                                                                                    \
		int64_t got_ = (call);                                                          \
		cr_expect(got_ == (want), "%s: %ld, not %ld", #call, (long)got_, (long)(want)); \
	} while (0)

/* --- paths --- */

/* Every call on a path says `want` of this one. */
static void expect_all(int32_t dir, const char *path, uint32_t resolve, int64_t want)
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
static void expect_names(int32_t dir, const char *path, uint32_t resolve, int64_t want)
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

Test(vm_calls, nothing_leads_out_of_a_directory)
{
	const char *const ways[] = {"../canary", canary, "sub/../../canary", "sub/parent/../canary",
				    "sub/out/canary"};
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		expect_all(RW, ways[i], MOTE_RESOLVE_BENEATH, -EXDEV);
		expect_names(RW, ways[i], MOTE_RESOLVE_BENEATH, -EXDEV);
	}
	/* Links out of it are followed to nowhere; as names they are files like any other. */
	static const char *const links[] = {"up", "absolute", "chain"};
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		expect_all(RW, links[i], MOTE_RESOLVE_BENEATH, -EXDEV);
		EXPECT(0, mote_stat(&area, RW, P(links[i]), MOTE_RESOLVE_NOFOLLOW, NULL));
	}
	EXPECT(-ELOOP, open_at(RW, "loop", 0, O_RDONLY));
	/* A directory that acts as the root: `..` of it is itself, and so is "/". */
	EXPECT(0, mote_stat(&area, RW, P("/../../file"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, P("../canary"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, P("absolute"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, P("sub/out/canary"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOENT, mote_unlink(&area, RW, P("../canary"), MOTE_RESOLVE_IN_ROOT, 0));
	EXPECT(0, mote_mkdir(&area, RW, P("../made"), MOTE_RESOLVE_IN_ROOT, 0700));
	cr_expect(access("rw/made", F_OK) == 0 && access("made", F_OK) < 0);
	EXPECT(-EINVAL, open_at(RW, "file", 4, O_RDONLY));
}

Test(vm_calls, magic_links_and_the_monitors_own_files)
{
	give_dir("/proc/self", 0, 5);
	give_dir("/dev", 0, 6);
	EXPECT(-ELOOP, open_at(5, "exe", 0, O_RDONLY));
	EXPECT(-ELOOP, open_at(5, "cwd/canary", 0, O_RDONLY));
	EXPECT(-ELOOP, open_at(5, "fd/0", MOTE_RESOLVE_IN_ROOT, O_RDONLY));
	EXPECT(-EACCES, open_at(5, "status", 0, O_RDONLY));
	EXPECT(-EACCES, open_at(5, "mem", 0, O_RDWR));
	cr_expect(open_at(6, "null", 0, O_RDWR) >= 0);
	EXPECT(-EACCES, open_at(6, "ptmx", 0, O_RDWR));
}

Test(vm_calls, lengths_of_paths)
{
	char path[8192];
	for (size_t i = 0; i < sizeof(path); i += 2)
		memcpy(path + i, "./", 2);
	memcpy(path + 4095 - 5, "/file", 5);
	const void *at = (void *)GUEST_AT;
	cr_assert(memory_write(&vm.memory, gva(GUEST_AT), path, sizeof(path)) == 0);
	EXPECT(0, mote_stat(&area, RW, at, 4095, 0, NULL));
	EXPECT(-ENAMETOOLONG, mote_stat(&area, RW, at, 4096, 0, NULL));
	EXPECT(-ENAMETOOLONG, mote_stat(&area, RW, at, ~0UL, 0, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, at, 0, 0, NULL));
	EXPECT(-EINVAL, mote_stat(&area, RW, put("a\0b", 3), 3, 0, NULL));
	EXPECT(-EFAULT, mote_stat(&area, RW, (const char *)AT_PAGE(9) - 2, 5, 0, NULL));
	EXPECT(-EFAULT, mote_stat(&area, RW, (const char *)~0UL - 2, 5, 0, NULL));
	memset(path, 'n', sizeof(path));
	for (size_t len = 255; len <= 257; len++) {
		int64_t want = len > 255 ? -ENAMETOOLONG : 0;
		EXPECT(want, mote_mkdir(&area, RW, put(path, len), len, 0, 0700));
	}
	EXPECT(-ENAMETOOLONG, mote_symlink(&area, put(path, 4096), 4096, RW, P("s"), 0));
}

Test(vm_calls, names_that_are_no_names)
{
	EXPECT(-EEXIST, mote_mkdir(&area, RW, P("."), 0, 0700));
	EXPECT(-EEXIST, mote_mkdir(&area, RW, P("sub/.."), 0, 0700));
	EXPECT(-EISDIR, mote_unlink(&area, RW, P("sub/.."), 0, 0));
	EXPECT(-EINVAL, mote_unlink(&area, RW, P("sub/."), 0, AT_REMOVEDIR));
	EXPECT(-EBUSY, mote_rename(&area, RW, P("."), RW, P("x"), 0, 0));
	EXPECT(-ENOTDIR, mote_unlink(&area, RW, P("file/"), 0, 0));
	EXPECT(-ENOTDIR, mote_rename(&area, RW, P("file/"), RW, P("x"), 0, 0));
	EXPECT(-ENOTDIR, mote_rename(&area, RW, P("file"), RW, P("x/"), 0, 0));
	EXPECT(0, mote_rename(&area, RW, P("sub/"), RW, P("moved/"), 0, 0));
	EXPECT(-ENOENT, mote_link(&area, RW, P("file"), RW, P("x/"), 0));
	EXPECT(-EINVAL, mote_unlink(&area, RW, P("file"), 0, 1));
	EXPECT(-EINVAL, mote_rename(&area, RW, P("file"), RW, P("x"), 0, 4 /* RENAME_WHITEOUT */));
}

Test(vm_calls, renames_and_links_between_directories)
{
	cr_assert(mkdir("second", 0755) == 0);
	give_dir("second", 0, 5);
	EXPECT(0, mote_link(&area, RW, P("file"), 5, P("hard"), 0));
	EXPECT(-EEXIST, mote_link(&area, RW, P("file"), 5, P("hard"), 0));
	EXPECT(-EEXIST, mote_rename(&area, 5, P("hard"), RW, P("link"), 0, RENAME_NOREPLACE));
	/* A link is renamed itself; what it points to stays. */
	EXPECT(0, mote_rename(&area, RW, P("link"), 5, P("moved"), 0, 0));
	struct stat st;
	cr_expect(lstat("second/moved", &st) == 0 && S_ISLNK(st.st_mode) &&
		  access("rw/file", F_OK) == 0);
	EXPECT(0, mote_rename(&area, RW, P("sub"), 5, P("moved"), 0, RENAME_EXCHANGE));
	cr_expect(lstat("second/moved", &st) == 0 && S_ISDIR(st.st_mode) &&
		  lstat("rw/sub", &st) == 0 && S_ISLNK(st.st_mode));
	/* Neither into nor out of a directory that is for reading. */
	EXPECT(-EROFS, mote_rename(&area, RW, P("file"), DIR_RO, P("x"), 0, 0));
	EXPECT(-EROFS, mote_rename(&area, DIR_RO, P("file"), RW, P("x"), 0, 0));
	EXPECT(-EROFS, mote_link(&area, DIR_RO, P("file"), RW, P("x"), 0));
	EXPECT(-EROFS, mote_link(&area, RW, P("file"), DIR_RO, P("x"), 0));
}

/* --- permission --- */

/* Of a directory of devices nothing is there but these, whatever the directory holds. */
Test(vm_calls, a_directory_of_devices_has_devices_alone)
{
	static const char *const others[] = {
		"file",      ".",           "..",  "",      "/",   "./null", "sub/null",
		"../canary", "sub/../null", "nul", "nullx", "shm", "kvm",
	};
	struct mote_time now = {.nsec = UTIME_NOW};
	void *time = put(&now, sizeof(now));
	cr_assert(mkdir("dev", 0755) == 0 && mkdir("dev/sub", 0755) == 0);
	write_file("dev/null", "x");
	write_file("dev/file", "x");
	cr_assert(symlink("file", "dev/zero") == 0);
	give_dir("dev", FD_DEVICES, 5);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (uint32_t in_root = 0; in_root < 2; in_root++) {
			uint32_t resolve = in_root ? MOTE_RESOLVE_IN_ROOT : 0;
			int64_t rc = open_at(5, others[i], resolve, O_RDONLY);
			cr_expect(rc == -ENOENT, "open %s: %ld", others[i], rc);
			rc = mote_access(&area, 5, P(others[i]), resolve, F_OK);
			cr_expect(rc == -ENOENT, "access %s: %ld", others[i], rc);
		}
	EXPECT(-ENOTDIR, open_at(5, "null/../file", 0, O_RDONLY));
	EXPECT(-ENOTDIR, open_at(5, "null/", 0, O_RDONLY));
	EXPECT(-EEXIST, open_at(5, "null", 0, O_RDWR | O_CREAT | O_EXCL));
	EXPECT(-ENOENT, open_at(5, "tty", 0, O_RDWR | O_CREAT)); /* is not made */
	EXPECT(-EPERM, mote_unlink(&area, 5, P("null"), 0, 0));
	EXPECT(-EPERM, mote_mkdir(&area, 5, P("full"), 0, 0700));
	EXPECT(-EPERM, mote_symlink(&area, P("x"), 5, P("full"), 0));
	EXPECT(-EPERM, mote_rename(&area, RW, P("file"), 5, P("full"), 0, 0));
	EXPECT(-EPERM, mote_link(&area, 5, P("null"), RW, P("mine"), 0));
	EXPECT(-EPERM, mote_chmod(&area, 5, P("null"), 0, 0));
	EXPECT(-EPERM, mote_chown(&area, 5, P("null"), 0, 1, 1));
	EXPECT(-EPERM, mote_utimens(&area, 5, P("null"), 0, time, time));
	EXPECT(20, mote_dup(&area, 5, 20));
	EXPECT(-ENOENT, open_at(20, "file", 0, O_RDONLY)); /* a copy is no more */
	for (int32_t fd = 5; fd <= 20; fd += 15) { /* nor is the directory itself the guest's */
		EXPECT(-EPERM, mote_fchmod(&area, fd, 0777));
		EXPECT(-EPERM, mote_fchown(&area, fd, 1, 1));
		EXPECT(-EPERM, mote_futimens(&area, fd, time, time));
		EXPECT(-EACCES, mote_readdir(&area, fd, 0, (void *)GUEST_AT, 4096));
	}
	cr_expect(open_at(5, "null", 0, O_RDWR | O_CREAT) >= 0);
}

Test(vm_calls, a_directory_for_reading_stays_as_it_is)
{
	struct mote_time now = {.nsec = UTIME_NOW};
	void *time = put(&now, sizeof(now));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_WRONLY));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_RDWR));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_RDONLY | O_TRUNC));
	EXPECT(-EROFS, open_at(DIR_RO, "new", 0, O_RDONLY | O_CREAT));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, 3 /* neither reading nor writing */));
	EXPECT(-EROFS, mote_mkdir(&area, DIR_RO, P("new"), 0, 0700));
	EXPECT(-EROFS, mote_unlink(&area, DIR_RO, P("file"), 0, 0));
	EXPECT(-EROFS, mote_symlink(&area, P("x"), DIR_RO, P("new"), 0));
	EXPECT(-EROFS, mote_utimens(&area, DIR_RO, P("file"), 0, time, time));
	EXPECT(-EROFS, mote_chmod(&area, DIR_RO, P("file"), 0, 0));
	EXPECT(-EROFS, mote_chown(&area, DIR_RO, P("file"), 0, 1, 1));
	EXPECT(-EROFS, mote_access(&area, DIR_RO, P("file"), 0, W_OK));
	EXPECT(0, mote_access(&area, DIR_RO, P("file"), 0, R_OK));
	/* So does what is opened in it, however it was come by. */
	int32_t file = (int32_t)open_at(DIR_RO, "file", 0, O_RDONLY | O_CREAT),
		sub = (int32_t)open_at(DIR_RO, "sub", 0, O_RDONLY);
	cr_assert(file >= 0 && sub >= 0);
	int32_t copy = (int32_t)mote_dup(&area, sub, 20);
	cr_assert(copy == 20 && mote_dup_to(&area, DIR_RO, 30) == 30);
	EXPECT(-EROFS, open_at(sub, "new", 0, O_WRONLY | O_CREAT));
	EXPECT(-EROFS, open_at(copy, "new", 0, O_WRONLY | O_CREAT));
	EXPECT(-EROFS, mote_mkdir(&area, 30, P("new"), 0, 0700));
	EXPECT(-EROFS, mote_fchmod(&area, file, 0));
	EXPECT(-EROFS, mote_fchown(&area, file, 1, 1));
	EXPECT(-EROFS, mote_futimens(&area, file, time, time));
	EXPECT(-EINVAL, mote_ftruncate(&area, file, 0));
	EXPECT(-EBADF, mote_fallocate(&area, file, 0, 0, 100));
	struct mote_iovec v = {.base = GUEST_AT, .len = 10};
	EXPECT(-EBADF, mote_writev(&area, file, put(&v, sizeof(v)), 1));
	EXPECT(-EBADF, mote_pwritev(&area, file, put(&v, sizeof(v)), 1, 0));
	struct stat st;
	cr_expect(stat("ro/file", &st) == 0 && st.st_size == 10 && (st.st_mode & 0777) == 0644);
}

Test(vm_calls, sockets_need_the_network)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
	struct mote_sockaddr a = {.len = sizeof(local)};
	memcpy(a.data, &local, sizeof(local));
	EXPECT(-EPERM, mote_socket(&area, AF_INET, SOCK_STREAM, 0));
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_DGRAM, (void *)GUEST_AT, 8));
	int32_t pair[2];
	get(GUEST_AT, pair, sizeof(pair));
	EXPECT(-EPERM, mote_bind(&area, pair[0], put(&a, sizeof(a))));
	vm.network = true;
	/* Paths of the file system are never addresses. */
	EXPECT(-EAFNOSUPPORT, mote_socket(&area, AF_UNIX, SOCK_STREAM, 0));
	EXPECT(-EAFNOSUPPORT, mote_bind(&area, pair[0], put(&a, sizeof(a))));
	EXPECT(-EAFNOSUPPORT, mote_connect(&area, pair[0], put(&a, sizeof(a))));
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	EXPECT(-EAFNOSUPPORT,
	       mote_send(&area, pair[0], put(&v, sizeof(v)), 1, 0, put(&a, sizeof(a))));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_PASSCRED, put("\1\0\0\0", 4), 4));
	EXPECT(-ENOTSOCK, mote_listen(&area, RW, 1));
	EXPECT(-EAFNOSUPPORT, mote_socket(&area, 16 /* AF_NETLINK */, SOCK_DGRAM, 0));
	EXPECT(-EPROTONOSUPPORT, mote_socket(&area, AF_INET, SOCK_RAW, 0));
}

/* A pair of connected sockets that the guest has. */
static void make_pair(uint32_t type, int32_t pair[2])
{
	EXPECT(0, mote_socketpair(&area, AF_UNIX, type, (void *)GUEST_AT, 8));
	get(GUEST_AT, pair, 2 * sizeof(pair[0]));
}

Test(vm_calls, a_datagram_is_written_whole)
{
	int32_t pair[2];
	char got[8000];
	make_pair(SOCK_DGRAM, pair);
	struct mote_iovec v[2] = {{.base = AT_PAGE(1), .len = 5000},
				  {.base = AT_PAGE(1), .len = 2000}};
	EXPECT(7000, mote_writev(&area, pair[0], put(v, sizeof(v)), 2));
	cr_expect(recv(fdtable_get(&vm.fds, pair[1])->host, got, sizeof(got), MSG_DONTWAIT) ==
		  7000);
	EXPECT(0, mote_send(&area, pair[0], put(v, sizeof(v)), 0, 0, NULL));
	cr_expect(recv(fdtable_get(&vm.fds, pair[1])->host, got, sizeof(got), MSG_DONTWAIT) == 0);
}

static void *slowly(void *host)
{
	char bytes[5000];
	size_t got = 0;
	for (ssize_t n = 1; n > 0 && got < 800000; got += (size_t)n) {
		usleep(100);
		n = recv(*(int *)host, bytes, sizeof(bytes), 0);
	}
	for (int i = 0; i < 4; i++) {
		usleep(20000);
		got += send(*(int *)host, "quarter", 7, 0) == 7;
	}
	return (void *)got;
}

Test(vm_calls, streams_that_wait_transfer_all)
{
	int32_t pair[2];
	pthread_t thread;
	void *got;
	make_pair(SOCK_STREAM, pair);
	int host = fdtable_get(&vm.fds, pair[1])->host;
	struct mote_iovec v[100], all = {.base = AT_PAGE(1), .len = 28},
				  one = {.base = AT_PAGE(1), .len = 1};
	for (int i = 0; i < 100; i++)
		v[i] = (struct mote_iovec){.base = AT_PAGE(0), .len = i % 2 ? 3000 : 5000};
	cr_assert(pthread_create(&thread, NULL, slowly, &host) == 0);
	EXPECT(400000, mote_send(&area, pair[0], put(v, sizeof(v)), 100, 0, NULL));
	EXPECT(400000, mote_writev(&area, pair[0], put(v, sizeof(v)), 100));
	EXPECT(28, mote_recv(&area, pair[0], put(&all, sizeof(all)), 1, MSG_WAITALL, NULL));
	pthread_join(thread, &got);
	cr_expect((size_t)got == 800004, "%zu", (size_t)got);
	/* What cannot be had at once is not waited for. */
	EXPECT(-EAGAIN, mote_recv(&area, pair[0], put(&one, sizeof(one)), 1,
				  MSG_WAITALL | MSG_DONTWAIT, NULL));
	int64_t some = mote_send(&area, pair[0], put(v, sizeof(v)), 100, MSG_DONTWAIT, NULL);
	cr_expect(some > 0 && some < 400000, "%ld", (long)some);
	shutdown(host, SHUT_WR);
	EXPECT(0, mote_recv(&area, pair[0], put(&one, sizeof(one)), 1, MSG_WAITALL, NULL));
}

static int64_t now_ms(void)
{
	return vm_now_ns(CLOCK_MONOTONIC) / 1000000;
}

Test(vm_calls, time_limits_of_sockets)
{
	int32_t pair[2];
	make_pair(SOCK_STREAM, pair);
	struct timeval limit = {.tv_usec = 30000};
	struct mote_iovec v = {.base = AT_PAGE(1), .len = 4};
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_RCVTIMEO,
				   put(&limit, sizeof(limit)), sizeof(limit)));
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_SNDTIMEO,
				   put(&limit, sizeof(limit)), sizeof(limit)));
	int64_t before = now_ms();
	EXPECT(-EAGAIN, mote_recv(&area, pair[0], put(&v, sizeof(v)), 1, 0, NULL));
	EXPECT(-EAGAIN, mote_readv(&area, pair[0], put(&v, sizeof(v)), 1));
	v.len = 4 * MOTE_PAGE;
	int64_t sent = 0;
	for (int i = 0; i < 1000 && sent >= 0; i++)
		sent = mote_send(&area, pair[0], put(&v, sizeof(v)), 1, 0, NULL);
	EXPECT(-EAGAIN, sent);
	cr_expect(now_ms() - before >= 90 && now_ms() - before < 20000, "%ld ms",
		  (long)(now_ms() - before));
}

/* A guest cannot make the host wait in close, where no limit would end it. */
Test(vm_calls, close_does_not_linger)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0);
	cr_assert(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	vm.network = true;
	struct mote_sockaddr a = {.len = len};
	memcpy(a.data, &at, len);
	for (int wait = 0; wait < 2; wait++) {
		struct linger linger = {.l_onoff = 1, .l_linger = wait * 100};
		int32_t fd = (int32_t)mote_socket(&area, AF_INET, SOCK_STREAM, 0);
		EXPECT(0, mote_connect(&area, fd, put(&a, sizeof(a))));
		EXPECT(0, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_LINGER,
					   put(&linger, sizeof(linger)), sizeof(linger)));
		struct mote_iovec v = {.base = AT_PAGE(0), .len = 4 * MOTE_PAGE};
		while (mote_send(&area, fd, put(&v, sizeof(v)), 1, MSG_DONTWAIT, NULL) > 0)
			;
		int64_t before = now_ms();
		EXPECT(0, mote_close(&area, fd));
		cr_expect(now_ms() - before < 5000, "%ld ms", (long)(now_ms() - before));
	}
	close(listener);
}

/* --- descriptors --- */

Test(vm_calls, closed_and_impossible_descriptors)
{
	static const int32_t bad[] = {-1, CLOSED, INT32_MIN, INT32_MAX};
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	const struct mote_iovec *v = put(&one, sizeof(one));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int32_t fd = bad[i];
		expect_all(fd, "file", 0, -EBADF);
		expect_names(fd, "file", 0, -EBADF);
		EXPECT(-EBADF, mote_close(&area, fd));
		EXPECT(-EBADF, mote_readv(&area, fd, v, 1));
		EXPECT(-EBADF, mote_writev(&area, fd, v, 1));
		EXPECT(-EBADF, mote_preadv(&area, fd, v, 1, 0));
		EXPECT(-EBADF, mote_pwritev(&area, fd, v, 1, 0));
		EXPECT(-EBADF, mote_lseek(&area, fd, 0, 0));
		EXPECT(-EBADF, mote_fstat(&area, fd, NULL));
		EXPECT(-EBADF, mote_readdir(&area, fd, 0, (void *)GUEST_AT, 1000));
		EXPECT(-EBADF, mote_ftruncate(&area, fd, 0));
		EXPECT(-EBADF, mote_fallocate(&area, fd, 0, 0, 1));
		EXPECT(-EBADF, mote_fsync(&area, fd, 0));
		EXPECT(-EBADF, mote_fadvise(&area, fd, 0, 0, 0));
		EXPECT(-EBADF, mote_futimens(&area, fd, NULL, NULL));
		EXPECT(-EBADF, mote_fchmod(&area, fd, 0));
		EXPECT(-EBADF, mote_fchown(&area, fd, 0, 0));
		EXPECT(-EBADF, mote_statfs(&area, fd, NULL));
		EXPECT(-EBADF, mote_get_flags(&area, fd));
		EXPECT(-EBADF, mote_set_flags(&area, fd, 0));
		EXPECT(-EBADF, mote_dup(&area, fd, 0));
		EXPECT(-EBADF, mote_dup_to(&area, fd, 7));
		EXPECT(-EBADF, mote_flock(&area, fd, 1));
		EXPECT(-EBADF, mote_lock(&area, fd, F_SETLK, NULL, NULL));
		EXPECT(-EBADF, mote_epoll_control(&area, fd, 1, RW, 0, 0));
		EXPECT(-EBADF, mote_epoll_control(&area, RW, 1, fd, 0, 0));
		EXPECT(-EBADF, mote_epoll_wait(&area, fd, (void *)GUEST_AT, 120, NULL));
		EXPECT(-EBADF, mote_timerfd_set(&area, fd, 0, NULL, NULL));
		EXPECT(-EBADF, mote_timerfd_get(&area, fd, NULL));
		EXPECT(-EBADF, mote_tty_size(&area, fd, NULL));
		EXPECT(-EBADF, mote_readable_bytes(&area, fd));
		EXPECT(-EBADF, mote_accept(&area, fd, 0, NULL));
		EXPECT(-EBADF, mote_shutdown(&area, fd, 0));
	}
	EXPECT(-EBADF, mote_dup_to(&area, RW, -1));
	EXPECT(-EBADF, mote_dup_to(&area, RW, INT32_MAX));
	/* A cell with more than 32 bits is no descriptor of whatever its lower half says. */
	area.frame.nr = 17;
	area.frame.arg[0] = RW | 1UL << 32;
	EXPECT(-EBADF, mote_hostcall(&area));
	EXPECT(0, mote_fstat(&area, RW, NULL));
	area.frame.nr = 200;
	EXPECT(-ENOSYS, mote_hostcall(&area));
	EXPECT(-ENOTDIR, open_at((int32_t)open_at(RW, "file", 0, O_RDONLY), "x", 0, O_RDONLY));
}

Test(vm_calls, numbers_of_duplicates)
{
	EXPECT(0, mote_dup(&area, RW, 0));
	EXPECT(10, mote_dup(&area, RW, 10));
	EXPECT(1, mote_dup(&area, RW, 0));
	EXPECT(0, mote_close(&area, 0));
	EXPECT(0, mote_dup(&area, RW, 0));
	EXPECT(RW, mote_dup_to(&area, RW, RW));
	EXPECT(10, mote_dup_to(&area, DIR_RO, 10));
	EXPECT(-EROFS, mote_mkdir(&area, 10, P("x"), 0, 0700));
	EXPECT(-EMFILE, mote_dup(&area, RW, FDTABLE_MAX));
	EXPECT(-EMFILE, mote_dup(&area, RW, UINT32_MAX));
	EXPECT(-EBADF, mote_dup_to(&area, RW, FDTABLE_MAX));
}

/* --- what was handed in --- */

/* A descriptor of the operator's, as standard input. */
static void give(int host)
{
	cr_assert(host >= 0 && fdtable_give(&vm.fds, host, FD_FIXED_STATE, 0) == 0);
}

static struct stat look_at(int host)
{
	struct stat st;
	cr_assert(fstat(host, &st) == 0);
	return st;
}

/* All calls that change attributes of guest descriptor fd, whose file is `host` too. */
static void expect_kept(int32_t fd, int host)
{
	struct mote_time past = {.sec = 1000};
	const struct stat before = look_at(host);
	EXPECT(-EPERM, mote_fchmod(&area, fd, 0777));
	EXPECT(-EPERM, mote_fchown(&area, fd, 1, 1));
	EXPECT(-EPERM,
	       mote_futimens(&area, fd, put(&past, sizeof(past)), put(&past, sizeof(past))));
	const struct stat after = look_at(host);
	cr_expect(before.st_mode == after.st_mode && before.st_uid == after.st_uid &&
		  before.st_gid == after.st_gid && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
		  before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
		  before.st_ctim.tv_nsec == after.st_ctim.tv_nsec &&
		  before.st_size == after.st_size);
}

Test(vm_calls, a_terminal_that_was_handed_in_stays_as_it_is)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	give(dup(terminal));
	expect_kept(0, terminal);
	EXPECT(5, mote_dup(&area, 0, 5));
	expect_kept(5, terminal);
	EXPECT(6, mote_dup_to(&area, 5, 6));
	expect_kept(6, terminal);
	EXPECT(-EINVAL, mote_ftruncate(&area, 0, 0));
	EXPECT(-ENODEV, mote_fallocate(&area, 0, 0, 0, 1));
	/*
	 * Its settings are a program's to change, but not which code of the kernel's it goes
	 * through.
	 */
	struct mote_termios t;
	EXPECT(0, mote_tty_get(&area, 0, (void *)GUEST_AT));
	get(GUEST_AT, &t, sizeof(t));
	t.line = 3;
	t.lflag ^= 8; /* ECHO */
	EXPECT(0, mote_tty_set(&area, 0, 0, put(&t, sizeof(t))));
	EXPECT(0, mote_tty_get(&area, 0, (void *)(GUEST_AT + 128)));
	struct mote_termios now;
	get(GUEST_AT + 128, &now, sizeof(now));
	cr_expect(now.line == 0 && now.lflag == t.lflag);
	close(terminal);
	close(master);
}

Test(vm_calls, pipes_and_sockets_that_were_handed_in_stay_as_they_are)
{
	int ends[2], pair[2];
	cr_assert(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	give(dup(ends[1]));
	expect_kept(0, ends[1]);
	EXPECT(-EINVAL, mote_ftruncate(&area, 0, 0));
	EXPECT(-ESPIPE, mote_fallocate(&area, 0, 0, 0, 1));
	give(dup(pair[1]));
	expect_kept(0, pair[1]);
	EXPECT(-ENOTSOCK, mote_shutdown(&area, 0, 2));
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(pair[i]);
	}
}

Test(vm_calls, a_file_that_was_handed_in_keeps_its_attributes)
{
	write_file("log", "0123456789");
	int file = open("log", O_RDWR);
	give(dup(file));
	expect_kept(0, file);
	/* Its contents are the program's, as `> file` means it... */
	EXPECT(0, mote_ftruncate(&area, 0, 5));
	EXPECT(0, mote_fallocate(&area, 0, 0, 0, 100));
	EXPECT(0, mote_fadvise(&area, 0, 0, 0, 4));
	cr_expect(look_at(file).st_size == 100);
	close(file);
	/* ...and what is appended to keeps what it had. */
	file = open("log", O_WRONLY | O_APPEND);
	give(dup(file));
	expect_kept(0, file);
	EXPECT(-EPERM, mote_ftruncate(&area, 0, 0));
	EXPECT(-EPERM, mote_fallocate(&area, 0, 3 /* a hole, the size stays */, 0, 50));
	EXPECT(0, mote_set_flags(&area, 0, 0)); /* does not get rid of it */
	EXPECT(-EPERM, mote_ftruncate(&area, 0, 0));
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	EXPECT(1, mote_pwritev(&area, 0, put(&one, sizeof(one)), 1, 0));
	char first;
	int reader = open("log", O_RDONLY);
	cr_expect(pread(reader, &first, 1, 0) == 1 && first == '0' &&
		  look_at(reader).st_size == 101);
	close(reader);
	close(file);
}

Test(vm_calls, a_shared_file_gives_what_its_descriptor_may)
{
	const uint64_t at = AT_PAGE(30);
	write_file("log", "0123456789");
	write_file("own", "0123456789");
	int file = open("log", O_RDWR | O_APPEND), pipes[2];
	give(dup(file));
	/* What is appended to could be overwritten by mmap(2). */
	EXPECT(-EACCES,
	       mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, 0, 0));
	EXPECT(0, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, 0, 0));
	EXPECT(-EACCES, mote_mem_protect(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE));
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	close(file);
	file = fdtable_add(&vm.fds, open("own", O_RDWR), 0, 0);
	EXPECT(-EINVAL, mote_mem_share(&area, at, MOTE_PAGE, 64, file, 0));
	EXPECT(-EINVAL, mote_mem_share(&area, at, 0, MOTE_PROT_READ, file, 0));
	EXPECT(0, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, file, 0));
	EXPECT(-EEXIST,
	       mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, file, 0));
	EXPECT(-EINVAL, mote_mem_sync(&area, at + 1, MOTE_PAGE));
	EXPECT(-EINVAL, mote_mem_sync(&area, at, UINT64_MAX & ~4095UL));
	EXPECT(0, mote_mem_sync(&area, at, MOTE_PAGE));
	EXPECT(-ENOENT, mote_mem_find(&area, at));
	EXPECT(-ENOENT, mote_mem_find(&area, UINT64_MAX));
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	cr_assert(pipe(pipes) == 0);
	int32_t end = fdtable_add(&vm.fds, pipes[0], 0, 0);
	EXPECT(-ENODEV, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, end, 0));
	EXPECT(-EBADF, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, 99, 0));
	end = fdtable_add(&vm.fds, open("own", O_WRONLY), 0, 0);
	EXPECT(-EACCES, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, end, 0));
	close(pipes[1]);
}

/* eventfd and its like have one inode for the whole machine. */
Test(vm_calls, descriptors_of_events_have_nothing_to_change)
{
	const int32_t fds[] = {(int32_t)mote_eventfd(&area, 0, 0),
			       (int32_t)mote_epoll_create(&area),
			       (int32_t)mote_timerfd_create(&area, CLOCK_MONOTONIC, 0)};
	for (size_t i = 0; i < 3; i++)
		expect_kept(fds[i], fdtable_get(&vm.fds, fds[i])->host);
}

/* Nodes that the operator put below a directory of the guest's. */
Test(vm_calls, devices_below_a_directory_stay_as_they_are)
{
	struct mote_time past = {.sec = 1000};
	cr_assert(mknod("rw/null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
			  chmod("rw/null", 0666) == 0,
		  "needs root");
	cr_assert(mknod("rw/block", S_IFBLK | 0660, makedev(7, 200)) == 0);
	static const char *const names[] = {"null", "block"};
	for (size_t i = 0; i < 2; i++) {
		char path[16];
		struct stat before, after;
		snprintf(path, sizeof(path), "rw/%s", names[i]);
		cr_assert(stat(path, &before) == 0);
		EXPECT(-EPERM, mote_chmod(&area, RW, P(names[i]), 0, 0777));
		EXPECT(-EPERM, mote_chown(&area, RW, P(names[i]), 0, 1, 1));
		EXPECT(-EPERM, mote_utimens(&area, RW, P(names[i]), 0, put(&past, sizeof(past)),
					    put(&past, sizeof(past))));
		cr_assert(stat(path, &after) == 0);
		cr_expect(before.st_mode == after.st_mode && before.st_uid == after.st_uid &&
			  before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
			  before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	}
	int null = open("/dev/null", O_RDWR);
	/* as one that open() gave */
	cr_assert(null >= 0 && fdtable_put(&vm.fds, dup(null), 0, 7) == 0);
	expect_kept(7, null);
	close(null);
}

/* Of files that are there, and of its own pipes, a guest may change what it likes. */
Test(vm_calls, files_below_a_directory_are_the_guests)
{
	struct mote_time past = {.sec = 1000};
	int32_t fd = (int32_t)open_at(RW, "file", 0, O_RDWR);
	EXPECT(0, mote_fchmod(&area, fd, 0600));
	EXPECT(0, mote_fchown(&area, fd, 0, 0));
	EXPECT(0, mote_ftruncate(&area, fd, 3));
	EXPECT(0, mote_futimens(&area, fd, put(&past, sizeof(past)), put(&past, sizeof(past))));
	EXPECT(0, mote_fchmod(&area, RW, 0700));
	EXPECT(0, mote_chmod(&area, RW, P("sub"), 0, 0711));
	struct stat st;
	cr_assert(stat("rw/file", &st) == 0);
	cr_expect((st.st_mode & 07777) == 0600 && st.st_mtim.tv_sec == 1000 && st.st_size == 3);
	EXPECT(0, mote_pipe(&area, (void *)GUEST_AT, 8, 0));
	get(GUEST_AT, &fd, sizeof(fd));
	EXPECT(0, mote_fchmod(&area, fd, 0600));
}

Test(vm_calls, a_listener_that_was_handed_in_stays_as_it_is)
{
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct mote_sockaddr a = {.len = sizeof(any)}, b = {.len = sizeof(none)};
	memcpy(a.data, &any, sizeof(any));
	memcpy(b.data, &none, sizeof(none));
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 0;
	socklen_t len = sizeof(on);
	cr_assert(bind(listener, (const struct sockaddr *)&any, sizeof(any)) == 0 &&
		  listen(listener, 7) == 0);
	cr_assert(fdtable_give(&vm.fds, dup(listener), FD_SOCKET | FD_LISTENER | FD_FIXED_STATE,
			       5) == 0);
	EXPECT(6, mote_dup(&area, 5, 6));
	for (int i = 0; i < 2; i++)
		for (int32_t fd = 5; fd <= 6; fd++) {
			vm.network = i;
			EXPECT(-EPERM, mote_shutdown(&area, fd, 2));
			EXPECT(-EPERM, mote_bind(&area, fd, put(&a, sizeof(a))));
			/* would end its listening */
			EXPECT(-EPERM, mote_connect(&area, fd, put(&b, sizeof(b))));
			EXPECT(-EPERM, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_KEEPALIVE,
							put("\1\0\0\0", 4), 4));
			EXPECT(0, mote_listen(&area, fd, 1));
			expect_kept(fd, listener);
		}
	cr_expect(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on == 1);
	cr_expect(getsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0 && on == 0);
	close(listener);
}

/* --- waits --- */

static int32_t pipe_ends[2];

static void make_pipe(void)
{
	cr_assert(mote_pipe(&area, (void *)GUEST_AT, 8, 0) == 0);
	get(GUEST_AT, pipe_ends, sizeof(pipe_ends));
}

Test(vm_calls, a_signal_ends_every_wait)
{
	struct mote_iovec one = {.base = GUEST_AT, .len = MOTE_PAGE};
	const struct mote_iovec *v = put(&one, sizeof(one));
	struct mote_time day = {.sec = 86400};
	make_pipe();
	for (int i = 0; i < 16; i++) /* the pipe is full */
		EXPECT(MOTE_PAGE, mote_writev(&area, pipe_ends[1], v, 1));
	int32_t held = (int32_t)open_at(RW, "file", 0, O_RDWR),
		other = (int32_t)open_at(RW, "file", 0, O_RDWR);
	EXPECT(0, mote_flock(&area, held, 2));
	int empty[2];
	cr_assert(pipe2(empty, O_CLOEXEC) == 0 && fdtable_put(&vm.fds, empty[0], 0, 50) == 0);
	atomic_store(&vm.pending, 1UL << (SIGTERM - 1));
	EXPECT(-EINTR, mote_readv(&area, 50, v, 1));
	EXPECT(-EINTR, mote_writev(&area, pipe_ends[1], v, 1));
	EXPECT(-EINTR, mote_poll(&area, 0, 0, NULL));
	EXPECT(-EINTR, mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&day, sizeof(day))));
	EXPECT(-EINTR, mote_flock(&area, other, 2));
	EXPECT(0, mote_mkdir(&area, RW, P("fifo-dir"), 0, 0700));
	int32_t epoll = (int32_t)mote_epoll_create(&area),
		event = (int32_t)mote_eventfd(&area, 0, 0);
	EXPECT(-EINTR, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, NULL));
	EXPECT(-EINTR, mote_readv(&area, event, v, 1));
	cr_assert(mkfifo("rw/fifo-dir/fifo", 0600) == 0);
	EXPECT(-EINTR, open_at(RW, "fifo-dir/fifo", 0, O_WRONLY));
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)GUEST_AT, 8));
	int32_t pair[2];
	get(GUEST_AT, pair, sizeof(pair));
	EXPECT(-EINTR, mote_recv(&area, pair[0], v, 1, 0, NULL));
	/* A signal that the program has blocked ends none. */
	area.blocked_signals = 1UL << (SIGTERM - 1);
	struct mote_time soon = {.nsec = 1000000};
	EXPECT(0, mote_poll(&area, 0, 0, put(&soon, sizeof(soon))));
	EXPECT(0, mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&soon, sizeof(soon))));
}

/*
 * A snapshot whose guest wrote to a file, and a guest of it whose output is a pipe that nobody
 * reads.
 */
Test(vm_calls, what_a_descriptor_is_does_not_come_from_a_snapshot)
{
	static char full[65536];
	int ends[2];
	cr_assert(pipe(ends) == 0 && write(ends[1], full, sizeof(full)) == sizeof(full));
	cr_assert(fdtable_give(&vm.fds, ends[1], FD_FIXED_STATE, 1) == 0);
	const struct fd_wanted wanted = {
		.at = 1,
		.flags = FD_FIXED_STATE | FD_GIVEN | FD_PLAIN,
		.origin = 2,
	};
	cr_assert(fdtable_reset(&vm.fds, &wanted, 1) == 0);
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	atomic_store(&vm.pending, 1UL << (SIGKILL - 1));
	EXPECT(-EINTR, mote_writev(&area, 1, put(&v, sizeof(v)), 1));
}

/*
 * A snapshot from anybody names descriptors; that one was given for reading, or is standard output,
 * is not its to say.
 */
Test(vm_calls, what_may_be_done_with_a_descriptor_does_not_come_from_a_snapshot)
{
	int ends[2], ro = open("ro", O_RDONLY | O_DIRECTORY);
	cr_assert(pipe(ends) == 0 && fdtable_give(&vm.fds, ends[1], FD_FIXED_STATE, 1) == 0);
	cr_assert(fdtable_give(&vm.fds, ro, FD_DIR | FD_READONLY, DIR_RO) == 0);
	vm.fds.keep = true;
	const struct fd_wanted wanted[] = {
		{.at = 1, .flags = FD_GIVEN, .origin = 2},
		{.at = 2, .flags = FD_NONBLOCK, .origin = 2},
		{.at = DIR_RO, .flags = FD_DIR | FD_GIVEN, .origin = DIR_RO + 1},
		{.at = 8, .flags = FD_DIR, .origin = DIR_RO + 1}};
	/* those that are there, and those that were parked */
	for (int round = 0; round < 2; round++) {
		cr_assert(fdtable_reset(&vm.fds, wanted, 4) == 0);
		EXPECT(-EPERM, mote_fchmod(&area, 1, 0));
		EXPECT(-EPERM, mote_fchmod(&area, 2, 0));
		EXPECT(O_WRONLY, mote_get_flags(&area, 1));
		EXPECT(O_WRONLY | O_NONBLOCK, mote_get_flags(&area, 2));
		EXPECT(-EROFS, mote_mkdir(&area, DIR_RO, P("x"), 0, 0700));
		EXPECT(-EROFS, mote_mkdir(&area, 8, P("x"), 0, 0700));
		EXPECT(0, mote_close(&area, 1));
		EXPECT(0, mote_close(&area, 2));
		EXPECT(0, mote_close(&area, DIR_RO));
		EXPECT(0, mote_close(&area, 8));
	}
	close(ends[0]);
}

Test(vm_calls, what_is_no_wait)
{
	struct mote_time wrong[] = {{.sec = -1}, {.nsec = -1}, {.nsec = 1000000000}};
	for (size_t i = 0; i < 3; i++) {
		EXPECT(-EINVAL,
		       mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&wrong[i], sizeof(wrong[i]))));
		EXPECT(-EINVAL, mote_poll(&area, 0, 0, put(&wrong[i], sizeof(wrong[i]))));
	}
	EXPECT(-EINVAL, mote_sleep(&area, CLOCK_MONOTONIC, 0, NULL));
	EXPECT(-EINVAL, mote_sleep(&area, 77, 0, put(&wrong[0], sizeof(wrong[0]))));
	EXPECT(-EINVAL, mote_clock_get(&area, 77, NULL));
	EXPECT(-EINVAL, mote_clock_get(&area, (uint32_t)-6, NULL));
	EXPECT(-EINVAL, mote_poll(&area, GUEST_AT, 4097, NULL));
	EXPECT(-EFAULT, mote_poll(&area, AT_PAGE(9), 1, NULL));
	/*
	 * Closed descriptors are reported, negative ones skipped, and neither makes anybody wait.
	 */
	struct mote_pollfd fds[3] = {{.fd = CLOSED, .events = POLLIN},
				     {.fd = -1, .events = POLLIN},
				     {.fd = RW, .events = 0}};
	void *at = put(fds, sizeof(fds));
	EXPECT(1, mote_poll(&area, (uint64_t)at, 3, NULL));
	get((uint64_t)at, fds, sizeof(fds));
	cr_expect(fds[0].revents == POLLNVAL && fds[1].revents == 0 && fds[2].revents == 0);
	/* A descriptor that does not wait says so. */
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	make_pipe();
	EXPECT(0, mote_set_flags(&area, pipe_ends[0], O_NONBLOCK));
	EXPECT(-EAGAIN, mote_readv(&area, pipe_ends[0], put(&one, sizeof(one)), 1));
	EXPECT(0, mote_close(&area, pipe_ends[1]));
	EXPECT(0, mote_readv(&area, pipe_ends[0], put(&one, sizeof(one)), 1));
}

/* --- directories --- */

enum { FILES = 300 };

/* Reads from a cookie to the end, marks what it saw; the last cookie. */
static int64_t read_all(int32_t dir, int64_t cookie, uint64_t size, uint8_t *seen, int64_t *middle)
{
	static uint8_t buffer[4 * MOTE_PAGE];
	int64_t n;
	int count = 0;
	while ((n = mote_readdir(&area, dir, cookie, (void *)GUEST_AT, size)) > 0) {
		cr_assert((uint64_t)n <= size);
		get(GUEST_AT, buffer, (size_t)n);
		for (int64_t at = 0; at < n;) {
			const struct mote_dirent *d = (const void *)(buffer + at);
			int number;
			if (sscanf(d->name, "f%d", &number) == 1)
				seen[number]++;
			cookie = d->cookie;
			at += d->reclen;
			if (++count == FILES / 2 && middle)
				*middle = cookie;
		}
	}
	cr_expect(n == 0);
	return cookie;
}

Test(vm_calls, directories_are_read_once_and_from_a_cookie)
{
	char name[32];
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "rw/sub/f%d", i);
		write_file(name, "");
	}
	int32_t dir = (int32_t)open_at(RW, "sub", 0, O_RDONLY);
	static const uint64_t sizes[] = {64, 300, 4096, 4 * MOTE_PAGE};
	for (size_t r = 0; r < sizeof(sizes) / sizeof(sizes[0]); r++) {
		uint8_t seen[FILES] = {0}, rest[FILES] = {0};
		int64_t middle = 0, end = read_all(dir, 0, sizes[r], seen, &middle);
		for (int i = 0; i < FILES; i++)
			cr_expect(seen[i] == 1, "size %lu: f%d seen %d times", sizes[r], i,
				  seen[i]);
		read_all(dir, middle, sizes[r], rest, NULL);
		int count = 0;
		for (int i = 0; i < FILES; i++)
			count += rest[i];
		cr_expect(count >= FILES / 2 && count <= FILES / 2 + 2, "from the middle: %d",
			  count);
		EXPECT(0, mote_readdir(&area, dir, end, (void *)GUEST_AT, sizes[r]));
	}
	EXPECT(-EINVAL, mote_readdir(&area, dir, 0, (void *)GUEST_AT, 8));
	EXPECT(-EINVAL, mote_readdir(&area, dir, -1, (void *)GUEST_AT, 4096));
	EXPECT(-EFAULT, mote_readdir(&area, dir, 0, (void *)AT_PAGE(8), 4096));
	EXPECT(-ENOTDIR, mote_readdir(&area, (int32_t)open_at(RW, "file", 0, O_RDONLY), 0,
				      (void *)GUEST_AT, 4096));
	/* What is removed while it is read is not seen twice, and ends nothing. */
	cr_assert(system("rm rw/sub/f1*") == 0);
	uint8_t seen[FILES] = {0};
	read_all(dir, 0, 300, seen, NULL);
	cr_expect(seen[1] == 0 && seen[2] == 1 && seen[299] == 1);
}

/*
 * Some file systems have names of more than 255 bytes: what a kernel would say of two such and a
 * usual one.
 */
Test(vm_calls, names_that_are_too_long_are_left_out)
{
	static const size_t names[] = {300, 4000, 5};
	_Alignas(8) uint8_t kernel[8192] = {0}, got[64];
	const struct call_out to = {.at = gva(GUEST_AT), .len = 4096};
	long at = 0;
	for (size_t i = 0; i < 3; i++) {
		uint16_t reclen = (uint16_t)((19 + names[i] + 8) & ~7UL);
		memcpy(kernel + at + 16, &reclen, sizeof(reclen));
		memset(kernel + at + 19, 'n', names[i]);
		at += reclen;
	}
	EXPECT(32, vm_put_entries(&vm, kernel, at, &to));
	get(GUEST_AT, got, sizeof(got));
	cr_expect_str_eq((char *)got + offsetof(struct mote_dirent, name), "nnnnn");
}

/* --- events and locks --- */

Test(vm_calls, events_that_are_none)
{
	int32_t epoll = (int32_t)mote_epoll_create(&area),
		event = (int32_t)mote_eventfd(&area, 1, O_NONBLOCK);
	struct mote_timer timer = {.value = {.nsec = -1}};
	struct mote_lock lock = {.type = 0, .length = 1};
	struct mote_time wrong = {.nsec = -1};
	cr_assert(epoll >= 0 && event >= 0);
	EXPECT(-EINVAL, mote_eventfd(&area, 0, O_APPEND));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 0, event, 1, 0));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 4, event, 1, 0));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 1, epoll, 1, 0));
	/* a directory has no events */
	EXPECT(-EPERM, mote_epoll_control(&area, epoll, 1, RW, 1, 0));
	EXPECT(0, mote_epoll_control(&area, epoll, 1, event, POLLIN, 77));
	EXPECT(-EINVAL, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 11, NULL));
	EXPECT(-EINVAL,
	       mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, put(&wrong, sizeof(wrong))));
	EXPECT(-EFAULT, mote_epoll_wait(&area, epoll, (void *)AT_PAGE(8), 120, NULL));
	EXPECT(1, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, ~0UL >> 20, NULL) == -EFAULT);
	EXPECT(1, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 12, NULL));
	struct mote_epoll_event got;
	get(GUEST_AT, &got, sizeof(got));
	cr_expect(got.events == POLLIN && got.data == 77);
	EXPECT(-EINVAL, mote_timerfd_create(&area, CLOCK_PROCESS_CPUTIME_ID, 0));
	EXPECT(-EINVAL, mote_timerfd_set(&area, event, 0, put(&timer, sizeof(timer)), NULL));
	int32_t fd = (int32_t)mote_timerfd_create(&area, CLOCK_MONOTONIC, 0);
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 0, put(&timer, sizeof(timer)), NULL));
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 4, put(&timer, sizeof(timer)), NULL));
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 0, NULL, NULL));
	EXPECT(-EINVAL, mote_lock(&area, RW, F_GETFL, put(&lock, sizeof(lock)), NULL));
	EXPECT(-EINVAL, mote_lock(&area, RW, F_SETLK, NULL, NULL));
	int32_t reader = (int32_t)open_at(DIR_RO, "file", 0, O_RDONLY);
	lock.type = F_WRLCK;
	EXPECT(-EBADF, mote_lock(&area, reader, F_SETLK, put(&lock, sizeof(lock)), NULL));
}

/* --- buffers --- */

Test(vm_calls, vectors_that_wrap_or_lead_over_holes)
{
	int32_t fd = (int32_t)open_at(RW, "file", 0, O_RDWR);
	struct mote_iovec v[4] = {{.base = ~0UL - 3, .len = 100}};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	v[0] = (struct mote_iovec){.base = 1UL << 47, .len = 1};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	v[0] = (struct mote_iovec){.base = AT_PAGE(9) - 1, .len = 1};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1)); /* for reading only */
	EXPECT(1, mote_pwritev(&area, fd, put(v, sizeof(v)), 1, 0));
	v[0] = (struct mote_iovec){.base = AT_PAGE(8) - 4, .len = 8};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	EXPECT(0, mote_lseek(&area, fd, 0, SEEK_CUR)); /* nothing was taken from the file */
	/* What comes before the bad one is transferred, as readv does. */
	v[0] = (struct mote_iovec){.base = AT_PAGE(1) - 3, .len = 6};
	v[1] = (struct mote_iovec){.base = 12345, .len = 0};
	v[2] = (struct mote_iovec){.base = AT_PAGE(9), .len = 2};
	EXPECT(6, mote_readv(&area, fd, put(v, sizeof(v)), 3));
	char text[6];
	get(AT_PAGE(1) - 3, text, 6);
	cr_expect(memcmp(text + 1, "12345", 5) == 0);
	/* The vectors themselves. */
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)(AT_PAGE(9) - 8), 1));
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)(~0UL - 7), 2));
	EXPECT(-EINVAL, mote_readv(&area, fd, (void *)GUEST_AT, 1025));
	EXPECT(-EINVAL, mote_readv(&area, fd, (void *)GUEST_AT, 1UL << 60));
	EXPECT(0, mote_readv(&area, fd, (void *)~0UL, 0));
	EXPECT(-EINVAL, mote_preadv(&area, fd, put(v, sizeof(v)), 1, 1UL << 63));
}

Test(vm_calls, results_go_only_where_the_guest_may_write)
{
	static const uint64_t bad[] = {8,          AT_PAGE(8),      AT_PAGE(8) - 8,
				       AT_PAGE(9), AT_PAGE(10) - 8, ~0UL - 8,
				       1UL << 47,  MOTE_KERNEL};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT(-EFAULT, mote_fstat(&area, RW, (void *)bad[i]));
		EXPECT(-EFAULT, mote_stat(&area, RW, P("file"), 0, (void *)bad[i]));
		EXPECT(-EFAULT, mote_clock_get(&area, 0, (void *)bad[i]));
		EXPECT(-EFAULT, mote_random(&area, (void *)bad[i], 64));
		EXPECT(-EFAULT, mote_pipe(&area, (void *)(bad[i] + 4), 16, 0));
		EXPECT(-EFAULT, mote_readlink(&area, RW, P("link"), 0, (void *)bad[i], 64));
	}
	EXPECT(-EINVAL, mote_pipe(&area, (void *)GUEST_AT, 4, 0));
	EXPECT(-EINVAL, mote_pipe(&area, (void *)GUEST_AT, 8, O_APPEND));
	EXPECT(-E2BIG, mote_sock_setopt(&area, RW, 1, 2, (void *)GUEST_AT, MOTE_IN_MAX + 1));
	EXPECT(4, mote_readlink(&area, RW, P("link"), 0, (void *)(AT_PAGE(1) - 2), 64));
	EXPECT(2, mote_readlink(&area, RW, P("link"), 0, (void *)GUEST_AT, 2));
	EXPECT(-EINVAL, mote_readlink(&area, RW, P("file"), 0, (void *)GUEST_AT, 2));
}

/* --- the end --- */

Test(vm_calls, endings)
{
	EXPECT(-EINVAL, mote_exit_signal(&area, 0));
	EXPECT(-EINVAL, mote_exit_signal(&area, 65));
	cr_expect(vm.state == VM_RUNNING);
	EXPECT(0, mote_exit(&area, 300));
	cr_expect(vm.state == VM_ENDED && vm.outcome.end == VM_EXITED && vm.outcome.code == 44);
	EXPECT(0, mote_exit_signal(&area, 9)); /* the first one counts */
	cr_expect(vm.outcome.end == VM_EXITED);
}

/* --- what runs, and what a module's VM may ask for --- */

enum { R = 1, W = 2, X = 4 };

static void set_kind(bool wasm, bool sealed)
{
	vm.wasm = wasm;
	vm.exec_sealed = sealed;
}

Test(vm_calls, memory_of_a_module_is_written_or_executed)
{
	const uint64_t at = AT_PAGE(20);
	set_kind(true, false);
	EXPECT(-EACCES, mote_mem_map(&area, at, MOTE_PAGE, R | W | X));
	EXPECT(-EACCES, mote_mem_map(&area, at, MOTE_PAGE, W | X));
	EXPECT(0, mote_mem_map(&area, at, MOTE_PAGE, R | W));
	EXPECT(-EACCES, mote_mem_protect(&area, at, MOTE_PAGE, R | W | X));
	EXPECT(0, mote_mem_protect(&area, at, MOTE_PAGE, R | X));
	struct iovec span;
	cr_expect(memory_span(&vm.memory, gva(at), 1, MEMORY_WRITE, &span, 1) < 0);
	struct mote_mapping both = {
		.addr = AT_PAGE(21),
		.bytes = MOTE_PAGE,
		.from = MOTE_MAP_ZEROED,
		.prot = R | W | X,
	};
	EXPECT(-EACCES, mote_mem_map_many(&area, put(&both, sizeof(both)), sizeof(both)));
	/* A page of the guest program could be mapped at two addresses. */
	vm.payload_bytes = MOTE_PAGE;
	EXPECT(-EACCES, mote_mem_map_payload(&area, AT_PAGE(22), MOTE_PAGE, 0, R | X));
	both = (struct mote_mapping){
		.addr = AT_PAGE(22),
		.bytes = MOTE_PAGE,
		.from = 0,
		.prot = R | X,
	};
	EXPECT(-EACCES, mote_mem_map_many(&area, put(&both, sizeof(both)), sizeof(both)));
	vm.payload_bytes = 0;
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	set_kind(false, false);
}

Test(vm_calls, nothing_becomes_executable_once_sealed)
{
	const uint64_t at = AT_PAGE(20);
	EXPECT(0, mote_mem_map(&area, at, MOTE_PAGE, R | W));
	EXPECT(0, mote_mem_map(&area, AT_PAGE(21), MOTE_PAGE, R | X));
	EXPECT(0, mote_mem_seal(&area));
	for (uint32_t prot = 0; prot < 8; prot++) {
		int64_t want = prot & X ? -EACCES : 0;
		EXPECT(want, mote_mem_protect(&area, at, MOTE_PAGE, prot));
		EXPECT(prot ? want : -EINVAL, mote_mem_map(&area, AT_PAGE(22), MOTE_PAGE, prot));
		EXPECT(0, mote_mem_unmap(&area, AT_PAGE(22), MOTE_PAGE));
	}
	/* What was executable may stop to be, and does not become it again. */
	EXPECT(0, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | W));
	EXPECT(-EACCES, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | X));
	EXPECT(0, mote_mem_seal(&area));
	set_kind(false, false);
}

Test(vm_calls, native_guests_write_and_execute_where_they_ask)
{
	EXPECT(0, mote_mem_map(&area, AT_PAGE(20), MOTE_PAGE, R | W | X));
	EXPECT(0, mote_mem_map(&area, AT_PAGE(21), MOTE_PAGE, R | W));
	EXPECT(0, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | W | X));
}

/* What its thread's filter would end the process for is not there. */
Test(vm_calls, a_modules_vm_has_the_host_calls_of_its_personality)
{
	int32_t *pair = (int32_t *)AT_PAGE(4);
	vm.network = true;
	set_kind(true, false);
	EXPECT(-ENOSYS, mote_socket(&area, AF_INET, SOCK_STREAM, 0));
	EXPECT(-ENOSYS, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, pair, 8));
	EXPECT(-ENOSYS, mote_pipe(&area, pair, 8, 0));
	EXPECT(-ENOSYS, mote_eventfd(&area, 0, 0));
	EXPECT(-ENOSYS, mote_epoll_create(&area));
	EXPECT(-ENOSYS, mote_timerfd_create(&area, CLOCK_MONOTONIC, 0));
	EXPECT(-ENOSYS, mote_fchmod(&area, RW, 0700));
	EXPECT(-ENOSYS, mote_chmod(&area, RW, P("file"), 0, 0600));
	EXPECT(-ENOSYS, mote_fchown(&area, RW, 0, 0));
	EXPECT(-ENOSYS, mote_chown(&area, RW, P("file"), 0, 0, 0));
	EXPECT(-ENOSYS, mote_flock(&area, RW, 2));
	EXPECT(-ENOSYS, mote_alarm(&area, NULL, NULL));
	EXPECT(-ENOSYS, mote_tty_set(&area, 0, 0, NULL));
	EXPECT(-ENOSYS, mote_statfs(&area, RW, NULL));
	EXPECT(0, mote_stat(&area, RW, P("file"), 0, NULL));
	set_kind(false, false);
	vm.network = false;
}

Test(vm_calls, set_id_bits_are_a_containers)
{
	struct stat st;
	for (uint32_t mode = 02755; mode <= 06755; mode += 02000) {
		EXPECT(-EPERM, mote_chmod(&area, RW, P("file"), 0, mode));
		vm.set_ids = true;
		EXPECT(0, mote_chmod(&area, RW, P("file"), 0, mode));
		cr_expect(stat("rw/file", &st) == 0 && (st.st_mode & 07777) == mode);
		vm.set_ids = false;
	}
	int64_t fd = mote_open(&area, RW, P("new"), 0, O_CREAT | O_RDWR, 04700);
	cr_expect(fd >= 0 && stat("rw/new", &st) == 0 && (st.st_mode & 07777) == 0700);
	EXPECT(-EPERM, mote_fchmod(&area, (int32_t)fd, 04700));
	EXPECT(0, mote_fchmod(&area, (int32_t)fd, 01700));
	EXPECT(0, mote_close(&area, (int32_t)fd));
}

/* Pieces of memory that do not lie together on the host are one message all the same. */
Test(vm_calls, messages_in_pieces)
{
	const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	for (size_t t = 0; t < 2; t++) {
		int32_t pair[2];
		EXPECT(0,
		       mote_socketpair(&area, AF_UNIX, (uint32_t)types[t], (void *)AT_PAGE(4), 8));
		get(AT_PAGE(4), pair, sizeof(pair));
		const char text[] = "one message in three";
		cr_assert(memory_write(&vm.memory, gva(AT_PAGE(0)), text, 20) == 0);
		struct mote_iovec out[3] = {
			{AT_PAGE(0), 4}, {AT_PAGE(0) + 4, 8}, {AT_PAGE(0) + 12, 8}};
		struct mote_iovec in[3] = {{AT_PAGE(2), 2}, {AT_PAGE(1), 10}, {AT_PAGE(10), 30}};
		EXPECT(20, mote_send(&area, pair[0], put(out, sizeof(out)), 3, 0, NULL));
		EXPECT(20, mote_recv(&area, pair[1], put(in, sizeof(in)), 3, 0, NULL));
		char got[21] = {0};
		get(AT_PAGE(2), got, 2);
		get(AT_PAGE(1), got + 2, 10);
		get(AT_PAGE(10), got + 12, 8);
		cr_expect_str_eq(got, text);
		EXPECT(-EAGAIN,
		       mote_recv(&area, pair[1], put(in, sizeof(in)), 3, MSG_DONTWAIT, NULL));
		int type = 0;
		EXPECT(4, mote_sock_getopt(&area, pair[0], SOL_SOCKET, SO_TYPE, (void *)AT_PAGE(0),
					   4));
		get(AT_PAGE(0), &type, sizeof(type));
		cr_expect(type == types[t]);
		EXPECT(0, mote_close(&area, pair[0]));
		EXPECT(0, mote_close(&area, pair[1]));
	}
}

Test(vm_calls, options_that_only_tell)
{
	int32_t pair[2];
	int one = 1;
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)AT_PAGE(4), 8));
	get(AT_PAGE(4), pair, sizeof(pair));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_TYPE, put(&one, 4), 4));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_BINDTODEVICE, put(&one, 4), 4));
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_KEEPALIVE, put(&one, 4), 4));
}

/* --- credentials: of a thread of its own, since they are the thread's --- */

static unsigned credentials_changed;

static void on_credentials(void *arg)
{
	(void)arg;
	credentials_changed++;
}

static int64_t set_ids(uint32_t uid, uint32_t gid, uint64_t permitted, uint64_t effective)
{
	struct mote_ids ids = {
		.uid = {uid, uid, uid, uid},
		.gid = {gid, gid, gid, gid},
		.permitted = permitted,
		.effective = effective,
	};
	return mote_set_ids(&area, put(&ids, sizeof(ids)));
}

static void expect_thread(uint32_t uid, uint32_t gid, uint64_t permitted, uint64_t effective)
{
	struct vm_credentials c = {0};
	cr_assert(credentials_take(&c) == 0);
	for (int i = 0; i < 4; i++)
		cr_expect(c.now.uid[i] == uid && c.now.gid[i] == gid, "%d: %u %u", i, c.now.uid[i],
			  c.now.gid[i]);
	cr_expect(c.now.permitted == permitted && c.now.effective == effective, "%lx %lx",
		  c.now.permitted, c.now.effective);
}

static void *change_credentials(void *arg)
{
	const uint64_t chown_only = 1UL << 0, all = UINT64_MAX;
	const uint32_t groups[] = {9, 7};
	const struct vm_credentials another = {0};
	(void)arg;
	EXPECT(-EPERM, set_ids(0, 0, 0, 0));
	EXPECT(-EPERM, mote_set_groups(&area, put(groups, sizeof(groups)), sizeof(groups)));
	vm.credentials.on_change = on_credentials;
	cr_assert(credentials_take(&vm.credentials) == 0);
	EXPECT(-EINVAL, mote_set_ids(&area, NULL));
	EXPECT(-EINVAL, set_ids(UINT32_MAX, 0, 0, 0));
	EXPECT(-EINVAL, mote_set_groups(&area, put(groups, 8), 7));
	cr_expect(credentials_changed == 0 && !vm.credentials.changed);
	EXPECT(0, mote_set_groups(&area, put(groups, sizeof(groups)), sizeof(groups)));
	EXPECT(0, open_at(RW, "of-root", MOTE_RESOLVE_IN_ROOT, O_RDWR | O_CREAT) < 0);
	EXPECT(0, set_ids(1000, 1001, chown_only, 0));
	expect_thread(1000, 1001, chown_only, 0);
	cr_expect(credentials_changed == 1 && vm.credentials.changed);
	EXPECT(-EACCES, open_at(RW, "of-root", MOTE_RESOLVE_IN_ROOT, O_RDWR));
	/* What it has it may use, and what it has given up it does not have again. */
	EXPECT(0, set_ids(1000, 1001, all, all));
	expect_thread(1000, 1001, chown_only, chown_only);
	EXPECT(-EPERM, set_ids(0, 0, all, all));
	EXPECT(-EPERM, set_ids(1000, 0, 0, 0));
	EXPECT(-EPERM, mote_set_groups(&area, put(groups, sizeof(groups)), 0));
	EXPECT(0, set_ids(1000, 1001, 0, 0));
	expect_thread(1000, 1001, 0, 0);
	cr_expect(credentials_changed == 1, "nothing was reset: %u", credentials_changed);
	cr_expect(credentials_check_thread(&another) == -EPERM &&
		  credentials_check_thread(&vm.credentials) == 0);
	return NULL;
}

Test(vm_calls, credentials_are_the_thread_s)
{
	pthread_t thread;
	cr_assert(chmod("rw", 0755) == 0 && chmod(top, 0755) == 0);
	cr_assert(pthread_create(&thread, NULL, change_credentials, NULL) == 0);
	pthread_join(thread, NULL);
	cr_expect(geteuid() == 0 && getegid() == 0 &&
		  credentials_check_thread(&vm.credentials) == 0);
}
