/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime that runs nothing, under the real shim: it mounts the root file system, says hello on
 * stdout and exits. With it the shim measures what containerd and the shim themselves cost.
 */
#include "runtime/pod.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
	struct container *container;
};

struct container {
	struct process process;
	struct supervisor supervisor;
	char *id, *bundle;
	struct stdio_config stdio;
	char rootfs[4096];
	int pid, go; /* the child exits when `go` closes */
	int hold;    /* a reader of stdout, so that nothing is lost before the client reads */
	int mounted;
	bool ended; /* not reported yet */
	enum process_status state;
	uint32_t status;
	struct timespec exited_at;
};

static int mount_one(const struct container_mount *m, const char *target)
{
	char data[4096] = "";
	for (size_t i = 0; m->options[i]; i++)
		if (strchr(m->options[i], '=')) {
			if (data[0])
				strncat(data, ",", sizeof(data) - strlen(data) - 1);
			strncat(data, m->options[i], sizeof(data) - strlen(data) - 1);
		}
	unsigned long flags = strcmp(m->type, "bind") == 0 ? MS_BIND | MS_REC : 0;
	return mount(m->source, target, m->type, flags, data) < 0 ? -errno : 0;
}

static void child(int go, const char *out)
{
	char byte;
	int fd = open(out, O_WRONLY);
	if (read(go, &byte, 1) == 0 && fd >= 0 && write(fd, "hello\n", 6) == 6)
		_exit(0);
	_exit(1);
}

int container_create(const struct container_config *config, struct container **out, struct err *e)
{
	struct container *c = calloc(1, sizeof(*c));
	int ends[2];
	if (!c || pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, errno, "floor");
	c->id = strdup(config->id);
	c->bundle = strdup(config->bundle);
	c->process.container = c;
	c->supervisor = config->supervisor;
	c->stdio = (struct stdio_config){
		.stdin_path = strdup(config->stdio.stdin_path),
		.stdout_path = strdup(config->stdio.stdout_path),
		.stderr_path = strdup(config->stdio.stderr_path),
	};
	snprintf(c->rootfs, sizeof(c->rootfs), "%s/rootfs", config->bundle);
	mkdir(c->rootfs, 0711);
	for (size_t i = 0; i < config->rootfs_count; i++) {
		int rc = mount_one(&config->rootfs[i], c->rootfs);
		if (rc < 0)
			return err_sys(e, -rc, "floor: mounting %s", c->rootfs);
		c->mounted++;
	}
	c->hold = open(c->stdio.stdout_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	c->pid = fork();
	if (c->pid == 0) {
		close(ends[1]);
		child(ends[0], c->stdio.stdout_path);
	}
	close(ends[0]);
	c->go = ends[1];
	c->state = PROCESS_STATUS_CREATED;
	*out = c;
	return 0;
}

int container_created(struct container *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

int container_start(struct container *c, struct err *e)
{
	(void)e;
	close(c->go);
	c->go = -1;
	c->state = PROCESS_STATUS_RUNNING;
	return 0;
}

int process_kill(struct process *p, int signo, struct err *e)
{
	struct container *c = p->container;
	if (c->state == PROCESS_STATUS_STOPPED)
		return err_set(e, ERR_PEER, ENOENT, "floor: it has ended");
	return kill(c->pid, signo) < 0 ? err_sys(e, errno, "kill") : 0;
}

static int refuse(struct err *e)
{
	return err_set(e, ERR_HOST, ENOSYS, "floor: it runs nothing");
}

int container_pause(struct container *c, struct err *e)
{
	(void)c;
	return refuse(e);
}

int container_resume(struct container *c, struct err *e)
{
	(void)c;
	return refuse(e);
}

int container_update(struct container *c, const char *resources, size_t len, struct err *e)
{
	(void)c;
	(void)resources;
	(void)len;
	return refuse(e);
}

int process_resize(const struct process *p, uint32_t width, uint32_t height, struct err *e)
{
	(void)p;
	(void)width;
	(void)height;
	return refuse(e);
}

void process_close_stdin(struct process *p)
{
	(void)p;
}

int container_delete(struct container *c, struct err *e)
{
	if (c->state != PROCESS_STATUS_STOPPED)
		return err_set(e, ERR_PEER, EBUSY, "floor: it runs");
	if (c->hold >= 0)
		close(c->hold);
	while (c->mounted-- > 0)
		umount2(c->rootfs, MNT_DETACH);
	free(c->id);
	free(c->bundle);
	free((char *)(uintptr_t)c->stdio.stdin_path);
	free((char *)(uintptr_t)c->stdio.stdout_path);
	free((char *)(uintptr_t)c->stdio.stderr_path);
	free(c);
	return 0;
}

bool container_reaped(struct container *c, pid_t pid, int wait_status, struct timespec at)
{
	if (pid != c->pid)
		return false;
	c->state = PROCESS_STATUS_STOPPED;
	c->status = WIFEXITED(wait_status) ? (uint32_t)WEXITSTATUS(wait_status)
					   : 128 + (uint32_t)WTERMSIG(wait_status);
	c->exited_at = at;
	c->ended = true;
	c->supervisor.changed(c->supervisor.arg);
	return true;
}

bool process_take_exit(struct process *p)
{
	bool ended = p->container->ended;
	p->container->ended = false;
	return ended;
}

bool process_exit_is_taken(const struct process *p)
{
	return p->container->state == PROCESS_STATUS_STOPPED && !p->container->ended;
}

struct process *container_process(struct container *c)
{
	return &c->process;
}

bool container_take_oom(struct container *c)
{
	(void)c;
	return false;
}

const char *container_id(const struct container *c)
{
	return c->id;
}

const char *container_bundle(const struct container *c)
{
	return c->bundle;
}

pid_t process_pid(const struct process *p)
{
	return p->container->pid;
}

enum process_status process_status(const struct process *p)
{
	return p->container->state;
}

uint32_t process_exit_status(const struct process *p)
{
	return p->container->status;
}

struct timespec process_exited_at(const struct process *p)
{
	return p->container->exited_at;
}

const struct stdio_config *process_stdio(const struct process *p)
{
	return &p->container->stdio;
}

int container_stats(const struct container *c, struct container_stats *out, struct err *e)
{
	(void)c;
	(void)out;
	return refuse(e);
}

int container_exec(struct container *c, const struct exec_config *config, struct process **out,
		   struct err *e)
{
	(void)c;
	(void)config;
	(void)out;
	return refuse(e);
}

int process_start(struct process *p, struct err *e)
{
	(void)p;
	return refuse(e);
}

int process_delete(struct process *p, struct err *e)
{
	(void)p;
	return refuse(e);
}

const char *process_exec_id(const struct process *p)
{
	(void)p;
	return "";
}

int container_cleanup(const char *bundle, const char *id, int *pid, uint32_t *status, struct err *e)
{
	char rootfs[4096];
	(void)id;
	(void)e;
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", bundle);
	umount2(rootfs, MNT_DETACH);
	*pid = 0;
	*status = 137;
	return 0;
}

/* Pods have pause containers here. */
int pod_create(const struct pod_config *config, struct pod **out, struct err *e)
{
	(void)config;
	(void)out;
	return refuse(e);
}

int pod_start(struct pod *p, struct err *e)
{
	(void)p;
	return refuse(e);
}

pid_t pod_pid(const struct pod *p)
{
	(void)p;
	return 0;
}

void pod_stop(struct pod *p)
{
	(void)p;
}

int pod_delete(struct pod *p, struct err *e)
{
	(void)p;
	return refuse(e);
}

int pod_stats(const struct pod *p, struct container_stats *out, struct err *e)
{
	(void)p;
	(void)out;
	return refuse(e);
}

int runtime_group(const char *bundle, char **out, struct err *e)
{
	(void)bundle;
	(void)e;
	*out = NULL;
	return 0;
}

int runtime_monitor_main(void)
{
	return 125;
}

int runtime_has_user_namespaces(struct err *e)
{
	return err_set(e, ERR_HOST, ENOTSUP, "nothing runs");
}

/* It supports nothing. */
int runtime_features(char **out)
{
	*out = strdup("{}");
	return *out ? 0 : -ENOMEM;
}
