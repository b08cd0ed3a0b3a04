/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf helpers of base/: directories, files in memory, threads. */
#include "base/memfd.h"
#include "base/path.h"
#include "base/thread.h"
#include "base/time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* --- paths --- */

static char dir[] = "/tmp/mote-base.XXXXXX";

static const char *below(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_directory(void)
{
	umask(0);
	cr_assert(mkdtemp(dir));
}

static void remove_directory(void)
{
	static const char *const made[] = {"a/b/c", "a/b", "a", "file", "link", ""};
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		remove(below(made[i]));
}

static mode_t mode_of(const char *name)
{
	struct stat st;
	return stat(below(name), &st) < 0 ? 0 : st.st_mode;
}

TestSuite(base_path, .init = make_directory, .fini = remove_directory);

Test(base_path, missing_directories_are_made)
{
	cr_expect_eq(path_make_parents(below("a/b/c"), 0711), 0);
	cr_expect_eq(mode_of("a/b"), S_IFDIR | 0711);
	cr_expect_eq(mode_of("a/b/c"), 0);
	cr_expect_eq(path_make_parents(below("a/b/c/d"), 0700), 0);
	cr_expect_eq(mode_of("a/b/c"), S_IFDIR | 0700);
	cr_expect_eq(mode_of("a/b"), S_IFDIR | 0711, "what exists keeps its mode");
	cr_expect_eq(path_make_parents(below("a/b/c/d"), 0700), 0);
}

Test(base_path, what_cannot_be_made_is_an_error)
{
	int fd = open(below("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	char longest[PATH_MAX + 1];
	memset(longest, 'a', PATH_MAX);
	longest[PATH_MAX] = '\0';
	cr_expect_eq(path_make_parents(below("file/a/b"), 0700), -ENOTDIR);
	cr_expect_eq(path_make_parents(longest, 0700), -ENAMETOOLONG);
	cr_expect_eq(path_make_parents("", 0700), -ENOENT);
}

Test(base_path, openat2_stays_below_its_directory)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	cr_assert_eq(symlink("/etc/passwd", below("link")), 0);
	int self = path_openat2(fd, ".", &how);
	cr_expect_geq(self, 0);
	cr_expect_eq(path_openat2(fd, "..", &how), -EXDEV);
	cr_expect_eq(path_openat2(fd, "link", &how), -EXDEV);
	cr_expect_eq(path_openat2(fd, "missing", &how), -ENOENT);
	close(self);
	close(fd);
}

/* --- files in memory --- */

Test(base_memfd, sealed_files_are_immutable)
{
	int fd = memfd_new("test");
	cr_assert_geq(fd, 0);
	cr_expect_eq(write(fd, "abc", 3), 3);
	cr_expect_eq(memfd_seal(fd), 0);
	cr_expect(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
	cr_expect(ftruncate(fd, 1) < 0 && errno == EPERM);
	cr_expect(ftruncate(fd, 9) < 0 && errno == EPERM);
	cr_expect_eq(mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	cr_expect_eq(memfd_seal(fd), -EPERM);
	char text[4] = "";
	cr_expect(pread(fd, text, 3, 0) == 3 && strcmp(text, "abc") == 0);
	close(fd);
}

Test(base_memfd, a_writable_mapping_prevents_sealing)
{
	int fd = memfd_new("test");
	cr_assert(fd >= 0 && ftruncate(fd, 4096) == 0);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(at, MAP_FAILED);
	cr_expect_eq(memfd_seal(fd), -EBUSY);
	munmap(at, 4096);
	cr_expect_eq(memfd_seal(fd), 0);
	close(fd);
}

/* --- threads --- */

static void *get_mask(void *mask)
{
	pthread_sigmask(SIG_SETMASK, NULL, mask);
	return NULL;
}

Test(base_thread, threads_take_only_their_own_faults)
{
	static const int taken[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGSYS, SIGTRAP};
	sigset_t before, in_thread, after;
	pthread_t thread;
	get_mask(&before);
	cr_assert_eq(thread_start(&thread, NULL, get_mask, &in_thread), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	get_mask(&after);
	for (int signo = 1; signo < 32; signo++) {
		bool blocked = signo != SIGKILL && signo != SIGSTOP;
		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			if (signo == taken[i])
				blocked = false;
		cr_expect_eq(sigismember(&in_thread, signo), blocked, "signal %d", signo);
		cr_expect_eq(sigismember(&after, signo), sigismember(&before, signo), "signal %d",
			     signo);
	}
}

/* --- time --- */

Test(base_time, monotonic_clocks_agree)
{
	int64_t ms = time_monotonic_ms();
	uint64_t ns = time_monotonic_ns();
	cr_expect_geq(ns, (uint64_t)ms * TIME_NS_PER_MS);
	cr_expect_geq(time_monotonic_ns(), ns);
	cr_expect_lt(time_monotonic_ms() - ms, 60000);
}

Test(base_path, normalise)
{
	static const struct {
		const char *path, *wanted;
	} cases[] = {
		{"", "/"},          {".", "/"},           {"/", "/"},
		{"//", "/"},        {"..", "/"},          {"../..", "/"},
		{"a", "/a"},        {"./a/", "/a"},       {"/a//b/./c", "/a/b/c"},
		{"a/../b", "/b"},   {"/a/../../b", "/b"}, {"a/b/..", "/a"},
		{"a/b/../..", "/"}, {"...", "/..."},      {"a/..b", "/a/..b"},
		{"../a", "/a"},
	};
	char to[PATH_MAX], exact[PATH_MAX + 1];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(path_normalise(cases[i].path, to), 0, "%s", cases[i].path);
		cr_expect_str_eq(to, cases[i].wanted, "%s", cases[i].path);
	}
	memset(exact, 'a', sizeof(exact));
	exact[PATH_MAX - 2] = '\0'; /* with the slash before it and the NUL it just fits */
	cr_expect_eq(path_normalise(exact, to), 0);
	exact[PATH_MAX - 2] = 'a';
	exact[PATH_MAX - 1] = '\0';
	cr_expect_eq(path_normalise(exact, to), -ENAMETOOLONG);
}
