/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox service, asked by a client over its socket, with namespaces and files of a pod. */
#include "shim_client.h"

#include "proto/cri.pb-c.h"
#include "proto/metrics.pb-c.h"
#include "proto/sandbox.pb-c.h"
#include "proto/task.pb-c.h"
#include "proto/types.pb-c.h"
#include "runtime/pod.h"

#include <sched.h>

#define SANDBOX "containerd.runtime.sandbox.v1.Sandbox"
#define TASK    "containerd.task.v3.Task"

/* What a pod mounts that a failed test leaves goes with its process. */
static void begin(void)
{
	cr_assert(unshare(CLONE_NEWNS) == 0 &&
		  mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	start_shim();
}

TestSuite(shim_sandbox, .init = begin, .fini = end_shim);

static uint32_t send_sandbox(const char *method, const char *id)
{
	Sandbox__SandboxRequest r = SANDBOX__SANDBOX_REQUEST__INIT;
	r.sandbox_id = (char *)(uintptr_t)id;
	return request_of(SANDBOX, method, &r.base);
}

static const struct answer *ask(const char *method)
{
	return answer(send_sandbox(method, "s"));
}

/* options: a PodSandboxConfig, or NULL. */
static const struct answer *create_sandbox(const char *id, const char *bundle,
					   const Cri__PodSandboxConfig *config)
{
	static uint8_t packed[65536];
	Types__Any any = TYPES__ANY__INIT;
	Sandbox__CreateSandboxRequest r = SANDBOX__CREATE_SANDBOX_REQUEST__INIT;
	r.sandbox_id = (char *)(uintptr_t)id;
	r.bundle_path = (char *)(uintptr_t)bundle;
	if (config) {
		any.type_url = (char *)"runtime.v1.PodSandboxConfig";
		any.value.data = packed;
		any.value.len = protobuf_c_message_pack(&config->base, packed);
		r.options = &any;
	}
	return answer(request_of(SANDBOX, "CreateSandbox", &r.base));
}

static uint32_t started_pid(void)
{
	const struct answer *a = ask("StartSandbox");
	cr_assert(a->code == 0, "%s", a->text);
	Sandbox__StartSandboxResponse *r =
		sandbox__start_sandbox_response__unpack(NULL, a->len, a->payload);
	cr_assert(r && r->created_at && r->created_at->seconds > 0);
	const uint32_t pid = r->pid;
	sandbox__start_sandbox_response__free_unpacked(r, NULL);
	return pid;
}

static void expect_status(const char *state, bool has_exited, const char *info)
{
	Sandbox__SandboxStatusRequest q = SANDBOX__SANDBOX_STATUS_REQUEST__INIT;
	q.sandbox_id = (char *)"s";
	q.verbose = info != NULL;
	const struct answer *a = answer(request_of(SANDBOX, "SandboxStatus", &q.base));
	cr_assert(a->code == 0, "%s", a->text);
	Sandbox__SandboxStatusResponse *r =
		sandbox__sandbox_status_response__unpack(NULL, a->len, a->payload);
	cr_assert(r);
	cr_expect_str_eq(r->sandbox_id, "s");
	cr_expect_str_eq(r->state, state);
	cr_expect((r->exited_at != NULL) == has_exited, "%s", state);
	cr_expect(r->n_info == (info ? 1 : 0));
	if (info && r->n_info)
		cr_expect(strstr(r->info[0]->value, info), "%s", r->info[0]->value);
	sandbox__sandbox_status_response__free_unpacked(r, NULL);
}

static const struct answer *create_container(void)
{
	Task__CreateTaskRequest r = TASK__CREATE_TASK_REQUEST__INIT;
	r.id = (char *)"c";
	r.bundle = dir;
	r.stdout = stdout_path;
	return answer(request_of(TASK, "Create", &r.base));
}

static uint32_t send_task(const char *method)
{
	Task__ProcessRequest r = TASK__PROCESS_REQUEST__INIT;
	r.id = (char *)"c";
	r.exec_id = (char *)"";
	return request_of(TASK, method, &r.base);
}

static void expect_ok(const struct answer *a)
{
	cr_expect(a->code == 0, "code %d: %s", a->code, a->text);
}

static const char *const methods[] = {"StartSandbox",  "Platform",      "StopSandbox",
				      "WaitSandbox",   "SandboxStatus", "PingSandbox",
				      "SandboxMetrics"};

Test(shim_sandbox, what_is_asked_before_there_is_one)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		expect_code(ask(methods[i]), TTRPC_NOT_FOUND, "sandbox s: not found");
	expect_ok(ask("ShutdownSandbox"));
	cr_expect(shim.ending);
	expect_code(create_sandbox("s", dir, NULL), TTRPC_UNAVAILABLE, "about to end");
}

Test(shim_sandbox, lives)
{
	expect_ok(create_sandbox("s", dir, NULL));
	expect_code(create_sandbox("s", dir, NULL), TTRPC_ALREADY_EXISTS,
		    "sandbox s: already exists");
	expect_status("SANDBOX_NOTREADY", false, "\"pid\":0");
	expect_code(ask("PingSandbox"), TTRPC_FAILED_PRECONDITION, "does not run");
	expect_code(create_container(), TTRPC_FAILED_PRECONDITION, "has not been started");
	const uint32_t pid = started_pid();
	cr_expect(pid > 0 && started_pid() == pid, "a repeated start is the same");
	expect_status("SANDBOX_READY", false, "running");
	expect_ok(ask("PingSandbox"));
	expect_ok(ask("Platform"));
	expect_code(ask("SandboxMetrics"), TTRPC_NOT_FOUND, "which cgroup");
	expect_code(answer(send_sandbox("PingSandbox", "t")), TTRPC_NOT_FOUND, "sandbox t");
	const uint32_t wait = send_sandbox("WaitSandbox", "s");
	cr_expect(!is_answered(wait));
	expect_ok(ask("StopSandbox"));
	expect_ok(answer(wait));
	expect_ok(ask("WaitSandbox"));
	expect_ok(ask("StopSandbox"));
	expect_status("SANDBOX_NOTREADY", true, NULL);
	expect_code(ask("StartSandbox"), TTRPC_FAILED_PRECONDITION, "has been stopped");
	expect_code(create_container(), TTRPC_FAILED_PRECONDITION, "has been stopped");
	expect_ok(ask("ShutdownSandbox"));
	cr_expect(shim.ending);
}

/* Stop kills the containers and is answered when they have ended. */
Test(shim_sandbox, containers_end_with_it)
{
	program("wait");
	expect_ok(create_sandbox("s", dir, NULL));
	started_pid();
	expect_ok(create_container());
	expect_ok(answer(send_task("Start")));
	const uint32_t waits[] = {send_sandbox("WaitSandbox", "s"), send_task("Wait")};
	cr_expect(!is_answered(waits[0]) && !is_answered(waits[1]));
	const uint32_t end = send_sandbox("ShutdownSandbox", "s");
	expect_ok(answer(end));
	expect_ok(answer(waits[0]));
	expect_ok(answer(waits[1]));
	expect_ok(answer(send_task("Delete")));
}

/* A shim with a container of its own is not a pod's. */
Test(shim_sandbox, containers_without_one)
{
	expect_ok(create_container());
	expect_code(create_sandbox("s", dir, NULL), TTRPC_FAILED_PRECONDITION,
		    "containers without one");
	expect_code(ask("ShutdownSandbox"), TTRPC_NOT_FOUND, "sandbox s");
	expect_ok(answer(send_task("Delete")));
}

Test(shim_sandbox, what_cannot_be_created)
{
	Types__Mount mount = TYPES__MOUNT__INIT, *mounts = &mount;
	Types__Any any = TYPES__ANY__INIT;
	Sandbox__CreateSandboxRequest r = SANDBOX__CREATE_SANDBOX_REQUEST__INIT;
	expect_code(create_sandbox("../s", dir, NULL), TTRPC_INVALID_ARGUMENT,
		    "invalid sandbox id");
	expect_code(create_sandbox("s", "relative", NULL), TTRPC_INVALID_ARGUMENT, "absolute path");
	expect_code(create_sandbox("s", "/not/there", NULL), TTRPC_INTERNAL, "/not/there");
	r.sandbox_id = (char *)"s";
	r.bundle_path = dir;
	r.n_rootfs = 1;
	r.rootfs = &mounts;
	expect_code(answer(request_of(SANDBOX, "CreateSandbox", &r.base)), TTRPC_INVALID_ARGUMENT,
		    "root file system");
	r.n_rootfs = 0;
	r.options = &any;
	any.type_url = (char *)"another";
	any.value.data = (uint8_t *)(uintptr_t) "\xff\xff";
	any.value.len = 2;
	expect_code(answer(request_of(SANDBOX, "CreateSandbox", &r.base)), TTRPC_INVALID_ARGUMENT,
		    "type another");
	any.type_url = (char *)"runtime.v1.PodSandboxConfig";
	expect_code(answer(request_of(SANDBOX, "CreateSandbox", &r.base)), TTRPC_INVALID_ARGUMENT,
		    "malformed");
}

/* Of the CRI's configuration. */
Test(shim_sandbox, namespaces_that_are_refused)
{
	static const struct {
		int network, ipc, pid, user;
		const char *what;
	} cases[] = {
		{.network = 1, .what = "network namespace"},
		{.ipc = 1, .what = "IPC namespace"},
		{.pid = 2, .what = "hostPID"},
		{.user = 0, .what = "hostUsers"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Cri__UserNamespace user = CRI__USER_NAMESPACE__INIT;
		Cri__NamespaceOption n = CRI__NAMESPACE_OPTION__INIT;
		Cri__LinuxSandboxSecurityContext security =
			CRI__LINUX_SANDBOX_SECURITY_CONTEXT__INIT;
		Cri__LinuxPodSandboxConfig l = CRI__LINUX_POD_SANDBOX_CONFIG__INIT;
		Cri__PodSandboxConfig c = CRI__POD_SANDBOX_CONFIG__INIT;
		n.network = cases[i].network;
		n.ipc = cases[i].ipc;
		n.pid = cases[i].pid;
		user.mode = 0;
		if (strcmp(cases[i].what, "hostUsers") == 0)
			n.userns_options = &user;
		security.namespace_options = &n;
		l.security_context = &security;
		c.of_linux = &l;
		expect_code(create_sandbox("s", dir, &c), TTRPC_INVALID_ARGUMENT, cases[i].what);
	}
}

Test(shim_sandbox, its_configuration_is_the_pod_s)
{
	char *servers[] = {(char *)"192.0.2.1"}, *searches[] = {(char *)"example.com"};
	Cri__DNSConfig dns = CRI__DNSCONFIG__INIT;
	Cri__Sysctl sysctl = CRI__SYSCTL__INIT, *sysctls = &sysctl;
	Cri__LinuxPodSandboxConfig l = CRI__LINUX_POD_SANDBOX_CONFIG__INIT;
	Cri__PodSandboxConfig c = CRI__POD_SANDBOX_CONFIG__INIT;
	char text[200];
	dns.n_servers = dns.n_searches = 1;
	dns.servers = servers;
	dns.searches = searches;
	sysctl.name = (char *)"kernel.shmmni";
	sysctl.value = (char *)"77";
	l.n_sysctls = 1;
	l.sysctls = &sysctls;
	l.cgroup_parent = (char *)"/mote-none";
	c.hostname = (char *)"pod-name";
	c.dns_config = &dns;
	c.of_linux = &l;
	expect_ok(create_sandbox("s", dir, &c));
	FILE *f = fopen(at(POD_FILES_DIR "/resolv.conf"), "r");
	cr_assert(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	cr_expect_str_eq(text, "search example.com\nnameserver 192.0.2.1\n");
	started_pid();
	expect_code(ask("SandboxMetrics"), TTRPC_INTERNAL, "mote-none");
	expect_ok(ask("ShutdownSandbox"));
}
