/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping all processes of a container at once, and letting them go on, by both versions' freezers. */
#include "runtime/cgroup/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FREEZE_MS 5000
#define LOOK_MS 5		 /* how often to look where nothing tells */
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD, of a process's flags */

/* Version 1 tells of progress only when asked. */
static int freeze_v1(const char *dir, bool frozen)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	for (int ms = 0; ms < FREEZE_MS; ms++) {
		char state[16];
		int rc = ms % 100 == 0 ? cgroup_write(dir, "freezer.state", want) : 0;
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

/* State and flags of a process or thread; false where it is gone. */
static bool look_at(const char *path, char *state, unsigned *flags)
{
	char text[1024];
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name, field 2, may hold anything: count from its end. */
	const char *at = strrchr(text, ')');
	return at && sscanf(at, ") %c %*d %*d %*d %*d %*d %u", state, flags) == 2;
}

static bool is_at_rest(const char *pid)
{
	char path[300], state;
	unsigned flags;
	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *d = opendir(path);
	bool rest = true;
	for (struct dirent *e; rest && d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/stat", pid, e->d_name);
		if (*e->d_name != '.' && look_at(path, &state, &flags))
			rest = state != 'R' && state != 'D';
	}
	if (d)
		closedir(d);
	return rest;
}

/*
 * Before Linux 6.13 each VM has a kernel thread in the cgroup of who made it. It does not freeze, and
 * so the cgroup never says that it has. True when one is there and all others have stopped.
 */
static bool is_frozen_but_for_the_kernel(const char *dir)
{
	char text[4096], path[64], state, *rest = text;
	unsigned flags;
	bool kernel = false, stopped = true;
	if (cgroup_read(dir, "cgroup.procs", text, sizeof(text)) < 0)
		return false;
	for (char *pid; stopped && (pid = strsep(&rest, "\n"));) {
		snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
		if (!*pid || !look_at(path, &state, &flags))
			continue;
		if (flags & KERNEL_THREAD)
			kernel = true;
		else
			stopped = is_at_rest(pid);
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
	for (int ms = 0; rc == 0; ms += LOOK_MS) {
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if ((cgroup_field(text, "frozen") == 1) == frozen)
			return 0;
		if (ms > 0 && frozen && is_frozen_but_for_the_kernel(dir))
			return 0;
		struct pollfd p = {.fd = events, .events = POLLPRI};
		rc = ms >= FREEZE_MS ? -ETIMEDOUT : poll(&p, 1, LOOK_MS) < 0 && errno != EINTR ? -errno : 0;
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
	return rc < 0 ? err_sys(e, -rc, "%s the cgroup %s", frozen ? "freezing" : "thawing", dir)
		      : 0;
}
