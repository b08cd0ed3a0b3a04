/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox service: its states, its requests, and what becomes of the CRI's configuration. */
#include "shim/sandbox.h"

#include "proto/cri.pb-c.h"
#include "proto/sandbox.pb-c.h"
#include "runtime/pod.h"
#include "shim/message.h"
#include "shim/stats.h"
#include "shim/status.h"
#include "shim/task.h"
#include "shim/waiter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { SYSCTLS_MAX = 256 };

/* --- states --- */

struct transition {
	enum sandbox_state to;
	int code; /* errno, if the event is refused */
	const char *why;
};
#define TO(state)             \
	{                     \
		.to = (state) \
	}
#define NO(error, text)                        \
	{                                      \
		.code = (error), .why = (text) \
	}

static const struct transition transitions[SANDBOX_STATES][SANDBOX_EVENTS] = {
	[SANDBOX_NONE] =
		{
			[SANDBOX_CREATE] = TO(SANDBOX_CREATED),
			[SANDBOX_START] = NO(ENOENT, "not found"),
			[SANDBOX_ADD] = TO(SANDBOX_NONE),
			[SANDBOX_STOP] = NO(ENOENT, "not found"),
			[SANDBOX_EMPTY] = TO(SANDBOX_NONE),
			[SANDBOX_DELETE] = NO(ENOENT, "not found"),
		},
	[SANDBOX_CREATED] =
		{
			[SANDBOX_CREATE] = NO(EEXIST, "already exists"),
			[SANDBOX_START] = TO(SANDBOX_READY),
			[SANDBOX_ADD] = NO(EBUSY, "has not been started"),
			[SANDBOX_STOP] = TO(SANDBOX_STOPPING),
			[SANDBOX_EMPTY] = TO(SANDBOX_CREATED),
			[SANDBOX_DELETE] = NO(EBUSY, "has not been stopped"),
		},
	[SANDBOX_READY] =
		{
			[SANDBOX_CREATE] = NO(EEXIST, "already exists"),
			[SANDBOX_START] = TO(SANDBOX_READY),
			[SANDBOX_ADD] = TO(SANDBOX_READY),
			[SANDBOX_STOP] = TO(SANDBOX_STOPPING),
			[SANDBOX_EMPTY] = TO(SANDBOX_READY),
			[SANDBOX_DELETE] = NO(EBUSY, "has not been stopped"),
		},
	[SANDBOX_STOPPING] =
		{
			[SANDBOX_CREATE] = NO(EEXIST, "already exists"),
			[SANDBOX_START] = NO(EBUSY, "is being stopped"),
			[SANDBOX_ADD] = NO(EBUSY, "is being stopped"),
			[SANDBOX_STOP] = TO(SANDBOX_STOPPING),
			[SANDBOX_EMPTY] = TO(SANDBOX_STOPPED),
			[SANDBOX_DELETE] = NO(EBUSY, "is being stopped"),
		},
	[SANDBOX_STOPPED] =
		{
			[SANDBOX_CREATE] = NO(EEXIST, "already exists"),
			[SANDBOX_START] = NO(EBUSY, "has been stopped"),
			[SANDBOX_ADD] = NO(EBUSY, "has been stopped"),
			[SANDBOX_STOP] = TO(SANDBOX_STOPPED),
			[SANDBOX_EMPTY] = TO(SANDBOX_STOPPED),
			[SANDBOX_DELETE] = TO(SANDBOX_NONE),
		},
};

int sandbox_event(struct sandbox *s, enum sandbox_event event, struct err *e)
{
	const struct transition *t = &transitions[s->state][event];
	if (t->code)
		return err_set(e, ERR_PEER, t->code, "sandbox %.100s: %s", s->id ? s->id : "",
			       t->why);
	s->state = t->to;
	return 0;
}

static struct sandbox *find_or_fail(struct shim *shim, struct ttrpc_call *call, const char *id)
{
	struct sandbox *s = &shim->sandbox;
	if (s->state != SANDBOX_NONE && strcmp(s->id, id) == 0)
		return s;
	ttrpc_fail(call, TTRPC_NOT_FOUND, "sandbox %.100s: not found", id);
	return NULL;
}

static struct timespec now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

static void answer_wait(struct sandbox *s)
{
	Types__Timestamp at = status_timestamp(s->exited_at);
	Sandbox__WaitSandboxResponse response = SANDBOX__WAIT_SANDBOX_RESPONSE__INIT;
	response.exited_at = &at;
	waiter_answer_all(take_ptr(s->waiters), &response.base, NULL);
}

static void answer_empty(struct waiter **list)
{
	Types__Empty empty = TYPES__EMPTY__INIT;
	waiter_answer_all(take_ptr(*list), &empty.base, NULL);
}

static bool runs(const struct task *t)
{
	return !t->of && (t->creator || process_status(t->process) != PROCESS_STATUS_STOPPED);
}

static bool is_empty(const struct shim *shim)
{
	const struct task *t = shim->tasks;
	while (t && !runs(t))
		t = t->next;
	return !t;
}

/* Those of Exec end with their containers. One that cannot be killed is, when Stop is repeated. */
static void kill_all(const struct shim *shim, int signo)
{
	struct err e;
	for (const struct task *t = shim->tasks; t; t = t->next)
		if (runs(t))
			(void)!process_kill(t->process, signo, &e);
}

/* --- the time that containers have to end --- */

static void end_grace(struct sandbox *s)
{
	if (!s->grace_source.loop)
		return;
	loop_remove(&s->grace_source);
	close_fd(&s->grace);
}

static void on_grace_end(void *arg, uint32_t events)
{
	struct shim *shim = arg;
	(void)events;
	end_grace(&shim->sandbox);
	kill_all(shim, SIGKILL);
	sandbox_advance(shim);
}

/* False: there is none, and nothing is waited for. */
static bool begin_grace(struct shim *shim, uint32_t seconds)
{
	struct sandbox *s = &shim->sandbox;
	const struct itimerspec when = {.it_value = {.tv_sec = seconds}};
	cleanup_close int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0 || timerfd_settime(timer, 0, &when, NULL) < 0 ||
	    loop_add(&shim->loop, &s->grace_source, timer, EPOLLIN, on_grace_end, shim) < 0)
		return false;
	s->grace = take_fd(&timer);
	return true;
}

static void end_containers(struct shim *shim, uint32_t seconds)
{
	struct sandbox *s = &shim->sandbox;
	if (seconds > 0 && (is_empty(shim) || s->grace_source.loop))
		return;
	end_grace(s);
	if (seconds > 0 && begin_grace(shim, seconds))
		kill_all(shim, SIGTERM);
	else
		kill_all(shim, SIGKILL);
}

/* What ShutdownSandbox asked for, once the sandbox has been stopped. */
static void shut_down(struct shim *shim)
{
	struct sandbox *s = &shim->sandbox;
	struct err e = {0};
	if (pod_delete(s->pod, &e) < 0) {
		waiter_answer_all(take_ptr(s->enders), NULL, &e);
		return;
	}
	s->pod = NULL;
	free(take_ptr(s->id));
	(void)!sandbox_event(s, SANDBOX_DELETE, NULL); /* never refused: it has been stopped */
	answer_empty(&s->enders);
	shim_end(shim);
}

void sandbox_advance(struct shim *shim)
{
	struct sandbox *s = &shim->sandbox;
	if (s->state == SANDBOX_STOPPING && is_empty(shim)) {
		end_grace(s);
		pod_stop(s->pod);
		s->exited_at = now();
		(void)!sandbox_event(s, SANDBOX_EMPTY, NULL); /* never refused */
		answer_wait(s);
	}
	if (s->state != SANDBOX_STOPPED)
		return;
	answer_empty(&s->stoppers);
	if (s->enders)
		shut_down(shim);
}

/* --- CreateSandbox --- */

/* NamespaceMode */
enum { NAMESPACE_POD, NAMESPACE_CONTAINER, NAMESPACE_NODE };

static int refuse(struct err *e, const char *what)
{
	return err_set(e, ERR_CONFIG, ENOSYS, "Mote does not support %s", what);
}

static int take_namespaces(const Cri__LinuxPodSandboxConfig *l, struct pod_config *out,
			   struct err *e)
{
	const Cri__NamespaceOption *n = NULL;
	if (l->security_context)
		n = l->security_context->namespace_options;
	if (!n)
		return 0;
	out->host_network = n->network == NAMESPACE_NODE;
	out->host_ipc = n->ipc == NAMESPACE_NODE;
	if (n->network != NAMESPACE_POD && n->network != NAMESPACE_NODE)
		return refuse(e, "this mode of a pod's network namespace");
	if (n->ipc != NAMESPACE_POD && n->ipc != NAMESPACE_NODE)
		return refuse(e, "this mode of a pod's IPC namespace");
	if (n->pid == NAMESPACE_NODE)
		return refuse(e, "sharing the host's pid namespace (a pod's hostPID)");
	if (n->userns_options && n->userns_options->mode != NAMESPACE_NODE)
		return refuse(e, "a pod's user namespace (hostUsers: false)");
	return 0;
}

/* What of the CRI's configuration it has to do with; *out borrows from it. */
static int take_config(const Cri__PodSandboxConfig *c, struct pod_sysctl sysctls[SYSCTLS_MAX],
		       struct pod_config *out, struct err *e)
{
	const Cri__LinuxPodSandboxConfig *l = c->of_linux;
	out->hostname = c->hostname;
	if (c->dns_config) {
		out->dns = true;
		out->dns_servers = (const char *const *)c->dns_config->servers;
		out->dns_servers_count = c->dns_config->n_servers;
		out->dns_searches = (const char *const *)c->dns_config->searches;
		out->dns_searches_count = c->dns_config->n_searches;
		out->dns_options = (const char *const *)c->dns_config->options;
		out->dns_options_count = c->dns_config->n_options;
	}
	if (!l)
		return 0;
	out->cgroup_parent = l->cgroup_parent;
	if (l->n_sysctls > SYSCTLS_MAX)
		return err_set(e, ERR_CONFIG, E2BIG, "the pod has more than %d sysctls",
			       SYSCTLS_MAX);
	for (size_t i = 0; i < l->n_sysctls; i++)
		sysctls[i] = (struct pod_sysctl){
			.name = l->sysctls[i]->name,
			.value = l->sysctls[i]->value,
		};
	out->sysctls = sysctls;
	out->sysctls_count = l->n_sysctls;
	return take_namespaces(l, out, e);
}

static int create_pod(const Sandbox__CreateSandboxRequest *r, struct pod **out, struct err *e)
{
	static const char type[] = "runtime.v1.PodSandboxConfig";
	struct pod_sysctl sysctls[SYSCTLS_MAX];
	struct pod_config config = {
		.id = r->sandbox_id,
		.bundle = r->bundle_path,
		.netns_path = r->netns_path,
		.hostname = "",
		.cgroup_parent = "",
	};
	cleanup_message ProtobufCMessage *m = NULL;
	bool has_options = r->options && r->options->value.len > 0;
	if (has_options && strcmp(r->options->type_url, type) != 0)
		return err_set(e, ERR_CONFIG, EINVAL, "options of type %.100s are not known here",
			       r->options->type_url);
	if (has_options) {
		m = message_decode(&cri__pod_sandbox_config__descriptor, r->options->value.data,
				   r->options->value.len);
		if (!m)
			return err_set(e, ERR_CONFIG, EINVAL, "its %s is malformed", type);
		int rc = take_config((const Cri__PodSandboxConfig *)m, sysctls, &config, e);
		if (rc < 0)
			return rc;
	}
	return pod_create(&config, out, e);
}

static bool may_create(const struct shim *shim, struct ttrpc_call *call,
		       const Sandbox__CreateSandboxRequest *r)
{
	if (shim->ending)
		ttrpc_fail(call, TTRPC_UNAVAILABLE, "the shim is about to end");
	else if (!task_valid_id(r->sandbox_id))
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "invalid sandbox id '%.100s'",
			   r->sandbox_id);
	else if (r->bundle_path[0] != '/')
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "sandbox %.100s: bundle '%.100s' must be an absolute path",
			   r->sandbox_id, r->bundle_path);
	else if (r->n_rootfs > 0)
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
			   "sandbox %.100s: no program runs in it that a root file system is for",
			   r->sandbox_id);
	else if (shim->sandbox.state != SANDBOX_NONE)
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "sandbox %.100s: already exists",
			   shim->sandbox.id);
	else if (shim->tasks)
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION,
			   "sandbox %.100s: the shim has containers without one", r->sandbox_id);
	else
		return true;
	return false;
}

void sandbox_handle_create(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	struct sandbox *s = &shim->sandbox;
	const Sandbox__CreateSandboxRequest *r = (const void *)request;
	struct err e = {0};
	if (!may_create(shim, call, r))
		return;
	cleanup_free char *id = strdup(r->sandbox_id);
	int rc = 0;
	if (!id)
		rc = err_sys(&e, ENOMEM, "a sandbox");
	if (rc == 0)
		rc = create_pod(r, &s->pod, &e);
	if (rc == 0)
		rc = sandbox_event(s, SANDBOX_CREATE, &e);
	if (rc < 0) {
		status_fail(call, &e);
		return;
	}
	s->id = take_ptr(id);
	status_reply_empty(call);
}

/* --- the others --- */

void sandbox_handle_start(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxRequest *r = (const void *)request;
	struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	struct err e = {0};
	if (!s)
		return;
	bool first = s->state == SANDBOX_CREATED;
	int rc = 0;
	if (first)
		rc = pod_start(s->pod, &e);
	if (rc == 0)
		rc = sandbox_event(s, SANDBOX_START, &e);
	if (rc < 0) {
		status_fail(call, &e);
		return;
	}
	if (first)
		s->created_at = now();
	Types__Timestamp at = status_timestamp(s->created_at);
	Sandbox__StartSandboxResponse response = SANDBOX__START_SANDBOX_RESPONSE__INIT;
	response.pid = (uint32_t)pod_pid(s->pod);
	response.created_at = &at;
	ttrpc_reply(call, &response.base);
}

void sandbox_handle_platform(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxRequest *r = (const void *)request;
	Sandbox__Platform platform = SANDBOX__PLATFORM__INIT;
	Sandbox__PlatformResponse response = SANDBOX__PLATFORM_RESPONSE__INIT;
	if (!find_or_fail(arg, call, r->sandbox_id))
		return;
	platform.os = (char[]){"linux"};
#if defined(__x86_64__)
	platform.architecture = (char[]){"amd64"};
#elif defined(__aarch64__)
	platform.architecture = (char[]){"arm64"};
#else
#error "which name containerd has for this architecture"
#endif
	response.platform = &platform;
	ttrpc_reply(call, &response.base);
}

static void stop(struct shim *shim, uint32_t seconds)
{
	struct err e;
	if (sandbox_event(&shim->sandbox, SANDBOX_STOP, &e) == 0)
		end_containers(shim, seconds);
	sandbox_advance(shim);
}

void sandbox_handle_stop(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__StopSandboxRequest *r = (const void *)request;
	struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	if (s && waiter_add(&s->stoppers, call))
		stop(arg, r->timeout_secs);
}

void sandbox_handle_wait(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxRequest *r = (const void *)request;
	struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	if (!s)
		return;
	waiter_drop_abandoned(&s->waiters);
	if (waiter_add(&s->waiters, call) && s->state == SANDBOX_STOPPED)
		answer_wait(s);
}

void sandbox_handle_status(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxStatusRequest *r = (const void *)request;
	const struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	char text[64];
	if (!s)
		return;
	bool ready = s->state == SANDBOX_READY, stopped = s->state == SANDBOX_STOPPED;
	pid_t pid = pod_pid(s->pod);
	Types__Timestamp created = status_timestamp(s->created_at),
			 exited = status_timestamp(s->exited_at);
	char key[] = "info";
	Sandbox__Info info = SANDBOX__INFO__INIT, *infos = &info;
	Sandbox__SandboxStatusResponse response = SANDBOX__SANDBOX_STATUS_RESPONSE__INIT;
	response.sandbox_id = s->id;
	response.pid = (uint32_t)pid;
	response.state = status_text(ready ? "SANDBOX_READY" : "SANDBOX_NOTREADY");
	response.created_at = &created;
	if (stopped)
		response.exited_at = &exited;
	if (r->verbose) {
		snprintf(text, sizeof(text), "{\"pid\":%d,\"processStatus\":\"%s\"}", pid,
			 ready ? "running" : "stopped");
		info.key = key;
		info.value = text;
		response.n_info = 1;
		response.info = &infos;
	}
	ttrpc_reply(call, &response.base);
}

void sandbox_handle_ping(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxRequest *r = (const void *)request;
	const struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	if (!s)
		return;
	if (s->state == SANDBOX_READY)
		status_reply_empty(call);
	else
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "sandbox %s: does not run", s->id);
}

/* Also of a sandbox that CreateSandbox did not make: the shim was started for it alone. */
void sandbox_handle_shutdown(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	struct shim *shim = arg;
	struct sandbox *s = &shim->sandbox;
	const Sandbox__SandboxRequest *r = (const void *)request;
	bool nothing = shim->ending || (s->state == SANDBOX_NONE && !shim->tasks);
	if (nothing) {
		status_reply_empty(call);
		shim_end(shim);
	} else if (find_or_fail(shim, call, r->sandbox_id) && waiter_add(&s->enders, call)) {
		stop(shim, 0);
	}
}

void sandbox_handle_metrics(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	const Sandbox__SandboxRequest *r = (const void *)request;
	const struct sandbox *s = find_or_fail(arg, call, r->sandbox_id);
	struct container_stats stats;
	struct err e = {0};
	if (!s)
		return;
	Types__Any any = TYPES__ANY__INIT;
	int rc = pod_stats(s->pod, &stats, &e);
	if (rc == 0 && stats_pack(&stats, &any) < 0)
		rc = err_sys(&e, ENOMEM, "the metrics of sandbox %s", s->id);
	if (rc < 0) {
		status_fail(call, &e);
		return;
	}
	Types__Timestamp at = status_timestamp(now());
	Sandbox__Metric metric = SANDBOX__METRIC__INIT;
	Sandbox__SandboxMetricsResponse response = SANDBOX__SANDBOX_METRICS_RESPONSE__INIT;
	metric.timestamp = &at;
	metric.id = s->id;
	metric.data = &any;
	response.metrics = &metric;
	ttrpc_reply(call, &response.base);
	free(any.value.data);
}
