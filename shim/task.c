/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's task service, versions 2 and 3 (the same messages). Each method looks its task up, makes
 * one runtime call and answers; errors become ttrpc codes in one place.
 */
#include "shim/task.h"

#include "proto/bootstrap.pb-c.h"
#include "proto/events.pb-c.h"
#include "proto/task.pb-c.h"
#include "proto/types.pb-c.h"
#include "shim/message.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct waiter {
	struct waiter *next;
	struct ttrpc_call *call;
};

/* --- the edge: errors and times --- */

/* What is wrong with a request at this time. */
static enum ttrpc_code code_of_request(int code)
{
	switch (code) {
	case ENOENT:
	case ESRCH:
		return TTRPC_NOT_FOUND;
	case EEXIST:
		return TTRPC_ALREADY_EXISTS;
	case EBUSY:
		return TTRPC_FAILED_PRECONDITION;
	case ENOSYS:
		return TTRPC_UNIMPLEMENTED;
	default:
		return TTRPC_INVALID_ARGUMENT;
	}
}

/*
 * Only a request's own errors are NotFound or Unimplemented: to containerd these say that the task is gone
 * already, or that the shim speaks an older protocol. A file that is missing is neither.
 */
static enum ttrpc_code code_of(const struct err *e)
{
	switch (e->blame) {
	case ERR_PEER:
		return code_of_request(e->code);
	case ERR_CONFIG:
		return TTRPC_INVALID_ARGUMENT;
	case ERR_GUEST:
		return TTRPC_FAILED_PRECONDITION;
	case ERR_NONE:
	case ERR_HOST:
		break;
	}
	bool shortage = e->code == ENOMEM || e->code == ENOSPC || e->code == EMFILE || e->code == ENFILE;
	return shortage ? TTRPC_RESOURCE_EXHAUSTED : TTRPC_INTERNAL;
}

void task_fail(struct ttrpc_call *call, const struct err *e)
{
	ttrpc_fail(call, code_of(e), "%s", e->text);
}

static Types__Timestamp timestamp_of(struct timespec t)
{
	Types__Timestamp out = TYPES__TIMESTAMP__INIT;
	out.seconds = t.tv_sec;
	out.nanos = (int32_t)t.tv_nsec;
	return out;
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s; /* protobuf-c's members are not const; packing only reads them */
}

static void reply_empty(struct ttrpc_call *call)
{
	Types__Empty empty = TYPES__EMPTY__INIT;
	ttrpc_reply(call, &empty.base);
}

/* --- tasks --- */

struct task *task_find(struct shim *shim, const char *id, const char *exec_id)
{
	struct task *t = shim->tasks;
	while (t && (strcmp(container_id(t->container), id) != 0 ||
		     strcmp(container_exec_id(t->container), exec_id) != 0))
		t = t->next;
	return t;
}

static struct task *find(struct shim *shim, const char *id)
{
	return task_find(shim, id, "");
}

struct task *task_find_or_fail(struct shim *shim, struct ttrpc_call *call, const char *id, const char *exec_id)
{
	struct task *t = find(shim, id);
	if (!t)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "container %.100s: not found", id);
	else if (t->creator)
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "container %.100s: is still being created", id);
	if (!t || t->creator)
		return NULL;
	t = task_find(shim, id, exec_id);
	if (!t)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "container %.100s: process %.100s: not found", id, exec_id);
	return t;
}

static void on_watch(void *arg, uint32_t events);

static void watch_end(struct task_watch *w)
{
	loop_remove(&w->task->shim->loop, w->source);
	free(w);
}

/* Makes the loop watch what the container asks for now. */
static void sync_watches(struct task *t)
{
	struct container_watch wanted[TASK_WATCHES_MAX];
	size_t n = container_watches(t->container, wanted, TASK_WATCHES_MAX), kept = 0;
	for (size_t i = 0; i < t->watch_count; i++) {
		size_t k = 0;
		while (k < n && (wanted[k].fd != t->watches[i]->fd || wanted[k].events != t->watches[i]->events))
			k++;
		if (k == n)
			watch_end(t->watches[i]);
		else
			t->watches[kept++] = t->watches[i];
	}
	t->watch_count = kept;
	for (size_t k = 0; k < n; k++) {
		size_t i = 0;
		while (i < t->watch_count && t->watches[i]->fd != wanted[k].fd)
			i++;
		if (i < t->watch_count)
			continue;
		struct task_watch *w = malloc(sizeof(*w));
		if (!w)
			continue;
		*w = (struct task_watch){.task = t, .fd = wanted[k].fd, .events = wanted[k].events};
		w->source = loop_add(&t->shim->loop, w->fd, w->events, on_watch, w);
		if (w->source)
			t->watches[t->watch_count++] = w;
		else
			free(w);
	}
}

static void drop_watches(struct task *t)
{
	while (t->watch_count > 0)
		watch_end(t->watches[--t->watch_count]);
}

static void publish_named(struct shim *shim, const char *topic, const char *type, const char *id)
{
	Events__TaskNamed event = EVENTS__TASK_NAMED__INIT;
	event.container_id = text(id);
	events_publish(&shim->events, topic, type, &event.base);
}

static void on_watch(void *arg, uint32_t events)
{
	struct task_watch *w = arg;
	struct task *t = w->task;
	container_ready(t->container, w->fd, events);
	task_advance(t);
}

static void answer_wait(struct ttrpc_call *call, const struct container *c)
{
	Types__Timestamp at = timestamp_of(container_exited_at(c));
	Task__WaitResponse response = TASK__WAIT_RESPONSE__INIT;
	response.exit_status = container_exit_status(c);
	response.exited_at = &at;
	ttrpc_reply(call, &response.base);
}

/* Answers those that wait; before the end, only those that have gone and hear it no more. */
static void answer_waiters(struct task *t, bool ended)
{
	struct waiter **at = &t->waiters;
	while (*at) {
		struct waiter *w = *at;
		if (!ended && !ttrpc_abandoned(w->call)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer_wait(w->call, t->container);
		free(w);
	}
}

/* Those who wait are told before anything else is done. */
static void exited(struct task *t)
{
	const struct container *c = t->container;
	const char *exec_id = container_exec_id(c);
	t->told = true;
	answer_waiters(t, true);
	if (*exec_id && !t->started)
		return;
	Types__Timestamp at = timestamp_of(container_exited_at(c));
	Events__TaskExit event = EVENTS__TASK_EXIT__INIT;
	if (container_take_oom(t->container))
		publish_named(t->shim, "/tasks/oom", "containerd.events.TaskOOM", container_id(c));
	event.container_id = text(container_id(c));
	event.id = text(*exec_id ? exec_id : container_id(c));
	event.pid = (uint32_t)container_pid(c);
	event.exit_status = container_exit_status(c);
	event.exited_at = &at;
	events_publish(&t->shim->events, "/tasks/exit", "containerd.events.TaskExit", &event.base);
}

void task_reap(struct shim *shim)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		for (struct task *t = shim->tasks; t; t = t->next)
			if (container_reaped(t->container, pid, status, now)) {
				task_advance(t);
				break;
			}
	}
}

void shim_end(struct shim *shim)
{
	if (shim->ending)
		return;
	shim->ending = true;
	/* While it is listened on nobody replaces the socket: what is removed is our own. */
	unlink(shim->socket_path);
	ttrpc_stop_listening(&shim->server);
	events_stop_when_told(&shim->events);
}

/* --- methods --- */

enum { ID_MAX = 128, ROOTFS_MAX = 64, OPTIONS_MAX = 512 };

/* What becomes part of paths: it prints, and no slash or dots lead elsewhere. */
bool task_valid_id(const char *id)
{
	if (!*id || strlen(id) > ID_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return false;
	for (; *id; id++)
		if (*id <= ' ' || *id > '~' || *id == '/')
			return false;
	return true;
}

/* True when it may be created; else it is answered. */
static bool may_create(struct shim *shim, struct ttrpc_call *call, const Task__CreateTaskRequest *r)
{
	if (shim->ending)
		ttrpc_fail(call, TTRPC_UNAVAILABLE, "the shim is about to end");
	else if (!task_valid_id(r->id))
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "'%.100s' is no id for a container", r->id);
	else if (find(shim, r->id))
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "container %s: exists already", r->id);
	else if (r->bundle[0] != '/')
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "container %s: bundle '%.100s' is no absolute path", r->id,
			   r->bundle);
	else if (r->checkpoint[0] != '\0')
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "container %s: Mote cannot restore a checkpoint", r->id);
	else
		return true;
	return false;
}

/* Options of other shims come here, too, and are no error. */
static void note_options(const Task__CreateTaskRequest *r)
{
	if (!r->options || strcmp(r->options->type_url, "runtimeoptions.v1.Options") != 0)
		return;
	cleanup_message ProtobufCMessage *m = message_decode(&bootstrap__options__descriptor, r->options->value.data,
							      r->options->value.len);
	const Bootstrap__Options *o = (const Bootstrap__Options *)m;
	if (!o || o->config_path[0] || o->config_body.len)
		fprintf(stderr, "mote: container %s: runtime options have no effect: Mote has no configuration\n", r->id);
}

static void publish_create(struct shim *shim, const Task__CreateTaskRequest *r, int pid)
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


/* The request's mounts in the runtime's terms. 0, or -E2BIG. */
static int mounts_of(const Task__CreateTaskRequest *r, struct container_mount *mounts, const char **options)
{
	size_t used = 0;
	if (r->n_rootfs > ROOTFS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < r->n_rootfs; i++) {
		const Types__Mount *m = r->rootfs[i];
		if (m->n_options >= OPTIONS_MAX - used)
			return -E2BIG;
		mounts[i] = (struct container_mount){
			.type = m->type, .source = m->source, .target = m->target, .options = options + used};
		for (size_t k = 0; k < m->n_options; k++)
			options[used++] = m->options[k];
		options[used++] = NULL;
	}
	return 0;
}

static void handle_create(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__CreateTaskRequest *r = (const void *)request;
	struct container_mount mounts[ROOTFS_MAX];
	const char *options[OPTIONS_MAX];
	if (!may_create(shim, call, r))
		return;
	note_options(r);
	if (mounts_of(r, mounts, options) < 0) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "container %.100s: too many mounts or options", r->id);
		return;
	}
	struct container_config config = {
		.id = r->id,
		.bundle = r->bundle,
		.containerd_namespace = shim->containerd_namespace,
		.stdin_path = r->stdin,
		.stdout_path = r->stdout,
		.stderr_path = r->stderr,
		.terminal = r->terminal,
		.rootfs = mounts,
		.rootfs_count = r->n_rootfs,
		.debug = shim->debug,
		.cache = shim->cache,
		.isolation = shim->isolation,
	};
	struct err e = {0};
	struct task *t = calloc(1, sizeof(*t));
	if (!t) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	t->request = message_copy(request);
	int rc = t->request ? container_create(&config, &t->container, &e) : err_sys(&e, ENOMEM, "Create");
	if (rc < 0) {
		message_free(t->request);
		free(t);
		task_fail(call, &e);
		return;
	}
	t->creator = call;
	task_add(shim, t);
	task_advance(t);
}

/* With a message, or an error. */
static void answer_all(struct waiter *list, const ProtobufCMessage *response, const struct err *e)
{
	while (list) {
		struct waiter *w = list;
		list = w->next;
		if (response)
			ttrpc_reply(w->call, response);
		else
			task_fail(w->call, e);
		free(w);
	}
}

void task_add(struct shim *shim, struct task *t)
{
	t->shim = shim;
	t->next = shim->tasks;
	shim->tasks = t;
}

/* Takes the task, whose container is gone, off the list. Who waits for one that never ran has nothing to wait for. */
static void forget(struct shim *shim, struct task *t)
{
	const struct err gone = {.blame = ERR_PEER, .code = ENOENT, .text = "the process was deleted before it ran"};
	answer_all(t->waiters, NULL, &gone);
	for (struct task **at = &shim->tasks; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	message_free(t->request);
	free(t);
}

/* Answers Create if it can be answered. False when the task is gone. */
static bool finish_create(struct task *t)
{
	const Task__CreateTaskRequest *r = (const void *)t->request;
	struct ttrpc_call *call = t->creator;
	struct err e = {0};
	int rc = container_created(t->container, &e);
	if (rc == -EINPROGRESS)
		return true;
	if (rc < 0) {
		forget(t->shim, t);
		task_fail(call, &e);
		return false;
	}
	Task__CreateTaskResponse response = TASK__CREATE_TASK_RESPONSE__INIT;
	response.pid = (uint32_t)container_pid(t->container);
	publish_create(t->shim, r, container_pid(t->container));
	t->creator = NULL;
	message_free(take_ptr(t->request));
	ttrpc_reply(call, &response.base);
	return true;
}

static void handle_start(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = find(shim, r->id);
	if (t && r->exec_id[0] != '\0' && container_state(t->container) == CONTAINER_STOPPED) {
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "container %.100s: has ended, no process starts in it", r->id);
		return;
	}
	t = task_find_or_fail(shim, call, r->id, r->exec_id);
	if (!t)
		return;
	if (t->starter) {
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "container %.100s: is being started already", r->id);
		return;
	}
	t->starter = call;
	task_advance(t);
}

/* Answers Start if it can be answered. */
static void finish_start(struct task *t)
{
	struct err e = {0};
	int rc = container_start(t->container, &e);
	if (rc == -EINPROGRESS)
		return;
	struct ttrpc_call *call = take_ptr(t->starter);
	if (rc < 0) {
		task_fail(call, &e);
		return;
	}
	t->started = true;
	Events__TaskStart event = EVENTS__TASK_START__INIT;
	event.container_id = text(container_id(t->container));
	event.pid = (uint32_t)container_pid(t->container);
	if (*container_exec_id(t->container))
		task_publish_exec_started(t);
	else
		events_publish(&t->shim->events, "/tasks/start", "containerd.events.TaskStart", &event.base);
	Task__StartResponse response = TASK__START_RESPONSE__INIT;
	response.pid = event.pid;
	ttrpc_reply(call, &response.base);
}

static void handle_state(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	static const Types__Status status[] = {
		[CONTAINER_CREATING] = TYPES__STATUS__CREATED,
		[CONTAINER_CREATED] = TYPES__STATUS__CREATED,
		[CONTAINER_RUNNING] = TYPES__STATUS__RUNNING,
		[CONTAINER_PAUSED] = TYPES__STATUS__PAUSED,
		[CONTAINER_STOPPED] = TYPES__STATUS__STOPPED,
	};
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	const struct container *c = t->container;
	Types__Timestamp at = timestamp_of(container_exited_at(c));
	Task__StateResponse s = TASK__STATE_RESPONSE__INIT;
	s.id = r->id;
	s.exec_id = r->exec_id;
	s.bundle = text(container_bundle(c));
	s.pid = (uint32_t)container_pid(c);
	s.status = status[container_state(c)];
	s.stdin = text(container_stdin(c));
	s.stdout = text(container_stdout(c));
	s.stderr = text(container_stderr(c));
	s.terminal = container_terminal(c);
	s.exit_status = container_exit_status(c);
	s.exited_at = container_state(c) == CONTAINER_STOPPED ? &at : NULL;
	ttrpc_reply(call, &s.base);
}

static void handle_kill(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__KillRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	struct err e = {0};
	if (!t)
		return;
	int signo = r->signal <= 64 ? (int)r->signal : 0; /* 0: no signal, refused as such */
	int rc = container_kill(t->container, signo, &e);
	/* CRI takes this code, and no other, for a container that has ended already. */
	if (rc == -ENOENT || rc == -ESRCH)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "%s", e.text);
	else if (rc < 0)
		task_fail(call, &e);
	else
		reply_empty(call);
}

static bool add_waiter(struct waiter **list, struct ttrpc_call *call)
{
	struct waiter *w = malloc(sizeof(*w));
	if (!w) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return false;
	}
	*w = (struct waiter){.next = *list, .call = call};
	*list = w;
	return true;
}

/* Many may ask at once, as a client that timed out does: all of them hear the same. */
static void handle_delete(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(shim, call, r->id, r->exec_id);
	if (t && add_waiter(&t->deleters, call))
		task_advance(t);
}

int task_delete(struct task *t, struct err *e)
{
	struct shim *shim = t->shim;
	cleanup_free char *id = strdup(container_id(t->container));
	bool exec = *container_exec_id(t->container);
	Types__Timestamp at = timestamp_of(container_exited_at(t->container));
	Task__DeleteResponse response = TASK__DELETE_RESPONSE__INIT;
	response.pid = (uint32_t)container_pid(t->container);
	response.exit_status = container_exit_status(t->container);
	response.exited_at = &at;
	drop_watches(t);
	int rc = id ? task_delete_execs(t, e) : err_sys(e, ENOMEM, "Delete");
	if (rc == 0)
		rc = container_delete(t->container, e);
	if (rc < 0) {
		sync_watches(t);
		return rc;
	}
	struct waiter *deleters = take_ptr(t->deleters);
	forget(shim, t);
	Events__TaskDelete event = EVENTS__TASK_DELETE__INIT;
	event.container_id = id;
	event.pid = response.pid;
	event.exit_status = response.exit_status;
	event.exited_at = &at;
	if (!exec)
		events_publish(&shim->events, "/tasks/delete", "containerd.events.TaskDelete", &event.base);
	answer_all(deleters, &response.base, NULL);
	return 0;
}

/* Answers Delete if it can be answered. False when the task is gone. */
static bool finish_delete(struct task *t)
{
	struct err e = {0};
	int rc = task_delete(t, &e);
	if (rc < 0 && rc != -EINPROGRESS)
		answer_all(take_ptr(t->deleters), NULL, &e);
	return rc < 0;
}

/* Something has happened to the task, or is asked of it. */
void task_advance(struct task *t)
{
	/* The descriptors that are watched may close, and others get their numbers. */
	if (t->creator || t->deleters)
		drop_watches(t);
	if (t->creator && !finish_create(t))
		return;
	if (t->starter)
		finish_start(t);
	/* NULL, or whose container this is a process in. The end is told after the start. */
	struct task *of = *container_exec_id(t->container) ? find(t->shim, container_id(t->container)) : NULL;
	bool ended = !t->creator && !t->starter && container_state(t->container) == CONTAINER_STOPPED;
	bool tell = ended && !t->told && (of || task_end_execs(t)) && container_take_exit(t->container);
	if (tell)
		exited(t);
	if (container_take_oom(t->container))
		publish_named(t->shim, "/tasks/oom", "containerd.events.TaskOOM", container_id(t->container));
	if (!t->deleters || finish_delete(t))
		sync_watches(t);
	/* It may wait for this. */
	if (of && (tell || of->deleters))
		task_advance(of);
}

static void handle_wait(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	if (container_state(t->container) == CONTAINER_STOPPED) {
		answer_wait(call, t->container);
		return;
	}
	answer_waiters(t, false);
	add_waiter(&t->waiters, call);
}

static void handle_connect(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = find(arg, r->id);
	Task__ConnectResponse response = TASK__CONNECT_RESPONSE__INIT;
	response.shim_pid = (uint32_t)getpid();
	response.task_pid = t ? (uint32_t)container_pid(t->container) : 0;
	response.version = text(MOTE_VERSION);
	ttrpc_reply(call, &response.base);
}

static void handle_shutdown(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	(void)request;
	/* Sent after each Delete. Also with `now` it must not end the other containers of a pod. */
	reply_empty(call);
	if (!shim->tasks)
		shim_end(shim);
}

static void handle_close_io(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__CloseIORequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	int rc = r->stdin ? container_close_stdin(t->container) : 0;
	if (rc < 0) {
		ttrpc_fail(call, TTRPC_UNKNOWN, "container %.100s: closing stdin: %s", r->id, strerror(-rc));
		return;
	}
	reply_empty(call);
	sync_watches(t);
}

static void handle_resize(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ResizePtyRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	struct err e = {0};
	if (!t)
		return;
	if (container_resize(t->container, r->width, r->height, &e) < 0)
		task_fail(call, &e);
	else
		reply_empty(call);
}

static void pause_or_resume(struct shim *shim, struct ttrpc_call *call, const char *id,
			    int (*act)(struct container *, struct err *), const char *topic, const char *type)
{
	struct task *t = task_find_or_fail(shim, call, id, "");
	struct err e = {0};
	if (!t)
		return;
	if (act(t->container, &e) < 0) {
		task_fail(call, &e);
		return;
	}
	publish_named(shim, topic, type, id);
	reply_empty(call);
}

static void handle_pause(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	pause_or_resume(arg, call, r->id, container_pause, "/tasks/paused", "containerd.events.TaskPaused");
}

static void handle_resume(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	pause_or_resume(arg, call, r->id, container_resume, "/tasks/resumed", "containerd.events.TaskResumed");
}

static void handle_update(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__UpdateTaskRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, "");
	struct err e = {0};
	if (!t)
		return;
	if (!r->resources)
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "container %.100s: an update of nothing", r->id);
	else if (container_update(t->container, (const char *)r->resources->value.data, r->resources->value.len, &e) < 0)
		task_fail(call, &e);
	else
		reply_empty(call);
}

static void handle_stats(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, "");
	struct container_stats stats;
	struct err e = {0};
	if (!t)
		return;
	if (container_stats(t->container, &stats, &e) < 0) {
		task_fail(call, &e);
		return;
	}
	task_reply_stats(call, &stats);
}

#define SERVICE "containerd.task.v[23].Task"

const struct ttrpc_method task_methods[] = {
	{SERVICE, "Create", &task__create_task_request__descriptor, handle_create},
	{SERVICE, "Start", &task__process_request__descriptor, handle_start},
	{SERVICE, "State", &task__process_request__descriptor, handle_state},
	{SERVICE, "Kill", &task__kill_request__descriptor, handle_kill},
	{SERVICE, "Delete", &task__process_request__descriptor, handle_delete},
	{SERVICE, "Wait", &task__process_request__descriptor, handle_wait},
	{SERVICE, "Pids", &task__process_request__descriptor, task_handle_pids},
	{SERVICE, "Exec", &task__exec_process_request__descriptor, task_handle_exec},
	{SERVICE, "Connect", &task__process_request__descriptor, handle_connect},
	{SERVICE, "Shutdown", &task__shutdown_request__descriptor, handle_shutdown},
	{SERVICE, "CloseIO", &task__close_iorequest__descriptor, handle_close_io},
	{SERVICE, "ResizePty", &task__resize_pty_request__descriptor, handle_resize},
	{SERVICE, "Pause", &task__process_request__descriptor, handle_pause},
	{SERVICE, "Resume", &task__process_request__descriptor, handle_resume},
	{SERVICE, "Update", &task__update_task_request__descriptor, handle_update},
	{SERVICE, "Stats", &task__process_request__descriptor, handle_stats},
	{NULL, NULL, NULL, NULL},
};
