/* SPDX-License-Identifier: Apache-2.0 */
/* A container's life, from the shim's side. */
#include "runtime/container.h"

#include "runtime/launch.h"
#include "runtime/monitor/monitor.h"
#include "runtime/mounts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#define BUILD_MS 120000 /* a page may be slow to come; a monitor that says nothing so long is stuck */
#define DRAIN_NS_FIRST 125000L /* doubled each time: half a second in all */
#define DRAIN_NS_MAX 256000000L

struct container *container_new(void)
{
	struct container *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->bundle_fd = c->control = c->timer = c->hook_answer = -1;
	c->streams = (struct streams)STREAMS_EMPTY;
	c->userns = USERNS_NONE;
	c->state = CONTAINER_CREATING;
	return c;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	streams_close(&c->streams);
	oci_hooks_free(&c->hooks);
	cgroup_free(c->cgroup);
	if (c->control >= 0)
		close(c->control);
	if (c->timer >= 0)
		close(c->timer);
	if (c->bundle_fd >= 0)
		close(c->bundle_fd);
	if (c->hook_answer >= 0)
		close(c->hook_answer);
	free(c->id);
	free(c->bundle);
	for (int i = 0; i < 3; i++)
		free(c->paths[i]);
	free(c->rootfs);
	free(c->exec_id);
	free(c->containerd_namespace);
	if (c->process)
		oci_spec_free(c->process);
	free(c->process);
	free(c);
}

static int adopt_failure(const struct container *c, struct err *e)
{
	return err_set(e, c->failure.blame, c->failure.code, "%s", c->failure.text);
}

/* The monitor has something to say yet before it can be started. */
static bool is_being_made(const struct container *c)
{
	return !c->failure.code &&
	       (c->state == CONTAINER_CREATING || (c->state == CONTAINER_CREATED && !c->built));
}

/* Until the hooks of the start have ended. */
static int started(struct container *c)
{
	c->starting = c->hook > 0;
	return c->starting ? -EINPROGRESS : 0;
}

static struct oci_state hook_state(const struct container *c, const char *status)
{
	return (struct oci_state){
		.id = c->id,
		.bundle = c->bundle,
		.status = status,
		.pid = c->reaped ? 0 : c->pid,
	};
}

/* Their failures are told in the log, and change nothing: the specification has it so. */
static void start_hooks(struct container *c, enum oci_hook_kind kind, const char *status)
{
	const struct oci_state state = hook_state(c, status);
	struct err e = {0};
	if (hooks_start(&c->hooks, kind, &state, &c->hook, NULL, &e) < 0)
		dprintf(2, "mote: container %s: %s\n", c->id, e.text);
}

/* Those of createRuntime, while the monitor waits for them: in the host's namespaces, as they must. */
static void start_runtime_hooks(struct container *c)
{
	const struct oci_state state = hook_state(c, "creating");
	if (c->reaped)
		return;
	if (c->hook > 0 || c->hooks.count[OCI_HOOK_CREATE_RUNTIME] == 0)
		err_set(&c->failure, ERR_HOST, EBADMSG, "the monitor asked for hooks that are not due");
	else if (hooks_start(&c->hooks, OCI_HOOK_CREATE_RUNTIME, &state, &c->hook, &c->hook_answer,
			     &c->failure) < 0)
		return;
}

/* A monitor that has ended meanwhile is heard of by its end. */
static void end_runtime_hooks(struct container *c)
{
	if (hooks_answer(&c->hook_answer, &c->failure) < 0 || c->control < 0)
		return;
	int rc = wire_send(c->control, WIRE_HOOKS, NULL, 0);
	if (rc == 0)
		rc = container_send_join(c, c->cgroup, NULL, &c->failure);
	else if (rc != -EPIPE && rc != -ECONNRESET)
		err_sys(&c->failure, -rc, "the monitor of container %s", c->id);
}

void container_run_poststop(struct container *c)
{
	if (!c->hooked)
		start_hooks(c, OCI_HOOK_POSTSTOP, "stopped");
	c->hooked = true;
}

/* 0 when it can be told to start. */
static int may_start(struct container *c, struct err *e)
{
	if (c->beside)
		return container_exec_ready(c, e);
	if (c->failure.code)
		return adopt_failure(c, e);
	if (c->state != CONTAINER_CREATED)
		return err_set(e, ERR_PEER, EBUSY, "container %s has %s already", c->id,
			       c->state == CONTAINER_STOPPED ? "ended" : "been started");
	if (!c->built) {
		if (!c->deadline_ms)
			container_set_deadline(c, BUILD_MS);
		return container_is_late(c) ? err_set(e, ERR_HOST, ETIMEDOUT,
						      "the monitor of container %s says nothing",
						      c->id)
					    : -EINPROGRESS;
	}
	return 0;
}

int container_start(struct container *c, struct err *e)
{
	if (c->starting)
		return started(c);
	int rc = may_start(c, e);
	if (rc < 0)
		return rc;
	rc = wire_send(c->control, WIRE_START, NULL, 0);
	if (rc == -EPIPE)
		return err_set(e, ERR_PEER, ESRCH, "container %s has ended before it was started",
			       c->id);
	if (rc < 0)
		return err_sys(e, -rc, "starting container %s", c->id);
	c->state = CONTAINER_RUNNING;
	streams_started(&c->streams);
	start_hooks(c, OCI_HOOK_POSTSTART, "running");
	c->starting = true;
	return started(c);
}

static int send_signal(const struct container *c, int signo)
{
	if (c->state <= CONTAINER_CREATED || !monitor_signal_is_own(signo))
		return kill(c->pid, signo);
	return sigqueue(c->pid, MONITOR_SIGNAL_CARRIER, (union sigval){.sival_int = signo});
}

int container_kill(struct container *c, int signo, struct err *e)
{
	if (c->state == CONTAINER_STOPPED)
		return err_set(e, ERR_PEER, ENOENT, "container %s has ended", c->id);
	if (c->pid <= 0)
		return err_set(e, ERR_PEER, EBUSY, "process %s of container %s has not been started", c->exec_id,
			       c->id);
	if (signo < 1 || signo > 64)
		return err_set(e, ERR_PEER, EINVAL, "%d is no signal", signo);
	/* A process that has ended and is not reaped yet takes signals without effect. */
	if (send_signal(c, signo) < 0)
		return err_sys(e, errno, "signal %d to container %s", signo, c->id);
	if (signo == SIGKILL && c->state == CONTAINER_PAUSED) {
		/* In cgroup version 1 a frozen process does not even die. */
		int rc = cgroup_freeze(c->cgroup, false, e);
		if (rc < 0)
			return rc;
		c->state = CONTAINER_RUNNING;
	}
	return 0;
}

int container_pause(struct container *c, struct err *e)
{
	if (c->state != CONTAINER_RUNNING)
		return err_set(e, ERR_PEER, EBUSY, "container %s is not running", c->id);
	int rc = cgroup_freeze(c->cgroup, true, e);
	if (rc == 0) {
		c->state = CONTAINER_PAUSED;
		return 0;
	}
	/* Half frozen is worse than not at all. */
	if (cgroup_freeze(c->cgroup, false, NULL) < 0)
		return rc;
	return rc;
}

int container_resume(struct container *c, struct err *e)
{
	if (c->state != CONTAINER_PAUSED)
		return err_set(e, ERR_PEER, EBUSY, "container %s is not paused", c->id);
	int rc = cgroup_freeze(c->cgroup, false, e);
	if (rc == 0)
		c->state = CONTAINER_RUNNING;
	return rc;
}

int container_update(struct container *c, const char *resources, size_t len, struct err *e)
{
	if (c->state == CONTAINER_STOPPED)
		return err_set(e, ERR_PEER, EBUSY, "container %s has ended", c->id);
	cleanup_spec struct oci_spec spec = {0};
	int rc = oci_resources_parse(resources, len, &spec, e);
	return rc < 0 ? rc : cgroup_update(c->cgroup, &spec.resources, e);
}

int container_resize(struct container *c, uint32_t width, uint32_t height, struct err *e)
{
	if (!c->streams.terminal || c->state == CONTAINER_STOPPED)
		return 0;
	if (width > UINT16_MAX || height > UINT16_MAX)
		return err_set(e, ERR_PEER, EINVAL, "a terminal of %u by %u", width, height);
	int rc = terminal_resize(c->streams.terminal, (uint16_t)width, (uint16_t)height);
	return rc < 0 && rc != -ENOENT
		       ? err_sys(e, -rc, "resizing the terminal of container %s", c->id)
		       : 0;
}

int container_close_stdin(struct container *c)
{
	streams_close_stdin(&c->streams);
	return 0;
}

/*
 * A client that hears of the end stops opening FIFOs, and loses what it has not begun to read: on a
 * busy machine ctr does (1 of 600). So the end waits, for a bounded time, until all is read.
 */
static void tell_end(struct container *c)
{
	struct itimerspec wait = {.it_value = {.tv_nsec = (long)c->drain_ns}};
	bool late = c->drain_ns > DRAIN_NS_MAX || c->timer < 0;
	if (late || !streams_unread(&c->streams) ||
	    timerfd_settime(c->timer, 0, &wait, NULL) < 0) {
		c->drain_ns = 0;
		c->exit_due = true;
		return;
	}
	c->drain_ns *= 2;
}

void container_set_ended(struct container *c, uint32_t exit_status, struct timespec at)
{
	c->exit_status = exit_status;
	c->exited_at = at;
	c->state = CONTAINER_STOPPED;
	c->oom |= c->cgroup && cgroup_take_oom(c->cgroup);
	if (c->streams.terminal)
		terminal_pump(c->streams.terminal);
	c->drain_ns = DRAIN_NS_FIRST;
	tell_end(c);
}

static void close_control(struct container *c)
{
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
}

/* What a monitor says before it runs: that it is a step further, or why not. */
static void hear_of_creation(struct container *c)
{
	enum wire_type due = c->state == CONTAINER_CREATING ? WIRE_READY : WIRE_BUILT, got = due;
	if (launch_expect(c->control, &got, &c->failure) < 0) {
		close_control(c);
		/* Killed while it was building: its exit status tells. */
		if (due == WIRE_BUILT && c->failure.code == ESRCH)
			c->failure = (struct err){0};
	} else if (got == WIRE_HOOKS)
		start_runtime_hooks(c);
	else if (due == WIRE_BUILT)
		c->built = true;
	else
		c->state = CONTAINER_CREATED;
}

/* The monitor's last word. Whatever else it may say means nothing: its process tells the rest. */
static void hear(struct container *c)
{
	cleanup_buf struct buf body = {.cap = 4096};
	enum wire_type type;
	int rc = wire_receive(c->control, 0, &type, &body);
	close_control(c);
	if (rc < 0 || type != WIRE_EXIT || body.len != sizeof(uint32_t))
		return;
	uint32_t status;
	memcpy(&status, body.data, sizeof(status));
	/* Ended is ended, also if the guest had got hold of the monitor. */
	if (!c->reaped)
		kill(c->pid, SIGKILL);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	container_set_ended(c, status & 255, now);
}

bool container_reaped(struct container *c, int pid, int wait_status, struct timespec at)
{
	if (pid > 0 && pid == c->hook) {
		c->hook = 0;
		if (c->hook_answer >= 0)
			end_runtime_hooks(c);
		return true;
	}
	if (pid > 0 && pid == c->streams.logger) {
		c->streams.logger = 0;
		return true;
	}
	if (pid != c->pid || c->reaped || (!WIFEXITED(wait_status) && !WIFSIGNALED(wait_status)))
		return false;
	c->reaped = true;
	bool told = c->state == CONTAINER_STOPPED;
	if (c->control >= 0 && is_being_made(c))
		hear_of_creation(c);
	if (c->state == CONTAINER_CREATING)
		return true; /* container_created, of a process beside one container_start, tells of it */
	if (c->control >= 0 && c->state != CONTAINER_CREATED && c->state != CONTAINER_STOPPED)
		hear(c);
	close_control(c);
	if (c->state != CONTAINER_STOPPED)
		container_set_ended(c,
				    WIFEXITED(wait_status) ? (uint32_t)WEXITSTATUS(wait_status)
							   : 128 + (uint32_t)WTERMSIG(wait_status),
				    at);
	/* Nobody waits for this now; what does not work is Delete's to report. */
	if (told && c->rootfs_mounted && mounts_detach(c->rootfs, NULL) == 0)
		c->rootfs_mounted = false;
	return true;
}

bool container_take_exit(struct container *c)
{
	bool due = c->exit_due;
	c->exit_due = false;
	return due;
}

size_t container_watches(const struct container *c, struct container_watch *out, size_t room)
{
	size_t n = 0;
	bool runs = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;
	if ((runs || is_being_made(c)) && c->control >= 0 && n < room)
		out[n++] = (struct container_watch){.fd = c->control, .events = EPOLLIN};
	/* Once it has ended, its cgroup's removal would be a notification as well. */
	if (c->state != CONTAINER_STOPPED && c->cgroup && cgroup_oom_fd(c->cgroup) >= 0 && n < room)
		out[n++] =
			(struct container_watch){.fd = cgroup_oom_fd(c->cgroup), .events = EPOLLIN};
	if (c->streams.logger_ready >= 0 && n < room)
		out[n++] =
			(struct container_watch){.fd = c->streams.logger_ready, .events = EPOLLIN};
	if (c->timer >= 0 && n < room)
		out[n++] = (struct container_watch){.fd = c->timer, .events = EPOLLIN};
	if (c->streams.stdin_timer >= 0 && n < room)
		out[n++] =
			(struct container_watch){.fd = c->streams.stdin_timer, .events = EPOLLIN};
	if (c->streams.terminal)
		n += terminal_watches(c->streams.terminal, out + n, room - n);
	return n;
}

void container_ready(struct container *c, int fd, uint32_t events)
{
	(void)events;
	uint64_t expirations;
	if (fd == c->timer && read(fd, &expirations, sizeof(expirations)) < 0)
		return;
	if (fd == c->control && is_being_made(c))
		hear_of_creation(c);
	else if (fd == c->control &&
		 (c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED))
		hear(c);
	else if (c->cgroup && fd == cgroup_oom_fd(c->cgroup))
		c->oom |= cgroup_take_oom(c->cgroup);
	else if (fd == c->timer && c->drain_ns)
		tell_end(c);
	else if (fd == c->streams.logger_ready)
		streams_logger_is_ready(&c->streams);
	else if (fd == c->streams.stdin_timer)
		streams_close_stdin(&c->streams);
	else if (c->streams.terminal)
		terminal_pump(c->streams.terminal);
}

bool container_take_oom(struct container *c)
{
	bool oom = c->oom;
	c->oom = false;
	return oom;
}

int container_stats(const struct container *c, struct container_stats *out, struct err *e)
{
	return cgroup_stats(c->cgroup, out, e);
}

const char *container_id(const struct container *c)
{
	return c->id;
}

const char *container_exec_id(const struct container *c)
{
	return c->exec_id ? c->exec_id : "";
}

const char *container_bundle(const struct container *c)
{
	return c->bundle;
}

int container_pid(const struct container *c)
{
	return c->pid;
}

enum container_state container_state(const struct container *c)
{
	return c->state;
}

uint32_t container_exit_status(const struct container *c)
{
	return c->exit_status;
}

struct timespec container_exited_at(const struct container *c)
{
	return c->exited_at;
}

const char *container_stdin(const struct container *c)
{
	return c->paths[0];
}

const char *container_stdout(const struct container *c)
{
	return c->paths[1];
}

const char *container_stderr(const struct container *c)
{
	return c->paths[2];
}

bool container_terminal(const struct container *c)
{
	return c->terminal;
}
