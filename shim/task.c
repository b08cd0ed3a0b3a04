/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's task service, versions 2 and 3 (the same messages): the methods that look a task up,
 * make one runtime call and answer; and the table of all methods of the shim.
 */
#include "shim/task.h"

#include "proto/events.pb-c.h"
#include "proto/sandbox.pb-c.h"
#include "proto/task.pb-c.h"
#include "shim/stats.h"
#include "shim/status.h"

#include <errno.h>
#include <limits.h>

static void handle_state(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	static const Types__Status status[] = {
		[PROCESS_STATUS_CREATED] = TYPES__STATUS__CREATED,
		[PROCESS_STATUS_RUNNING] = TYPES__STATUS__RUNNING,
		[PROCESS_STATUS_PAUSED] = TYPES__STATUS__PAUSED,
		[PROCESS_STATUS_STOPPED] = TYPES__STATUS__STOPPED,
	};
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	const struct process *p = t->process;
	const struct stdio_config *io = process_stdio(p);
	Types__Timestamp at = status_timestamp(process_exited_at(p));
	Task__StateResponse s = TASK__STATE_RESPONSE__INIT;
	s.id = r->id;
	s.exec_id = r->exec_id;
	s.bundle = status_text(container_bundle(t->container));
	s.pid = (uint32_t)process_pid(p);
	s.status = status[process_status(p)];
	s.stdin = status_text(io->stdin_path);
	s.stdout = status_text(io->stdout_path);
	s.stderr = status_text(io->stderr_path);
	s.terminal = io->terminal;
	s.exit_status = process_exit_status(p);
	if (process_status(p) == PROCESS_STATUS_STOPPED)
		s.exited_at = &at;
	ttrpc_reply(call, &s.base);
}

static void handle_kill(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__KillRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	struct err e = {0};
	if (!t)
		return;
	int signo = r->signal <= INT_MAX ? (int)r->signal : -1; /* -1 is refused */
	int rc = process_kill(t->process, signo, &e);
	/* CRI takes this code, and no other, for a container that has ended already. */
	if (rc == -ENOENT || rc == -ESRCH)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "%s", e.text);
	else if (rc < 0)
		status_fail(call, &e);
	else
		status_reply_empty(call);
}

static void handle_connect(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	struct task *t = task_find(arg, r->id, "");
	Task__ConnectResponse response = TASK__CONNECT_RESPONSE__INIT;
	response.shim_pid = (uint32_t)getpid();
	if (t)
		response.task_pid = (uint32_t)process_pid(t->process);
	response.version = status_text(MOTE_VERSION);
	ttrpc_reply(call, &response.base);
}

static void handle_shutdown(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	const Task__ShutdownRequest *r = (const void *)request;
	struct task *t = task_find(shim, r->id, "");
	/* Sent after each Delete. Also with `now` it must not end the other containers of a pod. */
	status_reply_empty(call);
	if (shim_is_idle(shim))
		shim_end(shim);
	/* Whoever gives up a Create has no more to say after this. */
	else if (t && t->creator)
		t->given_up = true;
}

static void handle_close_io(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__CloseIORequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	if (!t)
		return;
	if (r->stdin)
		process_close_stdin(t->process);
	status_reply_empty(call);
}

static void handle_resize(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ResizePtyRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, r->exec_id);
	struct err e = {0};
	if (!t)
		return;
	if (process_resize(t->process, r->width, r->height, &e) < 0)
		status_fail(call, &e);
	else
		status_reply_empty(call);
}

static void publish_named(struct shim *shim, const char *topic, const char *type, char *id)
{
	Events__TaskNamed event = EVENTS__TASK_NAMED__INIT;
	event.container_id = id;
	events_publish(&shim->events, topic, type, &event.base);
}

static void pause_or_resume(struct shim *shim, struct ttrpc_call *call, char *id,
			    int (*act)(struct container *, struct err *), const char *topic,
			    const char *type)
{
	struct task *t = task_find_or_fail(shim, call, id, "");
	struct err e = {0};
	if (!t)
		return;
	if (act(t->container, &e) < 0) {
		status_fail(call, &e);
		return;
	}
	publish_named(shim, topic, type, id);
	status_reply_empty(call);
}

static void handle_pause(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	pause_or_resume(arg, call, r->id, container_pause, "/tasks/paused",
			"containerd.events.TaskPaused");
}

static void handle_resume(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__ProcessRequest *r = (const void *)request;
	pause_or_resume(arg, call, r->id, container_resume, "/tasks/resumed",
			"containerd.events.TaskResumed");
}

static void handle_update(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Task__UpdateTaskRequest *r = (const void *)request;
	struct task *t = task_find_or_fail(arg, call, r->id, "");
	struct err e = {0};
	if (!t)
		return;
	if (!r->resources)
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "container %.100s: Update without resources", r->id);
	else if (container_update(t->container, (const char *)r->resources->value.data,
				  r->resources->value.len, &e) < 0)
		status_fail(call, &e);
	else
		status_reply_empty(call);
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
		status_fail(call, &e);
		return;
	}
	Types__Any any = TYPES__ANY__INIT;
	if (stats_pack(&stats, &any) < 0) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	Task__StatsResponse response = TASK__STATS_RESPONSE__INIT;
	response.stats = &any;
	ttrpc_reply(call, &response.base);
	free(any.value.data);
}

#define SERVICE      "containerd.task.v[23].Task"
#define SANDBOX      "containerd.runtime.sandbox.v1.Sandbox"
#define OF_A_SANDBOX &sandbox__sandbox_request__descriptor

const struct ttrpc_method task_methods[] = {
	{SERVICE, "Create", &task__create_task_request__descriptor, task_handle_create},
	{SERVICE, "Start", &task__process_request__descriptor, task_handle_start},
	{SERVICE, "State", &task__process_request__descriptor, handle_state},
	{SERVICE, "Kill", &task__kill_request__descriptor, handle_kill},
	{SERVICE, "Delete", &task__process_request__descriptor, task_handle_delete},
	{SERVICE, "Wait", &task__process_request__descriptor, task_handle_wait},
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
	{SANDBOX, "CreateSandbox", &sandbox__create_sandbox_request__descriptor,
	 sandbox_handle_create},
	{SANDBOX, "StartSandbox", OF_A_SANDBOX, sandbox_handle_start},
	{SANDBOX, "Platform", OF_A_SANDBOX, sandbox_handle_platform},
	{SANDBOX, "StopSandbox", &sandbox__stop_sandbox_request__descriptor, sandbox_handle_stop},
	{SANDBOX, "WaitSandbox", OF_A_SANDBOX, sandbox_handle_wait},
	{SANDBOX, "SandboxStatus", &sandbox__sandbox_status_request__descriptor,
	 sandbox_handle_status},
	{SANDBOX, "PingSandbox", OF_A_SANDBOX, sandbox_handle_ping},
	{SANDBOX, "ShutdownSandbox", OF_A_SANDBOX, sandbox_handle_shutdown},
	{SANDBOX, "SandboxMetrics", OF_A_SANDBOX, sandbox_handle_metrics},
	{NULL, NULL, NULL, NULL},
};
