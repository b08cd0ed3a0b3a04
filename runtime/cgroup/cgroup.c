/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the hierarchies; making, joining, freezing and removing a cgroup in them. */
#include "runtime/cgroup/internal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define CGROUP_TOP    "/sys/fs/cgroup"
#define MOUNTINFO_MAX (16UL << 20)
#define REMOVE_TRIES  200 /* of a millisecond */
#define PROCS_MAX     (1UL << 20)
#define KILL_BATCH    64 /* descriptors open at once */
#define KILL_TRIES    16 /* each finds what was forked meanwhile */

/* --- hierarchies --- */

static const struct {
	const char *name;
	enum cgroup_controller bit;
} controller_names[] = {
	{"cpu", CGROUP_CPU},       {"cpuacct", CGROUP_CPUACCT}, {"cpuset", CGROUP_CPUSET},
	{"memory", CGROUP_MEMORY}, {"pids", CGROUP_PIDS},       {"freezer", CGROUP_FREEZER},
	{"blkio", CGROUP_IO},      {"io", CGROUP_IO},
};

/* Names separated by one of `separators`, to bits. */
static unsigned controllers_of(const char *text, const char *separators)
{
	unsigned bits = 0;
	while (*text) {
		size_t n = strcspn(text, separators);
		for (size_t i = 0; i < sizeof(controller_names) / sizeof(controller_names[0]); i++)
			if (strlen(controller_names[i].name) == n &&
			    memcmp(text, controller_names[i].name, n) == 0)
				bits |= controller_names[i].bit;
		text += n;
		text += *text != '\0';
	}
	return bits;
}

static int add_hierarchy(struct cgroup *c, const char *top, unsigned controllers)
{
	if (c->count == CGROUP_HIERARCHIES_MAX)
		return -E2BIG;
	struct hierarchy *h = &c->hierarchies[c->count];
	h->controllers = controllers;
	h->top = strdup(top);
	if (!h->top || asprintf(&h->dir, "%s%s", top, c->path) < 0) {
		free(h->top);
		return -ENOMEM;
	}
	c->count++;
	return 0;
}

/*
 * One line of mountinfo (proc(5)): "id parent dev root mountpoint options optional... - type source
 * super". The same hierarchy may be mounted more than once: the first mount that shows all of it
 * is used.
 */
static int note_mount(struct cgroup *c, char *line, char **unified)
{
	char *mountpoint = NULL, *dash = strstr(line, " - "), *at = line;
	for (int field = 0; at && field < 5; field++) {
		char *word = strsep(&at, " ");
		mountpoint = word;
	}
	if (!dash || !mountpoint || strchr(mountpoint, '\\'))
		return 0; /* octal escapes: nobody mounts a hierarchy at such a path */
	at = dash + 3;
	const char *type = strsep(&at, " ");
	strsep(&at, " ");
	if (strcmp(type, "cgroup2") == 0 && !*unified)
		return (*unified = strdup(mountpoint)) ? 0 : -ENOMEM;
	if (strcmp(type, "cgroup") != 0 || !at)
		return 0;
	unsigned controllers = controllers_of(at, ",");
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->hierarchies[i].top, mountpoint) == 0 ||
		    (controllers & c->hierarchies[i].controllers))
			return 0;
	return add_hierarchy(c, mountpoint, controllers);
}

static void forget_hierarchies(struct cgroup *c)
{
	while (c->count) {
		struct hierarchy *h = &c->hierarchies[--c->count];
		free(h->top);
		free(h->dir);
	}
}

static int use_unified(struct cgroup *c, const char *top)
{
	char text[256];
	int rc = cgroup_read(top, "cgroup.controllers", text, sizeof(text));
	if (rc < 0)
		return rc;
	c->version = 2;
	/* What version 2 has in every cgroup: freezing and CPU time. */
	return add_hierarchy(c, top, controllers_of(text, " ") | CGROUP_FREEZER | CGROUP_CPUACCT);
}

int cgroup_find(struct cgroup *c, char *mountinfo)
{
	cleanup_free char *unified = NULL;
	int rc = 0;
	for (char *line; rc == 0 && (line = strsep(&mountinfo, "\n"));)
		if (strstr(line, " - cgroup"))
			rc = note_mount(c, line, &unified);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < c->count; i++)
		if (c->hierarchies[i].controllers)
			c->version = 1;
	if (c->version == 1 && unified && asprintf(&c->unified_dir, "%s%s", unified, c->path) < 0) {
		c->unified_dir = NULL;
		return -ENOMEM;
	}
	if (c->version == 1 || !unified)
		return 0;
	/* Only named hierarchies of version 1, as systemd keeps one: the controllers are in
	 * version 2. */
	forget_hierarchies(c);
	return use_unified(c, unified);
}

static int find_hierarchies(struct cgroup *c)
{
	/* The usual path, without reading what may be thousands of mounts. */
	struct statfs fs;
	if (statfs(CGROUP_TOP, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return use_unified(c, CGROUP_TOP);
	cleanup_free char *text = NULL;
	size_t len;
	int rc = io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len);
	if (rc < 0)
		return rc;
	return cgroup_find(c, text);
}

int cgroup_open(const char *path, struct cgroup **out, struct err *e)
{
	cleanup_cgroup struct cgroup *c = calloc(1, sizeof(*c));
	if (!c || !(c->path = strdup(path)))
		return err_sys(e, ENOMEM, "a cgroup");
	c->oom_fd = -1;
	int rc = find_hierarchies(c);
	if (rc < 0)
		return err_sys(e, -rc, "looking for cgroup hierarchies");
	*out = take_ptr(c);
	return 0;
}

const char *cgroup_path(const struct cgroup *c)
{
	return c->path;
}

void cgroup_count_tasks(struct cgroup *c)
{
	c->of_tasks = true;
}

void cgroup_free(struct cgroup *c)
{
	if (!c)
		return;
	forget_hierarchies(c);
	if (c->oom_fd >= 0)
		close(c->oom_fd);
	free(c->unified_dir);
	free(c->path);
	free(c);
}

void cgroup_freep(struct cgroup **c)
{
	cgroup_free(*c);
}

/* --- making --- */

/*
 * A new cpuset of version 1 is empty, and takes no process: it gets what its parent has. Each file
 * by itself, since whoever made the parent may have been killed between the two.
 */
static int inherit_cpuset(const char *top, const char *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	for (size_t i = 0; i < 2; i++) {
		char text[1024], parent[4300];
		int n = cgroup_read(dir, files[i], text, sizeof(text));
		if (n < 0)
			return n;
		if (n > 0 || strcmp(top, dir) == 0)
			continue;
		if (snprintf(parent, sizeof(parent), "%s", dir) >= (int)sizeof(parent))
			return -ENAMETOOLONG;
		*strrchr(parent, '/') = '\0';
		int rc = inherit_cpuset(top, parent);
		if (rc == 0)
			rc = cgroup_read(parent, files[i], text, sizeof(text));
		if (rc >= 0)
			rc = cgroup_write(dir, files[i], text);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * In version 2 each parent has to delegate its controllers. Best effort: setting a limit fails
 * without.
 */
static void delegate(const char *dir)
{
	char have[256], given[256], want[300] = "";
	if (cgroup_read(dir, "cgroup.controllers", have, sizeof(have)) < 0 ||
	    cgroup_read(dir, "cgroup.subtree_control", given, sizeof(given)) < 0)
		return;
	unsigned missing = controllers_of(have, " ") & ~controllers_of(given, " ");
	for (size_t i = 0; i < sizeof(controller_names) / sizeof(controller_names[0]); i++) {
		if (!(missing & controller_names[i].bit) ||
		    strcmp(controller_names[i].name, "blkio") == 0)
			continue;
		snprintf(want, sizeof(want), "+%s", controller_names[i].name);
		/*
		 * One at a time: a controller that is not available must not take the others with
		 * it.
		 */
		(void)!cgroup_write(dir, "cgroup.subtree_control", want);
	}
}

/* Makes the directories from the top down. */
static int make_dir(const struct cgroup *c, const struct hierarchy *h)
{
	char *slash = h->dir + strlen(h->top);
	if (c->version == 1 && mkdir(h->dir, 0755) == 0)
		return 0;
	if (c->version == 1 && errno != ENOENT)
		return -errno;
	for (;;) {
		*slash = '\0';
		if (c->version == 2)
			delegate(h->dir);
		*slash = '/';
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		int rc = mkdir(h->dir, 0755) < 0 ? -errno : 0;
		if (slash)
			*slash = '/';
		else
			return rc;
		if (rc < 0 && rc != -EEXIST)
			return rc;
	}
}

static bool has_processes(const struct hierarchy *h)
{
	char text[32];
	return cgroup_read(h->dir, "cgroup.procs", text, sizeof(text)) > 0;
}

static int create_in(const struct cgroup *c, const struct hierarchy *h, struct err *e)
{
	int rc = make_dir(c, h);
	if (rc == -EEXIST && !has_processes(h))
		rc = 0;
	if (rc == -EEXIST)
		return err_set(e, ERR_CONFIG, EEXIST,
			       "linux.cgroupsPath: %s is in use: there are processes in it",
			       h->dir);
	if (rc == 0 && c->version == 1 && h->controllers & CGROUP_CPUSET)
		rc = inherit_cpuset(h->top, h->dir);
	if (rc < 0)
		return err_sys(e, -rc, "making the cgroup %s", h->dir);
	return 0;
}

int cgroup_create(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	for (size_t i = 0; i < c->count; i++) {
		int rc = create_in(c, &c->hierarchies[i], e);
		if (rc < 0)
			return rc;
	}
	return cgroup_set_limits(c, r, e);
}

bool cgroup_is_born_into(const struct cgroup *c)
{
	return c->version == 2;
}

int cgroup_open_dir(const struct cgroup *c, struct err *e)
{
	int fd = open(c->hierarchies[0].dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "the cgroup %s", c->hierarchies[0].dir);
	return fd;
}

int cgroup_open_tasks(const struct cgroup *c, int *fds, size_t *count, struct err *e)
{
	*count = 0;
	for (size_t i = 0; c->version == 1 && i < c->count; i++) {
		char path[4400];
		snprintf(path, sizeof(path), "%s/tasks", c->hierarchies[i].dir);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			int code = errno;
			while (*count)
				close(fds[--*count]);
			return err_sys(e, code, "%s", path);
		}
		fds[(*count)++] = fd;
	}
	return 0;
}

/* The numbers of those in a cgroup, a line each; the caller's. NULL: they cannot be read. */
static char *read_processes(const char *dir)
{
	char path[4400], *text;
	size_t len;
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	if (io_read_file(AT_FDCWD, path, PROCS_MAX, &text, &len) < 0)
		return NULL;
	return text;
}

/* The next number, or 0: no more. One of a PID namespace that cannot be seen from here is 0 too. */
static pid_t next_process(char **list)
{
	pid_t pid = 0;
	for (char *line; pid <= 0 && (line = strsep(list, "\n"));)
		pid = (pid_t)strtol(line, NULL, 10);
	return pid;
}

static bool is_listed(const char *list, pid_t pid)
{
	char line[16];
	const size_t len = (size_t)snprintf(line, sizeof(line), "%d\n", pid);
	const char *at = list;
	while ((at = strstr(at, line)) != NULL && at > list && at[-1] != '\n')
		at += len;
	return at;
}

/*
 * A number that was read may be another process's when it is used. Of a number that is still
 * listed, what the descriptor was opened for is in the cgroup, or has ended.
 */
static void kill_some(const char *dir, const pid_t *pids, const int *fds, size_t count)
{
	cleanup_free char *still = read_processes(dir);
	for (size_t i = 0; i < count; i++) {
		if (still && is_listed(still, pids[i]))
			(void)!syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0);
		close(fds[i]);
	}
}

/* Version 1 has no file for it. True if there were any. */
static bool kill_listed(const char *dir)
{
	cleanup_free char *text = read_processes(dir);
	char *list = text;
	bool any = false;
	for (pid_t pid = text ? next_process(&list) : 0; pid > 0;) {
		pid_t pids[KILL_BATCH];
		int fds[KILL_BATCH];
		size_t count = 0;
		for (; pid > 0 && count < KILL_BATCH; pid = next_process(&list)) {
			any = true;
			pids[count] = pid;
			fds[count] = (int)syscall(SYS_pidfd_open, pid, 0);
			count += fds[count] >= 0;
		}
		kill_some(dir, pids, fds, count);
	}
	return any;
}

void cgroup_kill(const struct cgroup *c)
{
	const char *dir = c->count ? c->hierarchies[0].dir : NULL;
	if (!dir || (c->version == 2 && cgroup_write(dir, "cgroup.kill", "1") == 0))
		return;
	for (int i = 0; i < KILL_TRIES && kill_listed(dir);)
		i++;
}

static int remove_dir(const char *dir)
{
	for (int i = 0; i < REMOVE_TRIES; i++) {
		if (rmdir(dir) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;
		poll(NULL, 0, 1); /* a process that has ended may still be counted */
	}
	return -EBUSY;
}

int cgroup_remove(const struct cgroup *c, struct err *e)
{
	int first = 0;
	for (size_t i = 0; i < c->count; i++) {
		int rc = remove_dir(c->hierarchies[i].dir);
		if (rc < 0 && first == 0)
			first = err_sys(e, -rc, "removing the cgroup %s", c->hierarchies[i].dir);
	}
	if (c->unified_dir)
		(void)!remove_dir(c->unified_dir); /* without processes: nothing keeps it */
	return first;
}
