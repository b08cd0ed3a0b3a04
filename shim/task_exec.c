/* SPDX-License-Identifier: Apache-2.0 */
/* Exec and Pids. */
#include "shim/task.h"

#include "proto/events.pb-c.h"
#include "proto/task.pb-c.h"
#include "shim/status.h"

#include <errno.h>
#include <stdlib.h>

enum { PIDS_MAX = 1024 };

static void publish_added(struct shim *shim, const Task__ExecProcessRequest *r)
{
	Events__TaskExecAdded event = EVENTS__TASK_EXEC_ADDED__INIT;
	event.container_id = r->id;
	event.exec_id = r->exec_id;
	events_publish(&shim->events, "/tasks/exec-added", "containerd.events.TaskExecAdded",
		       &event.base);
}

static int add(struct task *t, const Task__ExecProcessRequest *r, struct err *e)
{
	struct exec_config config = {
		.exec_id = r->exec_id,
		.containerd_namespace = t->shim->containerd_namespace,
		.stdio = {.stdin_path = r->stdin,
			  .stdout_path = r->stdout,
			  .stderr_path = r->stderr,
			  .terminal = r->terminal},
		.supervisor = task_supervisor(t),
		.process = "",
	};
	if (r->spec) {
		config.process = (const char *)r->spec->value.data;
		config.process_len = r->spec->value.len;
	}
	return container_exec(t->container, &config, &t->process, e);
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
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "invalid process id '%.100s'", r->exec_id);
		return;
	}
	if (task_find(shim, r->id, r->exec_id)) {
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "container %s: process %s: already exists",
			   r->id, r->exec_id);
		return;
	}
	struct err e = {0};
	struct task *t = task_new(shim, call);
	if (!t)
		return;
	t->of = of;
	t->container = of->container;
	if (add(t, r, &e) < 0) {
		free(t);
		status_fail(call, &e);
		return;
	}
	task_add(t);
	publish_added(shim, r);
	status_reply_empty(call);
}

static bool is_listed(const struct task *t)
{
	return process_pid(t->process) > 0 && process_status(t->process) != PROCESS_STATUS_STOPPED;
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
	for (const struct task *x = t; x && n < PIDS_MAX;
	     x = task_next_exec(t, x == t ? NULL : x)) {
		if (x != t && !is_listed(x))
			continue;
		infos[n] = (Task__ProcessInfo)TASK__PROCESS_INFO__INIT;
		infos[n].pid = (uint32_t)process_pid(x->process);
		list[n] = &infos[n];
		n++;
	}
	response.n_processes = n;
	response.processes = list;
	ttrpc_reply(call, &response.base);
}
