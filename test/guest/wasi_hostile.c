/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile program tries: paths that lead out of its directory, descriptors that are not
 * open, addresses outside linear memory. Each must be answered by the right errno. /data is the
 * preopen; the test has put a symlink `out` to its parent there, and a file `secret` next to it.
 */
#include "wasi_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#define DIR_FD 3

static __wasi_errno_t try_open(const char *path, __wasi_lookupflags_t lookup,
			       __wasi_oflags_t oflags)
{
	__wasi_fd_t fd;
	return __wasi_path_open(DIR_FD, lookup, path, oflags, __WASI_RIGHTS_FD_READ, 0, 0, &fd);
}

static void escapes(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static const char *const paths[] = {
		"../secret",
		"/etc/passwd",
		"in.txt/../../secret",
		"sub/../../secret",
		"out/secret",
		"..",
		"sub/../..",
		"/",
		"out",
		"./../data/../secret",
		"out/data/in.txt",
		"abs/passwd",
	};
	__wasi_filestat_t st;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		__wasi_errno_t e = try_open(paths[i], __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0);
		if (e != __WASI_ERRNO_PERM && !(i == 2 && e == __WASI_ERRNO_NOTDIR)) {
			fprintf(stderr, "%s: errno %d\n", paths[i], e);
			exit(1);
		}
		e = __wasi_path_filestat_get(DIR_FD, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, paths[i],
					     &st);
		CHECK(e == __WASI_ERRNO_PERM || (i == 2 && e == __WASI_ERRNO_NOTDIR));
	}
	CHECK(try_open("../new", 0, __WASI_OFLAGS_CREAT) == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_create_directory(DIR_FD, "../newdir") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_create_directory(DIR_FD, "out/newdir") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_unlink_file(DIR_FD, "../secret") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_unlink_file(DIR_FD, "out/secret") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_remove_directory(DIR_FD, "../data") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_rename(DIR_FD, "../secret", DIR_FD, "mine") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_rename(DIR_FD, "in.txt", DIR_FD, "../theirs") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_link(DIR_FD, 0, "../secret", DIR_FD, "mine") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_link(DIR_FD, 0, "in.txt", DIR_FD, "out/theirs") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_symlink("x", DIR_FD, "../theirs") == __WASI_ERRNO_PERM);
	CHECK(__wasi_path_symlink("/etc", DIR_FD, "mine") == __WASI_ERRNO_PERM);
	char buf[16];
	__wasi_size_t n;
	CHECK(__wasi_path_readlink(DIR_FD, "../data/out", (uint8_t *)buf, sizeof(buf), &n) ==
	      __WASI_ERRNO_PERM);
	CHECK(__wasi_path_filestat_set_times(DIR_FD, 0, "../secret", 1, 1, 5) == __WASI_ERRNO_PERM);
	/* The link itself is inside and may be looked at; one that turns back inside may be
	 * followed. */
	CHECK(__wasi_path_readlink(DIR_FD, "out", (uint8_t *)buf, sizeof(buf), &n) == 0 && n == 2);
	CHECK(try_open("sub/../in.txt", 0, 0) == 0);
	CHECK(symlink("../in.txt", "/data/sub/back") == 0);
	CHECK(try_open("sub/back", __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0) == 0);
	CHECK(try_open("sub/back", 0, 0) == __WASI_ERRNO_LOOP);
}

static void paths(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static char longest[70000];
	memset(longest, 'a', sizeof(longest) - 1);
	CHECK(try_open("", 0, 0) == __WASI_ERRNO_NOENT);
	CHECK(try_open(longest, 0, 0) == __WASI_ERRNO_NAMETOOLONG);
	longest[300] = '\0';
	CHECK(try_open(longest, 0, 0) == __WASI_ERRNO_NAMETOOLONG);
	CHECK(try_open("in.txt/", 0, 0) == __WASI_ERRNO_NOTDIR);
	CHECK(try_open("in.txt", 0, 1 << 10) == __WASI_ERRNO_INVAL);
	CHECK(try_open("sub", 0, __WASI_OFLAGS_DIRECTORY | __WASI_OFLAGS_CREAT) != 0);
	CHECK(symlink("loop", "/data/loop") == 0);
	CHECK(try_open("loop", __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0) == __WASI_ERRNO_LOOP);
}

static void descriptors(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static const __wasi_fd_t bad[] = {4, 64, 1000000, 0x7fffffff, 0x80000000, 0xffffffff};
	uint8_t byte = 0;
	__wasi_iovec_t v = {.buf = &byte, .buf_len = 1};
	__wasi_ciovec_t cv = {.buf = &byte, .buf_len = 1};
	__wasi_size_t n;
	__wasi_filesize_t pos;
	__wasi_fdstat_t st;
	__wasi_filestat_t fst;
	__wasi_prestat_t pre;
	__wasi_fd_t fd;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		__wasi_fd_t b = bad[i];
		CHECK(__wasi_fd_read(b, &v, 1, &n) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_write(b, &cv, 1, &n) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_pread(b, &v, 1, 0, &n) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_pwrite(b, &cv, 1, 0, &n) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_seek(b, 0, 0, &pos) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_tell(b, &pos) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_close(b) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_sync(b) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_datasync(b) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_advise(b, 0, 0, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_allocate(b, 0, 1) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_fdstat_get(b, &st) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_fdstat_set_flags(b, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_fdstat_set_rights(b, 0, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_filestat_get(b, &fst) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_filestat_set_size(b, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_filestat_set_times(b, 0, 0, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_prestat_get(b, &pre) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_prestat_dir_name(b, &byte, 1) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_readdir(b, &byte, 1, 0, &n) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_renumber(b, 0) == __WASI_ERRNO_BADF);
		CHECK(__wasi_fd_renumber(0, b) == __WASI_ERRNO_BADF);
		CHECK(__wasi_path_open(b, 0, "x", 0, 0, 0, 0, &fd) == __WASI_ERRNO_BADF);
		CHECK(__wasi_path_filestat_get(b, 0, "x", &fst) == __WASI_ERRNO_BADF);
		CHECK(__wasi_path_rename(3, "in.txt", b, "x") == __WASI_ERRNO_BADF);
		CHECK(__wasi_sock_shutdown(b, 1) == __WASI_ERRNO_BADF);
	}
	CHECK(__wasi_sock_shutdown(1, 1) == __WASI_ERRNO_NOTSOCK);
	CHECK(__wasi_fd_read(3, &v, 1, &n) == __WASI_ERRNO_ISDIR);
	CHECK(__wasi_fd_write(3, &cv, 1, &n) == __WASI_ERRNO_BADF);
	CHECK(__wasi_fd_seek(3, 0, 1, &pos) == __WASI_ERRNO_ISDIR);
	CHECK(__wasi_path_open(1, 0, "x", 0, 0, 0, 0, &fd) != 0);
}

/* The raw imports: pointers as numbers. */
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
IMPORT(fd_read) int raw_fd_read(int fd, unsigned iovs, unsigned count, unsigned nread);
IMPORT(fd_write) int raw_fd_write(int fd, unsigned iovs, unsigned count, unsigned nwritten);
IMPORT(fd_readdir)
int raw_fd_readdir(int fd, unsigned buf, unsigned len, unsigned long long cookie, unsigned used);
IMPORT(random_get) int raw_random_get(unsigned buf, unsigned len);
IMPORT(args_get) int raw_args_get(unsigned argv, unsigned buf);
IMPORT(args_sizes_get) int raw_args_sizes_get(unsigned argc, unsigned bytes);
IMPORT(environ_sizes_get) int raw_environ_sizes_get(unsigned argc, unsigned bytes);
IMPORT(clock_time_get)
int raw_clock_time_get(unsigned id, unsigned long long precision, unsigned time);
IMPORT(poll_oneoff) int raw_poll_oneoff(unsigned in, unsigned out, unsigned count, unsigned n);
IMPORT(fd_prestat_get) int raw_fd_prestat_get(int fd, unsigned prestat);
IMPORT(fd_prestat_dir_name) int raw_fd_prestat_dir_name(int fd, unsigned path, unsigned len);
IMPORT(fd_filestat_get) int raw_fd_filestat_get(int fd, unsigned stat);
IMPORT(path_filestat_get)
int raw_path_filestat_get(int fd, unsigned lookup, unsigned path, unsigned len, unsigned stat);
IMPORT(path_readlink)
int raw_path_readlink(int fd, unsigned path, unsigned len, unsigned buf, unsigned buf_len,
		      unsigned used);

static unsigned at(const void *p)
{
	return (unsigned)p;
}

static void pointers(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	unsigned end = (unsigned)__builtin_wasm_memory_size(0) * 65536;
	const unsigned bad[] = {end, end - 1, end + 1, 0x80000000, 0xfffffff8, 0xffffffff};
	unsigned n = 0;
	__wasi_filestat_t st;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned b = bad[i];
		__wasi_ciovec_t v = {.buf = (const uint8_t *)"x", .buf_len = 1},
				w = {.buf = (const uint8_t *)b, .buf_len = 2};
		CHECK(raw_fd_write(1, b, 1, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_write(1, at(&v), 1, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_write(1, at(&w), 1, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_read(0, at(&w), 1, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_random_get(b, 2) == __WASI_ERRNO_FAULT);
		CHECK(raw_args_get(b, 0) == __WASI_ERRNO_FAULT &&
		      raw_args_get(0, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_args_sizes_get(b, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_environ_sizes_get(at(&n), b) == __WASI_ERRNO_FAULT);
		CHECK(raw_clock_time_get(0, 0, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_poll_oneoff(b, 0, 1, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_poll_oneoff(0, b, 1, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_prestat_get(3, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_prestat_dir_name(3, b, 100) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_filestat_get(3, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_fd_readdir(3, b, 100, 0, at(&n)) == __WASI_ERRNO_FAULT);
		CHECK(raw_path_filestat_get(3, 0, b, 6, at(&st)) == __WASI_ERRNO_FAULT);
		CHECK(raw_path_filestat_get(3, 0, at("in.txt"), 6, b) == __WASI_ERRNO_FAULT);
		CHECK(raw_path_readlink(3, at("out"), 3, b, 100, at(&n)) == __WASI_ERRNO_FAULT);
	}
	/* Lengths that wrap around. */
	__wasi_ciovec_t all = {.buf = (const uint8_t *)16, .buf_len = 0xffffffff};
	CHECK(raw_fd_write(1, at(&all), 1, at(&n)) == __WASI_ERRNO_FAULT);
	CHECK(raw_fd_write(1, 16, 0xffffffff, at(&n)) == __WASI_ERRNO_FAULT);
	CHECK(raw_fd_write(1, 0, 0x20000001, at(&n)) == __WASI_ERRNO_FAULT);
	CHECK(raw_random_get(16, 0xffffffff) == __WASI_ERRNO_FAULT);
	CHECK(raw_path_filestat_get(3, 0, 16, 0xffffffff, at(&st)) == __WASI_ERRNO_FAULT);
	CHECK(raw_fd_readdir(3, 16, 0xffffffff, 0, at(&n)) == __WASI_ERRNO_FAULT);
	/* Exactly to the end is allowed. */
	CHECK(raw_random_get(end - 16, 16) == 0 && raw_random_get(end, 0) == 0);
	/* More vectors than are taken at once: a partial write. */
	static __wasi_ciovec_t many[3000];
	for (unsigned i = 0; i < 3000; i++)
		many[i] = (__wasi_ciovec_t){.buf = (const uint8_t *)"y", .buf_len = 1};
	int fd = open("/data/many", O_RDWR | O_CREAT | O_TRUNC, 0666);
	CHECK(fd >= 0 && raw_fd_write(fd, at(many), 3000, at(&n)) == 0 && n > 0 && n <= 3000);
	CHECK(lseek(fd, 0, SEEK_END) == n);
	CHECK(raw_fd_write(fd, at(many), 0, at(&n)) == 0 && n == 0);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{"escapes", escapes},   {"paths", paths}, {"descriptors", descriptors},
		{"pointers", pointers}, {NULL, NULL},
	};
	return run_case(cases, argc, argv);
}
