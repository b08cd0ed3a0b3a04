/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create, Start, Wait and Delete. They take time, so their requests are noted in the task, and
 * answered by task_advance when the process has come that far.
 */
#include "shim/task.h"

#include "proto/bootstrap.pb-c.h"
#include "proto/events.pb-c.h"
#include "proto/task.pb-c.h"
#include "shim/message.h"
#include "shim/status.h"
#include "shim/waiter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { ROOTFS_MAX = 64, OPTIONS_MAX = 512 };

/* --- calls that wait --- */

static void answer_waiters(struct task *t)
{
	const struct process *p = t->process;
	Types__Timestamp at = status_timestamp(process_exited_at(p));
	Task__WaitResponse response = TASK__WAIT_RESPONSE__INIT;
	response.exit_status = process_exit_status(p);
	response.exited_at = &at;
	waiter_answer_all(take_ptr(t->waiters), &response.base, NULL);
}

/* --- events --- */

static void publish_create(struct shim *shim, const Task__CreateTaskRequest *r, pid_t pid)
{
	Events__TaskIO io = EVENTS__TASK_IO__INIT;
	io.stdin = r->stdin;
	io.stdout = r->stdout;
	io.stderr = r->stderr;
	io.terminal = r->terminal;
	Events__TaskCreate event = EVENTS__TASK_CREATE__INIT;
	event.container_id = r->id;
	event.bundle = r->bundle;
	event.n_rootfs = r->n_rootfs;
	event.rootfs = r->rootfs;
	event.io = &io;
	event.pid = (uint32_t)pid;
	events_publish(&shim->events, "/tasks/create", "containerd.events.TaskCreate", &event.base);
}

static void publish_start(const struct task *t)
{
	Events__TaskStart event = EVENTS__TASK_START__INIT;
	event.container_id = status_text(container_id(t->container));
	event.pid = (uint32_t)process_pid(t->process);
	events_publish(&t->shim->events, "/tasks/start", "containerd.events.TaskStart",
		       &event.base);
}

static void publish_exec_started(const struct task *t)
{
	Events__TaskExecStarted event = EVENTS__TASK_EXEC_STARTED__INIT;
	event.container_id = status_text(container_id(t->container));
	event.exec_id = status_text(process_exec_id(t->process));
	event.pid = (uint32_t)process_pid(t->process);
	events_publish(&t->shim->events, "/tasks/exec-started", "containerd.events.TaskExecStarted",
		       &event.base);
}

static void publish_oom(const struct task *t)
{
	Events__TaskNamed event = EVENTS__TASK_NAMED__INIT;
	event.container_id = status_text(container_id(t->container));
	events_publish(&t->shim->events, "/tasks/oom", "containerd.events.TaskOOM", &event.base);
}

static void publish_exit(const struct task *t)
{
	const struct process *p = t->process;
	Types__Timestamp at = status_timestamp(process_exited_at(p));
	Events__TaskExit event = EVENTS__TASK_EXIT__INIT;
	event.container_id = status_text(container_id(t->container));
	event.id = status_text(t->of ? process_exec_id(p) : container_id(t->container));
	event.pid = (uint32_t)process_pid(p);
	event.exit_status = process_exit_status(p);
	event.exited_at = &at;
	events_publish(&t->shim->events, "/tasks/exit", "containerd.events.TaskExit", &event.base);
}

/* --- Create --- */

/* True if it may be created; else it is answered. */
static bool may_create(struct shim *shim, struct ttrpc_call *call, const Task__CreateTaskRequest *r)
{
	struct err e = {0};
	if (shim->ending)
		ttrpc_fail(call, TTRPC_UNAVAILABLE, "the shim is about to end");
	else if (!task_valid_id(r->id))
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "invalid container id '%.100s'", r->id);
	else if (task_find(shim, r->id, ""))
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "container %s: already exists", r->id);
	else if (r->bundle[0] != '/')
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "container %s: bundle '%.100s' must be an absolute path", r->id,
			   r->bundle);
	else if (r->checkpoint[0] != '\0')
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "container %s: Mote cannot restore a checkpoint", r->id);
	else if (sandbox_event(&shim->sandbox, SANDBOX_ADD, &e) < 0)
		status_fail(call, &e);
	else
		return true;
	return false;
}

/* Options of other shims come here, too, and are not an error. */
static void note_options(const Task__CreateTaskRequest *r)
{
	if (!r->options || strcmp(r->options->type_url, "runtimeoptions.v1.Options") != 0)
		return;
	cleanup_message ProtobufCMessage *m = message_decode(
		&bootstrap__options__descriptor, r->options->value.data, r->options->value.len);
	const Bootstrap__Options *o = (const Bootstrap__Options *)m;
	if (!o || o->config_path[0] || o->config_body.len)
		fprintf(stderr,
			"mote: container %s: runtime options have no effect: Mote has no "
			"configuration\n",
			r->id);
}

/* The request's mounts in the runtime's terms. 0, or -E2BIG. */
static int mounts_of(const Task__CreateTaskRequest *r, struct container_mount *mounts,
		     const char **options)
{
	size_t used = 0;
	if (r->n_rootfs > ROOTFS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < r->n_rootfs; i++) {
		const Types__Mount *m = r->rootfs[i];
		if (m->n_options >= OPTIONS_MAX - used)
			return -E2BIG;
		mounts[i] = (struct container_mount){
			.type = m->type,
			.source = m->source,
			.target = m->target,
			.options = options + used,
		};
		for (size_t k = 0; k < m->n_options; k++)
			options[used++] = m->options[k];
		options[used++] = NULL;
	}
	return 0;
}

static void on_changed(void *task)
{
	task_advance(task);
}

struct supervisor task_supervisor(struct task *t)
{
	return (struct supervisor){.loop = &t->shim->loop, .changed = on_changed, .arg = t};
}

static int create(struct task *t, const Task__CreateTaskRequest *r,
		  const struct container_mount *mounts, struct err *e)
{
	const struct shim *shim = t->shim;
	const struct container_config config = {
		.id = r->id,
		.bundle = r->bundle,
		.containerd_namespace = shim->containerd_namespace,
		.stdio = {.stdin_path = r->stdin,
			  .stdout_path = r->stdout,
			  .stderr_path = r->stderr,
			  .terminal = r->terminal},
		.supervisor = task_supervisor(t),
		.rootfs = mounts,
		.rootfs_count = r->n_rootfs,
		.debug = shim->debug,
		.pod = shim->sandbox.pod,
		.containerd = shim->containerd,
		.cache = shim->cache,
		.isolation = shim->isolation,
		.shared_pids = shim->shared_pids,
		.oci_runtime = shim->oci_runtime,
	};
	t->request = message_copy(&r->base);
	if (!t->request)
		return err_sys(e, ENOMEM, "Create");
	int rc = container_create(&config, &t->container, e);
	if (rc == 0)
		t->process = container_process(t->container);
	return rc;
}

void task_handle_create(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__CreateTaskRequest *r = (const void *)request;
	struct container_mount mounts[ROOTFS_MAX];
	const char *options[OPTIONS_MAX];
	if (!may_create(shim, call, r))
		return;
	note_options(r);
	if (mounts_of(r, mounts, options) < 0) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "container %.100s: too many mounts or options", r->id);
		return;
	}
	struct err e = {0};
	struct task *t = task_new(shim, call);
	if (!t)
		return;
	if (create(t, r, mounts, &e) < 0) {
		message_free(t->request);
		free(t);
		status_fail(call, &e);
		return;
	}
	t->creator = call;
	task_add(t);
	task_advance(t);
}

/*
 * Frees the task, whose process is gone. Whoever waits for one that never ran has nothing to wait
 * for.
 */
static void forget(struct task *t)
{
	const struct err gone = {
		.blame = ERR_PEER,
		.code = ENOENT,
		.text = "the process was deleted before it ran",
	};
	waiter_answer_all(t->waiters, NULL, &gone);
	task_remove(t);
	/* Nobody is left who could ask for the end: containerd 1.6 gives up a Create without. */
	bool alone = t->given_up || t->shim->server.conns == 0;
	if (alone && shim_is_idle(t->shim))
		shim_end(t->shim);
	message_free(t->request);
	free(t);
}

/* Answers Create if it can be answered. False: the task is gone. */
static bool advance_create(struct task *t)
{
	const Task__CreateTaskRequest *r = (const void *)t->request;
	struct ttrpc_call *call = t->creator;
	struct err e = {0};
	int rc = container_created(t->container, &e);
	if (rc == -EINPROGRESS)
		return true;
	if (rc < 0) {
		struct waiter *postponed = take_ptr(t->postponed);
		forget(t);
		status_fail(call, &e);
		waiter_resume_all(postponed);
		return false;
	}
	Task__CreateTaskResponse response = TASK__CREATE_TASK_RESPONSE__INIT;
	response.pid = (uint32_t)process_pid(t->process);
	publish_create(t->shim, r, process_pid(t->process));
	t->creator = NULL;
	message_free(take_ptr(t->request));
	ttrpc_reply(call, &response.base);
	return true;
}

/* --- Start --- */

void task_handle_start(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__ProcessRequest *r = (const void *)request;
	const struct task *of = task_find(shim, r->id, "");
	if (of && r->exec_id[0] != '\0' && process_status(of->process) == PROCESS_STATUS_STOPPED) {
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION,
			   "container %.100s: has ended, no process starts in it", r->id);
		return;
	}
	struct task *t = task_find_or_fail(shim, call, r->id, r->exec_id);
	if (!t)
		return;
	if (t->starter) {
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION,
			   "container %.100s: is being started already", r->id);
		return;
	}
	t->starter = call;
	task_advance(t);
}

/* Answers Start if it can be answered. */
static void advance_start(struct task *t)
{
	struct err e = {0};
	int rc = t->of ? process_start(t->process, &e) : container_start(t->container, &e);
	if (rc == -EINPROGRESS)
		return;
	struct ttrpc_call *call = take_ptr(t->starter);
	if (rc < 0) {
		status_fail(call, &e);
		return;
	}
	t->started = true;
	if (t->of)
		publish_exec_started(t);
	else
		publish_start(t);
	Task__StartResponse response = TASK__START_RESPONSE__INIT;
	response.pid = (uint32_t)process_pid(t->process);
	ttrpc_reply(call, &response.base);
}

/* --- the end --- */

void task_handle_wait(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	waiter_drop_abandoned(&t->waiters);
	if (waiter_add(&t->waiters, call) && process_status(t->process) == PROCESS_STATUS_STOPPED)
		answer_waiters(t);
}

/*
 * Kills the processes that Exec added to t's container: their exits come before its own. True when
 * all have been reported.
 */
static bool end_execs(const struct task *t)
{
	bool all = true;
	for (struct task *x = NULL; (x = task_next_exec(t, x));) {
		enum process_status status = process_status(x->process);
		bool never_started = status == PROCESS_STATUS_CREATED && !x->starter;
		if (never_started || process_exit_is_taken(x->process))
			continue;
		all = false;
		struct err e;
		/* One that cannot be killed ends with its PID namespace. */
		if (status != PROCESS_STATUS_STOPPED)
			(void)!process_kill(x->process, SIGKILL, &e);
	}
	return all;
}

/* Those who wait are answered before anything else is done. */
static void report_exit(struct task *t)
{
	answer_waiters(t);
	if (t->of && !t->started)
		return;
	if (!t->of && container_take_oom(t->container))
		publish_oom(t);
	publish_exit(t);
}

/* True if the end has now been reported, which comes after the answers to Create and Start. */
static bool advance_exit(struct task *t)
{
	if (t->creator || t->starter || process_status(t->process) != PROCESS_STATUS_STOPPED ||
	    process_exit_is_taken(t->process))
		return false;
	if (!t->of && !end_execs(t))
		return false;
	if (!process_take_exit(t->process))
		return false;
	report_exit(t);
	return true;
}

/* --- Delete --- */

/* Many may ask at once, as a client that timed out does: all of them get the same answer. */
void task_handle_delete(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (t && waiter_add(&t->deleters, call))
		task_advance(t);
}

/* What Delete answers, kept from a task that is gone then. */
struct deleted {
	pid_t pid;
	uint32_t exit_status;
	struct timespec exited_at;
};

static void answer_deleted(struct waiter *deleters, const struct deleted *d)
{
	Types__Timestamp at = status_timestamp(d->exited_at);
	Task__DeleteResponse response = TASK__DELETE_RESPONSE__INIT;
	response.pid = (uint32_t)d->pid;
	response.exit_status = d->exit_status;
	response.exited_at = &at;
	waiter_answer_all(deleters, &response.base, NULL);
}

static struct deleted describe(const struct process *p)
{
	return (struct deleted){
		.pid = process_pid(p),
		.exit_status = process_exit_status(p),
		.exited_at = process_exited_at(p),
	};
}

/* 0: the task is gone, and all that asked for it have been answered. -EINPROGRESS. */
static int delete_exec(struct task *t, struct err *e)
{
	const struct deleted d = describe(t->process);
	int rc = process_delete(t->process, e);
	if (rc < 0)
		return rc;
	struct waiter *deleters = take_ptr(t->deleters);
	forget(t);
	answer_deleted(deleters, &d);
	return 0;
}

/* One that was created and never started: its deletion ends it. -EINPROGRESS until it has ended. */
static int end_created(const struct task *t, struct err *e)
{
	if (t->starter || process_status(t->process) != PROCESS_STATUS_CREATED)
		return 0;
	int rc = process_kill(t->process, SIGKILL, e);
	if (rc == 0 || rc == -ENOENT)
		return -EINPROGRESS;
	return rc;
}

/* All of them are taken apart at the same time. 0: none is left. */
static int delete_execs(const struct task *t, struct err *e)
{
	int first = 0;
	for (struct task *x = task_next_exec(t, NULL), *next; x; x = next) {
		next = task_next_exec(t, x);
		int rc = delete_exec(x, e);
		if (rc < 0 && (first == 0 || first == -EINPROGRESS))
			first = rc;
	}
	return first;
}

static int delete_container(struct task *t, struct err *e)
{
	struct shim *shim = t->shim;
	const struct deleted d = describe(t->process);
	cleanup_free char *id = strdup(container_id(t->container));
	if (!id)
		return err_sys(e, ENOMEM, "Delete");
	int rc = end_created(t, e);
	if (rc == 0)
		rc = delete_execs(t, e);
	if (rc == 0)
		rc = container_delete(t->container, e);
	if (rc < 0)
		return rc;
	struct waiter *deleters = take_ptr(t->deleters);
	Types__Timestamp at = status_timestamp(d.exited_at);
	Events__TaskDelete event = EVENTS__TASK_DELETE__INIT;
	event.container_id = id;
	event.pid = (uint32_t)d.pid;
	event.exit_status = d.exit_status;
	event.exited_at = &at;
	events_publish(&shim->events, "/tasks/delete", "containerd.events.TaskDelete", &event.base);
	forget(t);
	answer_deleted(deleters, &d);
	return 0;
}

/* Answers Delete if it can be answered. The task may be gone then. */
static void advance_delete(struct task *t)
{
	struct err e = {0};
	int rc = t->of ? delete_exec(t, &e) : delete_container(t, &e);
	if (rc < 0 && rc != -EINPROGRESS)
		waiter_answer_all(take_ptr(t->deleters), NULL, &e);
}

/* --- all of it --- */

/* The task may be gone then. */
static void advance(struct task *t)
{
	struct task *of = t->of;
	if (t->creator && !advance_create(t))
		return;
	/* Only now may others ask anything of it: none is here that could delete it before. */
	struct waiter *postponed = t->creator ? NULL : take_ptr(t->postponed);
	if (t->starter)
		advance_start(t);
	bool reported = advance_exit(t);
	if (!of && container_take_oom(t->container))
		publish_oom(t);
	if (t->deleters)
		advance_delete(t);
	/* The container's own task may wait for this. */
	if (of && (reported || of->deleters))
		advance(of);
	waiter_resume_all(postponed);
}

void task_advance(struct task *t)
{
	struct shim *shim = t->shim;
	advance(t);
	sandbox_advance(shim);
}

void task_reap(struct shim *shim)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		struct task *t = shim->tasks;
		while (t && (t->of || !container_reaped(t->container, pid, status, now)))
			t = t->next;
	}
}
