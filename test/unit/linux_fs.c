/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and descriptors of guest/linux, over a tree of this machine's files (linux_double.h). */
#include "linux_double.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/user_path.h"

#include <signal.h>

static char top[] = "/tmp/mote-fs-XXXXXX";

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
			  close(fd) == 0,
		  "%s", path);
}

/* The root "/" with a/b/file, links, and another directory as /data. */
static void make_tree(void)
{
	cr_assert(mkdtemp(top) && chdir(top) == 0);
	cr_assert(mkdir("root", 0755) == 0 && mkdir("root/a", 0755) == 0 &&
		  mkdir("root/a/b", 0755) == 0);
	cr_assert(mkdir("other", 0755) == 0 && mkdir("other/deep", 0755) == 0 &&
		  mkdir("root/dev", 0755) == 0);
	make_file("root/a/b/file", "in b");
	make_file("root/top", "at the top");
	make_file("other/deep/inside", "in data");
	cr_assert(symlink("/a/b", "root/absolute") == 0 &&
		  symlink("b/../b", "root/a/relative") == 0);
	cr_assert(symlink("loop2", "root/loop1") == 0 && symlink("loop1", "root/loop2") == 0);
	boot_directory("/", open("root", O_PATH | O_DIRECTORY | O_CLOEXEC), MOTE_PREOPEN_DIR);
	boot_directory("/data/", open("other", O_PATH | O_DIRECTORY | O_CLOEXEC), MOTE_PREOPEN_DIR);
	boot_directory("listener", 77, MOTE_PREOPEN_LISTENER);
	boot_start("/");
	lookup_start();
}

static void remove_tree(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(linux_fs, .init = make_tree, .fini = remove_tree);

static int64_t open_path(const char *path, uint32_t flags)
{
	return sys_openat(AT_FDCWD, ADDRESS(path), flags, 0600);
}

static void expect_text(int64_t fd, const char *text)
{
	char got[64] = "";
	cr_assert(fd >= 0, "%s: %s", text, strerror((int)-fd));
	cr_expect(sys_read((int)fd, ADDRESS(got), sizeof(got) - 1) == (int64_t)strlen(text) &&
			  strcmp(got, text) == 0,
		  "'%s', not '%s'", got, text);
	cr_expect(sys_close((int)fd) == 0);
}

static void expect_cwd(const char *path)
{
	char got[PATH_MAX] = "";
	cr_expect(sys_getcwd(ADDRESS(got), sizeof(got)) == (int64_t)strlen(path) + 1 &&
			  strcmp(got, path) == 0,
		  "'%s', not '%s'", got, path);
}

Test(linux_fs, paths_end_within_readable_memory)
{
	static char to[PATH_MAX];
	char *two = mmap(NULL, 2 * MOTE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	cr_assert(two != MAP_FAILED && mprotect(two + MOTE_PAGE, MOTE_PAGE, PROT_NONE) == 0);
	strcpy(two + MOTE_PAGE - 4, "abc");
	cr_expect(user_path(to, ADDRESS(two + MOTE_PAGE - 4)) == 3 && strcmp(to, "abc") == 0);
	two[MOTE_PAGE - 1] = 'd';
	cr_expect(user_path(to, ADDRESS(two + MOTE_PAGE - 4)) == -EFAULT);
	cr_expect(user_path(to, 8) == -EFAULT);
	cr_assert(mprotect(two + MOTE_PAGE, MOTE_PAGE, PROT_READ | PROT_WRITE) == 0);
	memset(two, 'x', 2 * MOTE_PAGE);
	cr_expect(user_path(to, ADDRESS(two + 1)) == -ENAMETOOLONG);
	cr_expect(user_path_empty(ADDRESS("")) == 1 && user_path_empty(ADDRESS("x")) == 0 &&
		  user_path_empty(8) == -EFAULT);
}

Test(linux_fs, the_longest_root_has_a_path)
{
	size_t len;
	int32_t root = lookup_root("/top", &len);
	cr_expect(root >= 0 && len == 0);
	cr_expect(lookup_root("/data/deep", &len) != root && len == strlen("/data"));
	cr_expect(lookup_root("/database", &len) == root && len == 0);
	cr_expect_str_eq(lookup_below_root("/data", 5), ".");
	cr_expect_str_eq(lookup_below_root("/data//deep", 5), "deep");
	expect_text(open_path("/top", O_RDONLY), "at the top");
	expect_text(open_path("//data/deep/../deep/inside", O_RDONLY), "in data");
	expect_text(open_path("/absolute/file", O_RDONLY), "in b");
	cr_expect(open_path("/../../../../etc/passwd", O_RDONLY) == -ENOENT);
	cr_expect(open_path("", O_RDONLY) == -ENOENT);
}

Test(linux_fs, descriptors_count_from_the_first_free_number)
{
	/* The two directories had the first two of them, until they were moved. */
	int root = (int)information.preopens[0].fd, other = (int)information.preopens[1].fd;
	int64_t first = open_path("/top", O_RDONLY),
		second = open_path("/a", O_RDONLY | O_DIRECTORY);
	cr_expect(first == root && second == other, "%ld and %ld", (long)first, (long)second);
	cr_expect(fd_path(other) && strcmp(fd_path(other), "/a") == 0);
	cr_expect(sys_close(other) == 0 && !fd_path(other) && sys_close(other) == -EBADF);
	cr_expect(open_path("/made", O_WRONLY | O_CREAT | O_EXCL) == other && fd_path(other) &&
		  strcmp(fd_path(other), "/made") == 0);
	cr_expect(open_path("/made", O_WRONLY | O_CREAT | O_EXCL) == -EEXIST);
}

Test(linux_fs, the_working_directory_is_where_links_lead)
{
	expect_cwd("/");
	cr_expect(sys_chdir(ADDRESS("absolute")) == 0);
	expect_cwd("/a/b");
	expect_text(open_path("file", O_RDONLY), "in b");
	cr_expect(sys_chdir(ADDRESS("..//./relative/.")) == 0);
	expect_cwd("/a/b");
	cr_expect(sys_chdir(ADDRESS("../../../../../..")) == 0);
	expect_cwd("/");
	cr_expect(sys_chdir(ADDRESS("/data/deep")) == 0);
	expect_cwd("/data/deep");
	expect_text(open_path("inside", O_RDONLY), "in data");
	cr_expect(sys_chdir(ADDRESS("/loop1")) == -ELOOP);
	cr_expect(sys_chdir(ADDRESS("/top")) == -ENOTDIR);
	cr_expect(sys_chdir(ADDRESS("/nowhere")) == -ENOENT);
	expect_cwd("/data/deep");
	char small[4];
	cr_expect(sys_getcwd(ADDRESS(small), sizeof(small)) == -ERANGE);
	cr_expect(sys_getcwd(8, PATH_MAX) == -EFAULT);
}

Test(linux_fs, a_descriptor_can_be_the_working_directory)
{
	int64_t b = open_path("/absolute", O_RDONLY | O_DIRECTORY),
		file = open_path("/top", O_RDONLY);
	char text[32];
	cr_expect(sys_fchdir((int)b) == 0);
	expect_cwd("/a/b");
	cr_expect(sys_fchdir((int)file) == -ENOTDIR && sys_fchdir(99) == -EBADF);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", (int)b);
	cr_expect(sys_chdir(ADDRESS("/")) == 0 && sys_chdir(ADDRESS(text)) == 0);
	expect_cwd("/a/b");
	/* Another directory has its path now. */
	cr_assert(rename("root/a", "root/moved") == 0 && mkdir("root/a", 0755) == 0 &&
		  mkdir("root/a/b", 0755) == 0);
	cr_expect(sys_chdir(ADDRESS("/")) == 0);
	b = open_path("/a/b", O_RDONLY | O_DIRECTORY);
	cr_assert(rename("root/a/b", "root/a/c") == 0 && mkdir("root/a/b", 0755) == 0);
	/* It has no path that is known, but it is the working directory. */
	cr_expect(sys_fchdir((int)b) == 0 && sys_getcwd(ADDRESS(text), sizeof(text)) == -ENOENT);
	cr_expect(open_path(".", O_RDONLY) >= 0 && open_path("../b", O_RDONLY) == -ENOENT);
	cr_expect(sys_chdir(ADDRESS("/a")) == 0);
	expect_cwd("/a");
}

Test(linux_fs, paths_above_a_descriptor_begin_at_the_root)
{
	int dir = (int)open_path("/a/b", O_RDONLY | O_DIRECTORY);
	expect_text(sys_openat(dir, ADDRESS("file"), O_RDONLY, 0), "in b");
	expect_text(sys_openat(dir, ADDRESS("../../top"), O_RDONLY, 0), "at the top");
	expect_text(sys_openat(dir, ADDRESS("/top"), O_RDONLY, 0), "at the top");
	cr_expect(sys_openat(dir, ADDRESS("../../../../../etc/passwd"), O_RDONLY, 0) == -ENOENT);
	cr_expect(sys_mkdirat(dir, ADDRESS("../new"), 0777) == 0);
	struct stat st;
	cr_expect(stat("root/a/new", &st) == 0 &&
		  (st.st_mode & 0777) == 0755); /* the guest's mask is 022 */
	/* Without its path nothing above it is known. */
	fd_forget(dir);
	cr_expect(sys_openat(dir, ADDRESS("../../top"), O_RDONLY, 0) == -ENOENT);
	cr_expect(sys_unlinkat(AT_FDCWD, ADDRESS("/a/new"), AT_REMOVEDIR) == 0 &&
		  stat("root/a/new", &st) < 0);
}

Test(linux_fs, paths_of_open_descriptors)
{
	char text[PATH_MAX] = "", path[32];
	int dir = (int)open_path("/a/b", O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	cr_expect(sys_readlinkat(AT_FDCWD, ADDRESS(path), ADDRESS(text), sizeof(text)) == 4);
	cr_expect_str_eq(text, "/a/b");
	cr_expect(fd_of_path("/dev/stdin") == 0 && fd_of_path("/dev/stderr") == 2 &&
		  fd_of_path("/proc/self/fd/12") == 12);
	cr_expect(fd_of_path("/dev/fd/") == -1 && fd_of_path("/dev/fd/1x") == -1 &&
		  fd_of_path("/dev/fd/99999999999") == -1);
	cr_expect(open_path("/dev/fd/500", O_RDONLY) == -ENOENT);
	cr_expect(sys_fchmodat(AT_FDCWD, ADDRESS(path), 0700) == 0);
	struct stat st;
	cr_expect(stat("root/a/b", &st) == 0 && (st.st_mode & 0777) == 0700);
	/* Names are those of the directory, not of the descriptor. */
	cr_expect(sys_mkdirat(AT_FDCWD, ADDRESS("/dev/stdout"), 0777) == 0 &&
		  stat("root/dev/stdout", &st) == 0);
	cr_expect(sys_unlinkat(AT_FDCWD, ADDRESS("/dev/stdout"), AT_REMOVEDIR) == 0);
	memset(text, 0, sizeof(text));
	cr_expect(sys_readlinkat(AT_FDCWD, ADDRESS("/proc/self/exe"), ADDRESS(text),
				 sizeof(text)) == 8);
	cr_expect_str_eq(text, "/program");
	cr_expect(sys_readlinkat(AT_FDCWD, ADDRESS("/top"), ADDRESS(text), 0) == -EINVAL);
	cr_expect(sys_readlinkat(AT_FDCWD, ADDRESS("/absolute"), ADDRESS(text), 3) == 3);
}

Test(linux_fs, paths_are_kept_when_their_memory_is_full)
{
	char path[200];
	int64_t fds[200];
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[199] = '\0';
	for (int i = 0; i < 200; i++) { /* 40 KiB at once, more than the pool has */
		fds[i] = 100 + i;
		snprintf(path + 188, 12, "%d", i);
		fd_set_path((int32_t)fds[i], path);
	}
	int known = 0;
	for (int i = 0; i < 200; i++) {
		const char *kept = fd_path((int32_t)fds[i]);
		known += kept && atoi(kept + 188) == i;
		cr_expect(!kept || atoi(kept + 188) == i, "%d has the path %s", i, kept);
	}
	cr_expect(known > 150 && known < 200, "%d", known);
	for (int i = 0; i < 100; i++)
		fd_forget((int32_t)fds[i]);
	fd_set_path(500, "/new");
	cr_expect(fd_path(500) && strcmp(fd_path(500), "/new") == 0);
	cr_expect(fd_path(250) && atoi(fd_path(250) + 188) == 150,
		  "what is still open keeps its path");
	fd_set_path(-1, "/x");
	fd_set_path(DESCRIPTORS_MAX, "/x");
	cr_expect(!fd_path(-1) && !fd_path(DESCRIPTORS_MAX));
}

Test(linux_fs, openat2_as_far_as_it_goes)
{
	struct open_how how = {.resolve = RESOLVE_BENEATH};
	uint64_t path = ADDRESS("a/b/file");
	expect_text(sys_openat2(AT_FDCWD, path, ADDRESS(&how), sizeof(how)), "in b");
	cr_expect(sys_openat2(AT_FDCWD, path, ADDRESS(&how), sizeof(how) - 1) == -EINVAL);
	cr_expect(sys_openat2(AT_FDCWD, path, ADDRESS(&how), sizeof(how) + 8) == -E2BIG);
	cr_expect(sys_openat2(AT_FDCWD, path, 8, sizeof(how)) == -EFAULT);
	cr_expect(sys_openat2(AT_FDCWD, ADDRESS("/top"), ADDRESS(&how), sizeof(how)) == -EXDEV);
	cr_expect(sys_openat2(AT_FDCWD, ADDRESS(""), ADDRESS(&how), sizeof(how)) == -ENOENT);
	int dir = (int)open_path("/a", O_RDONLY | O_DIRECTORY);
	how.resolve = RESOLVE_IN_ROOT;
	expect_text(sys_openat2(dir, ADDRESS("/../b/file"), ADDRESS(&how), sizeof(how)), "in b");
	how.resolve = RESOLVE_NO_MAGICLINKS;
	expect_text(sys_openat2(dir, ADDRESS("../top"), ADDRESS(&how), sizeof(how)), "at the top");
	how.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	cr_expect(sys_openat2(dir, path, ADDRESS(&how), sizeof(how)) == -EINVAL);
	how.resolve = RESOLVE_NO_SYMLINKS;
	expect_text(sys_openat2(AT_FDCWD, path, ADDRESS(&how), sizeof(how)), "in b");
	cr_expect(sys_openat2(AT_FDCWD, ADDRESS("absolute/file"), ADDRESS(&how), sizeof(how)) ==
		  -ELOOP);
	how.resolve = RESOLVE_NO_XDEV;
	cr_expect(sys_openat2(dir, path, ADDRESS(&how), sizeof(how)) == -ENOSYS &&
		  strstr(host_log, "RESOLVE_NO_XDEV"));
	how = (struct open_how){.flags = 1UL << 40};
	cr_expect(sys_openat2(dir, path, ADDRESS(&how), sizeof(how)) == -EINVAL);
}

Test(linux_fs, access_is_that_of_the_program_s_user)
{
	cr_assert(chmod("root/top", 0640) == 0 && chown("root/top", 1000, 7) == 0);
	char path[32];
	snprintf(path, sizeof(path), "/dev/fd/%d", (int)open_path("/top", O_RDONLY));
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), R_OK | W_OK) == 0);
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), X_OK) == -EACCES);
	cr_assert(chown("root/top", 7, 100) == 0);
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), R_OK) == 0 &&
		  sys_faccessat(AT_FDCWD, ADDRESS(path), W_OK) == -EACCES);
	cr_assert(chown("root/top", 7, 7) == 0);
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), R_OK) == -EACCES &&
		  sys_faccessat(AT_FDCWD, ADDRESS(path), F_OK) == 0);
	process.credentials.uid[ID_REAL] = 0;
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), R_OK | W_OK) == 0);
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS(path), X_OK) == -EACCES);
	cr_expect(sys_faccessat(AT_FDCWD, ADDRESS("/top"), 8) == -EINVAL);
	cr_expect(sys_faccessat2(AT_FDCWD, ADDRESS("/top"), R_OK, 1) == -EINVAL);
}

Test(linux_fs, flags_of_descriptors)
{
	int fd = (int)open_path("/a", O_RDONLY | O_CLOEXEC);
	cr_expect(sys_fcntl(fd, F_GETFD, 0) == FD_CLOEXEC);
	int copy = (int)sys_dup(fd);
	cr_expect(sys_fcntl(copy, F_GETFD, 0) == 0 && fd_path(copy) &&
		  strcmp(fd_path(copy), "/a") == 0);
	cr_expect(sys_fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 &&
		  sys_fcntl(copy, F_GETFD, 0) == FD_CLOEXEC);
	cr_expect(sys_fcntl(fd, F_DUPFD_CLOEXEC, 200) == 200 &&
		  sys_fcntl(200, F_GETFD, 0) == FD_CLOEXEC);
	cr_expect(sys_fcntl(fd, F_DUPFD, DESCRIPTORS_MAX) == -EINVAL &&
		  sys_fcntl(99, F_GETFD, 0) == -EBADF);
	cr_expect(sys_dup3(fd, 201, O_CLOEXEC) == 201 && sys_dup3(fd, fd, 0) == -EINVAL &&
		  sys_dup3(fd, 5, 1) == -EINVAL);
	cr_expect(sys_fcntl(fd, 9999, 0) == -EINVAL);
	cr_expect(sys_close_range(200, 300, 0) == 0 && sys_fcntl(200, F_GETFD, 0) == -EBADF &&
		  sys_fcntl(201, F_GETFD, 0) == -EBADF);
	cr_expect(sys_close_range(5, 4, 0) == -EINVAL && sys_close_range(5, 6, 1) == -EINVAL);
	cr_expect(sys_ioctl(fd, 0x1234, 0) == -ENOTTY);
}

struct linux_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/*
 * Reads the whole directory in pieces of that size: how many entries, and whether one is called
 * that.
 */
static int entries(int fd, uint32_t capacity, const char *name, bool *found)
{
	_Alignas(8) char buffer[4096];
	int count = 0;
	int64_t got;
	*found = false;
	while ((got = sys_getdents64(fd, ADDRESS(buffer), capacity)) > 0)
		for (int64_t at = 0; at < got; count++) {
			const struct linux_dirent *e = (const void *)(buffer + at);
			*found |= strcmp(e->name, name) == 0;
			at += e->reclen;
		}
	cr_expect(got == 0, "%ld", (long)got);
	return count;
}

Test(linux_fs, directories_are_read_from_where_their_descriptor_is)
{
	char name[32];
	bool found;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "other/deep/entry-%d", i);
		make_file(name, "");
	}
	int fd = (int)open_path("/data/deep", O_RDONLY | O_DIRECTORY);
	cr_expect(entries(fd, 4096, "entry-99", &found) == 103 && found);
	cr_expect(entries(fd, 4096, "entry-99", &found) == 0);
	cr_expect(sys_lseek(fd, 0, SEEK_SET) == 0 && entries(fd, 64, "inside", &found) == 103 &&
		  found);
	char small[8];
	cr_expect(sys_lseek(fd, 0, SEEK_SET) == 0 && sys_getdents64(fd, ADDRESS(small), 8) != 8);
	cr_expect(sys_getdents64(-1, ADDRESS(small), 8) == -EBADF &&
		  sys_getdents64(DESCRIPTORS_MAX, ADDRESS(small), 8) == -EBADF);
}

/* A pipe that takes no more than it has room for. */
Test(linux_fs, a_copy_reports_what_was_written)
{
	static char data[200000];
	int ends[2];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 / 3);
	int fd = (int)open_path("/large", O_RDWR | O_CREAT);
	cr_assert(sys_pwrite64(fd, ADDRESS(data), sizeof(data), 0) == (int64_t)sizeof(data));
	cr_assert(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
	uint64_t offset = 1000;
	int64_t sent = sys_sendfile(ends[1], fd, ADDRESS(&offset), 100000);
	cr_expect(sent == 65536 && offset == 1000 + 65536, "%ld, %lu", (long)sent,
		  (unsigned long)offset);
	cr_expect(sys_sendfile(ends[1], fd, ADDRESS(&offset), 100000) == -EAGAIN &&
		  offset == 1000 + 65536);
	static char got[70000];
	cr_expect(read(ends[0], got, 30000) == 30000 && memcmp(got, data + 1000, 30000) == 0);
	/* The descriptor's own offset: what was read and could not be written is read again. */
	cr_assert(sys_lseek(fd, 5000, SEEK_SET) == 5000);
	sent = sys_sendfile(ends[1], fd, 0, 100000);
	cr_expect(sent > 0 && sent <= 30000 && sys_lseek(fd, 0, SEEK_CUR) == 5000 + sent, "%ld",
		  (long)sent);
	/* To the end of the file, both offsets the program's. */
	int out = (int)open_path("/copy", O_RDWR | O_CREAT);
	uint64_t from = 150000, to = 10;
	cr_expect(sys_copy_file_range(fd, ADDRESS(&from), out, ADDRESS(&to), 1 << 20, 0) == 50000);
	cr_expect(from == 200000 && to == 50010 && sys_lseek(out, 0, SEEK_CUR) == 0);
	cr_expect(sys_pread64(out, ADDRESS(got), 50000, 10) == 50000 &&
		  memcmp(got, data + 150000, 50000) == 0);
	cr_expect(sys_copy_file_range(fd, 0, out, 0, 1, 1) == -EINVAL &&
		  sys_sendfile(out, fd, 8, 1) == -EFAULT);
}

Test(linux_fs, a_pipe_that_nobody_reads_is_a_signal)
{
	int ends[2];
	cr_assert(pipe2(ends, O_CLOEXEC) == 0 && close(ends[0]) == 0);
	signal(SIGPIPE, SIG_IGN);
	cr_expect(sys_write(ends[1], ADDRESS("x"), 1) == -EPIPE &&
		  area.pending_signals == signal_bit(SIGPIPE));
	area.pending_signals = 0;
	const struct iovec v = {(void *)(uintptr_t) "x", 1};
	cr_expect(sys_pwritev2(ends[1], ADDRESS(&v), 1, UINT64_MAX, 0, 0) == -EPIPE);
	cr_expect(area.pending_signals == signal_bit(SIGPIPE));
	cr_expect(sys_preadv2(ends[1], ADDRESS(&v), 1, 0, 0, 1 << 20) == -EOPNOTSUPP);
}

Test(linux_fs, small_output_waits_in_the_area)
{
	static char large[1024];
	area.output_armed = 1;
	cr_expect(sys_write(1, ADDRESS("one"), 3) == 3 && sys_write(1, ADDRESS("two"), 3) == 3);
	cr_expect(area.output_len == 6 && memcmp(area.output, "onetwo", 6) == 0);
	cr_expect(calls_made[HOSTCALL_writev] == 0 && sys_write(1, 8, 3) == -EFAULT);
	/* Another descriptor's, and large ones, are the host's at once. */
	cr_expect(sys_write(2, ADDRESS("three"), 5) == 5 && strcmp(host_errors, "three") == 0);
	cr_expect(sys_write(2, ADDRESS(large), sizeof(large)) == sizeof(large));
	cr_expect(area.output_len == 6 && calls_made[HOSTCALL_writev] == 2);
}
