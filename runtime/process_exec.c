/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is put into a running container: a monitor and a VM of its own, in the container's
 * cgroup, namespaces and root file system. Nothing of it is there before it is started.
 */
#include "runtime/container.h"

#include "oci/spec.h"
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#define READY_MS                                                                                   \
	120000 /* a page may be slow to come; a monitor that says nothing so long is stuck */

static int refuse_state(const struct container *of, struct err *e)
{
	return err_set(e, ERR_PEER, EBUSY, "container %s is %s: no process can be put into it",
		       of->id,
		       of->state == CONTAINER_PAUSED	? "paused"
		       : of->state == CONTAINER_STOPPED ? "at its end"
							: "not running yet");
}

static int fill(struct container *c, const struct container_exec_config *config, struct err *e)
{
	const char *const paths[] = {config->stdin_path, config->stdout_path, config->stderr_path};
	c->id = strdup(c->beside->id);
	c->exec_id = strdup(config->exec_id);
	c->bundle = strdup(c->beside->bundle);
	c->rootfs = strdup(c->beside->rootfs);
	c->containerd_namespace = strdup(config->containerd_namespace);
	bool all = c->id && c->exec_id && c->bundle && c->rootfs && c->containerd_namespace;
	for (int i = 0; i < 3; i++)
		all &= (c->paths[i] = strdup(paths[i])) != NULL;
	c->process = all ? calloc(1, sizeof(*c->process)) : NULL;
	if (!c->process)
		return err_sys(e, ENOMEM, "process %s of container %s", config->exec_id,
			       c->beside->id);
	c->terminal = config->terminal;
	c->memory_bytes = c->beside->memory_bytes;
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->timer < 0)
		return err_sys(e, errno, "a timer");
	int rc = oci_process_parse(config->process, config->process_len, c->process, e);
	c->process->terminal = config->terminal;
	return rc;
}

int container_exec(struct container *of, const struct container_exec_config *config,
		   struct container **out, struct err *e)
{
	if (of->state != CONTAINER_RUNNING)
		return refuse_state(of, e);
	struct container *c = container_new();
	if (!c)
		return err_sys(e, ENOMEM, "process %s of container %s", config->exec_id, of->id);
	c->beside = of;
	c->state = CONTAINER_CREATED;
	int rc = fill(c, config, e);
	if (rc < 0)
		container_free(c);
	else
		*out = c;
	return rc;
}

static int open_streams(struct container *c, struct err *e)
{
	const struct container_config config = {
		.id = c->id,
		.bundle = c->bundle,
		.containerd_namespace = c->containerd_namespace,
		.stdin_path = c->paths[0],
		.stdout_path = c->paths[1],
		.stderr_path = c->paths[2],
		.terminal = c->terminal,
	};
	return streams_open(&config, c->process->console_width, c->process->console_height,
			    &c->streams, e);
}

/*
 * The root that the container's monitor has: its mount namespace has another one where Mote itself
 * runs below a chroot. It is our child and not reaped, so that the number is its own.
 */
static int open_root_of(const struct container *of)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/root", of->pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int launch(struct container *c, struct err *e)
{
	const struct container *of = c->beside;
	if (of->state != CONTAINER_RUNNING)
		return refuse_state(of, e);
	cleanup_close int kvm = container_open_kvm(e);
	if (kvm < 0)
		return kvm;
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, of->pid, 0), root = open_root_of(of);
	if ((pidfd < 0 || root < 0) && (errno == ENOENT || errno == ESRCH))
		return err_set(e, ERR_PEER, EBUSY, "container %s is at its end", of->id);
	if (pidfd < 0 || root < 0)
		return err_sys(e, errno, "the monitor of container %s", of->id);
	struct wire_config w = {
		.id = c->id,
		.bundle = c->bundle,
		.rootfs = c->rootfs,
		.memory_bytes = c->memory_bytes,
		.private_memory = of->private_memory,
		.id_base = of->userns.base,
		.cache = "",
		.tenant = "",
		.beside = true,
		.spec = *c->process,
	};
	c->userns = of->userns;
	int rc = open_streams(c, e);
	if (rc == 0)
		rc = container_launch(c, of->cgroup, kvm, pidfd, e);
	w.pid = c->pid;
	if (rc == 0)
		rc = container_send_config(c, &w, e);
	return rc < 0 ? rc : container_send_join(c, of->cgroup, (const int[]){pidfd, root}, e);
}

static void begin(struct container *c)
{
	c->state = CONTAINER_CREATING;
	if (launch(c, &c->failure) == 0)
		container_set_deadline(c, READY_MS);
}

/* It has come to its end without having run: those that wait for it hear of that, too. */
static int fail(struct container *c, struct err *e)
{
	if (c->pid > 0 && !c->reaped)
		kill(c->pid, SIGKILL);
	if (c->state != CONTAINER_STOPPED) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		container_set_ended(c, (uint32_t)wire_failure_status(&c->failure), now);
	}
	return err_set(e, c->failure.blame, c->failure.code, "%s", c->failure.text);
}

int container_exec_ready(struct container *c, struct err *e)
{
	if (c->state == CONTAINER_CREATED && !c->pid)
		begin(c);
	if (!c->failure.code && c->state != CONTAINER_CREATING && c->state != CONTAINER_CREATED)
		return err_set(e, ERR_PEER, EBUSY, "process %s of container %s has %s already",
			       c->exec_id, c->id,
			       c->state == CONTAINER_STOPPED ? "ended" : "been started");
	bool ready = c->built && c->streams.logger_ready < 0;
	if (!c->failure.code && !ready && container_is_late(c))
		err_set(&c->failure, ERR_HOST, ETIMEDOUT,
			"process %s of container %s does not get ready", c->exec_id, c->id);
	if (c->failure.code)
		return fail(c, e);
	return ready ? 0 : -EINPROGRESS;
}
