/* SPDX-License-Identifier: Apache-2.0 */
/* The task service, of processes that are put into a running container. */
#include "shim/task.h"

#include "proto/events.pb-c.h"
#include "proto/task.pb-c.h"
#include "proto/types.pb-c.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS_MAX = 1024 };

static char *text(const char *s)
{
	return (char *)(uintptr_t)
		s; /* protobuf-c's members are not const; packing only reads them */
}

/* A process that was put into t's container; `at` begins as shim->tasks. */
static struct task *next_exec(const struct task *t, struct task *at)
{
	const char *id = container_id(t->container);
	while (at &&
	       (!*container_exec_id(at->container) || strcmp(container_id(at->container), id) != 0))
		at = at->next;
	return at;
}

static void publish_added(struct shim *shim, const Task__ExecProcessRequest *r)
{
	Events__TaskExecAdded event = EVENTS__TASK_EXEC_ADDED__INIT;
	event.container_id = r->id;
	event.exec_id = r->exec_id;
	events_publish(&shim->events, "/tasks/exec-added", "containerd.events.TaskExecAdded",
		       &event.base);
}

void task_publish_exec_started(struct task *t)
{
	Events__TaskExecStarted event = EVENTS__TASK_EXEC_STARTED__INIT;
	event.container_id = text(container_id(t->container));
	event.exec_id = text(container_exec_id(t->container));
	event.pid = (uint32_t)container_pid(t->container);
	events_publish(&t->shim->events, "/tasks/exec-started", "containerd.events.TaskExecStarted",
		       &event.base);
}

/* Only notes what is asked for: it is made when it is started. */
void task_handle_exec(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__ExecProcessRequest *r = (const void *)request;
	struct task *of = task_find_or_fail(shim, call, r->id, "");
	if (!of)
		return;
	if (!task_valid_id(r->exec_id)) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "'%.100s' is no id for a process",
			   r->exec_id);
		return;
	}
	if (task_find(shim, r->id, r->exec_id)) {
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "container %s: process %s: exists already",
			   r->id, r->exec_id);
		return;
	}
	const struct container_exec_config config = {
		.exec_id = r->exec_id,
		.containerd_namespace = shim->containerd_namespace,
		.stdin_path = r->stdin,
		.stdout_path = r->stdout,
		.stderr_path = r->stderr,
		.terminal = r->terminal,
		.process = r->spec ? (const char *)r->spec->value.data : "",
		.process_len = r->spec ? r->spec->value.len : 0,
	};
	struct err e = {0};
	struct task *t = calloc(1, sizeof(*t));
	int rc = t ? container_exec(of->container, &config, &t->container, &e)
		   : err_sys(&e, ENOMEM, "Exec");
	if (rc < 0) {
		free(t);
		task_fail(call, &e);
		return;
	}
	task_add(shim, t);
	publish_added(shim, r);
	Types__Empty empty = TYPES__EMPTY__INIT;
	ttrpc_reply(call, &empty.base);
}

bool task_end_execs(struct task *t)
{
	bool all = true;
	struct err e;
	for (struct task *x = t->shim->tasks; (x = next_exec(t, x)); x = x->next) {
		bool idle = container_state(x->container) == CONTAINER_CREATED && !x->starter;
		if (x->told || idle)
			continue;
		all = false;
		/* One that has ended is on its way to be told of. */
		if (container_state(x->container) != CONTAINER_STOPPED &&
		    container_kill(x->container, SIGKILL, &e) < 0)
			continue;
	}
	return all;
}

int task_delete_execs(struct task *t, struct err *e)
{
	int first = 0;
	if (*container_exec_id(t->container))
		return 0;
	for (struct task *x = t->shim->tasks, *next; (x = next_exec(t, x)); x = next) {
		next = x->next;
		int rc = task_delete(x, e);
		if (rc < 0 && (first == 0 || first == -EINPROGRESS))
			first = rc;
	}
	return first;
}

static bool is_there(const struct task *t)
{
	return container_pid(t->container) > 0 &&
	       container_state(t->container) != CONTAINER_STOPPED;
}

/* The container's own always: containerd takes an empty list for a container that is lost. */
void task_handle_pids(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, "");
	if (!t)
		return;
	static Task__ProcessInfo infos[PIDS_MAX];
	Task__ProcessInfo *list[PIDS_MAX];
	Task__PidsResponse response = TASK__PIDS_RESPONSE__INIT;
	size_t n = 0;
	for (struct task *x = t; x && n < PIDS_MAX;
	     x = next_exec(t, x == t ? t->shim->tasks : x->next)) {
		if (x != t && !is_there(x))
			continue;
		infos[n] = (Task__ProcessInfo)TASK__PROCESS_INFO__INIT;
		infos[n].pid = (uint32_t)container_pid(x->container);
		list[n] = &infos[n];
		n++;
	}
	response.n_processes = n;
	response.processes = list;
	ttrpc_reply(call, &response.base);
}
