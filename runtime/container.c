/* SPDX-License-Identifier: Apache-2.0 */
/* Driving a container and its processes, from the shim's side. */
#include "runtime/container.h"

#include "runtime/mounts.h"

#include <errno.h>
#include <mote/mote.h>
#include <signal.h>
#include <string.h>

void container_free(struct container *c)
{
	if (!c)
		return;
	for (struct process *p = c->execs, *next; p; p = next) {
		next = p->next;
		process_fini(p);
		free(p);
	}
	process_fini(&c->init);
	oci_hooks_free(&c->hooks);
	free(c->exec_defaults.apparmor_profile);
	free(c->exec_defaults.selinux_label);
	guest_paths_free(&c->exec_defaults.paths);
	loop_remove(&c->oom_source);
	cgroup_free(c->cgroup);
	close_fd(&c->bundle_fd);
	close_fd(&c->hook_answer);
	free(c->id);
	free(c->bundle);
	free(c->rootfs);
	free(c->oci_runtime);
	free(c);
}

int container_open_kvm(struct err *e)
{
	struct mote_error error;
	int fd;
	if (mote_open_kvm(&fd, &error) < 0)
		return err_set(e, ERR_HOST, error.code, "%s", error.text);
	return fd;
}

int container_write_state(const struct container *c, struct err *e)
{
	struct state state = {
		.pid = c->init.pid,
		.cgroup_path = (char *)(uintptr_t)cgroup_path(c->cgroup),
	};
	int rc = 0;
	if (state.pid)
		rc = state_start_time(state.pid, &state.start_time);
	if (rc < 0)
		return err_sys(e, -rc, "the start time of process %d", state.pid);
	return state_write(c->bundle_fd, &state, e);
}

/* --- hooks --- */

/* A monitor that has ended meanwhile fails as one that ends. */
static void answer_monitor(struct container *c)
{
	struct process *p = &c->init;
	if (hooks_answer(&c->hook_answer, &p->failure) < 0 || p->control < 0)
		return;
	int rc = wire_send(p->control, WIRE_HOOKS, NULL, 0);
	if (rc == 0)
		rc = process_send_join(p, c->cgroup, NULL, &p->failure);
	else if (rc != -EPIPE && rc != -ECONNRESET)
		err_sys(&p->failure, -rc, "the monitor of %s", p->name);
}

void container_start_hooks(struct container *c, enum hook_phase phase)
{
	static const struct {
		enum oci_hook_kind kind;
		const char *status;
	} phases[] = {
		[HOOKS_CREATE_RUNTIME] = {OCI_HOOK_CREATE_RUNTIME, "creating"},
		[HOOKS_POSTSTART] = {OCI_HOOK_POSTSTART, "running"},
		[HOOKS_POSTSTOP] = {OCI_HOOK_POSTSTOP, "stopped"},
	};
	const struct oci_state state = {
		.id = c->id,
		.bundle = c->bundle,
		.status = phases[phase].status,
		.pid = c->init.pidfd >= 0 ? c->init.pid : 0,
	};
	struct err e = {0};
	bool answers = phase == HOOKS_CREATE_RUNTIME;
	int rc = hooks_start(&c->hooks, phases[phase].kind, &state, &c->hook,
			     answers ? &c->hook_answer : NULL, &e);
	c->hook_phase = phase;
	if (rc < 0 && answers)
		c->init.failure = e;
	else if (rc < 0) /* the runtime specification has it so */
		dprintf(2, "mote: container %s: %s\n", c->id, e.text);
}

/* --- Start, Kill, Pause, Resume, Update --- */

int container_start(struct container *c, struct err *e)
{
	if (c->hook_phase != HOOKS_POSTSTART) {
		int rc = c->init.kind->run(&c->init, e);
		if (rc < 0)
			return rc;
		container_start_hooks(c, HOOKS_POSTSTART);
	}
	if (c->hook > 0)
		return -EINPROGRESS;
	c->hook_phase = HOOKS_STARTED;
	return 0;
}

/* In cgroup version 1 a frozen process does not even die of SIGKILL. */
static int thaw_to_die(struct container *c, struct err *e)
{
	int rc = c->paused ? cgroup_freeze(c->cgroup, false, e) : 0;
	if (rc == 0)
		c->paused = false;
	return rc;
}

int process_kill(struct process *p, int signo, struct err *e)
{
	if (process_has_ended(p))
		return err_set(e, ERR_PEER, ENOENT, "%s has ended", p->name);
	/* A container that the OCI runtime is making ends with the command that makes it. */
	const bool is_made = p == &p->container->init && p->command.pid && signo == SIGKILL;
	if (p->pid == 0 && !is_made)
		return err_set(e, ERR_PEER, EBUSY, "%s has not been started", p->name);
	if (signo < 0 || signo > 64)
		return err_set(e, ERR_PEER, EINVAL, "invalid signal %d", signo);
	int rc = process_signal(p, signo);
	if (rc == -ESRCH)
		return err_set(e, ERR_PEER, ENOENT, "%s has ended", p->name);
	if (rc < 0)
		return err_sys(e, -rc, "sending signal %d to %s", signo, p->name);
	if (signo > 0 && p->state < PROCESS_RUNNING)
		p->killed_by = signo;
	if (signo == SIGKILL && p == &p->container->init)
		return thaw_to_die(p->container, e);
	return 0;
}

int container_pause(struct container *c, struct err *e)
{
	if (c->init.state != PROCESS_RUNNING || c->paused)
		return err_set(e, ERR_PEER, EBUSY, "container %s is not running", c->id);
	int rc = cgroup_freeze(c->cgroup, true, e);
	if (rc < 0) /* half frozen is worse than not at all; the first error counts */
		(void)!cgroup_freeze(c->cgroup, false, NULL);
	c->paused = rc == 0;
	return rc;
}

int container_resume(struct container *c, struct err *e)
{
	if (c->init.state != PROCESS_RUNNING || !c->paused)
		return err_set(e, ERR_PEER, EBUSY, "container %s is not paused", c->id);
	int rc = cgroup_freeze(c->cgroup, false, e);
	if (rc == 0)
		c->paused = false;
	return rc;
}

int container_update(struct container *c, const char *resources, size_t len, struct err *e)
{
	if (process_has_ended(&c->init))
		return err_set(e, ERR_PEER, EBUSY, "container %s has ended", c->id);
	cleanup_spec struct oci_spec spec = {0};
	int rc = oci_resources_parse(resources, len, &spec, e);
	if (rc < 0)
		return rc;
	return cgroup_update(c->cgroup, &spec.resources, e);
}

static bool is_alive(const struct process *p)
{
	return p->pid > 0 && !process_has_ended(p);
}

/*
 * In the cgroup are also what compiles a module and, on kernels before 6.14, a kernel thread of
 * KVM's for each VM: which processes a guest has is known here.
 */
int container_stats(const struct container *c, struct container_stats *out, struct err *e)
{
	int rc = cgroup_stats(c->cgroup, out, e);
	if (rc < 0 || c->oci_runtime)
		return rc;
	out->pids = is_alive(&c->init);
	for (const struct process *p = c->execs; p; p = p->next)
		out->pids += is_alive(p);
	return 0;
}

int process_resize(const struct process *p, uint32_t width, uint32_t height, struct err *e)
{
	if (!p->streams.terminal || process_has_ended(p))
		return 0;
	if (width > UINT16_MAX || height > UINT16_MAX)
		return err_set(e, ERR_PEER, EINVAL, "invalid terminal size %u by %u", width,
			       height);
	int rc = terminal_resize(p->streams.terminal, (uint16_t)width, (uint16_t)height);
	if (rc < 0 && rc != -ENOENT)
		return err_sys(e, -rc, "resizing the terminal of %s", p->name);
	return 0;
}

void process_close_stdin(struct process *p)
{
	p->stdin_closed = true;
	streams_close_stdin(&p->streams);
}

/* --- the end --- */

/*
 * Of the container's process: nobody waits for this now, and what does not work is Delete's to
 * report.
 */
static void unmount_early(struct container *c)
{
	if (c->rootfs_mounted && mounts_detach(c->rootfs, NULL) == 0)
		c->rootfs_mounted = false;
}

bool container_reaped(struct container *c, pid_t pid, int wait_status, struct timespec at)
{
	struct process *p = &c->init;
	bool had_ended = process_has_ended(p);
	if (c->hook > 0 && pid == c->hook) {
		c->hook = 0;
		if (c->hook_answer >= 0)
			answer_monitor(c);
	} else if (p->kind->reaped(p, pid, wait_status, at)) {
		if (had_ended && p->pidfd < 0)
			unmount_early(c);
	} else {
		for (p = c->execs; p && !p->kind->reaped(p, pid, wait_status, at);)
			p = p->next;
	}
	if (p)
		p->supervisor.changed(p->supervisor.arg);
	return p != NULL;
}

bool process_take_exit(struct process *p)
{
	return process_event(p, EV_REPORTED);
}

bool process_exit_is_taken(const struct process *p)
{
	return p->state >= PROCESS_REPORTED;
}

bool container_take_oom(struct container *c)
{
	/* After the end the removal of the cgroup would be a notification as well. */
	if (c->oom_source.loop && process_has_ended(&c->init)) {
		loop_remove(&c->oom_source);
		c->oom |= cgroup_take_oom(c->cgroup);
	}
	bool oom = c->oom;
	c->oom = false;
	return oom;
}

int container_delete(struct container *c, struct err *e)
{
	if (!process_has_ended(&c->init))
		return err_set(e, ERR_PEER, EBUSY, "container %s has not ended", c->id);
	/* Start waits for these, and its answer comes first. */
	if (c->hook > 0 && c->hook_phase != HOOKS_POSTSTOP)
		return -EINPROGRESS;
	int rc = process_teardown(&c->init, e);
	if (rc < 0)
		return rc;
	if (c->init.kind->dispose)
		rc = c->init.kind->dispose(c, e);
	if (rc == 0 && c->rootfs_mounted)
		rc = mounts_detach(c->rootfs, e);
	if (rc < 0)
		return rc;
	c->rootfs_mounted = false;
	rc = cgroup_remove(c->cgroup, e);
	if (rc < 0)
		return rc;
	if (c->hook_phase != HOOKS_POSTSTOP)
		container_start_hooks(c, HOOKS_POSTSTOP);
	if (c->hook > 0)
		return -EINPROGRESS;
	state_remove(c->bundle_fd);
	container_free(c);
	return 0;
}

/* --- what they are --- */

struct process *container_process(struct container *c)
{
	return &c->init;
}

const char *container_id(const struct container *c)
{
	return c->id;
}

const char *container_bundle(const struct container *c)
{
	return c->bundle;
}

enum process_status process_status(const struct process *p)
{
	if (process_has_ended(p))
		return PROCESS_STATUS_STOPPED;
	if (p->state < PROCESS_RUNNING)
		return PROCESS_STATUS_CREATED;
	bool paused = p->container->paused && p == &p->container->init;
	if (paused)
		return PROCESS_STATUS_PAUSED;
	return PROCESS_STATUS_RUNNING;
}

const char *process_exec_id(const struct process *p)
{
	return p->exec_id;
}

pid_t process_pid(const struct process *p)
{
	return p->pid;
}

uint32_t process_exit_status(const struct process *p)
{
	return p->exit_status;
}

struct timespec process_exited_at(const struct process *p)
{
	return p->exited_at;
}

const struct stdio_config *process_stdio(const struct process *p)
{
	return &p->stdio;
}
