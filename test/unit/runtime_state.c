/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's state file: what is written is read again, all else is refused by name. */
#include "runtime/state.h"

#include "base/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char bundle[64];
static int bundle_fd = -1;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void setup(void)
{
	strcpy(bundle, "/tmp/mote-state.XXXXXX");
	cr_assert(mkdtemp(bundle));
	bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert(bundle_fd >= 0);
}

static void teardown(void)
{
	close(bundle_fd);
	nftw(bundle, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(runtime_state, .init = setup, .fini = teardown);

static void put(const char *text, size_t len)
{
	const int fd = openat(bundle_fd, STATE_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0 && io_write_all(fd, text, len) == 0);
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat st;
	return fstatat(bundle_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(runtime_state, is_read_as_written)
{
	const struct state first = {0, 0, (char *)"/a"};
	const struct state then = {4711, UINT64_MAX, (char *)"/with spaces/and \xc3\xa9"};
	struct state now;
	struct err e = {0};
	cr_assert(state_read(bundle_fd, &now, &e) == -ENOENT && !*e.text, "%s", e.text);
	cr_assert(state_write(bundle_fd, &first, &e) == 0, "%s", e.text);
	cr_assert(state_read(bundle_fd, &now, &e) == 0, "%s", e.text);
	cr_expect(now.pid == 0 && now.start_time == 0 && strcmp(now.cgroup_path, "/a") == 0);
	state_free(&now);
	cr_assert(state_write(bundle_fd, &then, &e) == 0, "%s", e.text);
	cr_assert(state_read(bundle_fd, &now, &e) == 0, "%s", e.text);
	cr_expect(now.pid == then.pid && now.start_time == then.start_time &&
			  strcmp(now.cgroup_path, then.cgroup_path) == 0,
		  "%d %lu %s", now.pid, now.start_time, now.cgroup_path);
	state_free(&now);
	cr_expect(!now.cgroup_path);
	state_remove(bundle_fd);
	cr_expect(!is_there(STATE_FILE) && state_read(bundle_fd, &now, &e) == -ENOENT);
}

Test(runtime_state, what_is_damaged_is_refused)
{
	static const char *const damaged[] = {
		"",
		"\n",
		"mote",
		"mote 1 5 6 /a", /* cut */
		"mote 1 5 6\n",
		"mote 1 5 6 \n",
		"mote 1 5 6 a\n",
		"mote 1 5 /a\n",
		"mote 1 x 6 /a\n",
		"mote 2 5 6 /a\n",
		"mote 1 1 6 /a\n",  /* would be the machine's init */
		"mote 1 -5 6 /a\n", /* a group, for kill(2) */
	};
	struct state now = {0};
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		struct err e = {0};
		put(damaged[i], strlen(damaged[i]));
		const int rc = state_read(bundle_fd, &now, &e);
		cr_expect(rc == -EBADMSG && strstr(e.text, "mote-state in the bundle is damaged"),
			  "'%s': %d: %s", damaged[i], rc, e.text);
	}
	char large[9000];
	struct err e = {0};
	memset(large, 'a', sizeof(large));
	put(large, sizeof(large));
	int rc = state_read(bundle_fd, &now, &e);
	cr_expect(rc == -EFBIG && strstr(e.text, "mote-state in the bundle"), "%d: %s", rc, e.text);
	cr_expect(!now.cgroup_path);
}

Test(runtime_state, what_cannot_be_written_is_named_and_leaves_the_last_one)
{
	const struct state first = {2, 3, (char *)"/a"}, then = {4, 5, (char *)"/b"};
	struct state now;
	struct err e = {0};
	cr_assert(state_write(bundle_fd, &first, &e) == 0, "%s", e.text);
	/* Another's link is not followed. */
	cr_assert(symlinkat("elsewhere", bundle_fd, ".mote-state") == 0);
	int rc = state_write(bundle_fd, &then, &e);
	cr_expect(rc == -ELOOP && strstr(e.text, "mote-state in the bundle"), "%d: %s", rc, e.text);
	cr_expect(!is_there("elsewhere"));
	cr_assert(state_read(bundle_fd, &now, &e) == 0, "%s", e.text);
	cr_expect(now.pid == 2 && strcmp(now.cgroup_path, "/a") == 0, "%d", now.pid);
	state_free(&now);
	state_remove(bundle_fd);
	cr_expect(!is_there(".mote-state"));
	/* What stands in its place stays. */
	cr_assert(mkdirat(bundle_fd, STATE_FILE, 0700) == 0);
	rc = state_write(bundle_fd, &then, &e);
	cr_expect(rc == -EISDIR && strstr(e.text, "mote-state in the bundle"), "%d: %s", rc,
		  e.text);
	rc = state_read(bundle_fd, &now, &e);
	cr_expect(rc == -EISDIR && strstr(e.text, "mote-state in the bundle"), "%d: %s", rc,
		  e.text);
}

/* A process is known by its start, whatever it calls itself. */
Test(runtime_state, processes)
{
	uint64_t before, start;
	int gate[2];
	cr_assert(state_start_time(getpid(), &before) == 0 && before > 0);
	cr_assert(pipe(gate) == 0);
	const pid_t child = fork();
	if (child == 0) {
		char byte;
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) < 0);
	}
	cr_assert(child > 0);
	cr_expect(prctl(PR_SET_NAME, ") R 1 (a 2 3") == 0);
	cr_expect(state_start_time(getpid(), &start) == 0 && start == before, "%lu %lu", start,
		  before);
	cr_expect(state_start_time(child, &start) == 0 && start >= before, "%lu %lu", start,
		  before);
	cr_expect(!state_is_exiting(child) && !state_is_exiting(getpid()));
	/* It ends, and is there until it is waited for. */
	siginfo_t how;
	close(gate[0]);
	close(gate[1]);
	cr_assert(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT) == 0);
	cr_expect(state_is_exiting(child));
	cr_assert(waitpid(child, NULL, 0) == child);
	cr_expect(state_is_exiting(child));
	const int rc = state_start_time(child, &start);
	cr_expect(rc == -ENOENT || rc == -ESRCH, "%d", rc);
}
