/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing and thawing all processes of a container, by both versions' freezers. */
#include "runtime/cgroup/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FREEZE_MS     5000
#define POLL_MS       5          /* if nothing notifies us */
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD, of a process's flags */

/* Version 1 has no notification. */
static int freeze_v1(const char *dir, bool frozen)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	for (int ms = 0; ms < FREEZE_MS; ms++) {
		char state[16];
		int rc = 0;
		if (ms % 100 == 0)
			rc = cgroup_write(dir, "freezer.state", want);
		if (rc == 0)
			rc = cgroup_read(dir, "freezer.state", state, sizeof(state));
		if (rc < 0)
			return rc;
		if (strcmp(state, want) == 0)
			return 0;
		poll(NULL, 0, 1);
	}
	return -ETIMEDOUT;
}

/* State and flags of a process or thread, from its `stat` file; false if it is gone. */
static bool read_state(const char *path, char *state, unsigned *flags)
{
	char text[1024];
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name, field 2, may hold anything: count from its end. */
	const char *at = strrchr(text, ')');
	return at && sscanf(at, ") %c %*d %*d %*d %*d %*d %u", state, flags) == 2;
}

static bool is_stopped(const char *pid)
{
	char path[300], state;
	unsigned flags;
	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *d = opendir(path);
	bool stopped = true;
	for (const struct dirent *e; stopped && d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/stat", pid, e->d_name);
		if (*e->d_name != '.' && read_state(path, &state, &flags))
			stopped = state != 'R' && state != 'D';
	}
	if (d)
		closedir(d);
	return stopped;
}

/*
 * Before Linux 6.13 each VM has a kernel thread in its maker's cgroup. It does not freeze, so the
 * cgroup never reports that it is frozen. True if there is one and all others have stopped.
 */
static bool only_kernel_threads_run(const char *dir)
{
	char text[4096], path[64], state, *rest = text;
	unsigned flags;
	bool kernel = false, stopped = true;
	if (cgroup_read(dir, "cgroup.procs", text, sizeof(text)) < 0)
		return false;
	for (char *pid; stopped && (pid = strsep(&rest, "\n"));) {
		snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
		if (!*pid || !read_state(path, &state, &flags))
			continue;
		if (flags & KERNEL_THREAD)
			kernel = true;
		else
			stopped = is_stopped(pid);
	}
	return kernel && stopped;
}

static int freeze_v2(const char *dir, bool frozen)
{
	char path[4400], text[256];
	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	cleanup_close int events = open(path, O_RDONLY | O_CLOEXEC);
	if (events < 0)
		return -errno;
	int rc = cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0");
	for (int ms = 0; rc == 0; ms += POLL_MS) {
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if ((cgroup_field(text, "frozen") == 1) == frozen)
			return 0;
		if (ms > 0 && frozen && only_kernel_threads_run(dir))
			return 0;
		struct pollfd p = {.fd = events, .events = POLLPRI};
		if (ms >= FREEZE_MS)
			rc = -ETIMEDOUT;
		else if (poll(&p, 1, POLL_MS) < 0 && errno != EINTR)
			rc = -errno;
	}
	return rc;
}

int cgroup_freeze(const struct cgroup *c, bool frozen, struct err *e)
{
	const char *dir = cgroup_dir(c, CGROUP_FREEZER);
	if (!dir)
		return err_set(e, ERR_HOST, ENOSYS,
			       "this machine has no freezer cgroup, which pausing needs");
	int rc = c->version == 2 ? freeze_v2(dir, frozen) : freeze_v1(dir, frozen);
	if (rc < 0)
		return err_sys(e, -rc, "%s the cgroup %s", frozen ? "freezing" : "thawing", dir);
	return 0;
}
