/* SPDX-License-Identifier: Apache-2.0 */
/* A process from its launch to the report of its exit. */
#include "runtime/process.h"

#include "base/time.h"
#include "runtime/launch.h"
#include "runtime/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define BUILD_MS         120000   /* a monitor that says nothing for so long is stuck */
#define MESSAGE_REST_MS  1000     /* of a message that has begun to arrive */
#define DRAIN_NS_FIRST   125000UL /* doubled each time, up to the next */
#define DRAIN_NS_LONGEST 256000000UL
#define DRAIN_NS         512000000UL  /* for a client that may have gone */
#define DRAIN_NS_CLIENT  5000000000UL /* for one that has the FIFOs open, or is slow to open them */

/* --- states --- */

static const struct {
	enum process_state from, last; /* a range of states */
	enum process_event event;
	enum process_state to;
} transitions[] = {
	{PROCESS_NEW, PROCESS_NEW, EV_LAUNCHED, PROCESS_SETTING_UP},
	{PROCESS_SETTING_UP, PROCESS_SETTING_UP, EV_READY, PROCESS_BUILDING},
	{PROCESS_BUILDING, PROCESS_BUILDING, EV_BUILT, PROCESS_BUILT},
	{PROCESS_BUILT, PROCESS_BUILT, EV_STARTED, PROCESS_RUNNING},
	{PROCESS_NEW, PROCESS_RUNNING, EV_ENDED, PROCESS_DRAINING},
	{PROCESS_DRAINING, PROCESS_DRAINING, EV_DRAINED, PROCESS_EXITED},
	{PROCESS_EXITED, PROCESS_EXITED, EV_REPORTED, PROCESS_REPORTED},
	{PROCESS_NEW, PROCESS_BUILT, EV_TEARDOWN, PROCESS_AWAIT_MONITOR},
	{PROCESS_EXITED, PROCESS_REPORTED, EV_TEARDOWN, PROCESS_AWAIT_MONITOR},
	{PROCESS_AWAIT_MONITOR, PROCESS_AWAIT_MONITOR, EV_STUCK, PROCESS_REPORTED},
	{PROCESS_AWAIT_MONITOR, PROCESS_AWAIT_MONITOR, EV_STEP, PROCESS_AWAIT_TERMINAL},
	{PROCESS_AWAIT_TERMINAL, PROCESS_AWAIT_TERMINAL, EV_STEP, PROCESS_AWAIT_LOGGER},
	{PROCESS_AWAIT_LOGGER, PROCESS_AWAIT_LOGGER, EV_STEP, PROCESS_TERM_LOGGER},
	{PROCESS_TERM_LOGGER, PROCESS_TERM_LOGGER, EV_STEP, PROCESS_TORN_DOWN},
};

bool process_event(struct process *p, enum process_event event)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].event != event || p->state < transitions[i].from ||
		    p->state > transitions[i].last)
			continue;
		p->state = transitions[i].to;
		return true;
	}
	return false;
}

/* --- making and releasing --- */

static void on_timer(void *arg, uint32_t events);

static int copy_names(struct process *p, const char *container_id, const char *exec_id,
		      const struct stdio_config *stdio)
{
	int n = *exec_id ? asprintf(&p->name, "process %s of container %s", exec_id, container_id)
			 : asprintf(&p->name, "container %s", container_id);
	if (n < 0)
		p->name = NULL;
	p->exec_id = strdup(exec_id);
	p->stdio = (struct stdio_config){
		.stdin_path = strdup(stdio->stdin_path),
		.stdout_path = strdup(stdio->stdout_path),
		.stderr_path = strdup(stdio->stderr_path),
		.terminal = stdio->terminal,
	};
	bool all = p->name && p->exec_id && p->stdio.stdin_path && p->stdio.stdout_path &&
		   p->stdio.stderr_path;
	if (all)
		return 0;
	return -ENOMEM;
}

int process_init(struct process *p, struct container *c, const char *container_id,
		 const char *exec_id, const struct stdio_config *stdio,
		 const struct supervisor *supervisor, struct err *e)
{
	*p = (struct process){
		.container = c,
		.supervisor = *supervisor,
		.state = *exec_id ? PROCESS_NEW : PROCESS_SETTING_UP,
		.pidfd = -1,
		.control = -1,
		.binding = -1,
		.console = -1,
		.streams = STREAMS_EMPTY,
		.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	};
	if (p->timer < 0)
		return err_sys(e, errno, "a timer");
	int rc = loop_add(supervisor->loop, &p->timer_source, p->timer, EPOLLIN, on_timer, p);
	if (rc < 0)
		return err_sys(e, -rc, "watching a timer");
	rc = copy_names(p, container_id, exec_id, stdio);
	if (rc < 0)
		return err_sys(e, -rc, "container %s", container_id);
	return 0;
}

static void end_binding(struct process *p)
{
	loop_remove(&p->binding_source);
	close_fd(&p->binding);
}

static void close_control(struct process *p)
{
	end_binding(p);
	loop_remove(&p->control_source);
	close_fd(&p->control);
}

void process_fini(struct process *p)
{
	close_control(p);
	loop_remove(&p->console_source);
	close_fd(&p->console);
	loop_remove(&p->timer_source);
	close_fd(&p->timer);
	close_fd(&p->pidfd);
	streams_close(&p->streams);
	oci_spec_free(&p->spec);
	free((char *)(uintptr_t)p->stdio.stdin_path);
	free((char *)(uintptr_t)p->stdio.stdout_path);
	free((char *)(uintptr_t)p->stdio.stderr_path);
	free(p->containerd_namespace);
	free(p->exec_id);
	free(p->name);
}

/* --- deadlines --- */

void process_set_deadline(struct process *p, int64_t ms)
{
	/* One millisecond later, so that it has passed when the timer expires. */
	const struct itimerspec when = {
		.it_value = {.tv_sec = (ms + 1) / 1000, .tv_nsec = (ms + 1) % 1000 * 1000000},
	};
	p->deadline_ms = time_monotonic_ms() + ms;
	/* It only fails for a time that is none. */
	(void)!timerfd_settime(p->timer, 0, &when, NULL);
}

bool process_is_late(const struct process *p)
{
	return time_monotonic_ms() >= p->deadline_ms;
}

static void end_draining(struct process *p)
{
	streams_end_offer(&p->streams);
	process_event(p, EV_DRAINED);
}

/* Another interval, unless all is read, or it has been waited long enough. */
static void drain(struct process *p)
{
	const uint64_t limit = streams_expect_reader(&p->streams) ? DRAIN_NS_CLIENT : DRAIN_NS;
	const bool over = p->drained_ns >= limit || !streams_unread(&p->streams);
	uint64_t ns = p->drained_ns;
	if (ns < DRAIN_NS_FIRST)
		ns = DRAIN_NS_FIRST;
	if (ns > DRAIN_NS_LONGEST)
		ns = DRAIN_NS_LONGEST;
	const struct itimerspec wait = {.it_value = {.tv_nsec = (long)ns}};
	if (over || timerfd_settime(p->timer, 0, &wait, NULL) < 0)
		end_draining(p);
	else
		p->drained_ns += ns;
}

/*
 * A client that is notified of the end stops opening FIFOs, and loses what it has not begun to
 * read: on a busy machine ctr does, which opens them in threads (1 of 600). So the report waits,
 * for a bounded time, until all is read.
 */
static void begin_draining(struct process *p)
{
	p->drained_ns = 0;
	if (!streams_unread(&p->streams)) {
		process_event(p, EV_DRAINED);
		return;
	}
	streams_offer(&p->streams);
	drain(p);
}

static void on_timer(void *arg, uint32_t events)
{
	struct process *p = arg;
	uint64_t expirations;
	(void)events;
	if (read(p->timer, &expirations, sizeof(expirations)) < 0)
		return;
	if (p->state == PROCESS_DRAINING)
		drain(p);
	p->supervisor.changed(p->supervisor.arg);
}

/* --- launching --- */

int process_open_streams(struct process *p, const char *container_id,
			 const char *containerd_namespace, uint16_t width, uint16_t height,
			 struct err *e)
{
	const struct streams_config config = {
		.container_id = container_id,
		.containerd_namespace = containerd_namespace,
		.stdio = &p->stdio,
		.own_pty = p->kind->has_own_pty,
		.width = width,
		.height = height,
	};
	int rc = streams_open(&config, &p->streams, e);
	if (rc < 0)
		return rc;
	if (p->stdin_closed)
		streams_close_stdin(&p->streams);
	rc = streams_watch(&p->streams, &p->supervisor);
	if (rc < 0)
		return err_sys(e, -rc, "watching the streams of %s", p->name);
	return 0;
}

static void on_control(void *arg, uint32_t events);

static int watch_control(struct process *p)
{
	return loop_add(p->supervisor.loop, &p->control_source, p->control, EPOLLIN, on_control, p);
}

int process_launch(struct process *p, const char *container_id, const struct process_place *place,
		   struct err *e)
{
	cleanup_close int cgroup_fd = -1;
	if (cgroup_is_born_into(place->cgroup)) {
		cgroup_fd = cgroup_open_dir(place->cgroup, e);
		if (cgroup_fd < 0)
			return cgroup_fd;
	}
	const struct launch launch = {
		.id = container_id,
		.streams = p->streams.ends,
		.kvm_fd = place->kvm,
		.userns_fd = place->userns->fd,
		.cgroup_fd = cgroup_fd,
		.namespace_of = place->namespace_of,
	};
	struct launched launched;
	int rc = launch_monitor(&launch, &launched, e);
	streams_launched(&p->streams);
	if (rc < 0)
		return rc;
	p->pid = launched.pid;
	p->pidfd = launched.pidfd;
	p->control = launched.control;
	process_event(p, EV_LAUNCHED);
	rc = watch_control(p);
	if (rc < 0)
		return err_sys(e, -rc, "watching the monitor of %s", p->name);
	return 0;
}

/* The monitor has ended; its last message, if there is one, says why. */
static bool is_gone(int rc)
{
	return rc == -EPIPE || rc == -ECONNRESET;
}

int process_send_config(const struct process *p, const struct wire_config *w, struct err *e)
{
	cleanup_buf struct buf body = {.cap = WIRE_BODY_MAX};
	int rc = wire_encode(w, &body);
	if (rc == -E2BIG)
		return err_set(e, ERR_CONFIG, E2BIG, "config.json: more than %lu MiB of settings",
			       WIRE_BODY_MAX >> 20);
	if (rc == 0)
		rc = wire_send(p->control, WIRE_CONFIG, body.data, body.len);
	if (rc == 0 || is_gone(rc))
		return 0;
	return err_sys(e, -rc, "the configuration of the monitor of %s", p->name);
}

/*
 * Cgroup version 1: the monitor moves itself, by files that it could not open from its namespaces.
 */
int process_send_join(const struct process *p, const struct cgroup *cgroup, const int *namespaces,
		      struct err *e)
{
	int fds[CGROUP_HIERARCHIES_MAX + WIRE_NAMESPACE_FDS];
	size_t cgroups, count;
	int rc = cgroup_open_tasks(cgroup, fds, &cgroups, e);
	if (rc < 0)
		return rc;
	count = cgroups;
	for (size_t i = 0; namespaces && i < WIRE_NAMESPACE_FDS; i++)
		fds[count++] = namespaces[i];
	rc = wire_send_join(p->control, fds, count);
	while (cgroups)
		close(fds[--cgroups]);
	if (rc == 0 || is_gone(rc))
		return 0;
	return err_sys(e, -rc, "the monitor of %s", p->name);
}

/* --- messages of the monitor --- */

/* Before it runs: that it is a step further, or why not. */
static void read_progress(struct process *p, int timeout_ms)
{
	enum wire_type due = p->state == PROCESS_SETTING_UP ? WIRE_READY : WIRE_BUILT, got = due;
	if (launch_expect(p->control, timeout_ms, &got, &p->failure) < 0) {
		close_control(p);
		/* One that was killed while it built its VM: its wait status says so. */
		if (due == WIRE_BUILT && p->failure.code == ESRCH)
			p->failure = (struct err){0};
	} else if (got == WIRE_HOOKS) {
		p->hooks_due = true;
	} else {
		process_event(p, got == WIRE_READY ? EV_READY : EV_BUILT);
	}
}

static void read_exit(struct process *p, const struct buf *body)
{
	uint32_t status;
	memcpy(&status, body->data, sizeof(status));
	/* It ends, also if a guest has got hold of the monitor. */
	(void)!process_signal_vm(p, SIGKILL);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	process_set_ended(p, status & 255, now);
}

static void on_bound(void *arg, uint32_t events)
{
	struct process *p = arg;
	(void)events;
	const uint32_t code = process_bound(p->binding);
	end_binding(p);
	if (wire_answer(p->control, WIRE_BIND, code) < 0 || watch_control(p) < 0)
		close_control(p);
}

/* One at a time: a monitor waits for the answer. */
static int start_binding(struct process *p, const struct buf *body)
{
	if (p->binding >= 0)
		return -EBUSY;
	int done = process_bind(p, body);
	if (done < 0)
		return wire_answer(p->control, WIRE_BIND, (uint32_t)-done);
	p->binding = done;
	loop_remove(&p->control_source);
	return loop_add(p->supervisor.loop, &p->binding_source, p->binding, EPOLLIN, on_bound, p);
}

/* Anything but these means nothing: the end of the process says the rest. */
static void read_running(struct process *p)
{
	cleanup_buf struct buf body = {.cap = 4096};
	enum wire_type type;
	int rc = wire_receive(p->control, 0, &type, &body);
	const bool running = rc == 0 && p->state == PROCESS_RUNNING;
	if (running && type == WIRE_BIND && start_binding(p, &body) == 0)
		return;
	close_control(p);
	if (running && type == WIRE_EXIT && body.len == sizeof(uint32_t))
		read_exit(p, &body);
}

static void read_message(struct process *p, int timeout_ms)
{
	if (p->state == PROCESS_SETTING_UP || p->state == PROCESS_BUILDING)
		read_progress(p, timeout_ms);
	else
		read_running(p);
}

static void on_control(void *arg, uint32_t events)
{
	struct process *p = arg;
	(void)events;
	read_message(p, MESSAGE_REST_MS);
	p->supervisor.changed(p->supervisor.arg);
}

/* --- running and ending --- */

int process_signal_vm(const struct process *p, int signo)
{
	siginfo_t info = {
		.si_signo = MONITOR_SIGNAL_CARRIER,
		.si_code = SI_QUEUE,
		.si_pid = getpid(),
		.si_uid = getuid(),
	};
	info.si_value.sival_int = signo;
	/*
	 * Those that the monitor itself needs while the guest runs travel as the value of another.
	 */
	bool carried = p->state >= PROCESS_RUNNING && monitor_signal_is_own(signo);
	long rc = -1;
	if (p->pidfd < 0)
		return -ESRCH;
	if (carried)
		rc = syscall(SYS_pidfd_send_signal, p->pidfd, MONITOR_SIGNAL_CARRIER, &info, 0);
	else
		rc = syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0);
	if (rc < 0)
		return -errno;
	return 0;
}

int process_not_startable(const struct process *p, struct err *e)
{
	if (process_has_ended(p))
		return err_set(e, ERR_PEER, EBUSY, "%s has ended", p->name);
	return err_set(e, ERR_PEER, EBUSY, "%s has already been started", p->name);
}

/* 0 if it can be started. */
static int await_built(struct process *p, struct err *e)
{
	if (!p->failure.code && p->state > PROCESS_BUILT)
		return process_not_startable(p, e);
	bool ready = p->state == PROCESS_BUILT && p->streams.logger_ready < 0;
	if (!ready && !p->failure.code && !p->deadline_ms)
		process_set_deadline(p, BUILD_MS);
	if (!ready && !p->failure.code && process_is_late(p))
		err_set(&p->failure, ERR_HOST, ETIMEDOUT, "the monitor of %s does not answer",
			p->name);
	if (p->failure.code)
		return err_set(e, p->failure.blame, p->failure.code, "%s", p->failure.text);
	if (ready)
		return 0;
	return -EINPROGRESS;
}

int process_run_vm(struct process *p, struct err *e)
{
	int rc = await_built(p, e);
	if (rc < 0)
		return rc;
	streams_starting(&p->streams);
	rc = wire_send(p->control, WIRE_START, NULL, 0);
	if (rc == -EPIPE || rc == -EBADF)
		return err_set(e, ERR_PEER, ESRCH, "%s ended before it was started", p->name);
	if (rc < 0)
		return err_sys(e, -rc, "starting %s", p->name);
	p->deadline_ms = 0;
	process_event(p, EV_STARTED);
	return 0;
}

void process_set_ended(struct process *p, uint32_t exit_status, struct timespec at)
{
	if (!process_event(p, EV_ENDED))
		return;
	p->exit_status = exit_status;
	p->exited_at = at;
	if (p->streams.terminal)
		terminal_pump(p->streams.terminal);
	begin_draining(p);
}

uint32_t process_status_of(int wait_status)
{
	if (WIFEXITED(wait_status))
		return (uint32_t)WEXITSTATUS(wait_status);
	return 128 + (uint32_t)WTERMSIG(wait_status);
}

bool process_reaped(struct process *p, pid_t pid, int wait_status, struct timespec at)
{
	if (p->streams.logger > 0 && pid == p->streams.logger) {
		p->streams.logger = 0;
		return true;
	}
	if (p->pidfd < 0 || pid != p->pid || !(WIFEXITED(wait_status) || WIFSIGNALED(wait_status)))
		return false;
	close_fd(&p->pidfd);
	/* What it had sent before. */
	while (p->control >= 0)
		read_message(p, 0);
	/* One that was not ready has failed, which Create or Start reports. */
	if (p->state != PROCESS_SETTING_UP)
		process_set_ended(p, process_status_of(wait_status), at);
	return true;
}
