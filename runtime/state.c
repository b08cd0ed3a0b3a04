/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: one line, "mote 1 PID START_TIME CGROUP_PATH". */
#include "runtime/state.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STATE_MAX    8192
#define EXITING_FLAG 4 /* PF_EXITING, of the kernel's include/linux/sched.h */
/* what is being written: a shim may be killed at any moment */
#define UNFINISHED ".mote-state"

/* Field `number` of /proc/PID/stat, of those after the name; see proc(5). */
static int stat_field(pid_t pid, int number, uint64_t *out)
{
	char path[32], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	/* The name, field 2, may hold anything: count from its end. */
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EBADMSG;
	*out = strtoull(at + 1, NULL, 10);
	return 0;
}

int state_start_time(pid_t pid, uint64_t *out)
{
	return stat_field(pid, 22, out);
}

bool state_is_exiting(pid_t pid)
{
	uint64_t flags;
	return stat_field(pid, 9, &flags) < 0 || (flags & EXITING_FLAG);
}

int state_write(int bundle_fd, const struct state *s, struct err *e)
{
	cleanup_free char *text = NULL;
	int n = asprintf(&text, "mote 1 %d %lu %s\n", s->pid, s->start_time, s->cgroup_path);
	if (n < 0) {
		text = NULL;
		return err_sys(e, ENOMEM, STATE_FILE);
	}
	cleanup_close int fd = openat(bundle_fd, UNFINISHED,
				      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "%s in the bundle", STATE_FILE);
	int rc = io_write_all(fd, text, (size_t)n);
	if (rc == 0 && renameat(bundle_fd, UNFINISHED, bundle_fd, STATE_FILE) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(e, -rc, "%s in the bundle", STATE_FILE);
	return 0;
}

int state_read(int bundle_fd, struct state *out, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = io_read_file(bundle_fd, STATE_FILE, STATE_MAX, &text, &len);
	if (rc == -ENOENT)
		return rc;
	if (rc < 0)
		return err_sys(e, -rc, "%s in the bundle", STATE_FILE);
	int pid, path = 0;
	unsigned long start;
	if (sscanf(text, "mote 1 %d %lu %n", &pid, &start, &path) != 2 || path == 0 ||
	    text[path] != '/' || pid < 0 || pid == 1 || text[len - 1] != '\n')
		return err_set(e, ERR_HOST, EBADMSG, "%s in the bundle is damaged", STATE_FILE);
	char *cgroup = strndup(text + path, len - (size_t)path - 1);
	if (!cgroup)
		return err_sys(e, ENOMEM, STATE_FILE);
	*out = (struct state){.pid = pid, .start_time = start, .cgroup_path = cgroup};
	return 0;
}

void state_free(struct state *s)
{
	free(s->cgroup_path);
	s->cgroup_path = NULL;
}

void state_remove(int bundle_fd)
{
	unlinkat(bundle_fd, STATE_FILE, 0);
	unlinkat(bundle_fd, UNFINISHED, 0);
}
