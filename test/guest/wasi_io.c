/* SPDX-License-Identifier: Apache-2.0 */
/* What ordinary programs do with WASI, through the C library: each case checks its own results. */
#include "wasi_check.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

/* Prints what the test's other side compares. */
static void args(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		printf("%d=%s\n", i - 2, argv[i]);
	printf("A=%s B=%s C=%s\n", getenv("A"), getenv("B"), getenv("C") ? getenv("C") : "(none)");
}

static void echo(int argc, char **argv)
{
	char buf[1000];
	size_t n, total = 0;
	(void)argc;
	(void)argv;
	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
		CHECK(fwrite(buf, 1, n, stdout) == n);
		total += n;
	}
	CHECK(feof(stdin) && !ferror(stdin));
	fprintf(stderr, "%zu bytes\n", total);
}

/* Many small writes to both, whose order within each must hold. */
static void output(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < 3000; i++) {
		printf("%d\n", i);
		if (i % 100 == 0)
			fprintf(stderr, "%d\n", i);
	}
}

static void output_then_trap(int argc, char **argv)
{
	output(argc, argv);
	__builtin_trap();
}

static void leave(int argc, char **argv)
{
	printf("unflushed but by exit");
	exit(argc > 2 ? atoi(argv[2]) : 0);
}

static void files(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char buf[64] = {0};
	struct stat st;
	int fd = open("/data/in.txt", O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf)) == 6 && strcmp(buf, "hello\n") == 0);
	CHECK(write(fd, "x", 1) == -1 && errno == EBADF);
	CHECK(pread(fd, buf, 3, 2) == 3 && memcmp(buf, "llo", 3) == 0);
	CHECK(lseek(fd, 0, SEEK_CUR) == 6 && lseek(fd, -1, SEEK_END) == 5 &&
	      lseek(fd, -9, SEEK_SET) == -1);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 6);
	CHECK(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	fd = open("/data/out.txt", O_RDWR | O_CREAT | O_TRUNC, 0666);
	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10 && pwrite(fd, "AB", 2, 4) == 2);
	CHECK(ftruncate(fd, 8) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	      read(fd, buf, sizeof(buf)) == 8);
	CHECK(memcmp(buf, "0123AB67", 8) == 0 && fsync(fd) == 0 && fdatasync(fd) == 0);
	CHECK(posix_fallocate(fd, 0, 100) == 0 && fstat(fd, &st) == 0 && st.st_size == 100);
	CHECK(close(fd) == 0);
	fd = open("/data/out.txt", O_WRONLY | O_APPEND);
	CHECK(fd >= 0 && write(fd, "end", 3) == 3 && lseek(fd, 0, SEEK_END) == 103);
	CHECK((fcntl(fd, F_GETFL) & O_APPEND) && read(fd, buf, 1) == -1 && errno == EBADF);
	CHECK(close(fd) == 0);
	CHECK(open("/data/out.txt", O_WRONLY | O_CREAT | O_EXCL, 0666) == -1 && errno == EEXIST);
	CHECK(open("/data/none", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(open("/data/in.txt/x", O_RDONLY) == -1 && errno == ENOTDIR);
	CHECK(open("/data", O_RDWR) == -1 && errno == EISDIR);
}

static void directories(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	enum { FILES = 300 };
	char name[64];
	char seen[FILES] = {0};
	int dots = 0, count = 0;
	CHECK(mkdir("/data/d", 0777) == 0 && mkdir("/data/d", 0777) == -1 && errno == EEXIST);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "/data/d/file-with-a-name-%d", i);
		int fd = open(name, O_WRONLY | O_CREAT, 0666);
		CHECK(fd >= 0 && close(fd) == 0);
	}
	DIR *d = opendir("/data/d");
	CHECK(d);
	long middle = 0;
	char after_middle[256] = "";
	for (struct dirent *e; (e = readdir(d));) {
		int i;
		if (middle && !after_middle[0])
			strcpy(after_middle, e->d_name);
		if (e->d_name[0] == '.') {
			dots++;
			continue;
		}
		CHECK(sscanf(e->d_name, "file-with-a-name-%d", &i) == 1 && i >= 0 && i < FILES &&
		      !seen[i]);
		CHECK(e->d_type == DT_REG);
		seen[i] = 1;
		if (++count == FILES / 2)
			middle = telldir(d);
	}
	CHECK(count == FILES && dots == 2);
	seekdir(d, middle);
	struct dirent *again = readdir(d);
	CHECK(again && strcmp(again->d_name, after_middle) == 0 && closedir(d) == 0);
	CHECK(rmdir("/data/d") == -1 && errno == ENOTEMPTY && unlink("/data/d") == -1);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "/data/d/file-with-a-name-%d", i);
		CHECK(unlink(name) == 0);
	}
	CHECK(rmdir("/data/d") == 0 && rmdir("/data/d") == -1 && errno == ENOENT);
}

static void links(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char buf[64] = {0};
	struct stat st, link_st;
	CHECK(symlink("in.txt", "/data/sym") == 0 && readlink("/data/sym", buf, sizeof(buf)) == 6);
	CHECK(memcmp(buf, "in.txt", 6) == 0);
	CHECK(lstat("/data/sym", &link_st) == 0 && S_ISLNK(link_st.st_mode));
	CHECK(stat("/data/sym", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 6);
	CHECK(link("/data/in.txt", "/data/hard") == 0 && stat("/data/hard", &link_st) == 0);
	CHECK(link_st.st_ino == st.st_ino && link_st.st_nlink == 2);
	CHECK(rename("/data/hard", "/data/harder") == 0 && stat("/data/hard", &st) == -1 &&
	      errno == ENOENT);
	CHECK(unlink("/data/harder") == 0 && unlink("/data/sym") == 0);
	CHECK(open("/data/sym", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(symlink("/etc", "/data/abs") == -1 && errno == EPERM);
}

/* With the preopen at "/": `rooted` leads to /in.txt, `out` to .., `abs` to /etc, all inside. */
static void rooted(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char buf[16] = "";
	struct stat st, root;
	int fd = open("/rooted", O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf)) == 6 && strcmp(buf, "hello\n") == 0);
	CHECK(stat("/out", &st) == 0 && stat("/", &root) == 0 && st.st_ino == root.st_ino);
	CHECK(open("/out/secret", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(open("/abs/passwd", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(open("/../secret", O_RDONLY) == -1 && errno == EPERM);
	CHECK(open("/rooted", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
}

static void times(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct stat st;
	struct timespec t[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 2000, .tv_nsec = 7}};
	CHECK(utimensat(AT_FDCWD, "/data/in.txt", t, 0) == 0 && stat("/data/in.txt", &st) == 0);
	CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5);
	CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
	/* wasi-libc takes UTIME_OMIT and UTIME_NOW for bad nanoseconds. */
	int fd = open("/data/in.txt", O_RDWR);
	CHECK(fd >= 0 &&
	      __wasi_fd_filestat_set_times((__wasi_fd_t)fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW) == 0);
	CHECK(fstat(fd, &st) == 0);
	CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec > 1000000000);
}

/* A directory that the program has from the start is one like those that it opens itself. */
static void preopens(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	const int opened = open("/data/sub", O_RDONLY | O_DIRECTORY);
	const __wasi_fd_t dirs[] = {3, (__wasi_fd_t)opened};
	uint8_t entries[1024];
	__wasi_size_t used;
	CHECK(opened > 3);
	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		CHECK(__wasi_fd_filestat_set_times(dirs[i], 1000000000005, 2000000000007,
						   __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM) ==
		      0);
		CHECK(fstat((int)dirs[i], &st) == 0);
		CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5);
		CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
		CHECK(__wasi_fd_filestat_set_times(dirs[i], 0, 0, __WASI_FSTFLAGS_MTIM_NOW) == 0);
		CHECK(fstat((int)dirs[i], &st) == 0 && st.st_mtim.tv_sec > 1000000000);
		CHECK(__wasi_fd_sync(dirs[i]) == 0 && __wasi_fd_datasync(dirs[i]) == 0);
		CHECK(__wasi_fd_readdir(dirs[i], entries, sizeof(entries), 0, &used) == 0 && used);
		CHECK(__wasi_fd_fdstat_set_flags(dirs[i], 0) == 0);
	}
}

/* No bytes may be anywhere, as other runtimes have it. */
static void nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static const uint32_t places[] = {0, 1, 3, 65537, 0x7fffffff, 0xfffffffe, 0xffffffff};
	uint8_t c = 'x';
	__wasi_size_t n;
	const __wasi_fd_t fd = (__wasi_fd_t)open("/data/in.txt", O_RDWR);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint8_t *none = (uint8_t *)places[i];
		const __wasi_ciovec_t out[] = {{none, 0}, {&c, 1}, {none, 0}};
		const __wasi_iovec_t in[] = {{none, 0}, {&c, 1}, {none, 0}};
		CHECK(__wasi_fd_write(fd, out, 3, &n) == 0 && n == 1);
		CHECK(__wasi_fd_write(fd, out, 1, &n) == 0 && n == 0);
		CHECK(__wasi_fd_write(1, out, 1, &n) == 0 && n == 0);
		CHECK(__wasi_fd_write(fd, (const void *)none, 0, &n) == 0 && n == 0);
		CHECK(__wasi_fd_pwrite(fd, out, 3, 0, &n) == 0 && n == 1);
		CHECK(__wasi_fd_pread(fd, in, 3, 0, &n) == 0 && n == 1 && c == 'x');
		CHECK(__wasi_fd_read(fd, in, 1, &n) == 0 && n == 0);
		CHECK(__wasi_fd_read(fd, (const void *)none, 0, &n) == 0 && n == 0);
		CHECK(__wasi_random_get(none, 0) == 0);
		CHECK(__wasi_path_readlink(3, "abs", none, 0, &n) == 0 && n == 0);
	}
	const __wasi_ciovec_t outside = {(const uint8_t *)0xffffffff, 1};
	CHECK(__wasi_fd_write(fd, &outside, 1, &n) == __WASI_ERRNO_FAULT);
}

static void clocks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct timespec a, b, nap = {.tv_nsec = 20000000};
	CHECK(clock_gettime(CLOCK_REALTIME, &a) == 0 && a.tv_sec > 1700000000);
	CHECK(clock_getres(CLOCK_MONOTONIC, &b) == 0 && b.tv_sec == 0 && b.tv_nsec > 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0 && nanosleep(&nap, NULL) == 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	double slept = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	CHECK(slept >= 0.02 && slept < 60);
	a = b;
	a.tv_nsec += 20000000;
	a.tv_sec += a.tv_nsec / 1000000000;
	a.tv_nsec %= 1000000000;
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL) == 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
	__wasi_timestamp_t t;
	CHECK(__wasi_clock_time_get(77, 1, &t) == __WASI_ERRNO_INVAL);
	CHECK(__wasi_clock_res_get(77, &t) == __WASI_ERRNO_INVAL);
}

/* stdin: a pipe in which 5 bytes lie and whose other end stays open. */
static void waits(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char buf[16];
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = 1, .events = POLLOUT}};
	CHECK(poll(p, 2, -1) == 2 && p[0].revents == POLLIN && p[1].revents == POLLOUT);
	CHECK(read(0, buf, sizeof(buf)) == 5);
	CHECK(poll(p, 1, 30) == 0);
	p[0].fd = 77;
	CHECK(poll(p, 1, 30) == 1 && p[0].revents == POLLNVAL);
	__wasi_subscription_t s[2] = {
		{
			.userdata = 7,
			.u = {.tag = __WASI_EVENTTYPE_CLOCK,
			      .u.clock = {.id = 1, .timeout = 10000000}},
		},
		{
			.userdata = 8,
			.u = {.tag = __WASI_EVENTTYPE_CLOCK,
			      .u.clock = {.id = 1, .timeout = 60000000000}},
		},
	};
	__wasi_event_t ev[2];
	__wasi_size_t n = 0;
	CHECK(__wasi_poll_oneoff(s, ev, 2, &n) == 0 && n == 1 && ev[0].userdata == 7 &&
	      ev[0].error == 0);
	CHECK(__wasi_poll_oneoff(s, ev, 0, &n) == __WASI_ERRNO_INVAL);
	CHECK(__wasi_poll_oneoff(s, ev, 100000, &n) == __WASI_ERRNO_INVAL);
	s[0].u.tag = 9;
	CHECK(__wasi_poll_oneoff(s, ev, 1, &n) == __WASI_ERRNO_INVAL);
}

static void random_bytes(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	enum { N = 3 << 20 };
	static unsigned char bytes[N];
	static unsigned counts[256];
	CHECK(__wasi_random_get(bytes, N) == 0 && __wasi_random_get(bytes, 0) == 0);
	for (unsigned i = 0; i < N; i++)
		counts[bytes[i]]++;
	for (unsigned i = 0; i < 256; i++)
		CHECK(counts[i] > N / 256 * 9 / 10 && counts[i] < N / 256 * 11 / 10);
}

static void rights(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	__wasi_fdstat_t st;
	__wasi_fd_t fd, dir = 3;
	CHECK(__wasi_fd_fdstat_get(dir, &st) == 0 && st.fs_filetype == __WASI_FILETYPE_DIRECTORY);
	__wasi_rights_t read_only = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK;
	CHECK(__wasi_path_open(dir, 0, "in.txt", 0, read_only, 0, 0, &fd) == 0);
	CHECK(__wasi_fd_fdstat_get(fd, &st) == 0 && st.fs_rights_base == read_only &&
	      st.fs_rights_inheriting == 0);
	CHECK(__wasi_fd_fdstat_set_rights(fd, read_only | __WASI_RIGHTS_FD_WRITE, 0) ==
	      __WASI_ERRNO_NOTCAPABLE);
	CHECK(__wasi_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_SEEK, 0) == 0);
	char c;
	CHECK(read((int)fd, &c, 1) == -1 && errno == EBADF && lseek((int)fd, 1, SEEK_SET) == 1);
	CHECK(__wasi_fd_filestat_set_size(fd, 1) == __WASI_ERRNO_NOTCAPABLE);
	/* What a directory does not hand down cannot be asked for below it. */
	CHECK(__wasi_fd_fdstat_get(dir, &st) == 0);
	CHECK(__wasi_fd_fdstat_set_rights(dir, st.fs_rights_base & ~__WASI_RIGHTS_PATH_UNLINK_FILE,
					  read_only) == 0);
	CHECK(unlink("/data/in.txt") == -1 && errno == ENOTCAPABLE);
	CHECK(__wasi_path_open(dir, 0, "in.txt", 0, __WASI_RIGHTS_FD_WRITE, 0, 0, &fd) ==
	      __WASI_ERRNO_NOTCAPABLE);
	CHECK(__wasi_path_open(dir, 0, "in.txt", 0, read_only, 0, 0, &fd) == 0);
}

static void readonly(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char c;
	int fd = open("/data/in.txt", O_RDONLY);
	CHECK(fd >= 0 && read(fd, &c, 1) == 1);
	CHECK(open("/data/in.txt", O_WRONLY) == -1 && errno == EROFS);
	CHECK(open("/data/new", O_WRONLY | O_CREAT, 0666) == -1 && errno == EROFS);
	CHECK(unlink("/data/in.txt") == -1 && errno == EROFS);
	CHECK(mkdir("/data/d", 0777) == -1 && errno == EROFS);
	CHECK(rename("/data/in.txt", "/data/b") == -1 && errno == EROFS);
	CHECK(symlink("in.txt", "/data/s") == -1 && errno == EROFS);
}

/* As many as the host allows, then a clean error, then all closed. */
static void many_files(int argc, char **argv)
{
	int want = argc > 2 ? atoi(argv[2]) : 100000, got = 0;
	int *fds = calloc((size_t)want, sizeof(*fds));
	CHECK(fds);
	while (got < want && (fds[got] = open("/data/in.txt", O_RDONLY)) >= 0)
		got++;
	CHECK(got == want || errno == EMFILE || errno == ENFILE);
	CHECK(got > 900);
	char c;
	CHECK(read(fds[got - 1], &c, 1) == 1 && c == 'h');
	for (int i = 0; i < got; i++)
		CHECK(close(fds[i]) == 0);
	CHECK(open("/data/in.txt", O_RDONLY) == fds[0]);
	printf("%s\n", got == want ? "all" : "limit");
}

/* Not in this C library's headers. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_raise"))) int
raw_proc_raise(int sig);
enum { SIGNAL_TERM = 15, SIGNAL_CHLD = 16, SIGNAL_STOP = 18 };

static void raise_signal(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	CHECK(raw_proc_raise(SIGNAL_CHLD) == 0 && raw_proc_raise(200) == __WASI_ERRNO_INVAL);
	CHECK(raw_proc_raise(SIGNAL_STOP) == __WASI_ERRNO_NOTSUP);
	CHECK(__wasi_sched_yield() == 0);
	(void)raw_proc_raise(SIGNAL_TERM);
	CHECK(!"still here");
}

/* Memory that grows until it may not. */
static void grow(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	int pages = 0;
	while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) {
		char *end = (char *)(__builtin_wasm_memory_size(0) * 65536);
		CHECK(end[-1] == 0 && end[-16 * 65536] == 0);
		end[-1] = 1;
		pages += 16;
	}
	CHECK(pages > 16);
	printf("%d MiB\n", pages / 16);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{"args", args},
		{"echo", echo},
		{"output", output},
		{"output-then-trap", output_then_trap},
		{"exit", leave},
		{"files", files},
		{"directories", directories},
		{"links", links},
		{"rooted", rooted},
		{"times", times},
		{"preopens", preopens},
		{"nothing", nothing},
		{"clocks", clocks},
		{"waits", waits},
		{"random", random_bytes},
		{"rights", rights},
		{"readonly", readonly},
		{"many-files", many_files},
		{"raise", raise_signal},
		{"grow", grow},
		{NULL, NULL},
	};
	return run_case(cases, argc, argv);
}
